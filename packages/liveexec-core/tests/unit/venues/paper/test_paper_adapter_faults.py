"""The adapter of a paper venue under scripted faults: what its caller learns, and what the venue knows."""

import asyncio
from decimal import Decimal

import pytest

from liveexec.domain.outcome import (
    Absent,
    Accepted,
    FillReport,
    Gap,
    NotKnown,
    OrderReport,
    Rejected,
    Unknown,
)
from liveexec.errors import AdapterError
from liveexec.venues.paper.faults import FaultKind, FaultRule, FaultScript, FaultVerb
from support.paper import (
    ALICE,
    BOB,
    SPOT,
    accepted,
    ref,
)
from support.paper_desk import PaperDesk, is_waiting, taken

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("placed", [True, False])
async def test_a_lost_answer_leaves_the_outcome_unknown(placed: bool) -> None:
    rule = FaultRule(FaultKind.LOST_ACK, ordinals=(1,), placed=placed, delay_ns=500)
    desk = PaperDesk(faults=FaultScript((rule,)))
    reports = await desk.connect()
    submit = asyncio.ensure_future(desk.adapter.submit(desk.order(), desk.plan("mine")))
    await desk.clock.move_to(1_499)
    assert not submit.done()
    await desk.clock.move_to(1_500)
    assert isinstance(await submit, Unknown)
    answer = await desk.adapter.order(ref(None, client_id="mine"))
    assert isinstance(answer, OrderReport if placed else Absent)
    assert await is_waiting(reports) is not placed
    assert isinstance(await desk.adapter.submit(desk.order(), desk.plan()), Accepted)
    await desk.adapter.disconnect()


async def test_a_late_answer_comes_after_the_fill_it_answers() -> None:
    desk = PaperDesk(faults=FaultScript((FaultRule(FaultKind.LATE_ACK, ordinals=(1,), delay_ns=500),)))
    reports = await desk.connect()
    submit = asyncio.ensure_future(desk.adapter.submit(desk.order(), desk.plan()))
    await desk.clock.move_to(1_400)
    assert isinstance((await taken(reports, 1))[0], FillReport)
    assert not submit.done()
    await desk.clock.move_to(1_500)
    assert isinstance(await submit, Accepted)
    await desk.adapter.disconnect()


async def test_a_duplicated_fill_is_reported_twice_and_booked_once() -> None:
    desk = PaperDesk(faults=FaultScript((FaultRule(FaultKind.DUPLICATE_FILL, client_ids="twice"),)))
    reports = await desk.connect()
    await desk.adapter.submit(desk.order(5), desk.plan("twice"))
    await desk.adapter.submit(desk.order(5), desk.plan("once"))
    first, again, other = await taken(reports, 3)
    assert first is again
    assert isinstance(other, FillReport)
    assert other.client_order_id == "once"
    assert await is_waiting(reports)
    assert len((await desk.adapter.fills(ALICE, 0)).items) == 2
    await desk.adapter.disconnect()


@pytest.mark.parametrize("placed", [True, False])
async def test_a_disconnect_ends_the_session_and_a_later_one_begins_with_gaps(placed: bool) -> None:
    rule = FaultRule(FaultKind.DISCONNECT, ordinals=(1,), placed=placed, delay_ns=1_000)
    desk = PaperDesk(faults=FaultScript((rule,)))
    reports = await desk.connect()
    market = desk.adapter.market([SPOT])
    with pytest.raises(AdapterError, match="broke"):
        await desk.adapter.submit(desk.order(5, 90), desk.plan("mine"))
    for stream in (reports, market):
        with pytest.raises(AdapterError, match="broke"):
            await anext(stream)
    with pytest.raises(AdapterError, match="no session"):
        await desk.adapter.submit(desk.order(), desk.plan())
    with pytest.raises(AdapterError, match="no connections"):
        await desk.adapter.connect()
    await desk.clock.move_to(2_000)
    again = await desk.connect()
    gaps = await taken(again, 2)
    assert [(type(gap), gap.account_id) for gap in gaps] == [(Gap, ALICE), (Gap, BOB)]
    answer = await desk.adapter.order(ref(None, client_id="mine"))
    assert isinstance(answer, OrderReport if placed else Absent)
    await desk.adapter.disconnect()


async def test_faults_strike_cancels_and_replaces_by_their_own_count() -> None:
    rules = (
        FaultRule(FaultKind.LOST_ACK, verb=FaultVerb.CANCEL, ordinals=(1,)),
        FaultRule(FaultKind.LOST_ACK, verb=FaultVerb.REPLACE, ordinals=(1,), placed=False),
    )
    desk = PaperDesk(faults=FaultScript(rules))
    await desk.connect()
    order_id = accepted(await desk.adapter.submit(desk.order(5, 90), desk.plan("mine")))
    replaced = await desk.adapter.replace(ref(order_id), desk.order(4, 90), desk.plan("mine"), Decimal(0))
    assert isinstance(replaced, Unknown)
    report = await desk.adapter.order(ref(order_id))
    assert isinstance(report, OrderReport)
    assert report.quantity == 5
    assert isinstance(await desk.adapter.cancel(ref(order_id)), Unknown)
    report = await desk.adapter.order(ref(order_id))
    assert isinstance(report, OrderReport)
    assert report.status == "CANCELED"
    await desk.adapter.disconnect()


