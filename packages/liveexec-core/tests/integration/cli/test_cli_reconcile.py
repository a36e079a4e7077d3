"""``liveexec reconcile``: shown first, recorded then, and nothing left the second time."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from liveexec.cli.exit_codes import ExitCode
from liveexec.storage.dsn import Dsn

Run = Callable[..., CompletedProcess[str]]
Environ = dict[str, str]


@pytest.fixture
def configuration(tmp_path: Path, database_dsn: Dsn) -> str:
    """Two paper venues, and a database in which nothing has happened."""
    file = tmp_path / "liveexec.json"
    document = {"mode": "paper", "external_adapters": {"PAPER": {}}, "database": {"url": database_dsn.url}}
    file.write_text(json.dumps(document), encoding="utf-8")
    return str(file)


def test_what_would_be_recorded_is_shown_before_it_is_recorded_once(
    run_in: Run, bare_environ: Environ, configuration: str, database_dsn: Dsn
) -> None:
    shown = run_in(bare_environ, "reconcile", configuration, "--dry-run", "-o", "json")
    assert (shown.returncode, shown.stderr) == (ExitCode.DIFFERENCES, "")
    events = json.loads(shown.stdout)["log"]
    assert {event["event"] for event in events} == {"AccountOpened", "AssetMoved"}
    info = json.loads(run_in(bare_environ, "db", "info", "-o", "json", "--database", database_dsn.url).stdout)
    assert info["shards"][0]["position"] == 0
    done = run_in(bare_environ, "reconcile", configuration, "-o", "json")
    assert (done.returncode, done.stderr) == (ExitCode.OK, "")
    recorded = json.loads(done.stdout)["log"]
    assert [(each["event"], each["stream"]) for each in recorded] == [
        (each["event"], each["stream"]) for each in events
    ]
    again = run_in(bare_environ, "reconcile", configuration)
    assert (again.returncode, again.stderr) == (ExitCode.OK, "")
    assert "nothing happened" in again.stdout
    dry = run_in(bare_environ, "reconcile", configuration, "--dry-run")
    assert dry.returncode == ExitCode.OK
    assert "nothing is left open" in dry.stdout


def test_a_configuration_with_faults_connects_nothing(run_in: Run, bare_environ: Environ, tmp_path: Path) -> None:
    file = tmp_path / "liveexec.json"
    file.write_text('{"mode": "paper", "external_adapters": {"NOWHERE": {}}}', encoding="utf-8")
    ended = run_in(bare_environ, "reconcile", str(file))
    assert ended.returncode == ExitCode.USAGE
    assert "NOWHERE" in ended.stderr
