"""NautilusTrader's Binance client against a loopback venue, as a process of its own, with the venue's URL.

It imports nothing of liveexec. It buys at the market, rests a limit order, changes it, lets others fill a part of it,
loses its streams, hears of the next part all the same, cancels the rest and sells everything again. It prints one JSON
object of what it saw: ``{"seen": [...], ...}``.
"""

# mypy: disable-error-code="misc"

import json
import sys
import time
import urllib.request
from typing import Any

from nautilus_trader.adapters.binance import (
    BinanceDataClientConfig,
    BinanceDataClientFactory,
    BinanceEnvironment,
    BinanceExecutionClientConfig,
    BinanceExecutionClientFactory,
    BinanceProductType,
    BinanceSpotMarketDataMode,
)
from nautilus_trader.common import Environment, LoggerConfig
from nautilus_trader.live import LiveExecutionEngineConfig, LiveNode
from nautilus_trader.model import AccountId, BookType, InstrumentId, OrderSide, Price, Quantity, TraderId
from nautilus_trader.trading import Strategy, StrategyConfig

PERPETUAL = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
PAIR = InstrumentId.from_str("BTCUSDT.BINANCE")
#: What the venue's own addresses for Spot end in.
SBE = "responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=5"
_NUDGE_NS = 300_000_000
_LOOK_NS = 50_000_000
_PATIENCE_NS = 40_000_000_000


class Trader(Strategy):
    """Goes through its steps, each upon the event of the one before."""

    def plan(self, node: LiveNode, url: str, traded: InstrumentId) -> None:
        """The node to stop at the end, the venue's address, and what to trade."""
        self.node, self.url, self.traded = node, url, traded
        self.seen: list[str] = []
        self.quote: list[str] = []
        self.nudges = self.looks = self.streams = 0
        self.buy_id: Any = None
        self.rest_id: Any = None

    def ask_venue(self, act: str, **fields: object) -> None:
        """Let something happen at the venue."""
        body = json.dumps(fields).encode()
        with urllib.request.urlopen(f"{self.url}/loopback/{act}", data=body) as answer:
            answer.read()

    def on_start(self) -> None:
        self.clock.set_time_alert_ns("patience", time.time_ns() + _PATIENCE_NS)
        self.subscribe_quotes(self.traded)
        self.subscribe_book_deltas(self.traded, BookType.L2_MBP)
        self.subscribe_trades(self.traded)

    def on_time_event(self, event: Any) -> None:
        match event.name.split()[0]:
            case "buy":
                self.buy()
            case "sell":
                self.sell()
            case "nudge":
                self.nudge()
            case _:
                self.seen.append("out of patience")
                self.node.handle().stop()

    def on_book_deltas(self, deltas: Any) -> None:
        if "book" in self.seen:
            return
        self.seen.append("book")
        self.buy()

    def buy(self) -> None:
        """Buy, once the venue knows that its trades are watched: the book may come before that."""
        if not self.watches_trades():
            self.looks += 1
            self.clock.set_time_alert_ns(f"buy {self.looks}", time.time_ns() + _LOOK_NS)
            return
        order = self.order_factory.market(self.traded, OrderSide.BUY, Quantity.from_str("0.050"))
        self.buy_id = order.client_order_id
        self.submit_order(order)

    def watches_trades(self) -> bool:
        """Whether one of the venue's sessions has the trades among its topics."""
        return any("trade" in topic.lower() for session in self.sessions() for topic in session["topics"])

    def lose_streams(self) -> None:
        """Cut every session but that of USD-M's requests: what is sent while that one is gone the client may lose."""
        sessions = self.sessions()
        self.streams = len(sessions)
        for session in sessions:
            if not session["path"].startswith("/ws-fapi"):
                self.ask_venue("cut", session_id=session["session_id"])

    def sessions(self) -> Any:
        """The venue's sessions as they are."""
        with urllib.request.urlopen(f"{self.url}/loopback/sessions", data=b"{}") as answer:
            return json.loads(answer.read())["result"]

    def on_trade(self, trade: Any) -> None:
        self.seen.append(f"trade {trade.price}")

    def on_quote(self, quote: Any) -> None:
        if not self.quote:
            self.quote = [str(quote.bid_price), str(quote.ask_price)]
            self.nudge()

    def nudge(self) -> None:
        """Change the book, again and again until it is here: the client asks for it when a difference arrives."""
        if "book" not in self.seen:
            self.nudges += 1
            self.ask_venue("rest", symbol="BTCUSDT", side="SELL", quantity="1", price=str(50_020 + self.nudges))
            self.clock.set_time_alert_ns(f"nudge {self.nudges}", time.time_ns() + _NUDGE_NS)

    def on_order_rejected(self, event: Any) -> None:
        self.seen.append(f"rejected {event.reason}")
        self.node.handle().stop()

    def on_order_denied(self, event: Any) -> None:
        self.seen.append(f"denied {event.reason}")
        self.node.handle().stop()

    def on_order_modify_rejected(self, event: Any) -> None:
        self.seen.append(f"modify rejected {event.reason}")
        self.node.handle().stop()

    def on_order_cancel_rejected(self, event: Any) -> None:
        self.seen.append(f"cancel rejected {event.reason}")
        self.node.handle().stop()

    def on_order_accepted(self, event: Any) -> None:
        if event.client_order_id == self.rest_id:
            self.seen.append("accepted")
            self.modify_order(self.rest_id, Quantity.from_str("0.030"), Price.from_str("49000.5"))

    def on_order_updated(self, event: Any) -> None:
        if event.client_order_id == self.rest_id:
            self.seen.append(f"updated {event.quantity}")
            self.ask_venue("take", symbol="BTCUSDT", side="SELL", quantity="0.010", price="49000.5")

    def on_order_canceled(self, event: Any) -> None:
        self.seen.append("canceled")
        self.sell()

    def sell(self) -> None:
        """Sell everything, once the streams are back: what comes before that the node would only hear of later."""
        if len(self.sessions()) < self.streams:
            self.looks += 1
            self.clock.set_time_alert_ns(f"sell {self.looks}", time.time_ns() + _LOOK_NS)
            return
        self.submit_order(self.order_factory.market(self.traded, OrderSide.SELL, Quantity.from_str("0.070")))

    def on_order_filled(self, event: Any) -> None:
        self.seen.append(f"filled {event.last_qty} at {event.last_px}")
        if event.client_order_id == self.buy_id:
            order = self.order_factory.limit(
                self.traded, OrderSide.BUY, Quantity.from_str("0.020"), Price.from_str("49000.0")
            )
            self.rest_id = order.client_order_id
            self.submit_order(order)
        elif event.client_order_id == self.rest_id:
            if len([word for word in self.seen if word.startswith("filled 0.010")]) == 1:
                self.lose_streams()
                self.ask_venue("take", symbol="BTCUSDT", side="SELL", quantity="0.010", price="49000.5")
            else:
                self.cancel_order(self.rest_id)
        elif self.traded == PAIR:  # each of its orders has a position of its own, so none closes
            self.node.handle().stop()

    def on_position_opened(self, event: Any) -> None:
        self.seen.append("position opened")

    def on_position_closed(self, event: Any) -> None:
        self.seen.append("position closed")
        self.node.handle().stop()


