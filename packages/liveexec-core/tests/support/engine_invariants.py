"""What must hold in an engine after every input, worked out anew from its records.

from support.engine_invariants import EngineInvariants, encoded, encoded_effect
"""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

import attrs
from attrs import define, field

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.codec import decode_events, encode_events, encode_json
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import MONEY, ZERO, storable
from liveexec.domain.order import Order
from liveexec.domain.order_state import TERMINAL_STATUSES, OrderStatus
from liveexec.domain.record import Event, Record
from liveexec.engine.effects import Effect, SendCancel, SendReplace, SendSubmit
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.exposure import ExposureBook, Working
from liveexec.engine.turn import Decision

__all__ = ["EngineInvariants", "encoded", "encoded_effect", "encoded_record"]

_FILL_EVENTS = (ev.FillApplied, ev.FillBusted, ev.FillCorrected)


def encoded(value: Any) -> bytes:
    """An object of the engine's memory, field by field, to compare two of them."""
    fields = {each.name: getattr(value, each.name) for each in attrs.fields(type(value))}
    return encode_json({name: sorted(each) if isinstance(each, frozenset) else each for name, each in fields.items()})


def encoded_record(record: Record) -> bytes:
    """A record as the journal would hold it."""
    head = f"{record.stream}|{record.sequence}|{record.cause}|{record.at_ns}|"
    return head.encode() + encode_events(record.events)


def encoded_effect(effect: Effect) -> bytes:
    """An effect without the order that it carries along, which is the engine's own and goes on changing."""
    fields = {each.name: getattr(effect, each.name) for each in attrs.fields(type(effect))}
    plain = {name: each.order_id if isinstance(each, Order) else each for name, each in fields.items()}
    return type(effect).__name__.encode() + encode_json(plain)


