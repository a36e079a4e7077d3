"""What each policy chooses, by example."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.ids import VenueName
from liveexec.domain.instrument import ContractTerms
from liveexec.domain.operation import Side, TimeInForce
from liveexec.engine.policies import BUILTIN_POLICIES
from liveexec.engine.router import Candidate, Choice, RouteRequest
from liveexec.engine.router_config import RouterConfig
from liveexec.engine.state import EngineState
from support.builders import INVERSE_TERMS, SPOT_TERMS
from support.routing import RoutingWorld, instrument_at, make_route_request

D = Decimal
FREE: dict[str, Any] = {"maker_fee": D(0), "taker_fee": D(0)}
LOTS: dict[str, Any] = {"lot": D("0.1"), "min_quantity": D("0.1")}


def world(policy: str, **config: Any) -> RoutingWorld:
    return RoutingWorld(RouterConfig(policy=policy, **config))


def add(made: RoutingWorld, venue: str, asks: list[tuple[str, str]], **listing: Any) -> None:
    made.add(venue, **(FREE | listing))
    made.book(venue, bids=[("10", "100")], asks=asks)


def test_the_builtin_policies_are_registered_by_their_names() -> None:
    assert list(BUILTIN_POLICIES) == ["pinned", "best_price", "lowest_fee", "split"]


class TestBestPrice:
    def test_the_better_touch_wins_when_it_is_deep_enough(self) -> None:
        made = world("best_price")
        add(made, "ALPHA", [("101", "5")])
        add(made, "BETA", [("100", "5")])
        assert made.legs(make_route_request(quantity=D(1))) == {"BETA": D(1)}

    def test_the_deeper_book_wins_when_the_better_touch_is_thin(self) -> None:
        made = world("best_price")
        add(made, "ALPHA", [("101", "50")])
        add(made, "BETA", [("100", "1"), ("110", "50")])
        assert made.legs(make_route_request(quantity=D(10))) == {"ALPHA": D(10)}

    def test_the_fee_can_outweigh_the_price(self) -> None:
        made = world("best_price")
        add(made, "ALPHA", [("100", "5")], taker_fee=D("0.02"))
        add(made, "BETA", [("101", "5")])
        assert made.legs(make_route_request(quantity=D(1))) == {"BETA": D(1)}

    def test_latency_can_outweigh_the_price(self) -> None:
        latencies = {VenueName("ALPHA"): 500_000_000, VenueName("BETA"): 1_000_000}
        made = world("best_price", latency_ns=latencies, latency_penalty_per_ms=D("0.0001"))
        add(made, "ALPHA", [("100", "5")])
        add(made, "BETA", [("101", "5")])
        assert made.legs(make_route_request(quantity=D(1))) == {"BETA": D(1)}

    def test_a_seller_takes_the_higher_bid(self) -> None:
        made = world("best_price")
        for venue, bid in (("ALPHA", "99"), ("BETA", "98")):
            made.add(venue, **FREE)
            made.book(venue, bids=[(bid, "5")], asks=[("100", "5")])
        assert made.legs(make_route_request(quantity=D(1), side=Side.SELL)) == {"ALPHA": D(1)}

    def test_equal_venues_are_told_apart_by_their_ids(self) -> None:
        made = world("best_price")
        for venue in ("GAMMA", "BETA", "DELTA"):
            add(made, venue, [("100", "5")])
        assert made.legs(make_route_request(quantity=D(1))) == {"BETA": D(1)}

    def test_a_resting_order_goes_where_it_costs_least_to_rest(self) -> None:
        made = world("best_price")
        add(made, "ALPHA", [("101", "5")], maker_fee=D("0.001"))
        add(made, "BETA", [("102", "5")], maker_fee=D("-0.0001"))
        assert made.legs(make_route_request(quantity=D(1), price=D(50))) == {"BETA": D(1)}

    def test_an_ioc_order_goes_where_more_of_it_is_visible_within_its_limit(self) -> None:
        made = world("best_price")
        add(made, "ALPHA", [("100", "1"), ("200", "50")])
        add(made, "BETA", [("101", "3"), ("200", "50")])
        request = make_route_request(quantity=D(5), price=D(101), time_in_force=TimeInForce.IOC)
        assert made.legs(request) == {"BETA": D(5)}

    def test_a_venue_whose_lot_does_not_divide_the_quantity_is_no_candidate(self) -> None:
        made = world("best_price")
        add(made, "ALPHA", [("100", "5")], **LOTS)
        add(made, "BETA", [("101", "5")])
        assert made.legs(make_route_request(quantity=D("1.05"))) == {"BETA": D("1.05")}


class TestLowestFee:
    def test_the_lower_rate_wins_over_the_better_price(self) -> None:
        made = world("lowest_fee")
        add(made, "ALPHA", [("100", "5")], taker_fee=D("0.001"))
        add(made, "BETA", [("130", "5")], taker_fee=D("0.0009"))
        assert made.legs(make_route_request(quantity=D(1))) == {"BETA": D(1)}

    def test_makers_are_compared_by_the_maker_fee(self) -> None:
        made = world("lowest_fee")
        add(made, "ALPHA", [("100", "5")], taker_fee=D("0.001"), maker_fee=D("0.0005"))
        add(made, "BETA", [("100", "5")], taker_fee=D("0.0009"), maker_fee=D("0.0008"))
        assert made.legs(make_route_request(quantity=D(1), price=D(50))) == {"ALPHA": D(1)}

    def test_at_equal_rates_the_all_in_price_decides(self) -> None:
        made = world("lowest_fee")
        add(made, "ALPHA", [("101", "5")])
        add(made, "BETA", [("100", "5")])
        assert made.legs(make_route_request(quantity=D(1))) == {"BETA": D(1)}


class TestSplit:
    def test_levels_are_taken_in_the_order_of_their_all_in_prices(self) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "1"), ("102", "1"), ("104", "10")])
        add(made, "BETA", [("101", "2"), ("103", "2"), ("105", "10")])
        assert made.legs(make_route_request(quantity=D(5))) == {"ALPHA": D(2), "BETA": D(3)}

    def test_a_fee_moves_a_venues_levels_back(self) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "1"), ("100.5", "10")], taker_fee=D("0.02"))
        add(made, "BETA", [("101", "2"), ("103", "20")])
        assert made.legs(make_route_request(quantity=D(5))) == {"ALPHA": D(3), "BETA": D(2)}

    def test_a_seller_walks_the_bids(self) -> None:
        made = world("split")
        for venue, bids in (("ALPHA", [("99", "1"), ("97", "9")]), ("BETA", [("98", "2"), ("96", "9")])):
            made.add(venue, **FREE)
            made.book(venue, bids=bids, asks=[("100", "5")])
        assert made.legs(make_route_request(quantity=D(4), side=Side.SELL)) == {"ALPHA": D(2), "BETA": D(2)}

    def test_what_no_book_shows_goes_to_the_best_venue(self) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "2")])
        add(made, "BETA", [("100.5", "2")])
        assert made.legs(make_route_request(quantity=D(10))) == {"ALPHA": D(8), "BETA": D(2)}

    def test_what_the_best_venue_may_not_take_goes_to_the_next(self) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "2")], max_quantity=D(3))
        add(made, "BETA", [("100.5", "2")])
        assert made.legs(make_route_request(quantity=D(10))) == {"ALPHA": D(3), "BETA": D(7)}

    def test_legs_are_on_their_venues_lots_and_the_sum_is_exact(self) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "0.55"), ("110", "10")], **LOTS)
        add(made, "BETA", [("101", "10")], lot=D("0.001"), min_quantity=D("0.001"))
        assert made.legs(make_route_request(quantity=D("1.234"))) == {"ALPHA": D("0.5"), "BETA": D("0.734")}

    def test_a_leg_below_the_minimal_slice_is_given_up(self) -> None:
        made = world("split", min_slice=D("0.1"))
        add(made, "ALPHA", [("100", "0.4"), ("110", "10")])
        add(made, "BETA", [("101", "10")])
        assert made.legs(make_route_request(quantity=D(5))) == {"BETA": D(5)}
        assert made.legs(make_route_request(quantity=D(4))) == {"ALPHA": D("0.4"), "BETA": D("3.6")}

    def test_a_leg_below_a_venues_minimum_is_given_up(self) -> None:
        made = world("split", min_slice=D(0))
        add(made, "ALPHA", [("100", "0.4"), ("110", "10")], min_quantity=D("0.5"))
        add(made, "BETA", [("101", "10")])
        assert made.legs(make_route_request(quantity=D(5))) == {"BETA": D(5)}

    def test_a_leg_below_a_venues_minimum_value_is_given_up(self) -> None:
        made = world("split", min_slice=D(0))
        add(made, "ALPHA", [("100", "0.04"), ("110", "10")], min_notional=D(5))
        add(made, "BETA", [("101", "10")])
        request = make_route_request(quantity=D(5), price=D(120), time_in_force=TimeInForce.IOC)
        assert made.legs(request) == {"BETA": D(5)}

    def test_no_more_legs_than_allowed(self) -> None:
        made = world("split", max_legs=2, min_slice=D(0))
        for venue, price, quantity in (("ALPHA", "100", "3"), ("BETA", "101", "1"), ("GAMMA", "102", "2")):
            add(made, venue, [(price, quantity), ("110", "10")])
        assert made.legs(make_route_request(quantity=D(6))) == {"ALPHA": D(4), "GAMMA": D(2)}

    def test_nothing_beyond_the_limit_is_taken_for_visible(self) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "1"), ("102", "50")])
        add(made, "BETA", [("101", "1"), ("102", "50")])
        request = make_route_request(quantity=D(4), price=D(101), time_in_force=TimeInForce.IOC)
        assert made.legs(request) == {"ALPHA": D(3), "BETA": D(1)}

    @pytest.mark.parametrize(
        "intent",
        [
            {"time_in_force": TimeInForce.FOK},
            {"price": D(50)},
            {"price": D(50), "post_only": True},
            {"price": D(103), "time_in_force": TimeInForce.FOK},
        ],
    )
    def test_an_order_that_rests_or_must_fill_whole_is_not_split(self, intent: dict[str, Any]) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "2"), ("103", "50")])
        add(made, "BETA", [("101", "2"), ("104", "50")])
        assert made.legs(make_route_request(quantity=D(4), **intent)) == {"ALPHA": D(4)}

    def test_a_quantity_that_only_all_venues_together_can_take_is_split(self) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "5")], max_quantity=D(3))
        add(made, "BETA", [("101", "5")], max_quantity=D(3))
        assert made.legs(make_route_request(quantity=D(5))) == {"ALPHA": D(3), "BETA": D(2)}

    def test_a_quantity_that_no_combination_can_take_is_refused_with_the_reason(self) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "5")], max_quantity=D(2))
        add(made, "BETA", [("101", "5")], max_quantity=D(2))
        plan = made.route(make_route_request(quantity=D(5)))
        assert plan.legs == ()
        reason = "split: no combination of venues can take the quantity"
        assert [candidate.left_out for candidate in plan.candidates] == [reason] * 2

    def test_a_quantity_between_all_lots_is_refused(self) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "5")], **LOTS)
        add(made, "BETA", [("101", "5")], **LOTS)
        assert made.legs(make_route_request(quantity=D("1.05"))) == {}

    def test_what_falls_off_the_lots_makes_no_leg_of_its_own(self) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "1.05"), ("100.2", "0.05"), ("200", "10")], **LOTS)
        add(made, "BETA", [("100", "0.95"), ("200", "10")], **LOTS)
        add(made, "GAMMA", [("100.5", "10")])
        assert made.legs(make_route_request(quantity=D(2))) == {"ALPHA": D("1.1"), "BETA": D("0.9")}

    @pytest.mark.parametrize("terms", [SPOT_TERMS, INVERSE_TERMS])
    def test_a_split_that_its_lots_make_dearer_is_not_made(self, terms: ContractTerms) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "2")], lot=D(1), min_quantity=D(1), terms=terms)
        add(made, "BETA", [("99", "0.7"), ("120", "10")], terms=terms, **LOTS)
        # BETA's cheap 0.7 would leave 1.3 for ALPHA, which takes whole ones: 0.3 more at 120.
        assert made.legs(make_route_request(quantity=D(2))) == {"ALPHA": D(2)}
        made.book("BETA", bids=[("10", "1")], asks=[("99", "0.7"), ("100.5", "10")])
        assert made.legs(make_route_request(quantity=D(2))) == {"ALPHA": D(1), "BETA": D(1)}

    def test_venues_that_are_alike_make_one_leg_when_one_is_enough(self) -> None:
        made = world("split")
        add(made, "ALPHA", [("100", "5")])
        add(made, "BETA", [("100", "5")])
        assert made.legs(make_route_request(quantity=D(4))) == {"ALPHA": D(4)}


class Scripted:
    """A policy that answers what the test says: what a plugin with a bug may do."""

    name = "scripted"
    splits = True

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def choose(self, request: RouteRequest, candidates: Sequence[Candidate], state: EngineState) -> Sequence[Choice]:
        choices: Sequence[Choice] = self.answer(request, list(candidates))
        return choices


def broken(_request: RouteRequest, _candidates: list[Candidate]) -> list[Choice]:
    raise RuntimeError("broken")


def stranger(request: RouteRequest, candidates: list[Candidate]) -> list[Choice]:
    return [(Candidate(candidates[0].listing, None, quantity=request.quantity), request.quantity)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda request, found: [], "no combination of venues can take the quantity"),
        (stranger, "chose a venue that is no candidate"),
        (lambda request, found: [*stranger(request, found), (found[1], D(1))], "chose a venue that is no candidate"),
        (lambda request, found: [(found[0], D(1)), (found[0], D(1))], "chose a venue twice"),
        (lambda request, found: [(found[0], D(1))], "chose quantities that don't sum up to the order's"),
        (lambda request, found: [(found[0], D(3))], "chose 3 for ALPHA:SPOT_PAIR:BTC-USDT, which it can't take"),
        (
            lambda request, found: [(found[0], D("1.95")), (found[1], D("0.05"))],
            "chose 1.95 for ALPHA:SPOT_PAIR:BTC-USDT, which it can't take",
        ),
        (
            lambda request, found: [(found[0], D("-1")), (found[1], D(3))],
            "chose -1 for ALPHA:SPOT_PAIR:BTC-USDT, which it can't take",
        ),
        (broken, "raised RuntimeError"),
    ],
)
def test_a_policy_that_answers_nonsense_refuses_the_order(answer: Any, reason: str) -> None:
    made = RoutingWorld(RouterConfig(policy="scripted"), {**BUILTIN_POLICIES, "scripted": Scripted(answer)})
    add(made, "ALPHA", [("100", "5")], **LOTS)
    add(made, "BETA", [("101", "5")])
    plan = made.route(make_route_request(quantity=D(2)))
    assert plan.legs == ()
    assert [candidate.left_out for candidate in plan.candidates] == [f"scripted: {reason}"] * 2
    assert plan.candidates[0].instrument_id == instrument_at("ALPHA")