async def test_a_queue_that_nobody_reads_ends_the_session_and_loses_nothing() -> None:
    desk = PaperDesk(report_capacity=3)
    reports = await desk.connect()
    for _ in range(3):
        await desk.adapter.submit(desk.order(1), desk.plan())
    await desk.adapter.submit(desk.order(1), desk.plan())
    with pytest.raises(AdapterError, match="full"):
        await anext(reports)
    again = await desk.connect()
    assert all(isinstance(report, Gap) for report in await taken(again, 2))
    assert len((await desk.adapter.fills(ALICE, 0)).items) == 4
    await desk.adapter.disconnect()


@pytest.mark.parametrize(("kind", "code"), [(FaultKind.REFUSED, "REFUSED"), (FaultKind.RATE_LIMITED, "RATE_LIMITED")])
async def test_a_scripted_refusal_takes_no_effect(kind: FaultKind, code: str) -> None:
    desk = PaperDesk(faults=FaultScript((FaultRule(kind, ordinals=(1,)),)))
    await desk.connect()
    outcome = await desk.adapter.submit(desk.order(), desk.plan("mine"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == code
    assert isinstance(await desk.adapter.order(ref(None, client_id="mine")), Absent)
    assert isinstance(await desk.adapter.submit(desk.order(), desk.plan("mine")), Accepted)
    await desk.adapter.disconnect()


@pytest.mark.parametrize("placed", [True, False])
async def test_a_failure_inside_proves_nothing(placed: bool) -> None:
    desk = PaperDesk(faults=FaultScript((FaultRule(FaultKind.FAILED, ordinals=(1,), placed=placed),)))
    await desk.connect()
    outcome = await desk.adapter.submit(desk.order(), desk.plan("mine"))
    assert isinstance(outcome, Unknown)
    answer = await desk.adapter.order(ref(None, client_id="mine"))
    assert isinstance(answer, OrderReport if placed else Absent)
    await desk.adapter.disconnect()


async def test_questions_fail_as_scripted_and_the_session_goes_on() -> None:
    rules = (
        FaultRule(FaultKind.FAILED, FaultVerb.QUERY, ordinals=(1,)),
        FaultRule(FaultKind.LOST_ACK, FaultVerb.SNAPSHOT, ordinals=(2,)),
    )
    desk = PaperDesk(faults=FaultScript(rules))
    await desk.connect()
    with pytest.raises(AdapterError, match="failed"):
        await desk.adapter.order(ref(None, client_id="mine"))
    assert isinstance(await desk.adapter.order(ref(None, client_id="mine")), Absent)
    await desk.adapter.open_orders(ALICE)
    with pytest.raises(AdapterError, match="lost_ack"):
        await desk.adapter.fills(ALICE, 0)
    await desk.adapter.fills(ALICE, 0)
    await desk.adapter.disconnect()


async def test_a_question_can_lose_the_session() -> None:
    desk = PaperDesk(faults=FaultScript((FaultRule(FaultKind.DISCONNECT, FaultVerb.QUERY, ordinals=(1,)),)))
    reports = await desk.connect()
    with pytest.raises(AdapterError, match="broke"):
        await desk.adapter.order(ref(None, client_id="mine"))
    with pytest.raises(AdapterError, match="broke"):
        await anext(reports)
    await desk.adapter.disconnect()


async def test_a_cut_breaks_every_session_and_connecting_fails_for_a_while() -> None:
    desk = PaperDesk(faults=FaultScript(()))
    reports = await desk.connect()
    desk.adapter._desk.cut(AdapterError("cut"), 2_000)
    with pytest.raises(AdapterError, match="cut"):
        await anext(reports)
    with pytest.raises(AdapterError, match="no connections"):
        await desk.adapter.connect()
    await desk.clock.move_to(2_000)
    (gap,) = await taken(await desk.connect(), 1)
    assert isinstance(gap, Gap)
    await desk.adapter.disconnect()


async def test_what_the_venue_forgets_is_not_known_and_its_fills_stay() -> None:
    desk = PaperDesk()
    await desk.connect()
    filled = accepted(await desk.adapter.submit(desk.order(5), desk.plan("filled")))
    resting = accepted(await desk.adapter.submit(desk.order(5, 90), desk.plan("resting")))
    everything = desk.exchange.snapshots.every_order(ALICE)
    assert [each.venue_order_id for each in everything] == [filled, resting]
    desk.exchange.forget_finished()
    assert isinstance(await desk.adapter.order(ref(filled, client_id="filled")), NotKnown)
    assert isinstance(await desk.adapter.order(ref(resting)), OrderReport)
    assert len((await desk.adapter.fills(ALICE, 0)).items) == 1
    assert [each.venue_order_id for each in desk.exchange.snapshots.every_order(ALICE)] == [resting]
    await desk.adapter.disconnect()
