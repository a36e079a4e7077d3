"""The store as liveexec uses it: signals, windows of ticks, results, and its own commands, from installed wheels."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from subprocess import CompletedProcess, run
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liveexec.domain.ids import InstrumentId
from liveexec.domain.object_store import ObjectStore, StreamsTimeRanges
from liveexec.domain.recorded import SourceTrade, TickKind
from liveexec.errors import ConfigurationError, NotFound, ObjectExists
from liveexec.plugins.manager import load_plugins
from liveexec.storage.objects.opening import open_store
from liveexec.storage.ticks.inspection import windows_for
from liveexec.storage.ticks.reader import WindowedMarket
from liveexec.storage.ticks.signal_files import read_signals

SPOT = InstrumentId("BINANCE-SPOT:SPOT_PAIR:BTC-USDT")
NOON_US = 1_723_118_400_000_000
SECOND_US = 1_000_000
SIGNAL = {
    "timestamp": "2024-08-08T12:10:00Z",
    "instrument_key": SPOT,
    "side": "BUY",
    "quantity": "1",
    "strategy_id": "s",
}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VAULT_ROOT", str(tmp_path))
    return tmp_path


def opened(url: str = "vault://market/data") -> ObjectStore:
    return open_store(url, factories=load_plugins().object_stores)


def record(root: Path) -> None:
    """An hour of trades, one a second."""
    times = [NOON_US + second * SECOND_US for second in range(3_600)]
    table = pa.table({"timestamp": times, "price": [1.5] * 3_600, "amount": [2.0] * 3_600, "side": ["buy"] * 3_600})
    path = root / f"market/data/raw_tick_data/by_date/day-2024-08-08/{TickKind.TRADES}/{SPOT}.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table, path)
    books: dict[str, Any] = {"timestamp": times[:1]}
    books |= {
        f"{side}[{n}].{part}": [1.0] for side in ("bids", "asks") for n in range(5) for part in ("price", "amount")
    }
    path = root / f"market/data/raw_tick_data/by_date/day-2024-08-08/{TickKind.BOOKS}/{SPOT}.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(books), path)


def test_it_is_a_plugin_that_is_found() -> None:
    (found,) = [each for each in load_plugins().loaded if each.distribution == "liveexec-vault"]
    assert found.registered == {"object stores": ("vault",)}
    assert found.version == version("liveexec-vault")


def test_windows_are_cut_out_by_the_layer_itself(root: Path) -> None:
    record(root)
    store = opened()
    store.put("signals.json", json.dumps([SIGNAL]).encode())
    signals = read_signals(store, "signals.json").signals
    market = WindowedMarket(store, windows_for(store, signals), kinds=[TickKind.TRADES])
    trades = [event for event in market.events() if isinstance(event, SourceTrade)]
    assert isinstance(store, StreamsTimeRanges)
    assert len(trades) == 300
    first_us, last_us = (trades[index].time_ns // 1_000 - NOON_US for index in (0, -1))
    assert (first_us, last_us) == (540 * SECOND_US, 839 * SECOND_US)
    assert not market.count.is_exact
    assert market.count.bytes_of_full_read == store.head(market.plans[0].file.path).size


def test_what_is_published_is_published_once() -> None:
    store = opened("vault://results")
    store.put("a/b", b"one")
    with pytest.raises(ObjectExists):
        store.put("a/b", b"two")
    assert store.get("a/b") == b"one"
    store.put("a/b", b"three", replace=True)
    assert store.get_ranges("a/b", [(0, 2), (3, 5)]) == [b"th", b"ee"]
    assert [(info.path, info.size) for info in store.list("a")] == [("a/b", 5)]
    with pytest.raises(NotFound):
        store.get("a/c")
    with pytest.raises(NotFound):
        store.head("a/c")


def test_options_that_it_does_not_have_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="is no option of the vault"):
        open_store("vault://x", {"region": "eu"}, load_plugins().object_stores)


def test_the_command_reads_through_it(root: Path) -> None:
    record(root)
    (root / "signals.json").write_text(json.dumps([SIGNAL]), encoding="utf-8")
    done = liveexec("data", "inspect", "vault://market/data", "--signals", str(root / "signals.json"))
    assert done.returncode == 0, done.stderr
    assert "the store cuts rows out itself" in done.stdout
    listed = liveexec("results", "list", "vault://results")
    assert (listed.returncode, listed.stdout.strip().splitlines()[-1]) == (0, "no runs")


def liveexec(*words: str) -> CompletedProcess[str]:
    """The command, as a process."""
    return run([sys.executable, "-m", "liveexec", *words], capture_output=True, text=True, check=False)
