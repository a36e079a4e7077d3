"""Runs: from a specification to published files, once and many times, and by several algorithms."""

import json
import os
import signal
import subprocess
import sys
import threading
from decimal import Decimal
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain.ids import InstrumentId
from liveexec.domain.operation import Side
from liveexec.domain.recorded import SourceBook, SourceTrade
from liveexec.engine.market_view import MAX_BARS
from liveexec.errors import ConfigurationError, InvalidInput, ObjectExists
from liveexec.plugins.manager import load_plugins
from liveexec.replay.comparison import ParentOrder, compare_algorithms, plot_svg
from liveexec.replay.market import events_of
from liveexec.replay.recorded_market import RecordedTicks
from liveexec.replay.run import ReplayProgress, run_replay, uninterrupted
from liveexec.replay.spec import SyntheticData, load_spec
from liveexec.replay.sweep import run_variant, sweep, variants_of
from liveexec.storage.objects.obstore_store import ObstoreStore
from liveexec.storage.objects.opening import open_store
from liveexec.storage.results.archive import RunArchive
from liveexec.storage.results.rows import RESULT_TABLES
from liveexec.storage.results.tables import table_bytes
from liveexec.storage.ticks.reader import WindowedMarket
from liveexec.storage.ticks.windows import Window
from liveexec.venues.paper.synthetic import SyntheticMarket
from support.replay_specs import RECORDED, document

SPOT = InstrumentId("RECORDED:SPOT_PAIR:BTC-USDT")
START_US = 1_767_830_400_000_000
ARRIVAL_NS = 1_767_830_700_000_000_000


def _tables(outcome: Any) -> dict[str, bytes]:
    return {name: table_bytes(kind, getattr(outcome.results, name)) for name, kind in RESULT_TABLES.items()}


def test_two_runs_of_one_specification_give_the_same_bytes() -> None:
    spec = load_spec(document())
    first, second = run_replay(spec), run_replay(spec)
    assert first.recording.digest == second.recording.digest
    assert _tables(first) == _tables(second)
    assert first.results.log == second.results.log
    assert first.results.summary.config_hash == second.results.summary.config_hash == spec.digest
    assert first.run_id != second.run_id
    assert first.differences == ()


def test_another_seed_gives_other_ids_and_the_same_trades() -> None:
    outcomes = [run_replay(load_spec(document(seed=seed))) for seed in (1, 2)]
    fills = [[(each.price, each.quantity, each.timestamp) for each in found.results.fills] for found in outcomes]
    assert fills[0] == fills[1]
    assert not {each.id for each in outcomes[0].results.orders} & {each.id for each in outcomes[1].results.orders}


def test_a_run_is_published_whole_and_reads_back(tmp_path: Path) -> None:
    told: list[ReplayProgress] = []
    outcome = run_replay(load_spec(document(results=tmp_path.as_uri())), progress=told.append)
    archive = RunArchive(open_store(tmp_path.as_uri()))
    stored = archive.load(outcome.run_id)
    assert stored.orders == outcome.results.orders
    assert stored.fills == outcome.results.fills
    assert stored.positions == outcome.results.positions
    assert stored.equity_curve == outcome.results.equity_curve
    assert load_spec(dict(stored.config)) == load_spec(document())
    assert told[-1].fraction == 1
    summary = stored.summary
    assert (summary.engine, str(summary.kind), summary.tick_data.signals) == ("paper", "replay", 2)
    assert summary.covers_from.startswith("2026-01-08T00:00:00")
    assert sum(each.quantity for each in stored.fills) == sum(
        (each.filled_amount for each in stored.orders if each.parent_id is None), Decimal(0)
    )
    with pytest.raises(ObjectExists):
        archive.publish(outcome.results)


def test_the_equity_adds_up() -> None:
    outcome = run_replay(load_spec(document()))
    summary, curve = outcome.results.summary, outcome.results.equity_curve
    assert len(curve) > 5
    for point in curve:
        assert point.portfolio_value == summary.initial_value + point.realized_pnl + point.unrealized_pnl - point.fees
    held = {(str(each.account_id), each.asset): each.total for each in outcome.truth.balances}
    bought = sum((each.quantity for each in outcome.results.fills if each.side == "BUY"), Decimal(0))
    sold = sum((each.quantity for each in outcome.results.fills if each.side == "SELL"), Decimal(0))
    assert held["a1", "BTC"] + held["b1", "BTC"] == Decimal(20) + bought - sold


