"""Questions to Binance, by its own REST (developers.binance.com): Spot, USD-M and COIN-M.

Everything is asked of the venue by one request that answers for it (``order``, ``openOrders``, ``positionRisk``,
``account``), but fills, which the venue tells symbol by symbol and without our order ids: those of the configured
instruments are asked for, a thousand at once and as many pages as there are, and orders whose names nobody knows yet
are looked up. Trades of the market (``trades``) are asked for without a key.
"""

import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from attrs import frozen

from liveexec_nautilus import vendor
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.binance_rest import BinanceError, BinanceRest
from liveexec_nautilus.live.binance_wire import (
    STATUSES,
    TIFS,
    TYPES,
    Account,
    MarketTrade,
    Order,
    PositionRisk,
    Trade,
)
from liveexec_nautilus.live.protocol import (
    Answer,
    Ask,
    Balance,
    Cancel,
    ClientPlan,
    FillTold,
    OrderState,
    Position,
    TradeTold,
)
from liveexec_nautilus.live.questions import QuestionFailed

__all__ = ["BinanceQuestions"]

_NS_PER_MS: Final = 1_000_000
_DAY_MS: Final = 86_400_000
_PAGE: Final = 1_000
#: -2013: "Order does not exist."
_NO_SUCH_ORDER: Final = -2013
#: Orders that ended without a fill are forgotten three days after they were made; a day is kept to spare.
_KEPT_MS: Final = 2 * _DAY_MS
#: How far back fills are asked for when nothing says from when on.
_FIRST_LOOK_MS: Final = 60_000


@frozen
class _Paths:
    """Where a product answers. ``span_ms`` is the longest span of fills that one request may ask for."""

    base_url: str
    test_url: str
    prefix: str
    trades: str
    account: str
    positions: str | None
    span_ms: int


_PATHS: Final = {
    "SPOT": _Paths(
        "https://api.binance.com",
        "https://testnet.binance.vision",
        "/api/v3",
        "myTrades",
        "/api/v3/account",
        None,
        _DAY_MS,
    ),
    "USD_M": _Paths(
        "https://fapi.binance.com",
        "https://testnet.binancefuture.com",
        "/fapi/v1",
        "userTrades",
        "/fapi/v2/account",
        "/fapi/v2/positionRisk",
        7 * _DAY_MS - 1,
    ),
    "COIN_M": _Paths(
        "https://dapi.binance.com",
        "https://testnet.binancefuture.com",
        "/dapi/v1",
        "userTrades",
        "/dapi/v1/account",
        "/dapi/v1/positionRisk",
        7 * _DAY_MS - 1,
    ),
}


