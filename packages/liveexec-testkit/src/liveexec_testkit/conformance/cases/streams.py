"""The stream of reports: repeated, reordered, early, interrupted, silent, and full of what nobody knows."""

from typing import Final

import anyio

from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.domain.outcome import OrderReport, SendOutcome, Sent, VenueOrderStatus
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.line import Line
from liveexec_testkit.conformance.needs import KEEP_ALIVE, SINGLE_FILLS, STREAM
from liveexec_testkit.conformance.scripts import (
    CutConnection,
    DelayAnswer,
    DuplicateReports,
    HalfOpen,
    LoseReports,
    MalformedReport,
    ReorderReports,
    UnknownFields,
    Verb,
)
from liveexec_testkit.conformance.trial import Trial
from liveexec_testkit.conformance.truth import fill_differences

__all__ = ["StreamCases"]

#: So long that a fill that waits for no answer comes within it on a busy machine, too.
_DELAY_S: Final = 1.0


class StreamCases(CaseGroup):
    """Whatever the stream does, nothing is lost in silence."""

    subject = "Streams"

    @case(
        68,
        "Repeated reports carry the same keys",
        proves="When every report comes twice, the fills by key are exactly the venue's: the repetition has the same "
        "key, and no other fill has it.",
        needs=(STREAM, SINGLE_FILLS, DuplicateReports()),
    )
    async def test_lx068_repeated(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(DuplicateReports())
        await _fill_in_parts(trial, line)

    @case(
        69,
        "Reordered reports lose nothing",
        proves="When the last report of what happens comes first, an end before its fills, every fill is told all the "
        "same.",
        needs=(STREAM, SINGLE_FILLS, ReorderReports()),
    )
    async def test_lx069_reordered(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(ReorderReports())
        usual = trial.usual.quantity
        for ticks in (5, 6, 7):
            await trial.rest(line, Side.SELL, ticks, usual)
        placed = await line.submit(line.order(Side.BUY, 8, quantity=usual * 3))
        fills = await line.fills_of(placed, usual * 3)
        true = await trial.venue.fills()
        differences = fill_differences((each.fill for each in fills), (each.fill for each in true))
        assert not differences, differences

    @case(
        70,
        "A fill overtakes the response",
        proves="While a submit still waits for its answer, the fill of its order is already told: the stream does not "
        "wait behind requests.",
        needs=(STREAM, SINGLE_FILLS, DelayAnswer(Verb.SUBMIT, delay_s=_DELAY_S)),
    )
    async def test_lx070_fill_first(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.quote(line)
        await trial.venue.inject(DelayAnswer(Verb.SUBMIT, delay_s=_DELAY_S))
        order = line.order(Side.BUY, 5)
        plan = await line.plan(order)
        outcome: SendOutcome | None = None
        asked_s = anyio.current_time()
        async with anyio.create_task_group() as group:

            async def submit() -> None:
                nonlocal outcome
                outcome = (await line.submit(order, plan)).outcome

            group.start_soon(submit)
            await line.heard.until("the fill", lambda: line.heard.fills)
            # Sent is no answer: who says so may have waited for none. But then the venue's is still to come.
            is_early = isinstance(outcome, Sent) and anyio.current_time() - asked_s < _DELAY_S
            assert outcome is None or is_early, "the fill was told only after the answer"
        (fill,) = line.heard.distinct_fills.values()
        assert fill.client_order_id == plan.client_order_id or fill.venue_order_id is not None

    @case(
        71,
        "After a reconnect the gap is announced first",
        proves="The first report of a session after a lost one is a Gap of the account: nobody takes the stream for "
        "whole.",
        needs=(STREAM, CutConnection()),
    )
    async def test_lx071_gap(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(CutConnection())
        await line.heard.broken()
        after = await trial.reconnected(line)
        await after.heard.until("a Gap", lambda: after.heard.gaps)
        assert after.heard.gaps[0].account_id == trial.venue.account_id
        if after is not line:
            assert after.heard.items[0] is after.heard.gaps[0], f"before the gap {after.heard.told()}"

    @case(
        72,
        "What was filled during a gap is found by asking",
        proves="Fills that happened while there was no connection are in fills(since) with an overlap, beside those "
        "that were heard before, each once by its key; the order's state is told as it is now.",
        needs=(SINGLE_FILLS, CutConnection(refuse_for_s=0.2)),
    )
    async def test_lx072_catches_up(self, trial: Trial) -> None:
        line = await trial.line()
        usual = trial.usual.quantity
        placed = await line.place(line.order(quantity=usual * 3))
        since_ns = (await trial.order_at_venue(placed)).venue_time_ns
        await trial.take(placed, usual)
        await line.fills_of(placed, usual)
        await trial.venue.inject(CutConnection(refuse_for_s=0.2))
        await trial.take(placed, usual)
        await line.heard.broken()
        after = await trial.reconnected(line)
        await trial.take(placed, usual)
        await after.heard.until("the fill after the gap", lambda: after.heard.fills)
        asked = await after.fills_since(since_ns)
        true = await trial.venue.fills()
        differences = fill_differences((each.fill for each in asked), (each.fill for each in true))
        assert not differences, differences
        heard = {**line.heard.distinct_fills, **after.heard.distinct_fills}
        assert set(heard) <= {each.fill.key for each in asked}, "heard fills have other names when they are asked for"
        told = await after.adapter.order(placed.ref)
        assert isinstance(told, OrderReport)
        assert told.status is VenueOrderStatus.FILLED

    @case(
        73,
        "A stream that leaves things out is caught by asking",
        proves="While the stream is up and silent, order(), open_orders() and fills() tell the truth: they ask the "
        "venue, and not what was heard.",
        needs=(STREAM, SINGLE_FILLS, LoseReports()),
    )
    async def test_lx073_silent(self, trial: Trial) -> None:
        line = await trial.line()
        usual = trial.usual.quantity
        filled, partly = await line.place(), await line.place(line.order(Side.SELL, 20, quantity=usual * 2))
        since_ns = (await trial.order_at_venue(filled)).venue_time_ns
        await trial.venue.inject(LoseReports())
        for placed in (filled, partly):
            await trial.take(placed, usual)
        await trial.until_visible(line)
        told = await line.adapter.order(partly.ref)
        assert isinstance(told, OrderReport), f"order() answers {told} of an order that is open"
        assert told.filled_quantity == usual, f"order() tells {told.filled_quantity} filled"
        still_open = {each.venue_order_id: each.filled_quantity for each in await trial.visible_open_orders(line)}
        assert still_open == {partly.venue_order_id: usual}, f"open_orders() tells {still_open}"
        asked = await line.fills_since(since_ns)
        differences = fill_differences((each.fill for each in asked), (each.fill for each in await trial.venue.fills()))
        assert not differences, differences

    @case(
        74,
        "Fields that nobody knows change nothing",
        proves="With unknown fields in everything that the venue sends, orders are taken, filled, canceled, asked for "
        "and listed as ever.",
        needs=(SINGLE_FILLS, UnknownFields()),
    )
    async def test_lx074_unknown_fields(self, trial: Trial) -> None:
        await trial.venue.inject(UnknownFields())
        line = await trial.line()
        await _fill_in_parts(trial, line)
        placed = await line.place()
        await trial.until_visible(line)
        assert isinstance(await line.adapter.order(placed.ref), OrderReport)
        await line.cancel(placed)
        await line.report_of(placed, VenueOrderStatus.CANCELED)
        account_id = trial.venue.account_id
        assert not (await line.adapter.open_orders(account_id)).items
        balances = {each.asset: each.total for each in (await line.adapter.balances(account_id)).items}
        assert balances == {each.asset: each.total for each in await trial.venue.balances()}
        await line.adapter.positions(account_id)

    @case(
        75,
        "A report that can't be read is not dropped in silence",
        proves="After it the stream ends, raises, or announces a Gap, so that what was in it is fetched; and fills() "
        "has it.",
        needs=(STREAM, SINGLE_FILLS, MalformedReport()),
    )
    async def test_lx075_unreadable(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        since_ns = (await trial.order_at_venue(placed)).venue_time_ns
        await trial.venue.inject(MalformedReport())
        await line.heard.broken()
        after = await trial.reconnected(line)
        await trial.take(placed, placed.order.quantity)
        await after.heard.until("the fill after it", lambda: after.heard.fills)
        differences = fill_differences(
            (each.fill for each in await after.fills_since(since_ns)),
            (each.fill for each in await trial.venue.fills()),
        )
        assert not differences, differences

    @case(
        76,
        "A connection that is half open is noticed",
        proves="Without any request from outside, the adapter's own keep-alive notices within keep_alive_s that "
        "nothing arrives any more, and ends the stream or announces a gap.",
        needs=(STREAM, KEEP_ALIVE, HalfOpen()),
    )
    async def test_lx076_keep_alive(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(HalfOpen())
        keep_alive_s = trial.venue.keep_alive_s
        assert keep_alive_s is not None
        with anyio.move_on_after(keep_alive_s):
            await line.heard.broken()
        assert line.heard.is_over or line.heard.gaps, f"not noticed within {keep_alive_s:g} s"


async def _fill_in_parts(trial: Trial, line: Line) -> None:
    """An order is filled in three parts; what is told by key has to be what the venue knows."""
    usual = trial.usual.quantity
    placed = await line.place(line.order(quantity=usual * 3))
    for _ in range(3):
        await trial.take(placed, usual)
    fills = await line.fills_of(placed, usual * 3)
    assert sum((each.fill.quantity for each in fills), ZERO) == usual * 3, "more was told than was filled"
    differences = fill_differences((each.fill for each in fills), (each.fill for each in await trial.venue.fills()))
    assert not differences, differences
