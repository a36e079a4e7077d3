"""Start, share, use and stop an embedded server."""

import asyncio
import importlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from liveexec.storage.embedded import Arrival, EmbeddedPostgres
from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.errors import DatabaseCommandFailed
from liveexec.storage.embedded.layout import ClusterLayout
from liveexec.storage.embedded.locks import server_runs, supervisor_runs
from support.canaries import canary


def fetch(server: EmbeddedPostgres, query: str, database: str = "postgres") -> Any:
    async def ask() -> Any:
        connection = await asyncpg.connect(**server.connect_kwargs(database))
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    return asyncio.run(ask())


def value_by_dsn(server: EmbeddedPostgres, query: str) -> Any:
    async def ask() -> Any:
        connection = await asyncpg.connect(server.dsn())
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(ask())


def value(server: EmbeddedPostgres, query: str, database: str = "postgres") -> Any:
    return fetch(server, query, database)[0][0]


def test_first_start_makes_a_cluster_with_safe_settings(
    place: Path, postmaster: Callable[[Path], psutil.Process]
) -> None:
    home = place / "new" / "home"
    with EmbeddedPostgres.start(home) as server:
        assert server.arrival is Arrival.CREATED
        settings = {row["name"]: row["setting"] for row in fetch(server, "SELECT name, setting FROM pg_settings")}
        methods = {row["auth_method"] for row in fetch(server, "SELECT auth_method FROM pg_hba_file_rules")}
        internet_sockets = postmaster(home).net_connections("inet")
    assert {name: settings[name] for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")} == {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
    }
    assert settings["listen_addresses"] == ""
    assert settings["server_encoding"] == "UTF8"
    assert methods == {"scram-sha-256"}
    assert internet_sockets == []


def test_second_start_joins_and_the_last_release_stops(
    home: Path,
    layout: ClusterLayout,
    account: ServerAccount,
    postmaster: Callable[[Path], psutil.Process],
    ended: Callable[[psutil.Process], bool],
) -> None:
    first = EmbeddedPostgres.start(home)
    process = postmaster(home)
    second = EmbeddedPostgres.start(home)
    assert (first.arrival, second.arrival) == (Arrival.STARTED, Arrival.JOINED)
    assert postmaster(home) == process

    first.release()
    assert value(second, "SELECT 1") == 1

    second.release()
    assert ended(process)
    assert not server_runs(layout)
    assert not supervisor_runs(layout)
    assert not layout.socket_folder(account.uid).exists()


def test_release_may_be_repeated_and_counts_once(home: Path) -> None:
    first, second = EmbeddedPostgres.start(home), EmbeddedPostgres.start(home)
    first.release()
    first.release()
    assert value(second, "SELECT 1") == 1
    second.release()


def test_a_forked_child_does_not_give_up_its_parents_hold(home: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from liveexec.storage.embedded import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]))
child = os.fork()
if not child:
    server.release()
    os._exit(0)
