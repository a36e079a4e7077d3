"""Reads for people and hosts: lists with filters, one order in full, positions, assets, and the log.

Rows are mappings of column names to Python values, JSON decoded, NULLs left out. They are as of the last projection;
:meth:`Queries.projected_through` tells up to which journal position that is. Lists are newest first.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from attrs import asdict, frozen

from liveexec.domain.ids import AccountId, InstrumentId, OrderId, ProductId, StrategyId, VenueName
from liveexec.domain.operation import Operation
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.stored import StoredRecord
from liveexec.errors import Fault, InvalidInput, NotFound
from liveexec.storage.database import Database
from liveexec.storage.journal_entries import stored_record
from liveexec.storage.journal_writer import entry_of
from liveexec.storage.lookups import plain_row
from liveexec.storage.rows import Row
from liveexec.storage.sql import statements

__all__ = ["MAX_LIMIT", "FillFilter", "OrderDetails", "OrderFilter", "PositionFilter", "Queries"]

_SQL: Final = statements("reads")
_JOURNAL: Final = statements("journal")
_PROJECTED_THROUGH: Final = statements("lookups")["projected_through"]
_DOCUMENTS: Final = (
    "flags",
    "exec_algorithm_params",
    "expected_deltas",
    "routing",
    "metadata",
    "fees",
    "terms",
    "venue_positions",
    "details",
)
_END: Final = 2**63 - 1
#: The most rows that one call returns.
MAX_LIMIT: Final = 100_000


@frozen(kw_only=True)
class OrderFilter:
    """Which orders; what is left out does not matter. Times are UTC nanoseconds, ``until_ns`` is exclusive.

    ``before`` is (created_at, order_id) of the last order of the page before.
    """

    strategy_id: StrategyId | None = None
    account_id: AccountId | None = None
    venue: VenueName | None = None
    operation: Operation | None = None
    status: OrderStatus | None = None
    is_open: bool | None = None
    parent_order_id: OrderId | None = None
    atomic_group_id: str | None = None
    tx_hash: str | None = None
    canonical_id: InstrumentId | None = None
    product_id: ProductId | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    before: tuple[int, OrderId] | None = None


@frozen(kw_only=True)
class FillFilter:
    """Which fills. Times are engine times, UTC nanoseconds; ``before`` is (applied_at, fill_key) of the last fill of
    the page before."""

    order_id: OrderId | None = None
    strategy_id: StrategyId | None = None
    account_id: AccountId | None = None
    venue: VenueName | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    before: tuple[int, str] | None = None


@frozen(kw_only=True)
class PositionFilter:
    """Which positions; ``is_open`` leaves out those that are flat."""

    account_id: AccountId | None = None
    strategy_id: StrategyId | None = None
    venue: VenueName | None = None
    product_id: ProductId | None = None
    is_open: bool | None = None


@frozen
class OrderDetails:
    """One order in full: its row, its records from the journal, its fills, its names at the venue, its children."""

    row: Row
    timeline: Sequence[StoredRecord]
    fills: Sequence[Row]
    refs: Sequence[Row]
    children: Sequence[Row]


#: What a filter's field asks for, ``{}`` for each parameter; anything else asks that the column equals the value.
_ORDER_CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "since_ns": "created_at >= {}",
        "until_ns": "created_at < {}",
        "before": "(created_at, order_id) < ({}, {})",
    }
)
_FILL_CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "since_ns": "applied_at >= {}",
        "until_ns": "applied_at < {}",
        "before": "(applied_at, fill_key) < ({}, {})",
    }
)
#: A flag is part of the statement and no parameter, so that the plan can use an index on open orders.
_ORDER_FLAGS: Final[Mapping[bool, str]] = MappingProxyType({True: "is_open", False: "NOT is_open"})
_POSITION_FLAGS: Final[Mapping[bool, str]] = MappingProxyType({True: "quantity <> 0", False: "quantity = 0"})


def orders_statement(asked: OrderFilter, limit: int) -> tuple[str, list[object]]:
    """The statement that finds orders, and its parameters. Raises ``InvalidInput`` for a limit out of bounds."""
    has_way = (asked.strategy_id, asked.operation, asked.parent_order_id, asked.atomic_group_id, asked.tx_hash)
    if asked.is_open or any(value is not None for value in has_way):
        return _statement("orders", asked, limit, _ORDER_CONDITIONS, _ORDER_FLAGS)
    return _statement(
        "orders_of_all", asked, limit, _ORDER_CONDITIONS, _ORDER_FLAGS, [[operation.value for operation in Operation]]
    )


def fills_statement(asked: FillFilter, limit: int) -> tuple[str, list[object]]:
    """The statement that finds fills, and its parameters. Raises ``InvalidInput`` for a limit out of bounds."""
    name = "fills_of_all" if asked.order_id is None and asked.strategy_id is None else "fills"
    return _statement(name, asked, limit, _FILL_CONDITIONS)


def _statement(
    name: str,
    asked: OrderFilter | FillFilter | PositionFilter,
    limit: int,
    conditions: Mapping[str, str] = MappingProxyType({}),
    flags: Mapping[bool, str] = MappingProxyType({}),
    arguments: Sequence[object] = (),
) -> tuple[str, list[object]]:
    """The statement ``name`` of ``sql/reads.sql`` with a filter's conditions; their parameters follow ``arguments``."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"reading {name}", [Fault("limit", f"must be between 1 and {MAX_LIMIT}")])
    parts: list[str] = []
    parameters = list(arguments)
    for field, value in asdict(asked, recurse=False).items():
        if value is None:
            continue
        if field == "is_open":
            parts.append(flags[value])
            continue
        values = value if isinstance(value, tuple) else (value,)
        numbers = [f"${number}" for number in range(len(parameters) + 1, len(parameters) + len(values) + 1)]
        parts.append(conditions.get(field, f"{field} = {{}}").format(*numbers))
        parameters += values
    # The limit is no parameter: for one that it does not know the planner expects a tenth of all rows.
    where = " AND ".join(parts) or "true"
    return _SQL[name].replace(":where", where).replace(":limit", str(limit)), parameters


