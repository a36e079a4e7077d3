"""The server's password: made once, kept in one file that only its owner can read, and shown nowhere."""

import os
import secrets
import stat
from pathlib import Path

from attrs import frozen

from liveexec.storage.embedded.errors import CredentialsLost
from liveexec.storage.embedded.layout import ClusterLayout

__all__ = ["USER", "PasswordFile", "new_password"]

#: The one role of a new cluster; it owns the server.
USER = "liveexec"

_PASSWORD_BYTES = 32


def new_password() -> str:
    """256 random bits, in letters that a ``.pgpass`` file needs no escape for."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


@frozen
class PasswordFile:
    """The password behind its path: asyncpg takes the object itself as ``password`` and calls it to connect.

    So no object of this process holds the password, and none can show it.
    """

    path: Path

    def __call__(self) -> str:
        self.check()
        return self.path.read_text(encoding="utf-8").rstrip("\n").rpartition(":")[2]

    def check(self) -> None:
        """Raise :class:`CredentialsLost` unless the file is there, for its owner's eyes only, and has a password."""
        remedy = "restore it, or move the data folder away to begin with an empty one"
        try:
            status = self.path.stat()
        except FileNotFoundError:
            raise CredentialsLost(f"the password of this PostgreSQL, {self.path}, is missing: {remedy}") from None
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise CredentialsLost(f"others may read the password in {self.path}: run chmod 600 on it")
        if not self.path.read_text(encoding="utf-8").startswith(f"*:*:*:{USER}:"):
            raise CredentialsLost(f"{self.path} holds no password of the role {USER}: {remedy}")

    @classmethod
    def write(cls, layout: ClusterLayout, password: str) -> None:
        """Keep `password` durably; replaces the file in one step."""
        draft = layout.password_file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            # Host, port and database of a .pgpass line are left open: a copy of the folder has other ones.
            file.write(f"*:*:*:{USER}:{password}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(layout.password_file)
