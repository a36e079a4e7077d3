"""The ledger: everything that is true, as the fold of records. Orders with their families, positions, controls.

The engine runs one ahead of durability; readers and the projector see a second one that holds only what is durable;
a rebuild makes a third from the journal. All three run this code.
"""

from decimal import Decimal, localcontext
from typing import Any, cast, get_args

from attrs import define, field

from liveexec.domain import account_event as acc
from liveexec.domain import money
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import AccountEvent, ControlScope, TradingState
from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, InstrumentId, OrderId, StrategyId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import MONEY, ZERO
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.order_fold import apply_event, new_order, settle_family
from liveexec.domain.position import AccountBook, Position
from liveexec.domain.record import Record
from liveexec.errors import InvariantViolation

__all__ = ["Latch", "Ledger", "PositionKey"]

_ACCOUNT_EVENTS = frozenset(get_args(AccountEvent))
# Named, since a union that is written where it is used is made anew each time.
_AnyEvents = tuple[Any, ...]
_FillEvent = ev.FillApplied | ev.FillBusted | ev.FillCorrected
#: Events of an order that move positions.
_POSITION_EVENTS = frozenset({ev.FillApplied, ev.FillBusted, ev.FillCorrected, ev.Reattributed})

#: (account, strategy, instrument)
PositionKey = tuple[AccountId, StrategyId, InstrumentId]
#: A tripped control: its scope and its code.
Latch = tuple[ControlScope, str]


