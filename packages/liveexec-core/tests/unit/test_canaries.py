"""The watch over secrets can fail: one is planted in each kind of place, and the session that did it fails and says so.

These sessions are processes of their own, without this one's mark: they draw another.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.canaries import VARIABLE

TESTS = Path(__file__).parents[1]
HEAD = """
import asyncio, base64, logging, os, subprocess, sys, tempfile, warnings
from pathlib import Path
import pytest
from support.canaries import canary, may_rest

PRINTS = [sys.executable, "-c", f"print({canary()!r})"]
FAILS = [sys.executable, "-c", f"raise SystemExit({canary()!r})"]
"""
#: A test's body by its name, and where the session has to find what it puts out. All but the raising one pass.
PLANTED = {
    "stdout": ("print(canary())", "captured stdout call"),
    "stderr": ("print(canary('x/y'), file=sys.stderr)", "captured stderr call"),
    "encoded": ("print(base64.b64encode(b'user:' + canary().encode()))", "captured stdout call"),
    "environment": ("print(dict(os.environ))", "captured stdout call"),
    "log": ("logging.getLogger('vendor').warning('key %s', canary())", "captured log call"),
    "taken_stdout": ("print(canary()); capsys.readouterr()", "captured stdout"),
    "taken_stderr": ("print(canary(), file=sys.stderr); capsys.readouterr()", "captured stderr"),
    "raised": ("raise ValueError(canary())", "the text of a failure"),
    "expected": ("with pytest.raises(ValueError): raise ValueError(canary())", "the text of an expected error"),
    "cause": (
        """
        with pytest.raises(ValueError):
            try: raise KeyError(canary())
            except KeyError as error: raise ValueError('no') from error
        """,
        "the text of an expected error",
    ),
    "process": ("subprocess.run(PRINTS, capture_output=True, check=True)", "a process's stdout"),
    "failing_process": ("subprocess.run(FAILS, stderr=subprocess.PIPE)", "a process's stderr"),
    "read_process": (
        """
        with subprocess.Popen(PRINTS, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline()
        """,
        "a process's stdout",
    ),
    "process_of_a_loop": (
        """
        async def run():
            process = await asyncio.create_subprocess_exec(*PRINTS, stdout=asyncio.subprocess.PIPE)
            assert await process.stdout.read()
            await process.wait()
        asyncio.run(run())
        """,
        "a process's stdout",
    ),
    "terminal": ("overhear('a terminal')(canary())", "a terminal"),
    "file": ("(tmp_path / 'log').write_text('key ' + canary())", "the file mine/test_file0/log (mode 644)"),
    "owners_file": (
        "path = tmp_path / 'config'; path.touch(0o600); path.write_text('key = ' + canary())",
        "the file mine/test_owners_file0/config (mode 600)",
    ),
    "read_by_all": (
        "(tmp_path / 'key').write_text(canary())",
        "the file mine/test_read_by_all0/key (mode 644)",
    ),
    "removed_folder": (
        "with tempfile.TemporaryDirectory() as folder: (Path(folder) / 'log').write_text(canary())",
        "the file tmp/log (mode 644)",
    ),
    "made_by_a_server": (
        """
        path = tmp_path / 'pgpass'
        path.touch(0o600)
        path.write_text('*:*:*:liveexec:' + 'no-server-made-' * 3)
        print('no-server-made-' * 3)
        """,
        "captured stdout call",
    ),
}
#: What no test is asked about: it shows when all is over.
PLANTED_LATE = {
    "warned": ("warnings.warn(canary())", "what the terminal showed"),
    "recorded": ("record_property('key', canary())", "the report in XML"),
}
#: Where secrets may be.
ALLOWED = {
    "nowhere": ("assert canary()", ""),
    "owners_file": ("path = tmp_path / 'key'; path.touch(0o600); path.write_text(canary() + '\\n')", ""),
    "password_file": (
        "path = tmp_path / 'pgpass'; path.touch(0o600); path.write_text('*:*:*:liveexec:' + canary())",
        "",
    ),
    "marked_file": ("may_rest(tmp_path / 'key').write_text(canary())", ""),
}


def session(folder: Path, planted: Mapping[str, tuple[str, str]], *more: str) -> subprocess.CompletedProcess[str]:
    """A test session with a test for each of these, with these options."""
    (folder / "conftest.py").write_text('pytest_plugins = ["support.canary_watch"]\n')
    tests = [
        f"def test_{name}(capsys, overhear, record_property, tmp_path):\n    "
        + re.sub(r"^ {8}", "    ", body.strip(), flags=re.MULTILINE)
        for name, (body, _) in planted.items()
    ]
    (folder / "test_planted.py").write_text("\n\n".join([HEAD, *tests, ""]))
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    options = ["-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", ".", "--basetemp", "mine"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *more, "--junit-xml", "report.xml", "test_planted.py"],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(TESTS), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the session with all that is planted said."""
    return session(tmp_path_factory.mktemp("planted"), PLANTED).stdout


@pytest.mark.parametrize("name", list(PLANTED))
def test_a_secret_is_found_wherever_it_is_put_out(name: str, said: str) -> None:
    found = re.findall(rf"^FAILED test_planted\.py::test_{name} - a secret in (.+?): (.*)$", said, re.MULTILINE)
    places = {re.sub(r"\btmp\w{8}/", "tmp/", place) for place, _ in found}
    assert PLANTED[name][1] in places, said
    assert all("(a secret)" in shown for _, shown in found), "it is not put out once more"


@pytest.mark.parametrize("name", ["stdout", "log", "expected", "process", "file", "removed_folder"])
def test_a_secret_alone_fails_a_session_whose_tests_pass(name: str, tmp_path: Path) -> None:
    ended = session(tmp_path, {name: PLANTED[name]})
    assert "1 passed" in ended.stdout
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("name", ["stdout", "process", "removed_folder"])
def test_a_secret_is_found_in_a_process_that_runs_tests_beside_others(name: str, tmp_path: Path) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist runs tests in several processes")
    ended = session(tmp_path, {name: PLANTED[name]}, "-n", "2")
    assert "1 passed" in ended.stdout
    assert f"FAILED test_planted.py::test_{name} - a secret in {PLANTED[name][1]}: " in re.sub(
        r"\btmp\w{8}/", "tmp/", ended.stdout
    )
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("name", list(PLANTED_LATE))
def test_a_secret_in_what_is_written_at_the_end_is_found(name: str, tmp_path: Path) -> None:
    ended = session(tmp_path, {name: PLANTED_LATE[name]})
    assert f"- a secret in {PLANTED_LATE[name][1]}: " in ended.stdout
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED


def test_a_secret_may_be_where_its_owner_alone_keeps_it(tmp_path: Path) -> None:
    ended = session(tmp_path, ALLOWED)
    assert f"{len(ALLOWED)} passed" in ended.stdout
    assert "a secret in" not in ended.stdout
    assert ended.returncode == pytest.ExitCode.OK
