"""``liveexec db`` on real databases, among them an embedded server of its own."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import anyio
import pytest

from liveexec.cli.exit_codes import ExitCode
from liveexec.storage.dsn import Dsn
from liveexec.storage.embedded import EmbeddedPostgres
from liveexec.storage.journal_store import PostgresStore
from support.canaries import canary
from support.postgres import run_sql

Run = Callable[..., CompletedProcess[str]]
Environ = dict[str, str]


def test_upgrade_brings_the_schema_and_says_what_it_did(
    run_in: Run, bare_environ: Environ, empty_database_dsn: Dsn
) -> None:
    option = ("--database", empty_database_dsn.url)
    before = json.loads(run_in(bare_environ, "db", "info", "-o", "json", *option).stdout)
    assert before["database"]["schema_revision"] == "none"
    assert "shards" not in before
    first = run_in(bare_environ, "db", "upgrade", *option)
    second = run_in(bare_environ, "db", "upgrade", *option)
    assert (first.returncode, second.returncode) == (ExitCode.OK, ExitCode.OK)
    assert "went from revision none to" in first.stdout
    assert second.stdout.endswith("already\n")
    after = json.loads(run_in(bare_environ, "db", "info", "-o", "json", *option).stdout)
    assert after["database"]["schema_revision"] == after["database"]["needed_revision"]
    assert after["shards"] == []


def test_info_shows_how_far_the_shards_are(liveexec: Run) -> None:
    (shard,) = json.loads(liveexec("db", "info", "-o", "json").stdout)["shards"]
    assert shard["shard"] == "main"
    assert shard["position"] == shard["projected_through"] > 0
    assert shard["lag"] == 0
    shown = liveexec("db", "info").stdout
    assert "password" not in shown


def test_tables_that_say_what_the_journal_says_pass(liveexec: Run) -> None:
    done = liveexec("db", "verify")
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    assert done.stdout.endswith("no difference\n")
    assert json.loads(liveexec("db", "verify", "-o", "json", "--shard", "main").stdout) == []


def test_a_changed_table_is_found_and_made_anew(liveexec: Run, orders_dsn: Dsn) -> None:
    run_sql(orders_dsn, "UPDATE unified_orders SET filled_quantity = 0.4 WHERE operation_id = 'OP-FILLED'")
    found = liveexec("db", "verify", "-o", "json")
    assert found.returncode == ExitCode.DIFFERENCES
    (difference,) = json.loads(found.stdout)
    assert (difference["table"], difference["column"]) == ("unified_orders", "filled_quantity")
    assert (float(difference["journal"]), float(difference["stored"])) == (1.0, 0.4)
    rebuilt = liveexec("db", "rebuild")
    assert rebuilt.returncode == ExitCode.OK, rebuilt.stderr
    assert rebuilt.stdout == "the tables of shard main are made anew from the journal\n"
    assert liveexec("db", "verify").returncode == ExitCode.OK


def test_a_shard_that_somebody_owns_is_not_rebuilt(liveexec: Run, orders_dsn: Dsn) -> None:
    async def own() -> None:
        async with PostgresStore(orders_dsn, allow_unsafe=True) as store:
            await store.acquire("main", "somebody-else", 300.0)

    anyio.run(own)
    done = liveexec("db", "rebuild")
    assert done.returncode == ExitCode.FAILURE
    assert "somebody-else" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_a_shard_that_is_not_there_is_not_found(liveexec: Run, command: str) -> None:
    done = liveexec("db", command, "--shard", "nowhere")
    assert done.returncode == ExitCode.NOT_FOUND
    assert done.stderr == "liveexec: there is no shard 'nowhere' here (there are: main)\n"


@pytest.fixture
def own_home(bare_environ: Environ) -> Iterator[Environ]:
    """An environment with an embedded server of its own; its folder is open to the account that has to run it."""
    folder = Path(tempfile.mkdtemp(prefix="lxt-", dir="/tmp"))
    folder.chmod(0o755)
    yield bare_environ | {"XDG_DATA_HOME": str(folder)}
    shutil.rmtree(folder)


def test_embedded_server_serves_its_default_database_and_the_one_that_was_kept(run_in: Run, own_home: Environ) -> None:
    nothing = run_in(own_home, "orders")
    assert nothing.returncode == ExitCode.DATABASE_UNAVAILABLE
    made = run_in(own_home, "db", "upgrade")
    assert made.returncode == ExitCode.OK, made.stderr
    listed = run_in(own_home | {"PGPASSWORD": canary("of another server")}, "orders")
    assert listed.returncode == ExitCode.OK, listed.stderr
    assert listed.stdout == "Orders\nno orders\n"
    current = Path(own_home["XDG_STATE_HOME"]) / "liveexec" / "current.json"
    current.parent.mkdir(parents=True)
    current.write_text('{"database": "liveexec_demo"}')
    gone = run_in(own_home, "orders")
    assert gone.returncode == ExitCode.DATABASE_UNAVAILABLE
    assert gone.stderr == nothing.stderr
    with EmbeddedPostgres.start(Path(own_home["XDG_DATA_HOME"]) / "liveexec" / "postgres") as server:
        server.ensure_database("liveexec_demo")
        unmigrated = run_in(own_home, "orders")
    assert "liveexec db upgrade" in unmigrated.stderr