@define(eq=False)
class EngineInvariants:
    """Folds every decision a second time, as the journal would give it back, and holds the engine against that.

    ``excused`` are parents that filled more than they allocated through no fault of theirs: a child was overfilled,
    or filled after its end when its rest had been given out again. Unless ``thorough``, it only folds.
    """

    mirror: Ledger = field(factory=Ledger)
    thorough: bool = True
    client_ids: dict[tuple[AccountId, ClientOrderId], tuple[OrderId, int]] = field(factory=dict)
    sent: dict[tuple[OrderId, int], None] = field(factory=dict)
    excused: dict[OrderId, None] = field(factory=dict)
    _requested: dict[OrderId, list[Event]] = field(factory=dict)
    _nets: dict[tuple[AccountId, InstrumentId], Decimal] = field(factory=dict)

    def check(self, engine: ExecutionEngine, decision: Decision) -> None:
        """Fold the decision, and compare everything."""
        with localcontext(MONEY):
            if decision.error is not None:
                assert (decision.records, decision.effects) == ((), ()), "a refused input changed something"
            for record in decision.records:
                self._fold(record)
            if not self.thorough:
                return
            for effect in decision.effects:
                self._check_effect(effect, decision)
            self._check_ledgers(engine)
            self._check_exposure(engine)
            for order in engine.state.ledger.orders.values():
                self._check_order(order)
                if order.is_parent:
                    self._check_family(engine, order)

    def forget(self, engine: ExecutionEngine) -> None:
        """Let the orders go that left the engine's memory."""
        for order_id in [known for known in self.mirror.orders if engine.orders.get(known) is None]:
            assert not self.mirror.orders[order_id].is_open, f"{order_id} left memory while it was open"
            del self.mirror.orders[order_id]

    def _fold(self, record: Record) -> None:
        assert record.events, "a record without events"
        for index, event in enumerate(decode_events(encode_events(record.events))):
            self._note(OrderId(record.stream), self.mirror.orders.get(OrderId(record.stream)), event)
            sequence = record.sequence + index
            self.mirror.apply(Record(record.stream, sequence, (event,), record.cause, record.at_ns))

    def _note(self, order_id: OrderId, order: Order | None, event: Event) -> None:
        self._requested.setdefault(order_id, []).append(event)
        if isinstance(event, acc.PositionChanged):
            self._move(event.account_id, event.instrument_id, event.quantity)
        if not isinstance(event, _FILL_EVENTS):
            return
        assert order is not None
        assert order.account_id is not None
        if order.parent_id is not None and order.status in TERMINAL_STATUSES:
            self.excused[order.parent_id] = None
        undone = [event.fill] if isinstance(event, ev.FillBusted) else []
        undone += [event.original] if isinstance(event, ev.FillCorrected) else []
        for fill in undone:
            self._move(order.account_id, fill.instrument_id, -fill.quantity * fill.side.sign)
        if not isinstance(event, ev.FillBusted):
            self._move(order.account_id, event.fill.instrument_id, event.fill.quantity * event.fill.side.sign)

    def _move(self, account_id: AccountId, instrument_id: InstrumentId, quantity: Decimal) -> None:
        key = (account_id, instrument_id)
        self._nets[key] = self._nets.get(key, ZERO) + quantity

    def _check_effect(self, effect: Effect, decision: Decision) -> None:
        """Nothing goes out that was not recorded, and no attempt goes out twice or under a used name."""
        if isinstance(effect, SendSubmit):
            order_id = effect.order.order_id
            events = [event for record in decision.records if record.stream == order_id for event in record.events]
            requested = [event for event in events if isinstance(event, ev.SubmitRequested)]
            assert [(each.attempt, each.quantity, each.price) for each in requested] == [
                (effect.attempt, effect.quantity, effect.price)
            ], "sent without its SubmitRequested"
            assert (order_id, effect.attempt) not in self.sent, "sent twice"
            assert effect.attempt == 1 or (order_id, effect.attempt - 1) in self.sent, "an attempt was left out"
            self.sent[order_id, effect.attempt] = None
            assert effect.order.account_id is not None
            name = (effect.order.account_id, effect.plan.client_order_id)
            known = self.client_ids.setdefault(name, (order_id, effect.attempt))
            assert known == (order_id, effect.attempt), f"{name} was {known}'s already"
        elif isinstance(effect, SendCancel | SendReplace):
            wanted = ev.CancelRequested if isinstance(effect, SendCancel) else ev.ReplaceRequested
            known_events = self._requested.get(effect.order.order_id, [])
            emulates = any(isinstance(each, ev.ReplaceRequested) and not each.atomic for each in known_events)
            is_wished = any(isinstance(each, wanted) for each in known_events) or emulates
            # What ended here and turns up at the venue is canceled without anybody's wish.
            assert is_wished or not effect.order.is_open, "asked without a recorded wish"

    def _check_ledgers(self, engine: ExecutionEngine) -> None:
        """The engine's memory is what its records fold to."""
        ledger = engine.state.ledger
        assert list(ledger.orders) == list(self.mirror.orders)
        for order_id, order in ledger.orders.items():
            assert encoded(order) == encoded(self.mirror.orders[order_id])
        _same(ledger.positions, self.mirror.positions)
        _same(ledger.books, self.mirror.books)
        assert ledger.sequences == self.mirror.sequences
        for mine, theirs in (
            (ledger.states, self.mirror.states),
            (ledger.latches, self.mirror.latches),
            (ledger.drifts, self.mirror.drifts),
        ):
            _same(mine, theirs)
        held = {
            (account_id, instrument_id): position.quantity
            for account_id, book in ledger.books.items()
            for instrument_id, position in book.positions.items()
        }
        assert held == self._nets, "positions are not the sum of fills"

    def _check_order(self, order: Order) -> None:
        if not order.is_parent:
            fills = list((order.fills or {}).values())
            assert order.filled_quantity == sum((fill.quantity for fill in fills), ZERO)
            assert order.filled_cost == sum((storable(fill.quantity * fill.price) for fill in fills), ZERO)
            assert not order.undone_fills & {fill.key for fill in fills} or any(
                isinstance(event, ev.FillCorrected) for event in self._requested[order.order_id]
            ), "a fill counts that was taken back"
        assert order.leaves >= 0
        if order.status is OrderStatus.FILLED:
            assert order.filled_quantity >= order.quantity

    def _check_family(self, engine: ExecutionEngine, parent: Order) -> None:
        orders = engine.state.ledger.orders
        children = [orders[child] for child in parent.children or () if child in orders]
        if len(children) != len(parent.children or ()):
            return
        assert parent.filled_quantity == sum((child.filled_quantity for child in children), ZERO)
        assert parent.filled_cost == sum((child.filled_cost for child in children), ZERO)
        if any(child.is_overfilled for child in children):
            self.excused[parent.order_id] = None
        if parent.order_id not in self.excused:
            live = sum((child.leaves for child in children), ZERO)
            assert parent.filled_quantity + live <= parent.quantity, f"{parent.order_id}: more than the parent"
        if not parent.is_open:
            assert not any(child.is_open for child in children), "a child outlived its parent"

    def _check_exposure(self, engine: ExecutionEngine) -> None:
        """What is reserved is the sum over the open orders, each at its worst."""
        anew = ExposureBook()
        for order in engine.state.ledger.orders.values():
            if order.approved:
                anew.reserve(order)
        kept = engine.state.exposure
        assert _sums(kept.accounts) == _sums(anew.accounts)
        assert _sums(kept.strategies) == _sums(anew.strategies)
        assert _numbers(kept.products) == _numbers(anew.products)
        assert (kept.open_orders, kept.open_by_strategy) == (anew.open_orders, anew.open_by_strategy)
        assert _resting(kept) == _resting(anew)


def _same(mine: Mapping[Any, Any], theirs: Mapping[Any, Any]) -> None:
    assert {key: encoded(value) for key, value in mine.items()} == {
        key: encoded(value) for key, value in theirs.items()
    }


def _numbers(places: Mapping[Any, Working]) -> dict[Any, tuple[Any, ...]]:
    return {
        key: (each.terms, each.buys, each.sells, each.buy_cost, each.sell_cost, each.orders, each.unpriced)
        for key, each in places.items()
    }


def _sums(places: Mapping[Any, Mapping[Any, Working]]) -> dict[Any, dict[Any, tuple[Any, ...]]]:
    return {key: _numbers(each) for key, each in places.items()}


def _resting(book: ExposureBook) -> dict[Any, dict[str, int]]:
    sides = {
        key: {rank: count for rank, count in side.counts.items() if count} for key, side in book.own._sides.items()
    }
    return {key: counts for key, counts in sides.items() if counts}
