"""Orders from the login to the last fill, over the loopback venue's own protocol."""

from collections.abc import AsyncIterator
from decimal import Decimal

import attrs
import pytest

from deribit_support.harness import LINEAR, PERPETUAL, USER_ID, DeribitHarness
from deribit_support.truth import SPOT
from deribit_support.waiting import eventually
from liveexec.domain.ids import ClientOrderId, InstrumentId
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import Accepted, OrderRef, OrderReport, Rejected, SendPlan, VenueOrderStatus
from liveexec_deribit.adapter import DeribitAdapter
from liveexec_testkit.conformance.harness import TradedInstrument
from liveexec_testkit.conformance.line import Line
from liveexec_testkit.conformance.trial import Trial

WORKING, CANCELED, FILLED = VenueOrderStatus.WORKING, VenueOrderStatus.CANCELED, VenueOrderStatus.FILLED


@pytest.fixture
async def venue() -> AsyncIterator[DeribitHarness]:
    async with DeribitHarness() as harness:
        yield harness


@pytest.fixture
async def trial(venue: DeribitHarness) -> AsyncIterator[Trial]:
    async with Trial(venue) as running:
        yield running


@pytest.fixture
async def line(trial: Trial) -> Line:
    return await trial.line()


def deribit(line: Line) -> DeribitAdapter:
    assert isinstance(line.adapter, DeribitAdapter)
    return line.adapter


async def test_an_order_is_filled_in_parts_and_cancelled(venue: DeribitHarness, line: Line) -> None:
    placed = await line.place(line.order(Side.BUY, -20))
    await line.report_of(placed, WORKING)
    await venue.take(PERPETUAL, Side.SELL, Decimal(80_000), Decimal(300))
    await line.heard.until("the fill", lambda: line.heard.fills)
    (fill,) = [each.fill for each in line.heard.fills]
    assert (fill.quantity, fill.side, fill.price) == (300, Side.BUY, placed.order.price)
    assert (fill.fee_asset, fill.instrument_id) == ("BTC", PERPETUAL)
    assert await line.adapter.cancel(placed.ref) == Accepted(placed.venue_order_id)
    ended = await line.report_of(placed, CANCELED)
    assert (ended.filled_quantity, ended.quantity, ended.code) == (300, 1_000, "user_request")
    positions = await line.adapter.positions(venue.account_id)
    assert [(each.instrument_id, each.quantity) for each in positions.items] == [(PERPETUAL, 300)]
    assert positions.as_of_ns is not None
    assert positions.requested_at_ns <= positions.as_of_ns <= positions.responded_at_ns


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_units_of_every_kind(venue: DeribitHarness, line: Line, number: int) -> None:
    traded = venue.instruments[number]
    placed = await line.place(line.order(Side.SELL, 10, on=traded))
    await venue.take(traded.instrument_id, Side.BUY, traded.price * 2, traded.quantity)
    await line.report_of(placed, FILLED)
    (fill,) = line.heard.fills
    assert fill.fill.quantity == traded.quantity
    positions = await line.adapter.positions(venue.account_id)
    expected = [] if traded.instrument_id == SPOT else [(traded.instrument_id, -traded.quantity)]
    assert [(each.instrument_id, each.quantity) for each in positions.items] == expected
    balances = {each.asset: each for each in (await line.adapter.balances(venue.account_id)).items}
    assert {asset: each.total for asset, each in balances.items()} == {
        each.asset: each.total for each in await venue.balances()
    }


async def test_an_option_in_coins(venue: DeribitHarness, line: Line) -> None:
    (name,) = [name for name in line.listings if ":OPTION:BTC-USD-" in name and name.endswith("-C")]
    traded = TradedInstrument(InstrumentId(name), Decimal("0.05"), Decimal(2))
    placed = await line.place(line.order(Side.BUY, 0, on=traded))
    await venue.take(traded.instrument_id, Side.SELL, Decimal("0.01"), Decimal("0.5"))
    await line.heard.until("the fill", lambda: line.heard.fills)
    (fill,) = line.heard.fills
    assert (fill.fill.quantity, fill.fill.price, fill.fill.fee_asset) == (Decimal("0.5"), Decimal("0.05"), "BTC")
    assert await line.adapter.cancel(placed.ref) == Accepted(placed.venue_order_id)


async def test_an_order_is_changed_in_place(venue: DeribitHarness, line: Line) -> None:
    placed = await line.place(line.order(Side.BUY, -20))
    await venue.take(PERPETUAL, Side.SELL, Decimal(80_000), Decimal(100))
    changed = line.order(Side.BUY, -15, quantity=Decimal(500))
    outcome = await deribit(line).replace(placed.ref, changed, placed.plan, Decimal(100))
    assert outcome == Accepted(placed.venue_order_id)
    await line.heard.until(
        "the new terms",
        lambda: [each for each in line.heard.orders if (each.quantity, each.price) == (500, changed.price)],
    )
    answer = await line.adapter.order(placed.ref)
    assert isinstance(answer, OrderReport)
    assert (answer.quantity, answer.filled_quantity, answer.client_order_id) == (500, 100, placed.plan.client_order_id)


