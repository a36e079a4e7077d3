"""The adapter under the real orchestrator, on the store in memory: what a case asks of it, and waits for."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import anyio

from liveexec.composition import LiveExecutionOrchestrator, build
from liveexec.domain.ids import OrderId, StrategyId
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.config import EngineConfig, Timing
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.plugins.manager import load_plugins
from liveexec.storage.memory import MemoryStore
from liveexec_testkit.conformance.agreement import Agreement
from liveexec_testkit.conformance.harness import TradedInstrument
from liveexec_testkit.conformance.line import stepped
from liveexec_testkit.conformance.scripts import Verb
from liveexec_testkit.conformance.trial import Trial

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
_STRATEGY: Final = StrategyId("conformance")


class Host:
    """A running orchestrator over one adapter, and how a case speaks to it."""

    def __init__(self, trial: Trial, live: LiveExecutionOrchestrator, store: MemoryStore) -> None:
        self.trial, self.live, self.store = trial, live, store
        #: What is here against what the venue has, at any moment.
        self.agreement = Agreement(trial.venue, live, store)

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
        found = await self.agreement.differences(in_doubt)
        with anyio.move_on_after(self.trial.venue.patience_s):
            while found:
                await anyio.sleep(0.02)
                found = await self.agreement.differences(in_doubt)
        assert not found, "\n".join(found)
        rounds = max(each.rounds for each in self.live.shard.sessions)
        with anyio.fail_after(self.trial.venue.patience_s):
            await self.live.compared(rounds + _MORE_LOOKS)
        found = await self.agreement.differences(in_doubt)
        assert not found, "\n".join(["it agreed, and does no more:", *found])

    async def _until(self, holds: Callable[[], object], every_s: float = 0.005) -> None:
        with anyio.move_on_after(self.trial.venue.patience_s):
            while not holds():  # noqa: ASYNC110  (what is looked at has no event)
                await anyio.sleep(every_s)

    async def never_drifts(self) -> None:
        """Wait until the account was compared so often that a difference would show, and find none."""
        rounds = max(each.rounds for each in self.live.shard.sessions)
        with anyio.fail_after(self.trial.venue.patience_s):
            await self.live.compared(rounds + _MORE_LOOKS)
        drifts = self.live.shard.view.ledger.drifts
        assert not drifts, f"drift: {list(drifts.values())}"

    async def until_balances_agree(self) -> None:
        """Wait until the balances that are known here are the venue's.

        Raises:
            AssertionError: with those that differ after the harness's patience.
        """
        found = await self.agreement.balance_differences()
        with anyio.move_on_after(self.trial.venue.patience_s):
            while found:
                await anyio.sleep(0.005)
                found = await self.agreement.balance_differences()
        assert not found, "\n".join(found)


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
