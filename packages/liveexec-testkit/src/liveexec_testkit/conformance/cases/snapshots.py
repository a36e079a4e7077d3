"""Snapshots and questions: how complete they are, when they were true, and what proves an absence."""

import contextlib
from typing import Any

import anyio

from liveexec.domain.operation import Side
from liveexec.domain.outcome import (
    Absent,
    NotKnown,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    Snapshot,
    VenueOrderStatus,
)
from liveexec.errors import AdapterError
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.line import Line
from liveexec_testkit.conformance.needs import SINGLE_FILLS
from liveexec_testkit.conformance.scripts import (
    CutConnection,
    FailInside,
    ForgetFinished,
    HideNewOrders,
    LimitRate,
    MalformedAnswer,
    Verb,
)
from liveexec_testkit.conformance.trial import Trial

__all__ = ["SnapshotCases"]

#: How far a venue's clock may be off in these cases. Nanoseconds.
_SKEW_NS = 1_000_000_000


class SnapshotCases(CaseGroup):
    """A snapshot says what it is; absence is a proof."""

    subject = "Snapshots and absence"

    @case(
        77,
        "open_orders() is the venue's list",
        proves="All open orders on every instrument with what was filled of them, no order that has ended, and a "
        "complete snapshot.",
        needs=(SINGLE_FILLS,),
    )
    async def test_lx077_open_orders(self, trial: Trial) -> None:
        line = await trial.line()
        placed = [await line.place(line.order(on=each)) for each in trial.venue.instruments]
        partly = await line.place(line.order(Side.SELL, 20, quantity=trial.usual.quantity * 2))
        ended = await line.place(line.order(ticks=-25))
        await trial.take(partly, trial.usual.quantity)
        await line.cancel(ended)
        await line.report_of(ended, VenueOrderStatus.CANCELED)
        await trial.until_visible(line)
        snapshot = await line.adapter.open_orders(trial.venue.account_id)
        assert snapshot.complete, "everything was there, and the snapshot is called incomplete"
        told = {each.venue_order_id: (each.quantity, each.price, each.filled_quantity) for each in snapshot.items}
        true = {
            each.venue_order_id: (each.quantity, each.price, each.filled_quantity)
            for each in await trial.venue.orders()
            if each.status.is_open
        }
        assert len(true) == len(placed) + 1
        assert told == true
        assert {each.account_id for each in snapshot.items} == {trial.venue.account_id}

    @case(
        78,
        "positions() are the venue's, signed, in the listing's units",
        proves="After buys and sells the net of every instrument that the venue calls a position is the venue's own.",
        needs=(SINGLE_FILLS,),
    )
    async def test_lx078_positions(self, trial: Trial) -> None:
        line = await trial.line()
        for number, instrument in enumerate(trial.venue.instruments):
            await trial.quote(line, on=instrument, lots=2)
            side, ticks = (Side.BUY, 5) if number % 2 else (Side.SELL, -5)
            placed = await line.place(line.order(side, ticks, on=instrument))
            await line.fills_of(placed, instrument.quantity)
        told = {
            each.instrument_id: each.quantity
            for each in (await line.adapter.positions(trial.venue.account_id)).items
            if each.quantity
        }
        assert told == {each.instrument_id: each.quantity for each in await trial.venue.positions()}

    @case(
        79,
        "balances() are the venue's",
        proves="Before and after a trade, fees included, the total of every asset is the venue's own.",
        needs=(SINGLE_FILLS,),
    )
    async def test_lx079_balances(self, trial: Trial) -> None:
        line = await trial.line()
        for is_traded in (False, True):
            if is_traded:
                await trial.quote(line)
                placed = await line.place(line.order(Side.BUY, 5))
                await line.fills_of(placed, placed.order.quantity)
            told = {each.asset: each.total for each in (await line.adapter.balances(trial.venue.account_id)).items}
            true = {each.asset: each.total for each in await trial.venue.balances()}
            assert {name: total for name, total in told.items() if total} == {
                name: total for name, total in true.items() if total
            }

    @case(
        80,
        "Snapshots say when they were true",
        proves="Of every snapshot the request came before the response, both within the call, and the venue's own "
        "moment, where it gives one, is not in the future.",
    )
    async def test_lx080_times(self, trial: Trial) -> None:
        line = await trial.line()
        account_id, clock = trial.venue.account_id, trial.venue.clock
        for ask in (
            lambda: line.adapter.open_orders(account_id),
            lambda: line.adapter.fills(account_id, clock.now_ns() - 60_000_000_000),
            lambda: line.adapter.positions(account_id),
            lambda: line.adapter.balances(account_id),
        ):
            before_ns = clock.now_ns()
            snapshot: Snapshot[Any] = await ask()
            after_ns = clock.now_ns()
            requested_ns, responded_ns = snapshot.requested_at_ns, snapshot.responded_at_ns
            assert requested_ns <= responded_ns, "the response came before the request"
            assert before_ns - _SKEW_NS <= requested_ns, f"requested {before_ns - requested_ns} ns before the call"
            assert responded_ns <= after_ns + _SKEW_NS, f"responded {responded_ns - after_ns} ns after the call"
            if snapshot.as_of_ns is not None:
                assert snapshot.as_of_ns <= after_ns + _SKEW_NS, "it is of the future"

    @case(
        81,
        "What was never there is Absent or NotKnown",
        proves="order() about an order that the venue never had says Absent (as of a moment that is not in the future) "
        "or NotKnown; it neither makes one up nor raises anything but an AdapterError.",
    )
    async def test_lx081_never_there(self, trial: Trial) -> None:
        line = await trial.line()
        order = line.order()
        plan = await line.plan(order)
        ref = OrderRef(order.account_id, order.instrument_id, plan.client_order_id, None, plan.refs)
        told = await line.adapter.order(ref)
        assert isinstance(told, Absent | NotKnown), f"order() answers {told} of an order that never was"
        if isinstance(told, Absent):
            assert told.as_of_ns <= trial.venue.clock.now_ns() + _SKEW_NS, "the absence is of the future"

    @case(
        82,
        "What the venue forgets is NotKnown",
        proves="An order that was there, ended and was forgotten is told as NotKnown (or as it was), never as Absent: "
        "a list without it proves nothing.",
        needs=(ForgetFinished(),),
    )
    async def test_lx082_forgotten(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.take(placed, placed.order.quantity)
        await line.filled(placed)
        await trial.venue.inject(ForgetFinished())
        after = await trial.line()
        for adapter in (line.adapter, after.adapter):
            for ref in (placed.ref, placed.ref_by_client_id):
                told = await adapter.order(ref)
                assert not isinstance(told, Absent), "an order that was filled and forgotten is called Absent"
                if isinstance(told, OrderReport):
                    assert told.status is VenueOrderStatus.FILLED

    @case(
        83,
        "What is not visible yet is NotKnown",
        proves="Within the manifest's visibility lag an order that was just taken is told as it is or as NotKnown, "
        "never as Absent; and a snapshot without it does not claim a later moment.",
        needs=(HideNewOrders(),),
    )
    async def test_lx083_not_visible_yet(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(HideNewOrders())
        placed = await line.place()
        true = await trial.order_at_venue(placed)
        for ref in (placed.ref, placed.ref_by_client_id):
            told = await line.adapter.order(ref)
            assert not isinstance(told, Absent), "an order that was just taken is called Absent"
        snapshot = await line.adapter.open_orders(trial.venue.account_id)
        if placed.venue_order_id not in {each.venue_order_id for each in snapshot.items} and snapshot.complete:
            assert snapshot.as_of_ns is not None, "a complete snapshot lacks an order, and does not say of when it is"
            assert snapshot.as_of_ns <= true.venue_time_ns, "it lacks an order that was there at its moment"

    @case(
        84,
        "A failing question is no absence",
        proves="When the venue answers a question with an internal error, order() raises or says NotKnown.",
        needs=(FailInside(Verb.QUERY, placed=True),),
    )
    async def test_lx084_failed_query(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.venue.inject(FailInside(Verb.QUERY, placed=True))
        await _proves_nothing(line, placed.ref)

    @case(
        85,
        "An unreadable answer is no absence",
        proves="When the answer to a question can't be read, order() raises or says NotKnown.",
        needs=(MalformedAnswer(Verb.QUERY),),
    )
    async def test_lx085_unreadable_answer(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.venue.inject(MalformedAnswer(Verb.QUERY))
        await _proves_nothing(line, placed.ref)

    @case(
        86,
        "A failing snapshot gives no part of the truth",
        proves="When the venue fails inside, open_orders() and fills() raise, or say complete=False.",
        needs=(FailInside(Verb.SNAPSHOT, placed=True),),
    )
    async def test_lx086_failed_snapshot(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place(line.order(quantity=trial.usual.quantity * 2))
        await trial.take(placed, trial.usual.quantity)
        account_id = trial.venue.account_id
        for ask in (lambda: line.adapter.open_orders(account_id), lambda: line.adapter.fills(account_id, 0)):
            await trial.venue.inject(FailInside(Verb.SNAPSHOT, placed=True))
            snapshot: Snapshot[Any] | None = None
            with anyio.move_on_after(trial.venue.answer_timeout_s):
                try:
                    snapshot = await ask()
                except Exception:  # noqa: BLE001  (that it raises is what is asked for)
                    snapshot = None
            assert snapshot is None or not snapshot.complete or snapshot.items, "an error became an empty snapshot"

    @case(
        87,
        "Without a connection there is no answer",
        proves="After the connection broke, questions raise or say NotKnown, or (in an adapter that is connected again "
        "by itself) tell what is true now: nothing kept from before is told as now.",
        needs=(CutConnection(refuse_for_s=0.3),),
    )
    async def test_lx087_no_connection(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.venue.inject(CutConnection(refuse_for_s=0.3))
        # So that an answer that was kept from before would show.
        await trial.take(placed, placed.order.quantity)
        await line.heard.broken()
        if line.heard.is_over:
            await _proves_nothing(line, placed.ref)
            return
        # An adapter that reconnects by itself may be connected again.
        with anyio.move_on_after(line.trial.venue.answer_timeout_s), contextlib.suppress(AdapterError):
            told = await line.adapter.order(placed.ref)
            is_true = isinstance(told, OrderReport) and told.status is VenueOrderStatus.FILLED
            assert is_true or isinstance(told, NotKnown), f"order() answers {told}, which is not true now"

    @case(
        134,
        "A question over the rate limit is no absence",
        proves="When the venue answers a question with its rate limit, order() raises or says NotKnown.",
        needs=(LimitRate(Verb.QUERY),),
    )
    async def test_lx134_rate_limit(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.venue.inject(LimitRate(Verb.QUERY))
        await _proves_nothing(line, placed.ref)


async def _proves_nothing(line: Line, ref: OrderRef) -> None:
    """Asked about an order that is working, while the venue can't answer."""
    told: OrderReportAnswer | None = None
    with anyio.move_on_after(line.trial.venue.answer_timeout_s):
        try:
            told = await line.adapter.order(ref)
        except Exception:  # noqa: BLE001  (that it raises is what is asked for)
            told = None
    assert told is None or isinstance(told, NotKnown), f"order() answers {told}"
