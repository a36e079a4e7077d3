"""The list of planted bugs: it has to follow the source, or it proves nothing."""

import re
from pathlib import Path

from mutants.catalogue import MUTANTS
from mutants.mutant import faults_of

_TESTS = Path(__file__).parent.parent
#: The rows of the incidents that this package can show; a Nautilus node in a child process (23) is not in it.
_INCIDENTS = set(range(1, 23))


def test_every_planted_bug_still_finds_its_place_in_the_source() -> None:
    assert faults_of(MUTANTS) == []


def test_there_are_enough_of_them_and_every_incident_has_one() -> None:
    assert len(MUTANTS) >= 40
    assert {mutant.incident for mutant in MUTANTS} - {None} == _INCIDENTS


def test_every_incident_is_a_named_test() -> None:
    named: set[int] = set()
    for path in _TESTS.rglob("test_*.py"):
        named |= {int(number) for number in re.findall(r"def test_incident_(\d+)_", path.read_text(encoding="utf-8"))}
    assert named == _INCIDENTS
