"""split: over several venues, level by level through their merged books."""

from collections.abc import Sequence
from decimal import Decimal

from liveexec.domain import money
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import ZERO
from liveexec.domain.operation import TimeInForce
from liveexec.engine.policies.ranking import all_in_rank
from liveexec.engine.route_pricing import all_in_price
from liveexec.engine.router_config import RouterConfig
from liveexec.engine.routing import Candidate, Choice, RouteRequest
from liveexec.engine.state import EngineState

__all__ = ["Split"]

#: What each candidate gets, in the order of the candidates.
Shares = list[Decimal]


class Split:
    """The order takes the cheapest visible levels wherever they are, each at its own all-in price.

    Legs are on their venue's lot, at least ``min_slice`` of the order, at most ``max_legs``; a leg that is too small
    is given up and its quantity taken elsewhere. What no visible book holds goes to the venue with the best all-in
    price for the whole order. Orders that rest and FOK orders go to one venue whole, as with best_price, and so does
    an order that splitting would not make cheaper.
    """

    name = "split"
    splits = True

    def choose(self, request: RouteRequest, candidates: Sequence[Candidate], state: EngineState) -> Sequence[Choice]:
        """See :class:`liveexec.engine.routing.RoutingPolicy`."""
        ranked = sorted(candidates, key=lambda candidate: all_in_rank(request, candidate))
        whole = [candidate for candidate in ranked if candidate.quantity == request.quantity]
        single: list[Choice] = [(whole[0], request.quantity)] if whole else []
        takers = [candidate for candidate in ranked if candidate.takes]
        if request.time_in_force is TimeInForce.FOK or not takers:
            return single
        legs = _split(request, takers, state.config.router)
        if not legs or legs == single or (single and _cost(request, legs) >= _cost(request, single)):
            return single
        return sorted(legs, key=lambda leg: leg[0].instrument_id)


def _split(request: RouteRequest, ranked: Sequence[Candidate], config: RouterConfig) -> list[Choice]:
    """The legs of a split among these candidates, best first; empty when their lots can't make up the quantity."""
    left = list(ranked)
    while left:
        shares = _on_lots(request, left, _walk(request, left))
        legs = [(candidate, share) for candidate, share in zip(left, shares, strict=True) if share]
        if sum((share for _, share in legs), ZERO) != request.quantity:
            return []
        given_up = _given_up(request, legs, config)
        if given_up is None:
            return legs
        left.remove(given_up)
    return []


def _walk(request: RouteRequest, ranked: Sequence[Candidate]) -> Shares:
    """Take the merged levels from the best all-in price on, then give the rest to the best venue that has room."""
    sign, limit = request.sign, request.limit_price
    levels = [
        (price * (sign + candidate.fee_rate + candidate.latency_rate), index, quantity)
        for index, candidate in enumerate(ranked)
        if candidate.book is not None
        for price, quantity in candidate.book.taken_by(request.side)
        if limit is None or (price - limit) * sign <= 0
    ]
    shares = [ZERO] * len(ranked)
    left = request.quantity
    for _, index, quantity in sorted(levels):
        left -= _give(shares, index, min(quantity, left), ranked[index].quantity)
    for index, candidate in enumerate(ranked):
        left -= _give(shares, index, left, candidate.quantity)
    return shares


def _on_lots(request: RouteRequest, ranked: Sequence[Candidate], shares: Shares) -> Shares:
    """Floor each share to its venue's lot and give what falls off to the best venues whose lot and room take it."""
    floored = [money.floor_to(share, candidate.listing.lot) for share, candidate in zip(shares, ranked, strict=True)]
    left = request.quantity - sum(floored, ZERO)
    # Venues that have a share already come first: what falls off is small and makes no leg of its own.
    for index in sorted(range(len(ranked)), key=lambda index: (not floored[index], index)):
        left -= _give(floored, index, money.floor_to(left, ranked[index].listing.lot), ranked[index].quantity)
    return floored


def _give(shares: Shares, index: int, quantity: Decimal, most: Decimal) -> Decimal:
    given = min(quantity, most - shares[index])
    shares[index] += given
    return given


def _given_up(request: RouteRequest, legs: Sequence[Choice], config: RouterConfig) -> Candidate | None:
    """The leg to do without, if any: the smallest of those that are too small, or of all when there are too many."""
    least = request.quantity * config.min_slice
    too_small = [
        (candidate, quantity)
        for candidate, quantity in legs
        if quantity < least or candidate.listing.faults(quantity, request.limit_price)
    ]
    over = too_small or (legs if len(legs) > config.max_legs else [])
    if not over:
        return None
    # Legs are ranked best first: of two equally small ones the worse goes.
    smallest = min(quantity for _, quantity in over)
    return [candidate for candidate, quantity in over if quantity == smallest][-1]


def _cost(request: RouteRequest, legs: Sequence[Choice]) -> tuple[Decimal, Decimal]:
    """What the legs don't find visible, for an order that loses it, and what they cost together; lower is better.

    Costs are comparable between divisions of the same quantity: quote currency paid less received, or for inverse
    contracts the underlying received less paid, negated.
    """
    missing, cost = ZERO, ZERO
    for candidate, quantity in legs:
        price, shortfall = _price(request, candidate, quantity)
        missing += shortfall
        if candidate.listing.terms.kind is ContractKind.INVERSE:
            cost -= money.divide(quantity, price) * request.sign
        else:
            cost += quantity * price * request.sign
    return (missing if request.never_rests else ZERO), cost


def _price(request: RouteRequest, candidate: Candidate, quantity: Decimal) -> tuple[Decimal, Decimal]:
    if candidate.takes:
        return all_in_price(request, candidate, quantity)
    assert candidate.score is not None
    return candidate.score, ZERO