async def test_an_order_without_an_id_is_not_changed_but_can_be_cancelled_by_its_label(line: Line) -> None:
    placed = await line.place()
    refused = await deribit(line).replace(placed.ref_by_client_id, placed.order, placed.plan, Decimal(0))
    assert isinstance(refused, Rejected)
    assert isinstance(await line.adapter.cancel(placed.ref_by_client_id), Accepted)
    await line.report_of(placed, CANCELED)
    gone = await line.adapter.cancel(placed.ref_by_client_id)
    assert isinstance(gone, Rejected)
    assert isinstance(await line.adapter.cancel(placed.ref), Rejected)


async def test_everything_is_cancelled_at_once(line: Line) -> None:
    placed = [await line.place(line.order(Side.BUY, -20 - number)) for number in range(3)]
    assert await deribit(line).cancel_all(placed[0].order.account_id) == Accepted()
    for each in placed:
        await line.report_of(each, CANCELED)
    assert not (await line.adapter.open_orders(placed[0].order.account_id)).items


@pytest.mark.parametrize("time_in_force", [TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY])
async def test_times_in_force(line: Line, time_in_force: TimeInForce) -> None:
    placed = await line.submit(line.order(Side.BUY, -20, time_in_force=time_in_force))
    if time_in_force is TimeInForce.DAY:
        assert isinstance(placed.outcome, Accepted)
        assert (await line.report_of(placed, WORKING)).time_in_force is TimeInForce.DAY
    elif isinstance(placed.outcome, Accepted):
        await line.report_of(placed, CANCELED)
    else:
        assert isinstance(placed.outcome, Rejected)


async def test_post_only_is_refused_where_it_would_take(venue: DeribitHarness, line: Line) -> None:
    await venue.rest(PERPETUAL, Side.SELL, Decimal(90_010), Decimal(1_000))
    placed = await line.submit(line.order(Side.BUY, 40, post_only=True))
    assert isinstance(placed.outcome, Rejected)
    assert placed.outcome.code == "11054"
    resting = await line.place(line.order(Side.BUY, -20, post_only=True))
    assert resting.venue_order_id is not None


async def test_a_request_that_comes_too_late_is_refused(line: Line) -> None:
    order = line.order()
    plan = await line.plan(order)
    placed = await line.submit(order, SendPlan(plan.client_order_id, 1_000_000_000))
    assert isinstance(placed.outcome, Rejected)
    assert placed.outcome.code == "13888"


async def test_a_stop_lives_on_under_another_id_when_it_fires(venue: DeribitHarness, line: Line) -> None:
    stop = line.order(Side.SELL, -30, order_type=OrderType.STOP_LIMIT, trigger_price=Decimal(89_990), reduce_only=False)
    placed = await line.place(stop)
    assert (await line.report_of(placed, WORKING)).order_type is OrderType.STOP_LIMIT
    venue.control.set_mark("BTC-PERPETUAL", Decimal(89_980))
    await line.heard.until(
        "the order that it became",
        lambda: [each for each in line.heard.orders if each.venue_order_id != placed.venue_order_id],
    )
    became = [each for each in line.heard.orders if each.venue_order_id != placed.venue_order_id][-1]
    assert (became.client_order_id, became.status) == (placed.plan.client_order_id, WORKING)
    answer = await line.adapter.order(placed.ref)
    assert isinstance(answer, OrderReport)
    assert (answer.venue_order_id, answer.status) == (became.venue_order_id, WORKING)
    by_label = await line.adapter.order(placed.ref_by_client_id)
    assert isinstance(by_label, OrderReport)
    assert by_label.venue_order_id == became.venue_order_id
    changed = line.order(Side.SELL, -25, quantity=Decimal(500), order_type=OrderType.LIMIT)
    assert await deribit(line).replace(placed.ref, changed, placed.plan, Decimal(0)) == Accepted(became.venue_order_id)
    assert isinstance(await line.adapter.cancel(placed.ref), Accepted)
    await eventually("its end", lambda: [each for each in line.heard.orders if each.status is CANCELED])


