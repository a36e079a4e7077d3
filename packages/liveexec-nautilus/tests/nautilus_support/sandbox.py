"""A node without a venue, for the child process: NautilusTrader's own simulated client behind Bybit's name.

The market stands still: one quote, as deep as anything is traded here. Orders that cross are filled at once, the others
rest. What the questions answer is from the node's cache, which for this client is the venue.
"""

import os
import time
from decimal import Decimal
from typing import Any

from nautilus_trader.adapters.sandbox import SandboxExecutionClientConfig, SandboxExecutionClientFactory
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.live import DataClientConfig
from nautilus_trader.live.clients import DataClientFactory, MarketDataClient
from nautilus_trader.model import (
    AccountType,
    AggressorSide,
    Currency,
    CurrencyPair,
    InstrumentId,
    Money,
    OmsType,
    Price,
    Quantity,
    QuoteTick,
    Symbol,
    TradeId,
    TradeTick,
    Venue,
)

from liveexec_nautilus import vendor
from liveexec_nautilus.live.node import BuiltNode, node_builder
from liveexec_nautilus.live.protocol import Answer, Ask, Balance, Cancel, FillTold, NodePlan, OrderState
from liveexec_nautilus.live.questions import QuestionFailed
from liveexec_nautilus.live.strategy import NodeStrategy
from liveexec_nautilus.live.telling import fill_told, order_told

VENUE = "BYBIT"
PAIR = InstrumentId.from_str("BTCUSDT-SPOT.BYBIT")
BID, ASK = "61799.99", "61800.01"


def listing() -> CurrencyPair:
    """A spot pair."""
    return CurrencyPair(
        instrument_id=PAIR,
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=Currency.from_str("BTC"),
        quote_currency=Currency.from_str("USDT"),
        price_precision=2,
        size_precision=5,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_str("0.00001"),
        ts_event=0,
        ts_init=0,
    )


class Quotes(MarketDataClient):
    """Shows the pair, and one quote as soon as somebody subscribes."""

    async def _connect(self) -> None:
        self._handle_instrument(listing())

    async def _disconnect(self) -> None:
        pass

    async def _subscribe_quotes(self, command: Any) -> None:
        size, now_ns = Quantity.from_str("1000000.00000"), time.time_ns()
        self._handle_data(QuoteTick(PAIR, Price.from_str(BID), Price.from_str(ASK), size, size, now_ns, now_ns))

    async def _unsubscribe_quotes(self, command: Any) -> None:
        pass

    async def _subscribe_trades(self, command: Any) -> None:
        now_ns = time.time_ns()
        price, size = Price.from_str("61800.00"), Quantity.from_str("0.50000")
        self._handle_data(TradeTick(PAIR, price, size, AggressorSide.BUY, TradeId("1"), now_ns, now_ns))

    async def _unsubscribe_trades(self, command: Any) -> None:
        pass


class QuotesFactory(DataClientFactory):
    """Makes the data client."""

    @staticmethod
    def create(*, name: str, config: Any, cache: Any, clock: Any) -> Quotes:
        return Quotes(name=name, config=config, cache=cache, clock=clock, venue=Venue(VENUE))


class CacheQuestions:
    """Answers from the node's cache."""

    def __init__(self, cache: vendor.Cache) -> None:
        self._cache = cache

    async def answer(self, ask: Ask) -> Answer:
        match ask.what:
            case "order":
                order = self._cache.order(vendor.ClientOrderId(ask.client_order_id or ""))
                return Answer(ask.ref, orders=(_state(order),)) if order is not None else Answer(ask.ref)
            case "open_orders":
                return Answer(ask.ref, orders=tuple(_state(each) for each in self._cache.orders_open()))
            case "fills":
                return Answer(ask.ref, fills=tuple(self._fills(ask.since_ns)))
            case "positions":
                return Answer(ask.ref)
            case "balances":
                return Answer(ask.ref, balances=tuple(self._balances()))
            case "crash":
                os.abort()
        raise QuestionFailed(f"nobody knows {ask.what}")

    async def cancel(self, told: Cancel) -> Answer:
        raise QuestionFailed(f"order not found: {told.client_order_id}")

    async def close(self) -> None:
        pass

    def _fills(self, since_ns: int) -> list[FillTold]:
        events = [event for order in self._cache.orders() for event in order.events()]
        return [fill_told(e) for e in events if type(e).__name__ == "OrderFilled" and e.ts_event >= since_ns]

    def _balances(self) -> list[Balance]:
        account = self._cache.account_for_venue(Venue(VENUE))
        now_ns = time.time_ns()
        assert account is not None
        return [
            Balance(str(code), f"{each.total.as_decimal():f}", f"{each.free.as_decimal():f}", now_ns)
            for code, each in account.balances().items()
        ]


def _state(order: Any) -> OrderState:
    told = order_told(order.last_event, order)
    assert told is not None
    return told.state


def built(plan: NodePlan, strategy: NodeStrategy) -> BuiltNode:
    """The node: everything as for real venues, but its clients."""
    sandbox = SandboxExecutionClientConfig(
        venue=Venue(VENUE),
        starting_balances=[Money.from_str("1000000.00000000 BTC"), Money.from_str("10000000000.00000000 USDT")],
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        fee_model=MakerTakerFeeModel(Decimal("0.0001"), Decimal("0.0004")),
    )
    builder = (
        node_builder(plan, vendor.Environment.SANDBOX)
        .with_reconciliation(False)
        .add_data_client(VENUE, QuotesFactory, DataClientConfig())
        .add_simulated_exec_client(VENUE, SandboxExecutionClientFactory(), sandbox)
    )
    node = builder.build()
    node.add_strategy(strategy)
    return BuiltNode(node, {VENUE: CacheQuestions(node.cache)})
