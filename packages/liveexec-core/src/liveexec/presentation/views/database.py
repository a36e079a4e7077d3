"""A database and its shards: where it is, what it holds, and how far its journal and tables are."""

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from liveexec.domain.stored import ShardStatus
from liveexec.presentation import cells
from liveexec.presentation.cells import Cell, Tone
from liveexec.presentation.formatting import Places
from liveexec.presentation.table_view import Column, Kind, Layout, TableView
from liveexec.presentation.views.row_columns import As, PlainRow, RowColumn, column, table_of

__all__ = ["DatabaseFacts", "database_view", "shards_view"]


@frozen
class DatabaseFacts:
    """What a database says of itself; ``address`` without its password, ``revision`` ``None`` without a schema."""

    address: str
    server_version: int
    role: str
    unsafe_settings: tuple[str, ...]
    revision: str | None
    needed_revision: str


def database_view(facts: DatabaseFacts) -> TableView:
    """The database as a record, with what has to be done about it in the footer."""
    is_current = facts.revision == facts.needed_revision
    columns = (
        Column("address", "address", Kind.ID),
        Column("server_version", "PostgreSQL"),
        Column("role", "role", Kind.ID),
        Column("unsafe_settings", "unsafe settings", folds=True),
        Column("schema_revision", "schema revision"),
        Column("needed_revision", "needed revision"),
    )
    row = (
        cells.identifier(facts.address),
        cells.text(_version(facts.server_version)),
        cells.identifier(facts.role),
        cells.text(", ".join(facts.unsafe_settings) or "none", Tone.BAD if facts.unsafe_settings else Tone.PLAIN),
        cells.text(facts.revision or "none", Tone.PLAIN if is_current else Tone.WARNING),
        cells.text(facts.needed_revision),
    )
    return TableView(
        name="database",
        title="Database",
        columns=columns,
        rows=(row,),
        layout=Layout.RECORD,
        footer=None if is_current else "run `liveexec db upgrade`",
    )


def _version(number: int) -> str:
    # server_version_num since PostgreSQL 10: the major version and four digits for the minor one.
    return f"{number // 10_000}.{number % 10_000}"


def _lag(row: PlainRow, _: Places | None) -> Cell:
    lag = row["position"] - row["projected_through"]
    return cells.count(lag)


_COLUMNS: Final = (
    column("shard", "shard", As.ID),
    column("owner", "owner", As.ID, priority=1, min_width=8),
    column("lease_until", "lease until (UTC)", As.TIME, priority=2),
    column("epoch", "epoch", As.COUNT, priority=4),
    column("batch", "batch", As.COUNT, priority=5),
    column("position", "journal", As.COUNT),
    column("projected_through", "tables", As.COUNT),
    RowColumn(Column("lag", "behind", Kind.COUNT, priority=3), _lag),
)


def shards_view(shards: Iterable[ShardStatus]) -> TableView:
    """The shards: who owns each until when, the last position of its journal and the one its tables have reached."""
    rows = [
        {
            "shard": shard.shard,
            "owner": shard.owner or None,
            "lease_until": shard.lease_until_ns or None,
            "epoch": shard.epoch,
            "batch": shard.batch,
            "position": shard.position,
            "projected_through": shard.projected_through,
        }
        for shard in shards
    ]
    return table_of("shards", "Shards", _COLUMNS, rows, {}, nothing="no shards")
