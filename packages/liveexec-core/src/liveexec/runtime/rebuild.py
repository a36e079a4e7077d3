"""The tables against the journal: verify that they say what its fold says, or make them anew from it.

Both fold the whole journal of a shard in memory, which takes about a kilobyte for each order it ever had.
"""

from collections.abc import Mapping, Sequence
from decimal import localcontext
from typing import Final

from attrs import frozen

from liveexec.domain.account_event import DriftSeen
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import MONEY, canonical
from liveexec.domain.order import Order
from liveexec.domain.position import Position
from liveexec.domain.stored import FillRow, ProjectionBatch, SavedState
from liveexec.errors import InvariantViolation, NotFound
from liveexec.runtime.durable_view import DurableView
from liveexec.runtime.ports import JournalStore

__all__ = ["Difference", "differing_columns", "folded_row", "rebuild_tables", "verify_tables"]

_PAGE: Final = 2_000
_LEASE_S: Final = 30.0


@frozen
class Difference:
    """A value that the tables hold otherwise than the journal's fold says; both as text, empty for nothing."""

    table: str
    key: str
    column: str
    journal: str
    stored: str


def differing_columns(row: Mapping[str, object], fold: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """(column, what the fold says, what the row says) for every column in which they differ, compared by value."""
    if row == fold:
        return []
    return [
        (name, _text(fold.get(name)), _text(row.get(name)))
        for name in dict.fromkeys([*fold, *row])
        if row.get(name) != fold.get(name)
    ]


def folded_row(store: JournalStore, order: Order) -> Mapping[str, object]:
    """What the row of an order has to be, made in the context in which rows are made."""
    with localcontext(MONEY):
        return store.row_of(order)


async def verify_tables(store: JournalStore, shard: str) -> list[Difference]:
    """Fold the journal as far as the tables go, and compare: orders, operations, references and fills, positions,
    accounts and controls, what is missing and what is too many.

    Raises:
        NotFound: there is no such shard.
        InvariantViolation, TransitionError: the journal contradicts itself, or ends before the tables do.
    """
    status = next((status for status in await store.shards() if status.shard == shard), None)
    if status is None:
        raise NotFound(f"there is no shard {shard!r} here")
    view = DurableView(shard, Ledger(), 0, 0)
    position = 0
    while position < status.projected_through:
        page = await store.read_after(shard, position, _PAGE)
        if not page:
            raise InvariantViolation(
                f"shard {shard}: its tables stand at {status.projected_through}, its journal ends at {position}"
            )
        for stored in page:
            if stored.position <= status.projected_through:
                view.apply(stored.position, stored.record)
        position = page[-1].position
    differences = await _order_differences(store, shard, view.ledger)
    for table, folded in _folded_rows(view.take(status.epoch, 0, {})).items():
        differences += _row_differences(table, folded, await store.table_rows(shard, table))
    return differences + _state_differences(await store.load(shard), view.ledger)


async def rebuild_tables(store: JournalStore, shard: str) -> None:
    """Empty the shard's tables and project the whole journal again. The shard is owned meanwhile.

    Raises:
        Fenced: somebody owns the shard.
    """
    ownership = await store.acquire(shard, "rebuild", _LEASE_S)
    try:
        await store.reset_projections(ownership)
        view = DurableView(shard, Ledger(), 0, 0)
        while page := await store.read_after(shard, view.position, _PAGE):
            for stored in page:
                view.apply(stored.position, stored.record)
            batch = view.take(ownership.epoch, page[-1].record.at_ns, {})
            await store.project(batch)
            view.projected = batch.through
            await store.renew(ownership, _LEASE_S)
    finally:
        await store.release(ownership)


async def _order_differences(store: JournalStore, shard: str, ledger: Ledger) -> list[Difference]:
    found = []
    order_ids = list(ledger.orders)
    for start in range(0, len(order_ids), _PAGE):
        chunk = order_ids[start : start + _PAGE]
        rows = await store.order_rows(shard, chunk)
        for order_id in chunk:
            row = rows.get(order_id)
            if row is None:
                found.append(Difference("unified_orders", order_id, "", "an order", ""))
                continue
            for column, journal, stored in differing_columns(row, folded_row(store, ledger.orders[order_id])):
                found.append(Difference("unified_orders", order_id, column, journal, stored))
    return found


#: Which columns tell the rows of a table apart.
_KEYS: Final = {
    "unified_orders": ("order_id",),
    "operations": ("principal", "operation_id"),
    "order_refs": ("account_id", "kind", "reference"),
    "fills": ("account_id", "fill_key"),
}


def _folded_rows(everything: ProjectionBatch) -> dict[str, list[Mapping[str, object]]]:
    """What the tables have to hold, as a store tells it."""
    return {
        "unified_orders": [{"order_id": order.order_id} for order in everything.orders],
        "operations": [
            {
                "principal": row.principal,
                "operation_id": row.operation_id,
                "kind": row.kind,
                "content_hash": row.content_hash,
                "order_id": row.order_id,
            }
            for row in everything.operations
        ],
        "order_refs": [
            {**dict(zip(_KEYS["order_refs"], row.key, strict=True)), "order_id": row.order_id, "attempt": row.attempt}
            for row in everything.refs
        ],
        "fills": [_fill_facts(row) for row in everything.fills],
    }


def _fill_facts(row: FillRow) -> Mapping[str, object]:
    fill = row.fill
    return {
        "account_id": row.account_id,
        "fill_key": fill.key,
        "order_id": row.order_id,
        "strategy_id": row.strategy_id,
        "canonical_id": fill.instrument_id,
        "side": fill.side,
        "quantity": fill.quantity,
        "price": fill.price,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "estimated": fill.estimated,
        "busted": row.busted,
        "venue_time": fill.venue_time_ns,
    }


def _row_differences(
    table: str, folded: Sequence[Mapping[str, object]], stored: Sequence[Mapping[str, object]]
) -> list[Difference]:
    """Rows that are missing, too many, or other than the fold says."""
    by_key = [{" ".join(str(row[name]) for name in _KEYS[table]): row for row in rows} for rows in (folded, stored)]
    ours, theirs = by_key
    found = []
    for key in dict.fromkeys([*ours, *theirs]):
        mine, other = ours.get(key), theirs.get(key)
        if other is None:
            # An order that is missing is among the differences of orders already.
            found += [Difference(table, key, "", "a row", "")] if table != "unified_orders" else []
        elif mine is None:
            found.append(Difference(table, key, "", "", "a row"))
        else:
            found += [Difference(table, key, *differing) for differing in differing_columns(other, mine)]
    return found


def _state_differences(saved: SavedState, ledger: Ledger) -> list[Difference]:
    found = []
    for key in dict.fromkeys([*ledger.positions, *saved.positions]):
        found += _compare("unified_positions", " ".join(key), ledger.positions.get(key), saved.positions.get(key))
    books = {book.account_id: book for book in saved.books}
    for account_id in dict.fromkeys([*ledger.books, *books]):
        ours, theirs = ledger.books.get(account_id), books.get(account_id)
        nets = ours.positions if ours is not None else {}
        stored_nets = theirs.positions if theirs is not None else {}
        for name in dict.fromkeys([*nets, *stored_nets]):
            found += _compare("account_positions", f"{account_id} {name}", nets.get(name), stored_nets.get(name))
        assets = ours.assets if ours is not None else {}
        stored_assets = theirs.assets if theirs is not None else {}
        found += [
            Difference("account_assets", f"{account_id} {asset}", "amount", journal, stored)
            for asset, journal, stored in differing_columns(stored_assets, assets)
        ]
    return found + _control_differences(saved, ledger)


def _control_differences(saved: SavedState, ledger: Ledger) -> list[Difference]:
    """Trading states, latches, drifts and where the account and control streams stand."""
    compared = (
        (
            "control_state",
            "state",
            {str(event.scope): str(event.state) for event in saved.states},
            {str(scope): str(event.state) for scope, event in ledger.states.items()},
        ),
        (
            "control_state",
            "latch",
            {f"{event.scope} {event.code}": "set" for event in saved.latches},
            {f"{scope} {code}": "set" for scope, code in ledger.latches},
        ),
        (
            "control_state",
            "drift",
            {f"{event.account_id} {event.subject}": _drift(event) for event in saved.drifts},
            {f"{event.account_id} {event.subject}": _drift(event) for event in ledger.drifts.values()},
        ),
        (
            "control_state",
            "flatten",
            {f"{event.scope} {event.account_id}": str(event.seed) for event in saved.flattenings},
            {f"{event.scope} {event.account_id}": str(event.seed) for event in ledger.flattenings.values()},
        ),
        ("stream_heads", "next_sequence", saved.sequences, ledger.sequences),
    )
    return [
        Difference(table, key, column, journal, stored)
        for table, column, stored_values, folded in compared
        for key, journal, stored in differing_columns(stored_values, folded)
    ]


def _drift(event: DriftSeen) -> str:
    return f"{canonical(event.ours)} here, {canonical(event.theirs)} at the venue"


def _compare(table: str, key: str, folded: Position | None, stored: Position | None) -> list[Difference]:
    return [
        Difference(table, key, column, journal, text)
        for column, journal, text in differing_columns(_facts(stored), _facts(folded))
    ]


def _facts(position: Position | None) -> dict[str, object]:
    if position is None:
        return {}
    return {
        "quantity": position.quantity,
        "cost": position.cost,
        "realized_pnl": position.realized_pnl,
        "fees": {asset: amount for asset, amount in position.fees.items() if amount},
        "terms": position.terms,
    }


def _text(value: object) -> str:
    return "" if value is None else str(value)
