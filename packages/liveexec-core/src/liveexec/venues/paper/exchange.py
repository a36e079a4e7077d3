"""The paper venue itself: synchronous, deterministic, without a clock and without I/O.

Callers hand in the time of every request and of every market event; time never falls. What happens is put into
an outbox as reports, which the caller takes. The same calls give the same reports, byte for byte.

What it is made of: the books (:mod:`~liveexec.venues.paper.book`), what becomes of requests
(:mod:`~liveexec.venues.paper.intake`), what happens to orders that were taken
(:mod:`~liveexec.venues.paper.execution`), what the venue knows of its accounts (:mod:`~liveexec.venues.paper.truth`),
what it answers when it is asked (:mod:`~liveexec.venues.paper.snapshots`), and what it does by itself
(:mod:`~liveexec.venues.paper.administration`).
"""

from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.account_event import AssetMoved
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.money import MONEY
from liveexec.domain.operation import Side
from liveexec.domain.outcome import (
    Accepted,
    AssetKind,
    AssetReport,
    BalanceReport,
    OrderRef,
    Rejected,
    SendPlan,
    Sent,
    VenueReport,
)
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import VenueOrder
from liveexec.venues.paper.administration import Administration
from liveexec.venues.paper.admission import Admission
from liveexec.venues.paper.book import InstrumentBook
from liveexec.venues.paper.config import PaperVenueConfig
from liveexec.venues.paper.execution import Execution
from liveexec.venues.paper.intake import Intake
from liveexec.venues.paper.margin import Margin
from liveexec.venues.paper.snapshots import Snapshots
from liveexec.venues.paper.tape import TradeTape
from liveexec.venues.paper.truth import PaperOrder, VenueTruth

__all__ = ["PaperExchange"]

#: Levels a side of the published book.
PUBLISHED_DEPTH: Final = 5


