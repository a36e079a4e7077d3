"""Adapters that are wrong on purpose fail exactly the cases that are meant for them."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from liveexec_testkit.conformance.case import Level, case_of
from liveexec_testkit.conformance.suite import GROUPS

_ADAPTERS = Path(__file__).with_name("broken_adapters.py")
#: Slow ones, which nothing that is broken here has to do with.
_LEFT_OUT = ("lx005", "lx010", "lx021")
#: What the orchestrator's cases show of some of them, too: an adapter's fault costs an order.
_HOSTED = {
    "TimeoutIsRejection": "LX-110",
    "LosesFillsInGap": "LX-119",
    "KeysOfTheDay": "LX-120",
    "WrongFeeSign": "LX-108",
    "WrongUnits": "LX-108",
    "CumulativeFills": "LX-122",
    "CountsCreditIn": "LX-107",
    "TellsOldBalances": "LX-137",
    "SettlesAtMark": "LX-141",
    "HidesBusts": "LX-143",
    "TellsStepsAsTotals": "LX-145",
    "TellsFillsOnce": "LX-146",
}


#: Those that speak over a socket, and the cases that they are run through: a wire takes its time.
_SERVED = ("FirstPageOnly", "DropsUnreadable", "StrictFields", "KeepsToken")
_SERVED_CASES = ("lx001", "lx053", "lx07", "lx08", "lx095")
#: Those that wait for something by the clock, and the adapters that are run through them too, beside those that they
#: are meant for.
_SLOW = ("lx062", "lx063", "lx070", "lx072")
_SLOW_CASES = {"LX-062", "LX-063", "LX-070", "LX-072"}
_WHOLE = ("Sound", "SendsAgain", "HidesGaps")
_LONGEST_S = 900
#: The outcome and the reason of every case that ran, by adapter.
Outcomes = dict[str, dict[str, tuple[str, str]]]
_FUNCTIONS = {
    told: name for group in GROUPS for name, function in vars(group).items() if (told := case_of(function)) is not None
}
_NAMES = {told.id: name for told, name in _FUNCTIONS.items()}


def _expected() -> dict[str, tuple[str, ...]]:
    """``BROKEN`` of the other file, read without importing it."""
    for node in ast.parse(_ADAPTERS.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "BROKEN":
            assert isinstance(node.value, ast.Dict)
            keys = [key.id for key in node.value.keys if isinstance(key, ast.Name)]
            return dict(zip(keys, (ast.literal_eval(each) for each in node.value.values), strict=True))
    raise AssertionError("there is no BROKEN")


def _started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A pytest of its own, which writes its report and what it says into the folder."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n", encoding="utf-8")
    # Nothing that only costs time: what fails is looked at, not how.
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "--tb=no", "--assert=plain"]
    command += ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    command += ["-c", str(folder / "pytest.ini"), "--liveexec-report", str(folder / "report.json"), *arguments]
    with (folder / "said").open("wb") as said:
        return subprocess.Popen(command, stdout=said, stderr=said, cwd=folder)


def _ended(folder: Path, process: subprocess.Popen[bytes]) -> Outcomes:
    try:
        process.wait(_LONGEST_S)
    finally:
        process.kill()
    report = folder / "report.json"
    assert report.exists(), (folder / "said").read_text(encoding="utf-8")[-5000:]
    suites: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["suites"]
    return {
        suite["suite"].rpartition("::Test")[2]: {
            each["id"]: (each["outcome"], each["reason"]) for each in suite["cases"]
        }
        for suite in suites
    }


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Every adapter through the cases that drive the adapter alone, and some under the orchestrator, in two processes
    at the same time: most of it is waiting."""
    hosted = [f"lx{told.number:03d}" for told in _FUNCTIONS if told.level is Level.ORCHESTRATOR]
    chosen = " and ".join(f"not {name}" for name in (*_LEFT_OUT, *hosted))
    slow = " and ".join(f"not {name}" for name in _SLOW)
    local = " or ".join(
        f"Test{name}" if name in _WHOLE or set(expected) & _SLOW_CASES else f"(Test{name} and {slow})"
        for name, expected in _expected().items()
        if name not in _SERVED
    )
    served = " or ".join(f"Test{name}" for name in _SERVED)
    nodes = [f"{_ADAPTERS}::Test{adapter}::{_NAMES[case]}" for adapter, case in _HOSTED.items()]
    runs = [
        (str(_ADAPTERS), "-k", f"({local}) and {chosen}"),
        (str(_ADAPTERS), "-k", f"({served}) and ({' or '.join(_SERVED_CASES)})"),
        tuple(nodes),
    ]
    folders = [tmp_path_factory.mktemp("broken") for _ in runs]
    found: Outcomes = {}
    first = _started(folders[0], *runs[0])
    for folder, arguments in zip(folders[1:], runs[1:], strict=True):
        for name, cases in _ended(folder, _started(folder, *arguments)).items():
            found.setdefault(name, {}).update(_that_ran(cases))
    for name, cases in _ended(folders[0], first).items():
        found.setdefault(name, {}).update(_that_ran(cases))
    return found


def _that_ran(cases: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    return {case: told for case, told in cases.items() if told[0] != "not run"}


@pytest.mark.parametrize("adapter", _expected())
def test_fails_exactly_what_is_meant_for_it(adapter: str, outcomes: Outcomes) -> None:
    failed = {case: reason for case, (outcome, reason) in outcomes[adapter].items() if outcome == "failed"}
    failed.pop(_HOSTED.get(adapter, ""), None)
    assert sorted(failed) == sorted(_expected()[adapter]), failed


@pytest.mark.parametrize("adapter", _HOSTED)
def test_the_orchestrators_case_shows_it_too(adapter: str, outcomes: Outcomes) -> None:
    outcome, reason = outcomes[adapter][_HOSTED[adapter]]
    assert outcome == "failed", f"{_HOSTED[adapter]} {outcome} {reason}"
