"""best_price: the venue with the best price, all in."""

from collections.abc import Sequence
from functools import partial

from liveexec.engine.policies.ranking import all_in_rank
from liveexec.engine.routing import Candidate, Choice, RouteRequest
from liveexec.engine.state import EngineState

__all__ = ["BestPrice"]


class BestPrice:
    """The whole order goes where price, slippage of the whole quantity, fee and latency penalty are best together."""

    name = "best_price"
    splits = False

    def choose(self, request: RouteRequest, candidates: Sequence[Candidate], _state: EngineState) -> Sequence[Choice]:
        """See :class:`liveexec.engine.routing.RoutingPolicy`."""
        best = min(candidates, key=partial(all_in_rank, request))
        return ((best, request.quantity),)