os.waitpid(child, 0)
server.ensure_database("after_the_fork")
print(EmbeddedPostgres.start(Path(sys.argv[1])).arrival.value)
"""
    done = subprocess.run([sys.executable, "-c", script, str(home)], check=True, capture_output=True, text=True)
    assert done.stdout == "joined\n"


def test_a_log_that_has_grown_is_put_aside(home: Path, layout: ClusterLayout) -> None:
    aside = layout.home / "server.log.1"
    with EmbeddedPostgres.start(home):
        assert not aside.exists()
    os.truncate(layout.log, 5 * 1024 * 1024)
    with EmbeddedPostgres.start(home):
        assert aside.stat().st_size == 5 * 1024 * 1024
        assert layout.log.stat().st_size < 100_000


def test_data_survives_a_stop(home: Path) -> None:
    with EmbeddedPostgres.start(home) as server:
        fetch(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedPostgres.start(home) as server:
        assert value(server, "SELECT answer FROM kept") == 42


def test_two_processes_that_start_an_empty_folder_at_once_share_one_server(
    place: Path, spawn_holder: Callable[[Path], Any]
) -> None:
    holders = [spawn_holder(place / "home") for _ in range(2)]
    assert sorted(holder.arrival() for holder in holders) == ["created", "joined"]
    for holder in holders:
        holder.finish()
    assert not server_runs(ClusterLayout(place / "home"))


def test_threads_that_start_and_release_at_once_always_get_a_server(home: Path, layout: ClusterLayout) -> None:
    def use(_: int) -> int:
        with EmbeddedPostgres.start(home) as server:
            return int(value(server, "SELECT 1"))

    with ThreadPoolExecutor(max_workers=4) as threads:
        assert list(threads.map(use, range(12))) == [1] * 12
    assert not server_runs(layout)


def test_without_the_password_nobody_connects(home: Path) -> None:
    with EmbeddedPostgres.start(home) as server:
        for wrong in ("", "postgres", "liveexec"):
            with pytest.raises(asyncpg.InvalidPasswordError):
                asyncio.run(asyncpg.connect(**server.connect_kwargs("postgres") | {"password": wrong}))


def test_only_the_owner_reaches_password_and_socket(home: Path, layout: ClusterLayout, account: ServerAccount) -> None:
    with EmbeddedPostgres.start(home) as server:
        assert stat.S_IMODE(layout.password_file.stat().st_mode) == 0o600
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
        assert server.socket_folder.stat().st_uid == account.uid
        assert stat.S_IMODE(layout.pgdata.stat().st_mode) == 0o700
        assert stat.S_IMODE(home.stat().st_mode) & 0o007 == 0


def test_the_password_is_shown_nowhere(
    home: Path, layout: ClusterLayout, postmaster: Callable[[Path], psutil.Process]
) -> None:
    password = layout.password_file.read_text().strip().rpartition(":")[2]
    assert len(password) >= 43
    with EmbeddedPostgres.start(home) as server:
        server.ensure_database("other")
        shown = [repr(server), str(server), server.dsn(), repr(server.connect_kwargs()), str(vars(server))]
        shown += postmaster(home).cmdline()
        supervisor = postmaster(home).parent()
        assert supervisor is not None
        shown += supervisor.cmdline()
    shown.append(layout.log.read_text())
    assert not any(password in text for text in shown)


def test_secrets_in_the_environment_stay_with_the_caller(
    home: Path, monkeypatch: pytest.MonkeyPatch, postmaster: Callable[[Path], psutil.Process]
) -> None:
    monkeypatch.setenv("VENUE_API_SECRET", canary("venue"))
    with EmbeddedPostgres.start(home):
        server = postmaster(home)
        supervisor = server.parent()
        assert supervisor is not None
        assert "VENUE_API_SECRET" not in server.environ() | supervisor.environ()


def test_dsn_serves_asyncpg_and_what_sqlalchemy_makes_of_it(home: Path) -> None:
    async def use(server: EmbeddedPostgres) -> list[int]:
        url = make_url(server.dsn().replace("postgresql:", "postgresql+asyncpg:"))
        _, from_url = PGDialect_asyncpg().create_connect_args(url)  # type: ignore[no-untyped-call]  # SQLAlchemy's
        answers = []
        for connect in (asyncpg.connect(server.dsn()), asyncpg.connect(**from_url)):
            connection = await connect
            answers.append(await connection.fetchval("SELECT 1"))
            await connection.close()
        return answers

    with EmbeddedPostgres.start(home) as server:
        assert asyncio.run(use(server)) == [1, 1]


def test_an_sqlalchemy_engine_takes_dsn_and_connect_kwargs(home: Path) -> None:
    pytest.importorskip("greenlet", reason="SQLAlchemy's asyncio engines need greenlet")
    asyncio_extension = importlib.import_module("sqlalchemy.ext.asyncio")

    async def use(server: EmbeddedPostgres) -> list[int]:
        answers = []
        for engine in (
            asyncio_extension.create_async_engine(server.dsn().replace("postgresql:", "postgresql+asyncpg:")),
            asyncio_extension.create_async_engine("postgresql+asyncpg://", connect_args=server.connect_kwargs()),
        ):
            async with engine.connect() as bound:
                answers.append((await bound.execute(text("SELECT 1"))).scalar_one())
            await engine.dispose()
        return answers

    with EmbeddedPostgres.start(home) as server:
        assert asyncio.run(use(server)) == [1, 1]


def test_connect_kwargs_do_not_mind_variables_meant_for_another_server(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedPostgres.start(home) as server:
        for name, other in {"PGPASSWORD": "x", "PGHOST": "x", "PGPORT": "1", "PGUSER": "x", "PGDATABASE": "x"}.items():
            monkeypatch.setenv(name, other)
        assert value(server, "SELECT current_user") == "liveexec"


@pytest.mark.parametrize(
    "name", ["with space", "Ünïcödé", 'it\'s "quoted" $HOME; `x`', "/".join(["a-folder-with-a-long-name"] * 6)]
)
def test_any_path_will_do(place: Path, copy_cluster: Callable[[Path], Path], name: str) -> None:
    home = copy_cluster(place / name)
    with EmbeddedPostgres.start(home) as server:
        assert value(server, "SELECT 1") == 1
        assert len(os.fsencode(server.socket_folder / ".s.PGSQL.5432")) < 100
        assert value_by_dsn(server, "SELECT 1") == 1


def test_a_cluster_is_made_under_a_path_with_a_space_and_more_than_107_bytes(place: Path) -> None:
    home = place / "with space" / ("long" * 30)
    with EmbeddedPostgres.start(home) as server:
        assert server.arrival is Arrival.CREATED
        assert value(server, "SELECT 1") == 1


def test_a_symbolic_link_to_the_folder_is_the_same_server(place: Path, home: Path) -> None:
    link = place / "link"
    link.symlink_to(home)
    with EmbeddedPostgres.start(home) as server, EmbeddedPostgres.start(link) as same:
        assert same.arrival is Arrival.JOINED
        assert same.dsn() == server.dsn()


def test_databases_are_created_and_dropped_by_any_name(home: Path) -> None:
    with EmbeddedPostgres.start(home) as server:
        for name in ("other", 'od"d name', "ünï"):
            server.ensure_database(name)
            server.ensure_database(name)
            assert value(server, "SELECT current_database()", name) == name
            server.drop_database(name)
            server.drop_database(name)
            with pytest.raises(asyncpg.InvalidCatalogNameError):
                value(server, "SELECT 1", name)


def test_a_database_is_created_once_by_many_at_once(home: Path) -> None:
    with EmbeddedPostgres.start(home) as server, ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(server.ensure_database, ["shared"] * 4))
        assert value(server, "SELECT count(*) FROM pg_database WHERE datname = 'shared'") == 1


def test_databases_can_be_created_while_an_event_loop_runs(home: Path) -> None:
    async def create(server: EmbeddedPostgres) -> None:
        server.ensure_database("other")

    with EmbeddedPostgres.start(home) as server:
        asyncio.run(create(server))
        assert value(server, "SELECT 1", "other") == 1


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64])
def test_a_database_that_can_not_be_is_refused(home: Path, name: str) -> None:
    with EmbeddedPostgres.start(home) as server, pytest.raises(DatabaseCommandFailed, match="can't be the name"):
        server.ensure_database(name)


@pytest.mark.parametrize("name", ["postgres", "template0", "template1"])
def test_the_servers_own_databases_are_not_dropped(home: Path, name: str) -> None:
    with EmbeddedPostgres.start(home) as server, pytest.raises(DatabaseCommandFailed, match="belongs to the server"):
        server.drop_database(name)
