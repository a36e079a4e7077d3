"""Every error ends as one line on standard error and an exit code."""

import pytest

from liveexec.cli.exit_codes import ExitCode
from liveexec.cli.failures import exit_code_of, report
from liveexec.cli.termination import Terminated
from liveexec.errors import (
    ConfigurationError,
    Fault,
    InvalidInput,
    JournalConflict,
    NotFound,
    OutcomeUnknown,
    StorageError,
    TransientStorageError,
    UnsafeServer,
)
from liveexec.storage.embedded import EmbeddedPostgresError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("order", [Fault("", "bad")]), ExitCode.USAGE),
        (ConfigurationError("config", [Fault("", "bad")]), ExitCode.USAGE),
        (NotFound("no such order"), ExitCode.NOT_FOUND),
        (StorageError("no"), ExitCode.DATABASE_UNAVAILABLE),
        (TransientStorageError("no"), ExitCode.DATABASE_UNAVAILABLE),
        (UnsafeServer("no"), ExitCode.DATABASE_UNAVAILABLE),
        (EmbeddedPostgresError("no"), ExitCode.DATABASE_UNAVAILABLE),
        (JournalConflict("twice"), ExitCode.FAILURE),
        (OutcomeUnknown("who knows"), ExitCode.FAILURE),
        (FileNotFoundError(2, "No such file or directory", "orders.json"), ExitCode.FAILURE),
        (ZeroDivisionError("oops"), ExitCode.FAILURE),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (Terminated(), ExitCode.TERMINATED),
    ],
)
def test_errors_have_their_exit_codes(error: BaseException, code: ExitCode) -> None:
    assert exit_code_of(error) is code


def test_an_error_of_ours_is_one_safe_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(StorageError("first\nsecond \x1b[2J"), debug=False) is ExitCode.DATABASE_UNAVAILABLE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "liveexec: first second ?[2J\n"


def test_an_error_of_the_system_names_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    report(FileNotFoundError(2, "No such file or directory", "orders.json"), debug=False)
    assert capsys.readouterr().err == "liveexec: No such file or directory: orders.json\n"


def test_a_bug_says_how_to_see_more_and_debug_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise ZeroDivisionError("oops")

    with pytest.raises(ZeroDivisionError) as caught:
        broken()
    report(caught.value, debug=False)
    line = capsys.readouterr().err
    assert (
        line == "liveexec: internal error: ZeroDivisionError: oops; run it again with --debug and report what it says\n"
    )
    report(caught.value, debug=True)
    shown = capsys.readouterr().err
    assert "in broken" in shown
    assert shown.endswith("liveexec: internal error: ZeroDivisionError: oops\n")
