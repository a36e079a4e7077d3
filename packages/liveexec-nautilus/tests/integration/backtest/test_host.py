"""The host as a whole: found by its name, the same bytes from the same specification, loud when something breaks."""

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from liveexec.domain.ids import AccountId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.operation import Side
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.recorded import MarketEvent
from liveexec.errors import ConfigurationError, InvariantViolation
from liveexec.plugins.manager import load_plugins
from liveexec.replay.market import EventMarket
from liveexec.replay.run import run_replay
from liveexec.replay.spec import ReplaySpec, load_spec
from liveexec.venues.paper.config import Latency
from liveexec_nautilus.backtest.accounts import SimulatedAccounts
from liveexec_nautilus.backtest.host import NautilusHost
from liveexec_nautilus.backtest.strategy import ReplayStrategy
from support.nautilus_replays import MS, NORTH, NORTH_PERP, NORTH_SPOT, START_NS, market, replay, signal, venues
from support.replay_documents import document
from support.scripted_venues import Events, Script, book, run, submit, trade

BIDS = [("100.0", "1"), ("99.9", "2")]
ASKS = [("100.1", "1"), ("100.2", "2")]


def spec(**others: Any) -> ReplaySpec:
    return load_spec(document(**others))


def test_the_plugin_registers_it_and_loads_nothing_of_the_library() -> None:
    assert "nautilus" in load_plugins(["liveexec-nautilus"]).replay_hosts
    code = (
        "import sys; from liveexec.plugins.manager import load_plugins; load_plugins(['liveexec-nautilus']); "
        "print([name for name in sys.modules if name.startswith('nautilus_trader')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.strip() == "[]"


def test_a_run_of_a_specification_adds_up() -> None:
    outcome = run_replay(spec())
    assert outcome.differences == ()
    assert outcome.recording.orders
    assert all(order.is_parent or order.filled_quantity for order in list(outcome.recording.orders.values())[:1])
    assert outcome.truth.market_events > 900


def test_two_runs_of_one_specification_give_the_same_bytes(tmp_path: Path) -> None:
    def digests(root: Path) -> Mapping[str, str]:
        run_replay(spec(results=root.as_uri()))
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(root.rglob("*.parquet"))}

    first = digests(tmp_path / "one")
    assert set(first) >= {"orders.parquet", "fills.parquet", "positions.parquet", "equity_curve.parquet"}
    assert digests(tmp_path / "two") == first


def test_both_hosts_publish_the_same_files_and_the_same_orders() -> None:
    nautilus = run_replay(spec())
    paper = run_replay(spec(host="paper"))

    def shape(orders: Any) -> list[tuple[object, ...]]:
        return [(each.order_id, each.status, each.quantity, each.filled_quantity) for each in orders.values()]

    assert shape(nautilus.recording.orders) == shape(paper.recording.orders)


def test_unknown_options_are_named() -> None:
    with pytest.raises(ConfigurationError) as raised:
        run_replay(spec(host_options={"queue_position": 1, "fill_model": "best"}))
    assert {fault.path for fault in raised.value.faults} == {"host_options.queue_position", "host_options.fill_model"}


def test_what_it_cannot_simulate_is_refused_with_every_fault() -> None:
    north = venues()[0]
    fine = evolve(north.instruments[1], tick=Decimal("1e-17"), lot=Decimal(10), min_quantity=Decimal(10))
    with pytest.raises(ConfigurationError) as raised:
        replay(NautilusHost(), [], at=(evolve(north, instruments=(fine,)),))
    assert [fault.path for fault in raised.value.faults] == [f"NORTH.{NORTH_PERP}.tick"]
    pair = evolve(north.instruments[0], multiplier=Decimal(2))
    with pytest.raises(ConfigurationError, match="multiplier"):
        replay(NautilusHost(), [], at=(evolve(north, instruments=(pair,)),))
    assert pair.kind is ContractKind.SPOT


def test_an_error_inside_a_callback_comes_out() -> None:
    def breaks(*_: object) -> None:
        raise InvariantViolation("broken on purpose")

    with pytest.raises(InvariantViolation, match="on purpose"):
        run(Script([(1.5, breaks)]), [book(second, BIDS, ASKS) for second in range(5)])


def test_an_interrupt_inside_a_callback_comes_out() -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    script = Script([(1.5, interrupted), (2.5, submit(1, Side.BUY, "1"))])
    with pytest.raises(KeyboardInterrupt):
        run(script, [book(second, BIDS, ASKS) for second in range(5)])
    assert len(script.returned) == 1
    assert not script.answers


def test_an_alert_that_is_lost_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # The library logs what a callback raises, and forgets it; here nothing keeps it in time.
    def lost(_strategy: ReplayStrategy, _event: object) -> None:
        raise RuntimeError("swallowed")

    monkeypatch.setattr(ReplayStrategy, "_ring", lost)
    with pytest.raises(InvariantViolation, match="ended without ringing"):
        run(Script([(1.5, submit(1, Side.BUY, "1"))]), [book(second, BIDS, ASKS) for second in range(5)])


