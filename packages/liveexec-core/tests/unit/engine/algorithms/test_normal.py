"""NORMAL: an order that the router split ends when its legs have, as they have."""

from decimal import Decimal

import pytest

from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_fold import apply_event
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.algorithm import Spawn
from liveexec.engine.algorithms import Normal
from support.algorithms import Bench, Child
from support.builders import make_leg, make_market_intent, make_routed


def split_order() -> Bench:
    """An order of three, split into legs of one and two by the engine."""
    bench = Bench(Normal(), make_market_intent(quantity=Decimal(3)))
    apply_event(bench.parent, make_routed(make_leg(quantity="1"), make_leg(quantity="2")), bench.now_ns)
    bench.start()
    for ordinal, quantity in ((1, Decimal(1)), (2, Decimal(2))):
        spawn = Spawn(quantity, OrderType.MARKET, None, TimeInForce.IOC)
        bench.children.append(Child(ordinal, spawn, bench.now_ns))
    return bench


def test_it_waits_for_its_legs_and_is_filled_when_they_are() -> None:
    bench = split_order()
    bench.restart()
    bench.fill(bench.children[0])
    assert bench.finish is None
    assert not bench.children[1].is_canceling
    bench.fill(bench.children[1])
    assert bench.outcome == (Resolution.FILLED, None)


@pytest.mark.parametrize(
    ("first", "second", "resolution", "code"),
    [
        (OrderStatus.REJECTED, OrderStatus.REJECTED, Resolution.REJECTED, "CHILD_REJECTS"),
        (OrderStatus.REJECTED, OrderStatus.CANCELED, Resolution.CANCELED, None),
        (OrderStatus.CANCELED, OrderStatus.EXPIRED, Resolution.EXPIRED, None),
        (OrderStatus.CANCELED, OrderStatus.CANCELED, Resolution.CANCELED, None),
    ],
)
def test_it_ends_as_its_legs_did(
    first: OrderStatus, second: OrderStatus, resolution: Resolution, code: str | None
) -> None:
    bench = split_order()
    bench.end(bench.children[0], first)
    assert bench.finish is None
    bench.end(bench.children[1], second)
    assert bench.outcome == (resolution, code)


def test_what_a_leg_did_not_fill_is_not_sent_again() -> None:
    bench = split_order()
    bench.fill(bench.children[0])
    bench.end(bench.children[1], OrderStatus.CANCELED)
    assert len(bench.children) == 2
    assert bench.finish is not None
    assert bench.finish.reason == "all legs ended; 1 of 3 filled"


def test_a_leg_whose_fate_is_unknown_keeps_it_open() -> None:
    bench = split_order()
    bench.fill(bench.children[0])
    bench.end(bench.children[1], OrderStatus.UNKNOWN)
    bench.run_until(100).restart()
    assert bench.finish is None
    bench.fill(bench.children[1])
    assert bench.outcome == (Resolution.FILLED, None)


def test_a_cancel_cancels_its_open_legs() -> None:
    bench = split_order()
    bench.fill(bench.children[0])
    bench.cancel()
    assert [child.is_canceling for child in bench.children] == [False, True]
    bench.restart()
    bench.end(bench.children[1], OrderStatus.CANCELED)
    assert bench.outcome == (Resolution.CANCELED, None)
