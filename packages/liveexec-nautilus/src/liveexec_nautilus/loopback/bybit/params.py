"""Reading the parameters of requests: text, numbers, switches, and the instruments that they name."""

from collections.abc import Mapping
from decimal import Decimal

from liveexec_nautilus.loopback.bybit.errors import BybitError
from liveexec_nautilus.loopback.bybit.listings import CATEGORIES, Category, category_of, wire_name
from liveexec_nautilus.loopback.shared.numbers import amount_in, whole_in
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["Listings", "Params", "number", "page_size", "word"]

Params = Mapping[str, object]


class Listings:
    """The symbols of the venue by category and name."""

    def __init__(self, symbols: Mapping[str, SymbolConfig]) -> None:
        self._symbols = symbols

    def category(self, params: Params) -> Category:
        """The category that a request names.

        Raises:
            BybitError: 10001 without one, or with one that there is not.
        """
        named = word(params, "category")
        for category in CATEGORIES:
            if category == named:
                return category
        raise BybitError(10001, "params error: Category is invalid")

    def symbol(self, params: Params) -> SymbolConfig:
        """The instrument that a request names.

        Raises:
            BybitError: 10001 or, for spot, 170121.
        """
        category, name = self.category(params), word(params, "symbol")
        found = self._symbols.get(f"{category}.{name}")
        if found is None:
            raise BybitError(170121) if category == "spot" else BybitError(10001, "params error: symbol invalid")
        return found

    def chosen(self, params: Params) -> list[SymbolConfig]:
        """Everything that fits ``symbol``, ``baseCoin`` and ``settleCoin`` of a category, as lookups take them."""
        category = self.category(params)
        if word(params, "symbol"):
            return [self.symbol(params)]
        base, settlement = word(params, "baseCoin"), word(params, "settleCoin")
        return [
            symbol
            for symbol in self._symbols.values()
            if category_of(symbol) == category and base in {"", symbol.base} and settlement in {"", symbol.settlement}
        ]

    def named(self, category: Category, name: str) -> SymbolConfig | None:
        """The instrument of this name in a category."""
        return self._symbols.get(f"{category}.{name}")

    def based_on(self, category: Category, base: str) -> list[SymbolConfig]:
        """The instruments of a category on a coin."""
        return [each for each in self._symbols.values() if category_of(each) == category and each.base == base]

    def names(self) -> list[str]:
        """Category and name of each."""
        return [f"{category_of(symbol)} {wire_name(symbol)}" for symbol in self._symbols.values()]


def word(params: Params, name: str) -> str:
    """A parameter as text; empty where it is missing or null."""
    value = params.get(name)
    return "" if value is None else str(value)


def number(params: Params, name: str) -> Decimal | None:
    """A parameter that is a number; ``None`` where it is missing, empty or zero, which mean the same here.

    Raises:
        BybitError: 10001 for what is no number, or is below zero.
    """
    given = word(params, name)
    if not given:
        return None
    value = amount_in(given)
    if value is None or value < 0:
        raise BybitError(10001, f"params error: {name} invalid")
    return value or None


def page_size(params: Params, default: int, most: int) -> int:
    """``limit``, at most what an endpoint allows.

    Raises:
        BybitError: 10001 for what is no number of elements.
    """
    given = word(params, "limit")
    if not given:
        return default
    size = whole_in(given)
    if size is None or size < 1:
        raise BybitError(10001, "params error: limit invalid")
    return min(size, most)
