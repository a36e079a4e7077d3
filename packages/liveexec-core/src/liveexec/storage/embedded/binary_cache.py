"""A copy of the binaries for an account that may not execute them where they are.

Root's virtual environment often lies in a home that is closed to everybody else, while PostgreSQL refuses to run as
root. Opening that home is not ours to do, so the server's account gets a copy.
"""

import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.binaries import PostgresBinaries
from liveexec.storage.embedded.errors import BinariesNotFound, os_errors_explained
from liveexec.storage.embedded.folders import make_folders
from liveexec.storage.embedded.supervisor import EXCLUSIVE, open_locked

__all__ = ["DEFAULT_CACHE", "executable_by"]

DEFAULT_CACHE = Path("/Library/Caches/liveexec" if sys.platform == "darwin" else "/var/cache/liveexec")

_COPY_TIMEOUT_S = 60.0
# Headers, static libraries and build files, a third of the wheel.
_NOT_NEEDED_TO_RUN = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a", "doc", "man")


def executable_by(
    account: ServerAccount, binaries: PostgresBinaries, cache: Path = DEFAULT_CACHE
) -> tuple[PostgresBinaries, int]:
    """Binaries that `account` can execute, the given ones where possible, and their major version.

    Raises:
        BinariesNotFound: neither they nor a copy of them run.
    """
    try:
        return binaries, binaries.major_version(account)
    except PermissionError as closed:
        if not account.is_other or os.geteuid() != 0:
            raise BinariesNotFound(f"{binaries.bin_dir} may not be executed ({closed}): correct its rights") from closed
    copied = _copy(binaries, cache)
    try:
        return copied, copied.major_version(account)
    except PermissionError as closed:
        raise BinariesNotFound(
            f"{account.name} may execute neither {binaries.bin_dir} nor the copy in {cache} ({closed}): "
            "set LIVEEXEC_PG_BIN to binaries that every account may execute"
        ) from closed


def _copy(binaries: PostgresBinaries, cache: Path) -> PostgresBinaries:
    with os_errors_explained(cache, "folder for copied binaries"):
        _make_trusted(cache)
        lock = open_locked(cache / "lock", EXCLUSIVE, _COPY_TIMEOUT_S)
        if lock is None:
            raise BinariesNotFound(f"{cache / 'lock'} stayed locked for {_COPY_TIMEOUT_S:g} s: end who holds it")
        try:
            return _copy_alone(binaries, cache)
        finally:
            os.close(lock)


def _copy_alone(binaries: PostgresBinaries, cache: Path) -> PostgresBinaries:
    root, pieces = _what_to_copy(binaries.bin_dir)
    target = cache / _fingerprint(binaries)
    if not target.exists():
        for draft in cache.glob("draft-*"):
            shutil.rmtree(draft)
        draft = cache / f"draft-{os.getpid()}"
        for piece in pieces:
            shutil.copytree(root / piece, draft / piece, ignore=_NOT_NEEDED_TO_RUN)
        _open_to_readers(draft)
        draft.rename(target)
    return PostgresBinaries.of(target / binaries.bin_dir.relative_to(root), origin=f"copy of {binaries.bin_dir}")


def _what_to_copy(bin_dir: Path) -> tuple[Path, list[Path]]:
    """The folder to copy from and what of it; programs find their libraries and data relative to themselves."""
    installation = bin_dir.parent
    if installation.name.startswith("pginstall"):
        package = installation.parent
        root = package.parent
        # Where auditwheel and delocate put the shared libraries of a wheel.
        candidates: Iterable[Path] = (installation, root / f"{package.name}.libs", package / ".dylibs")
    else:
        root = installation
        candidates = (bin_dir, root / "lib", root / "lib64", root / "share")
    return root, [folder.relative_to(root) for folder in candidates if folder.is_dir()]


def _fingerprint(binaries: PostgresBinaries) -> str:
    server = binaries.program("postgres").stat()
    identity = f"{binaries.bin_dir}\0{server.st_size}\0{server.st_mtime_ns}"
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _make_trusted(cache: Path) -> None:
    make_folders(cache, 0o755)
    status = cache.stat()
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BinariesNotFound(
            f"{cache} can be written by others than root, so no programs are run from it: run chown root and "
            "chmod 755 on it, or set LIVEEXEC_PG_BIN to binaries that every account may execute"
        )


def _open_to_readers(folder: Path) -> None:
    """Give everybody the right to read the copy, and to execute what its owner may execute, whatever the umask was."""
    for path in (folder, *folder.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        executable = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH if mode & stat.S_IXUSR else 0
        path.chmod(stat.S_IMODE(mode & ~0o022) | stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH | executable)
