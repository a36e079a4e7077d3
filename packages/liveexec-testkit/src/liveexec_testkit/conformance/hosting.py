"""The adapter under the real orchestrator, on the store in memory, compared with the venue's truth."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import anyio

from liveexec.composition import LiveExecutionOrchestrator, build
from liveexec.domain import order_event as ev
from liveexec.domain.fill import Fill, FillKey
from liveexec.domain.ids import OrderId, StrategyId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import OrderReport, VenueOrderStatus
from liveexec.engine.config import EngineConfig, Timing
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.plugins.manager import load_plugins
from liveexec.storage.memory import MemoryStore
from liveexec_testkit.conformance.harness import TradedInstrument
from liveexec_testkit.conformance.line import stepped
from liveexec_testkit.conformance.scripts import Verb
from liveexec_testkit.conformance.trial import Trial
from liveexec_testkit.conformance.truth import fill_differences

__all__ = ["TIMING", "Host", "hosted"]

_MS: Final = 1_000_000
#: Deadlines short enough that a case sees them pass, and long enough that a busy machine keeps them.
TIMING: Final = Timing(
    send_deadline_ns=1_500 * _MS,
    answer_ns=400 * _MS,
    retry_ns=50 * _MS,
    clock_skew_ns=50 * _MS,
    adoption_ns=200 * _MS,
    drift_ns=200 * _MS,
    late_arrival_ns=300 * _MS,
)
#: Accounts are compared with the venue this often while all is well. Real seconds.
_RECONCILE_EVERY_S: Final = 0.12
#: Once all agrees, it has to agree after so many more comparisons: a drift shows at the first that begins so late
#: after the one that found it (``drift_ns``).
_MORE_LOOKS: Final = 4
#: What venues round away of the amounts that they tell.
_BOOKED_TO: Final = Decimal("1e-8")
_STRATEGY: Final = StrategyId("conformance")

#: What the venue's word on an order means for ours.
_STATUSES: Final = {
    VenueOrderStatus.WORKING: (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED),
    VenueOrderStatus.FILLED: (OrderStatus.FILLED,),
    VenueOrderStatus.CANCELED: (OrderStatus.CANCELED,),
    VenueOrderStatus.REJECTED: (OrderStatus.REJECTED, OrderStatus.CANCELED),
    VenueOrderStatus.EXPIRED: (OrderStatus.EXPIRED, OrderStatus.CANCELED),
}
_IN_DOUBT: Final = (OrderStatus.PENDING, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)


class Host:
    """A running orchestrator over one adapter, and how a case speaks to it."""

    def __init__(self, trial: Trial, live: LiveExecutionOrchestrator, store: MemoryStore) -> None:
        self.trial, self.live, self.store = trial, live, store

    @property
    def order_count(self) -> int:
        """How many orders the host asked for."""
        return sum(1 for order in self.live.orders.values() if not order.is_adopted)

    async def submit(
        self,
        side: Side = Side.BUY,
        ticks: int = -20,
        *,
        quantity: Decimal | None = None,
        on: TradedInstrument | None = None,
        **changes: Any,
    ) -> OrderId:
        """Ask for a limit order so many ticks from the price; returns once that is durable."""
        intent = self._intent(side, ticks, quantity=quantity, on=on, **changes)
        with anyio.fail_after(self.trial.venue.patience_s):
            while True:
                await self.active()
                result = await self.live.submit(intent)
                # The session may have been lost in between: then nothing was sent, and it is asked for again.
                if result.status is not OrderStatus.REJECTED or result.rejection_reason != "NO_ROUTE":
                    break
        assert result.status is not OrderStatus.REJECTED, f"refused here: {result.rejection_reason} {result.message}"
        return result.order_id

    async def refused(self, side: Side = Side.BUY, ticks: int = -20, **changes: Any) -> OrderId:
        """Ask for an order that can't be sent; returns once its refusal is durable."""
        await self.active()
        result = await self.live.submit(self._intent(side, ticks, **changes))
        assert result.status is OrderStatus.REJECTED, f"it is {result.status}, and was to be refused"
        return result.order_id

    def _intent(
        self,
        side: Side,
        ticks: int,
        *,
        quantity: Decimal | None = None,
        on: TradedInstrument | None = None,
        **changes: Any,
    ) -> OrderIntent:
        instrument = on if on is not None else self.trial.usual
        listing = self.live.shard.engine.state.listings[instrument.instrument_id]
        values: dict[str, Any] = {
            "operation": Operation.TRADE,
            "instrument_key": instrument.instrument_id,
            "side": side,
            "quantity": quantity if quantity is not None else instrument.quantity,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "price": stepped(listing, instrument.price, ticks),
            "strategy_id": _STRATEGY,
        }
        return OrderIntent(**(values | changes))

    async def cancel(self, order_id: OrderId) -> None:
        """Ask for an order's cancel."""
        await self.live.cancel(CancelIntent(order_id))

    async def replace(self, order_id: OrderId, **terms: Any) -> None:
        """Ask for other terms of an order."""
        await self.live.replace(ReplaceIntent(order_id, **terms))

    async def until(self, order_id: OrderId, *statuses: OrderStatus) -> Order:
        """Wait until an order durably has one of these statuses.

        Raises:
            AssertionError: it does not within the harness's patience.
        """
        await self._until(lambda: self.live.orders[order_id].status in statuses)
        order = self.live.orders[order_id]
        assert order.status in statuses, f"waited for {' or '.join(statuses)}, the order is {order.status}"
        return order

    async def working(self, *args: Any, **changes: Any) -> OrderId:
        """An order that the venue works."""
        order_id = await self.submit(*args, **changes)
        await self.until(order_id, OrderStatus.ACCEPTED)
        return order_id

    async def until_terms(self, order_id: OrderId, *, quantity: Decimal) -> None:
        """Wait until an order durably has this quantity, and no change of it is under way."""
        await self._until(lambda: self.live.orders[order_id].quantity == quantity and not self._is_changing(order_id))
        order = self.live.orders[order_id]
        assert order.quantity == quantity, f"waited for a quantity of {quantity}, the order has {order.quantity}"

    async def settled(self, order_id: OrderId) -> None:
        """Wait until no change of an order is under way."""
        await self._until(lambda: not self._is_changing(order_id))
        assert not self._is_changing(order_id), "it is still not known whether the change was made"

    def _is_changing(self, order_id: OrderId) -> bool:
        return self.live.orders[order_id].replace is not None

    async def quote(self, ticks: int = 5, *, on: TradedInstrument | None = None) -> None:
        """Another participant quotes the usual quantity on both sides, so many ticks from the price."""
        instrument = on if on is not None else self.trial.usual
        listing = self.live.shard.engine.state.listings[instrument.instrument_id]
        for side, away in ((Side.BUY, -ticks), (Side.SELL, ticks)):
            price = stepped(listing, instrument.price, away)
            await self.trial.venue.rest(instrument.instrument_id, side, price, instrument.quantity)

    async def take(self, order_id: OrderId, quantity: Decimal) -> None:
        """Another participant takes this much of an order of ours, at its price."""
        order = self.live.orders[order_id]
        assert order.price is not None
        assert order.instrument_id is not None
        taker = Side.SELL if order.side is Side.BUY else Side.BUY
        await self.trial.venue.take(order.instrument_id, taker, order.price, quantity)

    async def sent(self) -> None:
        """Wait until the venue has received an order."""
        with anyio.fail_after(self.trial.venue.patience_s):
            while not await self.trial.venue.received(Verb.SUBMIT):  # noqa: ASYNC110  (another process, maybe)
                await anyio.sleep(0.005)

    async def not_active(self) -> None:
        """Wait until the account is not trusted any more.

        Raises:
            AssertionError: it was trusted all the while.
        """
        sessions = self.live.shard.sessions
        await self._until(lambda: any(each.active_since_ns is None for each in sessions), every_s=0.0005)
        assert any(each.active_since_ns is None for each in sessions), "the account was trusted all the while"

    async def active(self) -> None:
        """Wait until the account is trusted again.

        Raises:
            TimeoutError: it is not within the harness's patience.
        """
        # Not the orchestrator's own active(), which waits a moment for first prices: here nothing needs any.
        with anyio.fail_after(self.trial.venue.patience_s):
            for session in self.live.shard.sessions:
                await session.active()

    async def agrees(self, *, in_doubt: Sequence[OrderId] = ()) -> None:
        """Wait until everything here is what the venue has, and stays so; ``in_doubt`` are orders of which the venue
        can't prove that they never were, so that they may stay UNKNOWN.

        Raises:
            AssertionError: with everything that does not agree after the harness's patience.
        """
        found = await self._differences(in_doubt)
        with anyio.move_on_after(self.trial.venue.patience_s):
            while found:
                await anyio.sleep(0.02)
                found = await self._differences(in_doubt)
        assert not found, "\n".join(found)
        rounds = max(each.rounds for each in self.live.shard.sessions)
        with anyio.fail_after(self.trial.venue.patience_s):
            await self.live.compared(rounds + _MORE_LOOKS)
        found = await self._differences(in_doubt)
        assert not found, "\n".join(["it agreed, and does no more:", *found])

    async def _until(self, holds: Callable[[], object], every_s: float = 0.005) -> None:
        with anyio.move_on_after(self.trial.venue.patience_s):
            while not holds():  # noqa: ASYNC110  (what is looked at has no event)
                await anyio.sleep(every_s)

    async def _differences(self, in_doubt: Sequence[OrderId]) -> list[str]:
        venue = self.trial.venue
        true_orders, true_fills = await venue.orders(), await venue.fills()
        ours = [each for each in self.live.orders.values() if not each.is_parent]
        found = [
            f"the venue's order was not recognised, and adopted: {each.order_id}" for each in ours if each.is_adopted
        ]
        claimed: Counter[OrderId] = Counter()
        for true in true_orders:
            match = [each for each in ours if not each.is_adopted and _is(each, true)]
            if not match:
                found.append(f"nobody here asked for {true}")
            for order in match:
                claimed[order.order_id] += 1
                found += _order_differences(order, true)
        for order in ours:
            if order.is_adopted:
                continue
            if claimed[order.order_id] > 1:
                found.append(f"{order.order_id} is {claimed[order.order_id]} orders at the venue")
            if not claimed[order.order_id]:
                found += _unclaimed(order, may_doubt=order.order_id in in_doubt)
        applied = await _journal_fills(self.store)
        found += fill_differences(applied.values(), (each.fill for each in true_fills), whole=True)
        found += await self.position_differences()
        found += await self.balance_differences()
        found += await self._booked_differences()
        ledger = self.live.shard.view.ledger
        found += [f"drift: {each}" for each in ledger.drifts.values()]
        found += [f"latch: {each}" for each in ledger.latches.values()]
        return found

    async def position_differences(self) -> list[str]:
        """Every position that is here otherwise than the venue has it."""
        nets = {
            name: position.quantity
            for book in self.live.accounts
            if book.account_id == self.trial.venue.account_id
            for name, position in book.positions.items()
        }
        theirs = {each.instrument_id: each.quantity for each in await self.trial.venue.positions()}
        # What is flat at the venue is not among its positions; of spot pairs it may name none at all.
        listings = self.live.shard.engine.state.listings
        flat = {each: ZERO for each in nets if listings[each].terms.kind is not ContractKind.SPOT}
        return [
            f"position of {name}: {nets.get(name, ZERO)} here, {quantity} at the venue"
            for name, quantity in (flat | theirs).items()
            if nets.get(name, ZERO) != quantity
        ]

    async def never_drifts(self) -> None:
        """Wait until the account was compared so often that a difference would show, and find none."""
        rounds = max(each.rounds for each in self.live.shard.sessions)
        with anyio.fail_after(self.trial.venue.patience_s):
            await self.live.compared(rounds + _MORE_LOOKS)
        drifts = self.live.shard.view.ledger.drifts
        assert not drifts, f"drift: {list(drifts.values())}"

    async def _booked_differences(self) -> list[str]:
        """What fills, fees, settlements and movements add up to here, against what the venue has.

        An asset that an open derivative settles in is left out: how much of its result is realised is told apart by
        venues in ways of their own.
        """
        books = [each for each in self.live.accounts if each.account_id == self.trial.venue.account_id]
        open_ = {
            position.terms.settlement_asset
            for book in books
            for position in book.positions.values()
            if position.quantity and position.terms.kind is not ContractKind.SPOT
        }
        theirs = {each.asset: each.total for each in await self.trial.venue.balances() if each.asset not in open_}
        ours = {asset: book.assets.get(asset, ZERO) for book in books for asset in theirs}
        return [
            f"{asset}: {ours[asset]} is booked here, {total} is at the venue"
            for asset, total in theirs.items()
            if asset in ours and abs(ours[asset] - total) > _BOOKED_TO
        ]

    async def until_balances_agree(self) -> None:
        """Wait until the balances that are known here are the venue's.

        Raises:
            AssertionError: with those that differ after the harness's patience.
        """
        found = await self.balance_differences()
        with anyio.move_on_after(self.trial.venue.patience_s):
            while found:
                await anyio.sleep(0.005)
                found = await self.balance_differences()
        assert not found, "\n".join(found)

    async def balance_differences(self) -> list[str]:
        """Every balance that is known here otherwise than the venue has it."""
        told = self.live.shard.engine.state.balances
        ours = {asset: said.total for (name, asset), said in told.items() if name == self.trial.venue.account_id}
        theirs = {each.asset: each.total for each in await self.trial.venue.balances()}
        return [
            f"balance of {asset}: {ours.get(asset, ZERO)} here, {theirs.get(asset, ZERO)} at the venue"
            for asset in sorted({*ours, *theirs})
            if ours.get(asset, ZERO) != theirs.get(asset, ZERO)
        ]


