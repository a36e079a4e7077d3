"""Questions to OKX, through NautilusTrader's own HTTP client (okx.com/docs-v5).

Orders: ``/trade/orders-pending`` and ``/trade/orders-history`` (seven days; canceled without a fill, two hours).
Fills: ``/trade/fills``. Positions and balances: ``/account/positions`` and ``/account/balance``. The client follows
every page where it is given no limit.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from liveexec_nautilus import vendor
from liveexec_nautilus.live.clients import nautilus_account, okx_types
from liveexec_nautilus.live.protocol import Answer, Ask, Balance, Cancel, ClientPlan, FillTold, OrderState, Position
from liveexec_nautilus.live.questions import QuestionFailed
from liveexec_nautilus.live.telling import balances_of, fill_report_told, order_report_state, position_of

__all__ = ["OkxQuestions"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_US: Final = 1_000
_NS_PER_MS: Final = 1_000_000
#: How far back fills are asked for when nothing says from when on.
_SPAN_NS: Final = 3 * 86_400 * 1_000_000_000


class OkxQuestions:
    """One account."""

    def __init__(self, plan: ClientPlan, cache: vendor.Cache) -> None:
        self._cache = cache
        self._account_id = vendor.AccountId(nautilus_account(plan))
        self._types = okx_types(plan)
        self._http = vendor.OKXHttpClient(
            api_key=plan.api_key,
            api_secret=plan.api_secret,
            api_passphrase=plan.passphrase,
            base_url=plan.urls.get("base_url_http"),
            environment=vendor.OKXEnvironment.DEMO if plan.testnet else vendor.OKXEnvironment.LIVE,
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
                    return Answer(ask.ref, fills=await self._fills(ask.since_ns))
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
        try:
            await self._http.cancel_order(
                vendor.InstrumentId.from_str(told.instrument),
                vendor.ClientOrderId(told.client_order_id) if told.client_order_id is not None else None,
                vendor.VenueOrderId(told.venue_order_id) if told.venue_order_id is not None else None,
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise QuestionFailed(str(error)) from error
        return Answer(told.ref)

    async def close(self) -> None:
        self._http.cancel_all_requests()

    async def _order(self, ask: Ask) -> Answer:
        assert ask.instrument is not None
        instrument_id = vendor.InstrumentId.from_str(ask.instrument)
        # The client has no question about one order: it lists those of the instrument, first the ones that are over and
        # then the open ones. An order that ends in between is in neither list; in the next it is.
        for _ in range(2):
            for each in await self._http.request_order_status_reports(self._account_id, None, instrument_id):
                if (ask.venue_order_id is not None and str(each.venue_order_id) == ask.venue_order_id) or (
                    ask.client_order_id is not None and str(each.client_order_id) == ask.client_order_id
                ):
                    return Answer(ask.ref, orders=(order_report_state(each),))
        return Answer(ask.ref, is_absent=True)

    async def _open_orders(self) -> tuple[OrderState, ...]:
        found: list[OrderState] = []
        for each in self._types:
            reports = await self._http.request_order_status_reports(self._account_id, each, open_only=True)
            found += [order_report_state(report) for report in reports if report.is_open]
        return tuple(found)

    async def _fills(self, since_ns: int) -> tuple[FillTold, ...]:
        now_ns = time.time_ns()
        # A millisecond earlier, since the client leaves out what is at the begin itself.
        begin_ns = (since_ns or now_ns - _SPAN_NS) - _NS_PER_MS
        found: list[Any] = []
        for each in self._types:
            found += await self._http.request_fill_reports(
                self._account_id, each, None, _time(begin_ns), _time(now_ns + 1_000 * _NS_PER_MS)
            )
        return tuple(fill_report_told(each) for each in found if each.ts_event >= since_ns - since_ns % _NS_PER_MS)

    async def _positions(self) -> tuple[Position, ...]:
        found: list[Position] = []
        for each in self._types:
            if each != vendor.OKXInstrumentType.SPOT:
                reports = await self._http.request_position_status_reports(self._account_id, each)
                found += [position_of(report) for report in reports]
        return tuple(found)

    async def _balances(self) -> tuple[Balance, ...]:
        return balances_of(await self._http.request_account_state(self._account_id))

    def _cache_instruments(self) -> None:
        """What the client has no instrument of, it leaves out of its answers."""
        fresh = [
            each
            for each in self._cache.instruments()
            if each.id.venue.value == "OKX" and str(each.id) not in self._cached
        ]
        if fresh:
            self._http.cache_instruments(fresh)
            self._cached.update(str(each.id) for each in fresh)


def _time(at_ns: int) -> datetime:
    """The time to the microsecond, without a float in between."""
    return _EPOCH + timedelta(microseconds=at_ns // _NS_PER_US)
