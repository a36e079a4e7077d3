"""``liveexec demo``, the main job, as a user runs it: real processes, the embedded PostgreSQL, paper venues apart."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from liveexec.cli.exit_codes import ExitCode
from support.demo import Home, home

_DATA = Path(os.environ.get("LIVEEXEC_TEST_DATA", Path(__file__).parents[6] / "shared" / "data"))
_VERIFIED = "against the venues' own books: no difference"


@pytest.fixture
def user() -> Iterator[Home]:
    with home() as made:
        yield made


def _venue_servers(user: Home) -> list[psutil.Process]:
    """Paper venue processes of this home."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "liveexec.venues.paper.server" in line and any(str(user.folder) in word for word in line):
            found.append(process)
    return found


def _database_servers(user: Home) -> list[psutil.Process]:
    """Embedded servers of this home, and their supervisors."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(user.folder) in word for word in process.info["cmdline"] or [])
    ]


def _unexpected(output: str) -> list[str]:
    """The lines of steps that did not end as expected, with what was expected."""
    lines = output.splitlines()
    return [line + lines[index + 1] for index, line in enumerate(lines[:-1]) if "✗" in line]


def _succeeded(output: str) -> bool:
    return _VERIFIED in " ".join(output.split()) and "did not end as expected" not in output


def test_the_demo_executes_every_step_as_expected_and_verifies_it_and_a_second_run_works(user: Home) -> None:
    for _ in range(2):
        ended = user.run("demo")
        assert _unexpected(ended.stdout) == []
        assert ended.returncode == ExitCode.OK, ended.stdout[-3_000:] + ended.stderr
        assert _succeeded(ended.stdout)
    assert not user.run_file.exists()
    assert _venue_servers(user) == []


def test_a_kept_database_can_be_listed_and_equals_its_journal(user: Home) -> None:
    assert user.run("demo", "--keep").returncode == ExitCode.OK
    orders = json.loads(user.run("orders", "--limit", "500", "-o", "json").stdout)
    text = json.dumps(orders)
    for code in ("ORDER_SIZE", "VELOCITY", "SELF_MATCH", "LIABILITY"):
        assert code in text
    assert "FillApplied" in user.run("order", "OP-10-market").stdout
    assert "BTC" in user.run("positions").stdout
    assert "Routed" in user.run("log").stdout
    verified = user.run("db", "verify")
    assert verified.returncode == ExitCode.OK, verified.stdout + verified.stderr


@pytest.mark.skipif(not (_DATA / "market" / "raw_tick_data").is_dir(), reason="the recorded market is not here")
def test_the_demo_runs_on_recorded_books_and_trades(user: Home) -> None:
    ended = user.run("demo", "--market", str(_DATA / "market"))
    assert _unexpected(ended.stdout) == []
    assert ended.returncode == ExitCode.OK, ended.stdout[-3_000:] + ended.stderr
    assert _succeeded(ended.stdout)


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        pytest.param(signal.SIGINT, ExitCode.INTERRUPTED, "liveexec: interrupted", id="ctrl-c"),
        pytest.param(signal.SIGTERM, ExitCode.TERMINATED, "liveexec: terminated", id="sigterm"),
    ],
)
def test_a_signal_ends_the_demo_and_leaves_nothing_running(
    user: Home, tmp_path: Path, number: signal.Signals, code: ExitCode, line: str
) -> None:
    output = tmp_path / "out"
    demo = user.start("demo", "--keep", output=output)
    deadline_s = time.monotonic() + 60
    while "10-market" not in output.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline_s, output.read_text(encoding="utf-8")
        assert demo.poll() is None, output.read_text(encoding="utf-8")
        time.sleep(0.05)  # until the other process has come so far
    demo.send_signal(number)
    assert demo.wait(timeout=30) == code, output.read_text(encoding="utf-8")
    assert output.read_text(encoding="utf-8").splitlines()[-1] == line
    assert "Traceback" not in output.read_text(encoding="utf-8")
    assert not user.run_file.exists()
    assert _venue_servers(user) == []
    assert _database_servers(user) == []


def test_a_second_demo_at_the_same_time_is_refused(user: Home, tmp_path: Path) -> None:
    first = user.start("demo", output=tmp_path / "out")
    try:
        deadline_s = time.monotonic() + 60
        while not user.run_file.exists():
            assert time.monotonic() < deadline_s
            time.sleep(0.05)  # until the other process has come so far
        second = user.run("demo")
        assert second.returncode == ExitCode.FAILURE
        assert "another demo is running" in second.stderr
    finally:
        first.send_signal(signal.SIGINT)
        first.wait(timeout=60)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--speed", "fast"), "--speed"),
        (("--speed", "NaN"), "--speed"),
        (("--speed", "0"), "between 1 and 100"),
        (("--market", "/nowhere"), "raw_tick_data"),
        (("--orders", "/nowhere"), "no *.json"),
        (("--database", "mysql://x"), "postgresql://"),
    ],
)
def test_wrong_options_are_one_clear_line(user: Home, arguments: tuple[str, ...], message: str) -> None:
    ended = user.run("demo", *arguments)
    assert ended.returncode != ExitCode.OK
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_broken_order_file_is_named_with_every_fault(user: Home, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"operation": "trade", "quantity": -1, "sidee": "BUY"}', encoding="utf-8")
    (tmp_path / "b.json").write_text("{", encoding="utf-8")
    ended = user.run("demo", "--orders", str(tmp_path))
    assert ended.returncode == ExitCode.USAGE
    for part in ("a.json.sidee", "a.json.strategy_id", "a.json.quantity", "b.json"):
        assert part in ended.stderr
