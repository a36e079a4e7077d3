"""What a store refuses to open, and what it says then."""

import os
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg
import pytest

from liveexec.domain.ids import OperationId
from liveexec.errors import StorageError, TransientStorageError, UnsafeServer
from liveexec.storage.dsn import Dsn
from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.binary_cache import executable_by
from liveexec.storage.embedded.layout import ClusterLayout
from liveexec.storage.embedded.supervisor import wait_until
from liveexec.storage.journal_store import PostgresStore
from liveexec.storage.migrations import HEAD
from support.builders import make_order_id, make_received, make_record
from support.canaries import canary
from support.journaling import ShardWriter
from support.postgres import TestServer, own_server, run_sql


@pytest.fixture(scope="module")
def own() -> Iterator[TestServer]:
    """A server whose settings the tests of this module may spoil."""
    with own_server() as server:
        yield server


async def refusal_of(dsn: Dsn) -> StorageError:
    with pytest.raises(StorageError) as caught:
        async with PostgresStore(dsn):
            pass
    return caught.value


def with_password(dsn: Dsn, user: str, password: str) -> Dsn:
    """The same database, for somebody else."""
    parts = urlsplit(dsn.url)
    query = "&".join(part for part in parts.query.split("&") if not part.startswith("passfile"))
    return Dsn(parts._replace(netloc=f"{user}:{password}@", query=query).geturl())


@pytest.fixture
def unsafe_server() -> Iterator[Dsn]:
    """A server started by hand, with every setting that matters turned off, and a migrated database on it."""
    with own_server() as server:
        dsn = server.create_migrated_database()
        assert server.home is not None
        assert server.binaries is not None
        home, binaries = server.home, server.binaries
        server.stop()
        account = ServerAccount.for_cluster(ClusterLayout(home))
        runnable, _ = executable_by(account, binaries)
        folder = Path(tempfile.mkdtemp(prefix="lxt-", dir="/tmp"))
        folder.chmod(0o777)
        settings = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "listen_addresses=")
        command = [str(runnable.program("postgres")), "-D", str(home / "pgdata"), "-k", str(folder)]
        command += [word for setting in settings for word in ("-c", setting)]
        process = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **account.popen_user)
        try:
            parts = urlsplit(dsn.url)
            query = urlencode(dict(parse_qsl(parts.query)) | {"host": str(folder)})
            started = Dsn(parts._replace(query=query).geturl())
            assert wait_until(lambda: answers(started), timeout_s=30)
            yield started
        finally:
            process.terminate()
            process.wait(timeout=30)
            shutil.rmtree(folder)


def answers(dsn: Dsn) -> bool:
    try:
        run_sql(dsn, "SELECT 1")
    except (OSError, asyncpg.PostgresError):
        return False
    return True


async def test_a_server_that_loses_acknowledged_writes_is_refused_with_every_setting(unsafe_server: Dsn) -> None:
    refused = await refusal_of(unsafe_server)
    assert isinstance(refused, UnsafeServer)
    assert "(fsync=off, full_page_writes=off, synchronous_commit=off)" in str(refused)
    async with PostgresStore(unsafe_server, allow_unsafe=True) as store:
        assert store.server.unsafe_settings == ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
        writer = await ShardWriter.of(store)
        await writer.append(writer.record(make_order_id(1), make_received()))


async def test_a_setting_of_one_database_counts_too(database_dsn: Dsn) -> None:
    run_sql(database_dsn, f"ALTER DATABASE {database_dsn.database} SET synchronous_commit = off")
    assert "(synchronous_commit=off)" in str(await refusal_of(database_dsn))


async def test_a_setting_turned_off_later_is_refused_when_the_writer_connects_again(database_dsn: Dsn) -> None:
    async with PostgresStore(database_dsn) as store:
        writer = await ShardWriter.of(store)
        run_sql(database_dsn, f"ALTER DATABASE {database_dsn.database} SET synchronous_commit = off")
        with pytest.raises(UnsafeServer):
            await writer.append(writer.record(make_order_id(1), make_received()))


async def test_a_safe_server_says_what_it_is(each_postgres_store: PostgresStore) -> None:
    assert each_postgres_store.server.major_version >= 15
    assert each_postgres_store.server.unsafe_settings == ()


async def test_a_database_without_a_schema_is_refused(empty_database_dsn: Dsn) -> None:
    refused = await refusal_of(empty_database_dsn)
    assert f"holds no liveexec schema (needed: {HEAD}): run `liveexec db upgrade`" in str(refused)


async def test_a_schema_of_another_revision_is_refused(database_dsn: Dsn) -> None:
    run_sql(database_dsn, "UPDATE liveexec_schema_version SET version_num = '0000'")
    assert f"is at revision 0000, this version of liveexec needs {HEAD}" in str(await refusal_of(database_dsn))


