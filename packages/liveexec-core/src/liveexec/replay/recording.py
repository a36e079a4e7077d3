"""What a replay keeps of what became true: the journal, fills, marks, and how signals met the market.

What files a run makes of it is :mod:`liveexec.replay.results`.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal, localcontext

from attrs import define, frozen

from liveexec.domain import order_event as ev
from liveexec.domain.codec import encode_events
from liveexec.domain.ids import InstrumentId, OrderId
from liveexec.domain.instrument import ContractTerms
from liveexec.domain.market import TradeBar
from liveexec.domain.money import MONEY
from liveexec.domain.order import Order
from liveexec.domain.record import Record
from liveexec.domain.stored import FillRow
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.state import EngineState
from liveexec.engine.turn import Decision
from liveexec.errors import LiveExecError
from liveexec.replay.parts import TimedIntent
from liveexec.replay.volume import PrintedVolume

__all__ = ["Arrival", "FillNote", "Mark", "ReplayRecording", "SignalRefusal", "rate_of"]


@frozen
class FillNote:
    """A fill with whose it is, and the terms of what was traded."""

    row: FillRow
    terms: ContractTerms


@frozen
class Mark:
    """The market's price of an instrument that is held."""

    at_ns: int
    instrument_id: InstrumentId
    price: Decimal


@frozen
class SignalRefusal:
    """A signal that could not become an order; signals are counted from 0."""

    at_ns: int
    number: int
    message: str


@define(eq=False)
class Arrival:
    """The market when an order was asked for: the best prices of its instrument, or of the first listing of its product
    that had both; ``None`` where none had."""

    at_ns: int
    bid: Decimal | None
    ask: Decimal | None

    @property
    def mid(self) -> Decimal | None:
        return (self.bid + self.ask) / 2 if self.bid is not None and self.ask is not None else None


class ReplayRecording:
    """Keeps a replay; see :class:`liveexec.replay.driver.Recorder`."""

    def __init__(self) -> None:
        self.fills: list[FillNote] = []
        self.marks: list[Mark] = []
        self.refusals: list[SignalRefusal] = []
        #: Of every order that was asked for, in their order.
        self.arrivals: dict[OrderId, Arrival] = {}
        #: What one unit of an asset was worth in the reporting asset when that was first known.
        self.rates: dict[str, Decimal] = {}
        #: Everything that became true: what a live shard has in its journal.
        self.records: list[Record] = []
        #: What the market of every listing traded.
        self.volume = PrintedVolume()
        self.began_ns = self.ended_ns = 0
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

    def begun(self, engine: ExecutionEngine, at_ns: int) -> None:
        self._engine, self.began_ns = engine, at_ns

    def decided(self, decision: Decision, at_ns: int) -> None:
        for record in decision.records:
            self._write(record)
            for event in record.events:
                if isinstance(event, ev.FillApplied):
                    self._note_fill(self.orders[OrderId(record.stream)], event, at_ns)
                elif isinstance(event, ev.OrderReceived) and event.parent_order_id is None:
                    self.arrivals[OrderId(record.stream)] = self._arrival(event.intent.instrument_key, at_ns)

    def refused(self, signal: TimedIntent, number: int, error: LiveExecError, at_ns: int) -> None:  # noqa: ARG002
        self.refusals.append(SignalRefusal(at_ns, number, str(error)))

    def printed(self, bar: TradeBar) -> None:
        self.volume.add(bar)

    def marked(self, at_ns: int) -> None:
        self.ended_ns = at_ns
        state = self.engine.state
        with localcontext(MONEY):
            for book in state.ledger.books.values():
                for asset in book.assets:
                    if asset not in self.rates and (rate := rate_of(state, asset)) is not None:
                        self.rates[asset] = rate
            held = {name for (_, _, name), position in state.ledger.positions.items() if position.quantity}
            for name in sorted(held):
                if (price := state.market.mark_price(name)) is not None:
                    self.marks.append(Mark(at_ns, name, price))

    def _write(self, record: Record) -> None:
        events = encode_events(record.events)
        line = b'{"at_ns":%d,"stream":"%s","sequence":%d,"cause":"%s","events":%s}\n' % (
            record.at_ns,
            record.stream.encode(),
            record.sequence,
            record.cause.encode(),
            events,
        )
        self._digest.update(line)
        self.records.append(record)

    def _note_fill(self, order: Order, event: ev.FillApplied, at_ns: int) -> None:
        assert order.account_id is not None
        assert order.terms is not None
        row = FillRow(order.account_id, order.strategy_id, order.order_id, event.fill, busted=False, at_ns=at_ns)
        self.fills.append(FillNote(row, order.terms))

    def _arrival(self, key: str | None, at_ns: int) -> Arrival:
        state = self.engine.state
        listed = (listing.instrument_id for listing in state.listings.values() if listing.product_id == key)
        for name in (InstrumentId(key), *listed) if key is not None else ():
            book = state.market.book(name)
            if book is not None and book.bids and book.asks:
                return Arrival(at_ns, book.best_bid, book.best_ask)
        return Arrival(at_ns, None, None)


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
