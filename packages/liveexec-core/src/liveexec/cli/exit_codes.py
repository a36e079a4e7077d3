"""What the exit code of every command means."""

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """Exit codes, the same for every command; 1 is for what has no code of its own."""

    OK = 0
    #: The command failed; standard error says why.
    FAILURE = 1
    #: The command line, or a file that it names, is wrong; nothing was done.
    USAGE = 2
    #: There is no such order.
    NOT_FOUND = 3
    #: There is no database, or it can't be reached or used.
    DATABASE_UNAVAILABLE = 4
    #: A verification ran to its end and found differences, which standard output lists.
    DIFFERENCES = 5
    #: Ctrl-C (128 + SIGINT).
    INTERRUPTED = 130
    #: SIGTERM, after a clean end (128 + SIGTERM).
    TERMINATED = 143
