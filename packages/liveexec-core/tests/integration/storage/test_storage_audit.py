"""Audit logs of several shards on a real server, tampered with by a superuser: each tampering is found at its row."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import attrs
import pytest

from liveexec.domain import account_event as acc
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.stored import AuditRow
from liveexec.runtime.rebuild import rebuild_tables
from liveexec.storage.audit import EMPTY_CHAIN, chain_hash
from liveexec.storage.audit_verification import VerifiedChain, audited_shards, verify_audit
from liveexec.storage.database import connect
from liveexec.storage.dsn import Dsn
from liveexec.storage.journal_store import PostgresStore
from support.builders import ALPHA_ACCOUNT, make_asset_moved
from support.journaling import ShardWriter

SCOPE = ControlScope(ScopeKind.GLOBAL)
CHAIN = "sequence, position, recorded_at, principal, action, subject, reason, details"
Tamper = Callable[[Any], Awaitable[None]]
#: What is wrong, at which row, at which position.
Found = list[tuple[str, int | None, int | None]]


def state(reason: str, to: TradingState = TradingState.HALTED) -> acc.StateChanged:
    return acc.StateChanged(SCOPE, to, "anna", reason)


async def act(writer: ShardWriter) -> None:
    """Six actions at the positions 1, 3, 4 (two of them), 6 and 7, among records that the log does not tell of."""
    control = f"control:{writer.owned.shard}"
    account = f"{ALPHA_ACCOUNT}-{writer.owned.shard}"
    await writer.tell(control, state("first"))
    await writer.tell(account, make_asset_moved("1", account_id=account))
    await writer.tell(control, state("second", TradingState.ACTIVE))
    await writer.project()
    await writer.tell(control, state("third"), state("fourth", TradingState.REDUCING))
    await writer.tell(account, make_asset_moved("2", account_id=account, reference="another"))
    await writer.tell(control, acc.ConfigApplied("abc", "bert", "a higher limit"))
    await writer.tell(control, state("sixth"))
    await writer.project()


@pytest.fixture
async def store(postgres_store: PostgresStore) -> PostgresStore:
    """Three shards that operators acted on, and one of which nothing is told."""
    for shard in ("a", "b", "c"):
        await act(await ShardWriter.of(postgres_store, shard))
    await postgres_store.acquire("idle", "owner-1", 30.0)
    return postgres_store


@pytest.fixture
async def superuser(store: PostgresStore, database_dsn: Dsn) -> AsyncIterator[Any]:
    """A connection that no trigger holds back."""
    connection = await connect(database_dsn, "tampering")
    try:
        await connection.execute("ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only")
        yield connection
    finally:
        await connection.close()


async def verified(store: PostgresStore, page: int = 2) -> dict[str, VerifiedChain]:
    """Every shard's chain, read in pages so small that each has several."""
    return {name: await verify_audit(store.database, name, page) for name in await audited_shards(store.database)}


async def rehash(superuser: Any) -> None:
    """Hash the chain of shard b anew, so that nothing is wrong with it as a chain."""
    previous = EMPTY_CHAIN.hash
    for row in await superuser.fetch(f"SELECT {CHAIN} FROM audit_log WHERE shard = 'b' ORDER BY sequence"):
        digest = chain_hash(previous, {**row, "details": {}})
        await superuser.execute(
            "UPDATE audit_log SET previous_hash = $2, hash = $3 WHERE shard = 'b' AND sequence = $1",
            row["sequence"],
            previous,
            digest,
        )
        previous = digest


async def forge(superuser: Any, position: int | None, **changes: object) -> None:
    """Put a row at the end of shard b's chain, with the right hashes."""
    end = await superuser.fetchrow("SELECT * FROM audit_log WHERE shard = 'b' ORDER BY sequence DESC LIMIT 1")
    row = {**end, "sequence": end["sequence"] + 1, "position": position, "details": {}, **changes}
    digest = chain_hash(end["hash"], row)
    await superuser.execute(
        f"INSERT INTO audit_log (shard, {CHAIN}, previous_hash, hash)"
        " VALUES ('b', $1, $2, $3, $4, $5, $6, $7, '{}', $8, $9)",
        *(row[name] for name in CHAIN.split(", ")[:-1]),
        end["hash"],
        digest,
    )


def sql(*statements: str, then: Tamper | None = None) -> Tamper:
    async def tamper(superuser: Any) -> None:
        for statement in statements:
            await superuser.execute(statement)
        if then is not None:
            await then(superuser)

    return tamper


