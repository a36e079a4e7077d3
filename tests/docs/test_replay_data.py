"""The guide to data for replays: every command runs as it stands there, one after the other, in one shell."""

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from generators.results import result_tables

from liveexec.assembly import stores_of
from liveexec.config.loading import load_store_sections
from liveexec.plugins.manager import load_plugins
from liveexec.storage.results.rows import RESULT_TABLES, result_columns

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "replay-data.md"
BASH = shutil.which("bash")
SPOT = "BINANCE-SPOT:SPOT_PAIR:BTC-USDT"
TEN_US = int(dt.datetime(2025, 1, 15, 10, tzinfo=dt.UTC).timestamp()) * 1_000_000
SECONDS = 3_600
TRADES_A_SECOND = 100


def record(root: Path) -> None:
    """An hour of the day that the guide speaks of, as a recorder writes it: one row group."""
    day = root / "raw_tick_data/by_date/day-2025-01-15"
    count = SECONDS * TRADES_A_SECOND
    trades = {
        "timestamp": [TEN_US + number * 1_000_000 // TRADES_A_SECOND for number in range(count)],
        "price": [60_000.0 + number % 100 / 100 for number in range(count)],
        "amount": [0.5] * count,
        "side": ["buy", "sell"] * (count // 2),
        "id": [f"{number:09}" for number in range(count)],
    }
    books: dict[str, list[float] | list[int]] = {
        "timestamp": [TEN_US + second * 1_000_000 for second in range(SECONDS)]
    }
    for side, sign in (("asks", 1), ("bids", -1)):
        for level in range(5):
            books[f"{side}[{level}].price"] = [60_000.0 + sign * (level + 1) / 10] * SECONDS
            books[f"{side}[{level}].amount"] = [1.5] * SECONDS
    for kind, columns in (("trades", trades), ("book_snapshot_5", books)):
        path = day / f"data_type-{kind}" / f"{SPOT}.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table(columns), path)


@pytest.mark.skipif(BASH is None, reason="the guide's commands are a shell's, and bash is not on the path")
def test_every_command_of_the_guide_does_what_it_says(tmp_path: Path) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    _, signals = re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "signals.json").write_text(signals, encoding="utf-8")
    record(tmp_path / "market")
    commands = [
        line.removeprefix("$ ")
        for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if not line.startswith("$ pip ")
    ]
    assert len(commands) == 10
    # What each prints goes into a file of its own.
    lines = ["set -e", f'liveexec() {{ "{sys.executable}" -m liveexec "$@"; }}']
    lines += [f"{line}{'' if '=$(' in line else f' > out-{number}'}" for number, line in enumerate(commands)]
    dropped = ("DATABASE_URL", "PGPASSWORD")
    environ = {name: value for name, value in os.environ.items() if name not in dropped}
    # The demo's socket has its place below the state's folder, and the paths of sockets are short.
    with tempfile.TemporaryDirectory(prefix="lx-") as state:
        own = {"XDG_STATE_HOME": state, "XDG_DATA_HOME": str(tmp_path / "data"), "COLUMNS": "200"}
        ended = subprocess.run(
            [str(BASH), "-c", "\n".join(lines)],
            cwd=tmp_path,
            env=environ | own,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    told = {line: (tmp_path / f"out-{number}").read_text() for number, line in enumerate(commands) if "=$(" not in line}
    before, after = (next(told[line] for line in told if f"inspect {name}" in line) for name in ("market", "laid"))
    assert "1 of 1" in before
    # Five minutes and eleven, of sixty.
    assert re.search(r"trades +2 +16 of 60 ", after)
    assert "2 signals, 1 interval without a change skipped" in after
    assert (
        "2 files laid out and verified, 0 left as they were"
        in told["liveexec data layout market --day 2025-01-15 --to laid"]
    )
    assert (
        "0 files laid out and verified, 2 left as they were"
        in told["liveexec data layout laid --day 2025-01-15 --in-place"]
    )
    assert "2 runs" in told["liveexec results list runs"]
    assert "Equity curve" in told["liveexec results show runs $FIRST"]
    assert "no difference" in told["liveexec results compare runs $FIRST $SECOND"]
    (summary, _) = sorted((tmp_path / "runs/backtest_results").glob("*/summary.json"))
    assert json.loads(summary.read_text())["orders"] > 50


def test_every_column_of_every_file_is_on_the_page() -> None:
    page = result_tables()
    for name, kind in RESULT_TABLES.items():
        (section,) = re.findall(rf"^### {name}\.parquet\n(.*?)(?=^### |\Z)", page, re.MULTILINE | re.DOTALL)
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [each.name for each in result_columns(kind)]


def test_the_section_of_the_guide_can_be_used(tmp_path: Path) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    section, _ = re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    account = {"client_email": "a@b", "private_key": "", "private_key_id": "", "disable_oauth": True}
    for name in ("reader.json", "writer.json", "ticks.key"):
        (tmp_path / name).write_text(json.dumps(account), encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    file = tmp_path / "live.json"
    file.write_text(section.replace("/etc/liveexec", tmp_path.as_posix()), encoding="utf-8")
    said = load_store_sections(file, {"TICKS_KEY_ID": "a-key"})
    stores = stores_of(said.objects, load_plugins(()))
    assert stores.faults() == []
    assert stores.open("gs://results/2025").url == "gs://results/2025"
