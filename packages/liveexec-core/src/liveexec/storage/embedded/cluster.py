"""A cluster on disk: made in one step that a crash can't leave half done, and checked before it is used."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.binaries import PostgresBinaries, server_environment
from liveexec.storage.embedded.credentials import USER, PasswordFile, new_password
from liveexec.storage.embedded.errors import (
    DataFolderForeign,
    ServerStartFailed,
    ServerStartTimedOut,
    ServerVersionMismatch,
    inaccessible,
    raise_if_disk_full,
)
from liveexec.storage.embedded.layout import ClusterLayout

__all__ = ["check_version", "exists", "initialise"]


def exists(layout: ClusterLayout) -> bool:
    return layout.pgdata.exists()


def check_version(layout: ClusterLayout, binaries: PostgresBinaries, major: int) -> None:
    """Raise unless `binaries`, of version `major`, can run the cluster.

    Raises:
        ServerVersionMismatch: it was made by another major version, whose files they can't read.
        DataFolderForeign: it is no cluster.
    """
    try:
        made_by = (layout.pgdata / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise DataFolderForeign(
            f"{layout.pgdata} is no PostgreSQL data directory (it has no PG_VERSION): move it away, or restore it"
        ) from None
    if made_by != str(major):
        raise ServerVersionMismatch(
            f"{layout.home} was made by PostgreSQL {made_by}, but {binaries.bin_dir} ({binaries.origin}) is "
            f"{major}: set LIVEEXEC_PG_BIN to the bin folder of a PostgreSQL {made_by}, or choose another data folder"
        )


def initialise(
    layout: ClusterLayout, account: ServerAccount, binaries: PostgresBinaries, start_lock: int, timeout_s: float
) -> None:
    """Make the cluster in a folder of its own and move it into place when it is complete and on disk.

    `start_lock` is handed down to ``initdb``, so that one that outlives this process keeps the folder locked.

    Raises:
        DiskFull, DataFolderInaccessible, ServerStartFailed: ``initdb`` could not make it.
        ServerStartTimedOut: it took longer than `timeout_s`.
    """
    for leftover in layout.init_folders:
        shutil.rmtree(leftover)
    draft = layout.new_init_folder()
    draft.mkdir(mode=0o700)
    try:
        _give_to(account, draft)
        password = new_password()
        password_file = draft / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(password + "\n", encoding="ascii")
        _give_to(account, password_file)
        _run_initdb(layout, account, binaries, draft=draft, start_lock=start_lock, timeout_s=timeout_s)
        # The password is in place before the cluster: a crash in between leaves none, and the next start begins anew.
        PasswordFile.write(layout, password)
        (draft / "pgdata").rename(layout.pgdata)
        _sync(layout.home)
    finally:
        shutil.rmtree(draft)


def _run_initdb(
    layout: ClusterLayout,
    account: ServerAccount,
    binaries: PostgresBinaries,
    *,
    draft: Path,
    start_lock: int,
    timeout_s: float,
) -> None:
    try:
        made = subprocess.run(  # noqa: S603  the binary that was located
            [
                binaries.program("initdb"),
                f"--pgdata={draft / 'pgdata'}",
                f"--username={USER}",
                f"--pwfile={draft / 'password'}",
                "--auth=scram-sha-256",
                "--data-checksums",
                "--encoding=UTF8",
                "--locale=C",  # by code point: the same order on every machine
                "--no-clean",  # the draft goes as a whole, and until then tells whether the disk is full
                "--no-instructions",
            ],
            capture_output=True,
            check=False,
            cwd="/",
            env=server_environment(),
            pass_fds=(start_lock,),
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout_s,
            **account.popen_user,
        )
    except subprocess.TimeoutExpired:
        raise ServerStartTimedOut(
            f"initdb did not finish in {layout.home} in {timeout_s:.0f} s: is the disk overloaded? "
            "Try again with a larger start_timeout_s"
        ) from None
    if made.returncode != 0:
        said = made.stdout + made.stderr
        raise_if_disk_full(layout.home, evidence=said)
        reason = _telling_line(said) or f"exit status {made.returncode}"
        if os.strerror(errno.EACCES) in said or os.strerror(errno.EROFS) in said:
            raise inaccessible(layout.home, reason)
        raise ServerStartFailed(f"initdb could not make a cluster in {layout.home}: {reason}")


def _telling_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("error:", "FATAL:", "PANIC:"))]
    return (telling or lines or [""])[-1]


def _give_to(account: ServerAccount, path: Path) -> None:
    if account.is_other:
        os.chown(path, account.uid, account.gid)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
