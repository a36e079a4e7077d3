"""The package that ``liveexec adapter new`` writes: the files of ``adapter_template`` with the venue's names put in."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Final

from attrs import frozen

from liveexec.domain.ids import AssetClass
from liveexec.errors import Fault, InvalidInput

__all__ = ["PackageNames", "write_package"]

_TEMPLATE: Final = Path(__file__).with_name("adapter_template")
_SUFFIX: Final = ".tmpl"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
#: A venue's name has at most 40 characters (``liveexec.domain.ids``).
_LONGEST: Final = 40
#: Names that distributions of this project have, or would be taken for.
_TAKEN: Final = frozenset({"core", "paper", "server", "testkit", "workspace"})


@frozen
class PackageNames:
    """A venue's name in every spelling that its package needs."""

    name: str

    @property
    def distribution(self) -> str:
        return f"liveexec-{self.name}"

    @property
    def module(self) -> str:
        return self.distribution.replace("-", "_")

    @property
    def venue(self) -> str:
        return self.name.upper()

    def faults(self) -> Iterator[Fault]:
        """Why there can be no such package."""
        if _NAME.fullmatch(self.name) is None:
            yield Fault("NAME", f"{self.name[:60]!r} must be lower case letters and digits, words joined by hyphens")
        if len(self.name) > _LONGEST:
            yield Fault("NAME", f"has {len(self.name)} characters, a venue's name at most {_LONGEST}")
        if self.name.removeprefix("liveexec-") != self.name:
            yield Fault("NAME", f"liveexec- is put before it: say {self.name.removeprefix('liveexec-')!r}")
        if self.name in _TAKEN or self.name.startswith("adapter-"):
            yield Fault("NAME", f"{self.distribution} is a name of liveexec's own")
        if self.venue in set(AssetClass):
            yield Fault("NAME", f"{self.venue} is an asset class, not a venue")


def write_package(name: str, into: Path) -> Path:
    """Write the package into a new folder below ``into``; gives that folder. All of it is there, or nothing.

    Raises:
        InvalidInput: the name can't be a package's, or the folder can't be made; every fault is named.
    """
    names = PackageNames(name)
    faults = list(names.faults())
    folder = into / names.distribution
    if not into.is_dir():
        faults.append(Fault("--into", f"{into} is no folder"))
    elif not faults and os.path.lexists(folder):
        faults.append(Fault("--into", f"{folder} is there already"))
    if faults:
        raise InvalidInput("adapter", faults)
    values = {"name": name, "distribution": names.distribution, "module": names.module, "venue": names.venue}
    # Beside its place, so that it can be moved there in one step.
    made = Path(tempfile.mkdtemp(prefix=f".{names.distribution}-", dir=into))
    try:
        for source in sorted(_TEMPLATE.rglob(f"*{_SUFFIX}")):
            target = made / _target(source.relative_to(_TEMPLATE), names)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(Template(source.read_text(encoding="utf-8")).substitute(values), encoding="utf-8")
        made.chmod(0o777 & ~_umask())
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return folder


def _target(source: Path, names: PackageNames) -> Path:
    """Where a file of the template goes."""
    path = source.with_suffix("")
    if path.parts[0] == "src":
        return Path("src", names.module, *path.parts[1:])
    return Path(".gitignore") if path.name == "gitignore" else path


def _umask() -> int:
    """What this process leaves out of the rights of new files; there is no way to ask but to set it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
