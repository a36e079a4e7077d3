"""lowest_fee: the venue that charges least."""

from collections.abc import Sequence

from liveexec.engine.policies.ranking import all_in_rank
from liveexec.engine.routing import Candidate, Choice, RouteRequest
from liveexec.engine.state import EngineState

__all__ = ["LowestFee"]


class LowestFee:
    """The whole order goes where the fee rate that it would pay is lowest; the all-in price decides between equals.

    The rate counts, not the amount: a seller is not sent to a bad price because less is charged on it.
    """

    name = "lowest_fee"
    splits = False

    def choose(self, request: RouteRequest, candidates: Sequence[Candidate], _state: EngineState) -> Sequence[Choice]:
        """See :class:`liveexec.engine.routing.RoutingPolicy`."""
        best = min(candidates, key=lambda candidate: (candidate.fee_rate, all_in_rank(request, candidate)))
        return ((best, request.quantity),)