class BinanceQuestions:
    """One account of one product."""

    def __init__(self, plan: ClientPlan, cache: vendor.Cache) -> None:
        self._cache = cache
        self._is_spot = plan.client == NodeVenue.BINANCE_SPOT
        self._paths = _PATHS["SPOT" if self._is_spot else (plan.products[0] if plan.products else "USD_M")]
        url = plan.urls.get("base_url_http") or (self._paths.test_url if plan.testnet else self._paths.base_url)
        self._rest = BinanceRest(url, plan.api_key or "", plan.api_secret or "")
        self._decode = (
            vendor.decode_binance_spot_client_order_id
            if self._is_spot
            else vendor.decode_binance_futures_client_order_id
        )
        self._instruments = plan.instruments or ()
        self._by_symbol: dict[str, str] = {}
        self._symbols: dict[str, str] = {}
        #: The venue's order id to the client order id, of orders that were told or looked up.
        self._client_ids: dict[tuple[str, int], str] = {}

    async def answer(self, ask: Ask) -> Answer:
        self._learn_symbols()
        match ask.what:
            case "order":
                return await self._order(ask)
            case "open_orders":
                told = await self._rest.get(f"{self._paths.prefix}/openOrders", {}, list[Order])
                return Answer(
                    ask.ref, orders=tuple(self._state(each) for each in told if each.symbol in self._by_symbol)
                )
            case "fills":
                return Answer(ask.ref, fills=await self._fills(ask.since_ns))
            case "positions":
                return Answer(ask.ref, positions=await self._positions())
            case "balances":
                return Answer(ask.ref, balances=await self._balances())
            case "trades":
                return Answer(ask.ref, trades=await self._market_trades(ask.instrument or ""))
        raise QuestionFailed(f"nobody knows {ask.what}")

    async def cancel(self, told: Cancel) -> Answer:
        self._learn_symbols()
        params = self._name_of(told.instrument, told.client_order_id, told.venue_order_id)
        order = await self._rest.delete(f"{self._paths.prefix}/order", params, Order)
        return Answer(told.ref, orders=(self._state(order),))

    async def close(self) -> None:
        await self._rest.close()

    async def _order(self, ask: Ask) -> Answer:
        assert ask.instrument is not None
        params = self._name_of(ask.instrument, ask.client_order_id, ask.venue_order_id)
        try:
            order = await self._rest.get(f"{self._paths.prefix}/order", params, Order)
        except BinanceError as error:
            if error.code != _NO_SUCH_ORDER:
                raise
            return Answer(ask.ref, is_absent=True)
        return Answer(ask.ref, orders=(self._state(order),))

    async def _fills(self, since_ns: int) -> tuple[FillTold, ...]:
        found: list[FillTold] = []
        for instrument in self._instruments:
            symbol = self._symbols.get(instrument)
            if symbol is None:
                raise QuestionFailed(f"the node has no {instrument}, whose fills are to be asked for")
            trades = await self._trades(symbol, since_ns // _NS_PER_MS)
            found += [await self._fill(each, instrument) for each in trades]
        return tuple(found)

    async def _trades(self, symbol: str, since_ms: int) -> Sequence[Trade]:
        """Every trade of a symbol since a time: span after span, and within each page after page by id."""
        path = f"{self._paths.prefix}/{self._paths.trades}"
        now_ms = time.time_ns() // _NS_PER_MS
        start_ms = since_ms or now_ms - _FIRST_LOOK_MS
        found: dict[int, Trade] = {}
        # A clock that is behind must not hide the newest.
        while start_ms <= now_ms + _DAY_MS // 24:
            end_ms = start_ms + self._paths.span_ms
            asked = {"symbol": symbol, "startTime": start_ms, "endTime": end_ms, "limit": _PAGE}
            page = await self._rest.get(path, asked, list[Trade])
            found.update((each.id, each) for each in page)
            while len(page) == _PAGE:
                asked = {"symbol": symbol, "fromId": max(each.id for each in page) + 1, "limit": _PAGE}
                page = await self._rest.get(path, asked, list[Trade])
                found.update((each.id, each) for each in page)
                if page and max(each.time for each in page) > end_ms:
                    # By ids the pages go on beyond the span: nothing before them is left.
                    end_ms = max(each.time for each in page)
            start_ms = end_ms + 1
        return [found[number] for number in sorted(found) if found[number].time >= since_ms]

    async def _fill(self, trade: Trade, instrument: str) -> FillTold:
        side = trade.side or ("BUY" if trade.is_buyer else "SELL")
        is_maker = trade.maker if trade.maker is not None else bool(trade.is_maker)
        return FillTold(
            instrument=instrument,
            client_order_id=await self._client_id(trade),
            venue_order_id=str(trade.order_id),
            trade_id=str(trade.id),
            side=side,
            quantity=trade.qty,
            price=trade.price,
            fee=trade.commission,
            fee_asset=trade.commission_asset or None,
            liquidity="MAKER" if is_maker else "TAKER",
            at_ns=trade.time * _NS_PER_MS,
        )

    async def _client_id(self, trade: Trade) -> str | None:
        key = (trade.symbol, trade.order_id)
        if key not in self._client_ids:
            params = {"symbol": trade.symbol, "orderId": trade.order_id}
            try:
                self._state(await self._rest.get(f"{self._paths.prefix}/order", params, Order))
            except BinanceError as error:
                if error.code != _NO_SUCH_ORDER:
                    raise
        return self._client_ids.get(key)

    async def _positions(self) -> tuple[Position, ...]:
        if self._paths.positions is None:
            return ()
        told = await self._rest.get(self._paths.positions, {}, list[PositionRisk])
        amounts: dict[str, list[PositionRisk]] = {}
        for each in told:
            if each.symbol in self._by_symbol and Decimal(each.position_amt):
                amounts.setdefault(each.symbol, []).append(each)
        # In hedge mode both sides are told; what is held is their sum.
        return tuple(
            Position(
                self._by_symbol[symbol],
                f"{sum((Decimal(each.position_amt) for each in sides), Decimal(0)):f}",
                sides[0].entry_price if len(sides) == 1 else None,
                max(each.update_time for each in sides) * _NS_PER_MS,
            )
            for symbol, sides in amounts.items()
        )

    async def _balances(self) -> tuple[Balance, ...]:
        account = await self._rest.get(self._paths.account, {}, Account)
        now_ns = time.time_ns()
        found = []
        for each in account.assets or account.balances:
            if each.wallet_balance is not None:
                total, free = Decimal(each.wallet_balance), Decimal(each.available_balance or each.wallet_balance)
            else:
                free = Decimal(each.free or "0")
                total = free + Decimal(each.locked or "0")
            if total or free:
                found.append(Balance(each.asset, f"{total:f}", f"{free:f}", now_ns))
        return tuple(found)

    async def _market_trades(self, instrument: str) -> tuple[TradeTold, ...]:
        """The last trades of an instrument."""
        asked = {"symbol": self._symbol_of(instrument), "limit": _PAGE}
        told = await self._rest.public(f"{self._paths.prefix}/trades", asked, list[MarketTrade])
        return tuple(TradeTold(instrument, each.price, each.qty, each.time * _NS_PER_MS) for each in told)

    def _state(self, order: Order) -> OrderState:
        client_id = self._decode(order.client_order_id)
        self._client_ids[order.symbol, order.order_id] = client_id
        kind = TYPES.get(order.type, order.type)
        return OrderState(
            instrument=self._by_symbol[order.symbol],
            client_order_id=client_id or None,
            venue_order_id=str(order.order_id),
            status=STATUSES.get(order.status, order.status),
            side=order.side,
            type=kind,
            tif=TIFS.get(order.time_in_force, order.time_in_force),
            quantity=order.orig_qty,
            filled_quantity=order.executed_qty,
            price=order.price if Decimal(order.price) else None,
            at_ns=(order.update_time or order.time) * _NS_PER_MS,
        )

    def _name_of(
        self, instrument: str, client_order_id: str | None, venue_order_id: str | None
    ) -> dict[str, str | None]:
        """The order's names in a request: the venue's own where it is known, else ours."""
        symbol = self._symbol_of(instrument)
        if venue_order_id is not None:
            return {"symbol": symbol, "orderId": venue_order_id}
        return {"symbol": symbol, "origClientOrderId": client_order_id}

    def _symbol_of(self, instrument: str) -> str:
        symbol = self._symbols.get(instrument)
        if symbol is None:
            raise QuestionFailed(f"the node has no {instrument}")
        return symbol

    def _learn_symbols(self) -> None:
        if self._by_symbol:
            return
        for each in self._cache.instruments():
            name = str(each.id)
            is_spot = type(each).__name__ == "CurrencyPair"
            if each.id.venue.value == "BINANCE" and is_spot == self._is_spot:
                self._by_symbol[str(each.raw_symbol)] = name
                self._symbols[name] = str(each.raw_symbol)
