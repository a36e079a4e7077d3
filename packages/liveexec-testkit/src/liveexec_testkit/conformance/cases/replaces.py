"""Replaces: one order with other terms, never two and never none."""

from liveexec.domain.ids import VenueOrderId
from liveexec.domain.operation import OrderType, Side
from liveexec.domain.outcome import Accepted, OrderReport, Rejected, Sent, Unknown, VenueOrderStatus
from liveexec.plugins.adapter import Replaces
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.line import Placed
from liveexec_testkit.conformance.needs import REPLACE, SINGLE_FILLS, Ability, needs_type
from liveexec_testkit.conformance.scripts import FailInside, LoseAnswer, Refuse, Verb
from liveexec_testkit.conformance.trial import Trial

__all__ = ["ReplaceCases"]

_NEEDS = (REPLACE, Ability(Replaces), needs_type(OrderType.LIMIT))


class ReplaceCases(CaseGroup):
    """A change leaves exactly one order at the venue: with the new terms, or with the old ones."""

    subject = "Replaces"

    @case(
        40,
        "Price and quantity are changed",
        proves="Accepted (or Sent) means that the venue works the order with exactly the new terms; there is one order "
        "of it in the book.",
        needs=_NEEDS,
    )
    async def test_lx040_changes(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        quantity = placed.order.quantity * 2
        outcome, order, plan = await line.replace(placed, quantity=quantity, ticks=-18)
        assert isinstance(outcome, Accepted | Sent), f"a change that the venue makes was answered with {outcome}"
        changed = Placed(order, plan, outcome, _name(outcome, placed))
        if isinstance(outcome, Sent):
            await line.heard.until(
                "a report with the new terms",
                lambda: any(
                    (each.quantity, each.price) == (quantity, order.price)
                    for each in line.heard.of(plan.client_order_id, placed.venue_order_id)
                ),
            )
        working = [each for each in await trial.venue.orders() if each.status is VenueOrderStatus.WORKING]
        assert [(each.quantity, each.price) for each in working] == [(quantity, order.price)], (
            f"the venue works {working}"
        )
        await trial.until_visible(line)
        told = await line.adapter.order(changed.ref)
        assert isinstance(told, OrderReport), f"order() answers {told}"
        assert (told.quantity, told.price) == (quantity, order.price)

    @case(
        41,
        "The new quantity is the total",
        proves="After a partial fill a replace to a new total leaves the total less what was filled, whatever the "
        "venue's own request means.",
        needs=(*_NEEDS, SINGLE_FILLS),
    )
    async def test_lx041_total(self, trial: Trial) -> None:
        line = await trial.line()
        usual = trial.usual.quantity
        placed = await line.place(line.order(quantity=usual * 3))
        await trial.take(placed, usual)
        await line.fills_of(placed, usual)
        outcome, order, plan = await line.replace(placed, quantity=usual * 2, filled=usual)
        assert isinstance(outcome, Accepted | Sent), f"a change that the venue makes was answered with {outcome}"
        changed = Placed(order, plan, outcome, _name(outcome, placed))
        await trial.take(changed, usual * 3)
        await line.heard.until(
            "the rest's fill",
            lambda: sum(each.fill.quantity for each in line.heard.distinct_fills.values()) >= usual * 2,
        )
        total = sum(each.fill.quantity for each in await trial.venue.fills())
        assert total == usual * 2, f"the new total is {usual * 2}, and {total} was filled"

    @case(
        42,
        "A refused change leaves the order as it was",
        proves="The refusal is Rejected with the venue's words; the order works on with its old terms, and no report "
        "ends it.",
        needs=(*_NEEDS, Refuse(Verb.REPLACE)),
    )
    async def test_lx042_refused(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.venue.inject(Refuse(Verb.REPLACE))
        outcome, _, _ = await line.replace(placed, ticks=-18)
        assert isinstance(outcome, Rejected), f"a refusal became {outcome}"
        assert outcome.code, "the venue's code is missing"
        true = await trial.order_at_venue(placed)
        assert (true.status, true.price) == (VenueOrderStatus.WORKING, placed.order.price)
        assert not line.ends_of(placed), "a refused change was reported as the order's end"

    @case(
        43,
        "A change whose answer is lost is Unknown",
        proves="Silence after a change is Unknown, whether it was made or not; asking tells which terms hold.",
        needs=(*_NEEDS, LoseAnswer(Verb.REPLACE, placed=True), LoseAnswer(Verb.REPLACE, placed=False)),
    )
    async def test_lx043_lost_answer(self, trial: Trial) -> None:
        line = await trial.line()
        for made in (False, True):
            placed = await line.place()
            await trial.venue.inject(LoseAnswer(Verb.REPLACE, placed=made))
            outcome, order, _ = await line.replace(placed, ticks=-18)
            assert isinstance(outcome, Unknown | Sent), f"silence became {outcome}"
            expected = order.price if made else placed.order.price
            working = [each for each in await trial.venue.orders() if each.status is VenueOrderStatus.WORKING]
            assert [each.price for each in working] == [expected], f"the venue works {working}"
            (true,) = working
            placed.venue_order_id = true.venue_order_id
            await trial.until_visible(line)
            told = await line.adapter.order(placed.ref)
            assert isinstance(told, OrderReport), f"order() answers {told}"
            assert told.price == expected, f"order() tells {told.price}, the venue has {expected}"
            await line.cancel(placed)

    @case(
        44,
        "An error that proves nothing is no refusal of a change",
        proves="An internal error of the venue on a change is Unknown (or Sent, where its report came first), though "
        "the change was made.",
        needs=(*_NEEDS, FailInside(Verb.REPLACE, placed=True)),
    )
    async def test_lx044_failed_inside(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.venue.inject(FailInside(Verb.REPLACE, placed=True))
        outcome, _, _ = await line.replace(placed, ticks=-18)
        assert isinstance(outcome, Unknown | Sent), f"an error that proves nothing became {outcome}"

    @case(
        45,
        "What has ended is not changed",
        proves="A change of a filled order is Rejected (or Unknown), and no new order comes of it.",
        needs=_NEEDS,
    )
    async def test_lx045_ended(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place(line.order(Side.SELL, 20))
        await trial.take(placed, placed.order.quantity)
        await line.filled(placed)
        outcome, _, _ = await line.replace(placed, quantity=placed.order.quantity * 2)
        assert isinstance(outcome, Rejected | Unknown), f"the change of a filled order was answered with {outcome}"
        working = [each for each in await trial.venue.orders() if each.status is VenueOrderStatus.WORKING]
        assert not working, f"a new order came of it: {working}"


def _name(outcome: Accepted | Sent, placed: Placed) -> VenueOrderId | None:
    if isinstance(outcome, Accepted) and outcome.venue_order_id is not None:
        return outcome.venue_order_id
    return placed.venue_order_id
