"""One connected adapter, how a case asks it for orders, and what it says."""

from collections.abc import Coroutine, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import anyio
from attrs import define, evolve

from liveexec.domain.ids import VenueOrderId
from liveexec.domain.instrument import Listing
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    Accepted,
    CumulativeFill,
    FillReport,
    OrderRef,
    OrderReport,
    Rejected,
    SendOutcome,
    SendPlan,
    Unknown,
    VenueOrderStatus,
)
from liveexec.plugins.adapter import ExternalAdapter, Replaces, VenueOrder
from liveexec.runtime.order_ids import new_order_id
from liveexec_testkit.conformance.harness import TradedInstrument
from liveexec_testkit.conformance.heard import Heard, names
from liveexec_testkit.conformance.polled import fills_since

if TYPE_CHECKING:
    from liveexec_testkit.conformance.trial import Trial

__all__ = ["Line", "Placed", "stepped"]

#: How long the requests of a case are valid. Nanoseconds.
_VALID_NS: Final = 60_000_000_000


@define(eq=False)
class Placed:
    """An order that was asked for, and what was said about it at once."""

    order: VenueOrder
    plan: SendPlan
    outcome: SendOutcome
    venue_order_id: VenueOrderId | None

    @property
    def ref(self) -> OrderRef:
        """The order by every name that is known."""
        return OrderRef(
            self.order.account_id,
            self.order.instrument_id,
            self.plan.client_order_id,
            self.venue_order_id,
            self.plan.refs,
        )

    @property
    def ref_by_client_id(self) -> OrderRef:
        """The order by our name alone: all that is known after a lost answer."""
        return OrderRef(
            self.order.account_id, self.order.instrument_id, self.plan.client_order_id, None, self.plan.refs
        )


