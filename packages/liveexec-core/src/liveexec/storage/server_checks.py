"""What is checked of a server before it is trusted: durability, version, schema revision and the role's rights."""

from typing import Any, Final

from attrs import frozen

from liveexec.errors import StorageError, UnsafeServer
from liveexec.storage.migrations import HEAD
from liveexec.storage.schema_names import PROJECTED_TABLES
from liveexec.storage.sql import statements

__all__ = ["MINIMUM_VERSION", "ServerInfo", "check_rights", "check_schema", "check_settings", "schema_revision"]

_SQL: Final = statements("server")

MINIMUM_VERSION: Final = 15

# Where each of these is off, the server acknowledges what a crash can take back.
_DURABLE_SETTINGS: Final = ("fsync", "full_page_writes", "synchronous_commit")

_WRITTEN: Final = ("SELECT", "INSERT", "UPDATE")
#: What each table is used for: rights that the role must have.
_RIGHTS: Final = tuple(
    (table, right)
    for tables, rights in (
        (("journal", "audit_log"), ("SELECT", "INSERT")),
        (("journal_head", "projection_head", "listings"), _WRITTEN),
        (PROJECTED_TABLES, (*_WRITTEN, "DELETE")),
        (("product_positions",), ("SELECT",)),
    )
    for table in tables
    for right in rights
)


@frozen
class ServerInfo:
    """What a server said of itself. ``unsafe_settings`` are those that lose acknowledged writes, as ``name=value``."""

    version: int
    role: str
    unsafe_settings: tuple[str, ...]

    @property
    def major_version(self) -> int:
        return self.version // 10_000


async def check_settings(connection: Any, *, allow_unsafe: bool = False) -> ServerInfo:
    """Check the server's version and that it keeps what it acknowledges.

    Raises:
        UnsafeServer: a setting would lose acknowledged writes and ``allow_unsafe`` is not given; each is named.
        StorageError: the server is older than PostgreSQL 15, or a standby.
    """
    row = await connection.fetchrow(_SQL["settings"])
    unsafe = tuple(f"{name}={row[name]}" for name in _DURABLE_SETTINGS if row[name] == "off")
    info = ServerInfo(row["version"], row["role"], unsafe)
    if info.major_version < MINIMUM_VERSION:
        raise StorageError(
            f"the server is PostgreSQL {info.major_version}; liveexec needs {MINIMUM_VERSION} or later: upgrade it"
        )
    if row["is_standby"]:
        raise StorageError("the server is a standby and takes no writes: connect to the primary")
    if unsafe and not allow_unsafe:
        raise UnsafeServer(
            f"the server would lose acknowledged writes in a crash ({', '.join(unsafe)}): turn each on in its "
            "configuration, or allow an unsafe server for a test"
        )
    return info


async def schema_revision(connection: Any) -> str | None:
    """The revision of the schema that the database holds; ``None`` where there is none."""
    if not await connection.fetchval(_SQL["has_version_table"]):
        return None
    revision: str | None = await connection.fetchval(_SQL["revision"])
    return revision


async def check_schema(connection: Any) -> None:
    """Raises ``StorageError`` unless the schema is the one that this code was written for."""
    revision = await schema_revision(connection)
    if revision == HEAD:
        return
    if revision is None:
        raise StorageError(f"the database holds no liveexec schema (needed: {HEAD}): run `liveexec db upgrade`")
    raise StorageError(
        f"the database's schema is at revision {revision}, this version of liveexec needs {HEAD}: "
        "run `liveexec db upgrade`, or the version of liveexec that made it if that is newer"
    )


async def check_rights(connection: Any, role: str) -> None:
    """Raises ``StorageError`` that names every right the role lacks on our tables."""
    rows = await connection.fetch(
        _SQL["missing_rights"], [table for table, _ in _RIGHTS], [right for _, right in _RIGHTS]
    )
    if rows:
        lacking = ", ".join(f"{row['privilege']} on {row['relation']}" for row in rows)
        raise StorageError(f'the role "{role}" lacks rights: grant it {lacking}')