class PaperExchange:
    """One paper venue. ``id_prefix`` keeps the ids of one run apart from those of an earlier one."""

    def __init__(self, config: PaperVenueConfig, *, id_prefix: str = "") -> None:
        self.config = config
        self.books = {
            item.instrument_id: InstrumentBook(
                item.listing(config.venue_class), TradeTape(item.instrument_id, config.recent_trades_s)
            )
            for item in config.instruments
        }
        self._truth = VenueTruth(config.accounts, config.fee_in, id_prefix, config.history)
        margin = Margin(config)
        admission = Admission(config, self._truth.ledgers, margin)
        self._execution = Execution(config, self.books, self._truth, margin, admission)
        self._intake = Intake(config, self.books, self._truth, admission, self._execution)
        #: What the venue does by itself.
        self.administration = Administration(config.venue, self.books, self._truth, self._execution)
        #: Total and available, as they were told last.
        self._told_balances: dict[tuple[AccountId, str], tuple[Decimal, Decimal]] = {}
        #: What the venue says of orders, fills, positions and balances when it is asked.
        self.snapshots = Snapshots(config, self._truth, margin)

    @property
    def now_ns(self) -> int:
        """Venue time: that of the latest request or market event."""
        return self._execution.now_ns

    @property
    def listings(self) -> tuple[Listing, ...]:
        return tuple(book.listing for book in self.books.values())

    @property
    def next_expiry_ns(self) -> int | None:
        """When the next open order expires."""
        return self._execution.next_expiry_ns

    @property
    def next_event_ns(self) -> int | None:
        """When something happens by itself: an expiry, or a second of the tape that closes."""
        times = [book.tape.closes_at_ns for book in self.books.values()]
        times.append(self._execution.next_expiry_ns)
        return min((time for time in times if time is not None), default=None)

    @property
    def has_reports(self) -> bool:
        return bool(self._execution.outbox)

    def take_reports(self) -> list[VenueReport]:
        """Everything that was reported since the last call, in order."""
        reports = self._execution.outbox
        self._execution.outbox = []
        if self.config.tells_balances:
            for account_id in dict.fromkeys(report.account_id for report in reports):
                reports += self._changed_balances(account_id)
        return reports

    def submit(self, order: VenueOrder, plan: SendPlan, at_ns: int) -> Accepted | Rejected | Sent:
        """An order arrives; what it did at once is in the outbox when this returns.

        With ``ack_by_report`` the answer is ``Sent`` and the verdict the first report; only what can't be recorded as
        an order (an unknown account, a used client id, another operation) is refused directly then.
        """
        with localcontext(MONEY):
            self._move_to(at_ns)
            outcome = self._intake.submit(order, plan)
            self._execution.relieve()
            return outcome

    def cancel(self, ref: OrderRef, at_ns: int) -> Accepted | Rejected:
        """A cancel arrives."""
        with localcontext(MONEY):
            self._move_to(at_ns)
            return self._intake.cancel(ref)

    def cancel_all(self, account_id: AccountId, at_ns: int) -> Accepted | Rejected:
        """A cancel of everything that an account has open."""
        with localcontext(MONEY):
            self._move_to(at_ns)
            return self._intake.cancel_all(account_id)

    def replace(self, ref: OrderRef, order: VenueOrder, plan: SendPlan, at_ns: int) -> Accepted | Rejected:
        """New terms for a working order arrive; the order stands as it was when they are refused."""
        with localcontext(MONEY):
            self._move_to(at_ns)
            outcome = self._intake.replace(ref, order, plan)
            self._execution.relieve()
            return outcome

    def on_book(self, book: Book) -> None:
        """The replayed market shows this book from its ``venue_time_ns`` on."""
        with localcontext(MONEY):
            self._move_to(book.venue_time_ns)
            found = self.books[book.instrument_id]
            found.bids.refresh(book.bids)
            found.asks.refresh(book.asks)
            found.update(self.now_ns)
            self._execution.meet_displayed(found)
            self._execution.relieve()

    def on_trade(
        self, instrument_id: InstrumentId, price: Decimal, quantity: Decimal, aggressor: Side | None, at_ns: int
    ) -> None:
        """The replayed market printed a trade; without an aggressor it moves no queue."""
        with localcontext(MONEY):
            self._move_to(at_ns)
            book = self.books[instrument_id]
            book.tape.record(price, quantity, self.now_ns)
            if aggressor is not None:
                self._execution.print_trade(book, price, quantity, aggressor)
                self._execution.relieve()

    def show_book(self, book: Book) -> None:
        """The same as :meth:`on_book` for every book up to this one, none of which met anything: only where the
        instrument's book is untouched. Venue time stays where it is, so that ``book`` may be of a time before it."""
        found = self.books[book.instrument_id]
        assert found.is_untouched, f"a book of {book.instrument_id} was skipped that orders might have met"
        found.bids.refresh(book.bids)
        found.asks.refresh(book.asks)
        found.update(book.venue_time_ns)

    def advance(self, at_ns: int) -> None:
        """Time passes: orders expire, seconds of the tape close."""
        with localcontext(MONEY):
            self._move_to(at_ns)
            for book in self.books.values():
                book.tape.close_until(self.now_ns)

    def move_asset(self, account_id: AccountId, asset: str, amount: Decimal, kind: AssetKind, at_ns: int) -> None:
        """An asset moves without a trade: a deposit, a withdrawal, funding.

        Raises:
            AdapterError: there is no such account.
        """
        with localcontext(MONEY):
            self._move_to(at_ns)
            ledger = self._truth.ledgers.get(account_id)
            if ledger is None:
                raise AdapterError(f"{self.config.venue} has no account {account_id}")
            reference = self._truth.next_movement_reference()
            report = AssetReport(account_id, asset, amount, kind, reference, self.now_ns)
            ledger.book.apply_asset(AssetMoved(account_id, asset, amount, kind, reference, self.now_ns))
            self._execution.outbox.append(report)

    def truth_of(self, account_id: AccountId, client_order_id: ClientOrderId) -> PaperOrder:
        """An order as the venue has it.

        Raises:
            KeyError: there is none of that name.
        """
        return self._truth.ledgers[account_id].by_client_id[client_order_id]

    def forget_finished(self) -> None:
        """Every order that has ended is known no more, as after a venue's retention. Fills stay."""
        self._truth.forget_finished()

    def visible_book(self, instrument_id: InstrumentId, at_ns: int) -> Book:
        """The book as the venue publishes it now.

        Raises:
            AdapterError: it is not listed here.
        """
        with localcontext(MONEY):
            return self._book(instrument_id).visible(PUBLISHED_DEPTH, at_ns)

    def recent_trades(self, instrument_id: InstrumentId) -> tuple[TradeBar, ...]:
        """The seconds of the tape that are kept, oldest first.

        Raises:
            AdapterError: it is not listed here.
        """
        return self._book(instrument_id).tape.since(0)

    def _changed_balances(self, account_id: AccountId) -> list[BalanceReport]:
        """What is told of the account's balances: those that differ from what was told of them last."""
        changed = []
        with localcontext(MONEY):
            for balance in self.snapshots.balances(account_id, self.now_ns).items:
                amounts, key = (balance.total, balance.available), (account_id, balance.asset)
                if self._told_balances.get(key) != amounts:
                    self._told_balances[key] = amounts
                    changed.append(balance)
        return changed

    def _move_to(self, at_ns: int) -> None:
        execution = self._execution
        if at_ns > execution.now_ns:
            execution.now_ns = at_ns
            execution.expire()

    def _book(self, instrument_id: InstrumentId) -> InstrumentBook:
        book = self.books.get(instrument_id)
        if book is None:
            raise AdapterError(f"{self.config.venue} does not list {instrument_id}")
        return book
