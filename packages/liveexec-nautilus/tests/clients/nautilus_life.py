"""NautilusTrader's node against a loopback Bybit or OKX: run in an environment of its own, ``VENUE URL``.

It imports nothing of liveexec. A position and a resting order that were there before it connects are reconciled; then
its own limit order fills in part, is changed and canceled; a fill that the venue holds back arrives after the cancel;
every stream is cut while another order rests, which fills in part before they are back, and is asked about then; a last
order fills. It prints one JSON object of what it saw:
``{"seen": [...], "reconciled": [...], ...}``.
"""

# NautilusTrader is in the environment that runs this file.

import json
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from nautilus_trader.adapters import bybit, okx
from nautilus_trader.common import Environment, LoggerConfig
from nautilus_trader.live import LiveExecutionEngineConfig, LiveNode, SubmissionRecoveryPolicy
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

_PATIENCE_NS = 60_000_000_000
#: By venue: (instrument, the control's symbol, size of an order, its size after the change, part that fills, and what
#: the last two still have).
_TRADED = {
    "bybit": ("BTCUSDT-LINEAR.BYBIT", "linear.BTCUSDT", "0.400", "0.300", "0.100", "0.700"),
    "okx": ("BTC-USDT-SWAP.OKX", "BTC-USDT-SWAP", "4.00", "3.00", "1.00", "7.00"),
}


class Venue:
    """The venue's control, over HTTP."""

    def __init__(self, url: str, symbol: str) -> None:
        self.url = url
        self.symbol = symbol

    def act(self, name: str, **asked: Any) -> Any:
        """Let the venue do something, and return what it says."""
        request = urllib.request.Request(f"{self.url}/loopback/{name}", json.dumps(asked).encode(), method="POST")
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())["result"]

    def sell(self, quantity: str) -> None:
        """Somebody sells at the market."""
        self.act("take", symbol=self.symbol, side="SELL", quantity=quantity)

    def sessions(self) -> list[str]:
        """Which sessions there are now, as whom, and what they subscribed to."""
        found = self.act("sessions")
        return sorted(f"{each['path']} {each['user_id']} {sorted(each['topics'])}" for each in found)


class Trader(Strategy):
    """Goes through its steps, each upon the event of the one before."""

    def plan(self, node: LiveNode, venue: Venue, name: str) -> None:
        """The node to stop at the end, and what to trade."""
        # Neither can be asked of a node that runs.
        self.stop_node, self.held = node.handle().stop, node.cache
        self.venue, self.name = venue, name
        instrument, _, *self.sizes = _TRADED[name]
        self.instrument_id = InstrumentId.from_str(instrument)
        self.seen: list[str] = []
        self.quote: list[str] = []
        self.reconciled: dict[str, list[str]] = {}
        self.first_id: Any = None
        self.held_id: Any = None
        self.gap_id: Any = None
        self.last_id: Any = None
        self.position: list[str] = []

    def on_start(self) -> None:
        self.reconciled = {
            "orders": sorted(f"{order.client_order_id} {order.quantity}" for order in self.held.orders_open()),
            "positions": [f"{each.signed_qty:g} at {each.avg_px_open:g}" for each in self.held.positions_open()],
        }
        self.clock.set_time_alert_ns("patience", time.time_ns() + _PATIENCE_NS)
        self.subscribe_quotes(self.instrument_id)
        self.subscribe_book_deltas(self.instrument_id, BookType.L2_MBP)
        self.subscribe_trades(self.instrument_id)

    def on_time_event(self, event: Any) -> None:
        if event.name == "patience":
            self.end("out of patience")
        elif event.name == "returned":
            self.returned()

    def on_book_deltas(self, deltas: Any) -> None:
        self.see_once("book")

    def on_trade(self, trade: Any) -> None:
        self.see_once("trade")

    def on_quote(self, quote: Any) -> None:
        if self.first_id is None:
            self.quote = [str(quote.bid_price), str(quote.ask_price)]
            self.first_id = self.buy(self.sizes[0], "49995.0")

    def on_order_event(self, event: Any) -> None:
        kind = type(event).__name__.removeprefix("Order").lower()
        if event.client_order_id not in {self.first_id, self.held_id, self.gap_id, self.last_id}:
            return
        if kind in {"initialized", "submitted", "pendingupdate", "pendingcancel"}:
            return
        shown = f"{kind} {self.called(event.client_order_id)}"
        if kind == "filled":
            shown += f" {event.last_qty} at {event.last_px} fee {event.commission}"
        if kind == "updated":
            shown += f" {event.quantity} at {event.price}"
        if kind in {"rejected", "denied"}:
            shown += f" {event.reason}"
        self.seen.append(shown)
        steps: dict[tuple[str, str], Callable[[], None]] = {
            ("accepted", "first"): lambda: self.venue.sell(self.sizes[2]),
            ("filled", "first"): self.change,
            ("updated", "first"): lambda: self.cancel_order(self.first_id),
            ("canceled", "first"): self.hold_back,
            ("accepted", "held"): self.fill_and_cancel,
            ("filled", "held"): self.rest_another,
            ("accepted", "gap"): self.cut,
            ("filled", "gap"): self.go_on,
            ("accepted", "last"): lambda: self.venue.act(
                "take", symbol=self.venue.symbol, side="SELL", quantity=self.sizes[3]
            ),
            ("filled", "last"): lambda: self.end(""),
        }
        step = steps.get((kind, self.called(event.client_order_id)))
        if step is not None:
            step()
        if kind in {"rejected", "denied"}:
            self.end("")

    def change(self) -> None:
        """The order has filled in part: it becomes smaller, at another price."""
        self.modify_order(self.first_id, Quantity.from_str(self.sizes[1]), Price.from_str("49994.0"))

    def hold_back(self) -> None:
        """The next fill arrives late; an order for it."""
        topic = "execution" if self.name == "bybit" else "orders"
        skip = 0 if self.name == "bybit" else 1  # OKX tells fills on the topic that tells of the order itself
        self.venue.act("stream_fault", kind="delay", topic=topic, delay_s=3.0, skip=skip)
        self.held_id = self.buy(self.sizes[0], "49995.0")

    def fill_and_cancel(self) -> None:
        """The venue has filled a part, and does not say so yet."""
        self.venue.sell(self.sizes[2])
        self.cancel_order(self.held_id)

    def rest_another(self) -> None:
        """An order that rests while the streams are cut."""
        self.gap_id = self.buy(self.sizes[0], "49995.0")

    def cut(self) -> None:
        """Every stream is cut, and a part fills before they are back."""
        self.wanted = self.venue.sessions()
        self.seen.append(f"cut {self.venue.act('cut') > 0}")
        self.venue.sell(self.sizes[2])
        self.clock.set_timer_ns("returned", 100_000_000, None, None, self.on_time_event)

    def returned(self) -> None:
        """All sessions are there again, and nobody told of the fill: ask."""
        if "returned" not in self.seen and self.venue.sessions() == self.wanted:
            self.clock.cancel_timer("returned")
            self.seen.append("returned")
            self.query_order(self.held.order(self.gap_id))

    def go_on(self) -> None:
        """What filled meanwhile is known: one more order."""
        if self.last_id is None:
            self.last_id = self.buy(self.sizes[0], "49994.0")

    def buy(self, quantity: str, price: str) -> Any:
        """Rest a limit order; returns its client id."""
        size, limit = Quantity.from_str(quantity), Price.from_str(price)
        order = self.order_factory.limit(self.instrument_id, OrderSide.BUY, size, limit)
        self.submit_order(order)
        return order.client_order_id

    def called(self, client_order_id: Any) -> str:
        """What the steps call an order."""
        names = {self.first_id: "first", self.held_id: "held", self.gap_id: "gap", self.last_id: "last"}
        return names[client_order_id]

    def see_once(self, word: str) -> None:
        if word not in self.seen:
            self.seen.append(word)

    def end(self, word: str) -> None:
        """Stop, with a word why if it was not the plan."""
        if word:
            self.seen.append(word)
        self.position = [f"{each.signed_qty:g}" for each in self.held.positions_open()]
        self.stop_node()