def test_a_signal_that_becomes_no_order_is_in_the_notes() -> None:
    rows = document()["signals"]
    rows[0]["params"] = {"horizon_secs": 100, "interval_secs": 1000}
    outcome = run_replay(load_spec(document(signals=rows)))
    assert [note for note in outcome.results.summary.notes if note.startswith("signal 0 became no order")]
    assert outcome.results.summary.orders == 1


def test_without_signals_nothing_is_traded() -> None:
    outcome = run_replay(load_spec(document(signals=[])))
    assert outcome.results.summary.orders == 0
    assert outcome.results.summary.final_value == outcome.results.summary.initial_value


def test_publishing_is_not_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = ObstoreStore.put
    paths: list[str] = []

    def interrupted(store: ObstoreStore, path: str, *args: Any, **kwargs: Any) -> None:
        paths.append(path)
        os.kill(os.getpid(), signal.SIGINT)
        put(store, path, *args, **kwargs)

    monkeypatch.setattr(ObstoreStore, "put", interrupted)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run_replay(load_spec(document(signals=[], results=tmp_path.as_uri())))
    assert len(paths) == 7
    (stored,) = RunArchive(open_store(tmp_path.as_uri())).runs()
    assert stored.summary is not None
    assert signal.getsignal(signal.SIGINT) is handler


def test_in_another_thread_there_is_nothing_to_hold_back() -> None:
    entered: list[bool] = []

    def work() -> None:
        with uninterrupted():
            entered.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert entered == [True]


def test_a_sweep_runs_every_combination_and_each_as_it_would_alone(tmp_path: Path) -> None:
    whole = {**document(), "results": tmp_path.as_uri()}
    variants = variants_of(whole, {"router.policy": ["best_price", "lowest_fee"], "seed": [1, 2]})
    done: list[int] = []
    results = sweep(variants, workers=2, done=lambda result: done.append(result.number))
    assert sorted(done) == [0, 1, 2, 3]
    assert [result.number for result in results] == [0, 1, 2, 3]
    assert not [result.error for result in results if result.error]
    assert len(RunArchive(open_store(tmp_path.as_uri())).runs()) == 4
    alone = run_variant(variants[2])
    assert alone.digest == results[2].digest
    assert len({result.digest for result in results}) == 4


def test_a_run_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "signals.json").write_text("[]", encoding="utf-8")
    variants = variants_of(
        document(), {"signals": [(tmp_path / "signals.json").as_uri(), (tmp_path / "missing.json").as_uri()]}
    )
    first, second = (run_variant(variant) for variant in variants)
    assert first.error is None
    assert second.error is not None
    assert "missing.json" in second.error


def test_algorithms_are_compared_over_one_order() -> None:
    spec = load_spec(document())
    order = ParentOrder(ARRIVAL_NS, "SPOT_PAIR:BTC-USDT", Side.BUY, Decimal(3), horizon_s=100)
    outcomes = compare_algorithms(spec, order)
    assert [each.algorithm for each in outcomes] == ["NORMAL", "TWAP", "VWAP", "ICEBERG"]
    assert len({each.arrival_price for each in outcomes}) == 1
    normal, twap, vwap, iceberg = outcomes
    assert (twap.children, vwap.children) == (10, 10)
    assert normal.seconds is not None
    assert twap.seconds is not None
    assert twap.seconds > 80 > 1 > normal.seconds
    for each in outcomes:
        assert each.filled == 3
        assert each.path[-1][1] == 3
        assert each.average_price is not None
        assert each.arrival_price is not None
        slippage = (each.average_price / each.arrival_price - 1) * 10_000
        assert each.slippage_bps == pytest.approx(slippage)
        assert each.fees_bps is not None
        # All of it was filled, so that the shortfall is the slippage and the fees.
        assert each.shortfall_bps == pytest.approx(each.slippage_bps + each.fees_bps)
        assert each.participation is not None
    assert iceberg.children == 10
    image = ElementTree.fromstring(plot_svg(outcomes, order))
    assert image.tag.endswith("svg")
    # It loads nothing from anywhere.
    assert not [name for each in image.iter() for name in each.attrib if name.endswith(("href", "src"))]


