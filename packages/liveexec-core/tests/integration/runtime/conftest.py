"""Where the runtime's records go: every test that takes ``store`` runs on memory and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from liveexec import MemoryStore, PostgresStore
from liveexec.runtime.ports import JournalStore
from liveexec.storage.dsn import Dsn


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[JournalStore]:
    """An empty store, of each kind."""
    if request.param == "memory":
        yield MemoryStore()
        return
    dsn: Dsn = request.getfixturevalue("database_dsn")
    async with PostgresStore(dsn) as opened:
        yield opened


@pytest.fixture
async def postgres(database_dsn: Dsn) -> AsyncIterator[PostgresStore]:
    """An empty store on PostgreSQL."""
    async with PostgresStore(database_dsn) as opened:
        yield opened
