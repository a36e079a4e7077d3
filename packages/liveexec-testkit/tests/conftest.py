"""What the tests of this package share: the loop, and that nobody prints the credential of the simulator's venues."""

import pytest

from liveexec_testkit.simulator.adapter import CREDENTIAL
from support.canaries import learn

learn(CREDENTIAL)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop that liveexec runs on."""
    return "asyncio"
