"""A configuration as a document again: what holds, defaults included, with every secret masked."""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

import attrs

from liveexec.domain import money
from liveexec.domain.secret import HIDDEN, Secret, masked

__all__ = ["differences", "shown"]


def shown(value: Any) -> Any:
    """Any part of a configuration as JSON values; secrets are masked, in texts that hold them too."""
    match value:
        case Secret():
            return HIDDEN
        case Decimal():
            return money.plain(value)
        case Enum():
            return value.value
        case str():
            return masked(value)
        case Mapping():
            return {str(key): shown(each) for key, each in value.items()}
        case list() | tuple():
            return [shown(each) for each in value]
        case frozenset() | set():
            return sorted(shown(each) for each in value)
        case _ if attrs.has(type(value)):
            return {each.name: shown(getattr(value, each.name)) for each in attrs.fields(type(value)) if each.init}
        case _:
            return value


def differences(before: Any, after: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Where two configurations differ: (path, before, after), secrets masked; one that changed says so by its path."""
    if attrs.has(type(before)) and type(before) is type(after):
        names = [each.name for each in attrs.fields(type(before))]
        pairs = [(name, getattr(before, name), getattr(after, name)) for name in names]
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = [*before, *(key for key in after if key not in before)]
        pairs = [(str(key), before.get(key), after.get(key)) for key in keys]
    elif before == after:
        return []
    else:
        return [(path, shown(before), shown(after))]
    found = []
    for name, old, new in pairs:
        found += differences(old, new, f"{path}.{name}" if path else name)
    return found
