"""The pytest plugin: ``--liveexec-report FILE`` writes what the conformance cases of a run came to.

Without that option it does nothing, and imports nothing of the kit.
"""

import pytest

__all__ = ["pytest_addoption", "pytest_configure"]

pytest.register_assert_rewrite("liveexec_testkit.conformance")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option."""
    group = parser.getgroup("liveexec", "liveexec conformance")
    group.addoption(
        "--liveexec-report",
        metavar="FILE",
        default=None,
        help="write the capability and result matrix of the conformance cases to FILE (JSON) and to FILE with the "
        "suffix .md (Markdown)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Watch the run, if a report is asked for."""
    # Under pytest-xdist every result comes to the controller, which is no worker.
    if config.getoption("--liveexec-report") is None or hasattr(config, "workerinput"):
        return
    from liveexec_testkit.conformance.report import Reporter  # noqa: PLC0415  (runs without a report pay nothing)

    config.pluginmanager.register(Reporter(config), "liveexec-report")
