"""The durable view: the fold of what is in the journal, and what of it the tables don't show yet.

Readers and listeners see this view, one step behind the engine: nothing that could still be lost. The projector takes
from it the latest state of whatever changed, so an order that was filled between two rounds costs one row.
"""

from decimal import Decimal
from typing import Any, Final, get_args

from attrs import define, field

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import AccountEvent, ControlScope
from liveexec.domain.audit import audit_rows
from liveexec.domain.fill import FillKey
from liveexec.domain.ids import EXTERNAL, AccountId, InstrumentId, OrderId, StrategyId
from liveexec.domain.ledger import Ledger, PositionKey
from liveexec.domain.order import Order
from liveexec.domain.position import AccountBook
from liveexec.domain.record import Record
from liveexec.domain.stored import (
    AuditRow,
    FillRow,
    OperationRow,
    ProjectionBatch,
    RefRow,
)
from liveexec.errors import InvariantViolation

__all__ = ["DurableView"]

_ACCOUNT_EVENTS: Final = frozenset(get_args(AccountEvent))
_FILL_EVENTS: Final = frozenset({ev.FillApplied, ev.FillBusted, ev.FillCorrected})


@define(eq=False)
class _Changes:
    """What changed since the last projection, each thing once."""

    orders: dict[OrderId, Order] = field(factory=dict)
    routes: dict[OrderId, ev.Routed] = field(factory=dict)
    refs: dict[tuple[AccountId, str, str], RefRow] = field(factory=dict)
    operations: list[OperationRow] = field(factory=list)
    fills: dict[tuple[AccountId, FillKey], FillRow] = field(factory=dict)
    positions: dict[PositionKey, None] = field(factory=dict)
    nets: dict[AccountId, dict[InstrumentId, None]] = field(factory=dict)
    assets: dict[AccountId, None] = field(factory=dict)
    asset_moves: list[acc.AssetMoved] = field(factory=list)
    states: dict[ControlScope, acc.StateChanged] = field(factory=dict)
    latches: dict[tuple[ControlScope, str], acc.LatchSet] = field(factory=dict)
    cleared: dict[tuple[ControlScope, str], None] = field(factory=dict)
    drifts: dict[tuple[AccountId, str], acc.DriftSeen] = field(factory=dict)
    accepted_drifts: dict[tuple[AccountId, str], None] = field(factory=dict)
    flattenings: dict[tuple[ControlScope, AccountId], acc.FlattenRequested] = field(factory=dict)
    ended_flattenings: dict[tuple[ControlScope, AccountId], None] = field(factory=dict)
    audit: list[AuditRow] = field(factory=list)
    sequences: dict[str, int] = field(factory=dict)
    records: int = 0


