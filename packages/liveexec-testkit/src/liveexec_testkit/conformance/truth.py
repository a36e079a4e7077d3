"""How what an adapter tells is compared with what the venue knows."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from liveexec.domain.fill import Fill, Liquidity
from liveexec.domain.money import ZERO
from liveexec.domain.outcome import FillReport

__all__ = ["fill_differences", "quantity_of"]


def fill_differences(told: Iterable[Fill], true: Iterable[Fill], *, whole: bool = False) -> list[str]:
    """Every fill that only one side has; equal fills are counted, not merged. What is compared is what was traded:
    instrument, side, quantity and price; with ``whole`` everything that the venue said of it."""
    told, true = list(told), list(true)
    # A venue that does not say who took leaves that open on both sides.
    says_who = all(fill.liquidity is not Liquidity.UNKNOWN for fill in (*told, *true))
    ours = Counter(_facts(fill, whole=whole, says_who=says_who) for fill in told)
    theirs = Counter(_facts(fill, whole=whole, says_who=says_who) for fill in true)
    found = [f"told {number}x, the venue has it less often: {_shown(each)}" for each, number in (ours - theirs).items()]
    found += [
        f"the venue has it {number}x more than was told: {_shown(each)}" for each, number in (theirs - ours).items()
    ]
    return found


def quantity_of(reports: Iterable[FillReport]) -> Decimal:
    """The sum of the quantities."""
    return sum((report.fill.quantity for report in reports), ZERO)


def _facts(fill: Fill, *, whole: bool, says_who: bool) -> tuple[Any, ...]:
    """What a fill says, whatever it is called. Times are told apart to the millisecond, in which venues count."""
    facts = (fill.instrument_id, str(fill.side), fill.quantity, fill.price)
    if not whole:
        return facts
    who = str(fill.liquidity) if says_who else ""
    return (*facts, fill.fee, fill.fee_asset, fill.venue_time_ns // 1_000_000, who)


def _shown(facts: tuple[Any, ...]) -> str:
    return " ".join(str(each) for each in facts)
