"""Where hosts listen: one socket for each, in a folder that only their user may enter."""

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from liveexec.errors import LiveExecError

__all__ = ["host_sockets", "socket_folder", "socket_path"]

#: Addresses of local sockets are no longer than this on any system (sun_path less its last byte).
_LONGEST: Final = 103
_SUFFIX: Final = ".sock"


def socket_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """``$XDG_RUNTIME_DIR/liveexec``, else a folder of this user below the system's temporary one; made if need be.

    Raises:
        LiveExecError: it is there and belongs to somebody else, or others may enter it.
    """
    configured = environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(configured) and len(configured) < _LONGEST // 2 and os.path.isdir(configured):
        folder = Path(configured) / "liveexec"
    else:
        folder = Path(tempfile.gettempdir()) / f"liveexec-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise LiveExecError(f"{folder} must be a folder of yours that nobody else may enter; remove it")
    return folder


def socket_path(shard: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where this process listens for a shard; a name too long for an address is hashed."""
    folder = socket_folder(environ)
    path = folder / f"{shard}-{os.getpid()}{_SUFFIX}"
    if len(os.fsencode(path)) <= _LONGEST:
        return path
    return folder / f"{hashlib.sha256(shard.encode()).hexdigest()[:16]}-{os.getpid()}{_SUFFIX}"


def host_sockets(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The sockets of all hosts of this user, dead ones among them."""
    return sorted(socket_folder(environ).glob(f"*{_SUFFIX}"))
