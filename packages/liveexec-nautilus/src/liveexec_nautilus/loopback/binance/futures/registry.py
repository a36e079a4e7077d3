"""The endpoints of USD-M futures: which there are, who may ask, and what they weigh."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from attrs import frozen

from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.binance.parameters import Parameters
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

if TYPE_CHECKING:
    from liveexec_nautilus.loopback.binance.futures.venue import FuturesVenue

__all__ = ["ENDPOINTS", "Call", "Endpoint", "endpoint"]

#: What a request has to show: nothing, a key, or a key and a signature.
Security = Literal["NONE", "KEY", "SIGNED"]


@frozen
class Call:
    """One request: the venue, its parameters, and the account that asks (0 where nobody has to say)."""

    venue: "FuturesVenue"
    parameters: Parameters
    user_id: int

    def symbol(self) -> SymbolConfig:
        """The symbol asked about; -1102 without one, -1121 for one that is not listed."""
        return self.listed(self.parameters.text("symbol"))

    def optional_symbol(self) -> SymbolConfig | None:
        """The same where it need not be named."""
        name = self.parameters.optional("symbol")
        return None if name is None else self.listed(name)

    def listed(self, name: str) -> SymbolConfig:
        """The symbol of this name (-1121)."""
        found = self.venue.floor.symbols.get(name)
        if found is None:
            raise BinanceError(-1121, "Invalid symbol.")
        return found

    def symbols(self) -> list[SymbolConfig]:
        """The one symbol asked about, or all of them."""
        asked = self.optional_symbol()
        return list(self.venue.floor.symbols.values()) if asked is None else [asked]


Handler = Callable[[Call], object]


@frozen
class Endpoint:
    """One endpoint. ``counts_order`` tells that it takes from the order limit as well."""

    handler: Handler
    security: Security
    weight: int
    counts_order: bool = False


#: By HTTP method and path.
ENDPOINTS: Final[dict[tuple[str, str], Endpoint]] = {}


def endpoint(
    method: str, *paths: str, security: Security, weight: int = 1, counts_order: bool = False
) -> Callable[[Handler], Handler]:
    """Register a handler under a method and its paths (one for each version that answers alike)."""

    def register(handler: Handler) -> Handler:
        for path in paths:
            ENDPOINTS[method, path] = Endpoint(handler, security, weight, counts_order)
        return handler

    return register
