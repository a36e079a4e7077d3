"""The light host: the built-in paper venues, moved by a replayed market, in this process and without any waiting."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from attrs import evolve

from liveexec.domain.ids import AccountId, InstrumentId, VenueName
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import (
    BalanceReport,
    FillReport,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    SendOutcome,
    SendPlan,
)
from liveexec.domain.venue import AdapterManifest
from liveexec.errors import Fault
from liveexec.plugins.adapter import VenueOrder
from liveexec.replay.agenda import NEVER
from liveexec.replay.driver import ReplayDriver
from liveexec.replay.paper_market import PaperMarket
from liveexec.replay.ports import HostRun, ReplayTruth, truth_of
from liveexec.venues.paper.config import PaperVenueConfig, manifest_of
from liveexec.venues.paper.exchange import PaperExchange
from liveexec.venues.paper.market import Feed

__all__ = ["PaperHost"]

_EVERY_ROW: Final = "every_row"
#: Rows that are replayed one by one between two words of progress.
_PROGRESS_ROWS: Final = 20_000
_ENDLESS: Final = sys.maxsize


class PaperHost:
    """Replays on paper venues.

    Its one option is ``every_row`` (false): replay every row of the market, those that nothing can meet too. That is
    slower and changes nothing, which is what it is there to show.
    """

    def option_faults(self, options: Mapping[str, Any]) -> Sequence[Fault]:
        """See :meth:`liveexec.replay.ports.ReplayHost.option_faults`."""
        faults = [Fault(name, "is not known; there is every_row") for name in options if name != _EVERY_ROW]
        if type(options.get(_EVERY_ROW, False)) is not bool:
            faults.append(Fault(_EVERY_ROW, "must be true or false"))
        return faults

    def run(self, run: HostRun) -> ReplayTruth:
        """See :meth:`liveexec.replay.ports.ReplayHost.run`."""
        return _PaperReplay(run).run()


class _PaperReplay:
    """One replay."""

    def __init__(self, run: HostRun) -> None:
        self._run, self._driver = run, run.driver
        self._venues = _PaperVenues(run.venues, run.driver, every_row=run.options.get(_EVERY_ROW, False))
        self._market = self._venues.market
        self._now_ns = 0

    def run(self) -> ReplayTruth:
        driver, market = self._driver, self._market
        has_started = False
        for chunk in self._run.market.chunks():
            if not has_started:
                self._start(min(chunk.start_ns, driver.first_signal_ns))
                has_started = True
            market.open(chunk)
            self._venues.touch()
            self._replay_until(chunk.end_ns)
            self._run.progress(self._now_ns, market.events)
        if not has_started:
            self._start(driver.first_signal_ns if driver.first_signal_ns != NEVER else 0)
        self._replay_until(max(self._now_ns, driver.last_signal_ns))
        # As long as what left by now may be on its way: answers to that could call forth more without end.
        latest_ns = self._now_ns + driver.round_trip_ns
        while (arrives_ns := driver.next_arrival_ns) <= latest_ns:
            self._replay_until(arrives_ns)
        driver.finish(self._now_ns)
        return truth_of(self._venues, self._now_ns, market.events)

    def _start(self, at_ns: int) -> None:
        self._now_ns = at_ns
        self._driver.start(self._venues, at_ns)

    def _replay_until(self, end_ns: int) -> None:
        """Let everything happen up to a time: at each moment the market first, then what falls due."""
        driver, market, venues = self._driver, self._market, self._venues
        since = 0
        while True:
            row_ns = market.next_ns
            due_ns = min(driver.next_due_ns, venues.next_expiry_ns)
            now_ns = min(row_ns, due_ns)
            if now_ns > end_ns:
                break
            self._now_ns = now_ns
            if row_ns <= due_ns:
                # All rows of a moment come before anybody acts on one of them.
                while market.next_ns == now_ns:
                    market.step()
                    since += 1
                venues.touch()
                venues.deliver(now_ns)
                if driver.watched:
                    driver.observe(now_ns)
                if since >= _PROGRESS_ROWS:
                    since = 0
                    self._run.progress(now_ns, market.events)
            else:
                venues.expire(now_ns)
                driver.advance(now_ns)
            if driver.watched != market.watched:
                market.skip(now_ns)
                market.watch(driver.watched)
        self._now_ns = end_ns
        market.skip(end_ns)


class _PaperVenues:
    """Paper venues as the driver meets them; see :class:`liveexec.replay.ports.ReplayVenues`."""

    def __init__(self, configs: Iterable[PaperVenueConfig], driver: ReplayDriver, *, every_row: bool) -> None:
        self._driver = driver
        # Every second of trades is kept until it was shown, however long nobody asks for it.
        self._exchanges = {config.venue: PaperExchange(evolve(config, recent_trades_s=_ENDLESS)) for config in configs}
        self.manifests: Mapping[VenueName, AdapterManifest] = {
            venue: manifest_of(exchange.config) for venue, exchange in self._exchanges.items()
        }
        self.listings: Mapping[VenueName, tuple[Listing, ...]] = {
            venue: exchange.listings for venue, exchange in self._exchanges.items()
        }
        self.accounts: Mapping[VenueName, tuple[AccountId, ...]] = {
            venue: exchange.config.account_ids for venue, exchange in self._exchanges.items()
        }
        self._at = {
            account_id: exchange for exchange in self._exchanges.values() for account_id in exchange.config.account_ids
        }
        self.market = PaperMarket(_feeds(self._exchanges.values()), every_row=every_row)
        self._views = [
            _View(exchange, instrument_id) for exchange in self._exchanges.values() for instrument_id in exchange.books
        ]
        #: When the views were last brought up to date, and whether something may have changed since at that time.
        self._shown_ns = -1
        self._is_touched = True

    # -- what the host does -------------------------------------------------------------------------------------------

    @property
    def next_expiry_ns(self) -> int:
        """When the next open order expires."""
        times = [exchange.next_expiry_ns for exchange in self._exchanges.values()]
        return min((time for time in times if time is not None), default=NEVER)

    def expire(self, now_ns: int) -> None:
        """End what has expired by now."""
        for exchange in self._exchanges.values():
            if exchange.next_expiry_ns is not None and exchange.next_expiry_ns <= now_ns:
                exchange.advance(now_ns)
                self._is_touched = True
        self.deliver(now_ns)

    def deliver(self, now_ns: int) -> None:
        """Hand out what was reported."""
        for exchange in self._exchanges.values():
            if exchange.has_reports:
                for report in exchange.take_reports():
                    self._driver.report(report, now_ns)

    def touch(self) -> None:
        """A book may have changed since it was last shown, if only in this very moment."""
        self._is_touched = True

    # -- what the driver asks -----------------------------------------------------------------------------------------

    def submit(self, order: VenueOrder, plan: SendPlan, at_ns: int) -> SendOutcome:
        self.market.skip(at_ns)
        outcome = self._at[order.account_id].submit(order, plan, at_ns)
        self._changed(order.instrument_id, at_ns)
        return outcome

    def cancel(self, ref: OrderRef, at_ns: int) -> SendOutcome:
        self.market.skip(at_ns)
        outcome = self._at[ref.account_id].cancel(ref, at_ns)
        self._changed(ref.instrument_id, at_ns)
        return outcome

    def replace(
        self,
        ref: OrderRef,
        order: VenueOrder,
        plan: SendPlan,
        filled_quantity: Decimal,  # noqa: ARG002 -- the venue takes the new total
        at_ns: int,
    ) -> SendOutcome:
        self.market.skip(at_ns)
        outcome = self._at[ref.account_id].replace(ref, order, plan, at_ns)
        self._changed(order.instrument_id, at_ns)
        return outcome

    def order(self, ref: OrderRef, at_ns: int) -> OrderReportAnswer:
        return self._at[ref.account_id].snapshots.order(ref, at_ns)

    def fills(self, account_id: AccountId, since_ns: int, at_ns: int) -> Sequence[FillReport]:
        return self._at[account_id].snapshots.fills(account_id, since_ns, at_ns).items

    def open_orders(self, account_id: AccountId, at_ns: int) -> Sequence[OrderReport]:
        return self._at[account_id].snapshots.open_orders(account_id, at_ns).items

    def positions(self, account_id: AccountId, at_ns: int) -> Sequence[PositionReport]:
        return self._at[account_id].snapshots.positions(account_id, at_ns).items

    def balances(self, account_id: AccountId, at_ns: int) -> Sequence[BalanceReport]:
        return self._at[account_id].snapshots.balances(account_id, at_ns).items

    def refresh(self, at_ns: int) -> Sequence[Book | TradeBar]:
        if at_ns == self._shown_ns and not self._is_touched:
            return ()
        self.market.skip(at_ns)
        self._shown_ns, self._is_touched = at_ns, False
        return [update for view in self._views for update in view.changes(at_ns)]

    def _changed(self, instrument_id: InstrumentId, at_ns: int) -> None:
        self._is_touched = True
        self.market.touched(instrument_id)
        self.deliver(at_ns)


class _View:
    """What the engine was shown of one listing."""

    __slots__ = ("_bars", "_book", "_changes", "_exchange", "_instrument_id")

    def __init__(self, exchange: PaperExchange, instrument_id: InstrumentId) -> None:
        self._exchange, self._instrument_id = exchange, instrument_id
        self._book = exchange.books[instrument_id]
        self._bars = self._changes = 0

    def changes(self, at_ns: int) -> Iterable[Book | TradeBar]:
        """The seconds of trades that ended since the last look, and the book if it changed."""
        book = self._book
        book.tape.close_until(at_ns)
        if book.tape.closed > self._bars:
            yield from book.tape.since(self._bars)
            self._bars = book.tape.closed
            book.tape.forget_before(self._bars)
        if book.changes > self._changes:
            self._changes = book.changes
            yield self._exchange.visible_book(self._instrument_id, book.changed_at_ns)


def _feeds(exchanges: Iterable[PaperExchange]) -> dict[InstrumentId, list[Feed]]:
    """The listings that each instrument of the market feeds."""
    feeds: dict[InstrumentId, list[Feed]] = {}
    for exchange in exchanges:
        for item in exchange.config.instruments:
            if item.source is not None:
                feeds.setdefault(item.source, []).append(
                    Feed(exchange, item, exchange.books[item.instrument_id].listing)
                )
    return feeds
