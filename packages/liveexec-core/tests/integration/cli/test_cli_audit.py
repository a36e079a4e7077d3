"""``liveexec audit`` on a real database: what operators did, and whether the log of it is whole."""

import csv
import io
import json
from collections.abc import Callable
from subprocess import CompletedProcess

import anyio
import pytest

from liveexec.cli.exit_codes import ExitCode
from liveexec.domain import account_event as acc
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.storage.dsn import Dsn
from liveexec.storage.journal_store import PostgresStore
from support.journaling import ShardWriter
from support.postgres import run_sql

Run = Callable[..., CompletedProcess[str]]
DISABLED = "ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only"


async def act(dsn: Dsn) -> None:
    """Two actions in each of two shards, by turns."""
    async with PostgresStore(dsn, allow_unsafe=True) as store:
        for number, shard in enumerate(("a", "b")):
            writer = await ShardWriter.of(store, shard)
            writer.at_ns += number * 1_000
            for who, why, state in (("anna", "drill", TradingState.HALTED), ("bert", "over", TradingState.ACTIVE)):
                scope = ControlScope(ScopeKind.STRATEGY, "momentum-btc-v1")
                await writer.tell(f"control:{shard}", acc.StateChanged(scope, state, who, f"{why} {shard}"))
            await writer.project()


@pytest.fixture
def environ(bare_environ: dict[str, str], database_dsn: Dsn) -> dict[str, str]:
    """The environment of a command that reads a database in which operators acted."""
    anyio.run(act, database_dsn)
    return bare_environ | {"DATABASE_URL": database_dsn.url}


def test_actions_of_all_shards_are_listed_newest_first(liveexec: Run) -> None:
    done = liveexec("audit", "list", "-o", "json")
    assert done.returncode == ExitCode.OK, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["principal"], row["action"], row["reason"]) for row in rows] == [
        ("bert", "state ACTIVE", "over b"),
        ("bert", "state ACTIVE", "over a"),
        ("anna", "state HALTED", "drill b"),
        ("anna", "state HALTED", "drill a"),
    ]
    assert {row["subject"] for row in rows} == {"STRATEGY:momentum-btc-v1"}
    assert rows[2]["hash"] == rows[0]["previous_hash"]
    assert rows[3]["previous_hash"] == "00" * 32


def test_a_list_is_limited_and_of_one_shard(liveexec: Run) -> None:
    of_one = csv.DictReader(io.StringIO(liveexec("audit", "list", "--shard", "a", "-o", "csv").stdout))
    assert [row["reason"] for row in of_one] == ["over a", "drill a"]
    shown = liveexec("audit", "list", "--limit", "1").stdout
    assert "over b" in shown
    assert "over a" not in shown
    assert shown.endswith("1 action\n")


def test_a_log_that_nobody_touched_is_verified(liveexec: Run) -> None:
    done = liveexec("audit", "verify")
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    assert done.stdout == "Audit log\n4 rows of 2 shards verified\n"
    assert liveexec("audit", "verify", "--shard", "a").stdout.endswith("2 rows of 1 shard verified\n")
    assert json.loads(liveexec("audit", "verify", "-o", "json").stdout) == []


def test_what_was_tampered_with_is_told_with_an_exit_code(liveexec: Run, database_dsn: Dsn) -> None:
    run_sql(database_dsn, DISABLED, "DELETE FROM audit_log WHERE shard = 'b' AND sequence = 2")
    done = liveexec("audit", "verify", "-o", "json")
    assert done.returncode == ExitCode.DIFFERENCES
    assert json.loads(done.stdout) == [
        {
            "shard": "b",
            "sequence": None,
            "position": 2,
            "problem": "missing",
            "detail": "bert: state ACTIVE STRATEGY:momentum-btc-v1",
        }
    ]
    assert liveexec("audit", "verify").stdout.endswith("3 rows of 2 shards verified, 1 finding\n")
    assert liveexec("audit", "verify", "--shard", "a").returncode == ExitCode.OK


@pytest.mark.parametrize("command", ["list", "verify"])
def test_a_shard_that_is_not_there_is_not_found(liveexec: Run, command: str) -> None:
    done = liveexec("audit", command, "--shard", "nowhere")
    assert done.returncode == ExitCode.NOT_FOUND
    assert done.stderr == "liveexec: there is no shard 'nowhere' here (there are: a, b)\n"
