"""What the server's log says about a start that failed, in terms of what to do.

PostgreSQL puts an SQLSTATE on every line (``log_line_prefix``), so that little here depends on the words of a message.
"""

import errno
import os
import re
from pathlib import Path
from typing import Self

from attrs import frozen

from liveexec.storage.embedded.errors import (
    EmbeddedPostgresError,
    ServerStartFailed,
    SocketTaken,
    disk_full,
    inaccessible,
    raise_if_disk_full,
)
from liveexec.storage.embedded.layout import ClusterLayout

__all__ = ["LOG_LINE_PREFIX", "FailedStart", "last_log_line"]

LOG_LINE_PREFIX = "%m [%p] %e "

_DISK_FULL = "53100"
_INSUFFICIENT_PRIVILEGE = "42501"
_LOCK_FILE_EXISTS = "F0001"  # also: the shared memory of an earlier server is still attached
_LAST_BYTES = 64 * 1024
_ENTRY = re.compile(r"\[\d+\] (?P<state>[0-9A-Z]{5}) (?P<severity>FATAL|PANIC|ERROR):\s+(?P<message>.*)")


@frozen
class FailedStart:
    """A server that ended while it was starting, as its log tells it."""

    sqlstate: str
    last_line: str

    @classmethod
    def from_log(cls, log: Path, offset: int) -> Self:
        """Read what was logged from byte `offset` on; the fatal line counts, else the last ones."""
        lines = _lines(log, offset)
        for line in reversed(lines):
            entry = _ENTRY.search(line)
            if entry and entry["severity"] != "ERROR":
                return cls(sqlstate=entry["state"], last_line=f"{entry['severity']}: {entry['message']}")
        # What goes wrong before the server has a log in its own format may take a few lines.
        return cls(sqlstate="", last_line=" ".join(lines[-3:]) or "it logged nothing")

    @property
    def is_data_in_use(self) -> bool:
        """Whether processes of an earlier server still use the data, which ends when they do."""
        return self.sqlstate == _LOCK_FILE_EXISTS

    def explain(self, layout: ClusterLayout) -> EmbeddedPostgresError:
        """The error to raise for it.

        Raises:
            DiskFull: the disk is full, which may have kept the server from logging anything.
        """
        raise_if_disk_full(layout.home)
        if self.sqlstate == _DISK_FULL:
            return disk_full(layout.home)
        if self.sqlstate == _INSUFFICIENT_PRIVILEGE or os.strerror(errno.EACCES) in self.last_line:
            return inaccessible(layout.home, self.last_line)
        if self.is_data_in_use:
            return SocketTaken(
                f"another PostgreSQL uses the data or the socket of {layout.home} ({self.last_line}): end it, "
                "then try again"
            )
        return ServerStartFailed(
            f"PostgreSQL ended while it was starting on {layout.home}: {self.last_line} (see {layout.log})"
        )


def last_log_line(log: Path) -> str:
    """The last thing logged; empty when there is nothing."""
    lines = _lines(log, 0)
    return lines[-1] if lines else ""


def _lines(log: Path, offset: int) -> list[str]:
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(offset, size - _LAST_BYTES))
        text = file.read(_LAST_BYTES).decode("utf-8", "replace")
    return [line.strip() for line in text.splitlines() if line.strip()]
