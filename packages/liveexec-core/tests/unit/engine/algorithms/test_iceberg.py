"""ICEBERG at work: one slice shown at a time."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.algorithms import Iceberg
from support.algorithms import Bench, S, fill_all, leave_open, refuse
from support.builders import NOW_NS, make_intent

TENTH = Decimal("0.1")


def iceberg(quantity: str = "1", minimum: str = "0.1", **changes: Any) -> Bench:
    """An iceberg that shows three tenths unless the test says otherwise."""
    script = changes.pop("script", leave_open)
    params = changes.pop("params", {"visible_quantity": "0.3"})
    intent = make_intent(quantity=Decimal(quantity), exec_algorithm="ICEBERG", exec_algorithm_params=params, **changes)
    return Bench(Iceberg(), intent, TENTH, Decimal(minimum), script)


def test_the_next_slice_is_shown_when_the_visible_one_is_filled() -> None:
    bench = iceberg().start()
    assert bench.slices == ["0.3"]
    bench.fill(bench.children[0], Decimal("0.2"))
    assert bench.slices == ["0.3"]
    bench.fill(bench.children[0])
    assert bench.slices == ["0.3", "0.3"]
    for child in (1, 2, 3):
        bench.fill(bench.children[child])
    assert bench.slices == ["0.3", "0.3", "0.3", "0.1"]
    assert bench.outcome == (Resolution.FILLED, None)


def test_slices_rest_at_the_limit_as_the_order_says() -> None:
    spawn = iceberg(post_only=True, time_in_force=TimeInForce.DAY).start().children[0].spawn
    assert (spawn.order_type, spawn.price) == (OrderType.LIMIT, Decimal(45_000))
    assert (spawn.time_in_force, spawn.post_only) == (TimeInForce.DAY, True)
    assert not iceberg().start().children[0].spawn.post_only


@pytest.mark.parametrize(
    ("params", "minimum", "slices"),
    [
        ({"visible_pct": 50}, "0.1", ["0.5", "0.5"]),
        ({"visible_pct": 25}, "0.1", ["0.2"] * 5),
        ({"visible_pct": 100}, "0.1", ["1"]),
        ({"visible_pct": "0.001"}, "0.1", ["0.1"] * 10),
        ({"visible_quantity": "0.35"}, "0.1", ["0.3", "0.3", "0.3", "0.1"]),
        # Never below the minimum, and no rest that would be.
        ({"visible_pct": 10}, "0.3", ["0.3", "0.3", "0.4"]),
        ({"visible_quantity": "0.4"}, "0.4", ["0.4", "0.6"]),
        ({"visible_quantity": "0.9"}, "0.2", ["1"]),
    ],
)
def test_how_much_is_shown(params: dict[str, Any], minimum: str, slices: list[str]) -> None:
    bench = iceberg(params=params, minimum=minimum, script=fill_all).start()
    assert bench.slices == slices
    assert bench.outcome == (Resolution.FILLED, None)


def test_what_is_shown_stays_the_same_after_a_restart() -> None:
    bench = iceberg().start().restart()
    assert bench.slices == ["0.3"]
    bench.fill(bench.children[0])
    bench.restart()
    assert bench.slices == ["0.3", "0.3"]


def test_an_unknown_slice_is_not_replaced() -> None:
    bench = iceberg().start()
    bench.end(bench.children[0], OrderStatus.UNKNOWN)
    bench.run_until(100).restart()
    assert bench.slices == ["0.3"]
    assert bench.finish is None


def test_a_slice_that_came_back_is_shown_again() -> None:
    bench = iceberg().start()
    bench.fill(bench.children[0], Decimal("0.1"))
    bench.end(bench.children[0], OrderStatus.CANCELED)
    assert bench.slices == ["0.3", "0.3"]


def test_a_refused_slice_is_tried_again_a_second_later_and_at_most_three_times() -> None:
    bench = iceberg(script=refuse).start().run_until(60)
    assert bench.times_s == [0, 1, 2]
    assert bench.outcome == (Resolution.REJECTED, "CHILD_REJECTS")


def test_a_slice_that_the_venue_keeps_canceling_is_given_up() -> None:
    bench = iceberg().start()
    bench.end(bench.children[0], OrderStatus.CANCELED)
    bench.run_until(10)
    bench.end(bench.children[1], OrderStatus.CANCELED)
    bench.run_until(20)
    bench.end(bench.children[2], OrderStatus.CANCELED)
    bench.run_until(30)
    assert bench.times_s == [0, 1, 10]
    assert bench.outcome == (Resolution.REJECTED, "CHILD_REJECTS")


def test_when_a_slice_expires_the_parent_does() -> None:
    bench = iceberg(time_in_force=TimeInForce.GTD, expire_at_ns=NOW_NS + 60 * S).start()
    assert bench.children[0].spawn.time_in_force is TimeInForce.GTD
    bench.fill(bench.children[0], Decimal("0.1"))
    bench.end(bench.children[0], OrderStatus.EXPIRED)
    assert bench.slices == ["0.3"]
    assert bench.outcome == (Resolution.EXPIRED, None)


def test_a_cancel_takes_the_visible_slice_back() -> None:
    bench = iceberg().start()
    bench.cancel()
    assert bench.children[0].is_canceling
    bench.fill(bench.children[0], Decimal("0.1"))
    assert bench.finish is None
    bench.end(bench.children[0], OrderStatus.CANCELED)
    assert bench.slices == ["0.3"]
    assert bench.outcome == (Resolution.CANCELED, None)


def test_a_rest_below_the_minimum_ends_the_parent_with_what_it_has() -> None:
    bench = iceberg(params={"visible_pct": 100}, minimum="0.2").start()
    bench.fill(bench.children[0], Decimal("0.9"))
    bench.end(bench.children[0], OrderStatus.CANCELED)
    assert bench.outcome == (Resolution.CANCELED, "REST_BELOW_MINIMUM")


@pytest.mark.parametrize(("quantity", "code"), [("1.05", "QUANTITY_OFF_LOT"), ("0.1", "QUANTITY_BELOW_MINIMUM")])
def test_a_quantity_that_cant_be_traded_is_refused(quantity: str, code: str) -> None:
    bench = iceberg(quantity, minimum="0.2", params={"visible_pct": 50}).start()
    assert bench.outcome == (Resolution.REJECTED, code)
    assert bench.children == []


@given(st.integers(1, 300), st.integers(1, 20), st.integers(1, 100))
def test_the_slices_add_up_exactly_and_none_is_too_small(lots: int, least: int, pct: int) -> None:
    minimum = TENTH * min(least, lots)
    bench = iceberg(str(TENTH * lots), str(minimum), params={"visible_pct": pct}, script=fill_all).start()
    assert bench.filled == TENTH * lots
    assert bench.outcome == (Resolution.FILLED, None)
    shown = max(TENTH * (lots * pct // 100), minimum)
    assert all(child.quantity == shown for child in bench.children[:-1])
    assert bench.children[-1].quantity < shown + minimum
