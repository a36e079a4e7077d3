"""Bursts of orders through NautilusTrader's sandbox: run by :mod:`benchmarks.peers` in an environment of its own.

It imports nothing of liveexec. Its node takes quotes from a data client of this file, its venue is NautilusTrader's
own simulated execution client, and its strategy sends the next burst when the last one is filled. The only line that
it prints to its standard output is a JSON object: ``{"per_second": [...], "filled": n}``.
"""

# mypy: disable-error-code="import-not-found, misc"
# ruff: noqa: ARG002
# NautilusTrader is in the environment that runs this file and not in ours, and its callbacks take what they take.

import json
import sys
import time
from decimal import Decimal
from typing import Any

from nautilus_trader.adapters.sandbox import SandboxExecutionClientConfig, SandboxExecutionClientFactory
from nautilus_trader.common import Environment, LoggerConfig
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.live import DataClientConfig, LiveNode, LiveRiskEngineConfig
from nautilus_trader.live.clients import DataClientFactory, MarketDataClient
from nautilus_trader.model import (
    AccountType,
    Currency,
    CurrencyPair,
    InstrumentId,
    Money,
    OmsType,
    OrderSide,
    Price,
    Quantity,
    QuoteTick,
    Symbol,
    TraderId,
    Venue,
)
from nautilus_trader.trading import Strategy, StrategyConfig

VENUE = "BENCH"
BTCUSDT = InstrumentId.from_str(f"BTCUSDT.{VENUE}")


def listing() -> CurrencyPair:
    """The pair with the ticks and lots of our own benchmark."""
    return CurrencyPair(
        instrument_id=BTCUSDT,
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
        now_ns = time.time_ns()
        size = Quantity.from_str("1000000.00000")
        self._handle_data(
            QuoteTick(BTCUSDT, Price.from_str("61799.99"), Price.from_str("61800.01"), size, size, now_ns, now_ns)
        )

    async def _unsubscribe_quotes(self, command: Any) -> None:
        pass


class QuotesFactory(DataClientFactory):
    """Makes the data client."""

    @staticmethod
    def create(*, name: str, config: Any, cache: Any, clock: Any) -> Quotes:
        return Quotes(name=name, config=config, cache=cache, clock=clock, venue=Venue(VENUE))


class Bursts(Strategy):
    """Sends market orders, buys and sells in turn, a burst at a time."""

    def plan(self, bursts: int, orders: int, node: LiveNode) -> None:
        """How many bursts of how many orders."""
        self.left, self.orders, self.node = bursts, orders, node
        self.per_second: list[float] = []
        self.filled = 0
        self.has_begun = False

    def on_start(self) -> None:
        self.subscribe_quotes(BTCUSDT)

    def on_quote(self, quote: QuoteTick) -> None:
        if not self.has_begun:
            self.has_begun = True
            self.burst()

    def burst(self) -> None:
        """Send one."""
        self.started_s = time.perf_counter()
        quantity = Quantity.from_str("0.00100")
        for number in range(self.orders):
            side = OrderSide.BUY if number % 2 == 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(BTCUSDT, side, quantity))

    def on_order_filled(self, event: Any) -> None:
        self.filled += 1
        if self.filled % self.orders:
            return
        self.per_second.append(self.orders / (time.perf_counter() - self.started_s))
        self.left -= 1
        if self.left:
            # The next burst starts from a turn of its own, not from within the last fill.
            self.clock.set_time_alert_ns("burst", time.time_ns() + 50_000_000)
        else:
            self.node.handle().stop()

    def on_time_event(self, event: Any) -> None:
        self.burst()


def main(bursts: int, orders: int) -> None:
    """Run a node until all bursts are filled."""
    balances = [Money.from_str("1000000.00000000 BTC"), Money.from_str("10000000000.00000000 USDT")]
    sandbox = SandboxExecutionClientConfig(
        venue=Venue(VENUE),
        starting_balances=balances,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        fee_model=MakerTakerFeeModel(Decimal("0.0001"), Decimal("0.0004")),
    )
    builder = (
        LiveNode.builder("bench", TraderId("BENCH-001"), Environment.SANDBOX)
        .with_logging(LoggerConfig(bypass_logging=True))
        .with_reconciliation(False)
        .with_delay_post_stop_secs(0)
        # Its default of 100 orders a second would deny most of a burst; ours is just as wide in its benchmark.
        .with_risk_engine_config(LiveRiskEngineConfig(max_order_submit_rate="1000000/00:00:01"))
        .add_data_client(VENUE, QuotesFactory, DataClientConfig())
        .add_simulated_exec_client(VENUE, SandboxExecutionClientFactory(), sandbox)
    )
    node = builder.build()
    strategy = Bursts(StrategyConfig(log_events=False, log_commands=False))
    strategy.plan(bursts, orders, node)
    node.add_strategy(strategy)
    node.run()
    print(json.dumps({"per_second": strategy.per_second, "filled": strategy.filled}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
