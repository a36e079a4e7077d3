"""Messages that the real venues sent, and what of ours has another shape: field names and JSON types."""

import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

__all__ = ["differences", "recorded"]

#: Beside the checkout, where there is any.
FOLDER: Final = (
    Path(os.environ.get("LIVEEXEC_TEST_DATA", Path(__file__).parents[5] / "shared" / "data")) / "venue_payloads"
)


def recorded(venue: str, name: str) -> Any:
    """A recorded message; skips the test where there is none."""
    path = FOLDER / venue / f"{name}.json"
    if not path.exists():
        pytest.skip(f"the recorded messages are not here ({path})")
    return json.loads(path.read_text(encoding="utf-8"))


def differences(ours: Any, theirs: Any, *, more: Collection[str] = (), less: Collection[str] = ()) -> list[str]:
    """Where our message is not shaped as theirs: a field that lacks or is too many, or another type.

    ``more`` are fields that the venue documents and the recording lacks, ``less`` those that it no longer sends.
    Elements of lists are held to all that the recorded elements show together; null stands for any type.
    """
    return list(_differences("", ours, [theirs], set(more), set(less)))


def _differences(path: str, ours: Any, theirs: list[Any], more: set[str], less: set[str]) -> Iterator[str]:
    known = [each for each in theirs if each is not None]
    if ours is None or not known:
        return
    kinds = {_kind(each) for each in known}
    if _kind(ours) not in kinds:
        yield f"{path}: {_kind(ours)} instead of {', '.join(sorted(kinds))}"
    elif isinstance(ours, dict):
        objects = [each for each in known if isinstance(each, dict)]
        always = set.intersection(*(set(each) for each in objects))
        ever = set().union(*objects)
        yield from (f"{path}.{name}: lacks" for name in sorted(always - set(ours) - less))
        yield from (f"{path}.{name}: too many" for name in sorted(set(ours) - ever - more))
        for name in sorted(set(ours) & ever):
            yield from _differences(f"{path}.{name}", ours[name], [each.get(name) for each in objects], more, less)
    elif isinstance(ours, list):
        elements = [element for each in known for element in each]
        for element in ours:
            yield from _differences(f"{path}[]", element, elements, more, less)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "object" if isinstance(value, dict) else "list"
