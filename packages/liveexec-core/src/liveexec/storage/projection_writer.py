"""Writes projections to PostgreSQL: one statement for each batch, built of the parts that it has."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from liveexec.domain.ids import VenueName
from liveexec.domain.operation import VenueClass
from liveexec.domain.stored import Ownership, ProjectionBatch
from liveexec.storage.audit import EMPTY_CHAIN, ChainEnd, chained_rows
from liveexec.storage.database import Session
from liveexec.storage.projections import Part, encode_rows, parts_of
from liveexec.storage.refusals import epoch_is_over, projection_refusal, rows_are_taken
from liveexec.storage.schema_names import PROJECTED_TABLES
from liveexec.storage.sql import statements

__all__ = ["ProjectionWriter", "statement_of"]

_SQL: Final = statements("projections")
_DELETES: Final = statements("rebuild")
_HEAD_PARAMETERS: Final = 5
_DELETE_TIMEOUT_S: Final = 3_600.0


@lru_cache(maxsize=256)
def statement_of(names: tuple[str, ...]) -> str:
    """The statement that writes these parts: each a CTE, its rows the next parameter; it counts what was written."""
    ctes = [f"head AS (\n{_SQL['head']}\n)"]
    counts = ["(SELECT count(*) FROM head) AS head"]
    for number, name in enumerate(names, start=_HEAD_PARAMETERS + 1):
        ctes.append(f"{name}_ AS (\n{_SQL[name].replace(':rows', f'${number}')}\n)")
        counts.append(f"(SELECT count(*) FROM {name}_) AS {name}")  # noqa: S608  names of our own parts
    return f"WITH {',\n'.join(ctes)}\nSELECT {',\n'.join(counts)}"


class ProjectionWriter:
    """The second writer: brings the tables up to a journal position, all of a batch or nothing of it."""

    def __init__(self, session: Session, venue_classes: Mapping[VenueName, VenueClass]) -> None:
        self._session = session
        self._venue_classes = venue_classes

    async def project(self, batch: ProjectionBatch) -> None:
        """See :meth:`liveexec.runtime.ports.JournalStore.project`."""
        if batch.prepared is None:
            # Before the first wait: the orders, positions and books of the batch go on changing while it is written,
            # and a repeated attempt must write the same rows.
            batch.prepared = [(part, encode_rows(part)) for part in parts_of(batch, self._venue_classes)]
        parts = [part for part, _ in batch.prepared]
        documents = [document for _, document in batch.prepared]
        async with self._session.use("projecting") as connection, connection.transaction():
            if batch.audit:
                end = await _chain_end(connection, batch.shard)
                parts.append(Part("audit", chained_rows(end, batch.audit)))
                documents.append(encode_rows(parts[-1]))
            written = await connection.fetchrow(
                statement_of(tuple(part.name for part in parts)),
                batch.shard,
                batch.epoch,
                batch.after,
                batch.through,
                batch.at_ns,
                *documents,
            )
            if not written["head"]:
                await _explain_refusal(connection, batch)
                return
            for part in parts:
                if part.is_complete_when_written and written[part.name] != len(part.rows):
                    raise rows_are_taken(part.name, len(part.rows) - written[part.name], len(part.rows))

    async def reset(self, ownership: Ownership) -> None:
        """See :meth:`liveexec.runtime.ports.JournalStore.reset_projections`."""
        async with self._session.use("emptying the tables") as connection, connection.transaction():
            if await connection.fetchval(_SQL["rewind"], ownership.shard, ownership.epoch) is None:
                raise epoch_is_over(ownership.shard, ownership.epoch)
            for table in PROJECTED_TABLES:
                await connection.execute(_DELETES[table], ownership.shard, timeout=_DELETE_TIMEOUT_S)


async def _chain_end(connection: Any, shard: str) -> ChainEnd:
    row = await connection.fetchrow(_SQL["audit_head"], shard)
    return ChainEnd(row["sequence"], row["hash"], row["position"] or 0) if row is not None else EMPTY_CHAIN


async def _explain_refusal(connection: Any, batch: ProjectionBatch) -> None:
    """Raise why the head did not move; return when it is where the batch ends: the batch was projected before."""
    row = await connection.fetchrow(_SQL["head_of"], batch.shard)
    if row is None or row["epoch"] != batch.epoch:
        raise epoch_is_over(batch.shard, batch.epoch)
    refusal = projection_refusal(batch, row["projected_through"], row["position"])
    if refusal is not None:
        raise refusal
