"""The event loop that loopback venues run on."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop that the venues' server runs on."""
    return "asyncio"
