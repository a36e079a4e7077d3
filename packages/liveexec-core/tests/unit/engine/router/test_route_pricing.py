"""Every candidate is priced all in: touch, slippage of the whole quantity, fee, latency; the explanation keeps each."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain import money
from liveexec.domain.ids import AccountId, InstrumentId, ProductId, VenueName
from liveexec.domain.instrument import ContractKind, Listing
from liveexec.domain.market import Book
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order_event import RouteCandidate
from liveexec.engine.inputs import Phase
from liveexec.engine.route_pricing import average_price
from liveexec.engine.router import RouteRequest
from liveexec.engine.router_config import RouterConfig
from support.builders import INVERSE_TERMS, NOW_NS, ODDS, make_bet_intent, make_book, make_listing, make_order
from support.routing import RoutingWorld, instrument_at, make_route_request

VENUE = VenueName("ALPHA")
BOOK: dict[str, Any] = {
    "bids": [("99", "1"), ("98", "2"), ("96", "3")],
    "asks": [("101", "1"), ("102", "2"), ("104", "3")],
}
FEES: dict[str, Any] = {"maker_fee": Decimal("0.001"), "taker_fee": Decimal("0.01")}


def world(**listing: Any) -> RoutingWorld:
    made = RoutingWorld(RouterConfig(latency_ns={VENUE: 10_000_000}, latency_penalty_per_ms=Decimal("0.0001")))
    made.add("ALPHA", **(FEES | listing))
    made.book("ALPHA", **BOOK)
    return made


def parts(candidate: RouteCandidate) -> tuple[Decimal | None, ...]:
    return (candidate.price, candidate.slippage, candidate.fee, candidate.latency_penalty, candidate.score)


D = Decimal


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        # Within the first level nothing slips: 101 + 1 % + 0.1 %.
        ({"quantity": D(1)}, (D(101), D(0), D("1.01"), D("0.101"), D("102.111"))),
        # One at 101 and one at 102.
        ({"quantity": D(2)}, (D(101), D("0.5"), D("1.015"), D("0.1015"), D("102.6165"))),
        # A seller gets the bids, and the costs come off.
        ({"quantity": D(2), "side": Side.SELL}, (D(99), D("0.5"), D("0.985"), D("0.0985"), D("97.4165"))),
        # Marketable up to its limit; what is not visible within it counts at the limit, as taken.
        ({"quantity": D(4), "price": D(102)}, (D(101), D("0.75"), D("1.0175"), D("0.10175"), D("102.86925"))),
        # An IOC order that reaches nothing is priced at its limit.
        (
            {"quantity": D(1), "price": D(100), "time_in_force": TimeInForce.IOC},
            (D(100), D(0), D(1), D("0.1"), D("101.1")),
        ),
        # Resting orders pay the maker fee on their limit.
        ({"quantity": D(1), "price": D(100)}, (D(100), D(0), D("0.1"), D("0.1"), D("100.2"))),
        ({"quantity": D(1), "price": D(100), "side": Side.SELL}, (D(100), D(0), D("0.1"), D("0.1"), D("99.8"))),
        ({"quantity": D(1), "price": D(99), "post_only": True}, (D(99), D(0), D("0.099"), D("0.099"), D("99.198"))),
    ],
)
def test_the_parts_of_a_score(intent: dict[str, Any], expected: tuple[Decimal, ...]) -> None:
    assert parts(world().candidate(make_route_request(**intent), "ALPHA")) == expected


def test_a_stop_is_priced_at_its_trigger_with_the_taker_fee() -> None:
    made = world()
    made.add("ALPHA", manifest={"order_types": frozenset(OrderType)}, **FEES)
    request = make_route_request(
        order_type=OrderType.STOP_MARKET, trigger_price=D(110), time_in_force=TimeInForce.IOC, quantity=D(5)
    )
    candidate = made.candidate(request, "ALPHA")
    assert (candidate.price, candidate.fee) == (D(110), D("1.1"))


def test_an_operation_on_one_asset_is_priced_in_that_asset() -> None:
    made = world()
    made.add("ALPHA", manifest={"operations": frozenset({Operation.SUPPLY})}, **FEES)
    request = make_route_request(operation=Operation.SUPPLY, side=Side.SUPPLY)
    candidate = made.candidate(request, "ALPHA")
    assert (candidate.price, candidate.fee) == (D(1), D("0.01"))


def test_a_bet_is_priced_at_its_odds_and_takes_no_book() -> None:
    made = RoutingWorld()
    listing = make_listing(ODDS, maker_fee=D("0.02"))
    account = AccountId("BETFAIR-1")
    made.add("BETFAIR", manifest={"operations": frozenset({Operation.BET}), "order_types": frozenset()})
    made.state.listings[ODDS] = listing
    made.state.venue_accounts[VenueName("BETFAIR")] = (account,)
    made.state.phases[account] = Phase.ACTIVE
    made.state.market.books[ODDS] = make_book(ODDS, bid="3.4", ask="3.5")
    intent = make_bet_intent()
    request = RouteRequest(
        make_order(intent=intent),
        ODDS,
        Side.BACK,
        intent.quantity,
        intent.limit_price,
        intent.order_type,
        intent.time_in_force,
        False,
        False,
        intent.operation,
        intent.strategy_id,
        None,
    )
    plan = made.route(request)
    assert [leg.instrument_id for leg in plan.legs] == [ODDS]
    assert (plan.candidates[0].price, plan.candidates[0].fee, plan.book_at_ns) == (D("3.5"), D("0.07"), None)


def test_what_is_not_visible_costs_the_span_and_the_spread_again_for_each_visible_quantity() -> None:
    # Visible: 6, spanning 101 to 104, spread 2: each further 6 move the price by 5. 12 more count at 104 + 10.
    average, shortfall = average_price(make_route_request(), world().add("ALPHA"), default_book(), D(18))
    assert shortfall == D(12)
    visible = D(101) + 2 * D(102) + 3 * D(104)
    assert average == money.divide(visible + 12 * D(114), D(18))


def test_a_seller_of_far_more_than_is_visible_gets_one_tick_for_the_rest() -> None:
    request = make_route_request(side=Side.SELL)
    average, shortfall = average_price(request, world().add("ALPHA"), default_book(), D(1000))
    assert shortfall == D(994)
    assert average == (D(99) + 2 * D(98) + 3 * D(96) + 994 * D("0.01")) / 1000


def test_a_tiny_book_is_not_taken_for_a_deep_one() -> None:
    made = RoutingWorld()
    made.add("ALPHA", book=make_book(instrument_at("ALPHA"), bids=[("99.9", "1")], asks=[("100", "0.01")]))
    made.add("BETA", book=make_book(instrument_at("BETA"), bids=[("99.9", "1")], asks=[("101", "50")]))
    assert made.legs(make_route_request(quantity=D(10))) == {"BETA": D(10)}


def test_inverse_contracts_average_by_the_underlying() -> None:
    book = make_book(bids=[("90", "1")], asks=[("100", "10"), ("200", "10")])
    listing = make_listing(InstrumentId("ALPHA:PERPETUAL:BTC-USD@INV"))
    assert listing.terms is INVERSE_TERMS
    average, _ = average_price(make_route_request(), listing, book, D(20))
    # 10 / 100 + 10 / 200 of the underlying for 20 of quote currency: the harmonic mean, not 150.
    assert average == D("133.333333333333333333")


def test_an_inverse_perpetual_is_routed_by_what_its_buyer_pays_per_coin() -> None:
    made = RoutingWorld()
    alpha, beta = InstrumentId("ALPHA:PERPETUAL:BTC-USD@INV"), InstrumentId("BETA:PERPETUAL:BTC-USD@INV")
    product = ProductId("PERPETUAL:BTC-USD@INV")
    made.add("ALPHA")
    made.add("BETA")
    for instrument_id, asks in ((alpha, [("50000", "10"), ("50100", "1000")]), (beta, [("50050", "1000")])):
        made.state.listings[instrument_id] = make_listing(
            instrument_id, terms=INVERSE_TERMS, lot=D(10), min_quantity=D(10), min_notional=None
        )
        made.state.market.books[instrument_id] = make_book(instrument_id, bids=[("49000", "1")], asks=asks)
    made.state.products[product] = (alpha, beta)
    plan = made.route(make_route_request(instrument_key=product, quantity=D(100)))
    assert [leg.instrument_id for leg in plan.legs] == [beta]
    assert [leg.terms for leg in plan.legs] == [INVERSE_TERMS]
    assert plan.candidates[0].price == D(50_000)
    assert plan.candidates[0].slippage is not None
    # 100 / (10 / 50000 + 90 / 50100) - 50000, which is a little less than the arithmetic 90.
    assert D("89.9") < plan.candidates[0].slippage < D(90)


def test_the_plan_carries_the_age_of_the_oldest_book_it_rests_on() -> None:
    made = world()
    made.add("BETA", book=make_book(instrument_at("BETA"), at_ns=NOW_NS - 7))
    assert made.route(make_route_request()).book_at_ns == NOW_NS - 7
    assert made.route(make_route_request(price=D(50))).book_at_ns is None


def test_a_pinned_order_is_explained_with_a_price_where_there_is_a_book() -> None:
    made = world()
    request = make_route_request(instrument_key=instrument_at("ALPHA"), quantity=D(1))
    plan = made.route(request)
    assert plan.policy == "pinned"
    assert plan.candidates[0].score == D("102.111")
    made.state.market.books.clear()
    plan = made.route(request)
    assert [(leg.quantity, leg.account_id) for leg in plan.legs] == [(D(1), AccountId("ALPHA-1"))]
    assert plan.candidates[0].score is None
    assert plan.candidates[0].left_out is None
    assert plan.book_at_ns is None


def test_a_pinned_post_only_order_goes_out_even_if_our_book_says_it_would_take() -> None:
    request = make_route_request(instrument_key=instrument_at("ALPHA"), price=D(101), post_only=True, quantity=D(1))
    plan = world().route(request)
    assert len(plan.legs) == 1
    assert plan.candidates[0].fee == D("0.101")


def default_book() -> Book:
    return make_book(**BOOK)


def levels(rising: bool) -> st.SearchStrategy[list[tuple[Decimal, Decimal]]]:
    def build(steps: list[tuple[int, int]]) -> list[tuple[Decimal, Decimal]]:
        price = D(10_000)
        side = []
        for step, quantity in steps:
            price += step if rising else -step
            side.append((price.scaleb(-2), D(quantity).scaleb(-3)))
        return side

    return st.lists(st.tuples(st.integers(1, 500), st.integers(1, 5_000)), min_size=1, max_size=6).map(build)


@given(levels(False), levels(True), st.integers(1, 20_000), st.sampled_from([Side.BUY, Side.SELL]), st.booleans())
def test_an_average_is_between_the_touch_and_the_dearest_price_paid(
    bids: list[tuple[Decimal, Decimal]],
    asks: list[tuple[Decimal, Decimal]],
    thousandths: int,
    side: Side,
    inverse: bool,
) -> None:
    book, quantity = make_book(bids=bids, asks=asks), D(thousandths).scaleb(-3)
    listing = make_listing(InstrumentId("ALPHA:PERPETUAL:BTC-USD@INV")) if inverse else make_listing()
    average, shortfall = average_price(make_route_request(side=side), listing, book, quantity)
    taken = book.taken_by(side)
    visible = sum((available for _, available in taken), D(0))
    assert shortfall == max(quantity - visible, D(0))
    assert (average - taken[0][0]) * side.sign >= 0
    if shortfall == 0:
        # Quotients are rounded to 18 places, and the harmonic mean divides by a sum of them.
        assert abs(Fraction(average) - exact_average(taken, quantity, listing)) < Fraction(1, 10**8)


def exact_average(taken: tuple[tuple[Decimal, Decimal], ...], quantity: Decimal, listing: Listing) -> Fraction:
    left, quote, base = Fraction(quantity), Fraction(0), Fraction(0)
    for price, available in taken:
        part = min(left, Fraction(available))
        quote += part * Fraction(price)
        base += part / Fraction(price)
        left -= part
    return Fraction(quantity) / base if listing.terms.kind is ContractKind.INVERSE else quote / Fraction(quantity)