async def test_a_role_without_rights_is_refused_with_every_right_that_it_lacks(database_dsn: Dsn) -> None:
    role = f"limited_{os.getpid()}"
    run_sql(
        database_dsn,
        f"CREATE ROLE {role} LOGIN PASSWORD '{canary(role)}'",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"REVOKE INSERT ON journal, fills FROM {role}",
        f"REVOKE UPDATE ON journal_head FROM {role}",
    )
    try:
        dsn = with_password(database_dsn, role, canary(role))
        refused = str(await refusal_of(dsn))
        assert f'the role "{role}" lacks rights' in refused
        assert "grant it INSERT on fills, INSERT on journal, UPDATE on journal_head" in refused
        run_sql(database_dsn, f"GRANT INSERT ON journal, fills TO {role}", f"GRANT UPDATE ON journal_head TO {role}")
        async with PostgresStore(dsn) as store:
            writer = await ShardWriter.of(store)
            await writer.append(writer.record(make_order_id(1), make_received()))
            await writer.project()
            await store.reset_projections(writer.owned)
    finally:
        run_sql(database_dsn, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


async def test_no_refusal_shows_the_password(database_dsn: Dsn) -> None:
    secret = canary("pass:w/rd%?")
    quoted = quote(secret, safe="")
    for dsn in (
        with_password(database_dsn, "liveexec", quoted),
        Dsn(f"postgresql://liveexec:{quoted}@127.0.0.1:1/none"),
        Dsn(f"postgresql://liveexec:{quoted}@/none?host=/nonexistent"),
        Dsn(f"postgresql://liveexec:{quoted}@127.0.0.1:1/none?sslmode={quoted}"),
    ):
        refused = await refusal_of(dsn)
        shown = "".join(traceback.format_exception(refused)) + repr(refused) + repr(dsn) + str(dsn)
        assert secret not in shown
        assert quoted not in shown


async def test_a_wrong_password_is_final_and_an_absent_server_is_not(database_dsn: Dsn) -> None:
    wrong = await refusal_of(with_password(database_dsn, "liveexec", canary("wrong")))
    assert not isinstance(wrong, TransientStorageError)
    assert "the password is wrong" in str(wrong)
    missing = await refusal_of(database_dsn.with_database("there_is_none"))
    assert not isinstance(missing, TransientStorageError)
    assert "the database does not exist: create it first" in str(missing)
    assert isinstance(await refusal_of(Dsn("postgresql://u@127.0.0.1:1/d")), TransientStorageError)


async def test_a_store_that_is_not_open_says_so(database_dsn: Dsn) -> None:
    store = PostgresStore(database_dsn)
    with pytest.raises(StorageError, match="not open"):
        await store.load("main")
    with pytest.raises(StorageError, match="not open"):
        _ = store.server
    await store.close()


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of one mebibyte."""
    folder = Path(tempfile.mkdtemp(prefix="lxt-disk-", dir="/tmp"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=777", "liveexec-test", str(folder)]
    made = subprocess.run(mount, check=False, capture_output=True, text=True) if os.geteuid() == 0 else None
    if made is None or made.returncode != 0:
        folder.rmdir()
        pytest.skip("can't mount a file system here" if made is None else f"can't mount: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


async def append_until_it_fails(writer: ShardWriter) -> None:
    for number in range(2, 1_000):
        received = make_received(operation_id=OperationId(f"OP-{number}"))
        order_ids = [make_order_id(number * 100 + n) for n in range(50)]
        await writer.append(*(make_record(order_id, 1, received) for order_id in order_ids))


async def test_a_full_disk_can_be_waited_out(own: TestServer, small_disk: Path) -> None:
    dsn = own.create_migrated_database()
    place = small_disk / "space"
    place.mkdir()
    assert own.home is not None
    owner = (own.home / "pgdata").stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    run_sql(dsn, f"CREATE TABLESPACE small LOCATION '{place}'", "ALTER TABLE journal SET TABLESPACE small")
    filler = small_disk / "filler"
    with filler.open("wb") as file:
        free = os.statvfs(small_disk)
        file.write(bytes(free.f_bavail * free.f_frsize - 64 * 1024))
    try:
        async with PostgresStore(dsn) as store:
            writer = await ShardWriter.of(store)
            with pytest.raises(TransientStorageError, match="the disk of the database server is full"):
                await append_until_it_fails(writer)
            batch = writer.batch_of([make_record(make_order_id(), 1, make_received())])
            assert not await store.settle(batch)
            filler.unlink()
            await store.append(batch)
            assert len(await store.read_after("main", 0, 100_000)) == batch.last_position
    finally:
        run_sql(dsn, "ALTER TABLE journal SET TABLESPACE pg_default", "DROP TABLESPACE small")
        shutil.rmtree(place, ignore_errors=True)
