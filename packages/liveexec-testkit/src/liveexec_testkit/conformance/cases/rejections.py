"""Rejections: proof and nothing but proof."""

from liveexec.domain.outcome import Accepted, Rejected, Sent, Unknown, VenueOrderStatus
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.needs import DEDUPES
from liveexec_testkit.conformance.scripts import FailInside, LimitRate, Refuse, Verb
from liveexec_testkit.conformance.trial import Trial

__all__ = ["RejectionCases"]


class RejectionCases(CaseGroup):
    """Rejected carries the venue's word; whatever proves nothing is Unknown."""

    subject = "Rejections"

    @case(
        54,
        "A refused order is Rejected, with the venue's words",
        proves="The venue's refusal becomes Rejected with its code and message (or a report that the order is "
        "REJECTED, with them), and the venue has no working order.",
        needs=(Refuse(Verb.SUBMIT),),
    )
    async def test_lx054_refused(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(Refuse(Verb.SUBMIT))
        placed = await line.submit(line.order())
        assert isinstance(placed.outcome, Rejected | Sent), f"a refusal became {placed.outcome}"
        end = await line.end_of(placed)
        assert isinstance(end, Rejected) or end.status is VenueOrderStatus.REJECTED, f"a refusal became {end}"
        assert end.code, "the venue's code is missing"
        assert end.message, "the venue's message is missing"
        true = await trial.truth_of(placed)
        assert true is None or true.status is VenueOrderStatus.REJECTED

    @case(
        55,
        "The session goes on after a refusal",
        proves="An order after a refused one is taken as if nothing had been.",
        needs=(Refuse(Verb.SUBMIT),),
    )
    async def test_lx055_goes_on(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(Refuse(Verb.SUBMIT))
        await line.submit(line.order())
        placed = await line.place()
        assert (await trial.order_at_venue(placed)).status is VenueOrderStatus.WORKING

    @case(
        56,
        "A client id that was used is refused",
        proves="A second submit of the same plan, while the first order is open, is refused by the venue or before it: "
        "there is one order, and the first one's life is not touched.",
        needs=(DEDUPES,),
    )
    async def test_lx056_duplicate(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        again = await line.submit(placed.order, placed.plan)
        assert not isinstance(again.outcome, Accepted), "the same client id was accepted twice"
        orders = await trial.venue.orders()
        working = [each for each in orders if each.status is VenueOrderStatus.WORKING]
        assert len(working) == 1, f"one intent is {len(working)} working orders at the venue"

    @case(
        57,
        "An error that proves nothing is Unknown: the order was placed",
        proves="An internal error of the venue, a 5xx, a time-out behind its gate never becomes Rejected (but Sent, "
        "where the order's report came first): here the order is live.",
        needs=(FailInside(Verb.SUBMIT, placed=True),),
    )
    async def test_lx057_failed_and_placed(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(FailInside(Verb.SUBMIT, placed=True))
        placed = await line.submit(line.order())
        assert isinstance(placed.outcome, Unknown | Sent), f"an error that proves nothing became {placed.outcome}"
        assert (await trial.order_at_venue(placed)).status is VenueOrderStatus.WORKING
        assert await trial.venue.received(Verb.SUBMIT) == 1, "the adapter sent the order again by itself"

    @case(
        58,
        "An error that proves nothing is Unknown: the order was not placed",
        proves="The same answer without an order is Unknown too: the adapter can't tell, so it does not.",
        needs=(FailInside(Verb.SUBMIT, placed=False),),
    )
    async def test_lx058_failed_not_placed(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(FailInside(Verb.SUBMIT, placed=False))
        placed = await line.submit(line.order())
        assert isinstance(placed.outcome, Unknown), f"an error that proves nothing became {placed.outcome}"
        await trial.nothing_at_venue(placed)
        assert await trial.venue.received(Verb.SUBMIT) == 1, "the adapter sent the order again by itself"

    @case(
        59,
        "Too many requests: no order, and nothing sent again",
        proves="The rate limit's answer is Rejected or Unknown, never Accepted or Sent; the adapter does not repeat "
        "the order by itself; later orders are taken, after a new session if the limit ended this one.",
        needs=(LimitRate(Verb.SUBMIT),),
    )
    async def test_lx059_rate_limit(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(LimitRate(Verb.SUBMIT))
        placed = await line.submit(line.order())
        assert isinstance(placed.outcome, Rejected | Unknown), f"a request over the limit became {placed.outcome}"
        await trial.nothing_at_venue(placed)
        assert await trial.venue.received(Verb.SUBMIT) == 1, "the adapter sent the order again by itself"
        line = await trial.after_loss(line)
        later = await line.place()
        assert (await trial.order_at_venue(later)).status is VenueOrderStatus.WORKING
