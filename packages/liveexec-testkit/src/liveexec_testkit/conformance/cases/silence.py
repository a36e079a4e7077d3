"""Silence: answers that are lost, late, cut off or unreadable prove nothing."""

import anyio

from liveexec.domain.outcome import Absent, Accepted, NotKnown, OrderReport, Sent, Unknown, VenueOrderStatus
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.line import Line, Placed
from liveexec_testkit.conformance.needs import QUERY_BY_CLIENT_ID
from liveexec_testkit.conformance.scripts import CutDuring, DelayAnswer, HalfOpen, LoseAnswer, MalformedAnswer, Verb
from liveexec_testkit.conformance.trial import Trial

__all__ = ["SilenceCases"]


class SilenceCases(CaseGroup):
    """A time-out is neither a rejection nor an acceptance, and nothing is sent twice."""

    subject = "Lost, late and unreadable answers"

    @case(
        60,
        "The answer is lost, the order was placed",
        proves="The outcome is Unknown (or Sent, and a report comes), never Rejected; the order was sent once; asking "
        "by our id finds it.",
        needs=(LoseAnswer(Verb.SUBMIT, placed=True),),
    )
    async def test_lx060_lost_placed(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(LoseAnswer(Verb.SUBMIT, placed=True))
        placed = await line.submit(line.order())
        assert isinstance(placed.outcome, Unknown | Sent), f"silence became {placed.outcome}"
        assert (await trial.order_at_venue(placed)).status is VenueOrderStatus.WORKING
        assert await trial.venue.received(Verb.SUBMIT) == 1, "the adapter sent the order again by itself"
        await _is_found(trial, line, placed)

    @case(
        61,
        "The answer is lost, the order never arrived",
        proves="The outcome is Unknown (or Sent), never Rejected; order() says Absent or NotKnown, never that it is "
        "there; nothing is sent again.",
        needs=(LoseAnswer(Verb.SUBMIT, placed=False),),
    )
    async def test_lx061_lost_not_placed(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(LoseAnswer(Verb.SUBMIT, placed=False))
        placed = await line.submit(line.order())
        assert isinstance(placed.outcome, Unknown | Sent), f"silence became {placed.outcome}"
        told = await line.adapter.order(placed.ref_by_client_id)
        assert isinstance(told, Absent | NotKnown), f"order() answers {told} of an order that never was"
        await trial.nothing_at_venue(placed)
        assert await trial.venue.received(Verb.SUBMIT) <= 1, "the adapter sent the order again by itself"

    @case(
        62,
        "The answer is late",
        proves="However late it comes, the order is one order, its reports come meanwhile, and it can be canceled "
        "afterwards.",
        needs=(DelayAnswer(Verb.SUBMIT, delay_s=0.2),),
    )
    async def test_lx062_late(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(DelayAnswer(Verb.SUBMIT, delay_s=0.2))
        placed = await line.submit(line.order())
        assert isinstance(placed.outcome, Accepted | Sent | Unknown), f"a late answer became {placed.outcome}"
        assert await trial.venue.received(Verb.SUBMIT) == 1, "the adapter sent the order again by itself"
        true = await trial.order_at_venue(placed)
        placed.venue_order_id = true.venue_order_id
        assert isinstance(await line.cancel(placed), Accepted | Sent)
        await line.report_of(placed, VenueOrderStatus.CANCELED)

    @case(
        63,
        "An answer that nobody waits for any more harms nothing",
        proves="When the runtime gives a request up and its answer comes after that, the session goes on, and the next "
        "request gets its own answer.",
        needs=(DelayAnswer(Verb.SUBMIT, delay_s=0.15),),
    )
    async def test_lx063_given_up(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(DelayAnswer(Verb.SUBMIT, delay_s=0.15))
        order = line.order()
        plan = await line.plan(order)
        with anyio.move_on_after(0.05):
            await line.adapter.submit(order, plan)
        later = await line.place(line.order(ticks=-25))
        await anyio.sleep(0.2)  # the late answer is there by now, or never comes
        another = await line.place(line.order(ticks=-26))
        for placed in (later, another):
            true = await trial.order_at_venue(placed)
            assert true.venue_order_id == placed.venue_order_id, "it got another request's answer"
        assert not line.heard.is_over, f"the session was lost: {line.heard.error!r}"

    @case(
        64,
        "An answer that can't be read is Unknown",
        proves="The order was placed, so an unreadable answer is neither Accepted nor Rejected.",
        needs=(MalformedAnswer(Verb.SUBMIT),),
    )
    async def test_lx064_unreadable(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(MalformedAnswer(Verb.SUBMIT))
        placed = await line.submit(line.order())
        assert isinstance(placed.outcome, Unknown | Sent), f"an unreadable answer became {placed.outcome}"
        assert (await trial.order_at_venue(placed)).status is VenueOrderStatus.WORKING

    @case(
        65,
        "The connection is cut before the answer, the order was placed",
        proves="The outcome is Unknown, the session shows that it is broken, and in the next one the order is found "
        "open.",
        needs=(CutDuring(Verb.SUBMIT, placed=True),),
    )
    async def test_lx065_cut_placed(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(CutDuring(Verb.SUBMIT, placed=True))
        placed = await line.submit(line.order())
        assert isinstance(placed.outcome, Unknown | Sent), f"a broken connection became {placed.outcome}"
        await line.heard.broken()
        after = await trial.reconnected(line)
        snapshot = await trial.visible_open_orders(after)
        told = [each for each in snapshot if each.client_order_id == placed.plan.client_order_id]
        assert len(told) == 1, f"open_orders() tells {snapshot}"
        assert await trial.venue.received(Verb.SUBMIT) == 1, "the adapter sent the order again by itself"

    @case(
        66,
        "The connection is cut before the order arrived",
        proves="The outcome is Unknown; after the reconnect the order is not there, and nobody sent it again.",
        needs=(CutDuring(Verb.SUBMIT, placed=False),),
    )
    async def test_lx066_cut_not_placed(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(CutDuring(Verb.SUBMIT, placed=False))
        placed = await line.submit(line.order())
        assert isinstance(placed.outcome, Unknown | Sent), f"a broken connection became {placed.outcome}"
        await line.heard.broken()
        after = await trial.reconnected(line)
        snapshot = await after.adapter.open_orders(trial.venue.account_id)
        assert not snapshot.items, f"open_orders() tells {list(snapshot.items)}"
        await trial.nothing_at_venue(placed)

    @case(
        67,
        "Into a connection that is half open",
        proves="Requests into a connection where nothing arrives end as Unknown, and questions raise: silence is no "
        "empty snapshot and no absence.",
        needs=(HalfOpen(),),
    )
    async def test_lx067_half_open(self, trial: Trial) -> None:
        line = await trial.line()
        before = await line.place()
        await trial.venue.inject(HalfOpen())
        placed = await line.submit(line.order())
        assert isinstance(placed.outcome, Unknown | Sent), f"silence became {placed.outcome}"
        told: object = None
        with anyio.move_on_after(trial.venue.answer_timeout_s):
            try:
                told = await line.adapter.order(before.ref)
            except Exception:  # noqa: BLE001  (that it raises is what is asked for)
                told = NotKnown()
        assert told is None or isinstance(told, NotKnown), f"order() answers {told} through a dead connection"
        snapshot = None
        with anyio.move_on_after(trial.venue.answer_timeout_s):
            try:
                snapshot = await line.adapter.open_orders(trial.venue.account_id)
            except Exception:  # noqa: BLE001  (that it raises is what is asked for)
                snapshot = None
        assert snapshot is None or not snapshot.complete, f"a dead connection gives a complete snapshot: {snapshot}"


async def _is_found(trial: Trial, line: Line, placed: Placed) -> None:
    """The order must be among the open ones; and by its client id, where the venue can be asked for that."""
    await trial.until_visible(line)
    if QUERY_BY_CLIENT_ID.holds(line.adapter.manifest):
        told = await line.adapter.order(placed.ref_by_client_id)
        assert isinstance(told, OrderReport), f"order() answers {told} of an order that is open"
    snapshot = await trial.visible_open_orders(line)
    found = [each for each in snapshot if each.client_order_id == placed.plan.client_order_id]
    assert len(found) == 1, f"open_orders() tells {snapshot}"
