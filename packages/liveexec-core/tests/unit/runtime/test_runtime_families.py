"""Families: orders folded from their streams alone are those that lived through every event, to the last field."""

from collections.abc import Iterator
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain import order_event as ev
from liveexec.domain.fill import Fill
from liveexec.domain.ids import OrderId, VenueOrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import MONEY
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.record import Event, Record
from liveexec.domain.stored import StoredRecord
from liveexec.errors import InvariantViolation
from liveexec.runtime.families import fold_family, names_of, read_families
from liveexec.storage.rows import row_of
from support.builders import (
    NOW_NS,
    events_to,
    make_fill,
    make_intent,
    make_order_id,
    make_received,
    make_record,
)
from support.runtime_history import ADOPTED, CHILD, CONTROL, HISTORY, PARENT, PLAIN, REFUSED, SECOND_CHILD
from support.runtime_parts import ScriptedStore, ViewBench

PARENT_ID, FIRST, SECOND = make_order_id(1), make_order_id(2), make_order_id(3)


@pytest.fixture(autouse=True)
def exact_money() -> Iterator[None]:
    with localcontext(MONEY):
        yield


class Life:
    """Records as they are written, folded at once; the streams that a later reader finds."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.streams: dict[str, list[StoredRecord]] = {}
        self.count = 0

    def tell(self, stream: str, *events: Event) -> None:
        self.count += 1
        at_ns = NOW_NS + self.count * 1_000
        record = Record(stream, self.ledger.next_sequence(stream), events, "test", at_ns)
        self.ledger.apply(record)
        self.streams.setdefault(stream, []).append(StoredRecord(self.count, 1, record))

    def spawn(self, child: OrderId, ordinal: int, quantity: str = "0.5") -> None:
        """A child at work."""
        intent = make_intent(quantity=Decimal(quantity))
        received = make_received(intent, parent_order_id=PARENT_ID, ordinal=ordinal)
        self.tell(PARENT_ID, ev.ChildSpawned(child, ordinal, Decimal(quantity)))
        self.tell(child, received, *events_to(OrderStatus.ACCEPTED))

    def fill(self, child: OrderId, number: int, quantity: str) -> Fill:
        fill = make_fill(number, quantity=Decimal(quantity))
        self.tell(child, ev.FillApplied(fill))
        return fill

    def assert_same(self) -> None:
        """The fold of the streams is what lived here."""
        folded = fold_family(self.streams)
        assert folded.keys() == self.ledger.orders.keys()
        for order_id, order in self.ledger.orders.items():
            assert row_of(folded[order_id]) == row_of(order)
            assert seen(folded[order_id]) == seen(order)


def seen(order: Order) -> tuple[object, ...]:
    """What no column shows."""
    return (
        list(order.fills or {}), order.undone_fills, order.approved, order.attempt, order.reserve_price, order.cancel,
        order.replace is not None, order.children, order.schedule, order.venue_order_id, order.client_order_id,
    )  # fmt: skip


@pytest.fixture
def life() -> Life:
    life = Life()
    intent = make_intent(exec_algorithm="TWAP", exec_algorithm_params={"horizon_s": 60, "slices": 2})
    life.tell(PARENT_ID, make_received(intent), ev.ScheduleFixed({}))
    return life


def test_what_a_child_did_after_its_fill_does_not_touch_its_parent(life: Life) -> None:
    life.spawn(FIRST, 1)
    life.fill(FIRST, 1, "0.2")
    filled_at_ns = life.ledger.orders[PARENT_ID].updated_at_ns
    life.tell(FIRST, ev.Canceled("requested", NOW_NS))
    assert fold_family(life.streams)[PARENT_ID].updated_at_ns == filled_at_ns
    life.assert_same()


def test_a_parent_that_ended_before_its_last_fill_is_what_it_was(life: Life) -> None:
    life.spawn(FIRST, 1)
    life.spawn(SECOND, 2)
    life.fill(FIRST, 1, "0.5")
    life.tell(PARENT_ID, ev.ParentFinished(ev.Resolution.EXPIRED, "HORIZON", "the horizon ended"))
    late = life.fill(SECOND, 2, "0.5")
    assert life.ledger.orders[PARENT_ID].status is OrderStatus.FILLED
    life.assert_same()
    life.tell(SECOND, ev.FillBusted(late, "busted by the venue"))
    assert life.ledger.orders[PARENT_ID].status is OrderStatus.CANCELED
    life.assert_same()


def test_a_finished_parent_does_not_fall_back_while_its_children_are_added_up(life: Life) -> None:
    for ordinal, child in enumerate((FIRST, SECOND), 1):
        life.spawn(child, ordinal)
        life.fill(child, ordinal, "0.5")
    life.tell(PARENT_ID, ev.ParentFinished(ev.Resolution.FILLED, None, "filled"))
    life.assert_same()
    assert fold_family(life.streams)[PARENT_ID].status is OrderStatus.FILLED


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["fill", "bust", "cancel", "finish"]), st.integers(0, 2)), max_size=14))
def test_whatever_comes_between_the_fold_of_the_streams_is_the_life(steps: list[tuple[str, int]]) -> None:
    with localcontext(MONEY):
        life = Life()
        intent = make_intent(exec_algorithm="TWAP", exec_algorithm_params={"horizon_s": 60, "slices": 3})
        life.tell(PARENT_ID, make_received(intent), ev.ScheduleFixed({}))
        children = [make_order_id(number) for number in (2, 3, 4)]
        for ordinal, child in enumerate(children, 1):
            life.spawn(child, ordinal, "0.4")
        for number, (step, which) in enumerate(steps, 1):
            order, parent = life.ledger.orders[children[which]], life.ledger.orders[PARENT_ID]
            if step == "fill":
                life.fill(order.order_id, number, "0.2")
            elif step == "bust" and order.fills:
                life.tell(order.order_id, ev.FillBusted(next(iter(order.fills.values())), "busted"))
            elif step == "cancel" and order.is_open:
                life.tell(order.order_id, ev.Canceled("requested", NOW_NS))
            elif step == "finish" and parent.is_open:
                resolution = list(ev.Resolution)[which]
                life.tell(PARENT_ID, ev.ParentFinished(resolution, None, "finished"))
        life.assert_same()


def test_a_child_without_its_parent_is_folded_alone(life: Life) -> None:
    life.spawn(FIRST, 1)
    life.fill(FIRST, 1, "0.2")
    (order,) = fold_family({FIRST: life.streams[FIRST]}).values()
    assert order.filled_quantity == Decimal("0.2")


def test_a_stream_with_a_hole_is_no_order(life: Life) -> None:
    life.spawn(FIRST, 1)
    life.fill(FIRST, 1, "0.2")
    life.fill(FIRST, 2, "0.2")
    del life.streams[FIRST][1]
    with pytest.raises(InvariantViolation, match="expected"):
        fold_family(life.streams)


def test_a_stream_that_starts_in_the_middle_is_no_order() -> None:
    record = make_record(PLAIN, 1, ev.FillApplied(make_fill()))
    with pytest.raises(InvariantViolation, match="FillApplied before the order is known"):
        fold_family({PLAIN: [StoredRecord(1, 1, record)]})


def test_nothing_is_folded_of_nothing() -> None:
    assert fold_family({}) == {}
    assert fold_family({PLAIN: []}) == {}
    assert names_of({}) == {}


@pytest.fixture
async def store() -> ScriptedStore:
    store = ScriptedStore()
    bench = await ViewBench.of(store)
    for step in HISTORY:
        await bench.tell(step.stream, *step.events)
    await bench.project()
    return store


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((), set()),
        ((PLAIN,), {PLAIN}),
        ((PARENT,), {PARENT, CHILD, SECOND_CHILD}),
        ((CHILD,), {PARENT, CHILD, SECOND_CHILD}),
        ((CHILD, SECOND_CHILD, REFUSED), {PARENT, CHILD, SECOND_CHILD, REFUSED}),
        ((make_order_id(999),), set()),
    ],
)
async def test_an_order_is_read_with_its_whole_family(
    store: ScriptedStore, asked: tuple[OrderId, ...], found: set[str]
) -> None:
    assert set(await read_families(store, "main", list(asked))) == found


async def test_names_are_those_of_every_attempt_and_every_change(store: ScriptedStore) -> None:
    names = names_of(await read_families(store, "main", [PLAIN, CHILD, ADOPTED]))
    client = names[PLAIN][0][1]
    assert names[PLAIN] == [
        ("client", client), ("tws", "17"), ("venue", "V-1"), ("perm", "99"), ("client", "lx-new"), ("tws", "18"),
        ("venue", "V-1b"),
    ]  # fmt: skip
    assert ("tx", "0xab") in names[CHILD]
    assert names[ADOPTED] == [("client", "web-77"), ("venue", "V-77"), ("perm", "77")]
    assert CONTROL not in names
    assert VenueOrderId("V-62") in dict(names[SECOND_CHILD]).values()
