"""What all tests share: how property tests run, the event loop, and databases on real servers.

Fixtures for whoever needs PostgreSQL:

- ``database_dsn``: a fresh database with the schema of today, on the embedded server (on the one that ``DATABASE_URL``
  names, if it is set). ``empty_database_dsn``: the same without the schema. A :class:`liveexec.storage.dsn.Dsn`.
- ``each_server``, ``each_database_dsn``, ``each_empty_database_dsn``: the same on every server that is here, for tests
  of what PostgreSQL itself does; such a test runs once for each.

Property tests run the same examples every time, so that a red run is red again. ``LIVEEXEC_HYPOTHESIS=explore`` draws
new ones, for a search that may take its time.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from liveexec.storage.dsn import Dsn
from support.postgres import SERVERS, TestServer, started_server

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile(os.environ.get("LIVEEXEC_HYPOTHESIS", "steady"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop that liveexec runs on: asyncpg knows no other."""
    return "asyncio"


@pytest.fixture(scope="session")
def started() -> Iterator[Callable[[str], TestServer]]:
    """Starts a server by its name, once in a session."""
    with ExitStack() as running:
        servers: dict[str, TestServer] = {}

        def start(name: str) -> TestServer:
            if name not in servers:
                servers[name] = running.enter_context(started_server(name))
            return servers[name]

        yield start


@pytest.fixture(scope="session", params=SERVERS)
def each_server(request: pytest.FixtureRequest, started: Callable[[str], TestServer]) -> TestServer:
    """Every PostgreSQL that is here."""
    return started(request.param)


@pytest.fixture(scope="session")
def server(started: Callable[[str], TestServer]) -> TestServer:
    """The PostgreSQL that ``DATABASE_URL`` names, else the embedded one."""
    return started("given" if os.environ.get("DATABASE_URL") else "embedded")


@pytest.fixture
def database_dsn(server: TestServer) -> Iterator[Dsn]:
    """A fresh database with the schema of today."""
    dsn = server.create_migrated_database()
    yield dsn
    server.drop_database(dsn)


@pytest.fixture
def empty_database_dsn(server: TestServer) -> Iterator[Dsn]:
    """A fresh database without anything in it."""
    dsn = server.create_database()
    yield dsn
    server.drop_database(dsn)


@pytest.fixture
def each_database_dsn(each_server: TestServer) -> Iterator[Dsn]:
    """A fresh database with the schema of today, on every server."""
    dsn = each_server.create_migrated_database()
    yield dsn
    each_server.drop_database(dsn)


@pytest.fixture
def each_empty_database_dsn(each_server: TestServer) -> Iterator[Dsn]:
    """A fresh database without anything in it, on every server."""
    dsn = each_server.create_database()
    yield dsn
    each_server.drop_database(dsn)