def forged(position: int | None, **changes: object) -> Tamper:
    return lambda superuser: forge(superuser, position, **changes)


UPDATE = "UPDATE audit_log SET {} WHERE shard = 'b' AND sequence = {}"
DELETE = "DELETE FROM audit_log WHERE shard = 'b' AND sequence {}"
SWAP = tuple(UPDATE.format(f"sequence = {to}", of) for of, to in ((2, 99), (5, 2), (99, 5)))
CLOSE_UP = "UPDATE audit_log SET sequence = sequence - 1 WHERE shard = 'b' AND sequence > 3"
ALL: Found = [("missing", None, position) for position in (1, 3, 4, 4, 6, 7)]

#: What a superuser does to shard b, and what has to be found of it.
TAMPERINGS: Mapping[str, tuple[Tamper, Found]] = {
    "a reason is changed": (
        sql(UPDATE.format("reason = 'another'", 2)), [("changed", 2, 3), ("changed", 2, 3)],
    ),
    "a time is changed": (
        sql(UPDATE.format("recorded_at = recorded_at + 1", 6)), [("changed", 6, 7), ("changed", 6, 7)],
    ),
    "details are put in": (
        sql(UPDATE.format("""details = '{"n": 123456789012345678901234567890}'""", 1)),
        [("changed", 1, 1), ("changed", 1, 1)],
    ),
    "details become nothing": (sql(UPDATE.format("details = 'null'", 1)), [("changed", 1, 1), ("changed", 1, 1)]),
    "a hash is changed": (sql(UPDATE.format(r"hash = '\x00'", 6)), [("changed", 6, 7)]),
    "a position is taken away": (
        sql(UPDATE.format("position = NULL", 2)), [("changed", 2, None), ("missing", None, 3)],
    ),
    "two rows change places": (
        sql(*SWAP),
        [
            ("changed", 2, 6), ("out of order", 2, 6), ("not linked", 3, 4),
            ("changed", 5, 3), ("out of order", 5, 3), ("not linked", 6, 7),
        ],
    ),
    "two rows change places in a chain that is hashed anew": (
        sql(*SWAP, then=rehash), [("out of order", 2, 6), ("out of order", 5, 3)],
    ),
    "two actions of one record change places in a chain that is hashed anew": (
        sql(*(UPDATE.format(f"sequence = {to}", of) for of, to in ((3, 99), (4, 3), (99, 4))), then=rehash),
        [("out of order", 3, 4), ("out of order", 4, 4)],
    ),
    "a row in the middle is deleted": (
        sql(DELETE.format("= 3")), [("missing", 3, None), ("missing", None, 4)],
    ),
    "a row in the middle is deleted, and the chain is closed up and hashed anew": (
        sql(DELETE.format("= 3"), CLOSE_UP, then=rehash), [("missing", None, 4)],
    ),
    "the last row is deleted": (sql(DELETE.format("= 6")), [("missing", None, 7)]),
    "the tail is deleted": (
        sql(DELETE.format("> 3")), [("missing", None, 4), ("missing", None, 6), ("missing", None, 7)],
    ),
    "all rows of a shard are deleted": (sql(DELETE.format("> 0")), ALL),
    "a row is forged at the end": (forged(7, reason="forged"), [("not in the journal", 7, 7)]),
    "a row is forged at a position of something else": (
        forged(5), [("out of order", 7, 5), ("not in the journal", 7, 5)],
    ),
    "a row is forged for what is still to come": (forged(2**63 - 1), [("not in the journal", 7, 2**63 - 1)]),
    "a row is forged before the journal": (
        forged(-(2**63)), [("out of order", 7, -(2**63)), ("not in the journal", 7, -(2**63))],
    ),
    "a row is forged far behind the end": (
        forged(7, sequence=1_000), [("missing", 7, None), ("not in the journal", 1_000, 7)],
    ),
    "a row is forged before the beginning": (
        forged(7, sequence=-(2**63), reason="forged"),
        [("out of order", -(2**63), 7), ("not in the journal", -(2**63), 7)],
    ),
    "a reason is changed and all is hashed anew": (
        sql(UPDATE.format("reason = 'another'", 2), then=rehash), [("changed", 2, 3)],
    ),
    "who did it is changed and all is hashed anew": (
        sql(UPDATE.format("principal = 'mallory'", 1), then=rehash), [("changed", 1, 1)],
    ),
    "a row is duplicated": (forged(7), [("not in the journal", 7, 7)]),
}  # fmt: skip


