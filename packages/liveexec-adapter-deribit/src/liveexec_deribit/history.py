"""Fills and orders of the past: pages of them, recent ones from the session, older ones from the venue's archive.

Recent records are kept for a while only: orders for 30 minutes, trades for 24 hours. Older ones are asked for with
``historical``, which holds them after a short delay and leaves recent ones out (docs.deribit.com, "Accessing
historical trades and orders using API"). Where both could hold something, both are asked.
"""

import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, VenueName
from liveexec.domain.outcome import FillReport, OrderRef, Snapshot
from liveexec_deribit import wire
from liveexec_deribit.fills import fill_report, read_trade
from liveexec_deribit.names import Combo, symbol_of
from liveexec_deribit.orders import read_order
from liveexec_deribit.rpc import Frame, decoded

__all__ = ["LONGEST_PAGE", "RECENT_TRADES_NS", "Ask", "FillHistory", "OrderHistory"]

_NS_PER_MS: Final = 1_000_000
_DAY_NS: Final = 24 * 3_600 * 1_000_000_000
#: For how long the venue keeps trades at hand, less a margin for clocks and its own clearing up.
RECENT_TRADES_NS: Final = _DAY_NS * 23 // 24

#: The most that a page may hold (``count`` in the specification).
LONGEST_PAGE: Final = 1_000
#: The venue's times against ours: further apart than this, a signed login is refused.
_CLOCK_MARGIN_NS: Final = 60 * 1_000_000_000
#: Most orders that are looked for were placed a moment ago, and are among the newest.
_FIRST_ORDERS: Final = 20
#: More pages of one currency than this are left to the next question.
_MOST_PAGES: Final = 100

#: Asks a question of the protocol, as soon as credits allow: (method, parameters) -> its answer.
Ask = Callable[[str, Mapping[str, Any]], Coroutine[Any, Any, Frame]]


@frozen
class _Trades:
    """Trades of one currency, and up to when there is none missing: ``None`` for all of them."""

    told: Sequence[wire.UserTrade]
    cut_ms: int | None


class FillHistory:
    """All fills of an account since a moment. ``ask`` reaches the session, ``ask_archive`` the archive."""

    def __init__(
        self,
        account_id: AccountId,
        venue: VenueName,
        currencies: Sequence[str],
        ask: Ask,
        ask_archive: Ask,
        *,
        page: int,
    ) -> None:
        self._account_id, self._venue, self._currencies = account_id, venue, currencies
        self._ask, self._ask_archive, self._page = ask, ask_archive, page

    async def since(self, since_ns: int) -> Snapshot[FillReport]:
        """The fills, oldest first; not complete where there are more pages than are fetched at once.

        Raises:
            AdapterError: the venue does not answer, refuses, or tells of a fill that can't be read.
        """
        requested_ns = time.time_ns()
        since_ms = since_ns // _NS_PER_MS
        found: dict[FillKey, FillReport] = {}
        cuts: list[int] = []
        for currency in self._currencies:
            for ask, historical in self._sources(since_ns, requested_ns):
                trades = await self._pages(ask, currency, since_ms, historical=historical)
                if trades.cut_ms is not None:
                    cuts.append(trades.cut_ms)
                for report in self._read(trades.told):
                    found[report.fill.key] = report
        # Where one currency is cut off, later fills of the others would make it look complete.
        cut_ns = min(cuts) * _NS_PER_MS if cuts else None
        items = sorted(
            (each for each in found.values() if cut_ns is None or each.fill.venue_time_ns <= cut_ns),
            key=lambda each: each.fill.venue_time_ns,
        )
        return Snapshot(tuple(items), requested_ns, time.time_ns(), complete=cut_ns is None)

    def _sources(self, since_ns: int, now_ns: int) -> Iterator[tuple[Ask, bool]]:
        # In this order: what is cleared up between the two questions has been told by the first.
        yield self._ask, False
        if since_ns < now_ns - RECENT_TRADES_NS:
            yield self._ask_archive, True

    async def _pages(self, ask: Ask, currency: str, since_ms: int, *, historical: bool) -> _Trades:
        told: dict[str, wire.UserTrade] = {}
        # The venue asks for an end; one that lies ahead of any clock cuts nothing off.
        end_ms = (time.time_ns() + _DAY_NS) // _NS_PER_MS
        count = self._page
        for _ in range(_MOST_PAGES):
            frame = await ask(
                "private/get_user_trades_by_currency_and_time",
                {
                    "currency": currency,
                    "start_timestamp": since_ms,
                    "end_timestamp": end_ms,
                    "count": count,
                    "sorting": "asc",
                    "historical": historical,
                },
            )
            page = decoded(wire.TradePage, frame.result, "a page of trades")
            trades = [read_trade(raw) for raw in page.trades]
            for each in trades:
                told[f"{each.instrument_name}|{each.order_id}|{each.direction}|{each.trade_id}"] = each
            if not page.has_more:
                return _Trades(tuple(told.values()), None)
            last_ms = max((each.timestamp for each in trades), default=since_ms)
            if last_ms > since_ms:
                # The last millisecond again: trades of it may be on the next page too.
                since_ms, count = last_ms, self._page
            elif count < LONGEST_PAGE:
                # A page is too short for the trades of one millisecond.
                count = min(LONGEST_PAGE, count * 4)
            else:
                break
        return _Trades(tuple(told.values()), since_ms)

    def _read(self, told: Sequence[wire.UserTrade]) -> Iterator[FillReport]:
        for each in told:
            try:
                yield fill_report(each, self._account_id, self._venue)
            except Combo:
                # Its legs are trades of their own.
                continue


