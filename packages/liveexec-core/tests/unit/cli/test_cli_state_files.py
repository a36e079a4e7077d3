"""What the command line remembers between runs."""

import json
from pathlib import Path

import pytest

from liveexec.cli.state_files import (
    forget_current_database,
    read_current_database,
    remember_current_database,
    state_dir,
)
from liveexec.errors import InvalidInput


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def test_nothing_is_remembered_at_first(environ: dict[str, str]) -> None:
    assert read_current_database(environ) is None
    forget_current_database(environ)
    assert not state_dir(environ).exists()


def test_remembered_database_is_read_until_it_is_forgotten(environ: dict[str, str]) -> None:
    remember_current_database("liveexec_demo", environ)
    remember_current_database("another", environ)
    assert read_current_database(environ) == "another"
    assert json.loads((state_dir(environ) / "current.json").read_text()) == {"database": "another"}
    assert [file.name for file in state_dir(environ).iterdir()] == ["current.json"]
    forget_current_database(environ)
    assert read_current_database(environ) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"database": 5}', '{"database": ""}', '"liveexec"', "\xff"])
def test_spoiled_file_is_named_in_the_error(environ: dict[str, str], content: str) -> None:
    file = state_dir(environ) / "current.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidInput, match=r"current\.json"):
        read_current_database(environ)


def test_failed_write_leaves_no_draft(environ: dict[str, str]) -> None:
    in_the_way = state_dir(environ) / "current.json"
    in_the_way.mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        remember_current_database("lost", environ)
    assert list(state_dir(environ).iterdir()) == [in_the_way]


def test_relative_xdg_directory_is_ignored_as_the_specification_says() -> None:
    assert state_dir({"XDG_STATE_HOME": "relative"}) == Path.home() / ".local" / "state" / "liveexec"
    assert state_dir({}) == Path.home() / ".local" / "state" / "liveexec"
