"""Observers: shown every durable event in order, and unable to hold anything up."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from liveexec.domain.account_event import ConfigApplied
from liveexec.domain.order import Order
from liveexec.domain.record import Event, Record
from liveexec.plugins.manager import Observer, load_plugins
from liveexec.runtime.observers import Observers
from liveexec.runtime.streams import Broadcaster
from support.builders import make_order_id


def record(number: int) -> Record:
    event = ConfigApplied(str(number), "test", "")
    return Record("control:main", number, (event,), "test", number)


def logged(capsys: pytest.CaptureFixture[str]) -> str:
    """What was logged, wherever logging goes: a host may have set it up before."""
    return "".join(capsys.readouterr())


async def fed(observe: Callable[[Event, Order | None], None], events: int, timeout_s: float = 5.0) -> Broadcaster:
    """A broadcaster that told an observer of so many events, and ended."""
    broadcaster = Broadcaster()
    observers = Observers([Observer("acme 1.0", observe)], lambda: broadcaster.subscribe(events + 1))
    observers.start()
    await asyncio.sleep(0)
    for number in range(1, events + 1):
        broadcaster.publish(number, record(number), None)
    broadcaster.close()
    await observers.close(timeout_s)
    return broadcaster


async def test_every_event_is_shown_in_order_in_a_thread_of_its_own() -> None:
    seen: list[str] = []
    threads: set[str] = set()

    def observe(event: Event, order: Order | None) -> None:
        assert isinstance(event, ConfigApplied)
        assert order is None
        seen.append(event.config_hash)
        threads.add(threading.current_thread().name)

    await fed(observe, 500)
    assert seen == [str(number) for number in range(1, 501)]
    assert threads == {"liveexec-observer acme 1.0"}


async def test_what_one_raises_is_logged_and_the_next_event_comes(capsys: pytest.CaptureFixture[str]) -> None:
    seen = []

    def observe(event: Event, _: Order | None) -> None:
        seen.append(event)
        raise KeyError("mine")

    await fed(observe, 5)
    assert len(seen) == 5
    said = logged(capsys)
    assert said.count("observer_failed") == 3, "the 1st, the 2nd and the 4th"
    assert "KeyError" in said


async def test_one_that_hangs_is_left_behind(capsys: pytest.CaptureFixture[str]) -> None:
    forever = threading.Event()
    started = time.monotonic()

    def observe(_: Event, __: Order | None) -> None:
        forever.wait()

    try:
        await fed(observe, 3, timeout_s=0.2)
    finally:
        forever.set()
    assert time.monotonic() - started < 5
    assert "observer_hangs" in logged(capsys)


async def test_one_that_is_slow_loses_events_and_that_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liveexec.runtime.observers._WAITING", 4)
    may_go_on = threading.Event()
    seen: list[Event] = []

    def observe(event: Event, _: Order | None) -> None:
        may_go_on.wait(5)
        seen.append(event)

    broadcaster = Broadcaster()
    observers = Observers([Observer("acme 1.0", observe)], lambda: broadcaster.subscribe(1_000))
    observers.start()
    await asyncio.sleep(0)
    for number in range(1, 101):
        broadcaster.publish(number, record(number), None)
    broadcaster.close()
    # The feed takes all that waits in one turn of the loop.
    await asyncio.sleep(0)
    may_go_on.set()
    await observers.close(5)
    assert 4 <= len(seen) <= 6
    assert "observer_too_slow" in logged(capsys)


async def test_without_observers_nothing_is_subscribed_to() -> None:
    broadcaster = Broadcaster()
    observers = Observers([], broadcaster.subscribe)
    observers.start()
    assert not broadcaster.is_listened_to
    await observers.close(1)


async def test_the_order_is_a_copy_as_it_stood() -> None:
    orders: list[Any] = []
    broadcaster = Broadcaster()
    observers = Observers(
        [Observer("acme 1.0", lambda _, order: orders.append(order))], lambda: broadcaster.subscribe(10)
    )
    observers.start()
    await asyncio.sleep(0)
    order = _Order(make_order_id(1))
    broadcaster.publish(1, record(1), order)  # type: ignore[arg-type]  # any object can be copied
    broadcaster.close()
    await observers.close(5)
    assert orders[0] is not order
    assert orders[0].order_id == order.order_id


class _Order:
    def __init__(self, order_id: str) -> None:
        self.order_id = order_id


def test_built_ins_observe_nothing() -> None:
    assert load_plugins(enabled=()).observers == ()
