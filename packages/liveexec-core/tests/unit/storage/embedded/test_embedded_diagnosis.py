"""What a failed start's log means."""

from pathlib import Path

import pytest

from liveexec.storage.embedded.diagnosis import FailedStart, last_log_line
from liveexec.storage.embedded.errors import (
    DataFolderInaccessible,
    DiskFull,
    EmbeddedPostgresError,
    ServerStartFailed,
    SocketTaken,
)
from liveexec.storage.embedded.layout import ClusterLayout

STAMP = "2026-01-02 03:04:05.678 UTC [42]"


def failed(tmp_path: Path, *lines: str) -> FailedStart:
    log = tmp_path / "server.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    return FailedStart.from_log(log, 0)


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("53100", DiskFull),
        ("42501", DataFolderInaccessible),
        ("F0001", SocketTaken),
        ("XX000", ServerStartFailed),
        ("22023", ServerStartFailed),
    ],
)
@pytest.mark.parametrize("severity", ["FATAL", "PANIC"])
def test_the_sqlstate_decides(
    tmp_path: Path, sqlstate: str, expected: type[EmbeddedPostgresError], severity: str
) -> None:
    failure = failed(
        tmp_path,
        f"{STAMP} 00000 LOG:  starting PostgreSQL 18.4",
        f"{STAMP} {sqlstate} {severity}:  what happened",
        f"{STAMP} {sqlstate} HINT:  what to do",
        f"{STAMP} 00000 LOG:  database system is shut down",
    )
    assert failure.last_line == f"{severity}: what happened"
    assert failure.is_data_in_use == (sqlstate == "F0001")
    assert type(failure.explain(ClusterLayout(tmp_path))) is expected


def test_only_what_this_start_logged_counts(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    earlier = f"{STAMP} 53100 FATAL:  earlier\n"
    log.write_text(earlier + f"{STAMP} XX000 FATAL:  now\n")
    assert FailedStart.from_log(log, len(earlier)).last_line == "FATAL: now"
    assert FailedStart.from_log(log, log.stat().st_size).last_line == "it logged nothing"


def test_words_without_a_prefix_are_quoted_in_one_line(tmp_path: Path) -> None:
    failure = failed(tmp_path, "postgres: could not find the database system", "Expected to find it", "", "but no.")
    message = str(failure.explain(ClusterLayout(tmp_path)))
    assert "could not find the database system Expected to find it but no." in message
    assert "\n" not in message


def test_a_log_of_any_length_or_encoding_is_read(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_bytes(b"x" * 1_000_000 + b"\n\xff\xfe last\n\n")
    assert last_log_line(log).endswith("last")
    log.write_bytes(b"")
    assert last_log_line(log) == ""
