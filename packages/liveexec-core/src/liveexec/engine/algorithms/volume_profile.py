"""Volume profiles: how much is traded in each part of a period, as whole-number weights."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from liveexec.domain import money
from liveexec.domain.market import TradeBar

__all__ = ["recent_profile", "whole_weights"]

# Volumes are counted in units of the last stored place.
_UNIT_PLACES: Final = money.STORED_PLACES


def whole_weights(weights: Sequence[Decimal]) -> tuple[int, ...]:
    """The same proportions in whole numbers; the weights have at most 18 places."""
    return tuple(int(money.MONEY.scaleb(weight, _UNIT_PLACES)) for weight in weights)


def recent_profile(bars: Sequence[TradeBar], now_ns: int, horizon_ns: int, slots: int) -> tuple[int, ...] | None:
    """The shape of the volume traded over the last ``horizon_ns``, in so many equal slots; ``None`` without trades.

    Where trades are known for a shorter time only, that time is stretched over the slots. A bar's volume is spread
    evenly over the time it covers.
    """
    recent = [
        bar for bar in bars if now_ns - horizon_ns < bar.end_ns <= now_ns and bar.start_ns < bar.end_ns and bar.quantity
    ]
    if not recent:
        return None
    first_ns = max(now_ns - horizon_ns, min(bar.start_ns for bar in recent))
    span_ns = max(bar.end_ns for bar in recent) - first_ns
    weights = [0] * slots
    for bar, volume in zip(recent, whole_weights([bar.quantity for bar in recent]), strict=True):
        # In units of a slot-th of a nanosecond slot edges are whole numbers: slot i is [i * span, (i + 1) * span).
        begin, end = max(bar.start_ns - first_ns, 0) * slots, (bar.end_ns - first_ns) * slots
        length = (bar.end_ns - bar.start_ns) * slots
        for slot in range(begin // span_ns, (end - 1) // span_ns + 1):
            covered = min(end, (slot + 1) * span_ns) - max(begin, slot * span_ns)
            weights[slot] += volume * covered // length
    return tuple(weights) if any(weights) else None
