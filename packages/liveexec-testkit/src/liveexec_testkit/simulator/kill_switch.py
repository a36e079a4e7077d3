"""What operators stop in a run and let trade again, as they know it: a kill holds for its caller from the call on."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from attrs import define, field

from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.engine.inputs import ControlKind
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator
from liveexec_testkit.simulator.intents import STRATEGIES
from liveexec_testkit.simulator.trace import Trace
from liveexec_testkit.simulator.venue import SimVenue

__all__ = ["KillNote", "KillSwitch"]

#: How often an operator who flattens a scope thinks better of it.
_REGRETTED: Final = 0.3
_KILLS: Final = (
    ControlKind.BLOCK,
    ControlKind.CANCEL_ALL,
    ControlKind.CANCEL_ALL,
    ControlKind.FLATTEN,
    ControlKind.FLATTEN,
)


@define(eq=False)
class KillNote:
    """A kill as its caller knows it: acknowledged from the call on, and for good once the call returned."""

    scope: ControlScope
    kind: ControlKind
    is_durable: bool = False
    #: Whether something else was asked of its scope while it was under way: which of the two came last nobody can tell.
    is_contested: bool = False


@define(eq=False)
class KillSwitch:
    """Stops scopes of any kind at these venues. ``killed`` hears of each kill that is recorded."""

    trace: Trace
    venues: Sequence[SimVenue]
    killed: Callable[[KillNote], None]
    #: Those that were acknowledged and not released.
    kills: list[KillNote] = field(factory=list)
    #: Those that were released as well.
    ever_killed: list[KillNote] = field(factory=list)
    #: Scopes in which only what reduces was allowed.
    reduced: dict[ControlScope, None] = field(factory=dict)

    async def pull(self, random: Random, live: LiveExecutionOrchestrator) -> None:
        """Stop a scope in one of the ways there are."""
        scope = self._scope(random)
        kind = random.choice(_KILLS)
        note = KillNote(scope, kind)
        self.trace.add("host", f"kill {scope} ({kind})")
        # What is refused at once acknowledges nothing.
        live.shard  # noqa: B018
        for other in self.kills:
            if other.scope == scope and not other.is_durable and other.kind is not kind:
                other.is_contested = note.is_contested = True
        self.kills.append(note)
        self.ever_killed.append(note)
        try:
            await live.kill(scope, kind, principal="operator", reason="simulated")
            note.is_durable = True
            # What an operator says last of a scope holds: flattening lets through what reduces.
            before = [id(each) for each in self.kills[: self.kills.index(note)]] if note in self.kills else []
            self.kills = [each for each in self.kills if each.scope != scope or id(each) not in before]
            self.trace.add("host", f"kill {scope} is recorded")
            if note.is_contested:
                self.kills = [each for each in self.kills if each.scope != scope or not each.is_contested]
            # One that says something else meanwhile may be recorded by now as well.
            if [each for each in self.kills if each.scope == scope] == [note]:
                self.killed(note)
        except BaseException:
            if note in self.kills:
                self.kills.remove(note)
            raise
        if kind is ControlKind.FLATTEN and random.random() < _REGRETTED:
            await self._let_trade(scope, live)

    async def reduce(self, random: Random, live: LiveExecutionOrchestrator) -> None:
        """Let a scope trade only what reduces."""
        scope = self._scope(random)
        self.trace.add("host", f"reduce {scope}")
        state = TradingState.REDUCING
        # What an operator says last of a scope holds, from when it is recorded, which is before it is told.
        self.kills = [note for note in self.kills if note.scope != scope]
        await live.set_trading_state(scope, state, principal="operator", reason="simulated")
        self.reduced[scope] = None

    async def release(self, live: LiveExecutionOrchestrator) -> None:
        """Let everything trade again that was stopped, or that stopped by itself."""
        latches = list(live.shard.view.ledger.latches)
        for scope in dict.fromkeys(note.scope for note in self.kills if note.is_durable):
            await self._let_trade(scope, live)
        for scope in list(self.reduced):
            self.reduced.pop(scope, None)
            self.kills = [note for note in self.kills if note.scope != scope]
            await live.set_trading_state(scope, TradingState.ACTIVE, principal="operator", reason="simulated")
        for scope, code in latches:
            await live.clear_latch(scope, code, principal="operator", reason="simulated")

    def forget_acknowledged(self) -> None:
        """The process died: a kill that was not recorded yet was told to nobody."""
        self.kills = [note for note in self.kills if note.is_durable]

    async def _let_trade(self, scope: ControlScope, live: LiveExecutionOrchestrator) -> None:
        # Who releases a scope means whatever kill of it came before, on its way or not.
        self.kills = [note for note in self.kills if note.scope != scope]
        self.trace.add("host", f"release {scope}")
        await live.set_trading_state(scope, TradingState.ACTIVE, principal="operator", reason="simulated")

    def _scope(self, random: Random) -> ControlScope:
        venue = random.choice(self.venues)
        return random.choice(
            (
                ControlScope(ScopeKind.GLOBAL),
                ControlScope(ScopeKind.ACCOUNT, venue.account_id),
                ControlScope(ScopeKind.STRATEGY, random.choice(STRATEGIES)),
                ControlScope(ScopeKind.VENUE, venue.kind.name),
                ControlScope(ScopeKind.INSTRUMENT, random.choice(list(venue.truth.listings))),
            )
        )
