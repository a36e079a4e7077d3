"""How orders that leave the venue open are routed. Plain values, checked in full when they are built."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from attrs import field, frozen

from liveexec.domain.ids import VenueName
from liveexec.errors import ConfigurationError, Fault

__all__ = ["PINNED", "RouterConfig"]

#: The policy of orders that name their instrument.
PINNED: Final = "pinned"

_MS: Final = 1_000_000
_S: Final = 1_000 * _MS
_MAX_LATENCY_NS: Final = 600 * _S
_MAX_BOOK_AGE_NS: Final = 3_600 * _S
_MAX_LEGS: Final = 64


@frozen
class RouterConfig:
    """The router's settings.

    ``smart_execution_enabled``: off, a product order goes out only where exactly one venue lists the product.
    ``policy``: who chooses among the venues of a product.
    ``latency_ns``: expected time from decision to the matching engine, by venue; a venue that is not named counts as
    the slowest one that is, so that what is not known is not favoured.
    ``latency_penalty_per_ms``: what a millisecond of it costs, as a fraction of the price.
    ``max_book_age_ns``: an older book prices nothing.
    ``min_slice``: the smallest leg of a split, as a fraction of the order's quantity.
    ``max_legs``: into how many legs an order may be split.

    Raises:
        ConfigurationError: with every fault.
    """

    smart_execution_enabled: bool = True
    policy: str = "best_price"
    latency_ns: Mapping[VenueName, int] = field(factory=lambda: MappingProxyType({}))
    latency_penalty_per_ms: Decimal = Decimal("0.000001")
    max_book_age_ns: int = 5 * _S
    min_slice: Decimal = Decimal("0.05")
    max_legs: int = 4

    def __attrs_post_init__(self) -> None:
        faults = _faults(self)
        if faults:
            raise ConfigurationError("router", faults)

    def latency_of(self, venue: VenueName) -> int:
        """The expected latency of a venue in nanoseconds."""
        known = self.latency_ns.get(venue)
        return known if known is not None else max(self.latency_ns.values(), default=0)


def _faults(config: RouterConfig) -> list[Fault]:
    faults = []
    if not config.policy:
        faults.append(Fault("policy", "must name a routing policy"))
    elif config.policy == PINNED:
        faults.append(Fault("policy", "pinned is for orders that name their instrument; it can't choose a venue"))
    faults += [
        Fault(f"latency_ns.{venue}", f"must be between 0 and {_MAX_LATENCY_NS // _S} seconds")
        for venue, latency_ns in config.latency_ns.items()
        if not 0 <= latency_ns <= _MAX_LATENCY_NS
    ]
    faults += _fraction_faults("latency_penalty_per_ms", config.latency_penalty_per_ms)
    faults += _fraction_faults("min_slice", config.min_slice)
    if not 0 < config.max_book_age_ns <= _MAX_BOOK_AGE_NS:
        faults.append(Fault("max_book_age_ns", f"must be above zero and at most {_MAX_BOOK_AGE_NS // _S} seconds"))
    if not 1 <= config.max_legs <= _MAX_LEGS:
        faults.append(Fault("max_legs", f"must be between 1 and {_MAX_LEGS}"))
    return faults


def _fraction_faults(path: str, value: Decimal) -> list[Fault]:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not 0 <= value <= 1 or exponent < -18:
        return [Fault(path, "must be a fraction between 0 and 1 of at most 18 places")]
    return []
