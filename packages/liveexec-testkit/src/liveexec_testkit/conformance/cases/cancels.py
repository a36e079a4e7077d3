"""Cancels: the request is one thing, the end another."""

from liveexec.domain.ids import ClientOrderId, VenueOrderId
from liveexec.domain.operation import Side
from liveexec.domain.outcome import Accepted, OrderRef, Rejected, Sent, Unknown, VenueOrderStatus
from liveexec.plugins.adapter import CancelsAll
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.needs import QUERY_BY_CLIENT_ID, SINGLE_FILLS, Ability
from liveexec_testkit.conformance.scripts import FailInside, LimitRate, LoseAnswer, Refuse, Verb
from liveexec_testkit.conformance.trial import Trial
from liveexec_testkit.conformance.truth import quantity_of

__all__ = ["CancelCases"]


class CancelCases(CaseGroup):
    """A cancel ends an order by a report, and says nothing more than the venue said."""

    subject = "Cancels"

    @case(
        30,
        "A resting order is canceled",
        proves="The request is Accepted (or Sent), the end comes as a report, and the venue's order is canceled.",
    )
    async def test_lx030_cancels(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        outcome = await line.cancel(placed)
        assert isinstance(outcome, Accepted | Sent), f"the cancel of a working order was answered with {outcome}"
        end = await line.report_of(placed, VenueOrderStatus.CANCELED)
        assert end.filled_quantity == 0
        assert (await trial.order_at_venue(placed)).status is VenueOrderStatus.CANCELED

    @case(
        31,
        "A cancel by our id alone",
        proves="An order whose venue id is not known yet can be canceled by its client id.",
        needs=(QUERY_BY_CLIENT_ID,),
    )
    async def test_lx031_by_client_id(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        assert isinstance(await line.cancel(placed, placed.ref_by_client_id), Accepted | Sent)
        await line.report_of(placed, VenueOrderStatus.CANCELED)

    @case(
        32,
        "The cancel of a filled order is no cancel",
        proves="It is Rejected with the venue's words (or Unknown), never Accepted; the fill stands, and no report "
        "calls the order canceled.",
    )
    async def test_lx032_filled(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.take(placed, placed.order.quantity)
        await line.filled(placed)
        outcome = await line.cancel(placed)
        assert isinstance(outcome, Rejected | Unknown), f"the cancel of a filled order was answered with {outcome}"
        told = [each.status for each in line.heard.of(placed.plan.client_order_id, placed.venue_order_id)]
        assert VenueOrderStatus.CANCELED not in told, "a filled order was reported as canceled"

    @case(
        33,
        "The cancel of what never was",
        proves="A cancel of an order that the venue never had is Rejected or Unknown, and raises nothing else than an "
        "AdapterError.",
    )
    async def test_lx033_never_was(self, trial: Trial) -> None:
        line = await trial.line()
        real = await line.place()
        nothing = OrderRef(
            trial.venue.account_id,
            trial.usual.instrument_id,
            ClientOrderId(f"{real.plan.client_order_id[:-4]}0000"),
            VenueOrderId(_altered(str(real.venue_order_id))),
        )
        outcome = await line.cancel(real, nothing)
        assert isinstance(outcome, Rejected | Unknown), f"the cancel of nothing was answered with {outcome}"
        assert (await trial.order_at_venue(real)).status is VenueOrderStatus.WORKING, "another order was canceled"

    @case(
        34,
        "A cancel after a partial fill",
        proves="What was filled stays filled: the end tells it, and its fill is told.",
        needs=(SINGLE_FILLS,),
    )
    async def test_lx034_partly_filled(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place(line.order(quantity=trial.usual.quantity * 2))
        await trial.take(placed, trial.usual.quantity)
        await line.fills_of(placed, trial.usual.quantity)
        await line.cancel(placed)
        end = await line.report_of(placed, VenueOrderStatus.CANCELED)
        assert end.filled_quantity == trial.usual.quantity, f"the end tells {end.filled_quantity} filled"
        assert quantity_of(await line.fills_of(placed, trial.usual.quantity)) == trial.usual.quantity

    @case(
        35,
        "A refused cancel leaves the order working",
        proves="The venue's refusal is Rejected with its words, and the order is neither ended nor reported as ended.",
        needs=(Refuse(Verb.CANCEL),),
    )
    async def test_lx035_refused(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.venue.inject(Refuse(Verb.CANCEL))
        outcome = await line.cancel(placed)
        assert isinstance(outcome, Rejected), f"a refusal became {outcome}"
        assert outcome.code, "the venue's code is missing"
        assert (await trial.order_at_venue(placed)).status is VenueOrderStatus.WORKING
        assert not line.ends_of(placed), "an order that is working was reported as ended"

    @case(
        36,
        "A cancel whose answer is lost is Unknown",
        proves="Whether it was carried out or never arrived, the outcome is Unknown, the request is sent once, and the "
        "end comes from the stream, or from asking.",
        needs=(LoseAnswer(Verb.CANCEL, placed=True), LoseAnswer(Verb.CANCEL, placed=False)),
    )
    async def test_lx036_lost_answer(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.venue.inject(LoseAnswer(Verb.CANCEL, placed=False))
        outcome = await line.cancel(placed)
        assert isinstance(outcome, Unknown | Sent), f"silence became {outcome}"
        assert not line.ends_of(placed), "an order that is working was reported as ended"
        await trial.venue.inject(LoseAnswer(Verb.CANCEL, placed=True))
        outcome = await line.cancel(placed)
        assert isinstance(outcome, Unknown | Sent), f"silence became {outcome}"
        await line.report_of(placed, VenueOrderStatus.CANCELED)
        assert await trial.venue.received(Verb.CANCEL) == 2, "the adapter repeated a request by itself"

    @case(
        37,
        "An error that proves nothing is no refusal of a cancel",
        proves="An internal error of the venue on a cancel is Unknown (or Sent, where its report came first).",
        needs=(FailInside(Verb.CANCEL, placed=True),),
    )
    async def test_lx037_failed_inside(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.venue.inject(FailInside(Verb.CANCEL, placed=True))
        outcome = await line.cancel(placed)
        assert isinstance(outcome, Unknown | Sent), f"an error that proves nothing became {outcome}"
        await line.report_of(placed, VenueOrderStatus.CANCELED)

    @case(
        38,
        "A cancel over the rate limit is not carried out, and can be repeated",
        proves="The limit's answer is Rejected or Unknown, never Accepted; the next cancel ends the order.",
        needs=(LimitRate(Verb.CANCEL),),
    )
    async def test_lx038_rate_limit(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.venue.inject(LimitRate(Verb.CANCEL))
        outcome = await line.cancel(placed)
        assert isinstance(outcome, Rejected | Unknown), f"a request over the limit became {outcome}"
        assert not line.ends_of(placed), "an order that is working was reported as ended"
        line = await trial.after_loss(line)
        await line.cancel(placed)
        await line.report_of(placed, VenueOrderStatus.CANCELED)

    @case(
        39,
        "Cancel all ends every order of the account, and no other's",
        proves="Each of the account's orders on every instrument is reported as canceled; the other participants' "
        "orders stay.",
        needs=(Ability(CancelsAll),),
    )
    async def test_lx039_cancel_all(self, trial: Trial) -> None:
        line = await trial.line()
        assert isinstance(line.adapter, CancelsAll)
        await trial.quote(line)
        placed = [await line.place(line.order(on=each)) for each in trial.venue.instruments]
        placed.append(await line.place(line.order(Side.SELL, 20)))
        outcome = await line.adapter.cancel_all(trial.venue.account_id)
        assert isinstance(outcome, Accepted | Sent), f"cancel_all was answered with {outcome}"
        for each in placed:
            await line.report_of(each, VenueOrderStatus.CANCELED)
        # The others' quotes are still there to be taken.
        taking = await line.place(line.order(Side.BUY, 5))
        await line.filled(taking)
        assert (await trial.order_at_venue(taking)).status is VenueOrderStatus.FILLED


def _altered(name: str) -> str:
    """Another id of the same form, which nothing has."""
    digits = [index for index, each in enumerate(name) if each.isdigit()]
    if not digits:
        return f"{name}0"
    return "".join("9" if index in digits else each for index, each in enumerate(name))
