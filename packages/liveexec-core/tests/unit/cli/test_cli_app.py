"""The command line before any command runs: help, version, mistakes, and how quick it is about them."""

import subprocess
import sys
from pathlib import Path

import pytest

from liveexec.cli.app import app, run
from liveexec.cli.exit_codes import ExitCode
from support.canaries import canary

COMMANDS = ("audit", "db", "demo", "fills", "log", "order", "orders", "positions")


def test_help_lists_every_command_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) is ExitCode.OK
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert f"│ {command} " in shown
    for code in ExitCode:
        assert f"{code.value} " in shown
    assert run([]) is ExitCode.OK


def test_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) is ExitCode.OK
    assert capsys.readouterr().out.startswith("liveexec 0.")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ordes", "liveexec: there is no command 'ordes', did you mean 'orders'? (see `liveexec --help`)"),
        ("xyz", "liveexec: there is no command 'xyz' (see `liveexec --help`)"),
        ("orders --bogus", "liveexec: Unknown option: --bogus (see `liveexec orders --help`)"),
        ("orders --limit many", '--limit: unable to convert "many" into int (see `liveexec orders --help`)'),
        ("orders --limit 0", "for --limit. Must be between 1 and 100000 (see"),
        ("orders --status NONSENSE", "for --status. Choose from: "),
        ("orders -o yaml", 'Choose from: "table", "json", "csv", "tsv"'),
        ("orders --watch 0", "for --watch. Must be between 0.1 and 86400 seconds"),
        ("order", "ID"),
        ("db nonsense", "there is no command 'nonsense'"),
        ("log --since yesterday", "--since: 'yesterday' is neither a time"),
        ("orders --database nonsense", "--database: the database's address can't be used"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) is ExitCode.USAGE
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_debug_is_taken_anywhere_but_behind_the_end_of_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--debug", "--version"]) is ExitCode.OK
    assert run(["--version", "--debug"]) is ExitCode.OK
    assert run(["orders", "--", "--debug"]) is ExitCode.USAGE
    assert "--debug" in capsys.readouterr().err


def test_the_password_of_an_address_is_never_echoed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["orders", "--database", f"mysql://user:{canary()}@host/db"]) is ExitCode.USAGE
    assert canary() not in capsys.readouterr().err


IMPORTED = """
import sys
from liveexec.cli.app import run
assert run(["--help"]) == 0
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path
    )
    loaded = set(done.stderr.split())
    assert not loaded & {"asyncpg", "sqlalchemy", "alembic", "pyarrow", "uvloop", "anyio", "prometheus_client"}
    assert "cyclopts" in loaded


def test_every_command_but_the_demo_loads() -> None:
    for name in COMMANDS:
        if name != "demo":
            assert app[name].help
