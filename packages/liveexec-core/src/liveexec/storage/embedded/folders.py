"""The folders of a server, made for the account that needs them and checked before they are trusted."""

import os
import stat
from pathlib import Path

from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.errors import DataFolderForeign, SocketTaken, inaccessible, os_errors_explained
from liveexec.storage.embedded.layout import PORT, ClusterLayout

__all__ = ["check_socket_folder", "hand_over", "make_folders", "prepare_home", "prepare_socket_folder"]

# What a freshly formatted volume or a file manager leaves in a folder that is empty to its owner.
_NOTHING = frozenset({"lost+found", ".DS_Store"})


def make_folders(folder: Path, mode: int) -> None:
    """Make `folder` and what is missing above it, with exactly `mode`, whatever the umask is."""
    if folder.is_dir():
        return
    make_folders(folder.parent, mode)
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)


def prepare_home(layout: ClusterLayout, account: ServerAccount) -> None:
    """Make the data folder, or see that the one that is there is ours and within reach of the server's account.

    Changes the permissions of no folder but the data folder itself, and of that one only to let the server in.

    Raises:
        DataFolderForeign: it holds something else.
        DataFolderInaccessible: it can't be made or read, or the server's account can't reach it.
        DiskFull: it can't be made for want of room.
    """
    if "\n" in str(layout.home):
        raise inaccessible(layout.home, "PostgreSQL takes no line break in a path")
    with os_errors_explained(layout.home):
        if not layout.home.exists():
            make_folders(layout.home.parent, 0o711 if account.is_other else 0o700)
            layout.home.mkdir(mode=0o700, exist_ok=True)
        _refuse_foreign(layout)
        if account.is_other and layout.home.stat().st_uid == os.geteuid():
            _let_in(layout.home, account)
        closed = account.first_closed_folder(layout.home)
    if closed is not None:
        raise inaccessible(
            layout.home, f"the server runs as {account.name}, because it can't run as root, and may not enter {closed}"
        )


def hand_over(layout: ClusterLayout, account: ServerAccount) -> None:
    """Let the owner of the data folder have the files that root has just made in it, or he could not start it."""
    if not account.is_other or layout.home.stat().st_uid != account.uid:
        return
    for file in layout.files:
        if file.exists() and file.stat().st_uid == os.geteuid():
            os.chown(file, account.uid, account.gid)


def _refuse_foreign(layout: ClusterLayout) -> None:
    content = {entry.name for entry in layout.home.iterdir()} - _NOTHING
    if not content or layout.start_lock.name in content:
        return
    what = "is a PostgreSQL data directory" if "PG_VERSION" in content else "is not empty"
    raise DataFolderForeign(f"{layout.home} {what} that liveexec did not make: choose an empty or a new folder")


def _let_in(home: Path, account: ServerAccount) -> None:
    if account.first_closed_folder(home) == home:
        os.chown(home, -1, account.gid)
        home.chmod(0o710)


def prepare_socket_folder(layout: ClusterLayout, account: ServerAccount) -> None:
    """Make the socket's folder, or empty it of what a killed server left. No server of it may run.

    A left-over lock file of the socket would stop the start when its process number is in use again.
    """
    folder = layout.socket_folder(account.uid)
    with os_errors_explained(folder, "socket folder"):
        # /tmp is everybody's, so what is there already is looked at before it is touched.
        if not os.path.lexists(folder):
            folder.mkdir(mode=0o700)
            if account.is_other:
                os.chown(folder, account.uid, account.gid, follow_symlinks=False)
        check_socket_folder(layout, account)
        folder.chmod(0o700)
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (folder / name).unlink(missing_ok=True)


def check_socket_folder(layout: ClusterLayout, account: ServerAccount) -> None:
    """See that the socket's folder is the server's and nobody else's: in ``/tmp`` anybody can make one of any name.

    Raises:
        SocketTaken: it is something else than a folder of the server's account.
    """
    folder = layout.socket_folder(account.uid)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.uid:
        raise SocketTaken(
            f"{folder}, where the socket of {layout.home} belongs, is not a folder of {account.name} but of user "
            f"{status.st_uid}: have it removed, or choose another data folder"
        )
