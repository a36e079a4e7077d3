"""What an error of the server or the driver means."""

import asyncpg
import pytest

from liveexec.errors import Fenced, InvariantViolation, JournalConflict, StorageError, TransientStorageError
from liveexec.storage.dsn import Dsn
from liveexec.storage.postgres_errors import explain
from support.canaries import canary

DSN = Dsn(f"postgresql://anna:{canary()}@h/d")


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InternalClientError("got result for unknown protocol state 3"),
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.CrashShutdownError("crash of another server process"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.TooManyConnectionsError("sorry"),
        asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
        asyncpg.QueryCanceledError("canceling statement"),
        asyncpg.DeadlockDetectedError("deadlock"),
        asyncpg.SerializationError("could not serialize"),
        asyncpg.PostgresConnectionError("broken"),
        asyncpg.InterfaceError("connection is closed"),
        ConnectionResetError("reset"),
        ConnectionRefusedError("refused"),
        OSError("no such host"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_broken_connection_leaves_the_outcome_unknown(error: Exception) -> None:
    assert isinstance(explain(error, "appending", DSN, is_journal=True), TransientStorageError)


@pytest.mark.parametrize(
    ("error", "what_to_do"),
    [
        (asyncpg.InvalidPasswordError("no"), "the password is wrong"),
        (asyncpg.InvalidCatalogNameError("no"), "create it first"),
        (asyncpg.InsufficientPrivilegeError("no"), "grant it"),
        (asyncpg.UndefinedTableError("no"), "liveexec db upgrade"),
        (asyncpg.NumericValueOutOfRangeError("no"), r"NUMERIC\(36,18\)"),
        (asyncpg.SyntaxOrAccessError("no"), "SQLSTATE 42000"),
        (asyncpg.ClientConfigurationError("no"), "address can't be used"),
        (asyncpg.DataError("invalid input for query argument $1"), "SQLSTATE 22000"),
        (RuntimeError("a bug {of ours}"), "RuntimeError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_a_retry_cannot_cure_says_what_to_do(error: Exception, what_to_do: str) -> None:
    explained = explain(error, "appending", DSN, is_connected=True)
    assert type(explained) is StorageError
    with pytest.raises(StorageError, match=what_to_do):
        raise explained


@pytest.mark.parametrize(
    ("error", "what_to_do"),
    [
        (asyncpg.DiskFullError("could not extend file"), "free space there"),
        (asyncpg.ReadOnlySQLTransactionError("no"), "connect to the primary"),
        (asyncpg.TooManyConnectionsError("sorry"), "max_connections"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_somebody_can_cure_is_waited_for_and_says_what_to_do(error: Exception, what_to_do: str) -> None:
    with pytest.raises(TransientStorageError, match=what_to_do):
        raise explain(error, "appending", DSN, is_journal=True)


def test_misuse_of_a_living_connection_is_no_broken_one() -> None:
    error = asyncpg.InterfaceError("cannot perform operation: another operation is in progress")
    assert type(explain(error, "appending", DSN, is_connected=True)) is StorageError


def test_a_violated_uniqueness_is_a_conflict_in_the_journal_and_a_broken_invariant_elsewhere() -> None:
    error = asyncpg.UniqueViolationError("duplicate key value violates unique constraint")
    assert isinstance(explain(error, "appending", DSN, is_journal=True), JournalConflict)
    assert isinstance(explain(error, "projecting", DSN), InvariantViolation)
    assert isinstance(explain(asyncpg.CardinalityViolationError("twice"), "projecting", DSN), InvariantViolation)


def test_the_password_is_taken_out_of_the_servers_words() -> None:
    explained = explain(asyncpg.InvalidPasswordError(f"no entry for anna with {canary()}"), "connecting", DSN)
    assert "with ***" in str(explained)
    assert canary() not in str(explained)


def test_our_own_errors_pass() -> None:
    fenced = Fenced("epoch 1 is over")
    assert explain(fenced, "appending", DSN) is fenced
