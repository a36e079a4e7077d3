"""A planted bug: a fragment of the source that is replaced by another, and the tests that have to notice."""

from pathlib import Path
from typing import Final

from attrs import frozen

import liveexec

__all__ = ["SOURCE", "Mutant", "faults_of"]

#: The package that bugs are planted in.
SOURCE: Final = Path(liveexec.__file__).parent
_IN_MEMORY: Final = ("storage/memory.py", "storage/memory_tables.py", "storage/journal_entries.py")


@frozen
class Mutant:
    """A bug. ``file`` lies below the package ``liveexec``; ``fragment`` stands in it exactly once.

    ``tests`` are files below ``tests``. With an ``incident`` (a row of the incidents that are tests here) only the
    tests that are named for it count, ``test_incident_<n>_…``; ``only`` is an expression for ``pytest -k``.
    ``unseen`` says why no simulated run can show the bug; empty where one can.
    """

    bug: str
    file: str
    fragment: str
    replacement: str
    tests: tuple[str, ...]
    incident: int | None = None
    only: str = ""
    unseen: str = ""

    @property
    def why_unseen(self) -> str:
        """Why the simulator can't show the bug; empty when it can."""
        if self.unseen:
            return self.unseen
        if self.file.startswith("storage/") and self.file not in _IN_MEMORY:
            return "the simulator's store is the one in memory"
        return "the simulator has venues of its own" if self.file.startswith("venues/") else ""

    @property
    def is_simulated(self) -> bool:
        """Whether the simulator may show the bug."""
        return not self.why_unseen

    @property
    def selection(self) -> str:
        """The expression that selects the tests."""
        named = f"incident_{self.incident}_" if self.incident is not None else ""
        return " and ".join(filter(None, (named, self.only)))

    def planted_in(self, source: str) -> str:
        """The source with the bug.

        Raises:
            ValueError: the fragment is not there exactly once.
        """
        if (count := source.count(self.fragment)) != 1:
            raise ValueError(f"{self.bug}: {self.file} has its fragment {count} times: {self.fragment.strip()!r}")
        return source.replace(self.fragment, self.replacement)


def faults_of(mutants: tuple[Mutant, ...]) -> list[str]:
    """What keeps bugs from being planted: the source has moved on, or the list is wrong."""
    names = [mutant.bug for mutant in mutants]
    found = [f"{name}: is planted twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    for mutant in mutants:
        try:
            changed = mutant.planted_in((SOURCE / mutant.file).read_text(encoding="utf-8"))
            if mutant.file.endswith(".py"):
                compile(changed, mutant.file, "exec")
        except (OSError, SyntaxError, ValueError) as error:
            found.append(str(error))
        tests = Path(__file__).parent.parent
        found += [f"{mutant.bug}: there is no {name}" for name in mutant.tests if not (tests / name).is_file()]
    return found
