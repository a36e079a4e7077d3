"""The orders that a host asks for in a run: of every type, at every venue, now and then too large or with defects."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any, Final

from liveexec.domain.ids import OperationId, StrategyId
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation as Trade
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec_testkit.simulator.greedy import GREEDY
from liveexec_testkit.simulator.ladder import LADDER
from liveexec_testkit.simulator.market import LOT, MOST_LOTS, PRODUCTS, TICK, instrument_at
from liveexec_testkit.simulator.venue import SimVenue

__all__ = ["STRATEGIES", "any_intent"]

_S: Final = 1_000_000_000
STRATEGIES: Final = (StrategyId("trend"), StrategyId("carry"))


def any_intent(random: Random, seed: int, venues: Sequence[SimVenue], now_ns: int) -> OrderIntent:
    """An order of any kind; what it is called by follows from ``seed``, if it is called anything."""
    product = random.choice(list(PRODUCTS))
    venue = random.choice(venues)
    is_routed = random.random() < 0.25
    side = Side.BUY if random.random() < 0.5 else Side.SELL
    values: dict[str, Any] = {
        "operation": Trade.TRADE,
        "quantity": LOT
        * random.choice((random.randrange(1, 40), random.randrange(1, 40), 13, MOST_LOTS, MOST_LOTS + 1))
        if random.random() < 0.2
        else LOT * random.randrange(1, 40),
        "strategy_id": random.choice(STRATEGIES),
        "instrument_key": product if is_routed else instrument_at(venue.kind.name, product),
        "side": side,
    }
    price = venue.truth.prices[instrument_at(venue.kind.name, product)]
    kind = random.random()
    if kind < 0.2:
        values["order_type"] = OrderType.MARKET
    elif kind < 0.85:
        values |= _limit(random, price, side, now_ns)
    else:
        values |= _algorithm(random, price, side, values["quantity"])
    if random.random() < 0.3:
        values["operation_id"] = OperationId(f"op-{seed}")
    return OrderIntent(**values)


def _limit(random: Random, price: Decimal, side: Side, now_ns: int) -> dict[str, Any]:
    tif = random.choice(
        (
            TimeInForce.GTC,
            TimeInForce.GTC,
            TimeInForce.GTC,
            TimeInForce.DAY,
            TimeInForce.IOC,
            TimeInForce.FOK,
            TimeInForce.GTD,
        )
    )
    values: dict[str, Any] = {
        "order_type": OrderType.LIMIT,
        "price": price - TICK * random.randrange(-2, 12) * side.sign,
        "time_in_force": tif,
    }
    if tif is TimeInForce.GTD:
        values["expire_at_ns"] = now_ns + random.randrange(1, 3 * _S)
    elif tif in (TimeInForce.GTC, TimeInForce.DAY):
        values["post_only"] = random.random() < 0.2
    return values


def _algorithm(random: Random, price: Decimal, side: Side, quantity: Decimal) -> dict[str, Any]:
    limit = {"order_type": OrderType.LIMIT, "price": price + TICK * 2 * side.sign}
    if random.random() < 0.5:
        visible = max(LOT, LOT * int(quantity / LOT / 3))
        return {
            "exec_algorithm": "ICEBERG",
            "exec_algorithm_params": {"visible_quantity": str(visible)}
            if random.random() < 0.5
            else {"visible_pct": random.choice((20, 35, 60))},
            "order_type": OrderType.LIMIT,
            "price": price - TICK * random.randrange(0, 3) * side.sign,
        }
    if random.random() < 0.15:
        return {
            "exec_algorithm": GREEDY,
            "exec_algorithm_params": {"hasty": random.random() < 0.5},
            "order_type": OrderType.LIMIT,
            "price": price - TICK * random.randrange(0, 3) * side.sign,
        }
    if random.random() < 0.4:
        return {
            "exec_algorithm": LADDER,
            "order_type": OrderType.LIMIT,
            "price": price - TICK * random.randrange(1, 5) * side.sign,
        }
    params = {"horizon_secs": random.choice((1, 2)), "interval_secs": random.choice((0.2, 0.5))}
    return {"exec_algorithm": "TWAP", "exec_algorithm_params": params, **(limit if random.random() < 0.5 else {})}
