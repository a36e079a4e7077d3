"""LiveExecutionOrchestrator: what a host holds. Intents in, results out, everything recorded before it happens.

What the host was told is durable in every case, however often the shard had to be recovered meanwhile.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Final, Literal, Self

import anyio
import structlog

from liveexec.domain.account_event import ControlScope
from liveexec.domain.checks import shown
from liveexec.domain.ids import OperationId, OrderId, StrategyId, is_order_id
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent, content_hash
from liveexec.domain.ledger import PositionKey
from liveexec.domain.order import Order
from liveexec.domain.position import AccountBook, Position
from liveexec.domain.result import ExecutionResult
from liveexec.engine.inputs import (
    CancelOrder,
    EngineInput,
    ReplaceOrder,
    SubmitOrder,
)
from liveexec.engine.oms import operation_id_of, own_operation_id
from liveexec.errors import (
    Draining,
    Halted,
    NotFound,
    OperationConflict,
)
from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.inbox import Priority
from liveexec.runtime.journal import JournalState
from liveexec.runtime.lives import Lives
from liveexec.runtime.operator_controls import OperatorControls, check_words
from liveexec.runtime.order_ids import new_order_id
from liveexec.runtime.results import Watchers, result_of
from liveexec.runtime.shard import ShardRuntime
from liveexec.runtime.shard_parts import ShardParts
from liveexec.runtime.streams import Broadcaster, Subscription

__all__ = ["LiveExecutionOrchestrator", "Wait"]

_log = structlog.get_logger(__name__)

#: How long a venue's first book is waited for. Real seconds.
_FIRST_PRICES_S: Final = 0.5

#: What a request waits for: that it is recorded, that the venue answered, or that the order ended.
Wait = Literal["durable", "ack", "terminal"]


class LiveExecutionOrchestrator(OperatorControls):
    """Executes orders. Use it as an asynchronous context manager; one per shard and process.

    Every method may be called from any task of the loop that entered it, from no other thread. ``principal`` names on
    whose behalf something is asked; idempotency keys are unique per principal.
    """

    def __init__(self, parts: ShardParts, *, takeover_timeout_s: float = 30.0) -> None:
        self._broadcaster = Broadcaster()
        self._watchers = Watchers()
        killed: dict[int, ControlScope] = {}
        lives = Lives(parts, self._broadcaster, self._watchers, killed, takeover_timeout_s=takeover_timeout_s)
        super().__init__(parts, lives, killed)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Own the shard, recover it, connect its venues. Returns when requests are taken; see :meth:`active`.

        Raises:
            Fenced: another process holds the shard and did not give it up in time.
            StorageError: the database can't be used.
            InvariantViolation: what is stored contradicts itself.
        """
        await self._lives.start()

    async def active(self, timeout_s: float | None = None) -> None:
        """Wait until every account is connected and reconciled, and first prices are there.

        A venue that shows no book within a moment is not waited for: what needs its price is refused.

        Raises:
            TimeoutError: some accounts are not within the time.
        """
        shard = self._life()
        async with asyncio.timeout(timeout_s):
            for session in shard.sessions:
                await session.active()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_PRICES_S):
                    for session in shard.sessions:
                        await session.priced()
            # Market data is served last, so an inbox without any says that it has been.
            while shard.inbox.has_market:  # noqa: ASYNC110  (a turn or two of the loop)
                await asyncio.sleep(0)

    async def compared(self, times: int) -> None:
        """Wait until every account was compared with its venue so many times."""
        for session in self._life().sessions:
            await session.compared(times)

    async def close(self, timeout_s: float = 10.0) -> None:
        """Stop taking risk, let what is in flight end, make it durable and visible, and give the shard up.

        Open orders stay at their venues; the next start finds them there. A host whose scope is cancelled closes in
        the same way: this takes at most ``timeout_s`` and the few seconds that giving the shard up may take.
        """
        self._draining = True
        if not self._lives.is_started:
            return
        with anyio.CancelScope(shield=True):
            await self._lives.close(timeout_s)
        self._broadcaster.close()
        # What is recorded goes on at the next start; whoever still waits for it here waits in vain.
        self._watchers.fail(Draining("the orchestrator was closed; what was recorded goes on at its next start"))

    @property
    def error(self) -> Exception | None:
        """Why nothing is executed any more; ``None`` while all is well."""
        return self._lives.error

    async def submit(
        self,
        intent: OrderIntent,
        *,
        wait: Wait = "durable",
        timeout_s: float | None = None,
        principal: str = "local",
    ) -> ExecutionResult:
        """Ask for an order. An operation id that was used with the same content gives the first result again.

        After ``timeout_s`` the result is what is recorded by then; the order goes on.

        Raises:
            InvalidInput: an algorithm refuses its parameters; nothing was recorded.
            OperationConflict: the operation id was used with other content; nothing was recorded.
            Draining, Halted, Busy: nothing was recorded.
            OutcomeUnknown: the journal stopped meanwhile; look the operation up before repeating it.
        """
        check_words(principal=principal)
        shard = self._life()
        if self._draining:
            raise Draining("the orchestrator is closing; no new orders are taken")
        if shard.journal.state is not JournalState.WRITING:
            raise Halted("the journal can't write now; no new orders are taken until it can")
        digest = intent.content_hash()
        order_id = new_order_id(self._parts.clock)
        operation_id = intent.operation_id
        if operation_id is None:
            operation_id = operation_id_of(order_id)
        elif (known := await self._used_before(shard, principal, operation_id, "submit", digest)) is not None:
            return await self._wait_for(known, wait, timeout_s, repeated=True)
        request = SubmitOrder(0, order_id, operation_id, intent, principal, digest)
        reach(FailPoint.SUBMIT_ASKED)
        decision = await self._ask(shard, request, Priority.INTENT)
        assert decision.order_id is not None
        return await self._wait_for(decision.order_id, wait, timeout_s, repeated=decision.repeated)

    async def cancel(
        self,
        intent: CancelIntent | OrderId,
        *,
        wait: Wait = "durable",
        timeout_s: float | None = None,
        principal: str = "local",
    ) -> ExecutionResult:
        """Ask for an order's cancel. An order that has ended is no error: the result says how.

        While the journal can't write, the cancel leaves without waiting for it; the result still does.

        Raises:
            NotFound: there is no such order.
            OperationConflict, OutcomeUnknown: as for :meth:`submit`.
        """
        check_words(principal=principal)
        shard = self._life()
        wish = intent if isinstance(intent, CancelIntent) else CancelIntent(intent)
        return await self._change(shard, wish, "cancel", wait, timeout_s, principal)

    async def replace(
        self,
        intent: ReplaceIntent,
        *,
        wait: Wait = "durable",
        timeout_s: float | None = None,
        principal: str = "local",
    ) -> ExecutionResult:
        """Ask for a change of a working order.

        Raises:
            NotFound: there is no such order.
            InvalidInput: the order can't be changed as it stands.
            Draining, Halted, OperationConflict, OutcomeUnknown: as for :meth:`submit`.
        """
        check_words(principal=principal)
        shard = self._life()
        if self._draining:
            raise Draining("the orchestrator is closing; changes are not taken")
        if shard.journal.state is not JournalState.WRITING:
            raise Halted("the journal can't write now; changes are not taken until it can")
        return await self._change(shard, intent, "replace", wait, timeout_s, principal)

    async def result(self, order_id: OrderId) -> ExecutionResult:
        """How an order stands.

        Raises:
            NotFound: there is no such order.
        """
        if not is_order_id(order_id):
            raise NotFound(f"{shown(order_id)} is not an order id")
        return await self._wait_for(order_id, "durable", None, repeated=False)

    @property
    def orders(self) -> Mapping[OrderId, Order]:
        """Orders in memory as they durably stand: all open ones, and those that ended lately. Read, don't change."""
        return MappingProxyType(self._life().view.ledger.orders)

    @property
    def positions(self) -> Mapping[PositionKey, Position]:
        """Positions by (account, strategy, instrument) as they durably stand. Read, don't change."""
        return MappingProxyType(self._life().view.ledger.positions)

    @property
    def accounts(self) -> Sequence[AccountBook]:
        """The accounts' nets and assets as they durably stand. Read, don't change."""
        return tuple(self._life().view.ledger.books.values())

    @property
    def shard(self) -> ShardRuntime:
        """The running parts, for hosts that show their state."""
        return self._life()

    def open_orders(self, strategy_id: StrategyId | None = None) -> list[Order]:
        """Open orders as they durably stand."""
        return [
            order
            for order in self._life().view.ledger.orders.values()
            if order.is_open and (strategy_id is None or order.strategy_id == strategy_id)
        ]

    def stream(self, buffer: int = 10_000) -> Subscription:
        """Every event that becomes durable from now on."""
        return self._broadcaster.subscribe(buffer)

    async def synced(self) -> None:
        """Wait until the tables show everything that readers of memory can see by now."""
        shard = self._life()
        await shard.projector.reached(shard.view.position)

    async def _change(
        self,
        shard: ShardRuntime,
        intent: CancelIntent | ReplaceIntent,
        kind: str,
        wait: Wait,
        timeout_s: float | None,
        principal: str,
    ) -> ExecutionResult:
        digest = content_hash(intent)
        operation_id = intent.operation_id
        is_urgent = isinstance(intent, CancelIntent) and shard.journal.is_stalled
        if operation_id is None or (is_urgent and shard.engine.orders.operation(principal, operation_id) is None):
            # What an id was used for before can't be looked up while the database is down, and a cancel can't wait:
            # it is recorded under an id of ours, and may be repeated.
            operation_id = own_operation_id(secrets.randbits(128))
        elif (known := await self._used_before(shard, principal, operation_id, kind, digest)) is not None:
            return await self._wait_for(known, wait, timeout_s, repeated=True)
        family = await shard.hydrator.order(intent.order_id)
        if family is None:
            raise NotFound(f"there is no order {intent.order_id}")
        request: EngineInput
        reach(FailPoint.CHANGE_ASKED)
        if isinstance(intent, CancelIntent):
            request = CancelOrder(0, operation_id, intent, principal, digest)
        else:
            request = ReplaceOrder(0, operation_id, intent, principal, digest)
        try:
            decision = await self._ask(shard, request, Priority.CONTROL if is_urgent else Priority.INTENT)
        except NotFound:
            if not isinstance(intent, CancelIntent) or intent.order_id not in family:
                raise
            # A finished order that left memory again before the engine was asked: there is nothing to cancel.
            return result_of(family[intent.order_id], family)
        assert decision.order_id is not None
        return await self._wait_for(decision.order_id, wait, timeout_s, repeated=decision.repeated)

    async def _used_before(
        self, shard: ShardRuntime, principal: str, operation_id: OperationId, kind: str, digest: str
    ) -> OrderId | None:
        """The order that an operation id belongs to already, if it has left memory; the engine knows the others."""
        if shard.engine.orders.operation(principal, operation_id) is not None:
            return None
        found = await shard.hydrator.operation(principal, operation_id)
        if found is None:
            return None
        if found.kind != kind or found.content_hash != digest:
            raise OperationConflict(
                f"operation {operation_id} was a {found.kind} of {found.order_id} with other content; nothing was done"
            )
        return found.order_id

    async def _wait_for(
        self, order_id: OrderId, wait: Wait, timeout_s: float | None, *, repeated: bool
    ) -> ExecutionResult:
        shard = self._life()
        orders: Mapping[OrderId, Order] | None = shard.view.ledger.orders
        if orders is not None and order_id not in orders:
            if shard.engine.orders.get(order_id) is not None:
                # Decided, but not durable yet: nobody is told of it before.
                await shard.journal.drained()
            else:
                orders = await shard.hydrator.order(order_id)
        if orders is None or order_id not in orders:
            raise NotFound(f"there is no order {order_id}")
        order = orders[order_id]
        if wait != "durable":
            await self._watchers.wait(order, terminal=wait == "terminal", timeout_s=timeout_s)
        if order_id not in orders:
            # It ended and left memory while it was waited for.
            orders = await shard.hydrator.order(order_id) or {order_id: order}
            order = orders[order_id]
        return result_of(order, orders, repeated=repeated)
