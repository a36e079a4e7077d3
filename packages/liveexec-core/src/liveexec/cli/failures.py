"""Errors as one line on standard error that says what is wrong and what to do, and as an exit code."""

import sys
import traceback
from typing import Final

from liveexec.cli.exit_codes import ExitCode
from liveexec.cli.termination import Terminated
from liveexec.errors import InvalidInput, JournalConflict, LiveExecError, NotFound, StorageError

__all__ = ["exit_code_of", "report", "report_line"]

_CODES: Final = (
    (InvalidInput, ExitCode.USAGE),
    (NotFound, ExitCode.NOT_FOUND),
    # What is stored contradicts itself: the database is there, and another attempt won't help.
    (JournalConflict, ExitCode.FAILURE),
    (StorageError, ExitCode.DATABASE_UNAVAILABLE),
)


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code that an error ends a command with."""
    if isinstance(error, Terminated):
        return ExitCode.TERMINATED
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.FAILURE)


def report(error: BaseException, *, debug: bool) -> ExitCode:
    """Say what went wrong, and return the exit code. ``debug`` adds the traceback."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    match error:
        case Terminated():
            report_line("terminated")
        case KeyboardInterrupt():
            report_line("interrupted")
        case LiveExecError():
            report_line(str(error))
        case OSError():
            where = f": {error.filename}" if error.filename else ""
            report_line(f"{error.strerror or error}{where}")
        case _:
            hint = "" if debug else "; run it again with --debug and report what it says"
            report_line(f"internal error: {type(error).__name__}: {error}{hint}")
    return exit_code_of(error)


def report_line(text: str) -> None:
    """One line on standard error, whatever the text holds."""
    line = " ".join(text.split())
    print(  # noqa: T201  standard error is where the reader of a command line looks
        f"liveexec: {''.join(each if each.isprintable() else '?' for each in line)}", file=sys.stderr
    )