async def test_chains_of_several_shards_that_nobody_touched_are_verified(store: PostgresStore) -> None:
    for page in (1, 2, 3, 2_000):
        found = await verified(store, page)
        assert {name: (chain.rows, list(chain.findings)) for name, chain in found.items()} == {
            "a": (6, []),
            "b": (6, []),
            "c": (6, []),
            "idle": (0, []),
        }


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_a_tampering_is_found_at_its_row(store: PostgresStore, superuser: Any, name: str) -> None:
    tamper, expected = TAMPERINGS[name]
    await tamper(superuser)
    for page in (1, 2_000):
        found = await verified(store, page)
        assert [(str(each.problem), each.sequence, each.position) for each in found["b"].findings] == expected
        assert [name for name, chain in found.items() if chain.findings] == ["b"]


async def test_a_log_that_was_emptied_is_found_in_every_shard(store: PostgresStore, superuser: Any) -> None:
    await superuser.execute("TRUNCATE audit_log")
    found = await verified(store)
    assert {name: [str(each.problem) for each in chain.findings] for name, chain in found.items()} == {
        "a": ["missing"] * 6,
        "b": ["missing"] * 6,
        "c": ["missing"] * 6,
        "idle": [],
    }


async def test_what_is_missing_is_told_with_who_did_what(store: PostgresStore, superuser: Any) -> None:
    await sql(DELETE.format("> 4"))(superuser)
    found = (await verified(store))["b"].findings
    assert [each.detail for each in found] == ["bert: apply config abc", "anna: state HALTED GLOBAL"]


async def test_rows_of_a_shard_that_there_is_not_are_found(store: PostgresStore, superuser: Any) -> None:
    await superuser.execute("UPDATE audit_log SET shard = 'nowhere' WHERE shard = 'b'")
    found = await verified(store)
    assert {each.problem for each in found["nowhere"].findings} == {"not in the journal"}
    assert [(str(each.problem), each.sequence, each.position) for each in found["b"].findings] == ALL


async def test_what_is_not_projected_yet_is_not_missing(store: PostgresStore) -> None:
    writer = await ShardWriter.of(store, "b")
    writer.ledger.sequences["control:b"] = 1_000
    await writer.tell("control:b", state("not projected yet"))
    assert (await verified(store))["b"].findings == []


async def test_rows_stay_verified_while_the_tables_are_made_anew(store: PostgresStore) -> None:
    owned = await store.acquire("b", "owner-1", 30.0)
    await store.reset_projections(owned)
    found = await verified(store)
    assert (found["b"].rows, found["b"].findings) == (6, [])


async def test_a_rebuild_writes_a_tail_again_that_was_cut_off(store: PostgresStore, superuser: Any) -> None:
    await sql(DELETE.format("> 4"))(superuser)
    await store.release(await store.acquire("b", "owner-1", 30.0))
    await rebuild_tables(store, "b")
    found = await verified(store)
    assert (found["b"].rows, found["b"].findings) == (6, [])


async def test_rows_without_a_position_are_held_by_the_chain_alone(store: PostgresStore, superuser: Any) -> None:
    writer = await ShardWriter.of(store, "d")
    await writer.tell("control:d", state("first"))
    by_hand = AuditRow(writer.at_ns, "root", "restore", "d", "drill", {"why": "test"})
    batch = writer.projection()
    await writer.store.project(attrs.evolve(batch, audit=[by_hand, *batch.audit]))
    assert (await verified(store))["d"] == VerifiedChain("d", 2, [])
    await superuser.execute("UPDATE audit_log SET reason = 'x' WHERE shard = 'd' AND position IS NULL")
    (finding,) = (await verified(store))["d"].findings
    assert (finding.problem, finding.sequence, finding.position) == ("changed", 1, None)


async def test_an_event_taken_out_of_the_journal_too_is_a_gap_there(store: PostgresStore, superuser: Any) -> None:
    await superuser.execute("ALTER TABLE journal DISABLE TRIGGER journal_append_only")
    for table, which in (("journal", "position IN (3, 7)"), ("audit_log", "position IN (3, 7)")):
        await superuser.execute(f"DELETE FROM {table} WHERE shard = 'b' AND {which}")
    await superuser.execute("UPDATE audit_log SET sequence = sequence - 1 WHERE shard = 'b' AND sequence > 1")
    await rehash(superuser)
    for page in (1, 2_000):
        found = (await verified(store, page))["b"].findings
        assert [(each.problem, each.position) for each in found] == [
            ("gap in the journal", 3),
            ("gap in the journal", 7),
        ]
