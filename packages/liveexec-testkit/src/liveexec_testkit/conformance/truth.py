"""How what an adapter tells is compared with what the venue knows."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from liveexec.domain.fill import Fill, Liquidity
from liveexec.domain.money import ZERO
from liveexec.domain.outcome import FillReport

__all__ = ["fill_differences", "quantity_of"]


def _facts(fill: Fill, *, liquidity: bool) -> tuple[Any, ...]:
    """What a fill says, whatever it is called. Times are told apart to the millisecond, in which venues count."""
    return (
        fill.instrument_id,
        str(fill.side),
        fill.quantity,
        fill.price,
        fill.fee,
        fill.fee_asset,
        fill.venue_time_ns // 1_000_000,
        str(fill.liquidity) if liquidity else "",
    )


def fill_differences(told: Iterable[Fill], true: Iterable[Fill]) -> list[str]:
    """Every fill that only one side has, or that both have with other words; equal fills are counted, not merged."""
    told, true = list(told), list(true)
    # A venue that does not say who took leaves that open on both sides.
    said = all(fill.liquidity is not Liquidity.UNKNOWN for fill in (*told, *true))
    ours = Counter(_facts(fill, liquidity=said) for fill in told)
    theirs = Counter(_facts(fill, liquidity=said) for fill in true)
    found = [
        f"told {number}x, and the venue knows nothing of it: {_shown(fill)}" for fill, number in (ours - theirs).items()
    ]
    found += [
        f"the venue has it {number}x, and it was not told: {_shown(fill)}" for fill, number in (theirs - ours).items()
    ]
    return found


def quantity_of(reports: Iterable[FillReport]) -> Decimal:
    """The sum of the quantities."""
    return sum((report.fill.quantity for report in reports), ZERO)


def _shown(facts: tuple[Any, ...]) -> str:
    return " ".join(str(each) for each in facts)