@asynccontextmanager
async def hosted(
    trial: Trial,
    store: MemoryStore | None = None,
    *,
    adapter: ExternalAdapter | None = None,
    timing: Timing = TIMING,
    reconcile_every_s: float = _RECONCILE_EVERY_S,
) -> AsyncIterator[Host]:
    """A host over the adapter under test, its account active; a store that was used before makes it a restart."""
    store = store if store is not None else MemoryStore()
    live = build(
        EngineConfig(timing=timing),
        store,
        [adapter if adapter is not None else trial.venue.adapter()],
        plugins=load_plugins(()),
        clock=trial.venue.clock,
        owner="conformance",
        reconcile_every_s=reconcile_every_s,
    )
    async with live:
        host = Host(trial, live, store)
        await host.active()
        yield host


def _is(order: Order, true: OrderReport) -> bool:
    """Whether an order of ours is this one of the venue's."""
    if order.venue_order_id is not None and order.venue_order_id == true.venue_order_id:
        return True
    return order.client_order_id is not None and order.client_order_id == true.client_order_id


def _order_differences(order: Order, true: OrderReport) -> list[str]:
    found = []
    if order.status not in _STATUSES[true.status]:
        found.append(f"{order.order_id} is {order.status} here, {true.status} at the venue")
    if order.filled_quantity != true.filled_quantity:
        found.append(f"{order.order_id}: {order.filled_quantity} filled here, {true.filled_quantity} at the venue")
    if order.is_open and true.status.is_open and (order.quantity, order.price) != (true.quantity, true.price):
        found.append(
            f"{order.order_id} is {order.quantity} at {order.price} here, {true.quantity} at {true.price} at the venue"
        )
    return found


