"""One case's run: the venue, the adapters that it takes from it, and how it asks them for orders."""

from contextlib import AsyncExitStack
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self

import anyio
from attrs import define

from liveexec.domain.ids import VenueOrderId
from liveexec.domain.instrument import Listing
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    Accepted,
    OrderRef,
    OrderReport,
    Rejected,
    SendOutcome,
    SendPlan,
    Unknown,
    VenueOrderStatus,
)
from liveexec.plugins.adapter import ExternalAdapter, VenueOrder
from liveexec.runtime.order_ids import new_order_id
from liveexec_testkit.conformance.harness import TradedInstrument, VenueHarness
from liveexec_testkit.conformance.heard import Heard

__all__ = ["Line", "Placed", "Trial", "stepped"]

_SECOND_NS: Final = 1_000_000_000
#: How long the requests of a case are valid.
_VALID_NS: Final = 60 * _SECOND_NS


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
        outcome: SendOutcome = Unknown("given up after the harness's answer_timeout_s")
        with anyio.move_on_after(self.trial.venue.answer_timeout_s):
            try:
                outcome = await self.adapter.submit(order, plan)
            except Exception as error:  # noqa: BLE001  (an exception out of submit counts as Unknown)
                outcome = Unknown(f"{type(error).__name__}: {error}")
        return Placed(order, plan, outcome, outcome.venue_order_id if isinstance(outcome, Accepted) else None)

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

    async def report_of(self, placed: Placed, *statuses: VenueOrderStatus) -> OrderReport:
        """Wait for an order report with one of these statuses."""
        found = self._reports(placed, statuses)
        if not found:
            await self.heard.until(
                f"{' or '.join(statuses)} of {placed.plan.client_order_id}",
                lambda: self._reports(placed, statuses),
            )
            found = self._reports(placed, statuses)
        return found[-1]

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


class Trial:
    """The venue of one case, and everything that the case takes from it; all of it is given back at the end."""

    def __init__(self, venue: VenueHarness) -> None:
        self.venue = venue
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self._stack.aclose()

    @property
    def usual(self) -> TradedInstrument:
        """The instrument that most cases trade."""
        return self.venue.instruments[0]

    async def line(self, adapter: ExternalAdapter | None = None) -> Line:
        """A connected adapter (a new one unless one is given), its reports read from now on."""
        adapter = adapter if adapter is not None else self.venue.adapter()
        self._stack.push_async_callback(adapter.disconnect)
        await adapter.connect()
        listings = {str(each.instrument_id): each for each in await adapter.listings()}
        heard = Heard(adapter.reports(), self.venue.patience_s)
        self._stack.push_async_callback(heard.close)
        return Line(self, adapter, heard, listings)


def stepped(listing: Listing, price: Decimal, ticks: int) -> Decimal:
    """The price so many ticks above (below, for a negative number) one that is on tick."""
    for _ in range(abs(ticks)):
        tick = listing.ticks.band_at(price).tick
        price = listing.ticks.round_up(price + tick) if ticks > 0 else listing.ticks.round_down(price - tick)
    return price
