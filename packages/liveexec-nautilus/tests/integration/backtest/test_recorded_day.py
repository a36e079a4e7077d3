"""Real recorded ticks of three venues' books through both hosts: nothing of them lies in the repository."""

import os
from pathlib import Path
from typing import Any

import pytest

from liveexec.replay.run import ReplayOutcome, run_replay
from liveexec.replay.spec import load_spec
from support.nautilus_replays import MS

DATA = Path(os.environ.get("LIVEEXEC_TEST_DATA", Path(__file__).parents[6] / "shared" / "data")) / "market"
SPOT = "BINANCE-SPOT:SPOT_PAIR:BTC-USDT"
LINEAR = "BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN"
INVERSE = "BINANCE-FUTURES:PERPETUAL:BTC-USD@INV"
#: 2024-08-08, 23:55 UTC: what was recorded are the last six minutes of the day.
FROM_US = 1_723_161_300_000_000

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded day is not on this machine")


def document(host: str) -> dict[str, Any]:
    def listing(instrument_id: str, kind: str, tick: str, lot: str, **others: str) -> dict[str, Any]:
        return {
            "instrument_id": instrument_id,
            "kind": kind,
            "base_asset": "BTC",
            "quote_asset": "USDT",
            "settlement_asset": "USDT",
            "tick": tick,
            "lot": lot,
            "min_quantity": lot,
            "maker_fee": "0.0002",
            "taker_fee": "0.0005",
            "source": instrument_id,
            **others,
        }

    def signal(at_s: int, key: str, side: str, quantity: str, **others: Any) -> dict[str, Any]:
        row = {"timestamp": FROM_US + at_s * 1_000_000, "instrument_key": key, "side": side, "quantity": quantity}
        return {**row, "order_type": "MARKET", "strategy_id": "day", **others}

    latency = {"order_ns": 5 * MS, "report_ns": 5 * MS}
    return {
        "name": "day",
        "host": host,
        "plugins": {"enabled": ["liveexec-nautilus"]},
        "data": {"url": DATA.as_uri(), "lead_s": "30"},
        "venues": [
            {
                "venue": "BINANCE-SPOT",
                "accounts": [{"account_id": "spot", "balances": {"USDT": "500000", "BTC": "5"}}],
                "instruments": [listing(SPOT, "SPOT", "0.01", "0.00001")],
                "latency": latency,
            },
            {
                "venue": "BINANCE-FUTURES",
                "accounts": [{"account_id": "futures", "balances": {"USDT": "500000", "BTC": "5"}}],
                "instruments": [
                    listing(LINEAR, "LINEAR", "0.1", "0.001"),
                    listing(
                        INVERSE, "INVERSE", "0.1", "1", multiplier="100", quote_asset="USD", settlement_asset="BTC"
                    ),
                ],
                "latency": latency,
            },
        ],
        "signals": [
            signal(10, SPOT, "BUY", "0.25"),
            signal(12, LINEAR, "SELL", "1.5", exec_algorithm="TWAP", params={"horizon_secs": 60, "interval_secs": 10}),
            signal(20, INVERSE, "BUY", "40"),
            signal(30, SPOT, "SELL", "0.6", exec_algorithm="VWAP", params={"horizon_secs": 60, "intervals": 6}),
            signal(100, INVERSE, "SELL", "25"),
            signal(110, LINEAR, "BUY", "0.5", order_type="LIMIT", price="61700.0"),
            signal(120, LINEAR, "BUY", "0.7", exec_algorithm="ICEBERG", params={"visible_quantity": "0.1"},
                   order_type="LIMIT", price="62500.0"),
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def outcomes() -> dict[str, ReplayOutcome]:
    return {host: run_replay(load_spec(document(host))) for host in ("paper", "nautilus")}


def test_what_the_venues_hold_is_what_was_recorded(outcomes: dict[str, ReplayOutcome]) -> None:
    for outcome in outcomes.values():
        assert outcome.differences == ()
        assert len(outcome.recording.orders) > 7


def test_both_hosts_give_the_same_orders_and_children(outcomes: dict[str, ReplayOutcome]) -> None:
    paper, nautilus = (
        [(each.order_id, each.parent_id, each.instrument_id, each.status, each.filled_quantity) for each in orders]
        for orders in (list(outcomes[host].recording.orders.values()) for host in ("paper", "nautilus"))
    )
    assert nautilus == paper


def test_both_hosts_fill_within_a_basis_point(outcomes: dict[str, ReplayOutcome]) -> None:
    theirs = outcomes["paper"].recording.orders
    compared = 0
    for order in outcomes["nautilus"].recording.orders.values():
        other = theirs[order.order_id]
        if order.average_price is not None and other.average_price is not None:
            assert abs(order.average_price - other.average_price) <= other.average_price / 10_000
            compared += 1
    assert compared >= 15
