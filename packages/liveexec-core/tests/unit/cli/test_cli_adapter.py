"""``liveexec adapter new`` writes a whole package, or nothing and one error that names every fault. That what it wrote
passes the conformance kit is the test kit's to prove."""

import ast
import os
import stat
import tomllib
from pathlib import Path

import pytest

from liveexec.cli.adapter_package import PackageNames, write_package
from liveexec.cli.app import run
from liveexec.cli.exit_codes import ExitCode
from liveexec.errors import InvalidInput


def test_it_says_where_the_package_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["adapter", "new", "my-venue", "--into", str(tmp_path)]) is ExitCode.OK
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'liveexec-my-venue'}: ")


def test_without_a_folder_it_is_the_present_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["adapter", "new", "kestrel"]) is ExitCode.OK
    assert (tmp_path / "liveexec-kestrel" / "pyproject.toml").is_file()


def test_the_package_is_complete_and_bears_its_name_alone(tmp_path: Path) -> None:
    folder = write_package("my-venue", tmp_path)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    module = "src/liveexec_my_venue"
    assert files >= {
        ".gitignore",
        "README.md",
        "pyproject.toml",
        f"{module}/plugin.py",
        f"{module}/py.typed",
        "tests/harness.py",
    }
    texts = [(folder / name).read_text(encoding="utf-8") for name in sorted(files)]
    assert not [text for text in texts if "$" in text.replace("${KEY}", "").replace("${SECRET}", "")]
    for name in files:
        if name.endswith(".py"):
            ast.parse((folder / name).read_text(encoding="utf-8"), name)
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "liveexec-my-venue"
    assert project["entry-points"]["liveexec"] == {"my-venue": "liveexec_my_venue.plugin"}


def test_every_place_that_has_to_be_replaced_is_in_a_file_that_the_readme_lists(tmp_path: Path) -> None:
    folder = write_package("my-venue", tmp_path)
    marked = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*.py") if "REPLACE:" in path.read_text("utf-8")
    }
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert marked
    assert not [name for name in marked if f"| `{name}` |" not in readme]


def test_others_may_read_it_as_far_as_the_umask_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        folder = write_package("kestrel", tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750


@pytest.mark.parametrize("name", ["kestrel", "k2", "my-venue", "a", "x" * 40])
def test_a_name_of_words_is_good(name: str) -> None:
    assert not list(PackageNames(name).faults())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "must be lower case"),
        ("My-Venue", "must be lower case"),
        ("my_venue", "must be lower case"),
        ("my--venue", "must be lower case"),
        ("-venue", "must be lower case"),
        ("2venue", "must be lower case"),
        ("../venue", "must be lower case"),
        ("venüe", "must be lower case"),
        ("venue\n", "must be lower case"),
        ("x" * 41, "at most 40"),
        ("testkit", "liveexec's own"),
        ("adapter-deribit", "liveexec's own"),
        ("sports", "is an asset class"),
        ("liveexec-kestrel", "say 'kestrel'"),
    ],
)
def test_a_name_that_can_not_be_is_refused_and_nothing_is_written(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        write_package(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_every_fault_is_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["adapter", "new", "X" * 41, "--into", str(tmp_path / "nowhere")]) is ExitCode.USAGE
    (said,) = capsys.readouterr().err.splitlines()
    for what in ("must be lower case", "at most 40", "is no folder"):
        assert what in said


@pytest.mark.parametrize("what", ["folder", "file", "dangling link"])
def test_what_is_there_stays_as_it_is(tmp_path: Path, what: str) -> None:
    there = tmp_path / "liveexec-kestrel"
    if what == "folder":
        there.mkdir()
    elif what == "file":
        there.write_text("mine", encoding="utf-8")
    else:
        there.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="is there already"):
        write_package("kestrel", tmp_path)
    assert list(tmp_path.iterdir()) == [there]


def test_nothing_half_done_stays_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: object, **__: object) -> int:
        if path.name == "wire.py":
            raise OSError(28, "No space left on device", str(path))
        return path.write_bytes(b"")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_package("kestrel", tmp_path)
    assert not list(tmp_path.iterdir())
