"""What an order costs the engine does not grow: counted in instructions and bytes, not in time."""

import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from liveexec.engine.inputs import Forget
from support.lean_engine import LeanEngine, instructions

#: The most that an acknowledged order may hold of the engine, the durable view and their indexes.
MOST_BYTES = 2_048
#: How far counts may lie apart: hash tables probe longer or shorter, and never twice as long.
TOLERANCE = 0.05


def live_through(engine: LeanEngine, orders: int) -> None:
    """So many orders are sent, filled, shown by the tables and forgotten."""
    for number in range(orders):
        order = engine.submit(engine.intent(number))
        engine.acknowledge(order)
        engine.fill(order)
        engine.project()
        engine.tell(Forget(0, ((order.order_id, order.last_sequence),)))
        engine.view.drop(order.order_id)


def work_of_an_order(engine: LeanEngine) -> list[int]:
    """Instructions for the decisions about one more order: submitted, acknowledged, filled."""
    counts = []
    request = engine.request(engine.intent(7))
    with instructions() as count:
        engine.tell(request)
        counts.append(count())
    order = engine.engine.state.ledger.orders[request.order_id]
    with instructions() as count:
        engine.acknowledge(order)
        counts.append(count())
    with instructions() as count:
        engine.fill(order)
        counts.append(count())
    return counts


def assert_alike(few: list[int], many: list[int]) -> None:
    assert all(count > 100 for count in few), "nothing was counted"
    assert many == pytest.approx(few, rel=TOLERANCE)


def test_an_order_costs_the_same_however_many_are_open() -> None:
    engine = LeanEngine()
    engine.open_orders(10)
    work_of_an_order(engine)
    few = work_of_an_order(engine)
    engine.open_orders(3_000)
    assert_alike(few, work_of_an_order(engine))


def test_an_order_costs_the_same_however_many_came_before_it() -> None:
    engine = LeanEngine()
    live_through(engine, 20)
    few = work_of_an_order(engine)
    live_through(engine, 3_000)
    assert_alike(few, work_of_an_order(engine))


@pytest.fixture
def traced() -> Iterator[Callable[[], int]]:
    """Bytes that Python holds, of those allocated since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()


def test_an_open_order_holds_a_bounded_amount_of_memory(traced: Callable[[], int]) -> None:
    engine = LeanEngine()
    # The windows that limits look back over are full after this.
    engine.open_orders(2_500)
    before = traced()
    engine.open_orders(2_500)
    assert (traced() - before) / 2_500 <= MOST_BYTES


def test_a_finished_order_leaves_nothing_behind(traced: Callable[[], int]) -> None:
    engine = LeanEngine()
    live_through(engine, 2_500)
    before = traced()
    live_through(engine, 1_000)
    assert (traced() - before) / 1_000 <= 16
