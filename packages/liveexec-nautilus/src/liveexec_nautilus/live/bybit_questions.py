"""Questions to Bybit, through NautilusTrader's own HTTP client (bybit-exchange.github.io/docs/v5).

Orders: ``/v5/order/realtime`` and, for those that are over, ``/v5/order/history``. Fills: ``/v5/execution/list``, seven
days at a time. Positions: ``/v5/position/list``. Balances: the unified account's wallet. The client follows every page
where it is given no limit.
"""

import time
from typing import Any, Final

from liveexec_nautilus import vendor
from liveexec_nautilus.live.clients import bybit_products, nautilus_account
from liveexec_nautilus.live.protocol import Answer, Ask, Balance, Cancel, ClientPlan, FillTold, OrderState, Position
from liveexec_nautilus.live.questions import QuestionFailed
from liveexec_nautilus.live.telling import balances_of, fill_report_told, order_report_state, position_of

__all__ = ["BybitQuestions"]

_NS_PER_MS: Final = 1_000_000
#: The longest span of executions that one request may ask for.
_SPAN_NS: Final = 7 * 86_400 * 1_000_000_000 - _NS_PER_MS
#: Executions are kept for two years.
_HISTORY_NS: Final = 730 * 86_400 * 1_000_000_000


class BybitQuestions:
    """One account."""

    def __init__(self, plan: ClientPlan, cache: vendor.Cache) -> None:
        self._cache = cache
        self._account_id = vendor.AccountId(nautilus_account(plan))
        self._products = bybit_products(plan)
        self._http = vendor.BybitHttpClient(
            api_key=plan.api_key,
            api_secret=plan.api_secret,
            base_url=plan.urls.get("base_url_http"),
            testnet=plan.testnet,
            timeout_secs=10,
            # Who asks decides whether to ask again.
            max_retries=0,
        )
        self._cached: set[str] = set()

    async def answer(self, ask: Ask) -> Answer:
        self._cache_instruments()
        try:
            match ask.what:
                case "order":
                    return await self._order(ask)
                case "open_orders":
                    return Answer(ask.ref, orders=await self._open_orders())
                case "fills":
                    fills, is_complete = await self._fills(ask.since_ns)
                    return Answer(ask.ref, fills=fills, is_complete=is_complete)
                case "positions":
                    return Answer(ask.ref, positions=await self._positions())
                case "balances":
                    return Answer(ask.ref, balances=await self._balances())
        except (ValueError, RuntimeError, OSError) as error:
            # What the library raises for an answer that is an error, or none.
            raise QuestionFailed(str(error)) from error
        raise QuestionFailed(f"nobody knows {ask.what}")

    async def cancel(self, told: Cancel) -> Answer:
        self._cache_instruments()
        instrument_id = vendor.InstrumentId.from_str(told.instrument)
        try:
            report = await self._http.cancel_order(
                self._account_id,
                self._product_of(told.instrument),
                instrument_id,
                _client_id(told.client_order_id),
                _venue_id(told.venue_order_id),
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise QuestionFailed(str(error)) from error
        return Answer(told.ref, orders=(order_report_state(report),) if report is not None else ())

    async def close(self) -> None:
        self._http.cancel_all_requests()

    async def _order(self, ask: Ask) -> Answer:
        assert ask.instrument is not None
        report = await self._http.query_order(
            self._account_id,
            self._product_of(ask.instrument),
            vendor.InstrumentId.from_str(ask.instrument),
            _client_id(ask.client_order_id),
            _venue_id(ask.venue_order_id),
        )
        return (
            Answer(ask.ref, orders=(order_report_state(report),))
            if report is not None
            else Answer(ask.ref, is_absent=True)
        )

    async def _open_orders(self) -> tuple[OrderState, ...]:
        found: list[OrderState] = []
        for product in self._products:
            reports = await self._http.request_order_status_reports(self._account_id, product, open_only=True)
            found += [order_report_state(each) for each in reports if each.is_open]
        return tuple(found)

    async def _fills(self, since_ns: int) -> tuple[tuple[FillTold, ...], bool]:
        now_ns = time.time_ns()
        begin_ns = max(since_ns, now_ns - _HISTORY_NS)
        found: list[Any] = []
        is_complete = since_ns >= begin_ns or since_ns == 0
        for product in self._products:
            start_ns = begin_ns if since_ns else now_ns - _SPAN_NS
            while start_ns <= now_ns:
                end_ns = min(start_ns + _SPAN_NS, now_ns + _NS_PER_MS)
                found += await self._http.request_fill_reports(
                    self._account_id, product, None, start_ns // _NS_PER_MS, end_ns // _NS_PER_MS
                )
                start_ns = end_ns + 1
        # Spans meet within a millisecond, which both of them give.
        fills = {(each.venue_order_id, each.trade_id): each for each in map(fill_report_told, found)}
        return tuple(fills.values()), is_complete

    async def _positions(self) -> tuple[Position, ...]:
        found: list[Position] = []
        for product in self._products:
            if product != vendor.BybitProductType.SPOT:
                reports = await self._http.request_position_status_reports(self._account_id, product)
                found += [position_of(each) for each in reports]
        return tuple(found)

    async def _balances(self) -> tuple[Balance, ...]:
        state = await self._http.request_account_state(vendor.BybitAccountType.UNIFIED, self._account_id)
        return balances_of(state)

    def _cache_instruments(self) -> None:
        """What the client has no instrument of, it leaves out of its answers."""
        for each in self._cache.instruments():
            name = str(each.id)
            if name not in self._cached and each.id.venue.value == "BYBIT":
                self._http.cache_instrument(each)
                self._cached.add(name)

    def _product_of(self, instrument: str) -> vendor.BybitProductType:
        word = instrument.rpartition(".")[0].rpartition("-")[2]
        product: vendor.BybitProductType = getattr(vendor.BybitProductType, word)
        return product


def _client_id(text: str | None) -> vendor.ClientOrderId | None:
    return vendor.ClientOrderId(text) if text is not None else None


def _venue_id(text: str | None) -> vendor.VenueOrderId | None:
    return vendor.VenueOrderId(text) if text is not None else None
