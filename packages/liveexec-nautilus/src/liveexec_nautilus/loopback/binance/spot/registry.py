"""The endpoints of Spot, and what their handlers answer with; the modules beside this one register theirs here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from liveexec_nautilus.loopback.binance import registry
from liveexec_nautilus.loopback.binance.spot.sbe import Layout, encode

if TYPE_CHECKING:
    from liveexec_nautilus.loopback.binance.spot.venue import SpotVenue

__all__ = ["ENDPOINTS", "Call", "Told", "endpoint"]

#: A request to this venue.
type Call = registry.Call[SpotVenue]


@frozen
class Told:
    """An answer in both encodings: as JSON, and as the values of an SBE message."""

    json: object
    layout: Layout
    values: Mapping[str, Any]

    def sbe(self) -> bytes:
        """The answer as an SBE message."""
        return encode(self.layout, self.values)


ENDPOINTS: Final["registry.Endpoints[SpotVenue]"] = registry.Endpoints()

endpoint = ENDPOINTS.add
