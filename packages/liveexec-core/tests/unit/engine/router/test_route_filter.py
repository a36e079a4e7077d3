"""A venue that can't take an order is left out, and the route says why in the same words every time."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from liveexec.domain.account_event import ControlScope, ScopeKind, StateChanged, TradingState
from liveexec.domain.ids import AccountId, InstrumentId, VenueName
from liveexec.domain.instrument import ContractKind, ContractTerms, TickSchedule
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.engine.inputs import Phase
from liveexec.engine.router import SmartOrderRouter
from liveexec.engine.router_config import RouterConfig
from support.builders import NOW_NS, STRATEGY, make_book
from support.routing import RoutingWorld, instrument_at, make_route_request

ALPHA, BETA = VenueName("ALPHA"), VenueName("BETA")
S_NS = 1_000_000_000

Change = Callable[[RoutingWorld], object]


def two_venues() -> RoutingWorld:
    world = RoutingWorld()
    world.add("ALPHA")
    world.add("BETA")
    return world


def phase(value: Phase) -> Change:
    return lambda world: world.state.phases.update({AccountId("BETA-1"): value})


def manifest(**changes: Any) -> Change:
    return lambda world: world.state.manifests.update({BETA: evolve(world.manifest("BETA"), **changes)})


def listing(**changes: Any) -> Change:
    return lambda world: world.add("BETA", **changes)


def halted(kind: ScopeKind, name: str, state: TradingState = TradingState.HALTED) -> Change:
    scope = ControlScope(kind, name)
    return lambda world: world.state.ledger.states.update({scope: StateChanged(scope, state, "operator", "test")})


def book(**changes: Any) -> Change:
    return lambda world: world.book("BETA", **changes)


def several_accounts_one_configured(world: RoutingWorld) -> None:
    world.state.venue_accounts[BETA] = (AccountId("BETA-1"), AccountId("BETA-2"))
    world.configure(accounts={(STRATEGY, BETA): AccountId("BETA-1")})


LIMIT = {"price": Decimal(45_000)}

LEFT_OUT: list[tuple[str, Change, dict[str, Any]]] = [
    ("no account here", lambda world: world.state.venue_accounts.clear(), {}),
    (
        "several accounts, none configured",
        lambda world: world.state.venue_accounts.update({BETA: (AccountId("BETA-1"), AccountId("BETA-2"))}),
        {},
    ),
    (
        "configured account BETA-9 is not at this venue",
        lambda world: world.configure(accounts={(STRATEGY, BETA): AccountId("BETA-9")}),
        {},
    ),
    ("account ALPHA-1 is not at this venue", lambda world: None, {"account_id": AccountId("ALPHA-1")}),
    ("the venue is down", phase(Phase.DOWN), {}),
    ("the venue is down", lambda world: world.state.phases.clear(), {}),
    ("the venue is reconciling", phase(Phase.RECONCILING), {}),
    ("expired", listing(expiry_ns=NOW_NS), {}),
    ("trading is halted (VENUE:BETA)", halted(ScopeKind.VENUE, "BETA"), {}),
    ("trading is halted (ACCOUNT:BETA-1)", halted(ScopeKind.ACCOUNT, "BETA-1"), {}),
    ("trading is halted (INSTRUMENT:BETA:SPOT_PAIR:BTC-USDT)", halted(ScopeKind.INSTRUMENT, instrument_at("BETA")), {}),
    ("trading is halted (GLOBAL)", halted(ScopeKind.GLOBAL, ""), {}),
    ("no adapter", lambda world: world.state.manifests.pop(BETA), {}),
    ("trade is not offered", manifest(operations=frozenset({Operation.SWAP})), {}),
    ("MARKET is not offered", manifest(order_types=frozenset({OrderType.LIMIT})), {}),
    ("LIMIT is not offered", manifest(order_types=frozenset({OrderType.MARKET})), LIMIT),
    (
        "FOK is not offered",
        manifest(time_in_force=frozenset({TimeInForce.GTC})),
        LIMIT | {"time_in_force": TimeInForce.FOK},
    ),
    ("FOK is not offered", manifest(time_in_force=frozenset()), {"time_in_force": TimeInForce.FOK}),
    ("post-only is not offered", manifest(post_only=False), LIMIT | {"post_only": True}),
    ("reduce-only is not offered", manifest(reduce_only=False), {"reduce_only": True}),
    ("details: 'peak' not taken here; there are none", lambda world: None, {"details": {"peak": 5}}),
    (
        "details: 'peak', 'mmp' not taken here; there are note, text",
        manifest(details=frozenset({"text", "note"})),
        {"details": {"peak": 5, "text": "a", "mmp": True}},
    ),
    (
        "quantity: 1.005 is not a multiple of the lot 0.01",
        listing(lot=Decimal("0.01"), min_quantity=Decimal("0.01")),
        {"quantity": Decimal("1.005")},
    ),
    ("quantity: 1.0 is below the minimum 2", listing(min_quantity=Decimal(2)), {}),
    ("quantity: 1.0 is above the maximum 0.5", listing(max_quantity=Decimal("0.5")), {}),
    (
        "price: 45000.05 is not on the tick 0.1",
        listing(ticks=TickSchedule.constant(Decimal("0.1"))),
        {"price": Decimal("45000.05")},
    ),
    ("quantity: its value is below the minimum 50000", listing(min_notional=Decimal(50_000)), LIMIT),
    (
        "trigger_price: 45000.05 is not on the tick 0.1",
        lambda world: world.add(
            "BETA", ticks=TickSchedule.constant(Decimal("0.1")), manifest={"order_types": frozenset(OrderType)}
        ),
        {"order_type": OrderType.STOP_MARKET, "trigger_price": Decimal("45000.05")},
    ),
    ("no book", lambda world: world.state.market.books.pop(instrument_at("BETA")), {}),
    (
        "no book",
        lambda world: world.state.market.books.pop(instrument_at("BETA")),
        LIMIT | {"time_in_force": TimeInForce.IOC},
    ),
    ("the book is stale", book(at_ns=NOW_NS - 5 * S_NS - 1), {}),
    ("the book is not sane", book(bids=[], asks=[("45001", "5")]), {}),
    ("the book is not sane", book(bids=[("45001", "5")], asks=[("45001", "5")]), {}),
    ("the book is not sane", book(bids=[("45000", "0")]), {}),
    ("the book is not sane", book(asks=[("45001", "NaN")]), {}),
    ("post-only, but it would take", lambda world: None, {"price": Decimal(45_001), "post_only": True}),
]


@pytest.mark.parametrize(("reason", "change", "intent"), LEFT_OUT)
def test_a_venue_that_cant_take_the_order_is_left_out_with_its_reason(
    reason: str, change: Change, intent: dict[str, Any]
) -> None:
    world = two_venues()
    change(world)
    request = make_route_request(**intent)
    candidate = world.candidate(request, "BETA")
    assert candidate.left_out == reason
    assert candidate.score is None
    assert "BETA" not in world.legs(request)


def test_details_that_a_venue_takes_leave_it_in_and_bind_no_other_order() -> None:
    world = two_venues()
    manifest(details=frozenset({"text"}))(world)
    assert world.candidate(make_route_request(details={"peak": 5}), "BETA").left_out is not None
    assert world.candidate(make_route_request(details={"text": "a"}), "BETA").left_out is None
    assert world.candidate(make_route_request(), "BETA").left_out is None


TAKEN: list[tuple[str, Change, dict[str, Any]]] = [
    ("REDUCING is the risk rules' matter", halted(ScopeKind.VENUE, "BETA", TradingState.REDUCING), {}),
    ("another strategy is halted", halted(ScopeKind.STRATEGY, "other"), {}),
    ("a market order never rests", manifest(time_in_force=frozenset()), {"time_in_force": TimeInForce.GTC}),
    ("a market order never rests", manifest(time_in_force=frozenset()), {"time_in_force": TimeInForce.IOC}),
    ("the book is just fresh", book(at_ns=NOW_NS - 5 * S_NS), {}),
    ("a resting order needs no book", lambda world: world.state.market.books.clear(), LIMIT),
    (
        "a resting post-only order needs no book",
        lambda world: world.state.market.books.clear(),
        LIMIT | {"post_only": True},
    ),
    (
        "the configured account wins",
        several_accounts_one_configured,
        {},
    ),
    ("it has not expired", listing(expiry_ns=NOW_NS + 1), {}),
]


@pytest.mark.parametrize(("why", "change", "intent"), TAKEN)
def test_a_venue_that_can_take_the_order_is_scored(why: str, change: Change, intent: dict[str, Any]) -> None:
    world = two_venues()
    change(world)
    candidate = world.candidate(make_route_request(**intent), "BETA")
    assert candidate.left_out is None, why
    assert candidate.score is not None


def test_what_a_venue_can_do_is_asked_anew_when_its_manifest_changes() -> None:
    world, request = two_venues(), make_route_request()
    router = SmartOrderRouter(world.config, world.policies)
    assert [candidate.left_out for candidate in router.route(request, world.state).candidates] == [None, None]
    manifest(order_types=frozenset({OrderType.LIMIT}))(world)
    reasons = [candidate.left_out for candidate in router.route(request, world.state).candidates]
    assert reasons == [None, "MARKET is not offered"]
    assert router.route(make_route_request(**LIMIT), world.state).candidates[1].left_out is None


def test_every_venue_is_explained_and_those_left_out_carry_no_price() -> None:
    world = two_venues()
    phase(Phase.DOWN)(world)
    plan = world.route(make_route_request())
    assert [candidate.instrument_id for candidate in plan.candidates] == [instrument_at("ALPHA"), instrument_at("BETA")]
    alpha, beta = plan.candidates
    assert alpha.left_out is None
    assert (beta.price, beta.fee, beta.slippage, beta.latency_penalty, beta.score) == (None,) * 5
    assert [leg.instrument_id for leg in plan.legs] == [instrument_at("ALPHA")]


def test_when_nobody_can_take_it_there_are_no_legs() -> None:
    world = two_venues()
    world.state.phases.clear()
    plan = world.route(make_route_request())
    assert plan.legs == ()
    assert [candidate.left_out for candidate in plan.candidates] == ["the venue is down"] * 2


def test_an_instrument_that_is_not_listed_is_said_so() -> None:
    (candidate,) = two_venues().route(make_route_request(instrument_key="GAMMA:SPOT_PAIR:BTC-USDT")).candidates
    assert candidate.instrument_id == InstrumentId("GAMMA:SPOT_PAIR:BTC-USDT")
    assert candidate.left_out == "not listed"


def test_a_product_that_nobody_lists_has_no_candidates() -> None:
    plan = two_venues().route(make_route_request(instrument_key="SPOT_PAIR:ETH-USDT"))
    assert (plan.legs, plan.candidates, plan.book_at_ns) == ((), (), None)


def test_a_venue_whose_costs_exceed_the_price_is_left_out() -> None:
    world = RoutingWorld(RouterConfig(latency_ns={ALPHA: 0, BETA: S_NS}, latency_penalty_per_ms=Decimal("0.001")))
    world.add("ALPHA")
    world.add("BETA")
    assert world.candidate(make_route_request(side=Side.SELL), "BETA").left_out == "its costs eat up the price"
    assert world.candidate(make_route_request(side=Side.BUY), "BETA").left_out is None


DIFFERENT = [
    ContractTerms(ContractKind.LINEAR, "BTC", "USDT", "USDT"),
    ContractTerms(ContractKind.SPOT, "BTC", "USDT", "USDT", Decimal("0.1")),
    ContractTerms(ContractKind.SPOT, "BTC", "USDC", "USDT"),
    ContractTerms(ContractKind.SPOT, "XBT", "USDT", "USDT"),
]


@pytest.mark.parametrize("terms", DIFFERENT)
def test_the_venue_whose_contract_differs_from_the_others_is_left_out(terms: ContractTerms) -> None:
    world = two_venues()
    world.add("GAMMA", terms=terms)
    plan = world.route(make_route_request())
    reasons = [candidate.left_out for candidate in plan.candidates]
    assert reasons == [None, None, "its contract terms differ from other venues'"]


@pytest.mark.parametrize("terms", DIFFERENT)
def test_two_venues_that_disagree_about_the_contract_are_both_left_out(terms: ContractTerms) -> None:
    world = RoutingWorld()
    world.add("ALPHA")
    world.add("BETA", terms=terms)
    plan = world.route(make_route_request())
    assert plan.legs == ()
    assert [candidate.left_out for candidate in plan.candidates] == ["its contract terms differ from other venues'"] * 2


def test_a_multiplier_that_is_written_otherwise_is_the_same_contract() -> None:
    world = RoutingWorld()
    world.add("ALPHA")
    world.add("BETA", terms=ContractTerms(ContractKind.SPOT, "BTC", "USDT", "USDT", Decimal("1.00")))
    assert all(candidate.left_out is None for candidate in world.route(make_route_request()).candidates)


def test_without_smart_execution_a_product_at_one_venue_is_routed_there() -> None:
    world = RoutingWorld(RouterConfig(smart_execution_enabled=False))
    world.add("ALPHA")
    plan = world.route(make_route_request())
    assert plan.policy == "pinned"
    assert [leg.instrument_id for leg in plan.legs] == [instrument_at("ALPHA")]


def test_without_smart_execution_a_product_at_two_venues_is_refused() -> None:
    world = RoutingWorld(RouterConfig(smart_execution_enabled=False))
    world.add("ALPHA")
    world.add("BETA")
    plan = world.route(make_route_request())
    assert plan.legs == ()
    assert [found.left_out for found in plan.candidates] == ["smart execution is off and 2 venues list the product"] * 2


def test_the_order_in_which_venues_became_known_changes_nothing() -> None:
    plans = []
    for venues in (["ALPHA", "BETA", "GAMMA"], ["GAMMA", "ALPHA", "BETA"]):
        world = RoutingWorld(RouterConfig(policy="split"))
        for venue in venues:
            world.add(venue, book=make_book(instrument_at(venue), asks=[("45001", "0.4"), ("45002", "0.4")]))
        plans.append(world.route(make_route_request()))
    first, second = plans
    assert [(leg.instrument_id, leg.quantity) for leg in first.legs] == [
        (leg.instrument_id, leg.quantity) for leg in second.legs
    ]
    assert [found.instrument_id for found in first.candidates] == [found.instrument_id for found in second.candidates]
    assert first.candidates[0].instrument_id == instrument_at("ALPHA")
