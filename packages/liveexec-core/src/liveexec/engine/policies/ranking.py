"""How candidates are put in order: what all policies share."""

from decimal import Decimal

from liveexec.domain.ids import InstrumentId
from liveexec.domain.money import ZERO
from liveexec.engine.routing import Candidate, RouteRequest

__all__ = ["Rank", "all_in_rank"]

#: Lower is better. Ends with the instrument id, so that no two candidates are equal.
Rank = tuple[Decimal, Decimal, InstrumentId]


def all_in_rank(request: RouteRequest, candidate: Candidate) -> Rank:
    """The order of the all-in price: lowest for a buyer, highest for a seller.

    A limit order that never rests loses what the book does not show within its limit, so there the venue that shows
    more of it comes first.
    """
    assert candidate.score is not None, f"{candidate.instrument_id} was not priced"
    shortfall = candidate.shortfall if request.never_rests and request.limit_price is not None else ZERO
    return shortfall, candidate.score * request.sign, candidate.instrument_id
