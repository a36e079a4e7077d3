"""What can go wrong with the embedded PostgreSQL; each message is one line that says what to do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from liveexec.errors import StorageError

__all__ = [
    "BinariesNotFound",
    "CredentialsLost",
    "DataFolderBusy",
    "DataFolderForeign",
    "DataFolderInaccessible",
    "DatabaseCommandFailed",
    "DiskFull",
    "EmbeddedPostgresError",
    "EmbeddedPostgresUnsupported",
    "NoServerAccount",
    "ServerStartFailed",
    "ServerStartTimedOut",
    "ServerStopFailed",
    "ServerVersionMismatch",
    "SocketTaken",
    "disk_full",
    "inaccessible",
    "os_errors_explained",
    "raise_if_disk_full",
]

# Below this a server can't even write its lock files and log, so its own words about the cause are lost too.
_NO_SPACE_LEFT_BYTES = 64 * 1024


class EmbeddedPostgresError(StorageError):
    """The embedded PostgreSQL can't be used as it is."""


class EmbeddedPostgresUnsupported(EmbeddedPostgresError):
    """This operating system has no kernel locks that the embedded server could be counted by."""


class BinariesNotFound(EmbeddedPostgresError):
    """No usable PostgreSQL server binaries were found in any of the places that are searched."""


class NoServerAccount(EmbeddedPostgresError):
    """liveexec runs as root, PostgreSQL refuses to, and no unprivileged account was found to run it as."""


class DataFolderInaccessible(EmbeddedPostgresError):
    """The data folder, or a folder on the way to it, can't be read or written by who has to."""


class DataFolderForeign(EmbeddedPostgresError):
    """The data folder holds something else, or a server that liveexec did not start runs on it."""


class DataFolderBusy(EmbeddedPostgresError):
    """Another process has been starting or stopping the server of this folder for too long."""


class ServerVersionMismatch(EmbeddedPostgresError):
    """The data folder was made by another major version of PostgreSQL than the binaries found."""


class CredentialsLost(EmbeddedPostgresError):
    """The data folder has a cluster, but the file with its password is missing or open to others."""


class DiskFull(EmbeddedPostgresError):
    """The disk of the data folder has no room left for the server to start."""


class SocketTaken(EmbeddedPostgresError):
    """The folder or the name of the server's socket belongs to somebody else."""


class ServerStartFailed(EmbeddedPostgresError):
    """The server ended while it was starting; the message quotes the last line of its log."""


class ServerStartTimedOut(EmbeddedPostgresError):
    """The server was not ready in the time allowed."""


class ServerStopFailed(EmbeddedPostgresError):
    """The server did not end although it was told to, at last by SIGKILL."""


class DatabaseCommandFailed(EmbeddedPostgresError):
    """A database could not be created or dropped on the embedded server."""


@contextmanager
def os_errors_explained(folder: Path, what: str = "data folder") -> Iterator[None]:
    """Turn the :class:`OSError` that a full disk or a missing right raises inside into what to do about `folder`."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        match error.errno:
            case errno.ENOSPC | errno.EDQUOT:
                raise disk_full(folder) from error
            case errno.EACCES | errno.EPERM | errno.EROFS | errno.ENOTDIR:
                raise inaccessible(folder, f"{error.strerror}: {where}", what) from error
            case _:
                raise


def raise_if_disk_full(folder: Path, evidence: str = "") -> None:
    """Raise :class:`DiskFull` when `evidence` (a tool's own words) or the file system says so."""
    if os.strerror(errno.ENOSPC) in evidence or os.strerror(errno.EDQUOT) in evidence:
        raise disk_full(folder)
    free = os.statvfs(folder)
    if free.f_bavail * free.f_frsize < _NO_SPACE_LEFT_BYTES:
        raise disk_full(folder)


def disk_full(folder: Path) -> DiskFull:
    return DiskFull(f"no space left on the disk of {folder}: free at least 100 MB there, or choose another one")


def inaccessible(folder: Path, reason: str, what: str = "data folder") -> DataFolderInaccessible:
    return DataFolderInaccessible(
        f"the {what} {folder} can't be used ({reason}): correct its owner and permissions, or choose another one"
    )