def test_what_was_not_filled_costs_what_the_market_moved() -> None:
    spec = load_spec(document())
    order = ParentOrder(ARRIVAL_NS, "SPOT_PAIR:BTC-USDT", Side.BUY, Decimal(3), horizon_s=100, price=Decimal(1_000))
    (resting,) = compare_algorithms(spec, order, ["NORMAL"])
    assert (resting.filled, resting.slippage_bps, resting.participation) == (0, None, None)
    ended = run_replay(load_spec(document(signals=[])))
    books = ended.recording.engine.state.market.books
    assert resting.arrival_price is not None
    ends = {(book.mid or 0) for book in books.values()}
    moved = {(end / resting.arrival_price - 1) * 10_000 for end in ends}
    assert resting.shortfall_bps is not None
    assert any(resting.shortfall_bps == pytest.approx(each) for each in moved)


def test_participation_is_of_the_whole_window_also_where_it_is_longer_than_the_engine_looks_back() -> None:
    changed = document()
    changed["data"] |= {"seconds": 5_400, "step_ns": 1_000_000_000}
    changed["venues"] = changed["venues"][:1]
    (listing,) = changed["venues"][0]["instruments"]
    listing |= {"depth_factor": "1", "offset_ticks": 0}
    changed["accounts"] = []
    spec = load_spec(changed)
    order = ParentOrder(ARRIVAL_NS, "SPOT_PAIR:BTC-USDT", Side.BUY, Decimal(3), horizon_s=5_000)
    (twap,) = compare_algorithms(spec, order, ["TWAP"])
    assert (twap.filled, twap.children) == (3, 10)
    assert twap.seconds is not None
    assert twap.seconds > MAX_BARS
    data = spec.data
    assert isinstance(data, SyntheticData)
    source = SyntheticMarket(data.instruments, seed=data.seed, start_ns=data.start_ns, step_ns=data.step_ns)
    last_second_ns = ARRIVAL_NS + int(twap.seconds + 1) * 1_000_000_000
    printed = sum(
        each.quantity
        for each in takewhile(lambda event: event.time_ns < last_second_ns, source.events())
        if isinstance(each, SourceTrade) and each.time_ns >= ARRIVAL_NS
    )
    assert twap.participation == pytest.approx(twap.filled / printed)


def test_an_order_that_can_not_be_is_refused_before_anything_runs() -> None:
    order = ParentOrder(ARRIVAL_NS, "SPOT_PAIR:BTC-USDT", Side.BUY, Decimal(-3))
    with pytest.raises(InvalidInput, match="quantity"):
        compare_algorithms(load_spec(document()), order)


def test_faults_are_named_before_anything_is_read() -> None:
    with pytest.raises(ConfigurationError, match="host"):
        run_replay(load_spec(document(host="nowhere")), plugins=load_plugins([]))


@pytest.mark.skipif(
    not RECORDED.is_dir(), reason="no recorded market: set LIVEEXEC_TEST_DATA to the folder with the test data"
)
def test_a_recorded_market_is_read_around_the_signals(tmp_path: Path) -> None:
    recorded = "BINANCE-SPOT:SPOT_PAIR:BTC-USDT"
    whole = document(data={"url": RECORDED.as_uri(), "lead_s": 30, "tail_s": 60}, results=tmp_path.as_uri())
    for venue in whole["venues"]:
        venue["instruments"][0]["source"] = recorded
    whole["signals"] = [
        {
            "timestamp": "2024-08-08T23:56:00Z",
            "instrument_key": "SPOT_PAIR:BTC-USDT",
            "side": "BUY",
            "quantity": "0.05",
            "strategy_id": "s",
        }
    ]
    outcome = run_replay(load_spec(whole))
    ticks = outcome.results.summary.tick_data
    assert (ticks.windows, ticks.signals) == (1, 1)
    assert 0 < ticks.bytes_read <= ticks.bytes_of_full_read
    assert outcome.results.summary.orders_by_status == {"FILLED": 1}
    assert outcome.results.summary.covers_from.startswith("2024-08-08T23:55:30")


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.integers(1, 9)), min_size=1, max_size=60),
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(-5, 40), st.integers(1, 20)), min_size=1, max_size=3),
)
def test_rows_of_files_are_the_events_that_reading_them_one_by_one_gives(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, bool, int]],
    group: int,
    spans: list[tuple[int, int]],
) -> None:
    root = tmp_path_factory.mktemp("market")
    trades = [(START_US + after, size) for after, is_trade, size in rows if is_trade]
    books = [(START_US + after, size) for after, is_trade, size in rows if not is_trade]
    folder = root / "raw_tick_data/by_date/day-2026-01-08"
    for name in ("data_type-trades", "data_type-book_snapshot_5"):
        (folder / name).mkdir(parents=True)
    table: dict[str, Any] = {
        "timestamp": [at_us for at_us, _ in trades],
        "price": [100.5] * len(trades),
        "amount": [float(size) for _, size in trades],
        "side": ["buy", "sell", None][: len(trades)] + ["buy"] * max(0, len(trades) - 3),
    }
    kinds = (pa.int64(), pa.float64(), pa.float64(), pa.string())
    arrays = {name: pa.array(values, kind) for (name, values), kind in zip(table.items(), kinds, strict=True)}
    pq.write_table(pa.table(arrays), folder / f"data_type-trades/{SPOT}.parquet", row_group_size=group)
    columns: dict[str, Any] = {"timestamp": pa.array([at_us for at_us, _ in books], pa.int64())}
    for level in range(5):
        for side, direction in (("bids", -1), ("asks", 1)):
            prices = [100.0 + direction * (level + 0.5) if size > level else None for _, size in books]
            columns[f"{side}[{level}].price"] = pa.array(prices, pa.float64())
            columns[f"{side}[{level}].amount"] = pa.array([size / 8 for _, size in books], pa.float64())
    pq.write_table(pa.table(columns), folder / f"data_type-book_snapshot_5/{SPOT}.parquet", row_group_size=group)
    store = open_store(root.as_uri())
    windows = {
        SPOT: [Window((START_US + start) * 1_000, (START_US + start + length) * 1_000) for start, length in spans]
    }
    chunks = list(RecordedTicks(WindowedMarket(store, windows)).chunks())
    told = [_facts(event) for event in events_of(chunks)]
    assert told == [_facts(event) for event in WindowedMarket(store, windows).events()]
    assert all(one.end_ns < other.start_ns for one, other in pairwise(chunks))


