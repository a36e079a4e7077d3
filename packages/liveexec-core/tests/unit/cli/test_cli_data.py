"""``liveexec data`` and ``liveexec results`` on folders: what they print, write and refuse."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from attrs import evolve

from liveexec.cli.app import run
from liveexec.cli.exit_codes import ExitCode
from liveexec.storage.objects.opening import open_store
from liveexec.storage.results.archive import RunArchive
from support.results import make_run

SPOT = "BINANCE-SPOT:SPOT_PAIR:BTC-USDT"
#: 2024-08-08T12:00:00Z in microseconds.
NOON_US = 1_723_118_400_000_000
MINUTE_US = 60_000_000
ROWS_A_MINUTE = 5_000


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Half an hour of trades, in one row group, the newest first."""
    times = [NOON_US + number * MINUTE_US // ROWS_A_MINUTE for number in range(30 * ROWS_A_MINUTE)]
    count = len(times)
    columns = {"timestamp": times[::-1], "price": [1.5] * count, "amount": [2.0] * count, "side": ["buy"] * count}
    columns["id"] = [f"{number:012}" for number in range(count)]
    levels = {
        f"{side}[{level}].{part}": [1.0] * 30
        for side in ("bids", "asks")
        for level in range(5)
        for part in ("price", "amount")
    }
    books = {"timestamp": [NOON_US + minute * MINUTE_US for minute in range(30)], **levels}
    for kind, table in (("trades", columns), ("book_snapshot_5", books)):
        path = tmp_path / f"market/raw_tick_data/by_date/day-2024-08-08/data_type-{kind}/{SPOT}.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table(table), path)
    return tmp_path / "market"


@pytest.fixture
def signals(tmp_path: Path) -> Path:
    rows = [
        {
            "timestamp": f"2024-08-08T12:{minute}:00Z",
            "instrument_key": key,
            "side": "BUY",
            "quantity": 1,
            "strategy_id": "s",
        }
        for minute, key in ((10, SPOT), (12, "SPOT_PAIR:BTC-USDT"))
    ]
    path = tmp_path / "signals.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def told(capsys: pytest.CaptureFixture[str], *words: object, code: ExitCode = ExitCode.OK) -> str:
    capsys.readouterr()
    assert run([str(word) for word in words]) is code
    seen = capsys.readouterr()
    return seen.out if code is ExitCode.OK else seen.err


def rows_of(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)
    return found


def test_a_day_is_laid_out_and_signals_then_read_less_of_it(
    market: Path, signals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows_of(told(capsys, "data", "inspect", market, "--signals", signals, "-o", "json"))
    laid = tmp_path / "laid out"
    files = rows_of(told(capsys, "data", "layout", market, "--day", "2024-08-08", "--to", laid, "-o", "json"))
    assert [(each["kind"], each["rows"], each["groups_before"], each["groups"]) for each in files] == [
        ("data_type-book_snapshot_5", 30, 1, 1),
        ("data_type-trades", 30 * ROWS_A_MINUTE, 1, 30),
    ]
    after = rows_of(told(capsys, "data", "inspect", laid, "--signals", signals, "-o", "json"))
    trades = [next(row for row in rows if row["kind"] == "data_type-trades") for rows in (before, after)]
    assert (trades[0]["groups"], trades[1]["groups"]) == ("1 of 1", "7 of 30")
    assert (trades[0]["layout"], trades[1]["layout"]) == ("as recorded", "minutes")
    assert trades[1]["read"] < trades[0]["read"]
    assert "was so already" in told(capsys, "data", "layout", laid, "--day", "2024-08-08", "--in-place")


def test_what_is_read_follows_from_lead_tail_and_depth(
    market: Path, signals: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "data", "layout", market, "--day", "2024-08-08", "--in-place")
    inspect = ("data", "inspect", market, "--signals", signals, "-o", "json")
    short = rows_of(told(capsys, *inspect, "--lead", "0", "--tail", "59"))
    assert short[0]["groups"] == "2 of 30"
    assert short[0]["windows"] == 2
    deep, shallow = (rows_of(told(capsys, *inspect, "--depth", str(depth)))[1]["bytes"] for depth in (5, 1))
    assert shallow < deep


def test_the_cache_of_footers_is_used(
    market: Path, signals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inspect = ("data", "inspect", market, "--signals", signals, "--cache", tmp_path / "footers", "-o", "json")
    first, second = (rows_of(told(capsys, *inspect))[0]["footer_bytes"] for _ in range(2))
    assert (first > 0, second) == (True, 0)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("layout", "{market}", "--day", "2024-08-08"), ExitCode.USAGE, "needs --to STORE or --in-place"),
        (("layout", "{market}", "--day", "2024-08-08", "--to", "{market}"), ExitCode.USAGE, "is the store itself"),
        (("layout", "{market}", "--day", "2024-08-09", "--in-place"), ExitCode.NOT_FOUND, "no such tick files"),
        (("layout", "{market}", "--day", "yesterday", "--in-place"), ExitCode.USAGE, "yesterday"),
        (("layout", "{market}", "--day", "2024-08-08", "--in-place", "--instrument", "?"), ExitCode.USAGE, "'?'"),
        (("inspect", "{market}", "--signals", "{market}/none.json"), ExitCode.NOT_FOUND, "none.json"),
        (("inspect", "nobody://x", "--signals", "a.json"), ExitCode.USAGE, "nobody has nobody://"),
        (("inspect", "s3://user:pass@x", "--signals", "a.json"), ExitCode.USAGE, "must not hold a user or a password"),
        (("inspect", "{market}", "--signals", "a.json", "--depth", "6"), ExitCode.USAGE, "between 1 and 5"),
        (("inspect", "{market}", "--signals", "a.json", "--lead", "-1"), ExitCode.USAGE, "between 0 and"),
    ],
)
def test_what_can_not_be_done_is_said_in_one_line(
    market: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: ExitCode, says: str
) -> None:
    error = told(capsys, "data", *(word.format(market=market) for word in words), code=code)
    assert says in error
    assert error.count("\n") == 1
    assert "pass@" not in error


