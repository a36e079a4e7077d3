"""deepest: the venue that shows most of what the order could take."""

from collections.abc import Sequence
from decimal import Decimal

from liveexec.engine.routing import Candidate, Choice, RouteRequest
from liveexec.engine.state import EngineState


class Deepest:
    """The whole order goes where most of it is visible within its limit; ties go to the first instrument id."""

    name = "deepest"
    splits = False

    def choose(self, request: RouteRequest, candidates: Sequence[Candidate], _state: EngineState) -> Sequence[Choice]:
        """One of the candidates, with the whole quantity."""
        deepest = max(candidates, key=lambda candidate: _visible(request, candidate))
        return ((deepest, request.quantity),)


def _visible(request: RouteRequest, candidate: Candidate) -> Decimal:
    if candidate.book is None:
        return Decimal(0)
    return candidate.book.sweep(request.side, Decimal("1e12"), request.limit_price).quantity
