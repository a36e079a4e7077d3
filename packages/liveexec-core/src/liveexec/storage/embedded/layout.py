"""Where the files of one embedded server lie."""

import hashlib
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

__all__ = ["PORT", "ClusterLayout", "default_data_dir"]

# Only part of the socket's file name: every server has a socket folder to itself, so it can't collide.
PORT = 5432


def default_data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The data folder used when none is named.

    ``$XDG_DATA_HOME`` when that is absolute, else what the platform uses for a user's application data. Root gets
    ``/var/lib`` (the file hierarchy standard's place for a service's state), because PostgreSQL has to run as
    somebody else then and root's home is closed to everybody else; a ``$XDG_DATA_HOME`` that is closed as well has
    a folder of its own there.
    """
    xdg = environ.get("XDG_DATA_HOME", "")
    is_root = sys.platform != "win32" and os.geteuid() == 0
    if os.path.isabs(xdg):
        if is_root and _is_closed(Path(xdg)):
            return Path("/var/lib/liveexec") / hashlib.sha256(os.fsencode(xdg)).hexdigest()[:16] / "postgres"
        base = Path(xdg)
    elif is_root:
        base = Path("/var/lib")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path.home() / ".local" / "share"
    return base / "liveexec" / "postgres"


def _is_closed(path: Path) -> bool:
    """Whether a folder that has to be passed on the way to this one lets only its owner and its group in."""
    return any(folder.exists() and not folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


@frozen
class ClusterLayout:
    """The paths of one cluster under its data folder `home`, which is absolute and free of symbolic links."""

    home: Path = field(converter=_real)

    @property
    def pgdata(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.home / "pgdata"

    @property
    def password_file(self) -> Path:
        """The server's password in the format of a ``.pgpass`` file."""
        return self.home / "pgpass"

    @property
    def log(self) -> Path:
        """What the server and its supervisor write to standard error."""
        return self.home / "server.log"

    @property
    def start_lock(self) -> Path:
        """Held exclusively by whoever starts or stops the server."""
        return self.home / "start.lock"

    @property
    def holders_lock(self) -> Path:
        """Held shared by every user of the server: the reference count."""
        return self.home / "holders.lock"

    @property
    def server_lock(self) -> Path:
        """Held exclusively by the postmaster and everything it forked, through an inherited descriptor."""
        return self.home / "server.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held exclusively by the supervisor."""
        return self.home / "supervisor.lock"

    @property
    def files(self) -> tuple[Path, ...]:
        """What lies beside the cluster."""
        locks = (self.start_lock, self.holders_lock, self.server_lock, self.supervisor_lock)
        return (*locks, self.password_file, self.log)

    @property
    def init_folders(self) -> list[Path]:
        """Leftovers of an initialisation that was killed."""
        return sorted(self.home.glob("init-*"))

    def new_init_folder(self) -> Path:
        return self.home / f"init-{os.getpid()}-{os.urandom(4).hex()}"

    def socket_folder(self, uid: int) -> Path:
        """The folder of the socket of a server run by `uid`.

        A socket's address holds 107 bytes at most (103 on macOS) however long the data folder's path is, so it lies
        in ``/tmp`` under a name that is the data folder's own.
        """
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()
        return Path("/tmp") / f"lx-{uid}-{digest[:12]}"  # noqa: S108  a 0700 folder whose owner is checked
