"""Effects, restarts, flattenings, lost journals, what waits: each check fails when what it looks for is violated."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.fill import FillKey
from liveexec.domain.ids import InstrumentId
from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from liveexec.domain.outcome import FillAction, FillReport, OrderRef
from liveexec.domain.record import Event, Record
from liveexec.domain.stored import AppendBatch
from liveexec.engine.effects import Effect, QueryOrder, SendCancel
from liveexec.engine.turn import Decision
from liveexec_testkit.simulator.invariants.durable_effects import DurableEffectChecks
from liveexec_testkit.simulator.invariants.evidence import EvidenceChecks
from liveexec_testkit.simulator.invariants.flattenings import FlattenChecks
from liveexec_testkit.simulator.invariants.journal import JournalChecks
from liveexec_testkit.simulator.invariants.losses import LossChecks
from liveexec_testkit.simulator.invariants.restarts import RestartChecks
from liveexec_testkit.simulator.invariants.unclaimed import check_unclaimed
from liveexec_testkit.simulator.invariants.violation import Violation, Violations
from liveexec_testkit.simulator.market import listings_at
from liveexec_testkit.simulator.venue_cash import VenueCash
from support.builders import (
    ALPHA_ACCOUNT,
    NOW_NS,
    SPOT,
    STRATEGY,
    make_adopted,
    make_cancel_requested,
    make_fill,
    make_intent,
    make_order_id,
    make_plan,
    make_received,
    make_routed,
    make_submit_requested,
)

ORDER = make_order_id()
REF = OrderRef(ALPHA_ACCOUNT, SPOT, None, None)
APPROVED = ev.RiskApproved(ev.RiskStage.LEG, Decimal(45_000))
SENT: tuple[Event, ...] = (make_received(), make_routed(), APPROVED, make_submit_requested())
SCOPE = ControlScope(ScopeKind.STRATEGY, STRATEGY)


class Bench:
    """A journal that writes whatever a test wants, and what was found."""

    def __init__(self) -> None:
        self.found: list[Violation] = []
        self.violations = Violations(lambda: 1, self.found.append)
        self.journal = JournalChecks(self.violations, lambda _: (), lambda _: ())
        self._sequences: dict[str, int] = {}

    @property
    def number(self) -> int | None:
        """The invariant that was found broken."""
        return self.found[0].number if self.found else None

    def write(self, *events: Event, stream: str = ORDER, at_ns: int = NOW_NS) -> Order | None:
        """Commit a record of these events."""
        sequence = self._sequences.get(stream, 1)
        self._sequences[stream] = sequence + len(events)
        record = Record(stream, sequence, events, "test", at_ns)
        self.journal.committed(AppendBatch("main", 1, 1, self.journal.position + 1, [record]))
        return self.journal.ledger.orders.get(ORDER)


@pytest.fixture
def bench() -> Bench:
    return Bench()


class TestEffects:
    def carried_out(self, bench: Bench, effect: Effect, *, durable: int, stalled: bool = False) -> DurableEffectChecks:
        checks = DurableEffectChecks(bench.violations)
        record: Any = Record(ORDER, 1, SENT, "test", NOW_NS)
        checks.decided(1, Decision((record,), (effect,)), lambda: stalled)
        checks.committed(1, durable)
        checks.carried_out(effect)
        return checks

    def test_1_one_that_overtakes_what_it_follows_from(self, bench: Bench) -> None:
        order = bench.write(*SENT)
        assert order is not None
        self.carried_out(bench, QueryOrder(order, REF, 0), durable=0)
        assert bench.number == 1

    def test_one_that_is_durable_may_follow(self, bench: Bench) -> None:
        order = bench.write(*SENT)
        assert order is not None
        self.carried_out(bench, QueryOrder(order, REF, 0), durable=1)
        assert bench.number is None

    @pytest.mark.parametrize(("stalled", "number"), [(True, None), (False, 1)])
    def test_1_a_wished_cancel_may_while_the_journal_can_not_write(
        self, bench: Bench, *, stalled: bool, number: int | None
    ) -> None:
        order = bench.write(*SENT, make_cancel_requested())
        assert order is not None
        checks = self.carried_out(bench, SendCancel(order, REF), durable=0, stalled=stalled)
        assert bench.number == number
        assert list(checks.early) == ([ORDER] if stalled else [])


class TestRestarts:
    def test_14_what_was_in_flight_and_nobody_doubts(self, bench: Bench) -> None:
        bench.write(*SENT)
        RestartChecks(bench.violations, bench.journal).connects(2)
        assert bench.number == 14

    def test_what_is_in_doubt_is_right(self, bench: Bench) -> None:
        bench.write(*SENT, ev.SubmitUnknown(1, "the process stopped"))
        RestartChecks(bench.violations, bench.journal).connects(2)
        assert bench.number is None

    def test_only_a_lifes_first_session_is_looked_at(self, bench: Bench) -> None:
        checks = RestartChecks(bench.violations, bench.journal)
        checks.connects(1)
        bench.write(*SENT)
        checks.connects(1)
        assert bench.number is None


class TestFlattenings:
    ASKED = acc.FlattenRequested(SCOPE, ALPHA_ACCOUNT, make_order_id(7), "operator")
    DONE = acc.FlattenEnded(SCOPE, ALPHA_ACCOUNT, "what it holds is being closed")

    @pytest.fixture
    def checks(self, bench: Bench) -> FlattenChecks:
        checks = FlattenChecks(bench.violations, bench.journal.ledger)
        bench.journal.watchers.append(checks)
        return checks

    @pytest.mark.parametrize(("doubted_ns", "number"), [(10_000_000, None), (500_000_000, 24)])
    def test_24_on_an_account_that_is_away(
        self, bench: Bench, checks: FlattenChecks, doubted_ns: int, number: int | None
    ) -> None:
        record: Any = Record("control:main", 1, (self.DONE,), "test", NOW_NS)
        checks.decided(Decision((record,), ()), lambda _: doubted_ns)
        assert bench.number == number

    @pytest.mark.usefixtures("checks")
    def test_17_while_an_order_is_open(self, bench: Bench) -> None:
        bench.write(*SENT)
        bench.write(self.ASKED, self.DONE, stream="control:main", at_ns=NOW_NS + 1)
        assert bench.number == 17

    @pytest.mark.usefixtures("checks")
    def test_with_nothing_open_it_ends(self, bench: Bench) -> None:
        bench.write(*SENT, ev.NotSent(1, "stopped"))
        bench.write(self.ASKED, self.DONE, stream="control:main", at_ns=NOW_NS + 1)
        assert bench.number is None

    @pytest.mark.usefixtures("checks")
    def test_17_that_goes_on_although_its_scope_may_trade_again(self, bench: Bench) -> None:
        bench.write(self.ASKED, stream="control:main")
        bench.write(acc.StateChanged(SCOPE, TradingState.ACTIVE, "operator", "test"), stream="control:main")
        assert bench.number == 17


class TestLosses:
    def lost(self, bench: Bench, *events: Event, is_wanted: bool = True) -> int | None:
        bench.journal.watchers.append(LossChecks(bench.violations, bench.journal.ledger, is_wanted, lambda _: True))
        bench.write(*events, evolve(make_cancel_requested(), principal="journal"))
        return bench.number

    def test_17_that_nobody_wanted(self, bench: Bench) -> None:
        assert self.lost(bench, *SENT, is_wanted=False) == 17

    def test_17_of_what_others_placed(self, bench: Bench) -> None:
        assert self.lost(bench, make_adopted()) == 17

    def test_what_takes_risk_may_go(self, bench: Bench) -> None:
        assert self.lost(bench, *SENT) is None

    def test_17_of_what_only_reduces(self, bench: Bench) -> None:
        short = make_order_id(3)
        bench.write(
            make_received(make_intent(side=Side.SELL)), make_routed(), APPROVED,
            make_submit_requested(plan=make_plan(short)),
            ev.FillApplied(make_fill(side=Side.SELL, quantity=Decimal(1))), stream=short,
        )  # fmt: skip
        assert self.lost(bench, *SENT) == 17


class TestWaiting:
    @pytest.mark.parametrize(("counted", "number"), [(Decimal(1), None), (Decimal("0.5"), 13)])
    def test_13_a_report_that_waits_and_does_not_count(
        self, bench: Bench, counted: Decimal, number: int | None
    ) -> None:
        fill = FillReport(ALPHA_ACCOUNT, None, None, make_fill(quantity=Decimal(1), side=Side.BUY))
        core = SimpleNamespace(parked={"key": [SimpleNamespace(report=fill)]})
        state = SimpleNamespace(unclaimed={(ALPHA_ACCOUNT, SPOT): (counted, Decimal(0))})
        engine: Any = SimpleNamespace(_core=core, state=state)
        check_unclaimed(engine, bench.violations)
        assert bench.number == number

    def test_an_execution_that_was_told_waits_until_it_counts(self, bench: Bench) -> None:
        fill = make_fill()
        venue: Any = SimpleNamespace(
            account_id=ALPHA_ACCOUNT,
            sessions=SimpleNamespace(executions_heard={FillReport(ALPHA_ACCOUNT, None, None, fill): ORDER}),
        )
        checks = EvidenceChecks(bench.journal)
        assert [order_id for _, order_id in checks.waits(venue)] == [ORDER]
        bench.write(*SENT, ev.FillApplied(fill))
        assert list(checks.waits(venue)) == []
        assert venue.sessions.executions_heard == {}

    def test_one_that_was_taken_back_waits_until_it_counts_no_longer(self, bench: Bench) -> None:
        fill = make_fill()
        bench.write(*SENT, ev.FillApplied(fill))
        bust = FillReport(ALPHA_ACCOUNT, None, None, fill, FillAction.BUST, FillKey(fill.key))
        venue: Any = SimpleNamespace(account_id=ALPHA_ACCOUNT, sessions=SimpleNamespace(executions_heard={bust: ORDER}))
        checks = EvidenceChecks(bench.journal)
        assert [order_id for _, order_id in checks.waits(venue)] == [ORDER]
        bench.write(ev.FillBusted(fill, "by the venue"))
        assert list(checks.waits(venue)) == []


class TestCash:
    @pytest.mark.parametrize(
        ("product", "asset", "brought"),
        [
            ("PERPETUAL:BTC-USDT@LIN", "USDT", Decimal(20)),
            # Coins: 2/1000 in, 2/1250 out.
            ("PERPETUAL:BTC-USD@INV", "BTC", Decimal("0.0004")),
            ("SPOT_PAIR:ETH-USDT", "USDT", Decimal(500)),
        ],
    )
    def test_a_round_trip_brings_what_its_contract_says(self, product: str, asset: str, brought: Decimal) -> None:
        name, cash = InstrumentId(f"ALPHA:{product}"), VenueCash()
        terms = next(each.terms for each in listings_at(name.partition(":")[0]).values() if each.instrument_id == name)  # type: ignore[arg-type]  # a venue's name
        before = cash.told()[asset]
        last = Decimal(1_010) if "LIN" in product else Decimal(1_250)
        cash.trade(name, terms, Decimal(2), Decimal(1_000))
        cash.trade(name, terms, Decimal(-2), last)
        assert cash.told()[asset] - before == brought
        assert cash.averages() == {}

    def test_a_trade_through_zero_opens_the_other_side_at_its_own_price(self) -> None:
        name, cash = InstrumentId("ALPHA:PERPETUAL:BTC-USD@INV"), VenueCash()
        terms = next(each.terms for each in listings_at("ALPHA").values() if each.instrument_id == name)  # type: ignore[arg-type]  # a venue's name
        cash.trade(name, terms, Decimal(2), Decimal(1_000))
        cash.trade(name, terms, Decimal(-5), Decimal(1_250))
        assert cash.averages() == {name: Decimal(1_250)}
