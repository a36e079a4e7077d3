"""The matrix of a run: every case of every suite with what it came to, and why. As JSON and as Markdown beside it."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from liveexec_testkit.conformance.needs import described
from liveexec_testkit.conformance.record import SUBJECT_PROPERTY
from liveexec_testkit.conformance.suite import all_cases

__all__ = ["Reporter", "as_markdown"]

_CASE_NAME: Final = re.compile(r"::test_lx(\d{3})_\w+")
_OUTCOMES: Final = ("passed", "failed", "skipped", "not run")
#: What is kept of a failure: the rest is in pytest's own output.
_LONGEST_REASON: Final = 500


class Reporter:
    """Hears what each test came to, and writes the matrix at the end."""

    def __init__(self, config: pytest.Config) -> None:
        given = Path(config.getoption("--liveexec-report"))
        self._path = given if given.is_absolute() else config.invocation_params.dir / given
        self._subjects: dict[str, dict[str, Any]] = {}
        self._results: dict[str, dict[int, tuple[str, str]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase of a test is over."""
        found = _CASE_NAME.search(report.nodeid)
        if found is None:
            return
        suite, number = report.nodeid[: found.start()], int(found.group(1))
        results = self._results.setdefault(suite, {})
        for name, value in report.user_properties:
            if name == SUBJECT_PROPERTY:
                self._subjects[suite] = value  # type: ignore[assignment]  # pytest says object, we put a dict there
        outcome, _ = results.get(number, ("not run", ""))
        if report.failed:
            results[number] = ("failed", _reason(report))
        elif report.skipped and outcome != "failed":
            results[number] = ("skipped", _reason(report))
        elif report.when == "call" and outcome == "not run":
            results[number] = ("passed", "")

    def pytest_sessionfinish(self) -> None:
        """Write both files."""
        matrix = self.matrix()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(matrix, indent=1) + "\n", encoding="utf-8")
        self._path.with_suffix(".md").write_text(as_markdown(matrix), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where they are."""
        for suite in self.matrix()["suites"]:
            counts = ", ".join(f"{number} {outcome}" for outcome, number in suite["summary"].items() if number)
            terminalreporter.write_line(f"liveexec conformance: {suite['suite']}: {counts}")
        terminalreporter.write_line(f"liveexec conformance: {self._path}, {self._path.with_suffix('.md').name}")

    def matrix(self) -> dict[str, Any]:
        """Everything, as plain data."""
        return {"suites": [self._suite(name) for name in self._results]}

    def _suite(self, name: str) -> dict[str, Any]:
        cases = []
        for subject, told in all_cases():
            outcome, reason = self._results[name].get(told.number, ("not run", ""))
            cases.append(
                {
                    "id": told.id,
                    "subject": subject,
                    "title": told.title,
                    "level": told.level.value,
                    "needs": [described(need) for need in told.needs],
                    "outcome": outcome,
                    "reason": reason,
                }
            )
        summary = {outcome: sum(1 for each in cases if each["outcome"] == outcome) for outcome in _OUTCOMES}
        return {"suite": name, **self._subjects.get(name, {}), "summary": summary, "cases": cases}


def as_markdown(matrix: dict[str, Any]) -> str:
    """The matrix for readers."""
    lines = ["# Conformance"]
    for suite in matrix["suites"]:
        lines += ["", f"## {suite.get('harness', suite['suite'])}", ""]
        lines += [f"- {name}: {number}" for name, number in suite["summary"].items()]
        lines += [f"- adapter: `{suite['adapter']}`"] if "adapter" in suite else []
        lines += [f"- {name}: {version}" for name, version in suite.get("versions", {}).items()]
        if "manifest" in suite:
            lines += ["", "| manifest | |", "| --- | --- |"]
            shown = {**suite["manifest"], "abilities": suite["abilities"]}
            lines += [f"| {name} | {_cell(value)} |" for name, value in shown.items()]
        lines += ["", "| case | subject | title | result | reason |", "| --- | --- | --- | --- | --- |"]
        columns = ("id", "subject", "title", "outcome", "reason")
        lines += [f"| {' | '.join(_cell(each[name]) for name in columns)} |" for each in suite["cases"]]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    if isinstance(longrepr, tuple):
        return longrepr[2].removeprefix("Skipped: ")
    crash = getattr(longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(longrepr)
    return text[:_LONGEST_REASON]