async def test_a_trailing_stop_follows_the_price_until_it_falls(venue: DeribitHarness, line: Line) -> None:
    await venue.rest(PERPETUAL, Side.BUY, Decimal(89_000), Decimal(10_000))
    venue.control.set_mark("BTC-PERPETUAL", Decimal(90_000))
    trailing = line.order(
        Side.SELL, order_type=OrderType.STOP_MARKET, price=None, trigger_price=Decimal(89_900),
        details={"order_type": "trailing_stop", "trigger": "mark_price", "trigger_offset": Decimal(100)},
    )  # fmt: skip
    placed = await line.place(trailing)
    assert (await line.report_of(placed, WORKING)).order_type is OrderType.STOP_MARKET
    closer = attrs.evolve(trailing, details=dict(trailing.details or {}) | {"trigger_offset": Decimal(50)})
    assert await deribit(line).replace(placed.ref, closer, placed.plan, Decimal(0)) == Accepted(placed.venue_order_id)
    for mark in (90_400, 90_351):
        venue.control.set_mark("BTC-PERPETUAL", Decimal(mark))
        answer = await line.adapter.order(placed.ref)
        assert isinstance(answer, OrderReport)
        assert (answer.venue_order_id, answer.status) == (placed.venue_order_id, WORKING)
    venue.control.set_mark("BTC-PERPETUAL", Decimal(90_350))
    await line.heard.until("its fill", lambda: line.heard.fills)
    (fill,) = [each.fill for each in line.heard.fills]
    assert (fill.side, fill.price, fill.quantity) == (Side.SELL, 89_000, trailing.quantity)
    ended = await line.adapter.order(placed.ref)
    assert isinstance(ended, OrderReport)
    assert (ended.status, ended.client_order_id) == (FILLED, placed.plan.client_order_id)


async def test_what_a_market_limit_order_leaves_rests_at_its_price(venue: DeribitHarness, line: Line) -> None:
    await venue.rest(PERPETUAL, Side.SELL, Decimal(90_010), Decimal(300))
    await venue.rest(PERPETUAL, Side.SELL, Decimal(90_020), Decimal(5_000))
    order = line.order(Side.BUY, order_type=OrderType.MARKET, price=None, details={"order_type": "market_limit"})
    placed = await line.place(order)
    await line.heard.until("the fill", lambda: line.heard.fills)
    (fill,) = [each.fill for each in line.heard.fills]
    assert (fill.price, fill.quantity) == (90_010, 300)
    resting = await line.adapter.order(placed.ref)
    assert isinstance(resting, OrderReport)
    assert (resting.status, resting.price, resting.filled_quantity) == (WORKING, 90_010, 300)
    assert await line.adapter.cancel(placed.ref) == Accepted(placed.venue_order_id)
    await line.report_of(placed, CANCELED)


async def test_an_iceberg_shows_what_it_was_told_to(venue: DeribitHarness, line: Line) -> None:
    book = venue.server.venue.exchange.markets["BTC-PERPETUAL"].book
    iceberg = line.order(Side.BUY, -20, quantity=Decimal(5_000), details={"display_amount": Decimal(1_000)})
    placed = await line.place(iceberg)
    assert iceberg.price is not None
    assert book.levels("buy") == [(iceberg.price, 1_000)]
    more = attrs.evolve(iceberg, quantity=Decimal(6_000))
    assert await deribit(line).replace(placed.ref, more, placed.plan, Decimal(0)) == Accepted(placed.venue_order_id)
    assert book.levels("buy") == [(iceberg.price, 1_000)]
    await venue.take(PERPETUAL, Side.SELL, iceberg.price, Decimal(2_500))
    await line.heard.until("the fills", lambda: len(line.heard.fills) == 3)
    assert [each.fill.quantity for each in line.heard.fills] == [1_000, 1_000, 500]
    answer = await line.adapter.order(placed.ref)
    assert isinstance(answer, OrderReport)
    assert (answer.quantity, answer.filled_quantity, answer.status) == (6_000, 2_500, WORKING)


async def test_what_the_venue_has_no_words_for_never_leaves(venue: DeribitHarness, line: Line) -> None:
    before = len(venue.server.venue.requests)
    placed = await line.submit(line.order(time_in_force=TimeInForce.GTD))
    assert isinstance(placed.outcome, Rejected)
    assert placed.outcome.code == "NOT_EXPRESSIBLE"
    assert len(venue.server.venue.requests) == before


async def test_labels_are_not_unique_and_other_instruments_do_not_count(venue: DeribitHarness, line: Line) -> None:
    placed = await line.place()
    other = line.order(Side.BUY, -20, on=venue.instruments[1])
    elsewhere = await line.submit(other, placed.plan)
    assert isinstance(elsewhere.outcome, Accepted)
    answer = await line.adapter.order(placed.ref_by_client_id)
    assert isinstance(answer, OrderReport)
    assert (answer.venue_order_id, answer.instrument_id) == (placed.venue_order_id, PERPETUAL)
    nobody = OrderRef(venue.account_id, LINEAR, ClientOrderId("nobody"), None)
    assert await line.adapter.cancel(nobody) == Rejected("not_open_order", "no open order has its label")
    assert len(venue.server.venue.exchange.account(USER_ID).open_orders()) == 2