def main(url: str, key: str, secret: str, options: list[str]) -> None:
    """Run a node until the strategy has gone through its steps."""
    stream, is_spot = url.replace("http://", "ws://"), "--spot" in options
    market_data = BinanceSpotMarketDataMode.Json if "--json" in options else None
    common: dict[str, Any] = {
        "product_type": BinanceProductType.SPOT if is_spot else BinanceProductType.USD_M,
        "environment": BinanceEnvironment.LIVE,
        "api_key": key,
        "api_secret": secret,
        "base_url_http": url,
        "base_url_ws": f"{stream}/ws" if market_data or not is_spot else f"{stream}/sbe/ws",
    }
    builder = (
        LiveNode.builder("loopback", TraderId("LOOPBACK-001"), Environment.LIVE)
        .with_logging(LoggerConfig(bypass_logging="--log" not in options))
        .with_delay_post_stop_secs(0)
        .with_exec_engine_config(
            # Spot's client asks for nothing when its streams are back, and the futures' one opens its stream a second
            # time after it has asked: what was missed is found by this alone.
            LiveExecutionEngineConfig(open_check_interval_secs=1, open_check_threshold_ms=500)
        )
        .add_data_client(
            "BINANCE",
            BinanceDataClientFactory(),
            BinanceDataClientConfig(spot_market_data_mode=market_data, **common),
        )
        .add_exec_client(
            "BINANCE",
            BinanceExecutionClientFactory(),
            BinanceExecutionClientConfig(
                account_id=AccountId("BINANCE-001"),
                base_url_ws_trading=f"{stream}/ws-api/v3?{SBE}" if is_spot else f"{stream}/ws-fapi/v1",
                use_ws_trading="--rest" not in options,
                **common,
            ),
        )
    )
    node = builder.build()
    strategy = Trader(StrategyConfig(log_events=False, log_commands=False))
    strategy.plan(node, url, PAIR if is_spot else PERPETUAL)
    node.add_strategy(strategy)
    node.run()
    print(json.dumps({"quote": strategy.quote, "seen": strategy.seen}))


if __name__ == "__main__":
    main(sys.argv[-1], sys.argv[-3], sys.argv[-2], sys.argv[1:-3])
