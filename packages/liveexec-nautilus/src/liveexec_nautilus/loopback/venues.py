"""The loopback venues by name."""

from collections.abc import Callable, Mapping
from typing import Final

from liveexec_nautilus.loopback.shared.venue import LoopbackVenue

__all__ = ["VENUES"]

#: What makes each venue, given how many accounts it has.
VENUES: Final[Mapping[str, Callable[[int], LoopbackVenue]]] = {}
