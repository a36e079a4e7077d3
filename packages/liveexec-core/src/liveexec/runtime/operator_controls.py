"""What operators tell a running orchestrator: kill, states, latches, drifts, orders that nobody can tell about."""

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count

import structlog

from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.checks import shown, text_faults
from liveexec.domain.ids import AccountId, InstrumentId, OrderId, StrategyId, is_order_id, venue_of
from liveexec.domain.order_event import Resolution
from liveexec.engine.config import EngineConfig
from liveexec.engine.inputs import (
    AcceptDrift,
    ClearLatch,
    ConfigUpdate,
    ControlKind,
    EngineInput,
    Kill,
    ReattributeOrder,
    ResolveOrder,
    SetTradingState,
)
from liveexec.engine.turn import Decision
from liveexec.errors import Fault, InvalidInput, LiveExecError, NotFound, OutcomeUnknown
from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.inbox import Priority
from liveexec.runtime.lives import Lives
from liveexec.runtime.order_ids import new_order_id
from liveexec.runtime.shard import ShardRuntime
from liveexec.runtime.shard_parts import ShardParts

__all__ = ["OperatorControls", "check_words"]

_log = structlog.get_logger(__name__)


class OperatorControls:
    """The operators' half of the orchestrator. Whatever is said here is recorded with who said it and why."""

    def __init__(self, parts: ShardParts, lives: Lives, killed: dict[int, ControlScope]) -> None:
        self._parts, self._lives = parts, lives
        #: Scopes by the kill that closed them and is not decided yet, whatever becomes of the shard: two kills may
        #: close one scope, and what is decided of one of them must not open it.
        self._killed = killed
        self._kills = count(1)
        self._draining = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def kill(
        self, scope: ControlScope, kind: ControlKind = ControlKind.CANCEL_ALL, *, principal: str, reason: str
    ) -> None:
        """Stop a scope. From this call on nothing new leaves in it; then the wish is journaled, and cancels go out.

        While the journal can't write, cancels don't wait for it, but this call does. Should the shard have to be
        recovered meanwhile, the scope stays closed, and the kill is asked for again.

        Raises:
            NotFound: the scope's account or venue is none of this host's.
            InvalidInput: the scope names no instrument by its canonical id.
            Fenced: another process owns the shard, and nothing leaves here any more.
        """
        check_words(principal=principal, reason=reason)
        self._check_scope(scope)
        self._lives.check_running()
        number = next(self._kills)
        self._killed[number] = scope
        reach(FailPoint.KILL_LATCHED)
        # A caller who gives up does not take the kill back.
        self._tasks.add(task := asyncio.create_task(self._kill(number, scope, kind, principal, reason)))
        task.add_done_callback(self._kill_ended)
        await asyncio.shield(task)

    async def set_trading_state(self, scope: ControlScope, state: TradingState, *, principal: str, reason: str) -> None:
        """Set what may be sent in a scope.

        Raises:
            NotFound, InvalidInput: as for :meth:`kill`; only what is not configured any more may be let trade again.
        """
        check_words(principal=principal, reason=reason)
        if state is not TradingState.ACTIVE:
            self._check_scope(scope)
        await self._ask(self._life(), SetTradingState(0, scope, state, principal, reason), Priority.CONTROL)

    async def clear_latch(self, scope: ControlScope, code: str, *, principal: str, reason: str) -> None:
        """Clear a latch that a control set.

        Raises:
            NotFound: no such latch is set.
        """
        check_words(principal=principal, reason=reason)
        await self._ask(self._life(), ClearLatch(0, scope, code, principal, reason), Priority.CONTROL)

    async def accept_drift(self, account_id: AccountId, subject: str, *, principal: str, reason: str) -> None:
        """Accept what a venue says that an account holds: ours becomes that, and EXTERNAL gets the difference.

        ``subject`` is the drift's (``position:…``, ``balance:…``). An instrument that only the drift stopped trades on.

        Raises:
            NotFound: no such drift is known.
            InvalidInput: the instrument is not listed now.
        """
        check_words(principal=principal, reason=reason)
        await self._ask(self._life(), AcceptDrift(0, account_id, subject, principal, reason), Priority.CONTROL)

    async def resolve(self, order_id: OrderId, resolution: Resolution, *, principal: str, reason: str) -> None:
        """End an open order of which no evidence comes any more. Its venue is asked to cancel it all the same.

        Raises:
            NotFound: there is no such order in memory; what has ended may have left it.
            InvalidInput: it has ended, is a parent, or is said to be filled, which only fills say.
        """
        check_words(principal=principal, reason=reason)
        await self._ask(self._life(), ResolveOrder(0, order_id, resolution, principal, reason), Priority.CONTROL)

    async def reattribute(self, order_id: OrderId, strategy_id: StrategyId, *, principal: str, reason: str) -> None:
        """Give an adopted order, with what it filled and will fill, to the strategy that it belongs to.

        Raises:
            NotFound: there is no such order.
            InvalidInput: it is a strategy's already.
        """
        check_words(principal=principal, reason=reason, strategy_id=strategy_id)
        shard = self._life()
        if not is_order_id(order_id) or await shard.hydrator.order(order_id) is None:
            raise NotFound(f"there is no order {shown(order_id)}")
        await self._ask(shard, ReattributeOrder(0, order_id, strategy_id, principal, reason), Priority.CONTROL)

    async def configure(self, config: EngineConfig, *, config_hash: str, principal: str, summary: str) -> None:
        """Let the engine decide by another configuration from the next input on; that it does is recorded.

        Raises:
            ConfigurationError: it names a policy that is not registered; the one before stays.
        """
        check_words(principal=principal, summary=summary)
        await self._ask(self._life(), ConfigUpdate(0, config, config_hash, principal, summary), Priority.CONTROL)

    def _life(self) -> ShardRuntime:
        return self._lives.current

    def _check_scope(self, scope: ControlScope) -> None:
        """Who stops what isn't there believes that something is stopped."""
        here, name = self._parts.venue_accounts, scope.name
        known: set[str] = set(here)
        match scope.kind:
            case ScopeKind.ACCOUNT:
                known = {account for accounts in here.values() for account in accounts}
            case ScopeKind.INSTRUMENT:
                name = venue_of(InstrumentId(name))
            case ScopeKind.VENUE:
                pass
            case ScopeKind.GLOBAL | ScopeKind.STRATEGY:
                return
        if name not in known:
            raise NotFound(f"{shown(str(scope))} is nothing that this host has; there are {', '.join(sorted(known))}")

    async def _kill(self, number: int, scope: ControlScope, kind: ControlKind, principal: str, reason: str) -> None:
        """Ask for a kill until it is durable, in as many lives as that takes."""
        while True:
            shard = await self._lives.next()
            request = Kill(0, new_order_id(self._parts.clock), scope, kind, principal, reason)
            try:
                # Once the engine has decided its trading state holds, and what flattens the scope has to leave.
                await self._ask(shard, request, Priority.CONTROL, lambda: self._killed.pop(number, None))
            except OutcomeUnknown:
                if self._draining:
                    raise
                self._killed[number] = scope
            else:
                return

    def _kill_ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its caller may have given up, and it must not pass unseen.
            _log.error("kill_not_recorded", shard=self._parts.config.shard, error=str(error))

    async def _ask(
        self,
        shard: ShardRuntime,
        request: EngineInput,
        priority: Priority,
        decided: Callable[[], object] | None = None,
    ) -> Decision:
        """Have the engine decide, and wait until that is durable."""
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()

        def done(decision: Decision) -> None:
            if future.done():
                return
            if decision.error is not None:
                future.set_exception(decision.error)
            else:
                future.set_result(decision)

        def failed(error: LiveExecError) -> None:
            if not future.done():
                future.set_exception(error)

        shard.loop.tell(priority, request, done, failed, decided)
        return await future


def check_words(**words: str) -> None:
    """What a host says beside its request is kept as it is, so it has to be text that can be kept."""
    faults = [fault for name, word in words.items() for fault in _word_faults(name, word)]
    if faults:
        raise InvalidInput("request", faults)


def _word_faults(name: str, word: object) -> Sequence[Fault]:
    if isinstance(word, str):
        return _text_faults(name, word)
    return (Fault(name, "is required"),) if word is None else text_faults(name, word)


@lru_cache(maxsize=256)
def _text_faults(name: str, word: str) -> tuple[Fault, ...]:
    """Kept, since the few principals of a host come with every order."""
    return tuple(text_faults(name, word))