def with_bybit(builder: Any, url: str) -> Any:
    """The builder with clients of a loopback Bybit."""
    socket = url.replace("http://", "ws://")
    common: dict[str, Any] = {
        "product_types": [bybit.BybitProductType.LINEAR],
        "api_key": "loopback1",
        "api_secret": "secret-of-loopback1",
        "base_url_http": url,
        "base_url_ws_private": f"{socket}/v5/private",
    }
    data = bybit.BybitDataClientConfig(base_url_ws_public=f"{socket}/v5/public/linear", **common)
    trading = bybit.BybitExecutionClientConfig(
        account_id=AccountId("BYBIT-001"), base_url_ws_trade=f"{socket}/v5/trade", **common
    )
    builder = builder.add_data_client("BYBIT", bybit.BybitDataClientFactory(), data)
    return builder.add_exec_client("BYBIT", bybit.BybitExecutionClientFactory(), trading)


def with_okx(builder: Any, url: str) -> Any:
    """The builder with clients of a loopback OKX."""
    socket = url.replace("http://", "ws://")
    common: dict[str, Any] = {
        "instrument_types": [okx.OKXInstrumentType.SWAP],
        "api_key": "loopback1",
        "api_secret": "secret-of-loopback1",
        "api_passphrase": "passphrase-of-loopback1",
        "base_url_http": url,
        "base_url_ws_business": f"{socket}/ws/v5/business",
    }
    data = okx.OKXDataClientConfig(base_url_ws_public=f"{socket}/ws/v5/public", **common)
    trading = okx.OKXExecutionClientConfig(
        account_id=AccountId("OKX-001"),
        base_url_ws_private=f"{socket}/ws/v5/private",
        margin_mode=okx.OKXMarginMode.CROSS,  # isolated without it, which the loopback has not
        **common,
    )
    builder = builder.add_data_client("OKX", okx.OKXDataClientFactory(), data)
    return builder.add_exec_client("OKX", okx.OKXExecutionClientFactory(), trading)


def main(name: str, url: str) -> None:
    """Run a node until the strategy has gone through its steps."""
    builder = (
        LiveNode.builder("loopback", TraderId("LOOPBACK-001"), Environment.LIVE)
        .with_logging(LoggerConfig(bypass_logging="--log" not in sys.argv))
        .with_delay_post_stop_secs(0)
        .with_exec_engine_config(
            LiveExecutionEngineConfig(submission_recovery_policy=SubmissionRecoveryPolicy.RETAIN_UNRESOLVED)
        )
    )
    node = (with_bybit if name == "bybit" else with_okx)(builder, url).build()
    strategy = Trader(
        StrategyConfig(log_events=False, log_commands=False, use_hyphens_in_client_order_ids=name != "okx")
    )
    strategy.plan(node, Venue(url, _TRADED[name][1]), name)
    node.add_strategy(strategy)
    node.run()
    print(
        json.dumps(
            {
                "quote": strategy.quote,
                "reconciled": strategy.reconciled,
                "seen": strategy.seen,
                "position": strategy.position,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[-2:])
