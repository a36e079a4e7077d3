"""What happens at a simulated venue by itself: the market moves, somebody trades with us, time ends orders; and what
should not happen: trades that are taken back, fills beyond an order's size, others in our account, sessions that break.
"""

from collections.abc import Callable, Sequence
from contextvars import Context
from fractions import Fraction
from random import Random
from typing import Final

from liveexec.domain.ids import InstrumentId, OrderId
from liveexec.domain.market import Book
from liveexec.domain.operation import Side
from liveexec.domain.outcome import AssetKind, AssetReport, FillReport, OrderRef, VenueOrderStatus
from liveexec_testkit.simulator.account_history import AccountHistory
from liveexec_testkit.simulator.faults import Fault, Faults
from liveexec_testkit.simulator.loop import SimLoop
from liveexec_testkit.simulator.market import LOT, TICK
from liveexec_testkit.simulator.trace import Trace
from liveexec_testkit.simulator.venue_kind import VenueKind
from liveexec_testkit.simulator.venue_sessions import VenueSessions
from liveexec_testkit.simulator.venue_truth import TrueOrder, VenueTruth

__all__ = ["VenueActivity"]

_MS: Final = 1_000_000
#: How often one of the working orders is traded with, in each tick.
_TRADED: Final = 0.45
_TRADED_THINLY: Final = 0.08
#: How often the venue is at its worst when it would matter most, in a run in which it overfills at all.
_PROVOKED: Final = 0.3
#: How often a trade is taken back, or corrected, while its report may be on its way, in a run in which any is.
_UNDONE_AT_ONCE: Final = 0.05
#: How often what is taken back was traded last.
_TAKEN_BACK_AT_ONCE: Final = 0.5
#: How long before the start the account was traded in by others.
_PAST_NS: Final = 10_000 * _MS


