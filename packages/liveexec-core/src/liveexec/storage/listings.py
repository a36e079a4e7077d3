"""How instruments are listed, as the tables keep it for readers; see :class:`liveexec.runtime.ports.JournalStore`."""

from collections.abc import Sequence
from typing import Final

from liveexec.domain.ids import InstrumentId
from liveexec.domain.stored import ListedSteps
from liveexec.storage.database import Database
from liveexec.storage.sql import statements

__all__ = ["listed_steps", "save"]

_SQL: Final = statements("listings")
#: Listings written in one statement; a large venue has some thousands.
_CHUNK: Final = 5_000


async def save(database: Database, listed: Sequence[ListedSteps], at_ns: int) -> None:
    """Put these in place of what was known of the same instruments; what is known already costs no write."""
    latest = list({each.instrument_id: each for each in listed}.values())
    async with database.read("saving listings") as connection:
        for start in range(0, len(latest), _CHUNK):
            chunk = latest[start : start + _CHUNK]
            ids, ticks, lots = zip(*((each.instrument_id, each.tick, each.lot) for each in chunk), strict=True)
            await connection.execute(_SQL["save"], ids, ticks, lots, at_ns)


async def listed_steps(database: Database) -> Sequence[ListedSteps]:
    """How every instrument was listed last."""
    async with database.read("reading listings") as connection:
        rows = await connection.fetch(_SQL["all"])
    return [ListedSteps(InstrumentId(row["canonical_id"]), row["tick"], row["lot"]) for row in rows]
