"""Fills: each one told, once by name, with what the venue knows of it."""

from decimal import Decimal

from liveexec.domain.operation import Side
from liveexec.domain.outcome import OrderReport
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.line import Line
from liveexec_testkit.conformance.needs import SINGLE_FILLS, STREAM
from liveexec_testkit.conformance.scripts import CutPages
from liveexec_testkit.conformance.trial import Trial
from liveexec_testkit.conformance.truth import fill_differences, quantity_of

__all__ = ["FillCases"]

_NEEDS = (SINGLE_FILLS,)


class FillCases(CaseGroup):
    """Quantities, prices, fees, keys and times of fills."""

    subject = "Fills"

    @case(
        46,
        "Partial fills are told one by one",
        proves="Three fills of one order have their own quantities, not the sum until then, keys of their own, and add "
        "up to what was filled.",
        needs=_NEEDS,
    )
    async def test_lx046_partial(self, trial: Trial) -> None:
        line = await trial.line()
        usual = trial.usual.quantity
        placed = await line.place(line.order(quantity=usual * 4))
        for lots in (1, 2, 1):
            await trial.take(placed, usual * lots)
        fills = await line.fills_of(placed, usual * 4)
        assert [each.fill.quantity for each in fills] == [usual, usual * 2, usual]
        await trial.until_visible(line)
        told = await line.adapter.order(placed.ref)
        assert isinstance(told, OrderReport), f"order() answers {told}"
        assert told.filled_quantity == usual * 4, f"order() tells {told.filled_quantity} filled"

    @case(
        47,
        "A fill is told with the venue's own facts",
        proves="Side, quantity, price, fee with its sign and asset, liquidity and time of maker's and taker's fills on "
        "both sides of every instrument equal the venue's own record, in the listing's units.",
        needs=_NEEDS,
    )
    async def test_lx047_facts(self, trial: Trial) -> None:
        line = await trial.line()
        await _trade_everything(trial, line)
        differences = fill_differences(
            (each.fill for each in line.heard.distinct_fills.values()),
            (each.fill for each in await trial.venue.fills()),
            whole=True,
        )
        assert not differences, differences

    @case(
        48,
        "fills() tells the same as the stream, by the same keys",
        proves="Each fill has one key, whether it came on the stream or was asked for: no fill counts twice because it "
        "is called differently.",
        needs=(STREAM, *_NEEDS),
    )
    async def test_lx048_same_keys(self, trial: Trial) -> None:
        line = await trial.line()
        since_ns = trial.venue.clock.now_ns()
        await _trade_everything(trial, line)
        asked = await line.fills_since(since_ns)
        heard = line.heard.distinct_fills
        assert {each.fill.key for each in asked} == set(heard), "asked and heard fills differ by name"
        differences = fill_differences(
            (each.fill for each in asked), (each.fill for each in heard.values()), whole=True
        )
        assert not differences, differences

    @case(
        49,
        "fills(since) begins with the fill of that moment, oldest first",
        proves="Asked since the time of a fill that one is among the answers (an overlap misses nothing), none is "
        "missing after it, and they come in the order of their times.",
        needs=_NEEDS,
    )
    async def test_lx049_since(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place(line.order(quantity=trial.usual.quantity * 4))
        for _ in range(4):
            await trial.take(placed, trial.usual.quantity)
        await line.fills_of(placed, placed.order.quantity)
        true = await trial.venue.fills()
        since_ns = true[1].fill.venue_time_ns
        asked = await line.fills_since(since_ns)
        times = [each.fill.venue_time_ns for each in asked]
        assert times == sorted(times), "they are not oldest first"
        expected = [each.fill for each in true if each.fill.venue_time_ns >= since_ns]
        missing = [
            each for each in fill_differences((one.fill for one in asked), expected) if each.startswith("the venue")
        ]
        assert not missing, missing

    @case(
        50,
        "Keys outlast a restart",
        proves="A new adapter, as after a restart, calls every fill by the same key as the one before.",
        needs=_NEEDS,
    )
    async def test_lx050_keys_outlast_restart(self, trial: Trial) -> None:
        line = await trial.line()
        since_ns = trial.venue.clock.now_ns()
        await _trade_everything(trial, line)
        await line.adapter.disconnect()
        after = await trial.line()
        asked = {each.fill.key for each in await after.fills_since(since_ns)}
        assert asked == set(line.heard.distinct_fills), "a restart gives fills other names"

    @case(
        51,
        "Two equal fills are two",
        proves="Fills of the same order, price, quantity and moment are both told, with keys of their own: nothing is "
        "dropped for looking like another.",
        needs=_NEEDS,
    )
    async def test_lx051_equal_fills(self, trial: Trial) -> None:
        line = await trial.line()
        usual = trial.usual.quantity
        for _ in range(3):
            await trial.rest(line, Side.SELL, 5, usual)
        placed = await line.place(line.order(Side.BUY, 5, quantity=usual * 3))
        fills = await line.fills_of(placed, usual * 3)
        true = await trial.venue.fills()
        assert len(fills) == len(true), f"{len(fills)} of {len(true)} equal fills were told"
        asked = await line.fills_since(true[0].fill.venue_time_ns)
        assert len({each.fill.key for each in asked}) == len(true), "fills() merges equal fills"

    @case(
        52,
        "A fill names its order",
        proves="Every fill on the stream and in fills() carries the client id or the venue's id of the order that it "
        "belongs to.",
        needs=_NEEDS,
    )
    async def test_lx052_names_its_order(self, trial: Trial) -> None:
        line = await trial.line()
        first, second = await line.place(), await line.place(line.order(Side.SELL, 20))
        for placed in (first, second):
            await trial.take(placed, placed.order.quantity)
            (fill,) = await line.fills_of(placed, placed.order.quantity)
            assert fill.account_id == trial.venue.account_id
            assert fill.fill.side is placed.order.side
        true = await trial.venue.fills()
        for asked in await line.fills_since(true[0].fill.venue_time_ns):
            assert asked.venue_order_id in (first.venue_order_id, second.venue_order_id)

    @case(
        53,
        "Long answers are whole, or say that they are not",
        proves="When the venue gives fills and open orders in pages, every one of them comes, or the snapshot says "
        "complete=False: an adapter that reads the first page only does not call it everything. Following what was "
        "cut off from the newest one on brings the rest.",
        needs=(*_NEEDS, CutPages(size=3)),
    )
    async def test_lx053_pages(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place(line.order(quantity=trial.usual.quantity * 8))
        others = [await line.place(line.order(ticks=-21 - number)) for number in range(7)]
        for _ in range(8):
            await trial.take(placed, trial.usual.quantity)
        await line.fills_of(placed, placed.order.quantity)
        await trial.visible_open_orders(line)
        await trial.venue.inject(CutPages(size=3))
        true = await trial.venue.fills()
        asked = await line.fills_since(true[0].fill.venue_time_ns)
        assert len({each.fill.key for each in asked}) == len(true), f"{len(asked)} of {len(true)} fills were told"
        snapshot = await line.adapter.open_orders(trial.venue.account_id)
        told = {each.venue_order_id for each in snapshot.items}
        assert told == {each.venue_order_id for each in others} or not snapshot.complete, (
            f"{len(told)} of {len(others)} open orders are called complete"
        )


async def _trade_everything(trial: Trial, line: Line) -> None:
    """Maker's and taker's fills on both sides of every instrument, all of them heard."""
    expected = 0
    for instrument in trial.venue.instruments:
        half = _half(line, instrument.quantity, instrument.instrument_id)
        for side, ticks in ((Side.BUY, -20), (Side.SELL, 20)):
            made = await line.place(line.order(side, ticks, on=instrument))
            await trial.take(made, half)
            await trial.take(made, instrument.quantity - half)
            await trial.quote(line, on=instrument)
            taken = await line.place(line.order(side, 5 if side is Side.BUY else -5, on=instrument))
            for placed in (made, taken):
                await line.fills_of(placed, instrument.quantity)
            expected += 3
            await trial.venue.clear(instrument.instrument_id)
    true = await trial.venue.fills()
    assert len(true) == expected, f"the harness's venue made {len(true)} fills of {expected}"
    assert quantity_of(true) == sum(each.quantity * 4 for each in trial.venue.instruments)


def _half(line: Line, quantity: Decimal, instrument_id: str) -> Decimal:
    return line.listings[instrument_id].floor_quantity(quantity / 2)