class VenueActivity:
    """One venue's life, in ticks of its own. ``book_of`` gives an instrument's visible book."""

    def __init__(
        self,
        kind: VenueKind,
        loop: SimLoop,
        faults: Faults,
        trace: Trace,
        random: Random,
        truth: VenueTruth,
        history: AccountHistory,
        sessions: VenueSessions,
        book_of: Callable[[InstrumentId], Book],
    ) -> None:
        self._kind, self._loop, self._faults, self._trace, self._random = kind, loop, faults, trace, random
        self._truth, self._history, self._sessions, self._book_of = truth, history, sessions, book_of
        self._context = Context()
        self._past_orders = 0
        self.is_quiet = False
        #: Whether our account has been opened here: what it held before belongs to its opening.
        self.is_opened = False

    def begin(self) -> None:
        """Let the venue's past have happened, and its life begin."""
        if self._kind.has_past:
            self._trade_before_we_came()
        self._past_orders = len(self._truth.orders)
        self._tick_later()

    def trade_foreign(self) -> TrueOrder:
        """Somebody else trades in our account, at once and for good."""
        truth, instrument_id = self._truth, self._some_instrument()
        side = Side.BUY if self._random.random() < 0.5 else Side.SELL
        order = truth.take_foreign(instrument_id, side, 2 * LOT, truth.prices[instrument_id] + 2 * TICK * side.sign)
        truth.trade(order, order.quantity, truth.prices[instrument_id] + TICK * side.sign)
        return order

    def provoke(self, siblings: Sequence[OrderId]) -> None:
        """Another child of these ones' parent is about to leave for somewhere: fill one of them far beyond its size."""
        if not self._faults.has(Fault.OVERFILL) or self._random.random() >= _PROVOKED:
            return
        working = [each for each in self._truth.working() if each.order_id in siblings and each.price is not None]
        if working and self._faults.fires(Fault.OVERFILL, surely=True):
            order = working[self._random.randrange(len(working))]
            assert order.price is not None
            self._truth.trade(order, order.leaves + LOT * self._random.randrange(1, 30), order.price)

    def undo_soon(self, report: FillReport) -> None:
        """A trade may be taken back, or corrected, while its report is on its way; if it ended its order."""
        if not self.is_opened:
            return
        for fault, act in ((Fault.BUST, self._bust), (Fault.CORRECTION, self._correct)):
            if self._faults.has(fault) and self._random.random() < _UNDONE_AT_ONCE:
                ref = OrderRef(self._truth.account_id, report.fill.instrument_id, None, report.venue_order_id)
                self._loop.call_after_ns(
                    self._random.randrange(1 * _MS, 60 * _MS), self._undo, fault, act, ref, context=self._context
                )

    def _trade_before_we_came(self) -> None:
        """What an account holds at its first connection: a position, and an order that is partly filled."""
        truth, now_ns = self._truth, self._truth.now_ns
        truth.now_ns = lambda: now_ns() - _PAST_NS
        self.trade_foreign()
        instrument_id = self._some_instrument()
        resting = truth.take_foreign(instrument_id, Side.BUY, 4 * LOT, truth.prices[instrument_id] - 6 * TICK)
        truth.trade(resting, LOT, truth.prices[instrument_id] - 6 * TICK)
        # Told again when somebody connects, and in the opening balance already.
        self._pay()
        truth.now_ns = now_ns

    def _tick_later(self) -> None:
        self._loop.call_after_ns(self._random.randrange(5 * _MS, 80 * _MS), self._tick, context=self._context)

    def _tick(self) -> None:
        """What happens by itself: the market moves, somebody trades with us, time ends orders, sessions break."""
        if self.is_quiet:
            return
        random, truth = self._random, self._truth
        if random.random() < 0.25:
            self._move()
        working = truth.working()
        now_ns = truth.now_ns()
        for order in working:
            if order.expire_at_ns is not None and order.expire_at_ns <= now_ns:
                truth.end(order, VenueOrderStatus.EXPIRED)
        if working and random.random() < (_TRADED_THINLY if self._kind.is_thin else _TRADED):
            self._trade_with(working[random.randrange(len(working))])
        if self.is_opened and random.random() < 0.01:
            self._pay()
        self._misbehave()
        self._tick_later()

    def _move(self) -> None:
        instrument_id = self._some_instrument()
        self._truth.prices[instrument_id] += TICK * self._random.randrange(-4, 5)
        self._sessions.quote(self._book_of(instrument_id))

    def _trade_with(self, order: TrueOrder) -> None:
        if order.status is not VenueOrderStatus.WORKING or order.price is None:
            return
        lots = int(order.leaves / LOT)
        if self._faults.fires(Fault.OVERFILL) and order.order_id is not None:
            self._truth.trade(order, order.leaves + LOT, order.price)
        elif lots:
            taken = lots if self._random.random() < 0.4 else self._random.randrange(1, lots + 1)
            self._truth.trade(order, taken * LOT, order.price)

    def _misbehave(self) -> None:
        faults, truth = self._faults, self._truth
        for fault, act in ((Fault.BUST, self._bust), (Fault.CORRECTION, self._correct)):
            ended = self._ended_with_fills() if faults.has(fault) else ()
            if ended and faults.fires(fault):
                # What was traded last may still be on its way to whoever listens.
                is_last = self._random.random() < _TAKEN_BACK_AT_ONCE
                newest = max(ended, key=lambda order: order.changed_at_ns)
                act(newest if is_last else ended[self._random.randrange(len(ended))])
        if self.is_opened and faults.fires(Fault.FOREIGN_ORDER):
            instrument_id = self._some_instrument()
            side = Side.BUY if self._random.random() < 0.5 else Side.SELL
            truth.take_foreign(instrument_id, side, 3 * LOT, truth.prices[instrument_id] - 8 * TICK * side.sign)
        if self.is_opened and faults.fires(Fault.FOREIGN_TRADE):
            self.trade_foreign()
        if self.is_opened and not truth.moved and faults.fires(Fault.DRIFT):
            instrument_id = self._some_instrument()
            self._trace.add(self._kind.name, f"moves the position in {instrument_id}, and says nothing")
            truth.move(instrument_id, LOT * self._random.choice((-3, 3)))
        if self.is_opened and not truth.slipped and faults.fires(Fault.BALANCE_SLIPS):
            self._trace.add(self._kind.name, "moves a balance, and says nothing")
            truth.slip(self._random.choice(("ETH", "FEE", "USDT")), LOT * self._random.choice((-7, 7)))
            self._history.remember()
        if faults.fires(Fault.SESSION_LOST):
            self._trace.add(self._kind.name, "drops every session")
            self._sessions.drop()
        elif faults.fires(Fault.GAP):
            self._sessions.interrupt("a sequence number was left out")

    def _pay(self) -> None:
        """Funding is paid; some of it is told of again later."""
        truth, reference = self._truth, f"F{len(self._sessions.payments) + 1}"
        amount = LOT * self._random.randrange(-9, 10) or LOT
        payment = AssetReport(truth.account_id, "USDT", amount, AssetKind.FUNDING, reference, truth.tick())
        self._sessions.payments.append(payment)
        truth.cash.move(payment.asset, Fraction(payment.amount))
        self._history.remember()
        self._sessions.tell_payment(payment)

    def _some_instrument(self) -> InstrumentId:
        instruments = list(self._truth.prices)
        return instruments[self._random.randrange(len(instruments))]

    def _ended_with_fills(self) -> Sequence[TrueOrder]:
        # What is changed of the time before an account began shows as a drift, as it should.
        return [
            order
            for order in self._truth.orders[self._past_orders :]
            if order.fills and order.status is not VenueOrderStatus.WORKING
        ]

    def _undo(self, fault: Fault, act: Callable[[TrueOrder], None], ref: OrderRef) -> None:
        order = self._truth.find(ref)
        assert order is not None
        if not self.is_quiet and order in self._ended_with_fills() and self._faults.fires(fault, surely=True):
            act(order)

    def _bust(self, order: TrueOrder) -> None:
        fills = list(order.fills.values())
        self._truth.bust(order, fills[self._random.randrange(len(fills))])

    def _correct(self, order: TrueOrder) -> None:
        fills = list(order.fills.values())
        fill = fills[self._random.randrange(len(fills))]
        self._truth.correct(order, fill, fill.price + TICK)
