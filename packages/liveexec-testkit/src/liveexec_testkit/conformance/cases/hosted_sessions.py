"""Under the orchestrator: gaps, restarts, streams that lie, and all of it together."""

from decimal import Decimal
from random import Random

import anyio
from attrs import evolve

from liveexec.domain.operation import Side
from liveexec.domain.order_state import OrderStatus
from liveexec.storage.memory import MemoryStore
from liveexec_testkit.conformance.case import CaseGroup, Level, case
from liveexec_testkit.conformance.hosting import TIMING, Host, hosted
from liveexec_testkit.conformance.needs import SINGLE_FILLS, STREAM
from liveexec_testkit.conformance.scripts import (
    CutConnection,
    CutDuring,
    CutPages,
    DuplicateReports,
    ExpireToken,
    HalfOpen,
    HideNewOrders,
    LoseAnswer,
    LoseReports,
    MalformedReport,
    MoveAsset,
    ReorderReports,
    SkewClock,
    UnknownFields,
    Verb,
)
from liveexec_testkit.conformance.trial import Trial

__all__ = ["HostedSessionCases"]

_HOST = Level.ORCHESTRATOR
_AMOUNT = Decimal("0.25")
_STORM_ORDERS = 40
_STORM_CUTS = 6


class HostedSessionCases(CaseGroup):
    """Whatever happened to the session, in the end everything is what the venue has."""

    subject = "Under the orchestrator: sessions"

    @case(
        119,
        "A gap is closed before the account is trusted",
        proves="A cut connection makes the account RECONCILING; what was filled meanwhile is found and counted once; "
        "then it is ACTIVE again, and trades.",
        needs=(SINGLE_FILLS, CutConnection(refuse_for_s=0.3)),
        level=_HOST,
    )
    async def test_lx119_gap(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            usual = trial.usual.quantity
            order_id = await host.working(quantity=usual * 3)
            await host.take(order_id, usual)
            await host.until(order_id, OrderStatus.PARTIALLY_FILLED)
            await trial.venue.inject(CutConnection(refuse_for_s=0.3))
            await host.take(order_id, usual)
            await host.not_active()
            await host.active()
            await host.take(order_id, usual)
            await host.until(order_id, OrderStatus.FILLED)
            await host.agrees()
            await host.working()

    @case(
        120,
        "A restart with open orders",
        proves="What was open, filled and canceled while nobody was there is found after the restart, with the same "
        "keys as before: no fill is counted twice, no order adopted as somebody else's.",
        needs=(SINGLE_FILLS,),
        level=_HOST,
    )
    async def test_lx120_restart(self, trial: Trial) -> None:
        store, usual = MemoryStore(), trial.usual.quantity
        async with hosted(trial, store) as host:
            partly = await host.working(quantity=usual * 3)
            untouched = await host.working(Side.SELL, 20)
            await host.take(partly, usual)
            await host.until(partly, OrderStatus.PARTIALLY_FILLED)
            price = host.live.orders[partly].price
        assert price is not None
        await trial.venue.take(trial.usual.instrument_id, Side.SELL, price, usual)
        async with hosted(trial, store) as host:
            await host.agrees()
            await host.take(partly, usual)
            await host.until(partly, OrderStatus.FILLED)
            await host.cancel(untouched)
            await host.until(untouched, OrderStatus.CANCELED)
            await host.agrees()

    @case(
        121,
        "A restart while it is unknown what became of an order",
        proves="An order whose answer was lost before the process ended is found after the restart: one order, not "
        "two, and not given up.",
        needs=(SINGLE_FILLS, LoseAnswer(Verb.SUBMIT, placed=True)),
        level=_HOST,
    )
    async def test_lx121_restart_in_doubt(self, trial: Trial) -> None:
        store = MemoryStore()
        async with hosted(trial, store) as host:
            await trial.venue.inject(LoseAnswer(Verb.SUBMIT, placed=True))
            order_id = await host.submit()
            await host.sent()
        async with hosted(trial, store) as host:
            await host.until(order_id, OrderStatus.ACCEPTED)
            await host.take(order_id, trial.usual.quantity)
            await host.until(order_id, OrderStatus.FILLED)
            await host.agrees()
            assert await trial.venue.received(Verb.SUBMIT) == 1, "the order was sent again"

    @case(
        122,
        "Repeated and reordered reports count once",
        proves="With every report twice, the last first, orders are filled by exactly what the venue filled.",
        needs=(STREAM, SINGLE_FILLS, DuplicateReports(), ReorderReports()),
        level=_HOST,
    )
    async def test_lx122_repeated(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            await trial.venue.inject(DuplicateReports())
            await trial.venue.inject(ReorderReports())
            await _fill_and_cancel(trial, host)

    @case(
        123,
        "What a healthy stream leaves out is found",
        proves="With a stream that is up and says nothing, fills and ends are found by comparing.",
        needs=(STREAM, SINGLE_FILLS, LoseReports()),
        level=_HOST,
    )
    async def test_lx123_silent(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            await trial.venue.inject(LoseReports())
            await _fill_and_cancel(trial, host)

    @case(
        124,
        "A report that can't be read costs nothing but a gap",
        proves="After it the account is reconciled, and everything agrees.",
        needs=(STREAM, SINGLE_FILLS, MalformedReport()),
        level=_HOST,
    )
    async def test_lx124_unreadable(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            await host.working(ticks=-25)
            await trial.venue.inject(MalformedReport())
            await host.not_active()
            await host.active()
            await _fill_and_cancel(trial, host)

    @case(
        125,
        "Fields that nobody knows change nothing",
        proves="With unknown fields in everything that the venue sends, a whole life agrees with the venue.",
        needs=(SINGLE_FILLS, UnknownFields()),
        level=_HOST,
    )
    async def test_lx125_unknown_fields(self, trial: Trial) -> None:
        await trial.venue.inject(UnknownFields())
        async with hosted(trial) as host:
            await _fill_and_cancel(trial, host)

    @case(
        126,
        "A connection that is half open is left",
        proves="An order into it is not judged; the session is given up for a new one, in which the order is found to "
        "be there or not.",
        needs=(SINGLE_FILLS, HalfOpen()),
        level=_HOST,
    )
    async def test_lx126_half_open(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            before = await host.working()
            await trial.venue.inject(HalfOpen())
            lost = await host.submit(ticks=-25)
            await host.take(before, trial.usual.quantity)
            await host.not_active()
            await trial.venue.heal()
            await host.active()
            await host.until(before, OrderStatus.FILLED)
            await host.until(lost, OrderStatus.ACCEPTED, OrderStatus.REJECTED, OrderStatus.UNKNOWN)
            await host.agrees(in_doubt=[lost])

    @case(
        127,
        "A token that ends costs no order",
        proves="Orders before, at and after the end of the session's authorisation are what they are at the venue.",
        needs=(SINGLE_FILLS, ExpireToken()),
        level=_HOST,
    )
    async def test_lx127_token(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            before = await host.working()
            await trial.venue.inject(ExpireToken())
            at = await host.submit(ticks=-25)
            await host.until(at, OrderStatus.ACCEPTED, OrderStatus.REJECTED, OrderStatus.UNKNOWN)
            await host.active()
            await host.take(before, trial.usual.quantity)
            await host.until(before, OrderStatus.FILLED)
            await host.agrees(in_doubt=[at])

    @case(
        128,
        "Orders that are not visible yet are not given up",
        proves="With the venue's visibility lag, orders whose answers were lost are found as soon as they are visible.",
        needs=(SINGLE_FILLS, HideNewOrders(), LoseAnswer(Verb.SUBMIT, placed=True)),
        level=_HOST,
    )
    async def test_lx128_not_visible(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            await trial.venue.inject(HideNewOrders())
            await trial.venue.inject(LoseAnswer(Verb.SUBMIT, placed=True))
            order_id = await host.submit(ticks=-25)
            await host.until(order_id, OrderStatus.ACCEPTED)
            await _fill_and_cancel(trial, host)

    @case(
        129,
        "Clocks that differ judge nothing wrong",
        proves="With the venue's clock ahead, as far as is configured, lost answers and gaps are settled as ever.",
        needs=(SINGLE_FILLS, SkewClock(ahead_s=0.8), LoseAnswer(Verb.SUBMIT, placed=True), CutConnection()),
        level=_HOST,
    )
    async def test_lx129_skewed(self, trial: Trial) -> None:
        await trial.venue.inject(SkewClock(ahead_s=0.8))
        # As an operator has to configure it for such a venue: requests outlast the difference, and proofs wait for it.
        timing = evolve(TIMING, clock_skew_ns=1_000_000_000, send_deadline_ns=4_000_000_000)
        async with hosted(trial, timing=timing) as host:
            await trial.venue.inject(LoseAnswer(Verb.SUBMIT, placed=True))
            order_id = await host.submit()
            await host.until(order_id, OrderStatus.ACCEPTED)
            await trial.venue.inject(CutConnection())
            await host.take(order_id, trial.usual.quantity)
            await host.until(order_id, OrderStatus.FILLED)
            await host.agrees()

    @case(
        130,
        "Movements of assets keep the balances equal",
        proves="A deposit and a withdrawal leave no drift of the balance.",
        needs=(STREAM, MoveAsset(asset="BTC", amount=_AMOUNT), MoveAsset(asset="BTC", amount=-_AMOUNT)),
        level=_HOST,
    )
    async def test_lx130_assets(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            for amount in (_AMOUNT, _AMOUNT, -_AMOUNT):
                await trial.venue.inject(MoveAsset(asset="BTC", amount=amount))
            await host.agrees()

    @case(
        131,
        "A storm: many orders, many cuts",
        proves=f"{_STORM_ORDERS} orders, filled, canceled and working, through {_STORM_CUTS} cuts at random points, "
        "some in the middle of a submit: every order and every fill is in the end what it is at the venue, and none "
        "was sent twice.",
        needs=(
            SINGLE_FILLS,
            CutConnection(),
            CutDuring(Verb.SUBMIT, placed=True),
            CutDuring(Verb.SUBMIT, placed=False),
        ),
        level=_HOST,
    )
    async def test_lx131_storm(self, trial: Trial) -> None:
        draw = Random(131)
        async with hosted(trial) as host:
            asked = []
            cuts = set(draw.sample(range(_STORM_ORDERS), _STORM_CUTS))
            for number in range(_STORM_ORDERS):
                await host.active()
                if number in cuts:
                    chosen = draw.randrange(3)
                    if chosen == 0:
                        await trial.venue.inject(CutConnection())
                        await host.not_active()
                        await host.active()
                    else:
                        await trial.venue.inject(CutDuring(Verb.SUBMIT, placed=chosen == 1))
                order_id = await host.submit(ticks=-10 - draw.randrange(20))
                asked.append(order_id)
                if draw.random() < 0.4:
                    await host.take(order_id, trial.usual.quantity / 2)
                elif draw.random() < 0.5:
                    await host.cancel(order_id)
            await host.active()
            await host.agrees(in_doubt=asked)
            assert await trial.venue.received(Verb.SUBMIT) <= _STORM_ORDERS, "an order was sent again"

    @case(
        133,
        "A gap with more fills than a page holds",
        proves="More fills than the venue gives at once, made while there was no connection, are all found after the "
        "reconnect.",
        needs=(SINGLE_FILLS, CutConnection(refuse_for_s=0.2), CutPages(size=3)),
        level=_HOST,
    )
    async def test_lx133_gap_in_pages(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            usual = trial.usual.quantity
            order_id = await host.working(quantity=usual * 8)
            await trial.venue.inject(CutPages(size=3))
            await trial.venue.inject(CutConnection(refuse_for_s=0.2))
            for _ in range(8):
                await host.take(order_id, usual)
            await host.not_active()
            await host.active()
            await host.until(order_id, OrderStatus.FILLED)
            await host.agrees()

    @case(
        135,
        "A cancel races a fill",
        proves="Ten times a cancel and a fill of the same order are on their way together: each order ends as the one "
        "that came first made it, here as at the venue.",
        needs=(SINGLE_FILLS,),
        level=_HOST,
    )
    async def test_lx135_race(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            for number in range(10):
                order_id = await host.working(ticks=-30 + number)
                async with anyio.create_task_group() as group:
                    group.start_soon(host.cancel, order_id)
                    group.start_soon(host.take, order_id, trial.usual.quantity)
                await host.until(order_id, OrderStatus.FILLED, OrderStatus.CANCELED)
            await host.agrees()


async def _fill_and_cancel(trial: Trial, host: Host) -> None:
    """One order is filled in two parts, one filled in part and canceled; then all has to agree."""
    usual = trial.usual.quantity
    filled = await host.working(quantity=usual * 2)
    partly = await host.working(Side.SELL, 20, quantity=usual * 2)
    for _ in range(2):
        await host.take(filled, usual)
    await host.take(partly, usual)
    await host.until(filled, OrderStatus.FILLED)
    await host.until(partly, OrderStatus.PARTIALLY_FILLED)
    await host.cancel(partly)
    await host.until(partly, OrderStatus.CANCELED)
    await host.agrees()
