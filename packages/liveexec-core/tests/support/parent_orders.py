"""Parents for engine tests, and what their children's venues do.

from support.parent_orders import book_again, fill_slices, iceberg, restarted, slices, split, twap
"""

from decimal import Decimal
from typing import Any

from liveexec.domain.order import Order
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.engine.config import EngineConfig
from liveexec.engine.router_config import RouterConfig
from support.builders import (
    ALPHA,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    make_intent,
    make_market_intent,
)
from support.engine_harness import EngineHarness

__all__ = ["book_again", "fill_slices", "iceberg", "restarted", "slices", "split", "twap"]

CANCELED = VenueOrderStatus.CANCELED


def twap(harness: EngineHarness, **changes: Any) -> Order:
    """One BTC over fifty seconds, a slice every ten; parameters and the intent's fields can be changed."""
    params = {"horizon_secs": 50, "interval_secs": 10} | changes.pop("params", {})
    return harness.submit(make_market_intent(exec_algorithm="TWAP", exec_algorithm_params=params, **changes))


def iceberg(harness: EngineHarness, visible: str = "0.4", **changes: Any) -> Order:
    """One BTC at 45,000 of which this much is shown."""
    params = {"visible_quantity": visible}
    return harness.submit(make_intent(exec_algorithm="ICEBERG", exec_algorithm_params=params, **changes))


def split(**changes: Any) -> tuple[EngineHarness, Order]:
    """An order that was divided between both venues, 0.6 at ALPHA and 0.4 at BETA."""
    harness = EngineHarness(EngineConfig(router=RouterConfig(policy="split", min_slice=Decimal(0)))).start()
    harness.market(SPOT, asks=[("45001", "0.6"), ("45100", "5")])
    harness.market(SPOT_AT_BETA, asks=[("45001", "0.4"), ("45100", "5")])
    order = harness.submit(make_market_intent(instrument_key=SPOT_PRODUCT, **changes))
    assert [child.quantity for child in harness.children(order)] == [Decimal("0.6"), Decimal("0.4")]
    return harness, order


def book_again(harness: EngineHarness, seconds: float) -> None:
    """Let time pass a few seconds at a time, with a book that never gets old."""
    while seconds > 0:
        harness.advance(min(seconds, 4))
        harness.market()
        harness.market(SPOT_AT_BETA)
        seconds -= 4


def fill_slices(harness: EngineHarness, parent: Order, part: str = "1") -> None:
    """Fill this part of every open child; what is left of an immediate one is gone."""
    for child in harness.children(parent):
        if child.is_open:
            wanted = (child.quantity * Decimal(part)).quantize(Decimal("0.001"))
            if wanted:
                harness.fill(child, str(wanted))
            if child.is_open:
                harness.report(child, CANCELED)


def slices(harness: EngineHarness, parent: Order) -> list[str]:
    return [str(child.quantity.normalize()) for child in harness.children(parent)]


def restarted(harness: EngineHarness, parent_id: str) -> EngineHarness:
    """Another process, that finds every child where the last one knew it."""
    orders = harness.engine.state.ledger.orders.values()
    working = [harness.said(order) for order in orders if order.parent_id is not None and order.is_open]
    again = harness.restart()
    again.connect(ALPHA, orders=working, positions={SPOT: str(harness.net())})
    again.market()
    return again
