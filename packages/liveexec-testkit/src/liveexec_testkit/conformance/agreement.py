"""Whether everything that an orchestrator holds is what the venue has: orders, fills, positions, balances, bookings."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import Decimal
from typing import Final

from liveexec.composition import LiveExecutionOrchestrator
from liveexec.domain import order_event as ev
from liveexec.domain.fill import Fill, FillKey
from liveexec.domain.ids import ClientOrderId, OrderId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import ZERO
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import OrderReport, VenueOrderStatus
from liveexec.storage.memory import MemoryStore
from liveexec_testkit.conformance.harness import VenueHarness
from liveexec_testkit.conformance.truth import fill_differences

__all__ = ["Agreement"]

#: What venues round away of the amounts that they tell.
_BOOKED_TO: Final = Decimal("1e-8")
#: What the venue's word on an order means for ours.
_STATUSES: Final = {
    VenueOrderStatus.WORKING: (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED),
    VenueOrderStatus.FILLED: (OrderStatus.FILLED,),
    VenueOrderStatus.CANCELED: (OrderStatus.CANCELED,),
    VenueOrderStatus.REJECTED: (OrderStatus.REJECTED, OrderStatus.CANCELED),
    VenueOrderStatus.EXPIRED: (OrderStatus.EXPIRED, OrderStatus.CANCELED),
}
_IN_DOUBT: Final = (OrderStatus.PENDING, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)


class Agreement:
    """Compares a running orchestrator, and what its store has recorded, with the venue's own truth, at this moment."""

    def __init__(self, venue: VenueHarness, live: LiveExecutionOrchestrator, store: MemoryStore) -> None:
        self._venue, self._live, self._store = venue, live, store

    async def differences(self, in_doubt: Sequence[OrderId] = ()) -> list[str]:
        """Everything that is not as at the venue, each in words; ``in_doubt`` are orders of which the venue can't
        prove that they never were, so that they may stay UNKNOWN."""
        true_orders, true_fills = await self._venue.orders(), await self._venue.fills()
        orders = [each for each in self._live.orders.values() if not each.is_parent]
        ours = [each for each in orders if not each.is_adopted]
        found = [
            f"the venue's order was not recognised, and adopted: {each.order_id}" for each in orders if each.is_adopted
        ]
        claimed: Counter[OrderId] = Counter()
        named: dict[tuple[str, str], list[Order]] = {}
        for order in ours:
            for name in _names(order):
                named.setdefault(name, []).append(order)
        earlier = await self._earlier_attempts()
        #: What earlier attempts of an order filled at the venue, where a change is a cancel and another order.
        before: dict[OrderId, Decimal] = {}
        matches: list[tuple[Order, OrderReport]] = []
        for true in true_orders:
            match = {order.order_id: order for name in _names(true) for order in named.get(name, ())}
            matches += [(order, true) for order in match.values()]
            if match:
                continue
            order_id = earlier.get(true.client_order_id) if true.client_order_id is not None else None
            if order_id is None:
                found.append(f"nobody here asked for {true}")
                continue
            before[order_id] = before.get(order_id, ZERO) + true.filled_quantity
            if true.status.is_open:
                found.append(f"an earlier attempt of {order_id} still works at the venue: {true}")
        for order, true in matches:
            claimed[order.order_id] += 1
            found += _order_differences(order, true, before.get(order.order_id, ZERO))
        for order in ours:
            if claimed[order.order_id] > 1:
                found.append(f"{order.order_id} is {claimed[order.order_id]} orders at the venue")
            if claimed[order.order_id]:
                continue
            if order.order_id not in before:
                found += _unclaimed(order, may_doubt=order.order_id in in_doubt)
            elif order.is_open or order.filled_quantity != before[order.order_id]:
                # The attempt before ended there, and the present one never came.
                there = f"{before[order.order_id]} filled at the venue, where it is gone"
                found.append(f"{order.order_id} is {order.status} here with {order.filled_quantity} filled, {there}")
        applied = await _journal_fills(self._store)
        found += fill_differences(applied.values(), (each.fill for each in true_fills), whole=True)
        found += await self.position_differences()
        found += await self.balance_differences()
        found += await self._booked_differences()
        ledger = self._live.shard.view.ledger
        found += [f"drift: {each}" for each in ledger.drifts.values()]
        found += [f"latch: {each}" for each in ledger.latches.values()]
        return found

    async def _earlier_attempts(self) -> dict[ClientOrderId, OrderId]:
        """The names under which orders were sent, and under which they may be gone since."""
        return {
            event.plan.client_order_id: OrderId(stream)
            async for stream, event in _journal(self._store)
            if isinstance(event, ev.SubmitRequested) and event.plan.client_order_id is not None
        }

    async def position_differences(self) -> list[str]:
        """Every position that is here otherwise than the venue has it."""
        nets = {
            name: position.quantity
            for book in self._live.accounts
            if book.account_id == self._venue.account_id
            for name, position in book.positions.items()
        }
        theirs = {each.instrument_id: each.quantity for each in await self._venue.positions()}
        # What is flat at the venue is not among its positions; of spot pairs it may name none at all.
        listings = self._live.shard.engine.state.listings
        flat = {each: ZERO for each in nets if listings[each].terms.kind is not ContractKind.SPOT}
        return [
            f"position of {name}: {nets.get(name, ZERO)} here, {quantity} at the venue"
            for name, quantity in (flat | theirs).items()
            if nets.get(name, ZERO) != quantity
        ]

    async def balance_differences(self) -> list[str]:
        """Every balance that is known here otherwise than the venue has it."""
        told = self._live.shard.engine.state.balances
        ours = {asset: said.total for (name, asset), said in told.items() if name == self._venue.account_id}
        theirs = {each.asset: each.total for each in await self._venue.balances()}
        return [
            f"balance of {asset}: {ours.get(asset, ZERO)} here, {theirs.get(asset, ZERO)} at the venue"
            for asset in sorted({*ours, *theirs})
            if ours.get(asset, ZERO) != theirs.get(asset, ZERO)
        ]

    async def _booked_differences(self) -> list[str]:
        """What fills, fees, settlements and movements add up to here, against what the venue has.

        An asset that an open derivative settles in is left out: how much of its result is realised is told apart by
        venues in ways of their own.
        """
        books = [each for each in self._live.accounts if each.account_id == self._venue.account_id]
        open_ = {
            position.terms.settlement_asset
            for book in books
            for position in book.positions.values()
            if position.quantity and position.terms.kind is not ContractKind.SPOT
        }
        theirs = {each.asset: each.total for each in await self._venue.balances() if each.asset not in open_}
        ours = {asset: book.assets.get(asset, ZERO) for book in books for asset in theirs}
        return [
            f"{asset}: {ours[asset]} is booked here, {total} is at the venue"
            for asset, total in theirs.items()
            if asset in ours and abs(ours[asset] - total) > _BOOKED_TO
        ]


