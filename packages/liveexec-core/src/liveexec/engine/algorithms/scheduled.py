"""Working a schedule of slices: what TWAP and VWAP share. They differ only in the weights of their slots.

Each slot's slice goes out when the slot begins, as an order that takes at once: at the market, or up to the parent's
limit. One spawn per slot; what a slice did not fill counts as missed, like a slice that was due while the process was
down. At the horizon's end the rest goes out as one last slice (not with ``catch_up`` skip), once it is known what
became of those before it, and the parent ends when no child is open. A rest below the minimum quantity can't be sent:
the parent ends with what it has.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import frozen

from liveexec.domain import money
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.algorithm import Action, ChildView, Finish, FixSchedule, ParentView, Spawn, WakeAt
from liveexec.engine.algorithms import family
from liveexec.engine.algorithms.parameters import ParameterReader
from liveexec.engine.algorithms.schedule import SliceSchedule, cumulative_targets

__all__ = ["MAX_HORIZON_S", "MAX_SLOTS", "MIN_INTERVAL_S", "CatchUp", "Pacing", "ScheduledSlices", "read_pacing"]

MAX_HORIZON_S: Final = Decimal(7 * 86_400)
MIN_INTERVAL_S: Final = Decimal("0.1")
MAX_SLOTS: Final = 10_000

_REFUSED: Final = (OrderStatus.REJECTED,)


class CatchUp(StrEnum):
    """What becomes of missed quantity: spread over the slots that remain, or never made up for."""

    SPREAD = "spread"
    SKIP = "skip"


@frozen
class Pacing:
    """How slices are paced. ``catch_up_cap`` bounds a slice that catches up, as a multiple of the slot's own."""

    catch_up: CatchUp
    catch_up_cap: Decimal
    max_rejects: int


def read_pacing(reader: ParameterReader) -> Pacing:
    """The parameters that all scheduled algorithms have: ``catch_up``, ``catch_up_cap`` and ``max_rejects``."""
    catch_up = CatchUp(reader.choice("catch_up", tuple(CatchUp), CatchUp.SPREAD))
    if catch_up is CatchUp.SKIP and reader.has("catch_up_cap"):
        reader.fault("catch_up_cap", "contradicts catch_up skip, which makes up for nothing")
    cap = reader.number("catch_up_cap", Decimal(1), Decimal(1_000), Decimal(3))
    return Pacing(catch_up, cap, reader.whole("max_rejects", 1, 100, family.DEFAULT_MAX_REJECTS))


class ScheduledSlices(ABC):
    """The half of an execution algorithm that works the schedule; see the module."""

    wants_market = False

    @abstractmethod
    def pacing(self, view: ParentView) -> Pacing:
        """How the parent's parameters pace it."""

    @abstractmethod
    def slots(self, view: ParentView) -> tuple[int, int, Sequence[int]] | Finish:
        """Horizon and interval in nanoseconds, and a weight for each slot; or why the parent can't start."""

    def start(self, view: ParentView) -> Sequence[Action]:
        """Fix the schedule and send the first slice."""
        refusal = family.size_refusal(view)
        if refusal:
            return refusal
        slots = self.slots(view)
        if isinstance(slots, Finish):
            return [slots]
        horizon_ns, interval_ns, weights = slots
        schedule = SliceSchedule(
            start_ns=view.now_ns,
            end_ns=view.now_ns + horizon_ns,
            interval_ns=interval_ns,
            lot=view.lot,
            targets=cumulative_targets(view.quantity, view.lot, view.min_quantity, weights),
        )
        return [FixSchedule(schedule.as_json()), *_next_actions(view, self.pacing(view), schedule)]

    def on_timer(self, view: ParentView) -> Sequence[Action]:
        """Send what is due, or wait for what comes next."""
        if view.schedule is None:
            return self.start(view)
        return _next_actions(view, self.pacing(view), SliceSchedule.from_json(view.schedule))

    def on_child(self, view: ParentView, _child: ChildView) -> Sequence[Action]:
        """The same as when the timer rings: everything follows from the view."""
        return self.on_timer(view)

    def on_market(self, _view: ParentView) -> Sequence[Action]:
        """The schedule does not depend on the market."""
        return ()

    def on_cancel(self, view: ParentView) -> Sequence[Action]:
        """Cancel what is open and end when it is gone."""
        return family.wind_down(view, Resolution.CANCELED, None, f"canceled; {family.progress(view)}")


def _next_actions(view: ParentView, pacing: Pacing, schedule: SliceSchedule) -> list[Action]:
    if view.is_canceling:
        return family.wind_down(view, Resolution.CANCELED, None, f"canceled; {family.progress(view)}")
    if view.filled >= view.quantity:
        return family.wind_down(view, Resolution.FILLED, None, family.progress(view))
    refusals = family.unfilled_in_a_row(view.children, _REFUSED)
    if refusals >= pacing.max_rejects:
        return family.given_up(view, refusals)
    if view.now_ns >= schedule.end_ns:
        return _closing_actions(view, pacing, schedule)
    slot = schedule.slot_at(view.now_ns)
    next_ns = schedule.begins_at_ns(slot + 1)
    if _was_sent_since(view, schedule.begins_at_ns(slot)):
        return [WakeAt(next_ns)]
    quantity = family.fitted(view, _due(view, pacing, schedule, slot))
    if not quantity:
        return [WakeAt(next_ns)]
    retry_ns = family.retry_at_ns(view, _REFUSED)
    if view.now_ns < retry_ns:
        return [WakeAt(min(retry_ns, next_ns))]
    return [_slice(view, quantity), WakeAt(next_ns)]


def _closing_actions(view: ParentView, pacing: Pacing, schedule: SliceSchedule) -> list[Action]:
    if family.any_open(view):
        # What it does not fill belongs to the last slice, of which there is only one.
        return []
    if pacing.catch_up is CatchUp.SPREAD and not _was_sent_since(view, schedule.end_ns):
        rest = family.fitted(view, view.unallocated)
        retry_ns = family.retry_at_ns(view, _REFUSED)
        if rest and view.now_ns < retry_ns:
            return [WakeAt(retry_ns)]
        if rest:
            return [_slice(view, rest)]
    return [Finish(Resolution.EXPIRED, "HORIZON_ENDED", f"the horizon ended with {family.progress(view)}")]


def _due(view: ParentView, pacing: Pacing, schedule: SliceSchedule, slot: int) -> Decimal:
    """What the slot's slice should be: its own part, and what is caught up with it."""
    before, target = schedule.target(slot - 1), schedule.target(slot)
    own = target - before
    if not own:
        return ZERO
    allocated = view.filled + view.live
    missed = before - allocated
    if missed <= 0:
        return target - allocated
    match pacing.catch_up:
        case CatchUp.SKIP:
            return own
        case CatchUp.SPREAD:
            # In proportion to what the remaining slots send anyway, so the last of them takes all that is left.
            share = money.floor_to(money.divide(missed * own, schedule.total - before), view.lot)
            return min(own + share, money.floor_to(own * pacing.catch_up_cap, view.lot))


def _was_sent_since(view: ParentView, at_ns: int) -> bool:
    """Whether a child was spawned since then that was not refused; the latest children come last."""
    for child in reversed(view.children):
        if child.created_at_ns < at_ns:
            return False
        if not child.is_refused:
            return True
    return False


def _slice(view: ParentView, quantity: Decimal) -> Spawn:
    if view.limit_price is None:
        return Spawn(quantity, OrderType.MARKET, None, TimeInForce.IOC)
    return Spawn(quantity, OrderType.LIMIT, view.limit_price, TimeInForce.IOC)
