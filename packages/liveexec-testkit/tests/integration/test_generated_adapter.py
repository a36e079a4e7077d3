"""What ``liveexec adapter new`` writes passes the conformance kit at once, and is clean to ruff and mypy --strict."""

import asyncio
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from liveexec.cli.adapter_package import write_package


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package as somebody gets it who asks for one."""
    return write_package("my-venue", tmp_path_factory.mktemp("generated"))


def run(package: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # Not installed, and so found by its path; the tests' own settings are the package's.
    environment: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(package / "src")}
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def conformance(package: Path) -> dict[str, Any]:
    """The report of a run of the package's own tests, which must have gone well."""
    # The plugin is named for environments that were set up before the test kit had an entry point for it.
    plugin = () if _is_registered() else ("-p", "liveexec_testkit.pytest_plugin")
    words = ("pytest", *plugin, "-p", "no:cacheprovider", "-q", "--liveexec-report", "conformance.json")
    ended = run(package, *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (suite,) = json.loads((package / "conformance.json").read_text(encoding="utf-8"))["suites"]
    return dict(suite)


def test_its_life_cycle_cases_pass(conformance: dict[str, Any]) -> None:
    outcomes = {case["id"]: case["outcome"] for case in conformance["cases"] if case["subject"] == "Life cycle"}
    assert outcomes
    assert set(outcomes.values()) == {"passed"}, outcomes


def test_what_is_skipped_is_not_offered_and_says_so(conformance: dict[str, Any]) -> None:
    assert conformance["summary"]["failed"] == conformance["summary"]["not run"] == 0
    assert conformance["summary"]["passed"] > conformance["summary"]["skipped"]
    skipped = [case for case in conformance["cases"] if case["outcome"] == "skipped"]
    assert not [case["id"] for case in skipped if not case["reason"]]


@pytest.mark.parametrize("name", ["my-venue", "a", "x" * 40])
def test_it_is_clean_to_ruff_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    package = write_package(name, tmp_path)
    for words in (("check",), ("format", "--check")):
        ended = run(package, "ruff", *words, "--no-cache", ".")
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_it_is_clean_to_mypy(package: Path, tmp_path: Path) -> None:
    ended = run(package, "mypy", "--strict", "--cache-dir", str(tmp_path), "src", "tests")
    assert ended.returncode == 0, ended.stdout + ended.stderr


async def test_a_defect_of_its_reading_ends_the_session(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(package / "src"))
    connection = importlib.import_module("liveexec_my_venue.connection")
    ends: asyncio.Queue[Exception] = asyncio.Queue()

    async def venue(socket: ServerConnection) -> None:
        await socket.send('{"event": "fill"}')
        await socket.wait_closed()

    def hear(event: str, _: str) -> None:
        raise KeyError(event)

    async with serve(venue, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        made = connection.Connection(url, answer_timeout_s=9, silence_s=9, hear=hear, lose=ends.put_nowait)
        await made.open()
        try:
            assert str(await asyncio.wait_for(ends.get(), 5)) == "reading failed: KeyError"
        finally:
            await made.close()


def _is_registered() -> bool:
    return any(point.value == "liveexec_testkit.pytest_plugin" for point in entry_points(group="pytest11"))
