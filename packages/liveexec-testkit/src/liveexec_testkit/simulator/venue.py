"""A simulated venue: its truth, the sessions that hear of it, and what happens there by itself."""

from collections.abc import Callable, Iterator, Sequence
from contextvars import Context
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Final

from attrs import evolve, frozen

from liveexec.domain.ids import InstrumentId, OrderId
from liveexec.domain.market import Book
from liveexec.domain.operation import Side
from liveexec.domain.outcome import (
    AssetKind,
    AssetReport,
    FillAction,
    FillReport,
    OrderRef,
    OrderReport,
    VenueOrderStatus,
)
from liveexec_testkit.simulator.determinism import WALL_NS
from liveexec_testkit.simulator.faults import Fault, Faults
from liveexec_testkit.simulator.loop import SimLoop
from liveexec_testkit.simulator.market import LOT, PRODUCTS, TICK, account_at, instrument_at, listings_at
from liveexec_testkit.simulator.stream import Stream
from liveexec_testkit.simulator.trace import Trace
from liveexec_testkit.simulator.venue_kind import SKEW_NS, VISIBILITY_LAG_NS, VenueKind
from liveexec_testkit.simulator.venue_truth import TrueOrder, VenueTruth

__all__ = ["AccountMoment", "SimVenue"]

_MS: Final = 1_000_000
#: How old a stale answer may become by being served again.
_CACHED_NS: Final = 2_000 * _MS
#: How often one of the working orders is traded with, in each tick.
_TRADED: Final = 0.45
_TRADED_THINLY: Final = 0.08
#: How often the venue is at its worst when it would matter most, in a run in which it overfills at all.
_PROVOKED: Final = 0.3
#: How often a question meets a gap, in a run that has gaps at all.
_DISTURBED: Final = 0.04
#: How often a trade is taken back, or corrected, while its report may be on its way, in a run in which any is.
_UNDONE_AT_ONCE: Final = 0.05
#: How often what is taken back was traded last.
_TAKEN_BACK_AT_ONCE: Final = 0.5
#: How far the visible book's levels are from its price, and what each of them shows.
_STEPS: Final = (TICK, TICK * 2, TICK * 3)
_SIZE: Final = Decimal(50)
#: How long before the start the account was traded in by others.
_PAST_NS: Final = 10_000 * _MS


@frozen
class AccountMoment:
    """An account at one time of its venue: open orders, nets, what those cost on average, and balances."""

    at_ns: int
    orders: tuple[OrderReport, ...]
    nets: dict[InstrumentId, Decimal]
    averages: dict[InstrumentId, Decimal]
    balances: dict[str, Decimal]