class Line:
    """One connected adapter and what it reports."""

    def __init__(self, trial: "Trial", adapter: ExternalAdapter, heard: Heard, listings: dict[str, Listing]) -> None:
        self.trial, self.adapter, self.heard, self.listings = trial, adapter, heard, listings

    @property
    def listing(self) -> Listing:
        """The usual instrument's."""
        return self.listings[self.trial.usual.instrument_id]

    def order(
        self,
        side: Side = Side.BUY,
        ticks: int = -20,
        *,
        quantity: Decimal | None = None,
        on: TradedInstrument | None = None,
        **changes: Any,
    ) -> VenueOrder:
        """A limit GTC order ``ticks`` from the instrument's price; ``changes`` override fields."""
        instrument = on if on is not None else self.trial.usual
        values: dict[str, Any] = {
            "order_id": new_order_id(self.trial.venue.clock),
            "account_id": self.trial.venue.account_id,
            "instrument_id": instrument.instrument_id,
            "operation": Operation.TRADE,
            "side": side,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "quantity": quantity if quantity is not None else instrument.quantity,
            "price": stepped(self.listings[instrument.instrument_id], instrument.price, ticks),
        }
        return VenueOrder(**(values | changes))

    async def plan(self, order: VenueOrder, attempt: int = 1) -> SendPlan:
        """What the venue will know the order by, as the engine fixes it."""
        valid_until_ns = self.trial.venue.clock.now_ns() + _VALID_NS
        rule = self.adapter.manifest.client_id
        if rule is None:
            return await self.adapter.prepare(order, attempt, valid_until_ns)
        return SendPlan(rule.client_order_id(order.order_id, attempt), valid_until_ns)

    async def submit(self, order: VenueOrder, plan: SendPlan | None = None) -> Placed:
        """Send an order as the runtime does: an exception, or no answer in time, is ``Unknown``."""
        plan = plan if plan is not None else await self.plan(order)
        outcome = await self._ask(self.adapter.submit(order, plan))
        placed = Placed(order, plan, outcome, outcome.venue_order_id if isinstance(outcome, Accepted) else None)
        if not isinstance(outcome, Rejected):
            self.heard.expect(placed.ref)
        return placed

    async def place(self, order: VenueOrder | None = None) -> Placed:
        """Send an order that has to be taken, and wait until the venue's name of it is known."""
        placed = await self.submit(order if order is not None else self.order())
        self._not_refused(placed)
        if placed.venue_order_id is None:
            await self.heard.until(
                f"a report that names the venue's id of {placed.plan.client_order_id}",
                lambda: self._venue_id(placed) is not None,
            )
            placed.venue_order_id = self._venue_id(placed)
        return placed

    async def place_all(self, orders: Sequence[VenueOrder]) -> list[Placed]:
        """:meth:`place` for all of them at the same time."""
        found: list[Placed | None] = [None] * len(orders)

        async def one(index: int) -> None:
            found[index] = await self.place(orders[index])

        async with anyio.create_task_group() as group:
            for index in range(len(orders)):
                group.start_soon(one, index)
        return [each for each in found if each is not None]

    async def report_of(self, placed: Placed, *statuses: VenueOrderStatus) -> OrderReport:
        """Wait for an order report with one of these statuses."""
        await self.heard.until(
            f"{' or '.join(statuses)} of {placed.plan.client_order_id}", lambda: self._reports(placed, statuses)
        )
        return self._reports(placed, statuses)[-1]

    def ends_of(self, placed: Placed) -> list[OrderReport]:
        """What was heard until now that says that an order has ended."""
        of = self.heard.of(placed.plan.client_order_id, placed.venue_order_id)
        return [each for each in of if not each.status.is_open]

    async def end_of(self, placed: Placed) -> Rejected | OrderReport:
        """Wait until an order has ended: refused at once, or by a report with a terminal status."""
        if isinstance(placed.outcome, Rejected):
            return placed.outcome
        return await self.report_of(placed, *(each for each in VenueOrderStatus if not each.is_open))

    async def filled(self, placed: Placed) -> None:
        """Wait until an order was told to be filled: by its fills, by their total, or by a report (venues need not send
        one then)."""

        def is_told() -> bool:
            of = [
                each.fill.quantity
                for each in self.heard.distinct_fills.values()
                if names(each, placed.plan.client_order_id, placed.venue_order_id)
            ]
            totals = [
                each.quantity
                for each in self.heard.items
                if isinstance(each, CumulativeFill) and names(each, placed.plan.client_order_id, placed.venue_order_id)
            ]
            reports = self._reports(placed, (VenueOrderStatus.FILLED,))
            return bool(reports) or max(sum(of, ZERO), *totals, ZERO) >= placed.order.quantity

        await self.heard.until(f"{placed.plan.client_order_id} to be filled", is_told)

    async def fills_of(self, placed: Placed, quantity: Decimal) -> list[FillReport]:
        """Wait until so much of an order was reported as filled; its fills, each once."""

        def found() -> list[FillReport]:
            of = [
                each
                for each in self.heard.distinct_fills.values()
                if names(each, placed.plan.client_order_id, placed.venue_order_id)
            ]
            return of if sum((each.fill.quantity for each in of), ZERO) >= quantity else []

        await self.heard.until(f"fills of {quantity} of {placed.plan.client_order_id}", found)
        return found()

    async def fills_since(self, since_ns: int) -> list[FillReport]:
        """All fills since a venue time, page after page where they are cut off, as the runtime fetches them.

        Raises:
            AssertionError: an incomplete answer brings nothing newer, so that the rest can't be fetched.
        """
        return await fills_since(self.adapter, self.trial.venue.account_id, since_ns)

    async def cancel(self, placed: Placed, ref: OrderRef | None = None) -> SendOutcome:
        """Ask for an order's cancel as the runtime does."""
        return await self._ask(self.adapter.cancel(ref if ref is not None else placed.ref))

    async def replace(
        self, placed: Placed, *, quantity: Decimal | None = None, ticks: int | None = None, filled: Decimal = ZERO
    ) -> tuple[SendOutcome, VenueOrder, SendPlan]:
        """Ask for other terms of an order: the outcome, the new terms, and the plan that the change was sent with."""
        assert isinstance(self.adapter, Replaces), "a case that replaces needs the ability"
        order = evolve(placed.order)
        if quantity is not None:
            order.quantity = quantity
        if ticks is not None:
            instrument = self.trial.instrument(order.instrument_id)
            order.price = stepped(self.listings[order.instrument_id], instrument.price, ticks)
        plan = await self.plan(order, attempt=2)
        return await self._ask(self.adapter.replace(placed.ref, order, plan, filled)), order, plan

    async def _ask(self, request: Coroutine[Any, Any, SendOutcome]) -> SendOutcome:
        outcome: SendOutcome = Unknown("given up after the harness's answer_timeout_s")
        with anyio.move_on_after(self.trial.venue.answer_timeout_s):
            try:
                outcome = await request
            except Exception as error:  # noqa: BLE001  (an exception out of a request counts as Unknown)
                outcome = Unknown(f"{type(error).__name__}: {error}")
        return outcome

    def _reports(self, placed: Placed, statuses: tuple[VenueOrderStatus, ...]) -> list[OrderReport]:
        of = self.heard.of(placed.plan.client_order_id, placed.venue_order_id)
        return [each for each in of if each.status in statuses]

    def _venue_id(self, placed: Placed) -> VenueOrderId | None:
        for each in self.heard.of(placed.plan.client_order_id, None):
            if each.venue_order_id is not None:
                return each.venue_order_id
        return None

    @staticmethod
    def _not_refused(placed: Placed) -> None:
        assert not isinstance(placed.outcome, Rejected | Unknown), (
            f"an order that the venue takes was answered with {placed.outcome}"
        )


def stepped(listing: Listing, price: Decimal, ticks: int) -> Decimal:
    """The price so many ticks above (below, for a negative number) one that is on tick."""
    for _ in range(abs(ticks)):
        tick = listing.ticks.band_at(price).tick
        price = listing.ticks.round_up(price + tick) if ticks > 0 else listing.ticks.round_down(price - tick)
    return price
