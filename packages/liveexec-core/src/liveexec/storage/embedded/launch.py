"""Command line of the server, and of the supervisor that launches or adopts it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
from attrs import frozen

from liveexec.storage.embedded import supervisor
from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.binaries import PostgresBinaries, server_environment
from liveexec.storage.embedded.diagnosis import LOG_LINE_PREFIX, FailedStart
from liveexec.storage.embedded.errors import EmbeddedPostgresError, ServerStartFailed
from liveexec.storage.embedded.layout import PORT, ClusterLayout

__all__ = ["Launch", "adopt", "launch"]

_SUPERVISOR_TIMEOUT_S = 30.0
_LOG_KEPT_BYTES = 4 * 1024 * 1024


@frozen
class Launch:
    """A launch under way: what the server logs from byte `log_offset` on is about it."""

    log_offset: int


def launch(layout: ClusterLayout, account: ServerAccount, binaries: PostgresBinaries, start_lock: int) -> Launch:
    """Have a supervisor start the server and return without waiting for it to be ready.

    The caller holds ``start.lock``, and no server and no supervisor of this folder runs.
    """
    if _log_size(layout) > _LOG_KEPT_BYTES:
        layout.log.replace(layout.log.with_suffix(".log.1"))
    offset = _log_size(layout)
    _run_supervisor(
        layout,
        account,
        {
            "command": _server_command(layout, account, binaries),
            "environment": server_environment(),
            "user": dict(account.popen_user),
        },
        start_lock,
    )
    return Launch(log_offset=offset)


def adopt(layout: ClusterLayout, account: ServerAccount, postmaster: psutil.Process, start_lock: int) -> None:
    """Give a running server that lost its supervisor a new one. The caller holds ``start.lock``."""
    adopted = {"pid": postmaster.pid, "created_s": postmaster.create_time()}
    _run_supervisor(layout, account, {"adopt": adopted}, start_lock)


def _log_size(layout: ClusterLayout) -> int:
    return layout.log.stat().st_size if layout.log.exists() else 0


def _server_command(layout: ClusterLayout, account: ServerAccount, binaries: PostgresBinaries) -> list[str]:
    """On the command line rather than in a file, so that old clusters get today's settings and none is undone there."""
    settings = {
        "cluster_name": "liveexec",
        "fsync": "on",
        "full_page_writes": "on",
        "lc_messages": "C",
        "listen_addresses": "",
        "log_destination": "stderr",
        "log_line_prefix": LOG_LINE_PREFIX,
        "logging_collector": "off",
        "password_encryption": "scram-sha-256",
        "port": str(PORT),
        "synchronous_commit": "on",
        "unix_socket_directories": str(layout.socket_folder(account.uid)),
        "unix_socket_permissions": "0700",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(binaries.program("postgres")), "-D", str(layout.pgdata), *options]


def _run_supervisor(layout: ClusterLayout, account: ServerAccount, task: dict[str, Any], start_lock: int) -> None:
    """Run the script; it returns when its child, which belongs to no terminal and no parent, has taken over."""
    if not sys.executable:
        raise EmbeddedPostgresError(
            "the path of the Python interpreter is unknown here, so the embedded PostgreSQL can't be supervised: "
            "set DATABASE_URL to a running server"
        )
    order = task | {
        "holders_lock": str(layout.holders_lock),
        "server_lock": str(layout.server_lock),
        "socket_folder": str(layout.socket_folder(account.uid)),
        "start_descriptor": start_lock,
        "start_lock": str(layout.start_lock),
        "supervisor_lock": str(layout.supervisor_lock),
    }
    logged_bytes = _log_size(layout)
    log = os.open(layout.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        started = subprocess.run(  # noqa: S603  this interpreter, our script
            [
                sys.executable,
                "-I",  # no variable, no folder of the caller's changes what it runs
                "-S",
                supervisor.__file__,
                str(Path(psutil.__file__).parents[1]),
                json.dumps(order),
            ],
            check=False,
            cwd="/",
            env=server_environment(),
            pass_fds=(start_lock,),
            start_new_session=True,  # Ctrl-C in the caller's terminal is the caller's
            stderr=log,
            stdin=subprocess.DEVNULL,
            stdout=log,
            timeout=_SUPERVISOR_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise ServerStartFailed(
            f"the supervisor of the PostgreSQL of {layout.home} did not start in {_SUPERVISOR_TIMEOUT_S:g} s: "
            f"is the machine overloaded? (see {layout.log})"
        ) from None
    finally:
        os.close(log)
    if started.returncode != 0:
        raise ServerStartFailed(
            f"the supervisor of the PostgreSQL of {layout.home} did not start: "
            f"{FailedStart.from_log(layout.log, logged_bytes).last_line} "
            f"(exit status {started.returncode}, see {layout.log})"
        )
