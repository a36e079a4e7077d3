"""What a replay keeps of what became true: fills, how positions and equity went, and a digest of the whole journal."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal, localcontext

from attrs import define, frozen

from liveexec.domain import order_event as ev
from liveexec.domain.codec import encode_events
from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, InstrumentId, OrderId, StrategyId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import MONEY, ZERO
from liveexec.domain.order import Order
from liveexec.domain.position import Position
from liveexec.domain.record import Record
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.state import EngineState
from liveexec.engine.turn import Decision
from liveexec.errors import LiveExecError
from liveexec.replay.driver import TimedIntent

__all__ = ["Arrival", "EquityNote", "FillNote", "PositionNote", "ReplayRecording", "SignalRefusal", "rate_of"]


@define(eq=False)
class FillNote:
    """A fill and the order that it filled, when the engine took it."""

    at_ns: int
    order: Order
    fill: Fill


@define(eq=False)
class PositionNote:
    """A strategy's position on an account. Profits are in ``asset``, the settlement asset; ``price`` is the mark, and
    is ``None``, with what follows from it, where none is known."""

    at_ns: int
    account_id: AccountId
    strategy_id: StrategyId
    instrument_id: InstrumentId
    quantity: Decimal
    average_price: Decimal | None
    price: Decimal | None
    realized_pnl: Decimal
    unrealized_pnl: Decimal | None
    asset: str


@define(eq=False)
class EquityNote:
    """What everything is worth, in the reporting asset.

    ``portfolio_value``: the assets of all accounts, and the unrealised profit of their derivatives. ``realized_pnl`` is
    that of positions, less fees. What has neither a rate nor a mark counts for nothing (``unvalued`` names it).
    """

    at_ns: int
    portfolio_value: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    #: By instrument: the net quantity over all accounts, and the mark.
    positions: Mapping[InstrumentId, tuple[Decimal, Decimal | None]]
    unvalued: tuple[str, ...] = ()


@frozen
class SignalRefusal:
    """A signal that could not become an order; signals are counted from 0."""

    at_ns: int
    number: int
    message: str


@define(eq=False)
class Arrival:
    """The market when an order was asked for: the mid of its instrument, or of the first listing of its product that
    had one."""

    at_ns: int
    mid: Decimal | None


class ReplayRecording:
    """Keeps a replay; see :class:`liveexec.replay.driver.Recorder`. With ``keeps_journal``, every record as well."""

    def __init__(self, *, keeps_journal: bool = False) -> None:
        self.fills: list[FillNote] = []
        self.positions: list[PositionNote] = []
        self.equity: list[EquityNote] = []
        self.refusals: list[SignalRefusal] = []
        #: Of every order that was asked for, in their order.
        self.arrivals: dict[OrderId, Arrival] = {}
        self.journal: list[Record] | None = [] if keeps_journal else None
        self.records = self.events = 0
        self._digest = hashlib.sha256()
        self._engine: ExecutionEngine | None = None

    @property
    def engine(self) -> ExecutionEngine:
        """The engine of the replay, with every order of it."""
        assert self._engine is not None, "the replay has not begun"
        return self._engine

    @property
    def orders(self) -> Mapping[OrderId, Order]:
        """Every order, by id."""
        return self.engine.state.ledger.orders

    @property
    def digest(self) -> str:
        """A hash of everything that became true: equal for equal runs, to the last event."""
        return self._digest.hexdigest()

    def begun(self, engine: ExecutionEngine, at_ns: int) -> None:  # noqa: ARG002 -- nothing is true yet
        self._engine = engine

    def decided(self, decision: Decision, at_ns: int) -> None:
        orders = self.orders
        moved: dict[tuple[AccountId, StrategyId, InstrumentId], None] = {}
        for record in decision.records:
            self.records += 1
            self.events += len(record.events)
            head = f"{record.stream} {record.sequence} {record.cause} {record.at_ns} "
            self._digest.update(head.encode() + encode_events(record.events) + b"\n")
            if self.journal is not None:
                self.journal.append(record)
            for event in record.events:
                if isinstance(event, ev.FillApplied):
                    order = orders[OrderId(record.stream)]
                    assert order.account_id is not None
                    self.fills.append(FillNote(at_ns, order, event.fill))
                    moved[order.account_id, order.strategy_id, event.fill.instrument_id] = None
                elif isinstance(event, ev.OrderReceived) and event.parent_order_id is None:
                    self.arrivals[OrderId(record.stream)] = Arrival(at_ns, self._mid(event.intent.instrument_key))
        if moved:
            with localcontext(MONEY):
                for key in moved:
                    self._note_position(*key, at_ns)
                self._note_equity(at_ns)

    def refused(self, signal: TimedIntent, number: int, error: LiveExecError, at_ns: int) -> None:  # noqa: ARG002
        self.refusals.append(SignalRefusal(at_ns, number, str(error)))

    def marked(self, at_ns: int) -> None:
        with localcontext(MONEY):
            for key, position in self.engine.state.ledger.positions.items():
                if position.quantity:
                    self._note_position(*key, at_ns)
            self._note_equity(at_ns)

    def _mid(self, key: str | None) -> Decimal | None:
        state = self.engine.state
        if key is None:
            return None
        names = (key, *(listing.instrument_id for listing in state.listings.values() if listing.product_id == key))
        for name in names:
            book = state.market.book(InstrumentId(name))
            if book is not None and (mid := book.mid) is not None:
                return mid
        return None

    def _note_position(
        self, account_id: AccountId, strategy_id: StrategyId, instrument_id: InstrumentId, at_ns: int
    ) -> None:
        state = self.engine.state
        position = state.ledger.positions[account_id, strategy_id, instrument_id]
        price = state.market.mark_price(instrument_id)
        self.positions.append(
            PositionNote(
                at_ns,
                account_id,
                strategy_id,
                instrument_id,
                position.quantity,
                position.average_price,
                price,
                position.realized_pnl,
                position.unrealized_pnl(price) if price is not None else None,
                position.terms.settlement_asset,
            )
        )

    def _note_equity(self, at_ns: int) -> None:
        self.equity.append(_equity(self.engine.state, at_ns))


def rate_of(state: EngineState, asset: str) -> Decimal | None:
    """What one unit of an asset is worth in the reporting asset: by configuration, else at the mark of the first
    listing that trades it for something that has a rate by configuration; ``None`` where neither tells."""
    rate = state.rate(asset)
    if rate is not None:
        return rate
    for listing in state.listings.values():
        terms = listing.terms
        if terms.base_asset == asset and (quote := state.rate(terms.quote_asset)) is not None:
            mark = state.market.mark_price(listing.instrument_id)
            if mark is not None:
                return mark * quote
    return None


def _equity(state: EngineState, at_ns: int) -> EquityNote:
    value = realized = unrealized = ZERO
    held: dict[InstrumentId, tuple[Decimal, Decimal | None]] = {}
    unvalued: dict[str, None] = {}
    rates: dict[str, Decimal | None] = {}

    def worth(amount: Decimal, asset: str) -> Decimal:
        if not amount:
            return ZERO
        if asset not in rates:
            rates[asset] = rate_of(state, asset)
        if (rate := rates[asset]) is None:
            unvalued[asset] = None
            return ZERO
        return amount * rate

    for book in state.ledger.books.values():
        for asset, amount in book.assets.items():
            value += worth(amount, asset)
        for position in book.positions.values():
            if position.terms.kind is not ContractKind.SPOT:
                value += worth(*_open_result(state, position, unvalued))
    for position in state.ledger.positions.values():
        asset = position.terms.settlement_asset
        realized += worth(position.realized_pnl, asset)
        realized -= sum((worth(fee, each) for each, fee in position.fees.items()), ZERO)
        unrealized += worth(*_open_result(state, position, unvalued))
        name = position.instrument_id
        held[name] = (held.get(name, (ZERO, None))[0] + position.quantity, state.market.mark_price(name))
    return EquityNote(at_ns, value, realized, unrealized, held, tuple(unvalued))


def _open_result(state: EngineState, position: Position, unvalued: dict[str, None]) -> tuple[Decimal, str]:
    """What closing a position at the mark would bring, and in which asset."""
    asset = position.terms.settlement_asset
    if not position.quantity:
        return ZERO, asset
    price = state.market.mark_price(position.instrument_id)
    if price is None:
        unvalued[position.instrument_id] = None
        return ZERO, asset
    return position.unrealized_pnl(price), asset
