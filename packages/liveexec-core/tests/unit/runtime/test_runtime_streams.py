"""Streams: every durable event in its order, to whoever listens, with nothing missing in between."""

import asyncio

import pytest

from liveexec.domain.order_state import OrderStatus
from liveexec.runtime.streams import Broadcaster, StreamItem, StreamOverrun, Subscription
from support.builders import events_to, make_asset_moved, make_order_id, make_order_in, make_received, make_record
from support.runtime_parts import turns, within

ORDER = make_order_id(1)


async def read(subscription: Subscription, count: int) -> list[StreamItem]:
    """The next items."""
    items: list[StreamItem] = []
    if count:
        async for item in subscription:
            items.append(item)
            if len(items) == count:
                break
    return items


async def rest_of(subscription: Subscription) -> list[int]:
    """The positions of what is left until the end."""
    return [item.position async for item in subscription]


async def test_without_listeners_nothing_is_kept() -> None:
    broadcaster = Broadcaster()
    assert not broadcaster.is_listened_to
    broadcaster.publish(1, make_record("ALPHA-1", 1, make_asset_moved()), None)
    subscription = broadcaster.subscribe()
    assert broadcaster.is_listened_to
    broadcaster.close()
    assert await within(rest_of(subscription)) == []


async def test_each_event_of_a_record_comes_with_its_sequence_its_position_and_its_order() -> None:
    broadcaster = Broadcaster()
    subscription = broadcaster.subscribe()
    order = make_order_in(OrderStatus.ACCEPTED)
    events = (make_received(), *events_to(OrderStatus.ACCEPTED))
    broadcaster.publish(7, make_record(ORDER, 3, *events, at_ns=42), order)
    items = await within(read(subscription, len(events)))
    assert [item.event for item in items] == list(events)
    assert [item.sequence for item in items] == list(range(3, 3 + len(events)))
    assert {(item.position, item.stream, item.at_ns) for item in items} == {(7, ORDER, 42)}
    assert all(item.order is order for item in items)


async def test_every_listener_gets_everything_from_its_subscription_on() -> None:
    broadcaster = Broadcaster()
    early = broadcaster.subscribe()
    broadcaster.publish(1, make_record("ALPHA-1", 1, make_asset_moved("1")), None)
    late = broadcaster.subscribe()
    broadcaster.publish(2, make_record("ALPHA-1", 2, make_asset_moved("2")), None)
    broadcaster.close()
    assert await within(rest_of(early)) == [1, 2]
    assert await within(rest_of(late)) == [2]


async def test_who_iterates_is_woken_by_what_comes() -> None:
    broadcaster = Broadcaster()
    subscription = broadcaster.subscribe()
    reading = asyncio.create_task(read(subscription, 1))
    await turns()
    assert not reading.done()
    broadcaster.publish(5, make_record("ALPHA-1", 1, make_asset_moved()), None)
    assert [item.position for item in await within(reading)] == [5]


async def test_leaving_the_loop_does_not_end_a_subscription() -> None:
    broadcaster = Broadcaster()
    subscription = broadcaster.subscribe()
    for position in (1, 2, 3):
        broadcaster.publish(position, make_record("ALPHA-1", position, make_asset_moved(str(position))), None)
    assert [item.position for item in await within(read(subscription, 1))] == [1]
    subscription.close()
    assert not broadcaster.is_listened_to
    assert await within(rest_of(subscription)) == [2, 3]


async def test_closing_wakes_who_waits_for_more() -> None:
    broadcaster = Broadcaster()
    subscription = broadcaster.subscribe()
    reading = asyncio.create_task(rest_of(subscription))
    await turns()
    subscription.close()
    subscription.close()
    assert await within(reading) == []


async def test_a_listener_too_slow_sees_what_fitted_without_a_hole_and_then_the_overrun() -> None:
    broadcaster = Broadcaster()
    subscription = broadcaster.subscribe(buffer=2)

    def publish(position: int) -> None:
        broadcaster.publish(position, make_record("ALPHA-1", position, make_asset_moved(str(position))), None)

    for position in (1, 2, 3):
        publish(position)
    seen = [item.position for item in await within(read(subscription, 1))]
    publish(4)  # there is place again, but 3 was left out
    with pytest.raises(StreamOverrun, match="more than 2 items"):  # noqa: PT012  (an async for is one statement)
        async for item in subscription:
            seen.append(item.position)  # noqa: PERF401  (a comprehension would lose what came before the error)
    assert seen == [1, 2]
    assert not broadcaster.is_listened_to


async def test_one_slow_listener_does_not_hold_up_the_others() -> None:
    broadcaster = Broadcaster()
    slow, quick = broadcaster.subscribe(buffer=1), broadcaster.subscribe()
    for position in (1, 2, 3):
        broadcaster.publish(position, make_record("ALPHA-1", position, make_asset_moved(str(position))), None)
    broadcaster.close()
    assert await within(rest_of(quick)) == [1, 2, 3]
    with pytest.raises(StreamOverrun):
        await within(rest_of(slow))


async def test_what_is_subscribed_after_the_end_ends_at_once() -> None:
    broadcaster = Broadcaster()
    broadcaster.close()
    assert await within(rest_of(broadcaster.subscribe())) == []
    assert not broadcaster.is_listened_to
