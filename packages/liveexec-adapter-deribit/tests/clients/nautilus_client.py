"""NautilusTrader's Deribit client against a loopback venue: run in an environment of its own, with the venue's URL.

It imports nothing of liveexec. It watches quotes and a book, buys at the market, rests a limit order, changes it,
cancels it, sells the position again, and prints one JSON object of what it saw: ``{"seen": [...], ...}``.
"""

# mypy: disable-error-code="import-not-found, misc"
# NautilusTrader is in the environment that runs this file and not in ours.

import json
import sys
import time
import urllib.request
from typing import Any

from nautilus_trader.adapters.deribit import (
    DeribitDataClientConfig,
    DeribitDataClientFactory,
    DeribitEnvironment,
    DeribitExecutionClientConfig,
    DeribitExecutionClientFactory,
    DeribitProductType,
)
from nautilus_trader.common import Environment, LoggerConfig
from nautilus_trader.live import LiveNode
from nautilus_trader.model import (
    AccountId,
    BookType,
    InstrumentId,
    OrderSide,
    Price,
    Quantity,
    TraderId,
)
from nautilus_trader.trading import Strategy, StrategyConfig

PERPETUAL = InstrumentId.from_str("BTC-PERPETUAL.DERIBIT")
_PATIENCE_NS = 40_000_000_000
_LOOK_AGAIN_NS = 20_000_000


class Trader(Strategy):
    """Goes through its steps, each upon the event of the one before."""

    def plan(self, node: LiveNode, url: str) -> None:
        """The node to stop at the end, and where the venue is."""
        self.node, self.url = node, url
        self.looks = 0
        self.seen: list[str] = []
        self.quote: list[str] = []
        self.has_begun = False
        self.buy_id: Any = None
        self.rest_id: Any = None

    def on_start(self) -> None:
        self.clock.set_time_alert_ns("patience", time.time_ns() + _PATIENCE_NS)
        self.subscribe_quotes(PERPETUAL)
        self.subscribe_book_deltas(PERPETUAL, BookType.L2_MBP)
        self.subscribe_trades(PERPETUAL)

    def on_time_event(self, event: Any) -> None:
        if event.name != "patience":
            self.begin()
            return
        self.seen.append("out of patience")
        self.node.handle().stop()

    def on_book_deltas(self, deltas: Any) -> None:
        if "book" not in self.seen:
            self.seen.append("book")

    def on_trade(self, trade: Any) -> None:
        self.seen.append(f"trade {trade.price}")

    def on_quote(self, quote: Any) -> None:
        if self.has_begun:
            return
        self.has_begun = True
        self.quote = [str(quote.bid_price), str(quote.ask_price)]
        self.begin()

    def begin(self) -> None:
        """Buy, once the venue knows that trades are watched: quotes may come before that subscription is made."""
        with urllib.request.urlopen(f"{self.url}/loopback/sessions") as answer:
            sessions = json.load(answer)["result"]
        if not any(channel.startswith("trades.") for session in sessions for channel in session["channels"]):
            self.looks += 1
            self.clock.set_time_alert_ns(f"look {self.looks}", time.time_ns() + _LOOK_AGAIN_NS)
            return
        order = self.order_factory.market(PERPETUAL, OrderSide.BUY, Quantity.from_int(50))
        self.buy_id = order.client_order_id
        self.submit_order(order)

    def on_order_rejected(self, event: Any) -> None:
        self.seen.append(f"rejected {event.reason}")
        self.node.handle().stop()

    def on_order_denied(self, event: Any) -> None:
        self.seen.append(f"denied {event.reason}")
        self.node.handle().stop()

    def on_order_accepted(self, event: Any) -> None:
        if event.client_order_id == self.rest_id:
            self.seen.append("accepted")
            self.modify_order(self.rest_id, Quantity.from_int(30), Price.from_str("50001.0"))

    def on_order_updated(self, event: Any) -> None:
        if event.client_order_id == self.rest_id:
            self.seen.append(f"updated {event.quantity}")
            self.cancel_order(self.rest_id)

    def on_order_canceled(self, event: Any) -> None:
        self.seen.append("canceled")
        self.submit_order(self.order_factory.market(PERPETUAL, OrderSide.SELL, Quantity.from_int(50)))

    def on_order_filled(self, event: Any) -> None:
        self.seen.append(f"filled {event.last_qty} at {event.last_px}")
        if event.client_order_id == self.buy_id:
            order = self.order_factory.limit(PERPETUAL, OrderSide.BUY, Quantity.from_int(20), Price.from_str("50000.0"))
            self.rest_id = order.client_order_id
            self.submit_order(order)

    def on_position_opened(self, event: Any) -> None:
        self.seen.append("position opened")

    def on_position_closed(self, event: Any) -> None:
        self.seen.append("position closed")
        self.node.handle().stop()


def main(url: str) -> None:
    """Run a node until the strategy has gone through its steps."""
    common: dict[str, Any] = {
        "product_types": [DeribitProductType.FUTURE],
        "environment": DeribitEnvironment.TESTNET,
        "api_key": "loopback1",
        "api_secret": "secret-of-loopback1",
        "base_url_http": f"{url}/api/v2",
        "base_url_ws": f"{url.replace('http://', 'ws://')}/ws/api/v2",
    }
    builder = (
        LiveNode.builder("loopback", TraderId("LOOPBACK-001"), Environment.LIVE)
        .with_logging(LoggerConfig(bypass_logging="--log" not in sys.argv))
        .with_delay_post_stop_secs(0)
        .add_data_client("DERIBIT", DeribitDataClientFactory(), DeribitDataClientConfig(**common))
        .add_exec_client(
            "DERIBIT",
            DeribitExecutionClientFactory(),
            DeribitExecutionClientConfig(account_id=AccountId("DERIBIT-001"), **common),
        )
    )
    node = builder.build()
    strategy = Trader(StrategyConfig(log_events=False, log_commands=False))
    strategy.plan(node, url)
    node.add_strategy(strategy)
    node.run()
    print(json.dumps({"quote": strategy.quote, "seen": strategy.seen}))


if __name__ == "__main__":
    main(sys.argv[-1])
