"""Families: orders folded from their journal streams, a parent together with all of its children.

A parent's filled amounts are the sums over its children, so an order comes back with its whole family or not at all.
"""

from collections.abc import Iterable, Mapping, Sequence

from liveexec.domain import order_event as ev
from liveexec.domain.ids import OrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.order import Order
from liveexec.domain.stored import StoredRecord
from liveexec.runtime.ports import JournalStore

__all__ = ["Streams", "fold_family", "names_of", "read_families"]

#: Whole journal streams of orders, by stream.
Streams = Mapping[str, Sequence[StoredRecord]]


def fold_family(streams: Streams) -> dict[OrderId, Order]:
    """Orders from their journal streams, oldest first; a child's fills count for its parent, if that is among them.

    The records are folded in the journal's order by the fold that the engine and the durable view run, so that the
    orders are the same to the last field, whatever came between a child's fill and its parent's end.

    Raises:
        InvariantViolation, TransitionError: the journal contradicts itself.
    """
    ledger = Ledger()
    for stored in sorted((each for records in streams.values() for each in records), key=_position):
        ledger.apply(stored.record)
    return ledger.orders


async def read_families(store: JournalStore, shard: str, order_ids: Sequence[OrderId]) -> Streams:
    """The streams of these orders, of their parents and of all children of those."""
    streams = dict(await store.read_streams(shard, order_ids)) if order_ids else {}
    parents = {
        order.parent_id or order.order_id: None
        for order in fold_family(streams).values()
        if order.parent_id is not None or order.is_parent
    }
    if parents:
        children = await store.find_children(shard, list(parents))
        family = [*parents, *(child for members in children.values() for child in members)]
        missing = [member for member in dict.fromkeys(family) if member not in streams]
        if missing:
            streams.update(await store.read_streams(shard, missing))
    return streams


def names_of(streams: Streams) -> dict[OrderId, list[tuple[str, str]]]:
    """Every name that the orders of these streams ever had at their venues, as (kind, reference)."""
    return {
        OrderId(stream): [name for stored in records for event in stored.record.events for name in _names_in(event)]
        for stream, records in streams.items()
    }


def _position(stored: StoredRecord) -> int:
    return stored.position


def _names_in(event: object) -> Iterable[tuple[str, str]]:
    names: dict[str, str | None] = {}
    match event:
        case ev.SubmitRequested() | ev.ReplaceRequested():
            names = {"client": event.plan.client_order_id, **(event.plan.refs or {})}
        case ev.Accepted():
            names = {"venue": event.venue_order_id, **(event.refs or {})}
        case ev.Replaced():
            names = {"venue": event.venue_order_id}
        case ev.Adopted():
            report = event.report
            names = {"client": report.client_order_id, "venue": report.venue_order_id, **(report.refs or {})}
        case _:
            pass
    return [(kind, value) for kind, value in names.items() if value is not None]
