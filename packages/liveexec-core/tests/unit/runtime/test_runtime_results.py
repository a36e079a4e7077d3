"""Results and watchers: how an order stands for its caller, and waiting until it stands otherwise."""

import asyncio
from decimal import Decimal

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import OrderId
from liveexec.domain.order import Order
from liveexec.domain.order_fold import apply_event
from liveexec.domain.order_state import OrderStatus
from liveexec.errors import OutcomeUnknown
from liveexec.runtime.results import Watchers, result_of
from support.builders import (
    NOW_NS,
    events_to,
    make_fill,
    make_intent,
    make_order,
    make_order_id,
    make_order_in,
)
from support.runtime_parts import turns, within


def test_a_result_tells_how_the_order_stands() -> None:
    order = make_order_in(OrderStatus.PARTIALLY_FILLED)
    result = result_of(order, {order.order_id: order}, repeated=True)
    assert (result.order_id, result.operation_id) == (order.order_id, order.operation_id)
    assert result.status is OrderStatus.PARTIALLY_FILLED
    assert (result.filled_quantity, result.average_price) == (Decimal("0.5"), Decimal(45_000))
    assert [fill.quantity for fill in result.fills] == [Decimal("0.5")]
    assert result.repeated


def test_a_refusal_tells_its_code_and_its_words() -> None:
    result = result_of(make_order_in(OrderStatus.REJECTED), {})
    assert (result.rejection_reason, result.message) == ("-2010", "insufficient balance")
    assert result.fills == ()
    assert result.average_price is None
    assert not result.repeated


def test_an_order_without_fills_yet_has_none() -> None:
    assert result_of(make_order_in(OrderStatus.SUBMITTED), {}).fills == ()


def test_a_parents_fills_are_its_childrens_in_the_order_of_their_times() -> None:
    parent = make_order(intent=make_intent(exec_algorithm="TWAP", exec_algorithm_params={"horizon_s": 60}))
    orders: dict[OrderId, Order] = {parent.order_id: parent}
    for number, at_ns in ((2, 30), (3, 10), (4, 20)):
        child = make_order(*events_to(OrderStatus.ACCEPTED), order_id=make_order_id(number))
        fill = make_fill(number, venue_time_ns=NOW_NS + at_ns, quantity=Decimal("0.1"))
        apply_event(child, ev.FillApplied(fill), NOW_NS)
        orders[child.order_id] = child
        apply_event(parent, ev.ChildSpawned(child.order_id, number, Decimal("0.1")), NOW_NS)
    apply_event(parent, ev.ChildSpawned(make_order_id(5), 5, Decimal("0.1")), NOW_NS)  # left memory
    result = result_of(parent, orders)
    assert [fill.venue_time_ns - NOW_NS for fill in result.fills] == [10, 20, 30]


ANSWERED = [status for status in OrderStatus if status not in (OrderStatus.PENDING, OrderStatus.SUBMITTED)]
ENDED = [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED]


@pytest.mark.parametrize("status", OrderStatus)
@pytest.mark.parametrize("terminal", [False, True])
async def test_what_is_there_already_is_not_waited_for(status: OrderStatus, terminal: bool) -> None:
    watchers = Watchers()
    waiting = asyncio.create_task(watchers.wait(make_order_in(status), terminal=terminal, timeout_s=None))
    await turns()
    assert waiting.done() == (status in (ENDED if terminal else ANSWERED))
    waiting.cancel()
    await asyncio.wait((waiting,))


async def test_an_acknowledgement_ends_the_wait_for_one_and_not_that_for_the_end() -> None:
    watchers = Watchers()
    order = make_order_in(OrderStatus.SUBMITTED)
    ack = asyncio.create_task(watchers.wait(order, terminal=False, timeout_s=None))
    end = asyncio.create_task(watchers.wait(order, terminal=True, timeout_s=None))
    await turns()
    assert watchers.awaited == [order.order_id]
    watchers.changed(order)
    await turns()
    assert not ack.done()
    apply_event(order, events_to(OrderStatus.ACCEPTED)[-1], NOW_NS)
    watchers.changed(order)
    await within(ack)
    assert not end.done()
    apply_event(order, ev.Canceled("requested", NOW_NS), NOW_NS)
    watchers.changed(order)
    await within(end)
    assert watchers.awaited == []


async def test_the_end_of_one_order_does_not_end_the_wait_for_another() -> None:
    watchers = Watchers()
    one, other = make_order_in(OrderStatus.SUBMITTED), make_order(order_id=make_order_id(2))
    waiting = asyncio.create_task(watchers.wait(other, terminal=False, timeout_s=None))
    await turns()
    watchers.changed(one)
    watchers.changed(make_order_in(OrderStatus.FILLED))
    await turns()
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait((waiting,))


async def test_after_the_timeout_the_caller_gets_what_is_there() -> None:
    watchers = Watchers()
    await within(watchers.wait(make_order_in(OrderStatus.SUBMITTED), terminal=True, timeout_s=0))
    assert watchers.awaited == []


async def test_a_change_that_comes_with_the_timeout_is_no_error() -> None:
    watchers = Watchers()
    order = make_order_in(OrderStatus.FILLED)
    open_order = make_order_in(OrderStatus.ACCEPTED)
    waiting = asyncio.create_task(watchers.wait(open_order, terminal=True, timeout_s=0))
    await asyncio.sleep(0)
    watchers.changed(order)
    await within(waiting)
    watchers.changed(order)
    watchers.changed(order)


async def test_a_failure_is_told_to_everybody_who_waits() -> None:
    watchers = Watchers()
    waiting = [
        asyncio.create_task(watchers.wait(make_order_in(OrderStatus.SUBMITTED), terminal=terminal, timeout_s=None))
        for terminal in (True, False, True)
    ]
    await turns()
    watchers.fail(OutcomeUnknown("the journal stopped"))
    for task in waiting:
        with pytest.raises(OutcomeUnknown, match="the journal stopped"):
            await within(task)
    assert watchers.awaited == []


async def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    watchers = Watchers()
    order = make_order_in(OrderStatus.SUBMITTED)
    stays = asyncio.create_task(watchers.wait(order, terminal=False, timeout_s=None))
    leaves = asyncio.create_task(watchers.wait(order, terminal=False, timeout_s=None))
    await turns()
    leaves.cancel()
    await asyncio.wait((leaves,))
    assert watchers.awaited == [order.order_id]
    watchers.fail(OutcomeUnknown("gone"))
    with pytest.raises(OutcomeUnknown):
        await within(stays)
    assert watchers.awaited == []
