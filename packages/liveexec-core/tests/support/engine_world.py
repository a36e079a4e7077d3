"""A real engine on virtual time and the world around it: sessions, books, timers, and a process that may stop.

ALPHA replaces atomically; BETA can't replace, so there the engine emulates it. Both list the same products. Every
input is followed by every check of :mod:`support.engine_invariants`.
"""

import copy
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Self

from attrs import define, field

from liveexec.domain.ids import AccountId, InstrumentId, OrderId, VenueName
from liveexec.domain.instrument import Listing
from liveexec.domain.outcome import (
    BalanceReport,
    OrderReport,
    PositionReport,
)
from liveexec.domain.record import Record
from liveexec.domain.stored import StoredRecord
from liveexec.domain.venue import AdapterManifest, ReplaceMode
from liveexec.engine import inputs
from liveexec.engine.algorithm import ExecutionAlgorithm
from liveexec.engine.algorithms import BUILTIN_ALGORITHMS
from liveexec.engine.config import EngineConfig
from liveexec.engine.effects import ArmTimer, DisarmTimer, Effect, TimerKey
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.inputs import EngineInput, Phase
from liveexec.engine.policies import BUILTIN_POLICIES
from liveexec.engine.rules import BUILT_IN_RULES
from liveexec.engine.turn import Decision
from liveexec.runtime.families import names_of
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    BETA,
    BETA_ACCOUNT,
    LINEAR,
    NOW_NS,
    SPOT,
    SPOT_AT_BETA,
    TERMS,
    make_book,
    make_listing,
    make_manifest,
)
from support.engine_invariants import EngineInvariants, encoded_effect, encoded_record

__all__ = ["ACCOUNTS", "LISTED", "EngineWorld", "S"]

S: Final = 1_000_000_000
ACCOUNTS: Final[Mapping[VenueName, AccountId]] = {ALPHA: ALPHA_ACCOUNT, BETA: BETA_ACCOUNT}
LISTED: Final[Mapping[VenueName, Sequence[InstrumentId]]] = {ALPHA: (SPOT, LINEAR), BETA: (SPOT_AT_BETA,)}