@define(eq=False)
class Ledger:
    """Orders in memory, positions by strategy, books by account, trading states and latches.

    ``positions`` splits each account's net by strategy; ``books`` holds the nets and the assets.
    """

    orders: dict[OrderId, Order] = field(factory=dict)
    positions: dict[PositionKey, Position] = field(factory=dict)
    books: dict[AccountId, AccountBook] = field(factory=dict)
    states: dict[ControlScope, acc.StateChanged] = field(factory=dict)
    latches: dict[Latch, acc.LatchSet] = field(factory=dict)
    drifts: dict[tuple[AccountId, str], acc.DriftSeen] = field(factory=dict)
    #: What waits to be brought to zero, by scope and account.
    flattenings: dict[tuple[ControlScope, AccountId], acc.FlattenRequested] = field(factory=dict)
    #: When the snapshots were asked for that accounts began with. UTC nanoseconds.
    opened: dict[AccountId, int] = field(factory=dict)
    #: Next sequence of each account or control stream.
    sequences: dict[str, int] = field(factory=dict)
    #: How many account and control events were folded here: positions may have moved without an order when it rises.
    account_events: int = 0

    def apply(self, record: Record) -> None:
        """Fold one record, exactly whatever the caller's decimal context is.

        Raises:
            InvariantViolation: the record does not follow the stream's last one.
            TransitionError: an event does not follow the order's status.
        """
        expected = self.next_sequence(record.stream)
        if record.sequence != expected:
            raise InvariantViolation(
                f"stream {record.stream}: record starts at sequence {record.sequence}, expected {expected}"
            )
        order_id, at_ns = OrderId(record.stream), record.at_ns
        with localcontext(MONEY):
            for event in cast(_AnyEvents, record.events):
                if type(event) in _ACCOUNT_EVENTS:
                    self.apply_account_event(record.stream, event, at_ns)
                else:
                    self.apply_order_event(order_id, event, at_ns)

    def next_sequence(self, stream: str) -> int:
        """The sequence that the next event of a stream gets; streams start at 1."""
        order = self.orders.get(OrderId(stream))
        return order.last_sequence + 1 if order is not None else self.sequences.get(stream, 1)

    def apply_order_event(self, order_id: OrderId, event: OrderEvent, at_ns: int) -> Order:
        """Fold one event of an order: into it, its parent and its positions; return the order.

        Needs :data:`~liveexec.domain.money.MONEY` around it, as :meth:`apply_account_event` does.
        """
        order = self.orders.get(order_id)
        if order is None:
            if not isinstance(event, (ev.OrderReceived, ev.Adopted)):
                raise InvariantViolation(f"{order_id}: {type(event).__name__} before the order is known")
            order = self.orders[order_id] = new_order(order_id, event, at_ns)
            return order
        if type(event) not in _POSITION_EVENTS:
            apply_event(order, event, at_ns)
        elif isinstance(event, ev.Reattributed):
            self._reattribute(order, event, at_ns)
        else:
            self._apply_fill_event(order, cast(_FillEvent, event), at_ns)
        return order

    def apply_account_event(self, stream: str, event: AccountEvent, at_ns: int) -> None:
        """Fold one event of an account or of the shard's control stream."""
        self.sequences[stream] = self.sequences.get(stream, 1) + 1
        self.account_events += 1
        match event:
            case acc.AccountOpened():
                self.opened[event.account_id] = event.asked_at_ns
            case acc.AssetMoved():
                self.book(event.account_id).apply_asset(event)
            case acc.PositionChanged():
                self._change_position(event, at_ns)
            case acc.StateChanged():
                self.states[event.scope] = event
            case acc.LatchSet():
                self.latches[event.scope, event.code] = event
            case acc.LatchCleared():
                self.latches.pop((event.scope, event.code), None)
            case acc.DriftSeen():
                self.drifts[event.account_id, event.subject] = event
            case acc.DriftAccepted():
                self.drifts.pop((event.account_id, event.subject), None)
            case acc.FlattenRequested():
                self.flattenings[event.scope, event.account_id] = event
            case acc.FlattenEnded():
                self.flattenings.pop((event.scope, event.account_id), None)
            case acc.ConfigApplied():
                pass

    def book(self, account_id: AccountId) -> AccountBook:
        """An account's book, made when it is first asked for."""
        found = self.books.get(account_id)
        if found is None:
            found = self.books[account_id] = AccountBook(account_id)
        return found

    def state_of(self, scope: ControlScope) -> TradingState:
        """The state that was set for exactly this scope; ACTIVE when none was."""
        found = self.states.get(scope)
        return found.state if found is not None else TradingState.ACTIVE

    def net_quantity(self, account_id: AccountId, instrument_id: InstrumentId) -> Decimal:
        """An account's net position in an instrument, over all strategies."""
        book = self.books.get(account_id)
        position = book.positions.get(instrument_id) if book is not None else None
        return position.quantity if position is not None else ZERO

    def _reattribute(self, order: Order, event: ev.Reattributed, at_ns: int) -> None:
        """The account's net does not change: what the order filled leaves one strategy for the other."""
        strategy_id = order.strategy_id
        apply_event(order, event, at_ns)
        for fill in (order.fills or {}).values():
            assert order.terms is not None
            quantity = fill.quantity * fill.side.sign
            value = money.storable(order.terms.value(quantity, fill.price))
            self._trade_for(strategy_id, order, fill, -quantity, -value, -fill.fee, at_ns)
            self._trade_for(order.strategy_id, order, fill, quantity, value, fill.fee, at_ns)

    def _apply_fill_event(self, order: Order, event: _FillEvent, at_ns: int) -> None:
        quantity, cost = order.filled_quantity, order.filled_cost
        apply_event(order, event, at_ns)
        parent = self.orders.get(order.parent_id) if order.parent_id is not None else None
        if parent is not None:
            settle_family(parent, order.filled_quantity - quantity, order.filled_cost - cost, at_ns)
        if isinstance(event, ev.FillApplied):
            self._trade(order, event.fill, at_ns, bust=False)
        elif isinstance(event, ev.FillBusted):
            self._trade(order, event.fill, at_ns, bust=True)
        else:
            self._trade(order, event.original, at_ns, bust=True)
            self._trade(order, event.fill, at_ns, bust=False)

    def _trade(self, order: Order, fill: Fill, at_ns: int, *, bust: bool) -> None:
        if order.account_id is None or order.terms is None:
            raise InvariantViolation(f"{order.order_id}: filled before it was routed")
        book = self.book(order.account_id)
        quantity, value = (book.bust_fill if bust else book.apply_fill)(fill, order.terms, at_ns)
        fee = -fill.fee if bust else fill.fee
        self._trade_for(order.strategy_id, order, fill, quantity, value, fee, at_ns)

    def _trade_for(
        self,
        strategy_id: StrategyId,
        order: Order,
        fill: Fill,
        quantity: Decimal,
        value: Decimal,
        fee: Decimal,
        at_ns: int,
    ) -> None:
        """A strategy's part of a fill: signed quantity, its value and the fee, as the account's book took them."""
        assert order.account_id is not None
        assert order.terms is not None
        key = (order.account_id, strategy_id, fill.instrument_id)
        position = self.positions.get(key)
        if position is None:
            position = self.positions[key] = Position(fill.instrument_id, order.terms)
        if position.terms is order.terms:
            position.add(quantity, value, fill.price, at_ns)
        else:
            position.trade(quantity, fill.price, at_ns)
        position.pay_fee(fill.fee_asset, fee)

    def _change_position(self, event: acc.PositionChanged, at_ns: int) -> None:
        book = self.book(event.account_id)
        position = self._position((event.account_id, StrategyId(event.strategy_id), event.instrument_id), event)
        if event.terms.kind is ContractKind.ODDS and event.kind is acc.PositionChange.SETTLEMENT:
            stake, payout = position.quantity, position.cost
            book.apply_bets_settled(event, stake, payout, at_ns)
            position.pay_out(stake, payout, event.price, at_ns)
        else:
            book.apply_position_change(event, at_ns)
            position.trade(event.quantity, event.price, at_ns)

    def _position(self, key: PositionKey, event: acc.PositionChanged) -> Position:
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = Position(event.instrument_id, event.terms)
        return found
