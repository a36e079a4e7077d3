"""What a case hears of an adapter that streams nothing: what is news, and when its session is over."""

from typing import Any

import pytest
from attrs import evolve

from liveexec.domain.operation import Side
from liveexec.domain.outcome import OrderRef, OrderReportAnswer, VenueOrderStatus
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import ExternalAdapter, Polls
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec_testkit.conformance.paper import PaperHarness
from liveexec_testkit.conformance.paper.in_process import VENUE
from liveexec_testkit.conformance.scripts import CutConnection, FailInside, Verb
from liveexec_testkit.conformance.trial import Trial


class PolledPaper(Polls, PaperAdapter):
    """Streams nothing, and notes by what names it was asked about orders."""

    poll_every_s = 0.005

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: list[OrderRef] = []

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        self.asked.append(ref)
        return await super().order(ref)


class PolledHarness(PaperHarness):
    patience_s = 0.3

    def adapter(self) -> ExternalAdapter:
        return PolledPaper(self.driver, VENUE, (self.account_id,))


async def test_news_is_told_once_and_what_was_before_is_none() -> None:
    async with PolledHarness() as venue, Trial(venue) as trial:
        line = await trial.line()
        filled, resting = await line.place(), await line.place(line.order(Side.SELL, 20))
        await trial.take(filled, filled.order.quantity)
        await line.filled(filled)
        for _ in range(2):
            await line.cancel(resting)
            await line.report_of(resting, VenueOrderStatus.CANCELED)
        with pytest.raises(AssertionError, match=r"waited 0\.3 s for nothing more"):
            await line.heard.until("nothing more", lambda: False)
        assert len(line.heard.fills) == 1
        assert [each.status for each in line.heard.of(None, resting.venue_order_id)][-1] is VenueOrderStatus.CANCELED
        assert len(line.ends_of(resting)) == 1

        after = await trial.line()
        with pytest.raises(AssertionError, match="a fill of long ago"):
            await after.heard.until("a fill of long ago", lambda: after.heard.fills)
        assert not after.heard.items


async def test_an_order_that_is_gone_is_asked_for_by_every_name_of_its_plan() -> None:
    async with PolledHarness() as venue, Trial(venue) as trial:
        line = await trial.line()
        order = line.order()
        plan = evolve(await line.plan(order), refs={"nonce": "7"})
        placed = await line.submit(order, plan)
        await line.report_of(placed, VenueOrderStatus.WORKING)
        await line.cancel(placed)
        await line.report_of(placed, VenueOrderStatus.CANCELED)
        assert isinstance(line.adapter, PolledPaper)
        (ref,) = line.adapter.asked
        names = (plan.client_order_id, line.ends_of(placed)[0].venue_order_id)
        assert (ref.client_order_id, ref.venue_order_id, ref.refs) == (*names, {"nonce": "7"})


async def test_one_question_that_fails_is_asked_again_and_a_session_that_answers_none_is_over() -> None:
    async with PolledHarness() as venue, Trial(venue) as trial:
        line = await trial.line()
        placed = await line.submit(line.order())
        await venue.inject(FailInside(Verb.SNAPSHOT, placed=True))
        await line.report_of(placed, VenueOrderStatus.WORKING)
        assert not line.heard.is_over
        await venue.inject(CutConnection(refuse_for_s=5.0))
        await line.heard.ended()
        assert isinstance(line.heard.error, AdapterError)
