"""The first writer: appends batches to the journal, and settles what became of one whose answer was lost."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from liveexec.domain.stored import AppendBatch
from liveexec.errors import TransientStorageError
from liveexec.storage.database import Session
from liveexec.storage.journal_entries import Entry, encode_entries, entries_of, is_in
from liveexec.storage.refusals import batch_differs, batch_does_not_follow, epoch_is_over
from liveexec.storage.sql import statements

__all__ = ["JournalWriter", "entry_of"]

_SQL: Final = statements("journal")
_END_BACKEND: Final = statements("server")["end_backend"]
_END_TIMEOUT_MS: Final = 5_000


def entry_of(row: Any) -> Entry:
    """An entry from a row of ``journal``."""
    return Entry(
        row["position"], row["stream"], row["sequence"], row["recorded_at"], row["cause"], msgspec.Raw(row["events"])
    )


class JournalWriter:
    """Appends for the shards of this process, one statement after the other."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def append(self, batch: AppendBatch) -> None:
        """See :meth:`liveexec.runtime.ports.JournalStore.append`."""
        statement, records = _statement_of(entries_of(batch))
        async with self._session.use("appending to the journal") as connection:
            status = await connection.execute(
                statement, batch.shard, batch.epoch, batch.batch, batch.first_position, *records
            )
            if status == f"INSERT 0 {len(batch.records)}":
                return
            head = await connection.fetchrow(_SQL["head"], batch.shard)
            if not await _holds(connection, batch, head):
                raise batch_does_not_follow(batch, head["batch"], head["position"])

    async def settle(self, batch: AppendBatch) -> bool:
        """See :meth:`liveexec.runtime.ports.JournalStore.settle`.

        A statement may still wait unread in the socket of a server process whose connection broke, where no lock
        tells of it: those processes are ended first. After that, what the table holds is final.
        """
        async with self._session.use("settling an append") as connection:
            for backend in self._session.lost:
                ended = await connection.fetchval(_END_BACKEND, backend.pid, backend.started_at, _END_TIMEOUT_MS)
                if ended is False:
                    raise TransientStorageError(f"settling an append: server process {backend.pid} has not ended yet")
            self._session.lost.clear()
            head = await connection.fetchrow(_SQL["head_for_update"], batch.shard)
            return await _holds(connection, batch, head)


def _statement_of(entries: Sequence[Entry]) -> tuple[str, tuple[Any, ...]]:
    """What appends the entries, and its parameters from the fifth on."""
    if len(entries) == 1:
        one = entries[0]
        return _SQL["append_one"], (one.stream, one.sequence, one.recorded_at, one.cause, bytes(one.events))
    return _SQL["append"], (entries[-1].position, encode_entries(entries))


async def _holds(connection: Any, batch: AppendBatch, head: Any) -> bool:
    """Whether the journal holds the batch. Raises ``Fenced`` in another epoch, ``JournalConflict`` on other content."""
    if head is None or head["epoch"] != batch.epoch:
        raise epoch_is_over(batch.shard, batch.epoch)
    if head["batch"] < batch.batch:
        return False
    if head["batch"] == batch.batch and head["position"] != batch.last_position:
        # It may begin as the batch does.
        raise batch_differs(batch)
    rows = await connection.fetch(_SQL["read_after"], batch.shard, batch.first_position - 1, len(batch.records))
    if not is_in(batch, [entry_of(row) for row in rows]):
        raise batch_differs(batch)
    return True
