"""Questions to OKX, through NautilusTrader's own HTTP client (okx.com/docs-v5).

Orders: ``/trade/orders-pending`` and ``/trade/orders-history`` (seven days; canceled without a fill, two hours).
Fills: ``/trade/fills``. Positions and balances: ``/account/positions`` and ``/account/balance``. Trades of the market:
``/market/history-trades``, a hundred a page.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from liveexec_nautilus import vendor
from liveexec_nautilus.live.clients import okx_types
from liveexec_nautilus.live.library_questions import AHEAD_NS, RECENT_TRADES, LibraryQuestions, client_id, venue_id
from liveexec_nautilus.live.protocol import Ask, Balance, Cancel, ClientPlan, FillTold, OrderState
from liveexec_nautilus.live.telling import balances_of, fill_report_told, order_report_state

__all__ = ["OkxQuestions"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_US: Final = 1_000
_NS_PER_MS: Final = 1_000_000
#: How far back fills are asked for when nothing says from when on.
_SPAN_NS: Final = 3 * 86_400 * 1_000_000_000
#: How far back trades of the market are asked for: the client turns pages only where it is told from when on.
_TRADES_NS: Final = 86_400 * 1_000_000_000


class OkxQuestions(LibraryQuestions):
    """One account."""

    def __init__(self, plan: ClientPlan, cache: vendor.Cache) -> None:
        http = vendor.OKXHttpClient(
            api_key=plan.api_key,
            api_secret=plan.api_secret,
            api_passphrase=plan.passphrase,
            base_url=plan.urls.get("base_url_http"),
            environment=vendor.OKXEnvironment.DEMO if plan.testnet else vendor.OKXEnvironment.LIVE,
            timeout_secs=10,
            # Who asks decides whether to ask again.
            max_retries=0,
        )
        super().__init__(plan, cache, http, okx_types(plan), vendor.OKXInstrumentType.SPOT)

    async def _order(self, ask: Ask) -> OrderState | None:
        assert ask.instrument is not None
        instrument_id = vendor.InstrumentId.from_str(ask.instrument)
        # The client has no question about one order: it lists those of the instrument, first the ones that are over and
        # then the open ones. An order that ends in between is in neither list; in the next it is.
        for _ in range(2):
            for each in await self._http.request_order_status_reports(self._account_id, None, instrument_id):
                if (ask.venue_order_id is not None and str(each.venue_order_id) == ask.venue_order_id) or (
                    ask.client_order_id is not None and str(each.client_order_id) == ask.client_order_id
                ):
                    return order_report_state(each)
        return None

    async def _fills(self, since_ns: int) -> tuple[tuple[FillTold, ...], bool]:
        now_ns = time.time_ns()
        # A millisecond earlier, since the client leaves out what is at the begin itself.
        begin_ns = (since_ns or now_ns - _SPAN_NS) - _NS_PER_MS
        found: list[Any] = []
        for each in self._kinds:
            found += await self._http.request_fill_reports(
                self._account_id, each, None, _time(begin_ns), _time(now_ns + AHEAD_NS)
            )
        first_ns = since_ns - since_ns % _NS_PER_MS
        return tuple(fill_report_told(each) for each in found if each.ts_event >= first_ns), True

    async def _balances(self) -> tuple[Balance, ...]:
        return balances_of(await self._http.request_account_state(self._account_id))

    async def _recent(self, instrument_id: vendor.InstrumentId) -> Sequence[Any]:
        since = _time(time.time_ns() - _TRADES_NS)
        found: Sequence[Any] = await self._http.request_trades(instrument_id, since, None, RECENT_TRADES)
        return found

    async def _cancel(self, told: Cancel) -> tuple[OrderState, ...]:
        instrument_id = vendor.InstrumentId.from_str(told.instrument)
        await self._http.cancel_order(instrument_id, client_id(told.client_order_id), venue_id(told.venue_order_id))
        return ()

    def _keep_instruments(self, instruments: Sequence[Any]) -> None:
        self._http.cache_instruments(list(instruments))


def _time(at_ns: int) -> datetime:
    """The time to the microsecond, without a float in between."""
    return _EPOCH + timedelta(microseconds=at_ns // _NS_PER_US)
