"""What not every venue has: instruments that end, fills that are taken back, totals in place of fills, and polling."""

from decimal import Decimal
from typing import Final

from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import CumulativeFill, FillAction, FillReport, SettlementReport, VenueOrderStatus
from liveexec.plugins.adapter import Polls, Settles
from liveexec_testkit.conformance.case import CaseGroup, Level, case
from liveexec_testkit.conformance.hosting import hosted
from liveexec_testkit.conformance.line import Line, Placed
from liveexec_testkit.conformance.needs import SINGLE_FILLS, STREAM, TOTALS, Ability
from liveexec_testkit.conformance.scripts import BustFill, EndInstrument
from liveexec_testkit.conformance.trial import Trial

__all__ = ["SpecialCases"]

_HOST = Level.ORCHESTRATOR
#: So long that accounts are compared as often as the adapter asks for, and no more. Real seconds.
_NEVER_S: Final = 3_600.0
#: A rounded average is not another one.
_ROUNDING: Final = Decimal("1e-8")


class SpecialCases(CaseGroup):
    """Settlements, busts, totals and polling."""

    subject = "Settlements, busts, totals, polling"

    @case(
        140,
        "What ended is told, with its price",
        proves="An instrument that ends is in settlements() with the price that it ended at, under the same reference "
        "each time; what was held of it is no position any more; asked from later on, it is not told.",
        needs=(Ability(Settles), EndInstrument()),
    )
    async def test_lx140_settlement(self, trial: Trial) -> None:
        line = await trial.line()
        assert isinstance(line.adapter, Settles)
        assert trial.venue.ending is not None, "the harness scripts an end of nothing"
        instrument, price = trial.venue.ending
        account_id = trial.venue.account_id
        await trial.quote(line, on=instrument)
        await line.filled(await line.place(line.order(Side.BUY, 10, on=instrument)))
        held = [each.fill.venue_time_ns for each in await trial.venue.fills()]
        assert not (await line.adapter.settlements(account_id, held[0])).items, "it is settled before it ended"
        await trial.venue.inject(EndInstrument())
        told: list[SettlementReport] = []
        for _ in range(2):
            snapshot = await line.adapter.settlements(account_id, held[0])
            assert snapshot.complete, "settlements() calls itself incomplete"
            told += snapshot.items
        assert [(each.instrument_id, each.price) for each in told] == [(instrument.instrument_id, price)] * 2
        assert len({each.reference for each in told}) == 1, "one settlement has two references"
        positions = (await line.adapter.positions(account_id)).items
        assert not [each for each in positions if each.instrument_id == instrument.instrument_id and each.quantity]
        later = await line.adapter.settlements(account_id, told[0].venue_time_ns + 1_000_000_000)
        assert not later.items, "it is told for ever"

    @case(
        141,
        "What ended is closed, and nothing drifts",
        proves="Under the orchestrator the position ends with the venue's result, and balances and positions are the "
        "venue's; after a restart they still are.",
        needs=(Ability(Settles), SINGLE_FILLS, EndInstrument()),
        level=_HOST,
    )
    async def test_lx141_settled(self, trial: Trial) -> None:
        assert trial.venue.ending is not None, "the harness scripts an end of nothing"
        instrument, _ = trial.venue.ending
        async with hosted(trial) as host:
            await host.quote(on=instrument)
            order_id = await host.submit(Side.BUY, 10, on=instrument)
            await host.until(order_id, OrderStatus.FILLED)
            await trial.venue.inject(EndInstrument())
            await host.agrees()
        async with hosted(trial, host.store) as again:
            await again.never_drifts()
            await again.until_balances_agree()

    @case(
        142,
        "A fill that is taken back is told by its name",
        proves="A bust is told, on the stream and when fills are asked for, as a bust of the key under which the fill "
        "was told.",
        needs=(SINGLE_FILLS, BustFill()),
    )
    async def test_lx142_bust(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await _ended_with_fill(trial, line)
        (fill,) = await line.fills_of(placed, trial.usual.quantity)
        await trial.venue.inject(BustFill())
        await line.heard.until("a bust", lambda: _busts(line.heard.fills))
        asked = (await line.adapter.fills(trial.venue.account_id, fill.fill.venue_time_ns)).items
        for told in (line.heard.fills, asked):
            named = {each.original_key or each.fill.key for each in _busts(told)}
            assert named == {fill.fill.key}, f"{named} is taken back, not {fill.fill.key}"

    @case(
        143,
        "A fill that is taken back is no position",
        proves="Under the orchestrator the fill counts no more: fills, positions and balances are the venue's.",
        needs=(SINGLE_FILLS, BustFill()),
        level=_HOST,
    )
    async def test_lx143_busted(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            usual = trial.usual.quantity
            order_id = await host.working(quantity=usual * 3)
            for _ in range(2):
                await host.take(order_id, usual)
            await host.cancel(order_id)
            await host.until(order_id, OrderStatus.CANCELED)
            await host.agrees()
            await trial.venue.inject(BustFill())
            await host.agrees()
            assert host.live.orders[order_id].filled_quantity == usual

    @case(
        144,
        "Totals are of the whole order",
        proves="Each total counts everything that is filled of its order until then, at the average of it, with all of "
        "its fees; it never falls.",
        needs=(STREAM, TOTALS),
    )
    async def test_lx144_totals(self, trial: Trial) -> None:
        line = await trial.line()
        usual = trial.usual.quantity
        placed = await line.place(line.order(quantity=usual * 4))
        for lots in (1, 2, 1):
            await trial.take(placed, usual * lots)
        await line.heard.until("the whole total", lambda: _totals(line, placed)[-1:] == [usual * 4])
        told = _totals(line, placed)
        assert told == sorted(told), f"totals fall: {told}"
        true = [each.fill for each in await trial.venue.fills()]
        last = [each for each in line.heard.items if isinstance(each, CumulativeFill)][-1]
        average = sum((each.quantity * each.price for each in true), ZERO) / last.quantity
        assert abs(last.average_price - average) <= _ROUNDING * average
        assert last.fee == sum((each.fee for each in true), ZERO)

    @case(
        145,
        "Totals become positions and balances",
        proves="Under the orchestrator an order of which totals are told is filled, and positions and balances are the "
        "venue's.",
        needs=(STREAM, TOTALS),
        level=_HOST,
    )
    async def test_lx145_totals_counted(self, trial: Trial) -> None:
        async with hosted(trial) as host:
            usual = trial.usual.quantity
            order_id = await host.working(quantity=usual * 3)
            for lots in (1, 2):
                await host.take(order_id, usual * lots)
            order = await host.until(order_id, OrderStatus.FILLED)
            assert order.filled_quantity == usual * 3
            await host.never_drifts()
            await host.until_balances_agree()
            assert not await host.agreement.position_differences()

    @case(
        146,
        "What is asked for again and again tells everything",
        proves="Under the orchestrator orders of a venue that streams nothing are filled, canceled and refused as at "
        "the venue, by nothing but what is polled; what was told once is told again.",
        needs=(Ability(Polls), SINGLE_FILLS),
        level=_HOST,
    )
    async def test_lx146_polled(self, trial: Trial) -> None:
        async with hosted(trial, reconcile_every_s=_NEVER_S) as host:
            usual = trial.usual.quantity
            filled, canceled = await host.working(quantity=usual * 2), await host.working(ticks=-30)
            for _ in range(2):
                await host.take(filled, usual)
            await host.until(filled, OrderStatus.FILLED)
            await host.cancel(canceled)
            await host.until(canceled, OrderStatus.CANCELED)
            await host.agrees()
        line = await trial.line()
        first = (await trial.venue.fills())[0].fill.venue_time_ns
        for _ in range(2):
            assert len(await line.fills_since(first)) == 2, "fills() tells what it told before no more"


async def _ended_with_fill(trial: Trial, line: Line) -> Placed:
    """An order that was filled in part, and canceled."""
    placed = await line.place(line.order(quantity=trial.usual.quantity * 2))
    await trial.take(placed, trial.usual.quantity)
    await line.cancel(placed)
    await line.report_of(placed, VenueOrderStatus.CANCELED)
    return placed


def _busts(told: list[FillReport] | tuple[FillReport, ...]) -> list[FillReport]:
    return [each for each in told if each.action is FillAction.BUST]


def _totals(line: Line, placed: Placed) -> list[Decimal]:
    return [
        each.quantity
        for each in line.heard.items
        if isinstance(each, CumulativeFill) and each.venue_order_id == placed.venue_order_id
    ]