def _names(order: Order | OrderReport) -> Iterator[tuple[str, str]]:
    """What the venue knows an order by, its own name and ours: an order of ours with either is this one of its."""
    if order.venue_order_id is not None:
        yield "venue", order.venue_order_id
    if order.client_order_id is not None:
        yield "client", order.client_order_id


def _order_differences(order: Order, true: OrderReport, before: Decimal) -> list[str]:
    """``before`` is what attempts before this one filled."""
    found = []
    if order.status not in _STATUSES[true.status]:
        found.append(f"{order.order_id} is {order.status} here, {true.status} at the venue")
    filled, quantity = true.filled_quantity + before, true.quantity + before
    if order.filled_quantity != filled:
        found.append(f"{order.order_id}: {order.filled_quantity} filled here, {filled} at the venue")
    if order.is_open and true.status.is_open and (order.quantity, order.price) != (quantity, true.price):
        found.append(
            f"{order.order_id} is {order.quantity} at {order.price} here, {quantity} at {true.price} at the venue"
        )
    return found


def _unclaimed(order: Order, *, may_doubt: bool) -> list[str]:
    """An order that the venue never had must have been refused, or be known as unknown; or be canceled unfilled."""
    if order.status is OrderStatus.REJECTED and not order.filled_quantity:
        return []
    # Its cancel was asked for before it was proved that it never was.
    if may_doubt and order.status is OrderStatus.CANCELED and not order.filled_quantity:
        return []
    if may_doubt and order.status is OrderStatus.UNKNOWN:
        return []
    if order.status in _IN_DOUBT:
        return [f"{order.order_id} is still {order.status}, and the venue never had it"]
    return [f"{order.order_id} is {order.status} here, and the venue never had it"]


async def _journal_fills(store: MemoryStore) -> dict[FillKey, Fill]:
    """Every fill that stands, from the journal's records alone; one that was applied twice is an error."""
    found: dict[FillKey, Fill] = {}
    async for _, event in _journal(store):
        if isinstance(event, ev.FillApplied):
            assert event.fill.key not in found, f"the fill {event.fill.key} was applied twice"
            found[event.fill.key] = event.fill
        elif isinstance(event, ev.FillBusted):
            found.pop(event.fill.key, None)
    return found


async def _journal(store: MemoryStore, shard: str = "main") -> AsyncIterator[tuple[str, object]]:
    """Every event with its stream, in their order."""
    position = 0
    while page := await store.read_after(shard, position, 1_000):
        for stored in page:
            for event in stored.record.events:
                yield stored.record.stream, event
        position = page[-1].position
