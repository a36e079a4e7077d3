"""Bringing a server up, and down again: the only code that decides whether one runs."""

import time
from enum import Enum
from typing import assert_never

from attrs import define, field

from liveexec.storage.embedded import cluster
from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.binaries import PostgresBinaries
from liveexec.storage.embedded.binary_cache import executable_by
from liveexec.storage.embedded.credentials import PasswordFile
from liveexec.storage.embedded.diagnosis import FailedStart, last_log_line
from liveexec.storage.embedded.errors import (
    DataFolderBusy,
    DataFolderForeign,
    ServerStartTimedOut,
    ServerStopFailed,
    SocketTaken,
)
from liveexec.storage.embedded.folders import check_socket_folder, prepare_socket_folder
from liveexec.storage.embedded.launch import Launch, adopt, launch
from liveexec.storage.embedded.layout import PORT, ClusterLayout
from liveexec.storage.embedded.locks import Hold, server_runs, starting, supervisor_runs
from liveexec.storage.embedded.postmaster import PidFile, live_postmaster
from liveexec.storage.embedded.supervisor import remove_socket_folder, stop_server, wait_until

__all__ = ["Arrival", "BringUp", "let_go"]

_POLL_INTERVAL_S = 0.01
_RELAUNCH_INTERVAL_S = 0.2
_SUPERVISOR_END_S = 10.0
_STOP_LOCK_TIMEOUT_S = 90.0


class Arrival(Enum):
    """How a caller came by its server."""

    CREATED = "created"  # the cluster was made and its server started
    STARTED = "started"
    JOINED = "joined"  # somebody else had started it
    ADOPTED = "adopted"  # the same, and its supervisor had been killed


class _State(Enum):
    ABSENT = "absent"
    READY = "ready"
    CHANGING = "changing"  # starting, stopping, or orphaned backends finishing


@define
class BringUp:
    """One attempt to have a running server. The caller holds ``start.lock`` and a :class:`Hold`."""

    layout: ClusterLayout
    account: ServerAccount
    binaries: PostgresBinaries | None
    start_lock: int
    timeout_s: float
    _deadline_s: float = field(init=False, default=0.0)
    _launched: Launch | None = field(init=False, default=None)
    _arrival: Arrival = field(init=False, default=Arrival.JOINED)

    def run(self) -> Arrival:
        """Return when the server takes connections.

        Raises:
            EmbeddedPostgresError: it can't be had; each class says why.
        """
        self._deadline_s = time.monotonic() + self.timeout_s
        while True:
            match self._observe():
                case _State.READY:
                    return self._take()
                case _State.ABSENT:
                    self._start()
                case _State.CHANGING:
                    pass
                case impossible:
                    assert_never(impossible)
            if time.monotonic() >= self._deadline_s:
                raise self._timed_out()
            time.sleep(_POLL_INTERVAL_S)

    def _observe(self) -> _State:
        if not server_runs(self.layout):
            self._refuse_foreign_server()
            return _State.CHANGING if supervisor_runs(self.layout) else _State.ABSENT
        file = PidFile.read(self.layout.pgdata)
        if file is not None and file.status == "ready" and live_postmaster(self.layout.pgdata) is not None:
            return _State.READY
        return _State.CHANGING

    def _refuse_foreign_server(self) -> None:
        # A process that is just ending has dropped its lock already and may be seen a little longer.
        if not wait_until(lambda: live_postmaster(self.layout.pgdata) is None, timeout_s=1.0):
            raise DataFolderForeign(
                f"a PostgreSQL that liveexec did not start runs on {self.layout.pgdata}: "
                f"stop it with pg_ctl -D '{self.layout.pgdata}' stop, then try again"
            )

    def _take(self) -> Arrival:
        folder = self.layout.socket_folder(self.account.uid)
        if not (folder / f".s.PGSQL.{PORT}").exists():
            raise SocketTaken(
                f"the socket of the running PostgreSQL of {self.layout.home} was deleted from {folder}: end the "
                "programs that use it, then try again"
            )
        check_socket_folder(self.layout, self.account)
        PasswordFile(self.layout.password_file).check()
        if not supervisor_runs(self.layout):
            postmaster = live_postmaster(self.layout.pgdata)
            if postmaster is not None:
                adopt(self.layout, self.account, postmaster, self.start_lock)
                return Arrival.ADOPTED
        return self._arrival

    def _start(self) -> None:
        if self._launched is not None:
            failed = FailedStart.from_log(self.layout.log, self._launched.log_offset)
            if not failed.is_data_in_use or time.monotonic() >= self._deadline_s:
                raise failed.explain(self.layout)
            time.sleep(_RELAUNCH_INTERVAL_S)
        binaries, major = executable_by(self.account, self.binaries or PostgresBinaries.locate())
        if self._launched is None:
            self._arrival = Arrival.STARTED
        if not cluster.exists(self.layout):
            remaining_s = max(1.0, self._deadline_s - time.monotonic())
            cluster.initialise(self.layout, self.account, binaries, self.start_lock, remaining_s)
            self._arrival = Arrival.CREATED
        cluster.check_version(self.layout, binaries, major)
        PasswordFile(self.layout.password_file).check()
        prepare_socket_folder(self.layout, self.account)
        # No process of a server of ours is left and the file names no other, or we would not be here. PostgreSQL
        # itself would take any live process of that number for its server.
        (self.layout.pgdata / "postmaster.pid").unlink(missing_ok=True)
        self._launched = launch(self.layout, self.account, binaries, self.start_lock)

    def _timed_out(self) -> ServerStartTimedOut:
        waited = f"the PostgreSQL of {self.layout.home} was not ready in {self.timeout_s:g} s"
        if live_postmaster(self.layout.pgdata) is not None:
            return ServerStartTimedOut(
                f"{waited} (last log line: {last_log_line(self.layout.log)}): it may be recovering from a crash; "
                "try again with a larger start_timeout_s"
            )
        return ServerStartTimedOut(
            f"{waited}: processes of an earlier server still use it, though its main process is not to be seen here "
            "(killed, or in another container); end them, then try again"
        )


def let_go(layout: ClusterLayout, account: ServerAccount, hold: Hold) -> None:
    """Drop `hold`, and stop the server if that was the last one.

    Raises:
        ServerStopFailed: the server was told to stop and did not.
    """
    try:
        with starting(layout, _STOP_LOCK_TIMEOUT_S):
            if hold.drop_and_tell_if_last():
                _stop(layout)
                remove_socket_folder(layout.socket_folder(account.uid))
    except (DataFolderBusy, FileNotFoundError):
        # Somebody is starting the server all the while, or deleted its folder. The supervisor sees to what is left.
        hold.drop()


def _stop(layout: ClusterLayout) -> None:
    postmaster = live_postmaster(layout.pgdata)
    if postmaster is not None and server_runs(layout) and not stop_server(postmaster, layout.server_lock):
        raise ServerStopFailed(
            f"the PostgreSQL of {layout.home} (pid {postmaster.pid}) did not stop: end it by hand, see {layout.log}"
        )
    if not wait_until(lambda: not supervisor_runs(layout), _SUPERVISOR_END_S):
        raise ServerStopFailed(f"the PostgreSQL of {layout.home} stopped, but its supervisor still runs")
