"""What the operating system refuses becomes one line that says what to do."""

import errno
import os
from pathlib import Path

import pytest

from liveexec.errors import StorageError
from liveexec.storage.embedded import errors
from liveexec.storage.embedded.errors import (
    DataFolderInaccessible,
    DiskFull,
    EmbeddedPostgresError,
    os_errors_explained,
    raise_if_disk_full,
)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EACCES, DataFolderInaccessible),
        (errno.EPERM, DataFolderInaccessible),
        (errno.EROFS, DataFolderInaccessible),
        (errno.ENOTDIR, DataFolderInaccessible),
    ],
)
def test_an_operating_system_error_is_explained(
    tmp_path: Path, number: int, expected: type[EmbeddedPostgresError]
) -> None:
    with pytest.raises(expected) as caught, os_errors_explained(tmp_path):
        raise OSError(number, os.strerror(number), str(tmp_path / "file"))
    assert str(tmp_path) in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_any_other_error_passes(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), os_errors_explained(tmp_path):
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    with pytest.raises(ValueError, match="other"), os_errors_explained(tmp_path):
        raise ValueError("other")


def test_a_tools_own_words_tell_of_a_full_disk(tmp_path: Path) -> None:
    raise_if_disk_full(tmp_path, evidence="initdb: error: could not open file")
    with pytest.raises(DiskFull):
        raise_if_disk_full(tmp_path, evidence=f'could not write file "x": {os.strerror(errno.ENOSPC)}')


def test_every_error_is_a_storage_error_and_says_what_it_means() -> None:
    classes = [
        value for value in vars(errors).values() if isinstance(value, type) and value.__module__ == errors.__name__
    ]
    assert len(classes) > 10
    for kind in classes:
        assert issubclass(kind, StorageError)
        assert kind.__doc__
        assert kind.__name__ in errors.__all__
