"""What the tests of this package share: the loop, and how property tests run."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile(os.environ.get("LIVEEXEC_HYPOTHESIS", "steady"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop that liveexec runs on."""
    return "asyncio"
