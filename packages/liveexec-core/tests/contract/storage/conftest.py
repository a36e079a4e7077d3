"""The stores that the one suite runs on: the twin in memory, and PostgreSQL on every server that is here."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from liveexec.domain.operation import VenueClass
from liveexec.runtime.ports import JournalStore
from liveexec.storage.journal_store import PostgresStore
from liveexec.storage.memory import MemoryStore
from support.builders import ALPHA
from support.journaling import ShardWriter
from support.postgres import SERVERS, TestServer

StoreOpener = Callable[[], Awaitable[JournalStore]]
VENUE_CLASSES = {ALPHA: VenueClass.CEFI}


@pytest.fixture(params=["memory", *SERVERS])
async def open_store(
    request: pytest.FixtureRequest, started: Callable[[str], TestServer]
) -> AsyncIterator[StoreOpener]:
    """Opens stores on one and the same storage, which is empty before the first."""
    memory = MemoryStore(venue_classes=VENUE_CLASSES)

    async def the_same() -> JournalStore:
        return memory

    if request.param == "memory":
        yield the_same
        return
    server = started(request.param)
    dsn = server.create_migrated_database()
    async with AsyncExitStack() as stores:

        async def another() -> JournalStore:
            return await stores.enter_async_context(PostgresStore(dsn, venue_classes=VENUE_CLASSES))

        yield another
    server.drop_database(dsn)


@pytest.fixture
async def store(open_store: StoreOpener) -> JournalStore:
    """An open store."""
    return await open_store()


@pytest.fixture
async def writer(store: JournalStore) -> ShardWriter:
    """The owner of the shard ``main``."""
    return await ShardWriter.of(store)