@define(eq=False)
class DurableView:
    """The durable ledger of one shard. ``position`` is the last record folded, ``projected`` the last one written."""

    shard: str
    ledger: Ledger
    position: int
    projected: int
    _changes: _Changes = field(factory=_Changes)

    @property
    def pending(self) -> int:
        """How many records the tables don't show yet."""
        return self._changes.records

    def apply(self, position: int, record: Record) -> None:
        """Fold a record that is durable now."""
        self.ledger.apply(record)
        self.position = position
        self._changes.records += 1
        self._changes.audit += audit_rows(position, record)
        # A record is of one stream: its events are all an order's, or all an account's.
        if type(record.events[0]) in _ACCOUNT_EVENTS:
            for event in record.events:
                self._note_account(record, event)
        else:
            order = self.ledger.orders[OrderId(record.stream)]
            self._changes.orders[order.order_id] = order
            for event in record.events:
                self._note_order(order, event, record.at_ns)

    def take(self, epoch: int, at_ns: int, marks: dict[InstrumentId, Decimal]) -> ProjectionBatch:
        """Everything that changed since the last batch, which has to be written before another is taken.

        Orders, positions and books are the view's own objects, which go on changing: a store encodes them before it
        waits for anything.
        """
        changes, self._changes = self._changes, _Changes()
        return ProjectionBatch(
            shard=self.shard,
            epoch=epoch,
            after=self.projected,
            through=self.position,
            orders=list(changes.orders.values()),
            routes=changes.routes,
            refs=list(changes.refs.values()),
            operations=changes.operations,
            fills=list(changes.fills.values()),
            positions={key: self.ledger.positions[key] for key in changes.positions},
            books=self._books(changes),
            asset_moves=changes.asset_moves,
            states=list(changes.states.values()),
            latches=list(changes.latches.values()),
            cleared_latches=list(changes.cleared),
            audit=changes.audit,
            at_ns=at_ns,
            sequences=changes.sequences,
            drifts=list(changes.drifts.values()),
            accepted_drifts=list(changes.accepted_drifts),
            flattenings=list(changes.flattenings.values()),
            ended_flattenings=list(changes.ended_flattenings),
            marks=marks,
        )

    def drop(self, order_id: OrderId) -> None:
        """Let a finished order leave memory; what of it is still to be projected is kept apart."""
        self.ledger.orders.pop(order_id, None)

    def _books(self, changes: _Changes) -> list[AccountBook]:
        books = []
        for account_id in {**dict.fromkeys(changes.nets), **changes.assets}:
            book = self.ledger.books[account_id]
            nets = {name: book.positions[name] for name in changes.nets.get(account_id, ())}
            books.append(AccountBook(account_id, nets, dict(book.assets)))
        return books

    def _note_order(self, order: Order, event: Any, at_ns: int) -> None:
        kind = type(event)
        if kind in _FILL_EVENTS:
            self._note_fill(order, event, at_ns)
        elif kind is ev.OrderReceived:
            if order.parent_id is None:
                self._operation("submit", order, event, at_ns)
        elif kind is ev.Routed:
            self._changes.routes[order.order_id] = event
        elif kind is ev.SubmitRequested:
            self._refs(order, event.attempt, {"client": event.plan.client_order_id, **(event.plan.refs or {})})
        elif kind is ev.Accepted:
            venue = {"venue": event.venue_order_id} if event.venue_order_id is not None else {}
            self._refs(order, order.attempt, {**venue, **(event.refs or {})})
        elif kind is ev.CancelRequested:
            self._operation("cancel", order, event, at_ns)
        elif kind is ev.ReplaceRequested:
            self._operation("replace", order, event, at_ns)
            self._refs(order, event.attempt, {"client": event.plan.client_order_id, **(event.plan.refs or {})})
        elif kind is ev.Replaced:
            if event.venue_order_id is not None:
                self._refs(order, order.attempt, {"venue": event.venue_order_id})
        elif kind is ev.Adopted:
            names = {"client": order.client_order_id, "venue": order.venue_order_id, **(event.report.refs or {})}
            self._refs(order, 1, {name: value for name, value in names.items() if value is not None})
        elif kind is ev.Reattributed:
            self._note_reattribution(order, at_ns)

    def _operation(
        self, kind: str, order: Order, event: ev.OrderReceived | ev.CancelRequested | ev.ReplaceRequested, at_ns: int
    ) -> None:
        row = OperationRow(event.principal, event.operation_id, kind, event.content_hash, order.order_id, at_ns)
        self._changes.operations.append(row)

    def _refs(self, order: Order, attempt: int, names: dict[str, str]) -> None:
        assert order.account_id is not None
        for kind, reference in names.items():
            key = (order.account_id, kind, reference)
            row = RefRow(key, order.order_id, attempt)
            # The tables refuse what is there for another order; within one batch nobody else would see it.
            if self._changes.refs.setdefault(key, row).order_id != order.order_id:
                raise InvariantViolation(f"{order.account_id}: {kind} id {reference} names two orders")
            self._changes.refs[key] = row

    def _note_fill(self, order: Order, event: Any, at_ns: int) -> None:
        if isinstance(event, ev.FillApplied):
            rows = [(event.fill, False)]
        elif isinstance(event, ev.FillBusted):
            rows = [(event.fill, True)]
        else:
            rows = [(event.original, True), (event.fill, False)]
        assert order.account_id is not None
        for fill, busted in rows:
            key = (order.account_id, fill.key)
            row = FillRow(order.account_id, order.strategy_id, order.order_id, fill, busted, at_ns)
            if self._changes.fills.setdefault(key, row).order_id != order.order_id:
                raise InvariantViolation(f"{order.account_id}: fill {fill.key} counts for two orders")
            self._changes.fills[key] = row
            self._note_position(order, order.strategy_id, fill.instrument_id)
        if order.parent_id is not None and (parent := self.ledger.orders.get(order.parent_id)) is not None:
            self._changes.orders[parent.order_id] = parent

    def _note_reattribution(self, order: Order, at_ns: int) -> None:
        """What an order filled belongs to another strategy: EXTERNAL is the only one that orders leave."""
        if not order.fills:
            return
        assert order.account_id is not None
        for key, fill in order.fills.items():
            noted = self._changes.fills.get((order.account_id, key))
            noted_ns = noted.at_ns if noted is not None else at_ns
            row = FillRow(order.account_id, order.strategy_id, order.order_id, fill, False, noted_ns)
            self._changes.fills[order.account_id, key] = row
            for strategy_id in (EXTERNAL, order.strategy_id):
                self._note_position(order, strategy_id, fill.instrument_id)

    def _note_position(self, order: Order, strategy_id: StrategyId, instrument_id: InstrumentId) -> None:
        """What a fill moved: the positions of the instrument that it names, as the ledger has them."""
        assert order.account_id is not None
        changes = self._changes
        changes.positions[order.account_id, strategy_id, instrument_id] = None
        changes.nets.setdefault(order.account_id, {})[instrument_id] = None
        changes.assets[order.account_id] = None

    def _note_account(self, record: Record, event: Any) -> None:
        changes = self._changes
        changes.sequences[record.stream] = self.ledger.sequences[record.stream]
        match event:
            case acc.AssetMoved():
                changes.asset_moves.append(event)
                changes.assets[event.account_id] = None
            case acc.PositionChanged():
                changes.positions[event.account_id, StrategyId(event.strategy_id), event.instrument_id] = None
                changes.nets.setdefault(event.account_id, {})[event.instrument_id] = None
                changes.assets[event.account_id] = None
            case acc.StateChanged():
                changes.states[event.scope] = event
            case acc.LatchSet():
                changes.latches[event.scope, event.code] = event
                changes.cleared.pop((event.scope, event.code), None)
            case acc.LatchCleared():
                changes.cleared[event.scope, event.code] = None
                changes.latches.pop((event.scope, event.code), None)
            case acc.DriftSeen():
                changes.drifts[event.account_id, event.subject] = event
                changes.accepted_drifts.pop((event.account_id, event.subject), None)
            case acc.DriftAccepted():
                changes.accepted_drifts[event.account_id, event.subject] = None
                changes.drifts.pop((event.account_id, event.subject), None)
            case acc.FlattenRequested():
                changes.flattenings[event.scope, event.account_id] = event
                changes.ended_flattenings.pop((event.scope, event.account_id), None)
            case acc.FlattenEnded():
                changes.ended_flattenings[event.scope, event.account_id] = None
                changes.flattenings.pop((event.scope, event.account_id), None)
