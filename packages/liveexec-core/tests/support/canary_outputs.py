"""What a test session puts out, kept with the test that put it out, until it is searched for secrets.

Folders are searched when somebody removes them, for most are gone by the end, and those of pytest's at the end.
"""

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from support import canaries

__all__ = ["Leak", "Outputs"]

#: So much of a line is shown on either side.
_EXCERPT: Final = 60
_PASSWORD_FILE_BYTES: Final = 1_024


@frozen
class Leak:
    """A secret that was put out: by which test, where, and what stands around it."""

    test: str
    place: str
    excerpt: str

    def __str__(self) -> str:
        return f"{self.test} - a secret in {self.place}: {self.excerpt}"


@define(eq=False)
class Outputs:
    """Collects outputs; ``leaks()`` looks through all of them."""

    #: The test that runs now.
    test: str = "(outside of tests)"
    #: Folders by the test that was given them.
    owners: dict[Path, str] = field(factory=dict)
    _texts: dict[tuple[str, str], set[bytes]] = field(factory=lambda: defaultdict(set), init=False)
    _streams: list[tuple[str, str, list[bytes]]] = field(factory=list, init=False)
    _files: list[Leak] = field(factory=list, init=False)
    #: What could not be looked at, and why.
    unseen: list[str] = field(factory=list, init=False)

    def note(self, place: str, content: str | bytes | None, test: str = "") -> None:
        """Something was put out as a whole."""
        if content:
            written = content.encode(errors="surrogateescape") if isinstance(content, str) else bytes(content)
            self._texts[test or self.test, place].add(written)

    def stream(self, place: str) -> Callable[[str | bytes], None]:
        """Something is put out bit by bit; call what is returned with each."""
        bits: list[bytes] = []
        self._streams.append((self.test, place, bits))
        return lambda bit: bits.append(bit.encode(errors="surrogateescape") if isinstance(bit, str) else bytes(bit))

    def look_through(self, folder: Path) -> None:
        """Search every file under a folder that is not a place where a secret is kept."""
        files = [(path, status) for path in _files_under(folder, self.unseen) if (status := _regular(path))]
        made: set[bytes] = set()
        for path, status in files:
            if status.st_size < _PASSWORD_FILE_BYTES and not status.st_mode & 0o077:
                self._try(path, lambda path: made.update(canaries.learned_from(path)))
        for path, status in files:
            self._try(path, partial(self._search, folder=folder, mode=status.st_mode, made=made))

    def leaks(self) -> list[Leak]:
        """Every secret in what was put out so far, each test and place once."""
        found = list(self._files)
        for (test, place), texts in self._texts.items():
            found += [_leak(test, place, text) for text in texts if canaries.holds_secret(text)]
        for test, place, bits in self._streams:
            if canaries.holds_secret(text := b"".join(bits)):
                found.append(_leak(test, place, text))
        return list({(leak.test, leak.place): leak for leak in found}.values())

    def _search(self, path: Path, folder: Path, mode: int, made: Collection[bytes]) -> None:
        content = path.read_bytes()
        if canaries.holds_secret(content, made) and not canaries.is_at_rest(path, stat.S_IMODE(mode), content):
            owner = next((self.owners[each] for each in path.parents if each in self.owners), self.test)
            place = f"the file {path.relative_to(folder.parent)} (mode {mode & 0o777:o})"
            self._files.append(_leak(owner, place, content))

    def _try(self, path: Path, look: Callable[[Path], None]) -> None:
        try:
            look(path)
        except FileNotFoundError:
            return  # its owner removed it meanwhile
        except OSError as error:
            self.unseen.append(f"{path}: {error}")


def _files_under(folder: Path, unseen: list[str]) -> Iterator[Path]:
    def failed(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            unseen.append(str(error))

    for parent, _, names in folder.walk(on_error=failed):
        yield from (parent / name for name in names)


def _regular(path: Path) -> os.stat_result | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None  # its owner removed it meanwhile
    return status if stat.S_ISREG(status.st_mode) else None


def _leak(test: str, place: str, content: bytes) -> Leak:
    """Of the content, the line with the secret, without it."""
    lines = content.decode(errors="replace").splitlines()
    line = next((each for each in lines if canaries.holds_secret(each.encode(errors="replace"))), "")
    shown = canaries.without(line).strip()
    at = max(0, shown.find("(a secret)") - _EXCERPT)
    return Leak(test, place, shown[at : at + 2 * _EXCERPT])
