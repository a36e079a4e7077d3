"""The server's main process: what its pid file says, and whether a process is really it."""

import os
from pathlib import Path
from typing import Self

import psutil
from attrs import frozen

__all__ = ["PidFile", "live_postmaster"]

_NAMES = frozenset({"postgres", "postmaster"})


@frozen
class PidFile:
    """What ``postmaster.pid`` says (PostgreSQL, ``src/include/utils/pidfile.h``: one value a line)."""

    pid: int
    status: str  # "starting", "stopping", "ready" or "standby"; empty while the server is still writing the file

    @classmethod
    def read(cls, pgdata: Path) -> Self | None:
        """The file's content; None when there is no file, or none with a process number in it."""
        try:
            text = (pgdata / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        return cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        lines = text.splitlines()
        try:
            pid = abs(int(lines[0]))  # negative in single-user mode
        except (IndexError, ValueError):
            return None
        return cls(pid=pid, status=lines[7].strip() if len(lines) > 7 else "")


def live_postmaster(pgdata: Path) -> psutil.Process | None:
    """The live ``postgres`` of this data directory that its pid file names.

    None when there is none: a pid file that outlived its server may name a process that has nothing to do with it.
    A ``postgres`` that can't be looked into counts as the server: taking a live one for dead costs data, the other
    mistake costs a message.
    """
    file = PidFile.read(pgdata)
    if file is None or file.pid == 0:
        return None
    try:
        process = psutil.Process(file.pid)
        return process if _serves(process, pgdata) else None
    except (psutil.NoSuchProcess, OverflowError):
        return None


def _serves(process: psutil.Process, pgdata: Path) -> bool:
    if process.status() == psutil.STATUS_ZOMBIE or process.name() not in _NAMES:
        return False
    try:
        command_line = process.cmdline()
        if not command_line:
            return False  # it is just ending
        folder = _data_directory(command_line) or process.cwd()
    except psutil.AccessDenied:
        return True
    return os.path.realpath(folder) == os.path.realpath(pgdata)


def _data_directory(command_line: list[str]) -> str | None:
    for position, argument in enumerate(command_line):
        if argument.startswith("-D"):
            return argument[2:] or "".join(command_line[position + 1 : position + 2])
    return None
