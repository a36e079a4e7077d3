"""A bare NautilusTrader strategy that counts quotes and sends market orders: what a replay is measured against.

Imported by :mod:`benchmarks.replay` when it runs, since the library is big and optional. Nothing of liveexec is here.
"""

# mypy: disable-error-code="misc"
# The strategy derives from the library's, which an environment without it takes for untyped.

import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig, LogLevel
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.model import (
    AccountType,
    CryptoPerpetual,
    Currency,
    InstrumentId,
    Money,
    OmsType,
    OrderSide,
    Price,
    Quantity,
    QuoteTick,
    Symbol,
    Venue,
)
from nautilus_trader.risk import RiskEngineConfig
from nautilus_trader.trading import Strategy

__all__ = ["Quote", "bare_run", "quotes_of"]

BTC = InstrumentId.from_str("BTCUSDT-PERP.BENCH")
#: (time in nanoseconds, bid, ask, bid quantity, ask quantity)
Quote = tuple[int, str, str, str, str]


class Bare(Strategy):
    """Buys and sells in turn, every so many quotes."""

    def plan(self, every: int) -> None:
        """How far apart."""
        self.every = every
        self.seen = self.sent = self.filled = 0
        self.quantity = Quantity.from_str("0.001")

    def on_start(self) -> None:
        self.subscribe_quotes(BTC)

    def on_quote(self, quote: Any) -> None:  # noqa: ARG002 -- it only counts
        self.seen += 1
        if self.seen % self.every == 0:
            self.sent += 1
            side = OrderSide.BUY if self.sent % 2 else OrderSide.SELL
            self.submit_order(self.order_factory.market(BTC, side, self.quantity))

    def on_order_filled(self, event: Any) -> None:  # noqa: ARG002 -- it only counts
        self.filled += 1


def quotes_of(quotes: Sequence[Quote]) -> list[Any]:
    """The quotes as the library's own objects."""
    return [
        QuoteTick(
            BTC,
            Price.from_str(bid),
            Price.from_str(ask),
            Quantity.from_str(bid_quantity),
            Quantity.from_str(ask_quantity),
            at_ns,
            at_ns,
        )
        for at_ns, bid, ask, bid_quantity, ask_quantity in quotes
    ]


def bare_run(quotes: list[Any], every: int) -> tuple[float, int]:
    """Seconds of a run over quotes that are loaded already, and how many orders were filled."""
    engine = BacktestEngine(
        BacktestEngineConfig(
            run_analysis=False,
            logging=LoggerConfig(stdout_level=LogLevel.OFF, print_config=False),
            risk_engine=RiskEngineConfig(bypass=True),
        )
    )
    engine.add_venue(
        Venue("BENCH"),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money.from_str("10000000 USDT")],
        fee_model=MakerTakerFeeModel(Decimal("0.0002"), Decimal("0.0005")),
    )
    engine.add_instrument(_instrument())
    strategy = Bare()
    strategy.plan(every)
    engine.add_strategy(strategy)
    engine.add_data(quotes)
    started_s = time.perf_counter()
    engine.run()
    took_s = time.perf_counter() - started_s
    engine.dispose()
    return took_s, strategy.filled


def _instrument() -> CryptoPerpetual:
    usdt = Currency.from_str("USDT")
    return CryptoPerpetual(
        instrument_id=BTC,
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=Currency.from_str("BTC"),
        quote_currency=usdt,
        settlement_currency=usdt,
        is_inverse=False,
        price_precision=1,
        size_precision=3,
        price_increment=Price.from_str("0.1"),
        size_increment=Quantity.from_str("0.001"),
        ts_event=0,
        ts_init=0,
    )
