"""Requests in flight: at once or in sequence, each with an end; nothing is kept of those that have ended."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from attrs import define, field
from structlog.testing import capture_logs

from liveexec.runtime.in_flight import InFlight
from support.runtime_parts import turns, until, within


@define(eq=False)
class Log:
    """Requests that write down when they begin and how they end."""

    in_flight: InFlight
    said: list[str] = field(factory=list)

    async def request(self, name: str, answer: "asyncio.Future[None] | None" = None) -> None:
        """A request that is answered with ``answer``, at once without one."""
        self.said.append(f"{name} begins")
        try:
            if answer is not None:
                await self.in_flight.answered(_answer(answer))
        except asyncio.CancelledError as error:
            self.said.append(f"{name} is given up: {error}")
        else:
            self.said.append(f"{name} ends")


async def _answer(answer: "asyncio.Future[None]") -> None:
    await answer


@pytest.fixture
def in_flight() -> InFlight:
    return InFlight(3_600.0)


@pytest.fixture
def log(in_flight: InFlight) -> Log:
    return Log(in_flight)


async def test_what_is_answered_at_once_has_ended_when_it_was_run(in_flight: InFlight, log: Log) -> None:
    in_flight.run(log.request("a"))
    in_flight.run_in_sequence("order", log.request("b"))
    assert log.said == ["a begins", "a ends", "b begins", "b ends"]
    assert len(in_flight) == 0


async def test_one_of_a_sequence_waits_for_the_one_before_it_and_for_no_other(in_flight: InFlight, log: Log) -> None:
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for key, name in (("one", "a"), ("one", "b"), ("one", "c"), ("two", "d")):
        in_flight.run_in_sequence(key, log.request(name, answer if name == "a" else None))
    assert log.said == ["a begins", "d begins", "d ends"]
    assert len(in_flight) == 3
    answer.set_result(None)
    await until(lambda: not len(in_flight))
    assert log.said[3:] == ["a ends", "b begins", "b ends", "c begins", "c ends"]
    await turns()
    assert (in_flight._tails, in_flight._deadlines) == ({}, {})


@pytest.mark.parametrize(("timeout_s", "told"), [(0.0, ["a is given up: no answer in time"]), (3_600.0, [])])
async def test_only_what_had_its_time_is_given_up(timeout_s: float, told: list[str]) -> None:
    in_flight = InFlight(timeout_s)
    log = Log(in_flight)
    in_flight.run(log.request("a", asyncio.get_running_loop().create_future()))
    in_flight.expire()
    await turns()
    assert log.said[1:] == told
    in_flight.close()
    await until(lambda: not len(in_flight))


async def test_the_time_to_answer_does_not_run_while_a_request_waits_for_its_turn() -> None:
    in_flight = InFlight(0.0)
    turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = in_flight.run(_answer(turn))
    in_flight.expire()
    await turns()
    assert not task.done()
    turn.set_result(None)
    await within(task)


async def test_closing_gives_up_what_is_under_way_and_begins_nothing_of_what_waits(
    in_flight: InFlight, log: Log
) -> None:
    in_flight.run_in_sequence("one", log.request("a", asyncio.get_running_loop().create_future()))
    in_flight.run_in_sequence("one", log.request("b"))
    await turns()
    in_flight.close()
    await within(in_flight.settle(3_600.0))
    assert log.said == ["a begins", "a is given up: closing"]
    assert len(in_flight) == 0


async def _fails() -> None:
    raise ZeroDivisionError


async def _fails_later() -> None:
    await asyncio.sleep(0)
    raise ZeroDivisionError


@pytest.mark.parametrize("work", [_fails, _fails_later])
async def test_a_defect_in_a_request_is_told_in_the_log(
    in_flight: InFlight, work: Callable[[], Coroutine[None, None, None]]
) -> None:
    with capture_logs() as logged:
        in_flight.run(work())
        await within(in_flight.settle(3_600.0))
        await turns()
    (line,) = logged
    assert (line["event"], line["log_level"]) == ("dispatch_failed", "error")
    assert "ZeroDivisionError" in line["traceback"]
    assert len(in_flight) == 0
