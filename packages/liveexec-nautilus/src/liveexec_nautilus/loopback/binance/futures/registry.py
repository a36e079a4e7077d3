"""The endpoints of USD-M futures; the modules beside this one register theirs here."""

from typing import TYPE_CHECKING, Final

from liveexec_nautilus.loopback.binance import registry

if TYPE_CHECKING:
    from liveexec_nautilus.loopback.binance.futures.venue import FuturesVenue

__all__ = ["ENDPOINTS", "Call", "endpoint"]

#: A request to this venue.
type Call = registry.Call[FuturesVenue]

ENDPOINTS: Final["registry.Endpoints[FuturesVenue]"] = registry.Endpoints()

endpoint = ENDPOINTS.add
