"""What holds for every market: splits are exact, tradable and never dearer than the best single venue."""

from decimal import Decimal
from fractions import Fraction

from attrs import define
from hypothesis import assume, given
from hypothesis import strategies as st

from liveexec.domain import money
from liveexec.domain.ids import VenueName
from liveexec.domain.instrument import ContractKind, ContractTerms
from liveexec.domain.market import Level
from liveexec.domain.operation import Side
from liveexec.engine.router import RouteRequest
from liveexec.engine.router_config import RouterConfig
from support.builders import make_book
from support.routing import RoutingWorld, instrument_at, make_route_request

NAMES = ("ALPHA", "BETA", "GAMMA", "DELTA")
LATENCIES = {VenueName(name): index * 7_000_000 for index, name in enumerate(NAMES)}
PENALTY = Decimal("0.00001")
MIN_SLICE = Decimal("0.05")


@define(eq=False)
class Venue:
    """A venue as drawn: its book, its lot in thousandths, its fee."""

    name: str
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]
    lot: Decimal
    fee: Decimal

    def cost_rate(self) -> Fraction:
        latency_ms = Fraction(LATENCIES[VenueName(self.name)], 1_000_000)
        return Fraction(self.fee) + latency_ms * Fraction(PENALTY)

    def depth(self, side: Side) -> Decimal:
        return sum((quantity for _, quantity in (self.asks if side.sign > 0 else self.bids)), Decimal(0))


@st.composite
def venues(draw: st.DrawFn, deepest: int = 9_000) -> list[Venue]:
    def side(price: int, direction: int) -> list[tuple[Decimal, Decimal]]:
        steps = draw(st.lists(st.tuples(st.integers(1, 60), st.integers(1, deepest)), min_size=1, max_size=5))
        found = []
        for step, quantity in steps:
            price += step * direction
            found.append((Decimal(price).scaleb(-2), Decimal(quantity).scaleb(-3)))
        return found

    made = []
    for name in NAMES[: draw(st.integers(1, 4))]:
        mid = draw(st.integers(9_900, 10_100))
        lot = draw(st.sampled_from([Decimal("0.001"), Decimal("0.01"), Decimal("0.1")]))
        fee = Decimal(draw(st.integers(-10, 40))).scaleb(-4)
        made.append(Venue(name, side(mid, -1), side(mid, 1), lot, fee))
    return made


def build(found: list[Venue], policy: str, terms: ContractTerms) -> RoutingWorld:
    config = RouterConfig(policy=policy, latency_ns=LATENCIES, latency_penalty_per_ms=PENALTY, min_slice=MIN_SLICE)
    world = RoutingWorld(config)
    for venue in found:
        world.add(
            venue.name,
            book=make_book(instrument_at(venue.name), bids=venue.bids, asks=venue.asks),
            terms=terms,
            lot=venue.lot,
            min_quantity=venue.lot,
            max_quantity=None,
            taker_fee=venue.fee,
        )
    return world


def levels(venue: Venue, side: Side) -> list[Level]:
    return venue.asks if side.sign > 0 else venue.bids


def cost(venue: Venue, side: Side, quantity: Decimal, kind: ContractKind) -> Fraction:
    """What a visible quantity costs, all in, by exact fractions: lower is better for both sides and all contracts."""
    left, quote, base = Fraction(quantity), Fraction(0), Fraction(0)
    for price, available in levels(venue, side):
        part = min(left, Fraction(available))
        quote += part * Fraction(price)
        base += part / Fraction(price)
        left -= part
    assert left == 0
    factor = 1 + side.sign * venue.cost_rate()
    return -side.sign * base / factor if kind is ContractKind.INVERSE else side.sign * quote * factor


SPOT_LIKE = ContractTerms(ContractKind.SPOT, "BTC", "USDT", "USDT")
INVERSE_LIKE = ContractTerms(ContractKind.INVERSE, "BTC", "USDT", "BTC")

SIDES = st.sampled_from([Side.BUY, Side.SELL])
TERMS = st.sampled_from([SPOT_LIKE, INVERSE_LIKE])
QUANTITIES = st.integers(1, 20_000).map(lambda n: Decimal(n).scaleb(-3)) | st.integers(1, 60).map(
    lambda n: Decimal(n).scaleb(-1)
)


def market_order(side: Side, quantity: Decimal) -> RouteRequest:
    return make_route_request(side=side, quantity=quantity)


@given(venues(), SIDES, QUANTITIES, TERMS)
def test_a_split_is_exact_on_lots_and_of_fair_slices(
    found: list[Venue], side: Side, quantity: Decimal, terms: ContractTerms
) -> None:
    legs = build(found, "split", terms).legs(market_order(side, quantity))
    by_name = {venue.name: venue for venue in found}
    can_take_it = [venue for venue in found if money.is_multiple(quantity, venue.lot)]
    assert legs or not can_take_it
    if legs:
        assert sum(legs.values()) == quantity
    for name, share in legs.items():
        assert share > 0
        assert money.is_multiple(share, by_name[name].lot)
        assert len(legs) == 1 or share >= quantity * MIN_SLICE


@given(venues(), SIDES, QUANTITIES, TERMS)
def test_a_split_is_never_dearer_than_the_best_single_venue(
    found: list[Venue], side: Side, quantity: Decimal, terms: ContractTerms
) -> None:
    legs = build(found, "split", terms).legs(market_order(side, quantity))
    by_name = {venue.name: venue for venue in found}
    deep = [venue for venue in found if venue.depth(side) >= quantity and money.is_multiple(quantity, venue.lot)]
    assume(deep and all(share <= by_name[name].depth(side) for name, share in legs.items()))
    together = sum((cost(by_name[name], side, share, terms.kind) for name, share in legs.items()), Fraction(0))
    best = min(cost(venue, side, quantity, terms.kind) for venue in deep)
    # Averages are rounded to 18 places, so two routes may be told apart wrongly by as little as that.
    assert together <= best + Fraction(quantity) / 10**12


@given(venues(deepest=30_000), SIDES, QUANTITIES, TERMS)
def test_best_price_is_the_cheapest_by_exact_arithmetic(
    found: list[Venue], side: Side, quantity: Decimal, terms: ContractTerms
) -> None:
    deep = [venue for venue in found if venue.depth(side) >= quantity and money.is_multiple(quantity, venue.lot)]
    assume(deep)
    ((name, share),) = build(deep, "best_price", terms).legs(market_order(side, quantity)).items()
    assert share == quantity
    costs = {venue.name: cost(venue, side, quantity, terms.kind) for venue in deep}
    assert costs[name] <= min(costs.values()) + Fraction(quantity) / 10**12


@given(venues(), SIDES, QUANTITIES, st.sampled_from(["best_price", "lowest_fee", "split"]))
def test_the_same_market_gives_the_same_plan(found: list[Venue], side: Side, quantity: Decimal, policy: str) -> None:
    first = build(found, policy, SPOT_LIKE).legs(market_order(side, quantity))
    again = build(list(reversed(found)), policy, SPOT_LIKE).legs(market_order(side, quantity))
    assert list(first.items()) == list(again.items())
