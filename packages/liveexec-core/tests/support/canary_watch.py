"""A pytest plugin: the session fails when a secret turns up in anything that it put out.

Looked through are what each test wrote, logged or failed with, what it read back from its capture fixtures and from
the processes that it started, the errors that it expected, files under its folders, what the terminal showed, and the
report for machines. Not seen is what goes past pytest (``-s``) and files that are removed one by one.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from support import canaries
from support.canary_outputs import Outputs
from support.canary_taps import tapped

__all__ = ["CanaryWatch", "overhear", "pytest_configure"]

_NAME: Final = "liveexec-canary-watch"


class CanaryWatch:
    """The hooks of one session."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._taps = ExitStack()
        #: What processes that ran tests for this one found.
        self._found_elsewhere: list[str] = []
        self._has_others = False
        self.outputs = Outputs()

    def start(self) -> None:
        """Listen, and have a secret in the environment, which whoever prints that gives away."""
        os.environ[canaries.VARIABLE] = canaries.canary("in-the-environment")
        self._taps.enter_context(tapped(self.outputs))
        self._taps.callback(self._listen_to_terminal())

    def stop(self) -> None:
        """Leave everything as it was."""
        self._taps.close()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Whatever is put out from here on is this test's."""
        before, self.outputs.test = self.outputs.test, item.nodeid
        try:
            return (yield)
        finally:
            self.outputs.test = before

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Remember whose folder is whose."""
        folder = getattr(item, "funcargs", {}).get("tmp_path")
        if folder is not None:
            self.outputs.owners[folder] = item.nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """What a test wrote, logged and failed with."""
        self._note(report, report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What a module wrote and failed with when it was imported."""
        self._note(report, report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Look through everything, once every other plugin has written what it writes."""
        yield
        if hasattr(self._config, "workerinput"):
            return
        leaks = [*self.leaks(), *self._found_elsewhere]
        if not leaks:
            return
        self._say("secrets were put out", [f"FAILED {leak}" for leak in leaks])
        if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def leaks(self) -> list[str]:
        """Look through everything that was put out."""
        outputs = self.outputs
        base = getattr(self._config, "_tmp_path_factory", None)
        # The folders of other processes' tests lie below, which know what may be in them.
        if base is not None and base._basetemp is not None and not self._has_others:
            outputs.look_through(base.getbasetemp())
        if (report := self._config.getoption("xmlpath", None)) is not None and Path(report).exists():
            outputs.note("the report in XML", Path(report).read_bytes())
        return [str(leak) for leak in outputs.leaks()]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """What a process of pytest-xdist found; what one that died put out was not looked at."""
        self._has_others = True
        told = getattr(node, "workeroutput", {})
        if _NAME not in told:
            self.outputs.unseen.append(f"what {node.gateway.id} put out, which died")
        else:
            leaks, unseen = told[_NAME]
            self._found_elsewhere += leaks
            self.outputs.unseen += unseen

    def pytest_terminal_summary(self) -> None:
        """What could not be looked at has to be known."""
        if self.outputs.unseen:
            self._say("not looked through for secrets", self.outputs.unseen)

    def _note(self, report: Any, test: str) -> None:
        for name, text in report.sections:
            self.outputs.note(name.lower(), text, test)
        self.outputs.note("the text of a failure", report.longreprtext, test)

    def _say(self, title: str, lines: list[str]) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None:
            return
        terminal.section(title, red=True)
        for line in lines:
            terminal.write_line(line)

    def _listen_to_terminal(self) -> Any:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None:
            return lambda: None
        writer, note = terminal._tw, self.outputs.stream("what the terminal showed")
        write = writer.write

        def noted(text: str, **options: Any) -> None:
            note(text)
            write(text, **options)

        writer.write = noted
        return lambda: setattr(writer, "write", write)


class WorkerWatch:
    """In a process of pytest-xdist, which has neither a terminal nor an exit code that anybody looks at: what was found
    goes to the process that started it."""

    def __init__(self, watch: CanaryWatch, told: dict[str, Any]) -> None:
        self._watch, self._told = watch, told

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Iterator[None]:
        """Innermost of those that come at the end: the last of them sends what was told."""
        yield
        self._told[_NAME] = self._watch.leaks(), self._watch.outputs.unseen


@pytest.fixture
def overhear(pytestconfig: pytest.Config) -> Callable[[str], Callable[[str | bytes], None]]:
    """For outputs that no plugin sees, as on a terminal of the test's own: name the place, then tell what comes."""
    watch = pytestconfig.pluginmanager.get_plugin(_NAME)
    assert isinstance(watch, CanaryWatch)
    return watch.outputs.stream


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Watch this session, once there is a terminal to listen to."""
    watch = CanaryWatch(config)
    config.pluginmanager.register(watch, _NAME)
    if (told := getattr(config, "workeroutput", None)) is not None:
        config.pluginmanager.register(WorkerWatch(watch, told))
    config.add_cleanup(watch.stop)
    watch.start()