def test_a_fill_that_the_library_does_not_have_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    count = SimulatedAccounts.apply

    def twice(accounts: SimulatedAccounts, report: Any) -> None:
        count(accounts, report)
        count(accounts, report)

    monkeypatch.setattr(SimulatedAccounts, "apply", twice)
    with pytest.raises(InvariantViolation) as raised:
        run(Script([(1.5, submit(1, Side.BUY, "1"))]), [book(second, BIDS, ASKS) for second in range(5)])
    assert f"holds 1.000 of {NORTH_PERP}" in str(raised.value)
    assert "USDT, and its fills make" in str(raised.value)


def test_an_empty_market_ends_with_the_last_signal() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "1"))])
    truth = run(script, [])
    assert truth.ended_at_ns == script.first_signal_ns
    assert truth.market_events == 0
    assert [answer.code for *_, answer in script.answers]  # type: ignore[union-attr]


def test_requests_and_reports_travel() -> None:
    latency = {NORTH: Latency(order_ns=250 * MS, report_ns=100 * MS)}
    late = replay(NautilusHost(), [signal(2, NORTH_PERP, Side.BUY, "0.5")], latency=latency)
    (fill,) = late.fills
    assert fill.venue_time_ns == START_NS + 2_250 * MS
    (told,) = [each for each in late.recording.told if type(each.event).__name__ == "FillApplied"]
    assert told.at_ns == START_NS + 2_350 * MS


def test_two_accounts_at_a_venue_trade_apart_on_the_same_books() -> None:
    north = venues()[0]
    second = evolve(north.accounts[0], account_id=AccountId("north-2"))
    both = (evolve(north, accounts=(*north.accounts, second)),)
    signals = [
        signal(2, NORTH_PERP, Side.BUY, "0.5", account_id=AccountId("north-1")),
        signal(2, NORTH_PERP, Side.BUY, "0.5", account_id=AccountId("north-2")),
        signal(3, NORTH_SPOT, Side.SELL, "0.1", account_id=AccountId("north-2")),
    ]
    replayed = replay(NautilusHost(), signals, at=both)
    assert [(order.account_id, order.filled_quantity) for order in replayed.orders] == [
        ("north-1", Decimal("0.5")),
        ("north-2", Decimal("0.5")),
        ("north-2", Decimal("0.1")),
    ]
    first, other, _ = replayed.fills
    assert first.price == other.price
    assert first.key != other.key
    assert {(each.account_id, each.instrument_id): each.quantity for each in replayed.truth.positions} == {
        ("north-1", NORTH_PERP): Decimal("0.5"),
        ("north-2", NORTH_PERP): Decimal("0.5"),
        ("north-2", NORTH_SPOT): Decimal("-0.1"),
    }


def test_what_is_on_its_way_when_the_market_is_over_arrives() -> None:
    latency = {NORTH: Latency(order_ns=30 * MS, report_ns=20 * MS, jitter_ns=5 * MS)}
    replayed = replay(NautilusHost(), [signal(60, NORTH_PERP, Side.BUY, "0.5")], through=market(60), latency=latency)
    (bought,) = replayed.orders
    assert bought.status is OrderStatus.FILLED
    assert replayed.truth.ended_at_ns >= START_NS + 60_050 * MS
    assert [(said.instrument_id, said.quantity) for said in replayed.truth.positions] == [(NORTH_PERP, Decimal("0.5"))]


def test_a_recording_that_begins_with_trades_is_replayed() -> None:
    events: list[MarketEvent] = [trade(0, "60000", "1", Side.BUY), trade(1, "60000", "1", None)]
    asked = [signal(1.5, NORTH_PERP, Side.BUY, "0.5"), signal(3, NORTH_PERP, Side.BUY, "0.5")]
    replayed = replay(NautilusHost(), asked[:1], through=EventMarket(Events(events)))
    assert [order.status for order in replayed.orders] == [OrderStatus.REJECTED]
    events.append(book(2, [("59999", "5")], [("60000", "5")]))
    replayed = replay(NautilusHost(), asked, through=EventMarket(Events(events)))
    assert [order.status for order in replayed.orders] == [OrderStatus.REJECTED, OrderStatus.FILLED]


def test_as_many_replays_as_anybody_wants_run_in_one_process() -> None:
    """The library has 255 logging guards, and each engine that is not let go of keeps one."""
    events: list[MarketEvent] = [book(0, [("59999", "5")], [("60000", "5")])]
    kept = [
        replay(NautilusHost(), [signal(0, NORTH_PERP, Side.BUY, "0.5")], through=EventMarket(Events(events)))
        for _ in range(260)
    ]
    assert all(len(each.fills) == 1 for each in kept)