@frozen
class Searched:
    """An order that was looked for: found, or not; ``is_complete`` if it can't have been missed."""

    order: wire.Order | None
    is_complete: bool


class OrderHistory:
    """Looks for one order among those that the venue has no longer at hand."""

    def __init__(self, ask_archive: Ask, *, page: int) -> None:
        self._ask, self._page = ask_archive, page

    async def find(self, ref: OrderRef, since_ns: int | None) -> Searched:
        """The order by its id or label, among those created since a moment (``None`` if that is not known).

        Raises:
            AdapterError: the venue does not answer, or refuses.
        """
        for historical in (False, True):
            searched = await self._search(ref, since_ns, historical=historical)
            if searched.order is not None or not searched.is_complete:
                return searched
        return Searched(None, is_complete=True)

    async def _search(self, ref: OrderRef, since_ns: int | None, *, historical: bool) -> Searched:
        continuation: str | None = None
        count = min(_FIRST_ORDERS, self._page)
        for _ in range(_MOST_PAGES):
            asked: dict[str, Any] = {
                "instrument_name": symbol_of(ref.instrument_id),
                "count": count,
                "include_old": True,
                "include_unfilled": True,
                "historical": historical,
                "with_continuation": True,
            }
            if continuation is not None:
                asked["continuation"] = continuation
            frame = await self._ask("private/get_order_history_by_instrument", asked)
            page = decoded(wire.OrderPage, frame.result, "a page of orders")
            orders = [read_order(raw) for raw in page.orders]
            for each in orders:
                if _is_it(each, ref):
                    return Searched(each, is_complete=True)
            continuation, count = page.continuation, min(count * 5, self._page)
            # Newest first, by creation or by the last change (no document says which): an order that was last changed
            # before this one was made shows in either case that everything behind it is older.
            is_beyond = since_ns is not None and any(
                each.last_update_timestamp * _NS_PER_MS < since_ns - _CLOCK_MARGIN_NS for each in orders
            )
            if not orders or continuation in (None, "", "none") or is_beyond:
                return Searched(None, is_complete=True)
        return Searched(None, is_complete=False)


def _is_it(told: wire.Order, ref: OrderRef) -> bool:
    if ref.venue_order_id is not None:
        return told.order_id == ref.venue_order_id
    return ref.client_order_id is not None and told.label == ref.client_order_id