class Queries:
    """Reads of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def projected_through(self, shard: str) -> int:
        """Up to which journal position the tables tell. Raises ``NotFound`` for a shard that is not there."""
        async with self._database.read("reading the projection's head") as connection:
            position: int | None = await connection.fetchval(_PROJECTED_THROUGH, shard)
        if position is None:
            raise NotFound(f"there is no shard {shard!r} in this database")
        return position

    async def orders(self, asked: OrderFilter | None = None, limit: int = 100) -> list[Row]:
        """Rows of ``unified_orders``. Raises ``InvalidInput`` for a limit out of bounds."""
        statement, arguments = orders_statement(asked if asked is not None else OrderFilter(), limit)
        return await self._rows("reading orders", statement, *arguments)

    async def order(self, order_id: OrderId) -> OrderDetails:
        """One order in full. Its records are those of now, which may be ahead of its row.

        Raises:
            NotFound: no such order was projected yet.
        """
        row = await self._order_row(order_id)
        timeline = await self._records(_JOURNAL["read_streams"], row["shard"], [order_id])
        return OrderDetails(
            row=row,
            timeline=timeline,
            fills=await self.fills(FillFilter(order_id=order_id), MAX_LIMIT),
            refs=await self._rows("reading references", _SQL["refs"], row.get("account_id"), order_id),
            children=await self.orders(OrderFilter(parent_order_id=order_id), MAX_LIMIT),
        )

    async def fills(self, asked: FillFilter | None = None, limit: int = 100) -> list[Row]:
        """Rows of ``fills``, busted ones included. Raises ``InvalidInput`` for a limit out of bounds."""
        statement, arguments = fills_statement(asked if asked is not None else FillFilter(), limit)
        return await self._rows("reading fills", statement, *arguments)

    async def positions(self, asked: PositionFilter | None = None) -> list[Row]:
        """Rows of ``unified_positions``: by account, strategy and instrument."""
        statement, arguments = _statement(
            "positions", asked if asked is not None else PositionFilter(), MAX_LIMIT, flags=_POSITION_FLAGS
        )
        return await self._rows("reading positions", statement, *arguments)

    async def account_positions(self, asked: PositionFilter | None = None) -> list[Row]:
        """Rows of ``account_positions``: each account's net over its strategies. A strategy can't be asked for."""
        asked = asked if asked is not None else PositionFilter()
        if asked.strategy_id is not None:
            raise InvalidInput("reading account_positions", [Fault("strategy_id", "nets belong to no strategy")])
        statement, arguments = _statement("account_positions", asked, MAX_LIMIT, flags=_POSITION_FLAGS)
        return await self._rows("reading account_positions", statement, *arguments)

    async def product_positions(self) -> list[Row]:
        """Rows of the view ``product_positions``: over all venues, with the share of each in ``venue_positions``."""
        return await self._rows("reading product_positions", _SQL["product_positions"])

    async def assets(self, account_id: AccountId | None = None) -> list[Row]:
        """Rows of ``account_assets``: what each asset changed by since the first event."""
        statement, arguments = _statement("assets", PositionFilter(account_id=account_id), MAX_LIMIT)
        return await self._rows("reading assets", statement, *arguments)

    async def controls(self, shard: str) -> list[Row]:
        """Rows of ``control_state``: trading states, latches and drifts."""
        return await self._rows("reading controls", _SQL["controls"], shard)

    async def strategies(self) -> list[Row]:
        """Rows of ``strategies``."""
        return await self._rows("reading strategies", _SQL["strategies"])

    async def audit(self, shard: str, limit: int = 100) -> list[Row]:
        """Rows of ``audit_log``, newest first."""
        return await self._rows("reading the audit log", _SQL["audit"], shard, limit)

    async def newest_records(self, shard: str, limit: int, before: int | None = None) -> list[StoredRecord]:
        """The journal's last records before a position, oldest first."""
        return await self._records(_SQL["newest_events"], shard, _END if before is None else before, limit)

    async def newest_records_of(self, stream: str, limit: int, before: int | None = None) -> list[StoredRecord]:
        """The last records of one stream before a position, oldest first."""
        return await self._records(_SQL["newest_events_of_stream"], stream, _END if before is None else before, limit)

    async def _order_row(self, order_id: OrderId) -> Row:
        statement = _SQL["orders"].replace(":where", "order_id = $1").replace(":limit", "1")
        rows = await self._rows("reading an order", statement, order_id)
        if not rows:
            raise NotFound(f"there is no order {order_id} in this database")
        return rows[0]

    async def _rows(self, doing: str, statement: str, *arguments: object) -> list[Row]:
        async with self._database.read(doing) as connection:
            return [plain_row(row, _DOCUMENTS) for row in await connection.fetch(statement, *arguments)]

    async def _records(self, statement: str, *arguments: Any) -> list[StoredRecord]:
        async with self._database.read("reading the journal") as connection:
            rows = await connection.fetch(statement, *arguments)
        found = [stored_record(entry_of(row), row["epoch"]) for row in rows]
        return sorted(found, key=lambda stored: stored.position)
