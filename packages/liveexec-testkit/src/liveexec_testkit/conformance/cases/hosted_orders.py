"""Under the orchestrator: what becomes of requests whose answers are lost, late, wrong or missing."""

from liveexec.domain.operation import Side
from liveexec.domain.order_state import OrderStatus
from liveexec_testkit.conformance.case import CaseGroup, Level, case
from liveexec_testkit.conformance.hosting import hosted
from liveexec_testkit.conformance.line import stepped
from liveexec_testkit.conformance.needs import DETAILS, REPLACE, SINGLE_FILLS
from liveexec_testkit.conformance.scripts import (
    CutDuring,
    DelayAnswer,
    FailInside,
    LimitRate,
    LoseAnswer,
    MalformedAnswer,
    Refuse,
    Verb,
)
from liveexec_testkit.conformance.trial import Trial

__all__ = ["HostedOrderCases"]

_HOST = Level.ORCHESTRATOR
_ENDED = (OrderStatus.REJECTED, OrderStatus.UNKNOWN)


class HostedOrderCases(CaseGroup):
    """No order lost, doubled or misjudged: in the end everything is what the venue has."""

    subject = "Under the orchestrator: requests"

    @case(
        107,
        "Orders live and end as at the venue",
        proves="A filled, a partly filled and canceled, and a working order agree with the venue in status, fills, "
        "positions and balances; no drift.",
        needs=(SINGLE_FILLS,),
        level=_HOST,
    )
    async def test_lx107_plain(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            usual = trial.usual.quantity
            filled, partly, _ = (
                await host.working(),
                await host.working(Side.SELL, 20, quantity=usual * 2),
                await host.working(),
            )
            await host.take(filled, usual)
            await host.take(partly, usual)
            await host.until(filled, OrderStatus.FILLED)
            await host.until(partly, OrderStatus.PARTIALLY_FILLED)
            await host.cancel(partly)
            await host.until(partly, OrderStatus.CANCELED)
            await host.agrees()

    @case(
        108,
        "Every instrument's units are right to the end",
        proves="Maker's and taker's fills on every instrument give the venue's positions and balances, fees included, "
        "without a drift.",
        needs=(SINGLE_FILLS,),
        level=_HOST,
    )
    async def test_lx108_units(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            for instrument in trial.venue.instruments:
                made = await host.working(on=instrument)
                await host.take(made, instrument.quantity)
                await host.until(made, OrderStatus.FILLED)
                listing = host.live.shard.engine.state.listings[instrument.instrument_id]
                price = stepped(listing, instrument.price, -5)
                await trial.venue.rest(instrument.instrument_id, Side.BUY, price, instrument.quantity * 2)
                sold = await host.submit(Side.SELL, -5, on=instrument, quantity=instrument.quantity * 2)
                await host.until(sold, OrderStatus.FILLED)
            await host.agrees()

    @case(
        109,
        "Replaced orders are one order",
        proves="A replace through the orchestrator, atomic or emulated, leaves one order at the venue, with the new "
        "terms; its fills count once.",
        needs=(REPLACE, SINGLE_FILLS),
        level=_HOST,
    )
    async def test_lx109_replace(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            usual = trial.usual.quantity
            order_id = await host.working(quantity=usual * 3)
            await host.take(order_id, usual)
            await host.until(order_id, OrderStatus.PARTIALLY_FILLED)
            await host.replace(order_id, quantity=usual * 2)
            await host.until_terms(order_id, quantity=usual * 2)
            await host.agrees()
            await host.take(order_id, usual)
            await host.until(order_id, OrderStatus.FILLED)
            await host.agrees()

    @case(
        110,
        "Lost answer, order placed: found, once",
        proves="The order becomes UNKNOWN, is found at the venue, is sent once, and its fill counts once.",
        needs=(SINGLE_FILLS, LoseAnswer(Verb.SUBMIT, placed=True)),
        level=_HOST,
    )
    async def test_lx110_lost_placed(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            await trial.venue.inject(LoseAnswer(Verb.SUBMIT, placed=True))
            order_id = await host.submit()
            await host.until(order_id, OrderStatus.ACCEPTED)
            await host.take(order_id, trial.usual.quantity)
            await host.until(order_id, OrderStatus.FILLED)
            await host.agrees()
            assert await trial.venue.received(Verb.SUBMIT) == 1, "the order was sent again"

    @case(
        111,
        "Lost answer, order never arrived: never taken for placed, never sent again",
        proves="The order ends by a proof of absence, or stays UNKNOWN where the venue can't give one; the venue has "
        "no order, and nothing is sent again.",
        needs=(LoseAnswer(Verb.SUBMIT, placed=False),),
        level=_HOST,
    )
    async def test_lx111_lost_not_placed(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            await trial.venue.inject(LoseAnswer(Verb.SUBMIT, placed=False))
            order_id = await host.submit()
            await host.until(order_id, *_ENDED)
            await host.agrees(in_doubt=[order_id])
            assert not await trial.venue.orders(), "the order was sent again"

    @case(
        112,
        "Late answer, and a fill before it",
        proves="An order whose fill comes before its answer is filled once, and the late answer changes nothing.",
        needs=(SINGLE_FILLS, DelayAnswer(Verb.SUBMIT, delay_s=0.6)),
        level=_HOST,
    )
    async def test_lx112_late(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            listing = host.live.shard.engine.state.listings[trial.usual.instrument_id]
            price = stepped(listing, trial.usual.price, 5)
            await trial.venue.rest(trial.usual.instrument_id, Side.SELL, price, trial.usual.quantity)
            await trial.venue.inject(DelayAnswer(Verb.SUBMIT, delay_s=0.6))
            order_id = await host.submit(Side.BUY, 5)
            await host.until(order_id, OrderStatus.FILLED)
            await host.agrees()
            assert await trial.venue.received(Verb.SUBMIT) == 1, "the order was sent again"

    @case(
        113,
        "Errors that prove nothing: the order is looked for",
        proves="After an internal error the order is found where it was placed, and not taken for placed where it was "
        "not; nothing is sent again.",
        needs=(FailInside(Verb.SUBMIT, placed=True), FailInside(Verb.SUBMIT, placed=False)),
        level=_HOST,
    )
    async def test_lx113_failed_inside(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            await trial.venue.inject(FailInside(Verb.SUBMIT, placed=True))
            placed = await host.submit()
            await host.until(placed, OrderStatus.ACCEPTED)
            await trial.venue.inject(FailInside(Verb.SUBMIT, placed=False))
            lost = await host.submit(ticks=-25)
            await host.until(lost, *_ENDED)
            await host.agrees(in_doubt=[lost])
            assert await trial.venue.received(Verb.SUBMIT) == 2, "an order was sent again"

    @case(
        114,
        "An answer that can't be read: the order is looked for",
        proves="The order is found at the venue, as after silence.",
        needs=(MalformedAnswer(Verb.SUBMIT),),
        level=_HOST,
    )
    async def test_lx114_unreadable(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            await trial.venue.inject(MalformedAnswer(Verb.SUBMIT))
            order_id = await host.submit()
            await host.until(order_id, OrderStatus.ACCEPTED)
            await host.agrees()

    @case(
        115,
        "A refused order is REJECTED, and the next one is taken",
        proves="The venue's refusal ends the order with its words; a rate limit's does, or leaves it to be looked for; "
        "later orders go out.",
        needs=(Refuse(Verb.SUBMIT), LimitRate(Verb.SUBMIT)),
        level=_HOST,
    )
    async def test_lx115_refused(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            await trial.venue.inject(Refuse(Verb.SUBMIT))
            refused = await host.submit()
            order = await host.until(refused, OrderStatus.REJECTED)
            assert order.code, "the venue's code is not recorded"
            await trial.venue.inject(LimitRate(Verb.SUBMIT))
            limited = await host.submit(ticks=-25)
            await host.until(limited, *_ENDED)
            await host.active()
            await host.working(ticks=-30)
            await host.agrees(in_doubt=[limited])

    @case(
        116,
        "The connection is cut while an order is on its way",
        proves="Placed or not, the order is judged by what the venue says after the reconnect; the account is "
        "reconciled before it is trusted again.",
        needs=(CutDuring(Verb.SUBMIT, placed=True), CutDuring(Verb.SUBMIT, placed=False)),
        level=_HOST,
    )
    async def test_lx116_cut(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            lost = []
            for is_placed in (True, False):
                await trial.venue.inject(CutDuring(Verb.SUBMIT, placed=is_placed))
                order_id = await host.submit(ticks=-21 - is_placed)
                if is_placed:
                    await host.until(order_id, OrderStatus.ACCEPTED)
                else:
                    lost.append(order_id)
                    await host.until(order_id, *_ENDED)
                await host.active()
            await host.agrees(in_doubt=lost)
            assert len(await trial.venue.orders()) == 1

    @case(
        117,
        "A cancel whose answer is lost is not forgotten",
        proves="The order ends as CANCELED at the venue and here, whether the first request arrived or not.",
        needs=(LoseAnswer(Verb.CANCEL, placed=True), LoseAnswer(Verb.CANCEL, placed=False)),
        level=_HOST,
    )
    async def test_lx117_lost_cancel(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            for is_placed in (True, False):
                order_id = await host.working()
                await trial.venue.inject(LoseAnswer(Verb.CANCEL, placed=is_placed))
                await host.cancel(order_id)
                await host.until(order_id, OrderStatus.CANCELED)
            await host.agrees()

    @case(
        118,
        "A change whose answer is lost is settled by what the venue works",
        proves="Made or not, the order's terms here become those at the venue, and it is one order.",
        needs=(REPLACE, LoseAnswer(Verb.REPLACE, placed=True), LoseAnswer(Verb.REPLACE, placed=False)),
        level=_HOST,
    )
    async def test_lx118_lost_replace(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            for is_made in (True, False):
                order_id = await host.working(ticks=-21 - is_made)
                await trial.venue.inject(LoseAnswer(Verb.REPLACE, placed=is_made))
                await host.replace(order_id, quantity=trial.usual.quantity * 2)
                await host.settled(order_id)
            await host.agrees()
            working = [each for each in await trial.venue.orders() if each.status.is_open]
            assert len(working) == 2, f"two orders are {len(working)} at the venue"

    @case(
        139,
        "Details go the whole way, and only those that the venue takes",
        proves="An order's details come from its intent to the venue; one that the manifest does not name is refused "
        "and recorded before anything is sent.",
        needs=(DETAILS,),
        level=_HOST,
    )
    async def test_lx139_details(self, trial: Trial) -> None:
        detailed = trial.venue.detailed_order
        assert detailed is not None
        async with hosted(trial) as host:
            strange = dict(detailed["details"]) | {"no_such_detail": 1}
            refused = await host.refused(**(dict(detailed) | {"details": strange}))
            assert "no_such_detail" in str(host.live.orders[refused].message)
            assert not await trial.venue.received(Verb.SUBMIT), "it was sent all the same"
            await host.working(**detailed)
            (true,) = await trial.venue.orders()
            assert await trial.venue.details_of(true) == detailed["details"]
            await host.agrees()
