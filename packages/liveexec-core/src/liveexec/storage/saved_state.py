"""The state that recovery starts from, made of rows: the same for both stores."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from liveexec.domain.account_event import DriftSeen, FlattenRequested, LatchSet, StateChanged
from liveexec.domain.ids import AccountId, InstrumentId, OrderId, StrategyId
from liveexec.domain.money import shortest
from liveexec.domain.position import AccountBook
from liveexec.domain.stored import SavedState
from liveexec.storage.control_rows import control_of
from liveexec.storage.rows import position_of

__all__ = ["SavedRows", "saved_state"]

Rows = Iterable[Mapping[str, Any]]


@frozen
class SavedRows:
    """One shard's rows, documents decoded; of open orders only the ids."""

    projected_through: int
    open_orders: Iterable[str]
    positions: Rows
    account_positions: Rows
    assets: Rows
    controls: Rows
    stream_heads: Rows


def saved_state(rows: SavedRows) -> SavedState:
    """What the rows say."""
    controls = [control_of(row) for row in rows.controls]
    return SavedState(
        projected_through=rows.projected_through,
        open_orders=[OrderId(order_id) for order_id in rows.open_orders],
        positions={
            (
                AccountId(row["account_id"]),
                StrategyId(row["strategy_id"]),
                InstrumentId(row["canonical_id"]),
            ): position_of(row)
            for row in rows.positions
        },
        books=_books(rows.account_positions, rows.assets),
        states=[control for control in controls if isinstance(control, StateChanged)],
        latches=[control for control in controls if isinstance(control, LatchSet)],
        drifts=[control for control in controls if isinstance(control, DriftSeen)],
        flattenings=[control for control in controls if isinstance(control, FlattenRequested)],
        sequences={row["stream"]: row["next_sequence"] for row in rows.stream_heads},
    )


def _books(positions: Rows, assets: Rows) -> list[AccountBook]:
    books: dict[AccountId, AccountBook] = {}
    for row in positions:
        account_id = AccountId(row["account_id"])
        book = books.setdefault(account_id, AccountBook(account_id))
        book.positions[InstrumentId(row["canonical_id"])] = position_of(row)
    for row in assets:
        account_id = AccountId(row["account_id"])
        books.setdefault(account_id, AccountBook(account_id)).assets[row["asset"]] = shortest(row["amount"])
    return list(books.values())
