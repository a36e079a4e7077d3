"""The schema's way up and down, on every server."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import anyio.to_thread
import asyncpg
import pytest

from liveexec.errors import StorageError
from liveexec.storage import migrate
from liveexec.storage.dsn import Dsn
from liveexec.storage.migrations import HEAD
from liveexec.storage.schema_objects import create_statements
from support.postgres import TestServer, run_sql

CATALOG = """
SELECT 'column' AS kind, c.table_name || '.' || c.column_name AS name,
       concat_ws(' ', c.data_type, c.collation_name, c.numeric_precision, c.numeric_scale, c.is_nullable,
                 c.column_default, c.generation_expression, c.ordinal_position) AS definition
  FROM information_schema.columns AS c WHERE c.table_schema = 'public'
UNION ALL
SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint
 WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'view', viewname, definition FROM pg_views WHERE schemaname = 'public'
UNION ALL
SELECT 'options', relname, reloptions::text FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
 ORDER BY 1, 2, 3
"""


async def catalog_of(dsn: Dsn) -> set[tuple[str, ...]]:
    connection = await asyncpg.connect(dsn.url)
    try:
        rows = await connection.fetch(CATALOG)
    finally:
        await connection.close()
    return {tuple(row) for row in rows if "liveexec_schema_version" not in row["name"]}


def test_head_is_the_last_revision_that_alembic_knows() -> None:
    assert migrate.script().get_heads() == [HEAD]


def test_a_migrated_schema_equals_a_fresh_one(each_server: TestServer) -> None:
    migrated, fresh = each_server.create_database(), each_server.create_database()
    migrate.upgrade(migrated)
    run_sql(fresh, *create_statements())

    async def compare() -> None:
        assert await catalog_of(migrated) == await catalog_of(fresh)

    anyio.run(compare)


def test_upgrade_and_downgrade_leave_nothing_behind(each_empty_database_dsn: Dsn) -> None:
    dsn = each_empty_database_dsn
    before = anyio.run(catalog_of, dsn)
    assert migrate.current(dsn) is None
    assert migrate.upgrade(dsn) is None
    assert migrate.current(dsn) == HEAD
    assert migrate.downgrade(dsn, migrate.BASE) == HEAD
    assert migrate.current(dsn) is None
    assert anyio.run(catalog_of, dsn) == before
    migrate.upgrade(dsn)
    assert migrate.current(dsn) == HEAD


def test_every_revision_can_be_stepped_to_and_back_from(each_empty_database_dsn: Dsn) -> None:
    dsn = each_empty_database_dsn
    revisions = [revision.revision for revision in migrate.script().walk_revisions()][::-1]
    assert revisions[-1] == HEAD
    catalogs = [anyio.run(catalog_of, dsn)]
    for revision in revisions:
        migrate.upgrade(dsn, revision)
        catalogs.append(anyio.run(catalog_of, dsn))
    assert len({frozenset(catalog) for catalog in catalogs}) == len(catalogs)
    for revision, catalog in zip([migrate.BASE, *revisions[:-1]][::-1], catalogs[:-1][::-1], strict=True):
        migrate.downgrade(dsn, revision)
        assert anyio.run(catalog_of, dsn) == catalog


def test_what_the_first_revision_held_is_there_after_the_last(empty_database_dsn: Dsn) -> None:
    migrate.upgrade(empty_database_dsn, "0001")
    run_sql(empty_database_dsn, "INSERT INTO strategies VALUES ('main', 'mine', 1)")
    assert migrate.upgrade(empty_database_dsn) == "0001"

    async def kept() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(empty_database_dsn.url)
        try:
            return [tuple(row) for row in await connection.fetch("SELECT * FROM strategies")]
        finally:
            await connection.close()

    assert anyio.run(kept) == [("main", "mine", 1)]


def test_upgrading_twice_changes_nothing(empty_database_dsn: Dsn) -> None:
    migrate.upgrade(empty_database_dsn)
    before = anyio.run(catalog_of, empty_database_dsn)
    assert migrate.upgrade(empty_database_dsn) == HEAD
    assert anyio.run(catalog_of, empty_database_dsn) == before


async def in_thread(dsn: Dsn) -> None:
    await anyio.to_thread.run_sync(migrate.upgrade, dsn)


def test_a_slow_machine_loads_its_tools_before_the_transaction_that_would_be_ended_meanwhile(
    empty_database_dsn: Dsn, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = migrate._statements
    states: list[str] = []

    async def state() -> str:
        connection = await asyncpg.connect(empty_database_dsn.url)
        try:
            found: str = await connection.fetchval(
                "SELECT state FROM pg_stat_activity"
                " WHERE application_name = 'liveexec schema' AND datname = current_database()"
            )
        finally:
            await connection.close()
        return found

    def written(*arguments: Any) -> str:
        # In a thread, since this runs within the loop of the upgrade.
        with ThreadPoolExecutor(1) as pool:
            states.append(pool.submit(anyio.run, state).result())
        return write(*arguments)

    monkeypatch.setattr(migrate, "_statements", written)
    migrate.upgrade(empty_database_dsn)
    assert states == ["idle"]


async def test_several_upgrades_at_once_from_threads_while_a_loop_runs(empty_database_dsn: Dsn) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(in_thread, empty_database_dsn)
    assert await anyio.to_thread.run_sync(migrate.current, empty_database_dsn) == HEAD


def test_a_revision_of_a_later_version_is_refused(database_dsn: Dsn) -> None:
    run_sql(database_dsn, "UPDATE liveexec_schema_version SET version_num = '9999'")
    with pytest.raises(StorageError, match=r"revision 9999 .* is not known"):
        migrate.upgrade(database_dsn)


def test_a_revision_that_nobody_wrote_is_refused(empty_database_dsn: Dsn) -> None:
    with pytest.raises(StorageError, match=r"revision nothing .* is not known"):
        migrate.upgrade(empty_database_dsn, "nothing")


def test_a_failing_upgrade_leaves_the_schema_as_it_was(empty_database_dsn: Dsn) -> None:
    run_sql(empty_database_dsn, "CREATE TABLE strategies (theirs int)")
    before = anyio.run(catalog_of, empty_database_dsn)
    with pytest.raises(StorageError, match="strategies"):
        migrate.upgrade(empty_database_dsn)
    assert anyio.run(catalog_of, empty_database_dsn) == before
