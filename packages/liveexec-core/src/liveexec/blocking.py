"""The orchestrator for code without an event loop: the same calls, each of which waits for its answer.

It lives in a thread and a loop of its own; calls may come from any other thread.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from copy import copy
from types import TracebackType
from typing import Any, Self

import anyio.from_thread
from anyio.from_thread import BlockingPortal

from liveexec.composition import LiveExecutionOrchestrator
from liveexec.config.sections import LiveConfig
from liveexec.domain.account_event import ControlScope, TradingState
from liveexec.domain.ids import AccountId, OrderId, StrategyId
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent
from liveexec.domain.ledger import PositionKey
from liveexec.domain.order import Order
from liveexec.domain.order_event import Resolution
from liveexec.domain.position import Position
from liveexec.domain.result import ExecutionResult
from liveexec.engine.inputs import ControlKind
from liveexec.errors import LiveExecError
from liveexec.runtime.orchestrator import Wait
from liveexec.runtime.streams import StreamItem

__all__ = ["BlockingOrchestrator"]


class BlockingOrchestrator:
    """What a synchronous strategy holds, made from a configuration as
    :meth:`~liveexec.composition.LiveExecutionOrchestrator.from_config` takes it. Use it in a ``with`` block.

    Every method does what the orchestrator's method of the same name does, raises the same errors, and returns when
    that is done. What it hands out of orders and positions is a copy of how things durably stand.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Mapping[str, Any] | LiveConfig,
        *,
        environ: Mapping[str, str] = os.environ,
        timeout_s: float = 60.0,
    ) -> None:
        self._source, self._environ, self._timeout_s = source, environ, timeout_s
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None
        self._live: LiveExecutionOrchestrator | None = None

    def __enter__(self) -> Self:
        """Start it; returns when every account is active. Raises what ``from_config`` raises."""
        if self._portal is not None:
            raise LiveExecError("it was started already")
        with ExitStack() as stack:
            portal = stack.enter_context(anyio.from_thread.start_blocking_portal("asyncio", name="liveexec"))
            starting = LiveExecutionOrchestrator.from_config(
                self._source, environ=self._environ, timeout_s=self._timeout_s
            )
            self._live = stack.enter_context(portal.wrap_async_context_manager(starting))
            self._portal, self._stack = portal, stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give everything back; open orders stay at their venues."""
        self._stack.close()
        self._portal = self._live = None

    def submit(
        self, intent: OrderIntent, *, wait: Wait = "durable", timeout_s: float | None = None, principal: str = "local"
    ) -> ExecutionResult:
        """Ask for an order."""
        portal, live = self._running()
        return portal.call(lambda: live.submit(intent, wait=wait, timeout_s=timeout_s, principal=principal))

    def cancel(
        self,
        intent: CancelIntent | OrderId,
        *,
        wait: Wait = "durable",
        timeout_s: float | None = None,
        principal: str = "local",
    ) -> ExecutionResult:
        """Ask for an order's cancel."""
        portal, live = self._running()
        return portal.call(lambda: live.cancel(intent, wait=wait, timeout_s=timeout_s, principal=principal))

    def replace(
        self, intent: ReplaceIntent, *, wait: Wait = "durable", timeout_s: float | None = None, principal: str = "local"
    ) -> ExecutionResult:
        """Ask for a change of a working order."""
        portal, live = self._running()
        return portal.call(lambda: live.replace(intent, wait=wait, timeout_s=timeout_s, principal=principal))

    def kill(
        self, scope: ControlScope, kind: ControlKind = ControlKind.CANCEL_ALL, *, principal: str, reason: str
    ) -> None:
        """Block a scope, cancel what is open in it, or bring its positions to zero as well."""
        portal, live = self._running()
        portal.call(lambda: live.kill(scope, kind, principal=principal, reason=reason))

    def set_trading_state(self, scope: ControlScope, state: TradingState, *, principal: str, reason: str) -> None:
        """Set what may be sent in a scope."""
        portal, live = self._running()
        portal.call(lambda: live.set_trading_state(scope, state, principal=principal, reason=reason))

    def clear_latch(self, scope: ControlScope, code: str, *, principal: str, reason: str) -> None:
        """Clear a latch that a control set."""
        portal, live = self._running()
        portal.call(lambda: live.clear_latch(scope, code, principal=principal, reason=reason))

    def accept_drift(self, account_id: AccountId, subject: str, *, principal: str, reason: str) -> None:
        """Accept what a venue says that an account holds."""
        portal, live = self._running()
        portal.call(lambda: live.accept_drift(account_id, subject, principal=principal, reason=reason))

    def resolve(self, order_id: OrderId, resolution: Resolution, *, principal: str, reason: str) -> None:
        """End an open order of which no evidence comes any more."""
        portal, live = self._running()
        portal.call(lambda: live.resolve(order_id, resolution, principal=principal, reason=reason))

    def reattribute(self, order_id: OrderId, strategy_id: StrategyId, *, principal: str, reason: str) -> None:
        """Give an adopted order to the strategy that it belongs to."""
        portal, live = self._running()
        portal.call(lambda: live.reattribute(order_id, strategy_id, principal=principal, reason=reason))

    def apply_config(
        self, source: str | os.PathLike[str] | Mapping[str, Any] | LiveConfig, *, principal: str
    ) -> tuple[str, ...]:
        """Take another configuration while running; the paths that changed."""
        portal, live = self._running()
        return portal.call(lambda: live.apply_config(source, principal=principal, environ=self._environ))

    def result(self, order_id: OrderId) -> ExecutionResult:
        """How an order durably stands."""
        portal, live = self._running()
        return portal.call(lambda: live.result(order_id))

    @property
    def orders(self) -> dict[OrderId, Order]:
        """The orders in memory."""
        portal, live = self._running()
        return portal.call(lambda: _copies(live.orders))

    @property
    def positions(self) -> dict[PositionKey, Position]:
        """Every position, by account, strategy and instrument."""
        portal, live = self._running()
        return portal.call(lambda: _copies(live.positions))

    def open_orders(self, strategy_id: StrategyId | None = None) -> list[Order]:
        """What may still be filled, oldest first."""
        portal, live = self._running()
        return portal.call(lambda: _now([copy(order) for order in live.open_orders(strategy_id)]))

    def synced(self) -> None:
        """Wait until the tables show everything that is durable by now."""
        portal, live = self._running()
        portal.call(live.synced)

    def stream(self, buffer: int = 10_000) -> Iterator[StreamItem]:
        """Every event that becomes durable from this call on, until the block ends.

        Raises:
            StreamOverrun: more than ``buffer`` events waited to be read.
        """
        portal, live = self._running()
        subscription = portal.call(lambda: _now(live.stream(buffer)))
        return self._read(portal, aiter(subscription), subscription.close)

    def _read(self, portal: BlockingPortal, items: Any, close: Any) -> Iterator[StreamItem]:
        try:
            while True:
                try:
                    yield portal.call(lambda: anext(items))
                except StopAsyncIteration:
                    return
        finally:
            if self._portal is not None:
                portal.call(close)

    def _running(self) -> tuple[BlockingPortal, LiveExecutionOrchestrator]:
        if self._portal is None or self._live is None:
            raise LiveExecError("it is not running: use it in a with block")
        return self._portal, self._live


async def _copies[Key, T](values: Mapping[Key, T]) -> dict[Key, T]:
    """Copies as they stand now: the values themselves go on changing in the loop's thread."""
    return {key: copy(value) for key, value in values.items()}


async def _now[T](value: T) -> T:
    """A value that was taken in the loop's thread, between two of its steps."""
    return value
