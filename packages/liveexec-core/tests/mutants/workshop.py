"""Where bugs are planted: a copy of the source in a temporary folder, and runs of tests or simulations against it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from attrs import frozen

from mutants.guard import SOURCE_VARIABLE
from mutants.mutant import SOURCE, Mutant

__all__ = ["Ending", "Finding", "Workshop"]

_TESTS: Final = Path(__file__).parent.parent
_ROOT: Final = _TESTS.parent.parent.parent
_TESTKIT: Final = _ROOT / "packages" / "liveexec-testkit" / "src"
#: A run that takes longer hangs.
_TIMEOUT_S: Final = 120.0
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) \S*?([^/\s]+\.py(?:::.+?)?)(?: - .*)?$", re.MULTILINE)
#: Exit codes of pytest: all passed, some failed; anything else says nothing about the bug.
_PASSED, _CAUGHT = 0, 1


class Ending:
    """How a run against a bug ended."""

    CAUGHT = "caught"
    HUNG = "hung"
    SURVIVED = "survived"
    BROKEN = "broken"


@frozen
class Finding:
    """What a run found. ``by`` names what noticed; of a broken run it is what it said."""

    ending: str
    by: str

    @property
    def is_caught(self) -> bool:
        """Whether the bug was noticed; a run that never ends is noticed too."""
        return self.ending in (Ending.CAUGHT, Ending.HUNG)


class Workshop:
    """A copy of the source; one bug at a time is planted in it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="liveexec-mutants-"))
        self._source = self._folder / "src" / "liveexec"
        self._moments = count(1_000_000_000)

    def __enter__(self) -> Self:
        # With what is compiled already and the times that it is known by: only what a bug changes is compiled anew.
        shutil.copytree(SOURCE, self._source)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def planted(self, mutant: Mutant) -> Iterator[None]:
        """Have the bug in the copy for a while."""
        sound = (self._source / mutant.file).read_text(encoding="utf-8")
        self._write(mutant.file, mutant.planted_in(sound))
        yield
        self._write(mutant.file, sound)

    def test(self, tests: Sequence[str], selection: str = "") -> Finding:
        """Run these tests against the copy, up to the first that fails."""
        selected = ["-k", selection] if selection else []
        command = ["-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-rfE", "-p", "no:cacheprovider"]
        paths = [str((_TESTS / name).relative_to(_ROOT)) for name in tests]
        ended = self._run([*command, "-p", "mutants.guard", *selected, *paths])
        if ended is None:
            return Finding(Ending.HUNG, f"did not end within {_TIMEOUT_S:.0f} s")
        code, told = ended
        if code == _PASSED:
            return Finding(Ending.SURVIVED, "")
        failed = _FAILED.search(told)
        if code == _CAUGHT and failed is not None:
            return Finding(Ending.CAUGHT, failed[1])
        return Finding(Ending.BROKEN, told.strip()[-2_000:])

    def simulate(self, seeds: int, first: int) -> Finding:
        """Run simulations of the copy, up to the first seed in which something does not hold."""
        ended = self._run(["-m", "mutants.simulated", "--seeds", str(seeds), "--first", str(first)], seeds)
        if ended is None:
            return Finding(Ending.HUNG, "a simulation did not end")
        code, told = ended
        if code == _PASSED:
            return Finding(Ending.SURVIVED, f"not in {seeds} seeds")
        last = told.strip().rpartition("\n")[2]
        return Finding(Ending.CAUGHT if code == _CAUGHT else Ending.BROKEN, last[-300:])

    def _write(self, name: str, text: str) -> None:
        path = self._source / name
        path.write_text(text, encoding="utf-8")
        # A moment of its own, so that nothing compiled before is taken for this text.
        moment = next(self._moments)
        os.utime(path, (moment, moment))

    def _run(self, arguments: Sequence[str], extra_s: float = 0.0) -> tuple[int, str] | None:
        """Exit code and words of a Python process that imports the copy; ``None`` when it did not end in time."""
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, (self._source.parent, _TESTS, _TESTKIT))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(self._folder / "hypothesis"),
            "LIVEEXEC_HYPOTHESIS": "mutants",
            SOURCE_VARIABLE: str(self._source),
        }
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=_ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            told, _ = process.communicate(timeout=_TIMEOUT_S + extra_s)
        except subprocess.TimeoutExpired:
            # With all that it started: venues and databases in processes of their own.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return None
        return process.returncode, told