def _facts(event: Any) -> tuple[Any, ...]:
    if isinstance(event, SourceBook):
        return event.time_ns, event.bids, event.asks
    return event.time_ns, event.price, event.quantity, event.aggressor


def _cli(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "liveexec", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "replay.json"
    path.write_text(json.dumps(document()), encoding="utf-8")
    return path


def test_the_command_says_how_it_came_out_and_where_the_files_are(file: Path, tmp_path: Path) -> None:
    done = _cli("replay", str(file), "--results", str(tmp_path / "out"), "-o", "json")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert "momentum" in json.dumps(run)
    (stored,) = RunArchive(open_store((tmp_path / "out").as_uri())).runs()
    assert stored.run_id in done.stderr
    assert stored.summary is not None


def test_a_wrong_file_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "replay.json"
    path.write_text(json.dumps(document(host="nowhere", mark_every_s=-1)), encoding="utf-8")
    done = _cli("replay", str(path))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "host" in done.stderr
    assert "mark_every_s" in done.stderr


def test_a_sweep_and_a_comparison_from_the_command_line(file: Path, tmp_path: Path) -> None:
    done = _cli("replay", "sweep", str(file), "--set", "router.policy=best_price,split", "--workers", "1", "-o", "csv")
    assert done.returncode == 0, done.stderr
    assert "router.policy=split" in done.stdout
    plot = tmp_path / "plot.svg"
    words = ["--instrument", "SPOT_PAIR:BTC-USDT", "--side", "SELL", "--quantity", "1", "--at", "2026-01-08T00:05:00Z"]
    words += ["--horizon-secs", "60", "--algorithm", "NORMAL", "--algorithm", "TWAP", "--plot", str(plot), "-o", "json"]
    done = _cli("replay", "compare-algorithms", str(file), *words)
    assert done.returncode == 0, done.stderr
    assert "TWAP" in done.stdout
    assert plot.read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(
    "words", [("--set", "router.policy"), ("--set", "seed=1", "--set", "seed=2"), ("--workers", "0")]
)
def test_a_sweep_that_says_nothing_is_refused(file: Path, words: tuple[str, ...]) -> None:
    done = _cli("replay", "sweep", str(file), *words)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C comes otherwise there")
@pytest.mark.parametrize("words", [(), ("sweep", "--set", "seed=1,2,3,4", "--workers", "2")])
def test_ctrl_c_ends_it_cleanly_and_leaves_no_run(tmp_path: Path, words: tuple[str, ...]) -> None:
    path, out = tmp_path / "replay.json", tmp_path / "out"
    long = document()
    long["data"] |= {"seconds": 200_000}
    path.write_text(json.dumps(long), encoding="utf-8")
    command = [sys.executable, "-m", "liveexec", "replay", *words[:1], str(path), *words[1:], "--results", str(out)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(8)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert not RunArchive(open_store(out.as_uri())).runs()
