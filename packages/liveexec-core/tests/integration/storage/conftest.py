"""An open store on the embedded server, and on every server."""

from collections.abc import AsyncIterator

import pytest

from liveexec.domain.operation import VenueClass
from liveexec.storage.dsn import Dsn
from liveexec.storage.journal_store import PostgresStore
from support.builders import ALPHA
from support.journaling import ShardWriter


@pytest.fixture
async def postgres_store(database_dsn: Dsn) -> AsyncIterator[PostgresStore]:
    """An open store."""
    async with PostgresStore(database_dsn, venue_classes={ALPHA: VenueClass.CEFI}) as store:
        yield store


@pytest.fixture
async def each_postgres_store(each_database_dsn: Dsn) -> AsyncIterator[PostgresStore]:
    """An open store on every server."""
    async with PostgresStore(each_database_dsn, venue_classes={ALPHA: VenueClass.CEFI}) as store:
        yield store


@pytest.fixture
async def writer(postgres_store: PostgresStore) -> ShardWriter:
    """The owner of the shard ``main``."""
    return await ShardWriter.of(postgres_store)
