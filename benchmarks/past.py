"""A past for a database: the journal and the tables of orders that were filled long ago, written by COPY.

One order's life is played through the engine; its records and rows are then copied under other names. The past is
durable and projected in full, so that a host starts on it as on its own.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from typing import Any, Final

import msgspec

from benchmarks import worlds
from benchmarks.driver import EngineDriver
from benchmarks.postgres import Server
from liveexec.domain.codec import encode_events
from liveexec.domain.ids import order_id_from_random
from liveexec.domain.money import MONEY
from liveexec.domain.record import Record
from liveexec.domain.stored import ProjectionBatch
from liveexec.storage.journal_store import PostgresStore
from liveexec.storage.projections import parts_of

__all__ = ["SHARD", "write_past"]

SHARD: Final = "bench"
_START_NS: Final = 1_700_000_000_000_000_000
_STEP_NS: Final = 1_000_000
#: The tables of a part, where it has another name, and what of their rows tells one order from another.
_TABLES: Final = {"orders": "unified_orders", "fills": "fills", "operations": "operations", "refs": "order_refs"}
_NAMES: Final = ("order_id", "operation_id", "client_order_id", "venue_order_id", "fill_key", "reference")
_TIMES: Final = ("created_at", "updated_at", "applied_at", "venue_time")


async def write_past(server: Server, records: int) -> None:
    """Fill an empty database with at least this many journal records and the tables that they make."""
    life, batch = _one_life()
    orders = -(-records // len(life))
    async with PostgresStore(server.dsn) as store:
        owned = await store.acquire(SHARD, "past", 1.0)
        await store.release(owned)
    async with server.connected() as connection:
        await connection.copy_records_to_table(
            "journal",
            records=_journal_rows(life, orders, owned.epoch),
            columns=["shard", "position", "stream", "sequence", "epoch", "recorded_at", "cause", "events"],
            timeout=1_800,
        )
        for part in parts_of(batch, {}):
            if (table := _TABLES.get(part.name)) is not None:
                for row in part.rows:
                    await _copy_rows(connection, table, {"shard": SHARD, **row}, orders)
        position = orders * len(life)
        await connection.execute("UPDATE journal_head SET batch = $1, position = $1", position)
        await connection.execute("UPDATE projection_head SET projected_through = $1", position)
        await connection.execute("VACUUM ANALYZE")


def _one_life() -> tuple[Sequence[Record], ProjectionBatch]:
    driver = EngineDriver()
    driver.project()
    told: list[Record] = []
    driver.on_record = told.append
    sent = driver.submit(0, worlds.immediate_intent(0))
    driver.acknowledge(sent, 0)
    driver.fill(sent, 0)
    with localcontext(MONEY):
        return told, driver.view.take(1, driver.now_ns, {})


def _journal_rows(life: Sequence[Record], orders: int, epoch: int) -> Iterator[tuple[object, ...]]:
    texts = [encode_events(record.events).decode() for record in life]
    position = 0
    for number in range(orders):
        order_id = _order_id(number)
        at_ns = _START_NS + number * _STEP_NS
        for record, text in zip(life, texts, strict=True):
            position += 1
            yield SHARD, position, order_id, record.sequence, epoch, at_ns, record.cause, text


async def _copy_rows(connection: Any, table: str, row: dict[str, object], orders: int) -> None:
    """As many rows like this one, each with names and times of its own."""
    columns = list(row)
    plain = [_plain(value) for value in row.values()]
    named = [(index, str(row[name])) for index, name in enumerate(columns) if name in _NAMES]
    timed = [index for index, name in enumerate(columns) if name in _TIMES]

    def rows() -> Iterator[list[object]]:
        for number in range(orders):
            values = list(plain)
            for index, text in named:
                values[index] = _order_id(number) if columns[index] == "order_id" else f"{text}.{number}"
            for index in timed:
                values[index] = _START_NS + number * _STEP_NS
            yield values

    await connection.copy_records_to_table(table, records=rows(), columns=columns, timeout=1_800)


def _order_id(number: int) -> str:
    return order_id_from_random(_START_NS + number * _STEP_NS, number)


def _plain(value: object) -> object:
    """A value as asyncpg's binary COPY takes it: documents as text."""
    if value is None or isinstance(value, bool | int | str | Decimal):
        return value
    return msgspec.json.encode(value).decode()