@define(eq=False)
class EngineWorld:
    """Drives an engine. ``tell`` takes any input; everything else is a shorter way to say one.

    ``timers`` are what the engine armed; :meth:`advance` lets time pass and rings them. ``outbox`` are its other
    effects, which nobody carries out but the test. ``records`` are all that became true, ``last`` is the last decision.
    """

    config: EngineConfig = field(factory=EngineConfig)
    manifests: dict[VenueName, AdapterManifest] = field(
        factory=lambda: {ALPHA: make_manifest(), BETA: make_manifest(BETA, replace=ReplaceMode.NONE)}
    )
    now_ns: int = NOW_NS
    algorithms: Mapping[str, ExecutionAlgorithm] = BUILTIN_ALGORITHMS
    engine: ExecutionEngine = field(init=False)
    invariants: EngineInvariants = field(factory=EngineInvariants)
    timers: dict[TimerKey, int] = field(factory=dict)
    outbox: list[Effect] = field(factory=list)
    records: list[Record] = field(factory=list)
    trace: list[bytes] = field(factory=list)
    last: Decision = field(factory=Decision)
    _numbers: int = 0

    def __attrs_post_init__(self) -> None:
        self.engine = self._engine()

    def start(self, *accounts: AccountId, price: int = 45_000) -> Self:
        """Connect these accounts (all), with nothing in them, and show a book around the price everywhere."""
        for venue, account_id in ACCOUNTS.items():
            if not accounts or account_id in accounts:
                self.connect(venue)
        for instrument_id in (each for listed in LISTED.values() for each in listed):
            self.market(instrument_id, str(price - 1), str(price + 1))
        return self

    def connect(self, venue: VenueName = ALPHA, **snapshot: Any) -> None:
        """The venue's session comes up and is reconciled."""
        self.tell(inputs.ListingsUpdate(0, venue, tuple(self.listing(each) for each in LISTED[venue])))
        self.phase(Phase.RECONCILING, ACCOUNTS[venue])
        self.snapshot(account_id=ACCOUNTS[venue], **snapshot)
        self.phase(Phase.ACTIVE, ACCOUNTS[venue])

    def listing(self, instrument_id: InstrumentId) -> Listing:
        """The listing that the venues show; a lot of a thousandth keeps numbers short."""
        return make_listing(
            instrument_id,
            terms=TERMS[instrument_id],
            lot=Decimal("0.001"),
            min_quantity=Decimal("0.001"),
            min_notional=None,
        )

    def market(self, instrument_id: InstrumentId = SPOT, bid: str = "44999", ask: str = "45001", **book: Any) -> None:
        """A book arrives."""
        self.tell(inputs.MarketUpdate(0, make_book(instrument_id, bid, ask, at_ns=self.now_ns, **book)))

    def phase(self, phase: Phase, account_id: AccountId = ALPHA_ACCOUNT) -> Decision:
        """The account's session changes."""
        return self.tell(inputs.AccountPhase(0, account_id, phase))

    def snapshot(
        self,
        *,
        account_id: AccountId = ALPHA_ACCOUNT,
        orders: Sequence[OrderReport] = (),
        positions: Mapping[InstrumentId, str] | None = None,
        balances: Mapping[str, str] | None = None,
        asked_ago_s: float = 0.0,
        began_ago_s: float | None = None,
        complete: bool = True,
    ) -> Decision:
        """What reconciliation fetched of an account: of so long ago by the venue's word, and begun then or later."""
        held = (positions or {}).items()
        funds = (balances or {}).items()
        return self.tell(
            inputs.AccountSnapshot(
                0,
                account_id,
                self.now_ns - round(asked_ago_s * S),
                orders,
                complete,
                [PositionReport(account_id, each, Decimal(much), None, self.now_ns) for each, much in held],
                [BalanceReport(account_id, each, Decimal(much), Decimal(much), self.now_ns) for each, much in funds],
                self.now_ns - round(began_ago_s * S) if began_ago_s is not None else 0,
            )
        )

    def tell(self, given: EngineInput) -> Decision:
        """Hand the engine an input at the present time, take note of what it does, and check what must hold."""
        given.at_ns = self.now_ns
        self.last = decision = self.engine.handle(given)
        for effect in decision.effects:
            if isinstance(effect, ArmTimer):
                self.timers[effect.key] = effect.at_ns
            elif isinstance(effect, DisarmTimer):
                self.timers.pop(effect.key, None)
            else:
                self.outbox.append(effect)
        self.records += decision.records
        self.trace += [encoded_record(record) for record in decision.records]
        self.trace += [encoded_effect(effect) for effect in decision.effects]
        if isinstance(given, inputs.Forget):
            self.invariants.forget(self.engine)
        self.invariants.check(self.engine, decision)
        return decision

    def advance(self, seconds: float) -> None:
        """Let time pass, ringing what comes due on the way, in order."""
        until_ns = self.now_ns + round(seconds * S)
        while self.timers and min(self.timers.values()) <= until_ns:
            key = min(self.timers, key=lambda each: (self.timers[each], each))
            self.now_ns = max(self.now_ns, self.timers.pop(key))
            self.tell(inputs.TimerRang(0, key))
        self.now_ns = until_ns

    def restart(self) -> Self:
        """The process stops here, and another begins with what the journal holds: nobody is connected yet."""
        other = type(self)(
            self.config, self.manifests, self.now_ns, self.algorithms, invariants=self.invariants, records=self.records,
            trace=self.trace, numbers=self._numbers,
        )  # fmt: skip
        other.engine = other._engine(self.invariants.mirror)
        other.engine.index(self.names())
        other.tell(inputs.Recovered(0))
        return other

    def names(self) -> dict[OrderId, list[tuple[str, str]]]:
        """Every name that orders had at their venues, as recovery reads them from the journal."""
        streams: dict[str, list[StoredRecord]] = {}
        for position, record in enumerate(self.records, 1):
            streams.setdefault(record.stream, []).append(StoredRecord(position, 1, record))
        return names_of(streams)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _engine(self, recorded: Any = None) -> ExecutionEngine:
        engine = ExecutionEngine(
            self.config,
            rules=BUILT_IN_RULES,
            policies=BUILTIN_POLICIES,
            algorithms=self.algorithms,
            manifests=self.manifests,
            venue_accounts={venue: (account_id,) for venue, account_id in ACCOUNTS.items()},
            ledger=copy.deepcopy(recorded) if recorded is not None else None,
        )
        engine.state.now_ns = self.now_ns
        return engine
