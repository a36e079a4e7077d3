"""The pytest plugin as an author meets it: a run of his own, in a folder of his own, with a report."""

import json
import subprocess
import sys
from pathlib import Path

SUITE = """
from liveexec_testkit import AdapterConformance
from liveexec_testkit.conformance.paper import PaperHarness
import pytest

class Refuser(PaperHarness):
    def adapter(self):
        adapter = super().adapter()
        adapter.accounts = ()
        return adapter

class TestMine(AdapterConformance):
    @pytest.fixture
    async def venue(self):
        async with Refuser() as venue:
            yield venue
"""


def _pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    (folder / "test_mine.py").write_text(SUITE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=120)


def test_every_case_is_in_the_report_with_its_outcome_and_its_reason(tmp_path: Path) -> None:
    done = _pytest(tmp_path, "-k", "lx009 or lx011 or lx074", "--liveexec-report", "out/report.json")
    assert done.returncode == 1, done.stdout
    assert "1 passed, 1 failed, 1 skipped" in done.stdout
    (suite,) = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))["suites"]
    cases = {each["id"]: each for each in suite["cases"]}
    assert suite["summary"] == {"passed": 1, "failed": 1, "skipped": 1, "not run": len(cases) - 3}
    assert suite["harness"] == "paper venue, in process"
    assert suite["manifest"]["venue"] == "PAPER-A"
    assert suite["versions"]["plugin API"] == "1.1"
    assert "Replaces" in suite["abilities"]
    assert cases["LX-011"]["outcome"] == "passed"
    assert cases["LX-009"]["outcome"] == "failed"
    assert "does not serve the harness's account" in cases["LX-009"]["reason"]
    assert cases["LX-074"]["outcome"] == "skipped"
    assert cases["LX-074"]["reason"].startswith("LX-074: calls within one process send no bytes")
    assert cases["LX-001"]["outcome"] == "not run"
    page = (tmp_path / "out/report.md").read_text(encoding="utf-8")
    assert "## paper venue, in process" in page
    assert "| LX-011 | Listings and rounding |" in page
    assert "| venue | PAPER-A |" in page


def test_a_venue_that_does_not_start_is_a_failure_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from liveexec_testkit.conformance.paper import PaperHarness\n"
        "async def start(self):\n    raise OSError('nobody listens')\n"
        "PaperHarness.start = start\n",
        encoding="utf-8",
    )
    _pytest(tmp_path, "-k", "lx001", "--liveexec-report", "report.json")
    (suite,) = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["suites"]
    (case,) = [each for each in suite["cases"] if each["id"] == "LX-001"]
    assert case["outcome"] == "failed"
    assert "nobody listens" in case["reason"]


def test_runs_without_a_report_load_nothing_of_the_kit() -> None:
    probe = (
        "import sys, pytest, liveexec_testkit, liveexec_testkit.pytest_plugin, liveexec_testkit.simulator.plan\n"
        "loaded = [name for name in sys.modules if name.startswith('liveexec_testkit.conformance')]\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_simulator_needs_no_pytest() -> None:
    probe = (
        "import sys\nsys.modules['pytest'] = None\n"
        "import liveexec_testkit.simulator.run, liveexec_testkit.simulator.cli\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
