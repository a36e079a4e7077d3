"""Reading a configuration's JSON: strictly, since a document that says something twice says something else."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from liveexec.errors import ConfigurationError, Fault

__all__ = ["Document", "parse_document", "read_document"]

#: A JSON object. Numbers with a fraction are ``Decimal``.
Document = dict[str, Any]

_MOST_BYTES: Final = 4 * 1024 * 1024
_DEEPEST: Final = 32


def read_document(path: Path) -> Document:
    """The JSON object that a file holds.

    Raises:
        ConfigurationError: it can't be read, or is no such object.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigurationError(str(path), [Fault("", f"is larger than {_MOST_BYTES} bytes")])
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(str(path), [Fault("", "there is no such file")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(path), [Fault("", f"can't be read: {error}")]) from None
    return parse_document(text, str(path))


def parse_document(text: str, what: str = "configuration") -> Document:
    """The JSON object that a text holds.

    Raises:
        ConfigurationError: it is no JSON, no object, has a key twice, or a number that is none.
    """
    faults: list[Fault] = []

    def once(pairs: list[tuple[str, Any]]) -> Document:
        found: Document = {}
        for key, value in pairs:
            if key in found:
                faults.append(Fault(key, "is there twice"))
            found[key] = value
        return found

    def never(name: str) -> None:
        faults.append(Fault("", f"{name} is no number"))

    try:
        document = json.loads(text, object_pairs_hook=once, parse_float=Decimal, parse_constant=never)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigurationError(what, [Fault("", f"is no JSON: {error.msg} at {place}")]) from None
    except (RecursionError, ValueError):
        raise ConfigurationError(
            what, [Fault("", "is no JSON that can be read: too deep, or a number too long")]
        ) from None
    if not isinstance(document, dict):
        raise ConfigurationError(what, [Fault("", "must be a JSON object")])
    if _depth(document) > _DEEPEST:
        faults.append(Fault("", f"is nested deeper than {_DEEPEST} levels"))
    if faults:
        raise ConfigurationError(what, faults)
    return document


def _depth(value: object) -> int:
    deepest, level = 0, [value]
    while level and deepest <= _DEEPEST:
        deepest += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return deepest
