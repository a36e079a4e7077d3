"""Questions to Bybit, through NautilusTrader's own HTTP client (bybit-exchange.github.io/docs/v5).

Orders: ``/v5/order/realtime`` and, for those that are over, ``/v5/order/history``. Fills: ``/v5/execution/list``, seven
days at a time. Positions: ``/v5/position/list``. Balances: the unified account's wallet. Trades of the market:
``/v5/market/recent-trade``.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

from liveexec_nautilus import vendor
from liveexec_nautilus.live.clients import bybit_products
from liveexec_nautilus.live.library_questions import AHEAD_NS, RECENT_TRADES, LibraryQuestions, client_id, venue_id
from liveexec_nautilus.live.protocol import Ask, Balance, Cancel, ClientPlan, FillTold, OrderState
from liveexec_nautilus.live.telling import balances_of, fill_report_told, order_report_state

__all__ = ["BybitQuestions"]

_NS_PER_MS: Final = 1_000_000
#: The longest span of executions that one request may ask for.
_SPAN_NS: Final = 7 * 86_400 * 1_000_000_000 - _NS_PER_MS
#: Executions are kept for two years.
_HISTORY_NS: Final = 730 * 86_400 * 1_000_000_000
#: The most trades of a spot pair that one answer holds; of the others it is a thousand.
_SPOT_TRADES: Final = 60


class BybitQuestions(LibraryQuestions):
    """One account."""

    def __init__(self, plan: ClientPlan, cache: vendor.Cache) -> None:
        http = vendor.BybitHttpClient(
            api_key=plan.api_key,
            api_secret=plan.api_secret,
            base_url=plan.urls.get("base_url_http"),
            testnet=plan.testnet,
            timeout_secs=10,
            # Who asks decides whether to ask again.
            max_retries=0,
        )
        super().__init__(plan, cache, http, bybit_products(plan), vendor.BybitProductType.SPOT)

    async def _order(self, ask: Ask) -> OrderState | None:
        assert ask.instrument is not None
        report = await self._http.query_order(
            self._account_id,
            _product_of(ask.instrument),
            vendor.InstrumentId.from_str(ask.instrument),
            client_id(ask.client_order_id),
            venue_id(ask.venue_order_id),
        )
        return order_report_state(report) if report is not None else None

    async def _fills(self, since_ns: int) -> tuple[tuple[FillTold, ...], bool]:
        now_ns = time.time_ns()
        begin_ns = max(since_ns, now_ns - _HISTORY_NS)
        found: list[Any] = []
        is_complete = since_ns >= begin_ns or since_ns == 0
        for product in self._kinds:
            start_ns = begin_ns if since_ns else now_ns - _SPAN_NS + AHEAD_NS
            while start_ns <= now_ns + AHEAD_NS:
                end_ns = min(start_ns + _SPAN_NS, now_ns + AHEAD_NS)
                found += await self._http.request_fill_reports(
                    self._account_id, product, None, start_ns // _NS_PER_MS, end_ns // _NS_PER_MS
                )
                start_ns = end_ns + 1
        # Spans meet within a millisecond, which both of them give.
        fills = {(each.venue_order_id, each.trade_id): each for each in map(fill_report_told, found)}
        return tuple(fills.values()), is_complete

    async def _balances(self) -> tuple[Balance, ...]:
        state = await self._http.request_account_state(vendor.BybitAccountType.UNIFIED, self._account_id)
        return balances_of(state)

    async def _recent(self, instrument_id: vendor.InstrumentId) -> Sequence[Any]:
        product = _product_of(str(instrument_id))
        most = _SPOT_TRADES if product == vendor.BybitProductType.SPOT else RECENT_TRADES
        newest_first = await self._http.request_trades(product, instrument_id, most)
        return tuple(reversed(newest_first))

    async def _cancel(self, told: Cancel) -> tuple[OrderState, ...]:
        report = await self._http.cancel_order(
            self._account_id,
            _product_of(told.instrument),
            vendor.InstrumentId.from_str(told.instrument),
            client_id(told.client_order_id),
            venue_id(told.venue_order_id),
        )
        return (order_report_state(report),) if report is not None else ()

    def _keep_instruments(self, instruments: Sequence[Any]) -> None:
        for each in instruments:
            self._http.cache_instrument(each)


def _product_of(instrument: str) -> vendor.BybitProductType:
    """The kind of product that the last part of an instrument's name says."""
    word = instrument.rpartition(".")[0].rpartition("-")[2]
    product: vendor.BybitProductType = getattr(vendor.BybitProductType, word)
    return product
