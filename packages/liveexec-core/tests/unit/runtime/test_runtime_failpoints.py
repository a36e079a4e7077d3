"""Fail points: armed for one moment and one of its times, and nothing at all otherwise."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from liveexec.runtime import failpoints
from liveexec.runtime.failpoints import FailPoint, arm, disarm, reach

_RUNTIME = Path(failpoints.__file__).parent


@pytest.fixture(autouse=True)
def nothing_armed() -> Iterator[None]:
    yield
    disarm()


def test_the_wanted_time_of_the_wanted_moment_acts_once() -> None:
    acted: list[str] = []
    arm(FailPoint.BEFORE_APPEND, hit=2, action=lambda: acted.append("now"))
    for point in (FailPoint.AFTER_APPEND, FailPoint.BEFORE_APPEND, FailPoint.AFTER_APPEND):
        reach(point)
        assert acted == []
    for _ in range(3):
        reach(FailPoint.BEFORE_APPEND)
    assert acted == ["now"]


def test_disarmed_nothing_happens() -> None:
    arm(FailPoint.BEFORE_APPEND, action=lambda: pytest.fail("it was disarmed"))
    disarm()
    reach(FailPoint.BEFORE_APPEND)


def test_times_count_from_one() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        arm(FailPoint.BEFORE_APPEND, hit=0)


@pytest.mark.parametrize(
    ("action", "after"),
    [("kill", ""), ("kill_after(0.01)", "; import time; time.sleep(20)")],
)
def test_a_process_is_ended_without_a_chance_to_tidy_up(action: str, after: str) -> None:
    code = f"from liveexec.runtime.failpoints import *; arm(FailPoint.TOLD, action={action}); "
    code += f"import atexit; atexit.register(print, 'tidied'); reach(FailPoint.TOLD){after}"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "")


def test_a_stopped_process_goes_on_where_it_was() -> None:
    code = "from liveexec.runtime.failpoints import *; arm(FailPoint.TOLD, action=stop); "
    code += "reach(FailPoint.TOLD); print('went on')"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=20)[0] == "went on\n"


@pytest.mark.parametrize("point", FailPoint, ids=str)
def test_every_moment_is_somewhere_in_the_runtime_and_nowhere_else(point: FailPoint) -> None:
    named = f"reach(FailPoint.{point.name})"
    places = [path for path in _RUNTIME.parent.rglob("*.py") if named in path.read_text(encoding="utf-8")]
    assert len(places) == 1
    assert places[0].parent == _RUNTIME
