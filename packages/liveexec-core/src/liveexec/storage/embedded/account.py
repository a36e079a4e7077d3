"""Which operating system account runs the server: PostgreSQL refuses to be run by root."""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self, TypedDict

from attrs import frozen

from liveexec.storage.embedded.errors import NoServerAccount
from liveexec.storage.embedded.layout import ClusterLayout

if sys.platform != "win32":
    import pwd

__all__ = ["ServerAccount", "ServerUser"]

_CANDIDATES = ("postgres", "_postgres", "nobody")


class ServerUser(TypedDict, total=False):
    """The arguments of :class:`subprocess.Popen` that run a child as the server's account."""

    user: int
    group: int
    extra_groups: list[int]


@frozen
class ServerAccount:
    """The account that runs the server."""

    name: str
    uid: int
    gid: int

    @classmethod
    def for_cluster(cls, layout: ClusterLayout, environ: Mapping[str, str] = os.environ) -> Self:
        """This process's own account; for root, the data's owner or else an existing unprivileged account.

        Raises:
            NoServerAccount: root, and neither ``LIVEEXEC_PG_USER`` nor a usual account name exists.
        """
        if os.geteuid() != 0:
            return cls(name=_name_of(os.geteuid()), uid=os.geteuid(), gid=os.getegid())
        for path in (layout.pgdata, layout.home):
            if path.exists() and path.stat().st_uid != 0:
                owner = path.stat()
                return cls(name=_name_of(owner.st_uid), uid=owner.st_uid, gid=owner.st_gid)
        return cls._unprivileged(environ.get("LIVEEXEC_PG_USER", ""))

    @classmethod
    def _unprivileged(cls, wanted: str) -> Self:
        names = (wanted,) if wanted else _CANDIDATES
        for name in names:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            if entry.pw_uid != 0:
                return cls(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
        raise NoServerAccount(
            f"PostgreSQL can't run as root and there is no unprivileged account {' or '.join(names)}: "
            "set LIVEEXEC_PG_USER to an existing unprivileged account, or run liveexec as a normal user"
        )

    @property
    def is_other(self) -> bool:
        """Whether the server runs as somebody else than this process."""
        return self.uid != os.geteuid()

    @property
    def popen_user(self) -> ServerUser:
        return ServerUser(user=self.uid, group=self.gid, extra_groups=[]) if self.is_other else ServerUser()

    def first_closed_folder(self, path: Path) -> Path | None:
        """The topmost folder on the way to `path`, itself included, that the account may not enter, if any.

        Goes by the permission bits; access control lists are not read.
        """
        for folder in (*reversed(path.parents), path):
            if not self._may_enter(folder.stat()):
                return folder
        return None

    def _may_enter(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
