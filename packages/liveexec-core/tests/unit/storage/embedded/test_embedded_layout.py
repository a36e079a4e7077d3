"""Where the files of an embedded server lie."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.storage.embedded.layout import ClusterLayout, default_data_dir

UIDS = st.integers(min_value=0, max_value=2**32 - 1)
PATHS = st.lists(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1), max_size=30
).map(lambda parts: Path("/", *parts))


@given(PATHS, UIDS)
def test_a_socket_address_fits_whatever_the_data_folder_is_called(home: Path, uid: int) -> None:
    address = ClusterLayout(home).socket_folder(uid) / ".s.PGSQL.5432.lock"
    assert len(os.fsencode(address)) <= 103


@given(PATHS, PATHS, UIDS, UIDS)
def test_socket_folders_differ_by_data_folder_and_user(one: Path, other: Path, uid: int, other_uid: int) -> None:
    same = (os.path.realpath(one), uid) == (os.path.realpath(other), other_uid)
    folders = ClusterLayout(one).socket_folder(uid), ClusterLayout(other).socket_folder(other_uid)
    assert (folders[0] == folders[1]) == same


def test_a_layout_is_absolute_and_free_of_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert ClusterLayout(Path("link")) == ClusterLayout(tmp_path / "real")


def test_every_path_of_a_cluster_is_in_its_home(tmp_path: Path) -> None:
    layout = ClusterLayout(tmp_path)
    paths = [*layout.files, layout.pgdata, layout.new_init_folder()]
    assert all(path.parent == layout.home for path in paths)
    assert len(set(paths)) == len(paths)


def test_left_over_init_folders_are_found(tmp_path: Path) -> None:
    layout = ClusterLayout(tmp_path)
    left_over = layout.new_init_folder()
    left_over.mkdir()
    layout.pgdata.mkdir()
    assert layout.init_folders == [left_over]


def test_xdg_data_home_is_obeyed_when_it_is_absolute() -> None:
    # No folder of it is closed to others, which is what root's server needs.
    assert default_data_dir({"XDG_DATA_HOME": "/srv/nobody"}) == Path("/srv/nobody/liveexec/postgres")
    assert default_data_dir({"XDG_DATA_HOME": "relative"}) == default_data_dir({})


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="root's server runs as somebody else")
def test_a_closed_xdg_data_home_of_root_has_a_folder_of_its_own_elsewhere(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    first, second = (default_data_dir({"XDG_DATA_HOME": str(tmp_path / name)}) for name in ("one", "two"))
    assert first.is_relative_to("/var/lib/liveexec")
    assert first.parent != second.parent
    assert default_data_dir({"XDG_DATA_HOME": str(tmp_path / "one")}) == first


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's folders")
def test_the_default_is_the_users_data_folder_or_roots_state_folder() -> None:
    base = Path("/var/lib") if os.geteuid() == 0 else Path.home() / ".local" / "share"
    assert default_data_dir({}) == base / "liveexec" / "postgres"