class SimVenue:
    """A venue that outlives every process that trades there. ``changed`` is called with each order that changed."""

    def __init__(
        self,
        kind: VenueKind,
        loop: SimLoop,
        faults: Faults,
        trace: Trace,
        seed: int,
        changed: Callable[[TrueOrder], None],
    ) -> None:
        self.kind = kind
        self.loop, self.faults, self.trace = loop, faults, trace
        self.account_id = account_at(kind.name)
        self.random = Random(f"{seed} {kind.name}")
        self.skew_ns = self.random.randrange(-SKEW_NS, SKEW_NS + 1) if faults.fires(Fault.CLOCK_SKEW) else 0
        self.is_quiet = False
        #: Whether our account has been opened here: what it held before belongs to its opening.
        self.is_opened = False
        self.banned_until_ns = 0
        #: Until when it answers no question.
        self.mute_until_ns = 0
        #: From when on, and until when, what it takes is shown to nobody, on its own clock.
        self._hides_from_ns = self._hides_until_ns = 0
        #: Payments that the venue told of, which it repeats when somebody connects.
        self.payments: list[AssetReport] = []
        #: Whether the word that an order ended reached whoever listened.
        self.ends_heard: dict[str, bool] = {}
        #: Whether the word that an order works reached whoever listened.
        self.works_heard: dict[str, bool] = {}
        #: Called when every session was dropped.
        self.on_lost: Callable[[], None] = lambda: None
        #: Executions of our orders that whoever listened was told of, under our names, and that may be news.
        self.executions_heard: dict[FillReport, OrderId] = {}
        #: How many of them were ever told; of how many the session ended before anybody took them in.
        self.executions_told = self.executions_untaken = 0
        #: Requests on their way that it will take too late.
        self.belated = 0
        #: Whether what it takes now it takes too late.
        self.takes_late = False
        #: Whether nobody hears what happens.
        self.is_muted = False
        #: Requests on their way here, as (order id, what they would do): they may still take effect.
        self.travelling: dict[int, tuple[str, str]] = {}
        self._changed = changed
        self._streams: dict[int, Stream] = {}
        #: What the account was at earlier times, for stale answers.
        self.history: list[AccountMoment] = []
        self._cached: AccountMoment | None = None
        #: Whether that is all that is served while it is not too old.
        self._is_kept = False
        prices = {instrument_at(kind.name, product): Decimal(price) for product, (_, price) in PRODUCTS.items()}
        self.truth = VenueTruth(
            self.account_id,
            listings_at(kind.name),
            prices,
            self.now_ns,
            self.random,
            self._say,
            self._note,
            kind.renames,
            kind.fee_asset,
            kind.drops_refused,
        )
        if kind.has_past:
            self._trade_before_we_came()
        self._past_orders = len(self.truth.orders)
        self._context = Context()
        self._tick_later()

    def now_ns(self) -> int:
        """The venue's own time, UTC nanoseconds."""
        return WALL_NS + self.loop.now_ns + self.skew_ns

    def open_stream(self, process: int) -> Stream:
        """A process connects; what it had before is gone."""
        self.close_stream(process, "connected anew")
        stream = Stream(self.kind.name, self.account_id, self.loop, self.faults, self.trace)
        self._streams[process] = stream
        for book in self.books():
            stream.quote(book)
        for payment in self.payments[-3:]:
            stream.say(payment)
        return stream

    def close_stream(self, process: int, reason: str) -> None:
        """A session ends."""
        if (stream := self._streams.pop(process, None)) is not None:
            for report in stream.lose(reason):
                # What was on its way to it may be told by the next comparison but one, where the venue shows it late.
                if isinstance(report, FillReport) and self.executions_heard.pop(report, None) is not None:
                    self.executions_untaken += 1
                elif isinstance(report, OrderReport) and report.venue_order_id is not None:
                    by_name = self.works_heard if report.status.is_open else self.ends_heard
                    by_name[report.venue_order_id] = False

    def interrupt(self, reason: str) -> None:
        """Every session is told that it missed something."""
        for stream in self._streams.values():
            stream.gap(reason)

    def fall_behind(self, for_ns: int) -> None:
        """What shows its orders lags behind what takes them: no word of an order that comes now, nor an answer about
        it, for a while."""
        now_ns = self.now_ns()
        if now_ns >= self._hides_until_ns:
            self._hides_from_ns = now_ns
        self._hides_until_ns = max(self._hides_until_ns, now_ns + for_ns)
        for stream in self._streams.values():
            stream.hold_back(for_ns)

    def hides(self, order: TrueOrder) -> bool:
        """Whether an order is too young to be shown; no longer than the manifest says, whatever came after it."""
        now_ns = self.now_ns()
        is_young = now_ns - order.taken_at_ns < VISIBILITY_LAG_NS
        return is_young and self._hides_from_ns <= order.taken_at_ns and now_ns < self._hides_until_ns

    def disturb(self) -> None:
        """Somebody asks: a bad time to leave something out of what it tells."""
        if (
            self.faults.has(Fault.GAP)
            and self.random.random() < _DISTURBED
            and self.faults.fires(Fault.GAP, surely=True)
        ):
            self.interrupt("a sequence number was left out while it was asked")

    def books(self) -> Iterator[Book]:
        """The visible books as they are."""
        return map(self._book, self.truth.prices)

    def _book(self, instrument_id: InstrumentId) -> Book:
        price = self.truth.prices[instrument_id]
        bids = tuple([(price - step, _SIZE) for step in _STEPS])
        asks = tuple([(price + step, _SIZE) for step in _STEPS])
        return Book(instrument_id, bids, asks, WALL_NS + self.loop.now_ns, self.now_ns())

    def stale(self, age_ns: int) -> "AccountMoment | None":
        """What was true so long ago, if that is known."""
        cached = self._cached
        if cached is not None and self._is_kept and self.now_ns() - cached.at_ns < _CACHED_NS:
            # What was stale before is served again.
            return cached
        before = [moment for moment in self.history if moment.at_ns <= self.now_ns() - age_ns]
        self._cached = before[-1] if before else None
        self._is_kept = self.random.random() < 0.5
        return self._cached

    def moment(self) -> "AccountMoment":
        """What the account is now."""
        truth = self.truth
        working = tuple(truth.report(each) for each in truth.working())
        return AccountMoment(truth.tick(), working, truth.nets(), truth.cash.averages(), truth.cash.told())

    def _say(self, report: OrderReport | FillReport) -> None:
        if self.kind.is_anonymous and report.client_order_id is not None:
            report = evolve(report, client_order_id=None)
        self.trace.add(self.kind.name, _shown(report))
        heard = [stream.say(report) for stream in self._streams.values()] if not self.is_muted else []
        if isinstance(report, FillReport) and report.action is FillAction.TRADE and self.is_opened:
            self._undo_soon(report)
        if isinstance(report, FillReport) and report.client_order_id is not None and heard and all(heard):
            found = self.truth.find(
                OrderRef(self.account_id, report.fill.instrument_id, report.client_order_id, report.venue_order_id)
            )
            if found is not None and found.order_id is not None and not found.came_late:
                self.executions_heard[report] = found.order_id
                self.executions_told += 1
        if isinstance(report, OrderReport) and report.venue_order_id is not None:
            by_name = self.works_heard if report.status.is_open else self.ends_heard
            by_name[report.venue_order_id] = bool(heard) and all(heard)

    def _note(self, order: TrueOrder) -> None:
        if order.status is not VenueOrderStatus.WORKING:
            # Until its end is told, and lost; an end that is not told at all follows from a refusal that is.
            self.ends_heard.setdefault(order.venue_order_id, self.kind.drops_refused)
        order.came_late = order.came_late or self.takes_late
        self._remember()
        self._changed(order)

    def _remember(self) -> None:
        if self.faults.has(Fault.STALE_SNAPSHOT):
            self.history.append(self.moment())

    def _tick_later(self) -> None:
        self.loop.call_after_ns(self.random.randrange(5 * _MS, 80 * _MS), self._tick, context=self._context)

    def _tick(self) -> None:
        """What happens by itself: the market moves, somebody trades with us, time ends orders, sessions break."""
        if self.is_quiet:
            return
        random, truth = self.random, self.truth
        if random.random() < 0.25:
            self._move()
        working = truth.working()
        now_ns = self.now_ns()
        for order in working:
            if order.expire_at_ns is not None and order.expire_at_ns <= now_ns:
                truth.end(order, VenueOrderStatus.EXPIRED)
        if working and random.random() < (_TRADED_THINLY if self.kind.is_thin else _TRADED):
            self._trade_with(working[random.randrange(len(working))])
        if self.is_opened and random.random() < 0.01:
            self._pay()
        self._misbehave()
        self._tick_later()

    def _move(self) -> None:
        instrument_id = self._some_instrument()
        self.truth.prices[instrument_id] += TICK * self.random.randrange(-4, 5)
        book = self._book(instrument_id)
        for stream in self._streams.values():
            stream.quote(book)

    def _trade_with(self, order: TrueOrder) -> None:
        if order.status is not VenueOrderStatus.WORKING or order.price is None:
            return
        lots = int(order.leaves / LOT)
        if self.faults.fires(Fault.OVERFILL) and order.order_id is not None:
            self.truth.trade(order, order.leaves + LOT, order.price)
        elif lots:
            taken = lots if self.random.random() < 0.4 else self.random.randrange(1, lots + 1)
            self.truth.trade(order, taken * LOT, order.price)

    def provoke(self, siblings: Sequence[OrderId]) -> None:
        """Another child of these ones' parent is about to leave for somewhere: fill one of them far beyond its size."""
        if not self.faults.has(Fault.OVERFILL) or self.random.random() >= _PROVOKED:
            return
        working = [each for each in self.truth.working() if each.order_id in siblings and each.price is not None]
        if working and self.faults.fires(Fault.OVERFILL, surely=True):
            order = working[self.random.randrange(len(working))]
            assert order.price is not None
            self.truth.trade(order, order.leaves + LOT * self.random.randrange(1, 30), order.price)

    def _misbehave(self) -> None:
        faults, truth = self.faults, self.truth
        for fault, act in ((Fault.BUST, self._bust), (Fault.CORRECTION, self._correct)):
            ended = self._ended_with_fills() if faults.has(fault) else ()
            if ended and faults.fires(fault):
                # What was traded last may still be on its way to whoever listens.
                is_last = self.random.random() < _TAKEN_BACK_AT_ONCE
                newest = max(ended, key=lambda order: order.changed_at_ns)
                act(newest if is_last else ended[self.random.randrange(len(ended))])
        if self.is_opened and faults.fires(Fault.FOREIGN_ORDER):
            instrument_id = self._some_instrument()
            side = Side.BUY if self.random.random() < 0.5 else Side.SELL
            truth.take_foreign(instrument_id, side, 3 * LOT, truth.prices[instrument_id] - 8 * TICK * side.sign)
        if self.is_opened and faults.fires(Fault.FOREIGN_TRADE):
            self.trade_foreign()
        if self.is_opened and not truth.moved and faults.fires(Fault.DRIFT):
            instrument_id = self._some_instrument()
            self.trace.add(self.kind.name, f"moves the position in {instrument_id}, and says nothing")
            truth.move(instrument_id, LOT * self.random.choice((-3, 3)))
        if self.is_opened and not truth.slipped and faults.fires(Fault.BALANCE_SLIPS):
            self.trace.add(self.kind.name, "moves a balance, and says nothing")
            truth.slip(self.random.choice(("ETH", "FEE", "USDT")), LOT * self.random.choice((-7, 7)))
            self._remember()
        if faults.fires(Fault.SESSION_LOST):
            self.trace.add(self.kind.name, "drops every session")
            for process in list(self._streams):
                self.close_stream(process, "the connection was reset")
            self.on_lost()
        elif faults.fires(Fault.GAP):
            self.interrupt("a sequence number was left out")

    @property
    def is_heard(self) -> bool:
        """Whether anybody has a session here."""
        return any(stream.is_open for stream in self._streams.values())

    @property
    def reports_travelling(self) -> int:
        """How many reports are on their way to somebody who may still hear them."""
        return sum(stream.travelling for stream in self._streams.values() if stream.is_open)

    def _pay(self) -> None:
        """Funding is paid; some of it is told of again later."""
        number = len(self.payments) + 1
        payment = AssetReport(
            self.account_id, "USDT", LOT * self.random.randrange(-9, 10) or LOT, AssetKind.FUNDING, f"F{number}",
            self.truth.tick(),
        )  # fmt: skip
        self.payments.append(payment)
        self.truth.cash.move(payment.asset, Fraction(payment.amount))
        self._remember()
        for stream in self._streams.values():
            stream.say(payment)

    def trade_foreign(self) -> TrueOrder:
        """Somebody else trades in our account, at once and for good."""
        truth, instrument_id = self.truth, self._some_instrument()
        side = Side.BUY if self.random.random() < 0.5 else Side.SELL
        order = truth.take_foreign(instrument_id, side, 2 * LOT, truth.prices[instrument_id] + 2 * TICK * side.sign)
        truth.trade(order, order.quantity, truth.prices[instrument_id] + TICK * side.sign)
        return order

    def _trade_before_we_came(self) -> None:
        """What an account holds at its first connection: a position, and an order that is partly filled."""
        truth, now_ns = self.truth, self.truth.now_ns
        truth.now_ns = lambda: now_ns() - _PAST_NS
        self.trade_foreign()
        instrument_id = self._some_instrument()
        resting = truth.take_foreign(instrument_id, Side.BUY, 4 * LOT, truth.prices[instrument_id] - 6 * TICK)
        truth.trade(resting, LOT, truth.prices[instrument_id] - 6 * TICK)
        # Told again when somebody connects, and in the opening balance already.
        self._pay()
        truth.now_ns = now_ns

    def _some_instrument(self) -> InstrumentId:
        instruments = list(self.truth.prices)
        return instruments[self.random.randrange(len(instruments))]

    def _ended_with_fills(self) -> Sequence[TrueOrder]:
        # What is changed of the time before an account began shows as a drift, as it should.
        return [
            order
            for order in self.truth.orders[self._past_orders :]
            if order.fills and order.status is not VenueOrderStatus.WORKING
        ]

    def _undo_soon(self, report: FillReport) -> None:
        """A trade may be taken back, or corrected, while its report is on its way; if it ended its order."""
        for fault, act in ((Fault.BUST, self._bust), (Fault.CORRECTION, self._correct)):
            if self.faults.has(fault) and self.random.random() < _UNDONE_AT_ONCE:
                ref = OrderRef(self.account_id, report.fill.instrument_id, None, report.venue_order_id)
                self.loop.call_after_ns(
                    self.random.randrange(1 * _MS, 60 * _MS), self._undo, fault, act, ref, context=self._context
                )

    def _undo(self, fault: Fault, act: Callable[[TrueOrder], None], ref: OrderRef) -> None:
        order = self.truth.find(ref)
        assert order is not None
        if not self.is_quiet and order in self._ended_with_fills() and self.faults.fires(fault, surely=True):
            act(order)

    def _bust(self, order: TrueOrder) -> None:
        fills = list(order.fills.values())
        self.truth.bust(order, fills[self.random.randrange(len(fills))])

    def _correct(self, order: TrueOrder) -> None:
        fills = list(order.fills.values())
        fill = fills[self.random.randrange(len(fills))]
        self.truth.correct(order, fill, fill.price + TICK)


def _shown(report: OrderReport | FillReport) -> str:
    name = f"{report.venue_order_id} ({report.client_order_id or 'foreign'})"
    if isinstance(report, FillReport):
        return f"{name}: {report.action} {report.fill.quantity} @ {report.fill.price} [{report.fill.key}]"
    return f"{name}: {report.status} {report.side} {report.filled_quantity}/{report.quantity} @ {report.price}"
