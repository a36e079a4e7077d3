"""liveexec's test kit: the conformance cases that every adapter passes, and the simulator that the library is proved
with.

Names are loaded when they are first used: the simulator needs no pytest, and the cases no simulator.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from liveexec_testkit.conformance.harness import TradedInstrument, VenueHarness
    from liveexec_testkit.conformance.suite import AdapterConformance

__all__ = ["AdapterConformance", "TradedInstrument", "VenueHarness"]

_HOMES: Final = {
    "AdapterConformance": "liveexec_testkit.conformance.suite",
    "TradedInstrument": "liveexec_testkit.conformance.harness",
    "VenueHarness": "liveexec_testkit.conformance.harness",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
