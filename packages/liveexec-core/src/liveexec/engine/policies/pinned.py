"""pinned: the order named its instrument, so there is nothing to choose."""

from collections.abc import Sequence

from liveexec.engine.router_config import PINNED
from liveexec.engine.routing import Candidate, Choice, RouteRequest
from liveexec.engine.state import EngineState

__all__ = ["Pinned"]


class Pinned:
    """The only candidate takes everything."""

    name = PINNED
    splits = False

    def choose(self, request: RouteRequest, candidates: Sequence[Candidate], _state: EngineState) -> Sequence[Choice]:
        """See :class:`liveexec.engine.routing.RoutingPolicy`."""
        return [(candidate, request.quantity) for candidate in candidates]
