"""Runs to publish: a few fills folded into everything that a run leaves behind."""

from decimal import Decimal
from typing import Any

from liveexec.domain.ids import StrategyId
from liveexec.domain.operation import Side
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.stored import FillRow
from liveexec.storage.results.archive import RunResults
from liveexec.storage.results.conversions import fill_of, order_of
from liveexec.storage.results.history import PortfolioHistory
from liveexec.storage.results.run_ids import config_hash, new_run_id
from liveexec.storage.results.summary import RunKind, TickBytes, summarize
from support.builders import ALPHA_ACCOUNT, NOW_NS, SPOT, SPOT_TERMS, make_fill, make_order_id, make_order_in

CONFIG = {"mode": "paper", "strategies": ["momentum"]}
MINUTE_NS = 60_000_000_000


def owned_fill(number: int = 1, strategy_id: str = "momentum-btc-v1", **changes: Any) -> FillRow:
    """The n-th fill, as the strategy's own."""
    fill = make_fill(number, **changes)
    return FillRow(ALPHA_ACCOUNT, StrategyId(strategy_id), make_order_id(), fill, False, fill.venue_time_ns)


def make_run(name: str = "momentum", config: dict[str, Any] | None = None, last_price: str = "45200") -> RunResults:
    """Half a BTC bought at 45,000 and a quarter of one sold, and the last price."""
    config = CONFIG if config is None else config
    found = [
        owned_fill(1),
        owned_fill(
            2, side=Side.SELL, quantity=Decimal("0.25"), price=Decimal(45_100), venue_time_ns=NOW_NS + MINUTE_NS
        ),
    ]
    history = PortfolioHistory("USDT", Decimal(100_000))
    for each in found:
        history.fill(each, SPOT_TERMS)
    history.mark(SPOT, Decimal(last_price), NOW_NS + 2 * MINUTE_NS)
    history.finish(NOW_NS + 2 * MINUTE_NS)
    orders = [order_of(make_order_in(OrderStatus.FILLED))]
    fills = [fill_of(each) for each in found]
    summary = summarize(
        run_id=new_run_id(name, config, NOW_NS),
        kind=RunKind.REPLAY,
        engine="paper",
        version="0.1.0",
        config_hash=config_hash(config),
        started_ns=NOW_NS,
        ended_ns=NOW_NS + 5_000_000_001,
        covers_ns=(NOW_NS, NOW_NS + 2 * MINUTE_NS),
        currency="USDT",
        initial_value=Decimal(100_000),
        orders=orders,
        fills=fills,
        equity_curve=history.equity_curve,
        tick_data=TickBytes(bytes_read=4_000, bytes_of_full_read=100_000, rows=70, signals=2, windows=1),
    )
    return RunResults(
        summary=summary,
        config=config,
        orders=orders,
        fills=fills,
        positions=history.positions,
        equity_curve=history.equity_curve,
        log="one line\nanother\n",
    )
