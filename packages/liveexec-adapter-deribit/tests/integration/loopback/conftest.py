"""A venue per test, and the event loop."""

from collections.abc import AsyncIterator

import pytest

from liveexec_deribit.loopback.server import Server, serve


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop that the venue's server runs on."""
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A venue with two accounts and one instrument of every kind."""
    async with serve() as running:
        yield running
