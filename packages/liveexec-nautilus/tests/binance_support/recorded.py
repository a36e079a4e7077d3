"""Recorded payloads of Binance, and what of a message differs from them: field names and JSON types."""

import os
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec
import pytest

__all__ = ["differences", "recorded"]

#: Beside the project's folder, where it is at all, or where the variable says.
_DATA = Path(os.environ.get("LIVEEXEC_TEST_DATA", Path(__file__).parents[5] / "shared" / "data"))
_ROOT = _DATA / "venue_payloads" / "binance"


def recorded(name: str) -> Any:
    """The payload of this name; skips where the recorded payloads are not here."""
    if not _ROOT.is_dir():
        pytest.skip(f"recorded payloads of Binance are not at {_ROOT}")
    return msgspec.json.decode((_ROOT / name).read_bytes())


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Every field that is missing (``-``), that is more (``+``), or that has another type (``!``).

    Lists are compared with the first element that was recorded. Text that is a number has to be one in ours.
    """
    if isinstance(theirs, dict) and isinstance(ours, dict):
        yield from (f"-{path}{name}" for name in theirs if name not in ours)
        yield from (f"+{path}{name}" for name in ours if name not in theirs)
        for name in theirs:
            if name in ours:
                yield from differences(ours[name], theirs[name], f"{path}{name}.")
    elif isinstance(theirs, list) and isinstance(ours, list):
        if not ours and theirs:
            yield f"!{path}empty"
        for each in ours if theirs else ():
            yield from differences(each, theirs[0], path)
    elif type(ours) is not type(theirs) or (_is_number(theirs) and not _is_number(ours)):
        yield f"!{path.rstrip('.')} {ours!r} is not like {theirs!r}"


def _is_number(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        Decimal(value)
    except InvalidOperation:
        return False
    return True
