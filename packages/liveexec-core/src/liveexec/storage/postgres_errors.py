"""What an error of PostgreSQL or of its driver means to the caller: whether the outcome is known, and what to do.

Errors are told apart by class and SQLSTATE, never by their text. A statement that the server refused was rolled back,
so its outcome is known; when the connection, the server or our patience ended, it is not.
"""

from typing import Final

import asyncpg

from liveexec.errors import InvariantViolation, JournalConflict, LiveExecError, StorageError, TransientStorageError
from liveexec.storage.dsn import Dsn

__all__ = ["READ_ONLY", "explain"]

#: The server lost its role: only another connection may lead to the one that has it now.
READ_ONLY: Final = "25006"
#: SQLSTATEs after which the identical request may succeed. Class 08 (connection) belongs to them.
_TRANSIENT_STATES: Final = {
    "40001": "the transaction lost against another one",
    "40P01": "the transaction was ended to break a deadlock",
    # Somebody makes room, or another server takes over: what waits is written then, and nothing is thrown away.
    "53100": "the disk of the database server is full: free space there",
    READ_ONLY: "the server is read-only (a standby?): connect to the primary",
    "53300": "the server takes no more connections (max_connections)",
    "53200": "the server is out of memory",
    "55P03": "a row stayed locked for too long",
    "57014": "the statement was cancelled",
    "57P01": "the server is shutting down or an administrator ended the connection",
    "57P02": "another server process crashed",
    "57P03": "the server is starting up or shutting down",
    "57P05": "the session was idle for too long",
    "25P03": "the transaction was idle for too long",
}
#: SQLSTATEs that a retry can't cure, with what the operator has to do.
_PERMANENT_STATES: Final = {
    "28000": "the server refuses this user: check pg_hba.conf and the role",
    "28P01": "the password is wrong",
    "3D000": "the database does not exist: create it first",
    "57P04": "the database was dropped",
    "3F000": "the schema named in search_path does not exist: create it first",
    "42501": "the role lacks a right: grant it",
    "42P01": "a table is missing: run `liveexec db upgrade`",
    "42703": "a column is missing: run `liveexec db upgrade`",
    "42883": "a function is missing: run `liveexec db upgrade`",
    "22003": "an amount does not fit NUMERIC(36,18)",
    "22P05": "a text holds a character that PostgreSQL can't store (NUL)",
}
_INTEGRITY_CLASS: Final = "23"
_CARDINALITY: Final = "21000"


def explain(
    error: Exception, doing: str, dsn: Dsn, *, is_journal: bool = False, is_connected: bool = False
) -> LiveExecError:
    """The error to raise instead of one that came up while ``doing`` something.

    ``is_journal`` makes a violated uniqueness a ``JournalConflict``; elsewhere it is an ``InvariantViolation``.
    ``is_connected`` tells that the connection outlived the error, so that the driver's complaint is about its use.
    """
    if isinstance(error, LiveExecError):
        return error
    kind, meaning = _meaning(error, is_journal=is_journal, is_connected=is_connected)
    detail = dsn.redact(" ".join(str(error).split())) or type(error).__name__
    return kind(f"{doing}: {meaning} ({detail})")


def _meaning(error: Exception, *, is_journal: bool, is_connected: bool) -> tuple[type[LiveExecError], str]:
    if isinstance(error, asyncpg.PostgresError):
        return _meaning_of_state(error.sqlstate or "", is_journal=is_journal)
    if isinstance(error, asyncpg.ClientConfigurationError):
        return StorageError, "the database's address can't be used"
    if isinstance(error, OSError):  # refused, reset, no such host; TimeoutError is one of them
        return TransientStorageError, "the database could not be reached or did not answer"
    if isinstance(error, asyncpg.InternalClientError):
        # What a connection raises that was cut in the middle of a message.
        return TransientStorageError, "the connection broke"
    if isinstance(error, asyncpg.InterfaceError) and not is_connected:
        return TransientStorageError, "the connection was closed"
    return StorageError, f"{type(error).__name__}"


def _meaning_of_state(state: str, *, is_journal: bool) -> tuple[type[LiveExecError], str]:
    if state in _TRANSIENT_STATES:
        return TransientStorageError, _TRANSIENT_STATES[state]
    if state.startswith("08"):
        return TransientStorageError, "the connection failed"
    if state in _PERMANENT_STATES:
        return StorageError, _PERMANENT_STATES[state]
    if state.startswith(_INTEGRITY_CLASS) or state == _CARDINALITY:
        return JournalConflict if is_journal else InvariantViolation, "what is stored already contradicts it"
    return StorageError, f"the server refused it with SQLSTATE {state}"
