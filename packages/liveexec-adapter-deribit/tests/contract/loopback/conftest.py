"""The event loop, and where the venue's specification lies."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop that the venue's server runs on."""
    return "asyncio"
