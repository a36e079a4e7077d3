"""The façade: one started, or joined, embedded server."""

import os
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from liveexec.storage.embedded import databases
from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.binaries import PostgresBinaries
from liveexec.storage.embedded.credentials import USER, PasswordFile
from liveexec.storage.embedded.errors import EmbeddedPostgresUnsupported, os_errors_explained
from liveexec.storage.embedded.folders import hand_over, prepare_home
from liveexec.storage.embedded.layout import PORT, ClusterLayout, default_data_dir
from liveexec.storage.embedded.locks import Hold, hold, sign, starting
from liveexec.storage.embedded.running import Arrival, BringUp, let_go

__all__ = ["EmbeddedPostgres"]


class EmbeddedPostgres:
    """A PostgreSQL server of liveexec's own, kept running as long as anybody holds it.

    Every process, and every call of :meth:`start`, that uses the same data folder shares one server. It stops with
    the last :meth:`release`; when the last holder is killed instead, the server's supervisor stops it a moment later.
    Should the server itself be killed, another :meth:`start` brings it back under the same address for all holders.

    The calls block, are safe in any thread, and need no event loop. A process made by ``fork`` shares its parent's
    hold and must not release it.
    """

    def __init__(self, layout: ClusterLayout, account: ServerAccount, held: Hold, arrival: Arrival) -> None:
        self._layout = layout
        self._account = account
        self._hold: Hold | None = held
        self._releasing = threading.Lock()
        self.arrival = arrival

    @classmethod
    def start(
        cls,
        data_dir: Path | None = None,
        *,
        binaries: PostgresBinaries | None = None,
        start_timeout_s: float = 60.0,
    ) -> Self:
        """Start the server of `data_dir`, making the folder and the cluster if need be, or join the running one.

        Args:
            data_dir: The folder for the data, the password and the log; :func:`default_data_dir` if none is named.
            binaries: The server's programs; :meth:`PostgresBinaries.locate` finds them if none are named.
            start_timeout_s: Seconds to wait for whoever starts it already, and again for the server to be ready.

        Raises:
            EmbeddedPostgresError: The server can't be had; each subclass says why, in one line that says what to do.
        """
        if sys.platform == "win32":
            raise EmbeddedPostgresUnsupported(
                "the embedded PostgreSQL runs on Linux and macOS: set DATABASE_URL to a running server"
            )
        layout = ClusterLayout(data_dir or default_data_dir())
        account = ServerAccount.for_cluster(layout)
        prepare_home(layout, account)
        began_s = time.monotonic()
        with os_errors_explained(layout.home), starting(layout, start_timeout_s) as start_lock:
            sign(start_lock)
            held = hold(layout, timeout_s=max(1.0, start_timeout_s - (time.monotonic() - began_s)))
            try:
                arrival = BringUp(layout, account, binaries, start_lock, start_timeout_s).run()
                hand_over(layout, account)
            except BaseException:
                held.drop()
                raise
        return cls(layout, account, held, arrival)

    @property
    def data_dir(self) -> Path:
        return self._layout.home

    @property
    def socket_folder(self) -> Path:
        return self._layout.socket_folder(self._account.uid)

    def dsn(self, database: str = "liveexec") -> str:
        """The address of `database` for asyncpg, libpq and, as ``postgresql+asyncpg:``, SQLAlchemy.

        It names the file of the password and not the password. A ``PGPASSWORD`` in the environment, which those
        clients prefer to the file, must be unset; :meth:`connect_kwargs` does not mind it.
        """
        return (
            f"postgresql://{USER}@/{quote(database, safe='')}?host={quote(str(self.socket_folder), safe='')}"
            f"&port={PORT}&passfile={quote(str(self._layout.password_file), safe='')}"
        )

    def connect_kwargs(self, database: str = "liveexec") -> dict[str, Any]:
        """Arguments of ``asyncpg.connect`` and ``create_pool``, and ``connect_args`` of SQLAlchemy's asyncpg engine.

        The password is an object that reads it from its file when asyncpg connects, and shows the file's path only.
        """
        return {
            "host": str(self.socket_folder),
            "port": PORT,
            "user": USER,
            "database": database,
            "password": PasswordFile(self._layout.password_file),
        }

    def ensure_database(self, database: str) -> None:
        """Create `database` unless it exists."""
        databases.ensure_database(self.connect_kwargs(databases.MAINTENANCE_DATABASE), database)

    def drop_database(self, database: str) -> None:
        """Drop `database` if it exists, ending the connections to it."""
        databases.drop_database(self.connect_kwargs(databases.MAINTENANCE_DATABASE), database)

    def release(self) -> None:
        """Stop using the server; the last one to do so stops it, and returns when it has stopped. May be repeated.

        Raises:
            ServerStopFailed: it did not stop.
        """
        with self._releasing:
            held, self._hold = self._hold, None
        if held is None:
            return
        if held.pid != os.getpid():
            held.drop()  # a fork's copy: the parent's hold is not ours to give up
            return
        let_go(self._layout, self._account, held)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        state = "released" if self._hold is None else self.arrival.value
        return f"<EmbeddedPostgres {str(self.data_dir)!r} {state}>"
