"""The command as a process: terminals, pipes that close, signals, and what it says when there is no database."""

import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path

import pytest

from liveexec.cli.exit_codes import ExitCode
from liveexec.storage.dsn import Dsn
from support.canaries import canary

Environ = dict[str, str]
Run = Callable[..., subprocess.CompletedProcess[str]]
Spawn = Callable[..., subprocess.Popen[str]]
END_S = 60.0
#: What ends a command, and how it says so.
ENDS = pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        pytest.param(signal.SIGINT, ExitCode.INTERRUPTED, "liveexec: interrupted\n", id="ctrl-c"),
        pytest.param(signal.SIGTERM, ExitCode.TERMINATED, "liveexec: terminated\n", id="sigterm"),
    ],
)


class Terminal:
    """A terminal of our own, whose screen is what was written to it."""

    def __init__(self, columns: int, heard: Callable[[bytes], None]) -> None:
        self._ours, self.theirs = pty.openpty()
        ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.written = ""
        self._heard = heard

    def read_until(self, mark: str) -> None:
        deadline_s = time.monotonic() + END_S
        while mark not in self.written:
            assert time.monotonic() < deadline_s, self.written
            if select.select([self._ours], [], [], 1.0)[0]:
                read = os.read(self._ours, 65_536)
                self._heard(read)
                self.written += read.decode()

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.theirs)


@pytest.fixture
def terminal(overhear: Callable[[str], Callable[[bytes], None]]) -> Terminal:
    return Terminal(columns=80, heard=overhear("a terminal"))


def test_a_terminal_gets_a_table_that_fits(spawn: Spawn, terminal: Terminal) -> None:
    process = spawn("orders", stdout=terminal.theirs)
    terminal.read_until("4 orders, 2 open")
    assert process.wait(END_S) == ExitCode.OK
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.written)
    assert all(len(line.rstrip("\r")) <= 80 for line in plain.split("\n"))
    assert "PARTIALLY_FILLED" in plain or "FILLED" in plain
    assert "\x1b[" in terminal.written
    terminal.close()


@ENDS
def test_watching_on_a_terminal_ends_cleanly(
    spawn: Spawn, terminal: Terminal, number: signal.Signals, code: ExitCode, line: str
) -> None:
    process = spawn("orders", "--watch", "0.1", stdout=terminal.theirs)
    terminal.read_until("4 orders, 2 open")
    process.send_signal(number)
    terminal.read_until("\x1b[?1049l")  # back from the alternate screen
    _, said = process.communicate(timeout=END_S)
    assert process.returncode == code
    assert said == line
    terminal.close()


@ENDS
def test_watching_in_a_pipe_gives_one_document_after_the_other(
    spawn: Spawn, number: signal.Signals, code: ExitCode, line: str
) -> None:
    process = spawn("orders", "--watch", "0.1", "-o", "json")
    assert process.stdout is not None
    first, second = process.stdout.readline(), process.stdout.readline()
    assert json.loads(first) == json.loads(second)
    process.send_signal(number)
    _, said = process.communicate(timeout=END_S)
    assert process.returncode == code
    assert said == line


@pytest.mark.parametrize("arguments", [("log",), ("orders", "--watch", "0.1", "-o", "json"), ("--help",)])
def test_a_reader_that_has_seen_enough_is_no_failure(spawn: Spawn, arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = spawn(*arguments, stdout=writing)
    os.close(writing)
    _, said = process.communicate(timeout=END_S)
    assert process.returncode == ExitCode.OK
    assert said == ""


@pytest.mark.parametrize("command", ["orders", "fills", "positions", "log"])
def test_without_a_database_nothing_is_made_and_the_way_to_one_is_said(
    run_in: Run, bare_environ: Environ, tmp_path: Path, command: str
) -> None:
    done = run_in(bare_environ, command)
    assert done.returncode == ExitCode.DATABASE_UNAVAILABLE
    assert done.stderr == "liveexec: no database here: run `liveexec demo --keep` or give --database\n"
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_is_named_without_its_password(run_in: Run, bare_environ: Environ) -> None:
    done = run_in(bare_environ, "orders", "--database", f"postgresql://me:{canary()}@127.0.0.1:1/nothing")
    assert done.returncode == ExitCode.DATABASE_UNAVAILABLE
    assert done.stderr.count("\n") == 1
    assert "127.0.0.1:1" in done.stderr
    assert canary() not in done.stderr


def test_the_option_goes_before_the_variable(run_in: Run, bare_environ: Environ, orders_dsn: Dsn) -> None:
    wrong = bare_environ | {"DATABASE_URL": "postgresql://127.0.0.1:1/nothing"}
    assert run_in(wrong, "orders").returncode == ExitCode.DATABASE_UNAVAILABLE
    assert run_in(wrong, "orders", "--database", orders_dsn.url).returncode == ExitCode.OK


def test_a_database_without_the_schema_says_what_to_run(
    run_in: Run, bare_environ: Environ, empty_database_dsn: Dsn
) -> None:
    done = run_in(bare_environ, "orders", "--database", empty_database_dsn.url)
    assert done.returncode == ExitCode.DATABASE_UNAVAILABLE
    assert "run `liveexec db upgrade`" in done.stderr
    assert done.stderr.count("\n") == 1


def test_debug_adds_the_traceback(run_in: Run, bare_environ: Environ) -> None:
    quiet = run_in(bare_environ, "orders")
    loud = run_in(bare_environ, "orders", "--debug")
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in loud.stderr
    assert loud.stderr.endswith(quiet.stderr)
    assert loud.returncode == quiet.returncode


@ENDS
def test_a_signal_while_it_connects_is_answered_cleanly(
    start_in: Spawn, bare_environ: Environ, number: signal.Signals, code: ExitCode, line: str
) -> None:
    # A server that takes the connection and never says a word.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(END_S)
        port = silent.getsockname()[1]
        process = start_in(bare_environ, "orders", "--database", f"postgresql://me@127.0.0.1:{port}/x")
        connection, _ = silent.accept()
        process.send_signal(number)
        _, said = process.communicate(timeout=END_S)
        connection.close()
    assert process.returncode == code
    assert said == line


def test_sigterm_ends_a_command_that_a_shell_started_in_the_background(spawn: Spawn) -> None:
    # Shells without job control have such commands ignore SIGINT, so nothing may rest on that.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = spawn("orders", "--watch", "0.1", "-o", "json")
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=END_S)
    assert (process.returncode, said) == (ExitCode.TERMINATED, "liveexec: terminated\n")


def test_sigterm_that_whoever_started_the_command_ignores_stays_ignored(spawn: Spawn) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        process = spawn("orders", "--watch", "0.1", "-o", "json")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline()
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=END_S)
    assert (process.returncode, said) == (ExitCode.INTERRUPTED, "liveexec: interrupted\n")
