"""Checked with every batch that becomes durable: the records themselves, and what they claim of the venue."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Protocol

from attrs import define, field

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, ScopeKind
from liveexec.domain.fill import FillKey
from liveexec.domain.ids import EXTERNAL, AccountId, ClientOrderId, InstrumentId, OrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import ZERO
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.domain.record import Record
from liveexec.domain.stored import AppendBatch
from liveexec.engine.fills import OVERFILL
from liveexec.errors import LiveExecError
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.venue_truth import TrueOrder

__all__ = ["JournalChecks", "Requested", "Watcher"]


@define(eq=False)
class Requested:
    """A recorded wish to send: which attempt, for how much, at what."""

    order_id: OrderId
    attempt: int
    quantity: Decimal
    price: Decimal | None
    at_ns: int = 0


class Watcher(Protocol):
    """Whoever looks at what becomes durable beside the fold."""

    def before(self, record: Record, order: Order | None, event: Any) -> None:
        """An event is about to be folded into ``order``."""

    def after_batch(self, epoch: int) -> None:
        """A batch is folded."""


@define(eq=False)
class JournalChecks:
    """A fold of the journal of its own, and sums beside it. ``at_venues`` gives the venues' orders of one of ours,
    ``on_the_way`` the requests of an order that may still arrive."""

    violations: Violations
    at_venues: Callable[[OrderId], Sequence[TrueOrder]]
    on_the_way: Callable[[OrderId], Iterable[str]]
    ledger: Ledger = field(factory=Ledger)
    watchers: list[Watcher] = field(factory=list)
    position: int = 0
    epoch: int = 0
    #: What may be sent by now, by client id.
    requested: dict[tuple[AccountId, ClientOrderId], Requested] = field(factory=dict)
    #: What may be changed by now, by order.
    changes: dict[OrderId, list[Requested]] = field(factory=dict)
    #: Fills that count, with the account and order they count for.
    fills: dict[tuple[AccountId, FillKey], tuple[OrderId, Decimal]] = field(factory=dict)
    #: Parents that may have more than their quantity, through a venue's mistake or a late fill.
    excused: dict[OrderId, None] = field(factory=dict)
    nets: dict[tuple[AccountId, InstrumentId], Decimal] = field(factory=dict)
    cleared: dict[ControlScope, None] = field(factory=dict)
    #: What an operator accepted that positions had moved by.
    accepted: dict[tuple[AccountId, InstrumentId], Decimal] = field(factory=dict)
    #: Orders that an operator ended, whatever their venue has; whether it could be asked for a cancel then.
    resolved: dict[OrderId, bool] = field(factory=dict)
    #: Whether an order's venue can be reached.
    is_reachable: Callable[[Order], bool] = lambda _: True
    #: Every fill that ever counted.
    ever: dict[FillKey, None] = field(factory=dict)
    #: How much of an order was filled once, and was taken back.
    taken_back: dict[OrderId, Decimal] = field(factory=dict)
    _undone: dict[tuple[AccountId, FillKey], None] = field(factory=dict)
    _sums: dict[OrderId, Decimal] = field(factory=dict)

    def committed(self, batch: AppendBatch) -> None:
        """A batch is durable."""
        if batch.first_position != self.position + 1:
            self.violations.add(8, f"batch {batch.batch} starts at {batch.first_position} after {self.position}")
        if batch.epoch < self.epoch:
            self.violations.add(21, f"epoch {batch.epoch} wrote after epoch {self.epoch}")
        self.epoch = batch.epoch
        self.position = batch.last_position
        touched: dict[OrderId, bool] = {}
        for record in batch.records:
            order = self.ledger.orders.get(OrderId(record.stream))
            touched.setdefault(OrderId(record.stream), order.is_open if order is not None else True)
            self._fold(record)
        for watcher in self.watchers:
            watcher.after_batch(batch.epoch)
        for order_id in touched:
            # Before anything is checked: a sibling of the same batch may be looked at first.
            order = self.ledger.orders.get(order_id)
            if order is not None and order.parent_id is not None and order.is_overfilled:
                self.excused[order.parent_id] = None
        for order_id, was_open in touched.items():
            if (order := self.ledger.orders.get(order_id)) is not None:
                self._check_order(order)
                if was_open and not order.is_open:
                    self._check_end(order)

    def _fold(self, record: Record) -> None:
        sequence = record.sequence
        for event in record.events:
            order = self.ledger.orders.get(OrderId(record.stream))
            self._note(OrderId(record.stream), order, event, record.at_ns)
            for watcher in self.watchers:
                watcher.before(record, order, event)
            try:
                self.ledger.apply(Record(record.stream, sequence, (event,), record.cause, record.at_ns))
            except LiveExecError as error:
                self.violations.add(8, str(error))
                return
            sequence += 1

    def _note(self, order_id: OrderId, order: Order | None, event: Any, at_ns: int) -> None:
        match event:
            case ev.SubmitRequested(attempt, plan, quantity, price):
                assert order is not None
                if order.replace is not None and quantity > order.replace.quantity - order.filled_quantity:
                    self.violations.add(13, f"{order_id} asks for {quantity} beside {order.filled_quantity} filled")
                self._request(order, Requested(order_id, attempt, quantity, price, at_ns), plan.client_order_id)
            case ev.ReplaceRequested(quantity=quantity, price=price, attempt=attempt):
                self.changes.setdefault(order_id, []).append(Requested(order_id, attempt, quantity, price))
            case ev.FillApplied(fill):
                assert order is not None
                self._apply(order, fill.key, fill.instrument_id, fill.quantity * fill.side.sign)
            case ev.FillBusted(fill):
                assert order is not None
                self._take_back(order, fill.key, fill.instrument_id, fill.quantity * fill.side.sign)
            case ev.FillCorrected(original, fill):
                assert order is not None
                sign = fill.side.sign
                self._take_back(order, original.key, original.instrument_id, original.quantity * sign)
                self._apply(
                    order, fill.key, fill.instrument_id, fill.quantity * sign, same_key=original.key == fill.key
                )
                self._adjust_taken_back(order, -fill.quantity)
            case acc.PositionChanged(account_id=account_id, instrument_id=instrument_id, quantity=quantity):
                self._move(account_id, instrument_id, quantity)
                if event.kind is acc.PositionChange.ACCEPTED:
                    key = (account_id, instrument_id)
                    self.accepted[key] = self.accepted.get(key, ZERO) + quantity
            case acc.LatchCleared(scope=scope):
                self.cleared[scope] = None
            case ev.Adjusted():
                self.resolved[order_id] = order is not None and self.is_reachable(order)
            case _:
                pass

    def _request(self, order: Order, requested: Requested, client_order_id: ClientOrderId) -> None:
        assert order.account_id is not None
        known = self.requested.get((order.account_id, client_order_id))
        if known is not None:
            self.violations.add(3, f"{client_order_id} of {order.order_id} was used for {known.order_id} before")
        self.requested[order.account_id, client_order_id] = requested

    def _apply(
        self, order: Order, key: FillKey, instrument_id: InstrumentId, signed: Decimal, *, same_key: bool = False
    ) -> None:
        assert order.account_id is not None
        name = (order.account_id, key)
        if name in self.fills or (name in self._undone and not same_key):
            self.violations.add(4, f"fill {key} of {order.order_id} is applied again")
        self.fills[name] = (order.order_id, signed)
        self.ever[key] = None
        self._sums[order.order_id] = self._sums.get(order.order_id, ZERO) + abs(signed)
        self._move(order.account_id, instrument_id, signed)
        if order.parent_id is not None and not order.is_open:
            self.excused[order.parent_id] = None

    def _take_back(self, order: Order, key: FillKey, instrument_id: InstrumentId, signed: Decimal) -> None:
        assert order.account_id is not None
        if self.fills.pop((order.account_id, key), None) is None:
            self.violations.add(4, f"fill {key} of {order.order_id} is taken back, and was not applied")
        self._undone[order.account_id, key] = None
        self._adjust_taken_back(order, abs(signed))
        self._sums[order.order_id] = self._sums.get(order.order_id, ZERO) - abs(signed)
        self._move(order.account_id, instrument_id, -signed)

    def _adjust_taken_back(self, order: Order, quantity: Decimal) -> None:
        self.taken_back[order.order_id] = self.taken_back.get(order.order_id, ZERO) + quantity

    def _move(self, account_id: AccountId, instrument_id: InstrumentId, signed: Decimal) -> None:
        key = (account_id, instrument_id)
        self.nets[key] = self.nets.get(key, ZERO) + signed

    def _check_order(self, order: Order) -> None:
        add = self.violations.add
        name = order.order_id
        if not order.is_parent:
            if order.filled_quantity != self._sums.get(name, ZERO):
                add(5, f"{name} has {order.filled_quantity} filled, its fills are {self._sums.get(name, ZERO)}")
            held = sum((fill.quantity for fill in (order.fills or {}).values()), ZERO)
            if held != order.filled_quantity:
                add(5, f"{name} has {order.filled_quantity} filled, and holds fills of {held}")
        expected = max(ZERO, order.quantity - order.filled_quantity) if order.is_open else ZERO
        if order.leaves != expected:
            add(6, f"{name} is {order.status} with {order.filled_quantity}/{order.quantity}, leaves {order.leaves}")
            is_whole = order.filled_quantity >= order.whole_quantity
            if order.is_open and is_whole and order.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED):
                add(6, f"{name} is {order.status} with {order.filled_quantity}/{order.quantity}")
        if order.is_overfilled and order.strategy_id != EXTERNAL and not order.is_parent:
            assert order.instrument_id is not None
            scope = ControlScope(ScopeKind.INSTRUMENT, order.instrument_id)
            if (scope, OVERFILL) not in self.ledger.latches and scope not in self.cleared:
                add(7, f"{name} is filled {order.filled_quantity} of {order.quantity}, and {scope} is not halted")
        self._check_family(order)
        if order.account_id is not None and order.instrument_id is not None:
            net = self.nets.get((order.account_id, order.instrument_id), ZERO)
            ours = self.ledger.net_quantity(order.account_id, order.instrument_id)
            if net != ours:
                # A fill that comes late moves the position like any other.
                number = 12 if order.is_open else 10
                add(number, f"{order.account_id} {order.instrument_id}: {ours} held, the fills sum up to {net}")

    def _check_family(self, order: Order) -> None:
        parent = order if order.is_parent else self.ledger.orders.get(order.parent_id) if order.parent_id else None
        if parent is None:
            return
        children = [self.ledger.orders[child] for child in parent.children or () if child in self.ledger.orders]
        filled = sum((child.filled_quantity for child in children), ZERO)
        if parent.filled_quantity != filled:
            self.violations.add(5, f"parent {parent.order_id} has {parent.filled_quantity}, its children {filled}")
        live = sum((child.leaves for child in children), ZERO)
        if live + filled > parent.quantity and parent.order_id not in self.excused:
            self.violations.add(11, f"{parent.order_id}: {live} live and {filled} filled of {parent.quantity}")

    def _check_end(self, order: Order) -> None:
        """An order that ended here must have ended at its venue, and nothing may be on its way there."""
        if order.is_parent:
            open_children = [
                child
                for child in order.children or ()
                if child in self.ledger.orders and self.ledger.orders[child].is_open
            ]
            if open_children:
                self.violations.add(9, f"parent {order.order_id} ended before {open_children[0]}")
            return
        if order.order_id in self.resolved:
            return
        for true in self.at_venues(order.order_id):
            # One that was taken too late, against its venue's word, may have been proved absent before.
            if true.status is VenueOrderStatus.WORKING and not true.came_late:
                self.violations.add(
                    9, f"{order.order_id} is {order.status} here ({order.message}), and {true.venue_order_id} works"
                )
        there = self.at_venues(order.order_id)
        filled = sum((each.filled for each in there), ZERO)
        is_late = any(each.came_late for each in there)
        if (
            order.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED)
            and filled > order.filled_quantity
            and not is_late
        ):
            self.violations.add(
                9, f"{order.order_id} is {order.status} with {order.filled_quantity} filled, its venue filled {filled}"
            )
        if "submit" in self.on_the_way(order.order_id):
            self.violations.add(9, f"{order.order_id} is {order.status} here, and its submit may still arrive")
