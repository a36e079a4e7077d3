"""Recovery: the state of a shard from its tables and the journal's tail, twice: for the engine and for readers."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import define, evolve

from liveexec.domain.account_event import AccountOpened
from liveexec.domain.ids import AccountId, OrderId, is_order_id
from liveexec.domain.ledger import Ledger
from liveexec.domain.position import AccountBook
from liveexec.domain.record import CONTROL_STREAM_PREFIX
from liveexec.domain.stored import SavedState, StoredRecord
from liveexec.errors import InvariantViolation
from liveexec.runtime.durable_view import DurableView
from liveexec.runtime.families import Streams, fold_family, names_of, read_families
from liveexec.runtime.ports import JournalStore
from liveexec.runtime.rebuild import differing_columns, folded_row

__all__ = ["RecoveredShard", "recover"]

_PAGE: Final = 2_000


@define(eq=False)
class RecoveredShard:
    """What a shard was when its last owner stopped.

    ``engine_ledger`` and ``view`` are separate folds of the same records. ``names`` are the orders' names at venues;
    ``last_at_ns`` is the engine time of the journal's last record, zero when it is empty.
    """

    engine_ledger: Ledger
    view: DurableView
    names: Mapping[OrderId, Sequence[tuple[str, str]]]
    last_at_ns: int


async def recover(store: JournalStore, shard: str) -> RecoveredShard:
    """Load the open orders, positions and controls, and replay what the tables don't show yet.

    Raises:
        InvariantViolation: an open order's row is not what the journal says.
    """
    saved = await store.load(shard)
    tail = await _read_tail(store, shard, saved.projected_through)
    last_at_ns = tail[-1].record.at_ns if tail else await _last_at_ns(store, shard, saved.projected_through)
    families = await _families(store, shard, saved, tail)
    before = {
        stream: [stored for stored in records if stored.position <= saved.projected_through]
        for stream, records in families.items()
    }
    await _compare_rows(store, shard, before)
    opened = await _opened(store, shard, saved)
    engine_ledger = _ledger(saved, before, opened)
    view = DurableView(shard, _ledger(saved, before, opened), saved.projected_through, saved.projected_through)
    for stored in tail:
        engine_ledger.apply(stored.record)
        view.apply(stored.position, stored.record)
    return RecoveredShard(engine_ledger, view, names_of(families), last_at_ns)


async def _read_tail(store: JournalStore, shard: str, after: int) -> list[StoredRecord]:
    tail: list[StoredRecord] = []
    while True:
        page = await store.read_after(shard, tail[-1].position if tail else after, _PAGE)
        tail += page
        if len(page) < _PAGE:
            return tail


async def _last_at_ns(store: JournalStore, shard: str, position: int) -> int:
    if position == 0:
        return 0
    page = await store.read_after(shard, position - 1, 1)
    return page[0].record.at_ns if page else 0


async def _families(store: JournalStore, shard: str, saved: SavedState, tail: Sequence[StoredRecord]) -> Streams:
    """The whole journal streams of every order that is open or moved lately, with its parent and its siblings."""
    touched = [stored.record.stream for stored in tail if is_order_id(stored.record.stream)]
    return await read_families(
        store, shard, [OrderId(stream) for stream in dict.fromkeys([*saved.open_orders, *touched])]
    )


async def _opened(store: JournalStore, shard: str, saved: SavedState) -> dict[AccountId, int]:
    """When the accounts began: the first event of each of their streams says it."""
    accounts = [stream for stream in saved.sequences if not stream.startswith(CONTROL_STREAM_PREFIX)]
    streams = await store.read_streams(shard, accounts) if accounts else {}
    opened = {}
    for records in streams.values():
        first = records[0].record.events[0]
        if isinstance(first, AccountOpened):
            opened[first.account_id] = first.asked_at_ns
    return opened


def _ledger(saved: SavedState, streams: Streams, opened: Mapping[AccountId, int]) -> Ledger:
    """A ledger as of the last projection; positions are copied, since two ledgers start from the same ones."""
    return Ledger(
        orders=fold_family(streams),
        positions={key: evolve(position, fees=dict(position.fees)) for key, position in saved.positions.items()},
        books={
            book.account_id: AccountBook(
                book.account_id,
                {name: evolve(net, fees=dict(net.fees)) for name, net in book.positions.items()},
                dict(book.assets),
            )
            for book in saved.books
        },
        states={event.scope: event for event in saved.states},
        latches={(event.scope, event.code): event for event in saved.latches},
        drifts={(event.account_id, event.subject): event for event in saved.drifts},
        flattenings={(event.scope, event.account_id): event for event in saved.flattenings},
        opened=dict(opened),
        sequences=dict(saved.sequences),
    )


async def _compare_rows(store: JournalStore, shard: str, streams: Streams) -> None:
    orders = fold_family({stream: records for stream, records in streams.items() if records})
    rows = await store.order_rows(shard, list(orders)) if orders else {}
    faults = []
    for order_id, order in orders.items():
        row = rows.get(order_id)
        differing = differing_columns(row or {}, folded_row(store, order))
        if differing:
            faults.append(f"{order_id} ({'; '.join(f'{name}: {row} for {fold}' for name, fold, row in differing)})")
    if faults:
        raise InvariantViolation(
            f"the tables contradict the journal for {len(faults)} orders, first {faults[0]}; "
            "run `liveexec db rebuild` to make them anew from the journal"
        )
