"""One password, in one file, shown nowhere."""

import stat
from pathlib import Path

import pytest

from liveexec.storage.embedded.credentials import PasswordFile, new_password
from liveexec.storage.embedded.errors import CredentialsLost
from liveexec.storage.embedded.layout import ClusterLayout
from support.canaries import canary, may_rest


def test_passwords_are_long_random_and_need_no_escape_in_a_pgpass_file() -> None:
    passwords = {new_password() for _ in range(100)}
    assert len(passwords) == 100
    assert all(len(password) >= 43 and password.isascii() for password in passwords)
    assert not any(special in password for password in passwords for special in ":\\ \n")


def test_a_password_is_kept_for_its_owner_and_read_back(tmp_path: Path) -> None:
    layout = ClusterLayout(tmp_path)
    PasswordFile.write(layout, canary("first"))
    PasswordFile.write(layout, canary("second"))
    assert stat.S_IMODE(layout.password_file.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["pgpass"]
    file = PasswordFile(layout.password_file)
    assert file() == canary("second")
    assert canary() not in repr(file) + str(file)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    layout = ClusterLayout(tmp_path)
    PasswordFile.write(layout, canary())
    may_rest(layout.password_file).chmod(mode)
    with pytest.raises(CredentialsLost, match="run chmod 600") as caught:
        PasswordFile(layout.password_file)()
    assert canary() not in str(caught.value)


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    layout = ClusterLayout(tmp_path)
    with pytest.raises(CredentialsLost, match="is missing"):
        PasswordFile(layout.password_file)()
    layout.password_file.touch(mode=0o600)
    layout.password_file.write_text("localhost:5432:*:postgres:x\n")
    with pytest.raises(CredentialsLost, match="holds no password of the role liveexec"):
        PasswordFile(layout.password_file)()
