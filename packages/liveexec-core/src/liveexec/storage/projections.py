"""What a batch of projections writes: its rows by table, encoded as one JSON parameter for each table."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Final

import msgspec
from attrs import frozen

from liveexec.domain.ids import VenueName
from liveexec.domain.money import MONEY, is_storable
from liveexec.domain.operation import VenueClass
from liveexec.domain.stored import ProjectionBatch
from liveexec.errors import StorageError
from liveexec.storage.control_rows import cleared_rows, control_rows
from liveexec.storage.rows import (
    Row,
    asset_move_row,
    fill_row,
    operation_row,
    position_row,
    ref_row,
    row_of,
)

__all__ = ["Part", "encode_rows", "parts_of"]

_ENCODER: Final = msgspec.json.Encoder()
_POSITION_AMOUNTS: Final = ("quantity", "cost", "average_price", "realized_pnl", "current_price", "unrealized_pnl")
#: The NUMERIC(36,18) columns of each part.
_AMOUNTS: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": (
        "quantity",
        "price",
        "trigger_price",
        "filled_quantity",
        "filled_cost",
        "max_slippage",
        "max_gas_price_gwei",
        "odds",
        "potential_payout",
    ),
    "fills": ("quantity", "price", "fee"),
    "positions": _POSITION_AMOUNTS,
    "account_positions": _POSITION_AMOUNTS,
    "assets": ("amount",),
    "asset_moves": ("amount",),
    "controls": ("ours", "theirs"),
}
#: Parts of which fewer rows may be written than are given.
_MAY_WRITE_FEWER: Final = frozenset({"cleared_controls", "strategies"})


@frozen
class Part:
    """The rows of one table, by the name of the statement that writes them (``sql/projections.sql``)."""

    name: str
    rows: Sequence[Row]

    @property
    def is_complete_when_written(self) -> bool:
        """Whether every row must be written, or else one was there for something else."""
        return self.name not in _MAY_WRITE_FEWER


def parts_of(batch: ProjectionBatch, venue_classes: Mapping[VenueName, VenueClass]) -> list[Part]:
    """The parts that a batch has, but for its audit rows (they continue a chain whose end has to be read)."""
    marks, at_ns = batch.marks, batch.at_ns
    with localcontext(MONEY):
        rows: dict[str, list[Row]] = {
            "orders": _order_rows(batch, venue_classes),
            "operations": [operation_row(found) for found in batch.operations],
            "refs": [ref_row(found) for found in batch.refs],
            "fills": [fill_row(found) for found in batch.fills],
            "positions": [
                position_row(account_id, strategy_id, position, marks.get(instrument_id))
                for (account_id, strategy_id, instrument_id), position in batch.positions.items()
            ],
            "account_positions": [
                position_row(book.account_id, None, position, marks.get(instrument_id))
                for book in batch.books
                for instrument_id, position in book.positions.items()
            ],
            "assets": [
                {"account_id": book.account_id, "asset": asset, "amount": amount, "updated_at": at_ns}
                for book in batch.books
                for asset, amount in book.assets.items()
            ],
            "asset_moves": [asset_move_row(event, at_ns) for event in batch.asset_moves],
            "controls": control_rows(batch),
            "cleared_controls": cleared_rows(batch),
            "stream_heads": [{"stream": name, "next_sequence": number} for name, number in batch.sequences.items()],
            "strategies": _strategy_rows(batch),
        }
    return [Part(name, found) for name, found in rows.items() if found]


def _order_rows(batch: ProjectionBatch, venue_classes: Mapping[VenueName, VenueClass]) -> list[Row]:
    rows = []
    for order in batch.orders:
        row = row_of(order)
        venue_class = venue_classes.get(row.get("venue"))  # type: ignore[call-overload]  # any column is an object
        if venue_class is not None:
            row["venue_type"] = venue_class
        routed = batch.routes.get(order.order_id)
        if routed is not None:
            row["routing"] = routed
        rows.append(row)
    return rows


def _strategy_rows(batch: ProjectionBatch) -> list[Row]:
    first: dict[str, int] = {}
    for order in batch.orders:
        first[order.strategy_id] = min(order.created_at_ns, first.get(order.strategy_id, order.created_at_ns))
    return [{"strategy_id": strategy_id, "first_order_at": at_ns} for strategy_id, at_ns in first.items()]


def check_amounts(part: Part) -> None:
    """Raises ``StorageError`` for an amount that NUMERIC(36,18) would round or refuse; it names the row."""
    columns = _AMOUNTS.get(part.name)
    if columns is None:
        return
    for row in part.rows:
        for name in columns:
            value = row.get(name)
            # 17 digits and a point, however they are divided, fit: the usual case, and far cheaper than to look closer.
            # Written out here, since it runs for every amount of every row.
            if isinstance(value, Decimal) and (
                (len(text := str(value)) > 18 or "E" in text or not value.is_finite()) and not is_storable(value)
            ):
                subject = " ".join(str(row[key]) for key in _NAMES if key in row)
                raise StorageError(
                    f"{part.name}: {name} of {subject} is {value}, more than the 18 + 18 digits that are stored exactly"
                )


_NAMES: Final = ("order_id", "account_id", "canonical_id", "fill_key", "asset", "reference")


def encode_rows(part: Part) -> bytes:
    """The JSON parameter of a part. Raises as :func:`check_amounts` does."""
    check_amounts(part)
    return _ENCODER.encode(part.rows)
