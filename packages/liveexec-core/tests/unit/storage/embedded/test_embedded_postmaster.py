"""Is the process that a pid file names really the server?"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.storage.embedded.postmaster import PidFile, live_postmaster


def pid_file(pgdata: Path, pid: object) -> None:
    (pgdata / "postmaster.pid").write_text(f"{pid}\n{pgdata}\n1700000000\n5432\n/tmp\n\n 1 2\nready   \n")


@given(st.text())
def test_any_text_is_a_pid_file_or_none(text: str) -> None:
    parsed = PidFile.parse(text)
    assert parsed is None or parsed.pid >= 0


@given(st.integers(min_value=1, max_value=2**22), st.sampled_from(["starting", "stopping", "ready", "standby"]))
def test_pid_and_status_are_read(pid: int, status: str) -> None:
    lines = [str(pid), "/data", "1700000000", "5432", "/tmp/lx", "", "  1234567   1", status.ljust(8)]
    assert PidFile.parse("\n".join(lines) + "\n") == PidFile(pid=pid, status=status)
    assert PidFile.parse("\n".join(lines[:7])) == PidFile(pid=pid, status="")


def test_a_single_user_server_is_named_by_a_negative_number() -> None:
    assert PidFile.parse("-77\n/data\n") == PidFile(pid=77, status="")


def test_no_file_names_no_server(tmp_path: Path) -> None:
    assert PidFile.read(tmp_path) is None
    assert live_postmaster(tmp_path) is None


@pytest.mark.parametrize("pid", [0, 2**22 + 1, 2**31, 2**64, pytest.param(os.getpid(), id="our own"), 1])
def test_a_number_of_nobody_or_of_another_program_is_no_server(tmp_path: Path, pid: int) -> None:
    pid_file(tmp_path, pid)
    assert live_postmaster(tmp_path) is None


def test_a_process_of_another_name_is_no_server_even_with_the_servers_arguments(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()", "-D", str(tmp_path)], stdin=subprocess.PIPE) as other:
        pid_file(tmp_path, other.pid)
        assert live_postmaster(tmp_path) is None


def test_a_zombie_is_no_server(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        pid_file(tmp_path, child.pid)
        assert live_postmaster(tmp_path) is None


@pytest.fixture
def pretend_server(tmp_path: Path) -> Iterator[Callable[[Path], int]]:
    """Runs a program that is called postgres in a folder; its process number."""
    program = tmp_path / "postgres"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    processes: list[subprocess.Popen[bytes]] = []

    def run(cwd: Path) -> int:
        processes.append(subprocess.Popen([program, "600"], cwd=cwd))
        return processes[-1].pid

    yield run
    for process in processes:
        process.kill()
        process.wait(timeout=30)


@pytest.mark.skipif(sys.platform != "linux", reason="a copied system program does not run elsewhere")
def test_a_server_is_known_by_the_folder_it_works_in(tmp_path: Path, pretend_server: Callable[[Path], int]) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    for folder in (mine, other):
        folder.mkdir()
    pid_file(mine, pretend_server(mine))
    assert live_postmaster(mine) is not None
    pid_file(mine, pretend_server(other))
    assert live_postmaster(mine) is None
