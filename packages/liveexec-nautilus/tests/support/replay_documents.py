"""A replay's specification for tests, as JSON values."""

from typing import Any

from support.nautilus_replays import MS, START_NS

__all__ = ["document"]


def document(*, seconds: int = 90, **others: Any) -> dict[str, Any]:
    """A specification on a synthetic market, with two algorithms and a resting order."""
    source = "BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN"
    rows: list[dict[str, Any]] = [
        {"instrument_key": "PERPETUAL:BTC-USDT@LIN", "side": "BUY", "quantity": "0.5", "order_type": "MARKET"},
        {"exec_algorithm": "TWAP", "params": {"horizon_secs": 20, "interval_secs": 5}},
        {"side": "SELL", "exec_algorithm": "VWAP", "params": {"horizon_secs": 10, "intervals": 5}, "quantity": "0.8"},
        {"order_type": "LIMIT", "price": "59990.0", "exec_algorithm": "NORMAL", "params": None},
    ]
    signals: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        last = signals[-1] if signals else {"strategy_id": "momentum"}
        signals.append({**last, **row, "timestamp": (START_NS // 1_000) + 10_000_000 * (number + 1) * seconds // 90})
    return {
        "name": "twice",
        "host": "nautilus",
        "plugins": {"enabled": ["liveexec-nautilus"]},
        "seed": 3,
        "venues": [
            {
                "venue": name,
                "accounts": [{"account_id": f"{name.lower()}-1", "balances": {"USDT": "1000000"}}],
                "latency": {"order_ns": 2 * MS, "report_ns": 3 * MS, "jitter_ns": MS},
                "instruments": [
                    {
                        "instrument_id": f"{name}:PERPETUAL:BTC-USDT@LIN",
                        "kind": "LINEAR",
                        "base_asset": "BTC",
                        "quote_asset": "USDT",
                        "settlement_asset": "USDT",
                        "tick": "0.1",
                        "lot": "0.001",
                        "min_quantity": "0.001",
                        "taker_fee": fee,
                        "source": source,
                    }
                ],
            }
            for name, fee in (("NORTH", "0.0005"), ("SOUTH", "0.0004"))
        ],
        "data": {
            "instruments": [
                {
                    "instrument_id": source,
                    "start_price": "60000",
                    "tick": "0.1",
                    "lot": "0.001",
                    "level_quantity": "2",
                }
            ],
            "start_ns": START_NS,
            "seconds": seconds,
            "seed": 5,
        },
        "signals": signals,
        **others,
    }
