"""The endpoints of a Binance venue: which there are, who may ask, and what they weigh."""

from collections.abc import Callable
from typing import Literal

from attrs import frozen

from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.binance.parameters import Parameters
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue

__all__ = ["Call", "Endpoint", "Endpoints"]

#: What a request has to show: nothing, a key, or a key and a signature.
Security = Literal["NONE", "KEY", "SIGNED"]


@frozen
class Call[V: LoopbackVenue]:
    """One request: the venue, its parameters, and the account that asks (0 where nobody has to say)."""

    venue: V
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


@frozen
class Endpoint[V: LoopbackVenue]:
    """One endpoint. ``counts_order`` tells that it takes from the order limit as well."""

    handler: Callable[[Call[V]], object]
    security: Security
    weight: int
    counts_order: bool = False


class Endpoints[V: LoopbackVenue]:
    """The endpoints of one kind of venue, by HTTP method and path."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Endpoint[V]] = {}

    def find(self, method: str, path: str) -> Endpoint[V] | None:
        """The endpoint at a path."""
        return self._found.get((method, path))

    def paths(self) -> list[tuple[str, str]]:
        """Method and path of each."""
        return list(self._found)

    def add(
        self, method: str, *paths: str, security: Security, weight: int = 1, counts_order: bool = False
    ) -> Callable[[Callable[[Call[V]], object]], Callable[[Call[V]], object]]:
        """Register a handler under a method and its paths (one for each version that answers alike)."""

        def register(handler: Callable[[Call[V]], object]) -> Callable[[Call[V]], object]:
            for path in paths:
                self._found[method, path] = Endpoint(handler, security, weight, counts_order)
            return handler

        return register
