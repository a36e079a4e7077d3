"""Rows of compared algorithms and of sweeps, as they are."""

from decimal import Decimal

from support.presented_rows import Row
from support.presented_runs import RUN_ID

__all__ = ["algorithm_rows", "sweep_rows"]


def algorithm_rows() -> list[Row]:
    """One that filled, and one that did not."""
    filled: Row = {
        "algorithm": "TWAP",
        "status": "FILLED",
        "filled": Decimal(3),
        "children": 10,
        "fills": 13,
        "arrival_price": Decimal("61832.075"),
        "average_price": Decimal("61798.2238762962962963"),
        "slippage_bps": Decimal("-5.475"),
        "shortfall_bps": Decimal("-1.477"),
        "fees_bps": Decimal("3.998"),
        "participation_pct": Decimal("2.1699"),
        "seconds": Decimal("270.003"),
        "code": None,
    }
    nothing = dict.fromkeys(("average_price", "slippage_bps", "participation_pct", "seconds"))
    refused: Row = {"algorithm": "VWAP", "status": "REJECTED", "filled": Decimal(0), "children": 0, "fills": 0}
    return [filled, filled | nothing | refused | {"code": "NO_VOLUME_PROFILE", "fees_bps": Decimal(0)}]


def sweep_rows() -> list[Row]:
    """A run that came out, and one that failed."""
    return [
        {
            "number": 0,
            "settings": "router.policy=split, venues.1.latency.order_ns=5000000",
            "run_id": RUN_ID,
            "orders": 12,
            "fills": 17,
            "result": Decimal("-12.5"),
            "currency": "USDT",
            "fees": Decimal("4.5"),
            "max_drawdown": Decimal("20.25"),
            "took_s": Decimal("1.25"),
            "error": None,
        },
        {"number": 1, "settings": "router.policy=lowest_fee", "error": "signals file:///a/b.json: can't be read"},
    ]
