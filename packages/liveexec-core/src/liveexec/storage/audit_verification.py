"""Reads a shard's audit log and its journal, page by page, and has :mod:`liveexec.storage.audit_checks` judge them."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from liveexec.domain.audit import audit_rows
from liveexec.domain.stored import AuditRow
from liveexec.storage.audit_checks import ChainCheck, ChainRow, Finding, journal_findings, journal_gap
from liveexec.storage.database import Database
from liveexec.storage.lookups import Lookups, plain_row
from liveexec.storage.sql import statements

__all__ = ["VerifiedChain", "audited_shards", "verify_audit"]

_SQL: Final = statements("audit")
_PAGE: Final = 2_000
#: Somebody may have given a row any number.
_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1


@frozen
class VerifiedChain:
    """How many rows a shard's chain has, and what is wrong with them."""

    shard: str
    rows: int
    findings: Sequence[Finding]


@frozen
class _Bounds:
    """Where the journal, the tables and the chain ended at one moment; what came since is not looked at."""

    journal_end: int
    projected_through: int
    last_sequence: int


async def audited_shards(database: Database) -> list[str]:
    """The shards that have a journal or an audit log, by name."""
    async with database.read("listing the shards") as connection:
        return [row["shard"] for row in await connection.fetch(_SQL["shards"])]


async def verify_audit(database: Database, shard: str, page: int = _PAGE) -> VerifiedChain:
    """Walk a shard's chain, then hold its rows against the journal. A running host is not disturbed.

    What is held in memory is a page of either, and what is found.
    """
    async with database.read("looking where the audit log ends") as connection:
        bounds = _Bounds(*(await connection.fetchrow(_SQL["bounds"], shard)).values())
    chain = ChainCheck()
    findings = [
        finding
        async for rows in _pages(database, shard, bounds.last_sequence, page)
        for row in rows
        for finding in chain.check(row)
    ]
    # Where an order breaks is seen a row later: told by rows, with what else is wrong with each.
    findings.sort(key=lambda finding: finding.sequence or 0)
    findings += [finding async for finding in _against_journal(database, shard, bounds, page)]
    return VerifiedChain(shard, chain.rows, findings)


async def _pages(database: Database, shard: str, through: int, page: int) -> AsyncIterator[list[ChainRow]]:
    first = _LEAST
    while first <= through:
        async with database.read("reading the audit log") as connection:
            rows = _chain_rows(await connection.fetch(_SQL["chain"], shard, first, through, page))
        if not rows:
            return
        yield rows
        first = rows[-1].sequence + 1


async def _against_journal(database: Database, shard: str, bounds: _Bounds, page: int) -> AsyncIterator[Finding]:
    journal = Lookups(database)

    async def findings(first: int, last: int, actions: Sequence[AuditRow] = ()) -> Iterator[Finding]:
        rows = await _rows_of(database, shard, first, last, bounds)
        return journal_findings(actions, rows, bounds.projected_through)

    # No journal has positions before 1, and none of this one has any beyond its end: rows there have no event.
    for finding in await findings(_LEAST, 0):
        yield finding
    end = max(bounds.journal_end, bounds.projected_through)
    position = 0
    while position < end:
        first = position + 1
        actions: list[AuditRow] = []
        for stored in await journal.read_after(shard, position, page):
            if stored.position > end:
                break
            for finding in journal_gap(position, stored.position):
                yield finding
            position = stored.position
            actions += audit_rows(position, stored.record)
        if position < first:
            for finding in journal_gap(position, end + 1):
                yield finding
            position = end
        for finding in await findings(first, position, actions):
            yield finding
    for finding in await findings(end + 1, _MOST):
        yield finding


async def _rows_of(database: Database, shard: str, first: int, last: int, bounds: _Bounds) -> list[ChainRow]:
    """The rows of some positions. Not paged: there are as many of them as actions, or each one more is a finding."""
    async with database.read("reading the audit log") as connection:
        return _chain_rows(await connection.fetch(_SQL["positions"], shard, first, last, bounds.last_sequence))


def _chain_rows(rows: Iterable[Mapping[str, Any]]) -> list[ChainRow]:
    return [ChainRow.of({"details": None, **plain_row(row, ("details",))}) for row in rows]
