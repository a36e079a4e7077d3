"""The places that the command line shows prices and quantities with, as whoever owns a shard noted them."""

from liveexec.presentation.formatting import Places, Precision
from liveexec.storage.database import Database
from liveexec.storage.listings import listed_steps

__all__ = ["precision_in"]


async def precision_in(database: Database) -> Precision:
    """The places of every instrument that was listed by a venue of any host on this database; others have none, and
    their amounts are shown with the digits that they have."""
    return {each.instrument_id: Places.of(each.tick, each.lot) for each in await listed_steps(database)}
