"""Checks of single fields: what is wrong with one value, whatever type it turns out to have.

Each returns faults and never raises, so that an input gets one error that names everything. Faults never quote a value
at length, and quote text escaped, so that no input can break or flood a log.
"""

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec

from liveexec.domain import money
from liveexec.errors import Fault

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "MAX_DOCUMENT_DEPTH",
    "MAX_NAME",
    "amount_faults",
    "deltas_faults",
    "document_faults",
    "flag_faults",
    "integer_faults",
    "member_faults",
    "name_faults",
    "plain_document",
    "shown",
    "text_faults",
]

#: Bounds of free text, so that no caller can fill the journal: names, and whole documents as JSON.
MAX_NAME: Final = 128
MAX_DOCUMENT_BYTES: Final = 16_384
#: Levels of objects and arrays in a document: far below what PostgreSQL's and Python's own parsers take.
MAX_DOCUMENT_DEPTH: Final = 32

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}", re.ASCII)
#: Control characters (NUL among them, which PostgreSQL can't keep) and lone surrogates (which have no UTF-8).
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: What text in a document must not hold; line breaks and tabs are fine there.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_ENCODER: Final = msgspec.json.Encoder()


def shown(value: object) -> str:
    """A value as a fault quotes it: text cut and escaped, of everything else its type."""
    return repr(value[:60]) if isinstance(value, str) else type(value).__name__


def member_faults(path: str, value: object, kind: type[StrEnum]) -> list[Fault]:
    """Whether the value is a member of a closed enum; its text alone is not."""
    if isinstance(value, kind):
        return []
    return [Fault(path, f"must be a {kind.__name__} ({', '.join(kind)}), not {shown(value)}")]


def flag_faults(path: str, value: object) -> list[Fault]:
    """Whether the value is a bool."""
    return [] if isinstance(value, bool) else [Fault(path, f"must be true or false, not {shown(value)}")]


def integer_faults(path: str, value: object, low: int, high: int, meaning: str) -> list[Fault]:
    """Whether the value is ``None`` or a whole number from ``low`` to ``high``, both included."""
    if value is None:
        return []
    if not isinstance(value, int) or isinstance(value, bool):
        return [Fault(path, f"must be a whole number, not {shown(value)}")]
    return [] if low <= value <= high else [Fault(path, meaning)]


def amount_faults(path: str, value: object) -> list[Fault]:
    """Whether the value is ``None`` or a finite amount above zero that the tables can keep."""
    if value is None:
        return []
    if not isinstance(value, Decimal):
        return [Fault(path, f"must be a Decimal, not {shown(value)}")]
    if not value.is_finite():
        return [Fault(path, "must be a finite number")]
    if value <= 0:
        return [Fault(path, "must be above zero")]
    if not money.is_storable(value):
        return [Fault(path, "needs more than 18 digits before or after the point")]
    return []


def name_faults(path: str, value: object) -> list[Fault]:
    """Whether the value is ``None`` or a name: 1 to 128 plain characters."""
    if value is None or (isinstance(value, str) and _NAME.fullmatch(value) is not None):
        return []
    return [Fault(path, f"must have 1 to {MAX_NAME} letters, digits or . _ : @ / + -, not {shown(value)}")]


def text_faults(path: str, value: object) -> list[Fault]:
    """Whether the value is ``None`` or a line of printable text of 1 to 128 characters."""
    if value is None:
        return []
    if not isinstance(value, str):
        return [Fault(path, f"must be text, not {shown(value)}")]
    if not 0 < len(value) <= MAX_NAME:
        return [Fault(path, f"must have 1 to {MAX_NAME} characters")]
    return [Fault(path, "holds a control character or half a character")] if _UNPRINTABLE.search(value) else []


def document_faults(path: str, value: object) -> list[Fault]:
    """Whether the value is ``None`` or an object of JSON's own types and Decimals, small and flat enough to keep."""
    if value is None:
        return []
    if not isinstance(value, Mapping):
        return [Fault(path, f"must be an object with text keys, not {shown(value)}")]
    messages = dict.fromkeys(_document_messages(value))
    if not messages:
        encoded = _ENCODER.encode(plain_document(value))
        if len(encoded) > MAX_DOCUMENT_BYTES:
            messages[_TOO_LARGE] = None
    return [Fault(path, message) for message in messages]


def deltas_faults(path: str, value: object) -> list[Fault]:
    """Whether the value is ``None`` or maps names of assets to finite amounts of any sign that the tables can keep."""
    if value is None:
        return []
    if not isinstance(value, Mapping):
        return [Fault(path, f"must map assets to amounts, not {shown(value)}")]
    if len(value) > _MOST_DELTAS:
        return [Fault(path, f"names {len(value)} assets, at most {_MOST_DELTAS} are taken")]
    faults = []
    for asset, amount in value.items():
        if not isinstance(asset, str) or _NAME.fullmatch(asset) is None:
            faults.append(Fault(path, f"{shown(asset)} is not the name of an asset"))
        elif not isinstance(amount, Decimal) or not money.is_storable(amount):
            faults.append(Fault(f"{path}.{asset}", "must be a finite Decimal of at most 18 + 18 digits"))
    return faults


def plain_document(value: Any) -> Any:
    """A document of its own, in JSON's own types: what the journal gives back. Decimals become their canonical text."""
    if isinstance(value, Decimal):
        return money.canonical(value)
    if isinstance(value, Mapping):
        return {key: plain_document(each) for key, each in value.items()}
    if isinstance(value, _ARRAY):
        return [plain_document(each) for each in value]
    return value


_ARRAY: Final = (list, tuple)
_MOST_DELTAS: Final = 64
_TOO_LARGE: Final = f"has more than {MAX_DOCUMENT_BYTES} bytes as JSON"


def _document_messages(document: Mapping[Any, Any]) -> Iterator[str]:
    # A walk with a stack of its own and two bounds, so that neither depth, size nor a cycle can stop it.
    pending: list[tuple[Any, int]] = [(document, 1)]
    parts = 1
    while pending:
        value, depth = pending.pop()
        if not isinstance(value, Mapping | list | tuple):
            if message := _scalar_message(value):
                yield message
            continue
        parts += len(value)
        if parts > MAX_DOCUMENT_BYTES:
            yield _TOO_LARGE
            return
        if depth > MAX_DOCUMENT_DEPTH:
            yield f"is nested deeper than {MAX_DOCUMENT_DEPTH} levels"
            continue
        if isinstance(value, Mapping):
            yield from (message for key in value if (message := _key_message(key)))
        pending += [(each, depth + 1) for each in (value.values() if isinstance(value, Mapping) else value)]


def _key_message(key: object) -> str | None:
    if not isinstance(key, str):
        return f"must be an object with text keys, not {shown(key)}"
    return _scalar_message(key)


def _scalar_message(value: object) -> str | None:
    match value:
        case None | bool():
            return None
        case str():
            if len(value) > MAX_DOCUMENT_BYTES:
                return _TOO_LARGE
            return (
                "holds a NUL character or half a character, which can't be kept" if _UNSTORABLE.search(value) else None
            )
        case int():
            return None if -(2**63) <= value < 2**63 else "holds a whole number beyond 64 bits"
        case Decimal():
            return None if money.is_storable(value) else "holds an amount that is not finite or beyond 18 + 18 digits"
        case float():
            return None if math.isfinite(value) else "holds a number that is not finite"
        case _:
            return f"holds a {type(value).__name__}, which JSON has no type for"