def _unclaimed(order: Order, *, may_doubt: bool) -> list[str]:
    """An order that the venue never had must have been refused, or be known as unknown; or be canceled unfilled."""
    if order.status is OrderStatus.REJECTED and not order.filled_quantity:
        return []
    # Its cancel was asked for before it was proved that it never was.
    if may_doubt and order.status is OrderStatus.CANCELED and not order.filled_quantity:
        return []
    if may_doubt and order.status is OrderStatus.UNKNOWN:
        return []
    if order.status in _IN_DOUBT:
        return [f"{order.order_id} is still {order.status}, and the venue never had it"]
    return [f"{order.order_id} is {order.status} here, and the venue never had it"]


async def _journal_fills(store: MemoryStore, shard: str = "main") -> dict[FillKey, Fill]:
    """Every fill that stands, from the journal's records alone; one that was applied twice is an error."""
    found: dict[FillKey, Fill] = {}
    position = 0
    while page := await store.read_after(shard, position, 1_000):
        for stored in page:
            for event in stored.record.events:
                if isinstance(event, ev.FillApplied):
                    assert event.fill.key not in found, f"the fill {event.fill.key} was applied twice"
                    found[event.fill.key] = event.fill
                elif isinstance(event, ev.FillBusted):
                    found.pop(event.fill.key, None)
        position = page[-1].position
    return found
