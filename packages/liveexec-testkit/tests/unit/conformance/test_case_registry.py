"""The registry of conformance cases: one number each, one subject each, and everything that a reader is told."""

import inspect
import re

import pytest

from liveexec_testkit.conformance.case import Case, Level, case_of
from liveexec_testkit.conformance.needs import described
from liveexec_testkit.conformance.suite import GROUPS, AdapterConformance, all_cases

CASES = [told for _, told in all_cases()]


def test_numbers_run_from_one_without_a_gap() -> None:
    assert sorted(told.number for told in CASES) == list(range(1, len(CASES) + 1))
    assert len(CASES) >= 60


def test_functions_are_named_after_their_numbers() -> None:
    for group in GROUPS:
        for name, function in vars(group).items():
            told = case_of(function)
            if told is not None:
                assert re.fullmatch(rf"test_lx{told.number:03d}_\w+", name), name
            else:
                assert not name.startswith("test"), f"{name} is no numbered case"


def test_the_suite_has_every_case() -> None:
    found = {told.id for _, member in inspect.getmembers(AdapterConformance) if (told := case_of(member)) is not None}
    assert found == {told.id for told in CASES}


def test_subjects_are_told_apart() -> None:
    subjects = [group.subject for group in GROUPS]
    assert len(set(subjects)) == len(subjects)


def test_both_levels_are_there() -> None:
    assert {told.level for told in CASES} == set(Level)


@pytest.mark.parametrize("told", CASES, ids=lambda told: told.id)
def test_a_case_says_what_it_proves(told: Case) -> None:
    assert told.title
    assert not told.title.endswith(".")
    assert told.proves.endswith(".")
    assert all(described(need) for need in told.needs)


def test_a_function_that_is_no_case_has_none() -> None:
    assert case_of(test_a_function_that_is_no_case_has_none) is None