def test_signals_of_what_was_not_recorded_are_named(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"timestamp": "2024-08-08T12:00:00Z", "instrument_key": "OKX:SPOT_PAIR:ETH-USDT", "side": "BUY"}
    (tmp_path / "other.json").write_text(json.dumps([row | {"quantity": 1, "strategy_id": "s"}]), encoding="utf-8")
    error = told(capsys, "data", "inspect", market, "--signals", tmp_path / "other.json", code=ExitCode.USAGE)
    assert "OKX:SPOT_PAIR:ETH-USDT: has no recording" in error


@pytest.fixture
def archive(tmp_path: Path) -> RunArchive:
    return RunArchive(open_store((tmp_path / "runs").as_uri()))


def test_runs_are_listed_shown_and_compared(
    archive: RunArchive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = make_run("one"), make_run("other", last_price="44000")
    changed = evolve(other.orders[0], status="CANCELED", filled_amount=other.orders[0].filled_amount / 2)
    for each in (one, evolve(other, orders=[changed])):
        archive.publish(each)
    (tmp_path / "runs/config/20250101T000000Z-lost-00000000-aaaaa").mkdir()
    (tmp_path / "runs/config/20250101T000000Z-lost-00000000-aaaaa/backtest_config.json").write_text("{}")
    listed = rows_of(told(capsys, "results", "list", tmp_path / "runs", "-o", "json"))
    assert [(row["run_id"].split("-")[1], row["state"], row.get("result")) for row in listed] == [
        ("lost", "incomplete", None),
        ("one", "complete", "70.5"),
        ("other", "complete", "-229.5"),
    ]
    assert listed[1]["share"] == "4"
    ids = [one.summary.run_id, other.summary.run_id]
    shown = json.loads(told(capsys, "results", "show", tmp_path / "runs", ids[0], "-o", "json"))
    assert set(shown) == {"run", "orders", "fills", "positions", "equity_curve"}
    assert len(shown["equity_curve"]) == 3
    last = json.loads(told(capsys, "results", "show", tmp_path / "runs", ids[0], "--limit", "1", "-o", "json"))
    assert last["equity_curve"] == shown["equity_curve"][-1:]
    assert "the last 1 of 3" in told(capsys, "results", "show", tmp_path / "runs", ids[0], "--limit", "1")
    compared = json.loads(told(capsys, "results", "compare", tmp_path / "runs", *ids, "-o", "json"))
    assert [(row["column"], row["first"], row["other"]) for row in compared["differences"]] == [
        ("status", "FILLED", "CANCELED"),
        ("filled_amount", "1", "0.5"),
    ]
    assert "one configuration" in told(capsys, "results", "compare", tmp_path / "runs", *ids)


def test_runs_that_are_not_there_are_not_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = make_run().summary.run_id
    assert "no runs" in told(capsys, "results", "list", tmp_path)
    assert "no finished run" in told(capsys, "results", "show", tmp_path, run_id, code=ExitCode.NOT_FOUND)
    assert "does not read like" in told(capsys, "results", "show", tmp_path, "../x", code=ExitCode.USAGE)
    assert "two runs or more" in told(capsys, "results", "compare", tmp_path, run_id, code=ExitCode.USAGE)
