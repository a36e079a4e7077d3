"""Orders: every type and time in force that the manifest declares, and the flags."""

from liveexec.domain.fill import Liquidity
from liveexec.domain.instrument import ContractKind
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import Accepted, OrderReport, SendPlan, Sent, VenueOrderStatus
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.harness import TradedInstrument
from liveexec_testkit.conformance.line import Line
from liveexec_testkit.conformance.needs import (
    DETAILS,
    POST_ONLY,
    QUERY_BY_CLIENT_ID,
    REDUCE_ONLY,
    REQUEST_EXPIRY,
    SHORT_GTD,
    SINGLE_FILLS,
    needs_tif,
    needs_type,
)
from liveexec_testkit.conformance.trial import Trial
from liveexec_testkit.conformance.truth import quantity_of

__all__ = ["OrderCases"]

_LIMIT = needs_type(OrderType.LIMIT)


class OrderCases(CaseGroup):
    """An order becomes exactly one order at the venue, and is told as it stands."""

    subject = "Orders"

    @case(
        16,
        "A limit order rests, and is told as it is",
        proves="On both sides: one order at the venue with our side, quantity, price and client id; the venue's id in "
        "the answer or in a report; order() tells the same.",
        needs=(_LIMIT,),
    )
    async def test_lx016_rests(self, trial: Trial) -> None:
        line = await trial.line()
        for side, ticks in ((Side.BUY, -20), (Side.SELL, 20)):
            placed = await line.place(line.order(side, ticks))
            true = await trial.order_at_venue(placed)
            assert true.status is VenueOrderStatus.WORKING
            assert (true.side, true.quantity, true.price) == (side, placed.order.quantity, placed.order.price)
            assert true.venue_order_id == placed.venue_order_id, "the venue calls it otherwise"
            await trial.until_visible(line)
            told = await line.adapter.order(placed.ref)
            assert isinstance(told, OrderReport), f"order() answers {told}"
            _same(told, true)

    @case(
        17,
        "A market order takes what is there",
        proves="A market order is filled against the book at the book's prices, and ends.",
        needs=(needs_type(OrderType.MARKET), SINGLE_FILLS),
    )
    async def test_lx017_market(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.quote(line, lots=2)
        order = line.order(order_type=OrderType.MARKET, price=None)
        if TimeInForce.GTC not in line.adapter.manifest.time_in_force:
            order.time_in_force = TimeInForce.IOC
        placed = await line.place(order)
        fills = await line.fills_of(placed, order.quantity)
        assert quantity_of(fills) == order.quantity
        assert (await trial.order_at_venue(placed)).status is VenueOrderStatus.FILLED

    @case(
        18,
        "A limit order that crosses is filled at the better price",
        proves="It trades at the resting order's price, its fill is told once, and its end too.",
        needs=(_LIMIT, SINGLE_FILLS),
    )
    async def test_lx018_crosses(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.quote(line)
        placed = await line.place(line.order(Side.BUY, 8))
        (fill,) = await line.fills_of(placed, placed.order.quantity)
        true = (await trial.venue.fills())[-1].fill
        assert (fill.fill.price, fill.fill.quantity) == (true.price, true.quantity)
        assert placed.order.price is not None
        assert fill.fill.price < placed.order.price, "it was filled at its own price, not at the better one"

    @case(
        19,
        "IOC: what is not filled at once ends",
        proves="An IOC order larger than the book is filled for what is there; the rest ends and is told as ended, "
        "with what was filled.",
        needs=(needs_tif(TimeInForce.IOC), SINGLE_FILLS),
    )
    async def test_lx019_ioc(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.quote(line)
        quantity = trial.usual.quantity
        placed = await line.submit(line.order(Side.BUY, 5, quantity=quantity * 2, time_in_force=TimeInForce.IOC))
        end = await line.end_of(placed)
        assert isinstance(end, OrderReport), f"an IOC order that could be filled in part was answered with {end}"
        assert end.status in (VenueOrderStatus.CANCELED, VenueOrderStatus.EXPIRED), f"it ended as {end.status}"
        assert end.filled_quantity == quantity, f"the end tells {end.filled_quantity} filled of {quantity}"
        assert quantity_of(await line.fills_of(placed, quantity)) == quantity

    @case(
        20,
        "FOK: all or nothing",
        proves="A FOK order that the book can't fill ends without a fill; one that it can fill is filled.",
        needs=(needs_tif(TimeInForce.FOK), SINGLE_FILLS),
    )
    async def test_lx020_fok(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.quote(line)
        quantity = trial.usual.quantity
        too_much = line.order(Side.BUY, 5, quantity=quantity * 2, time_in_force=TimeInForce.FOK)
        await line.end_of(await line.submit(too_much))
        assert not await trial.venue.fills(), "a FOK order was filled in part"
        placed = await line.place(line.order(Side.BUY, 5, time_in_force=TimeInForce.FOK))
        assert quantity_of(await line.fills_of(placed, quantity)) == quantity

    @case(
        21,
        "GTD: ends at its time",
        proves="A GTD order rests until its time, then ends and is told as ended.",
        needs=(needs_tif(TimeInForce.GTD), SHORT_GTD),
    )
    async def test_lx021_gtd(self, trial: Trial) -> None:
        line = await trial.line()
        ahead_s = trial.venue.shortest_gtd_s
        assert ahead_s is not None
        expire_at_ns = trial.venue.clock.now_ns() + int(ahead_s * 1_000_000_000)
        placed = await line.place(line.order(time_in_force=TimeInForce.GTD, expire_at_ns=expire_at_ns))
        end = await line.end_of(placed)
        assert isinstance(end, OrderReport)
        assert end.status in (VenueOrderStatus.EXPIRED, VenueOrderStatus.CANCELED), f"it ended as {end.status}"
        assert trial.venue.clock.now_ns() >= expire_at_ns, "it ended before its time"

    @case(
        22,
        "DAY: is taken",
        proves="A DAY order rests, and the venue knows it as one.",
        needs=(needs_tif(TimeInForce.DAY),),
    )
    async def test_lx022_day(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place(line.order(time_in_force=TimeInForce.DAY))
        true = await trial.order_at_venue(placed)
        assert (true.status, true.time_in_force) == (VenueOrderStatus.WORKING, TimeInForce.DAY)

    @case(
        23,
        "Post-only rests, and never takes",
        proves="A post-only order away from the market rests; one that would trade at once is refused, ended or moved "
        "by the venue, and nothing is filled as taker.",
        needs=(POST_ONLY,),
    )
    async def test_lx023_post_only(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.quote(line)
        placed = await line.place(line.order(post_only=True))
        assert (await trial.order_at_venue(placed)).status is VenueOrderStatus.WORKING
        crossing = await line.submit(line.order(Side.BUY, 8, post_only=True))
        true = await trial.truth_of(crossing)
        if true is None or not true.status.is_open:
            await line.end_of(crossing)
        took = [each for each in await trial.venue.fills() if each.fill.liquidity is not Liquidity.MAKER]
        assert not took, f"a post-only order took: {took}"

    @case(
        24,
        "Reduce-only opens nothing",
        proves="Without a position a reduce-only order is refused or ended without a fill.",
        needs=(REDUCE_ONLY,),
    )
    async def test_lx024_reduce_only_opens_nothing(self, trial: Trial) -> None:
        line = await trial.line()
        on = _derivative(line)
        await trial.quote(line, on=on)
        placed = await line.submit(line.order(Side.BUY, 5, on=on, reduce_only=True))
        await line.end_of(placed)
        assert not await trial.venue.fills(), "a reduce-only order opened a position"

    @case(
        25,
        "Reduce-only closes a position",
        proves="With a position a reduce-only order of the other side closes it.",
        needs=(REDUCE_ONLY, SINGLE_FILLS),
    )
    async def test_lx025_reduce_only_closes(self, trial: Trial) -> None:
        line = await trial.line()
        on = _derivative(line)
        await trial.quote(line, on=on, lots=2)
        opened = await line.place(line.order(Side.BUY, 5, on=on))
        await line.fills_of(opened, on.quantity)
        closed = await line.place(line.order(Side.SELL, -5, on=on, reduce_only=True))
        await line.fills_of(closed, on.quantity)
        assert not await trial.venue.positions(), "the position is not closed"

    @case(
        26,
        "order() finds an order by our id alone",
        proves="Asked with the client id only, as after a lost answer, order() tells the order and the venue's id of "
        "it.",
        needs=(QUERY_BY_CLIENT_ID,),
    )
    async def test_lx026_by_client_id(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place()
        await trial.until_visible(line)
        told = await line.adapter.order(placed.ref_by_client_id)
        assert isinstance(told, OrderReport), f"order() answers {told}"
        assert told.venue_order_id == placed.venue_order_id
        _same(told, await trial.order_at_venue(placed))

    @case(
        27,
        "order() tells how an order ended",
        proves="A canceled and a filled order are told as such, with what was filled.",
    )
    async def test_lx027_ended(self, trial: Trial) -> None:
        line = await trial.line()
        canceled, filled = await line.place(), await line.place()
        assert isinstance(await line.cancel(canceled), Accepted | Sent)
        await line.report_of(canceled, VenueOrderStatus.CANCELED)
        await trial.take(filled, filled.order.quantity)
        await line.filled(filled)
        for placed in (canceled, filled):
            await trial.until_visible(line)
            told = await line.adapter.order(placed.ref)
            assert isinstance(told, OrderReport), f"order() answers {told} of an order that just ended"
            _same(told, await trial.order_at_venue(placed))

    @case(
        28,
        "A request that is too late is no order",
        proves="A submit whose valid_until has passed is refused (by the venue or before it), and no order comes of "
        "it.",
        needs=(REQUEST_EXPIRY,),
    )
    async def test_lx028_expired_request(self, trial: Trial) -> None:
        line = await trial.line()
        order = line.order()
        plan = await line.plan(order)
        late = SendPlan(plan.client_order_id, trial.venue.clock.now_ns() - 5_000_000_000, plan.refs, plan.payload)
        placed = await line.submit(order, late)
        if isinstance(placed.outcome, Sent):
            end = await line.end_of(placed)
            assert isinstance(end, OrderReport)
            assert end.status is VenueOrderStatus.REJECTED
        assert not isinstance(placed.outcome, Accepted), "a request that was too late was accepted"
        true = await trial.truth_of(placed)
        assert true is None or true.status is VenueOrderStatus.REJECTED, f"it became {true}"

    @case(
        29,
        "Many at once are each answered for themselves",
        proves="Twenty submits at the same time give twenty orders, each answer with the right order's id.",
        needs=(_LIMIT,),
    )
    async def test_lx029_many_at_once(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place_all([line.order(Side.BUY, -20 - number) for number in range(20)])
        for each in placed:
            true = await trial.order_at_venue(each)
            assert true.venue_order_id == each.venue_order_id, "an answer was given to another request"
        assert len(await trial.venue.orders()) == 20

    @case(
        138,
        "What only this venue has reaches it",
        proves="An order with details is one order at the venue, with exactly what its details ask for.",
        needs=(DETAILS,),
    )
    async def test_lx138_details(self, trial: Trial) -> None:
        line = await trial.line()
        detailed = trial.venue.detailed_order
        assert detailed is not None
        wished = dict(detailed["details"])
        placed = await line.place(line.order(**detailed))
        told = await trial.venue.details_of(await trial.order_at_venue(placed))
        assert told == wished, f"the venue has {told}, not {wished}"
        assert wished == detailed["details"], "the adapter changes what it was given"


def _same(told: OrderReport, true: OrderReport) -> None:
    """What is told of an order, against what the venue has."""
    for name in ("instrument_id", "status", "side", "quantity", "price", "filled_quantity"):
        ours, theirs = getattr(told, name), getattr(true, name)
        if name == "price" and true.status is not VenueOrderStatus.WORKING:
            continue  # ended market orders are told with whatever price
        assert ours == theirs, f"{name} is told as {ours}, the venue has {theirs}"


def _derivative(line: Line) -> TradedInstrument:
    """An instrument with positions: reduce-only means nothing on spot."""
    for each in line.trial.venue.instruments:
        if line.listings[each.instrument_id].terms.kind is not ContractKind.SPOT:
            return each
    raise AssertionError("the manifest declares reduce-only, and no instrument of the harness has positions")
