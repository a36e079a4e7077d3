"""What a run is about, as plain data: the adapter, its manifest, the versions. It travels with each test's report."""

import platform
from functools import cache
from importlib import metadata
from inspect import isabstract
from typing import Any, Final

import attrs

from liveexec.plugins import adapter as contract
from liveexec.plugins.adapter import API_VERSION, ExternalAdapter
from liveexec_testkit.conformance.harness import VenueHarness

__all__ = ["SUBJECT_PROPERTY", "subject_of"]

#: The name of the user property of a test's report that holds the subject.
SUBJECT_PROPERTY: Final = "liveexec-subject"


def subject_of(venue: VenueHarness, adapter: ExternalAdapter) -> dict[str, Any]:
    """The harness, the adapter's class and abilities, its manifest and the versions of what they run on."""
    kind = type(adapter)
    return {
        "harness": venue.title,
        "adapter": f"{kind.__module__}.{kind.__qualname__}",
        "abilities": [each.__name__ for each in _abilities() if isinstance(adapter, each)],
        "manifest": _plain(attrs.asdict(adapter.manifest)),
        "versions": dict(_versions()),
    }


@cache
def _versions() -> dict[str, str]:
    """Of what the adapter runs on. Read once: they stand in files."""
    return {
        "liveexec-core": metadata.version("liveexec-core"),
        "liveexec-testkit": metadata.version("liveexec-testkit"),
        "plugin API": ".".join(map(str, API_VERSION)),
        "python": platform.python_version(),
    }


def _abilities() -> list[type]:
    """Every capability of the contract: each is an ABC of its own beside the adapter's."""
    named = (getattr(contract, name) for name in contract.__all__)
    return [each for each in named if isabstract(each) and each is not ExternalAdapter]


def _plain(value: Any) -> Any:
    """The same for JSON, sets sorted."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(str(each) for each in value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)
