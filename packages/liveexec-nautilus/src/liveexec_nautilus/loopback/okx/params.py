"""Reading the parameters of requests: text, numbers, and the instruments that they name."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from liveexec_nautilus.loopback.okx.errors import OkxError
from liveexec_nautilus.loopback.okx.listings import INSTRUMENT_TYPES, family_of, instrument_code, type_of
from liveexec_nautilus.loopback.shared.numbers import amount_in, whole_in
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["Listings", "Params", "number", "page", "page_size", "required", "word"]

Params = Mapping[str, object]
#: What may stand for a type: ``ANY`` in subscriptions, and ``MARGIN``, of which nothing is listed here.
_OTHER_TYPES: Final = frozenset({"ANY", "MARGIN"})


class Listings:
    """The symbols of the venue by name, number and type."""

    def __init__(self, symbols: Mapping[str, SymbolConfig]) -> None:
        self._symbols = symbols
        self._by_code = {str(instrument_code(symbol)): symbol for symbol in symbols.values()}

    def symbol(self, params: Params) -> SymbolConfig:
        """The instrument that ``instId`` or ``instIdCode`` names.

        Raises:
            OkxError: 50014 without either, 51001 for one that there is not.
        """
        name, code = word(params, "instId"), word(params, "instIdCode")
        if not name and not code:
            raise OkxError("50014", "instId")
        found = self._symbols.get(name) if name else self._by_code.get(code)
        if found is None:
            raise OkxError("51001")
        return found

    def named(self, name: str) -> SymbolConfig | None:
        """The instrument of this name."""
        return self._symbols.get(name)

    def chosen(self, params: Params) -> list[SymbolConfig]:
        """Everything that fits ``instType``, ``instFamily`` (or ``uly``) and ``instId``.

        Raises:
            OkxError: 51000 for a type that there is not.
        """
        wanted = word(params, "instType")
        if wanted and wanted not in INSTRUMENT_TYPES and wanted not in _OTHER_TYPES:
            raise OkxError("51000", "instType")
        family, name = word(params, "instFamily") or word(params, "uly"), word(params, "instId")
        return [
            symbol
            for symbol in self._symbols.values()
            if wanted in {"", "ANY", type_of(symbol)}
            and family in {"", family_of(symbol)}
            and name in {"", symbol.name}
        ]


def word(params: Params, name: str) -> str:
    """A parameter as text; empty where it is missing or null."""
    value = params.get(name)
    return "" if value is None else str(value)


def required(params: Params, name: str) -> str:
    """A parameter that must be there.

    Raises:
        OkxError: 50014.
    """
    given = word(params, name)
    if not given:
        raise OkxError("50014", name)
    return given


def number(params: Params, name: str) -> Decimal | None:
    """A parameter that is a number above zero; ``None`` where it is missing or empty.

    Raises:
        OkxError: 51000 for what is no such number.
    """
    given = word(params, name)
    if not given:
        return None
    value = amount_in(given)
    if value is None or value <= 0:
        raise OkxError("51000", name)
    return value


def page_size(params: Params) -> int:
    """``limit``, 100 without one and at most.

    Raises:
        OkxError: 51000 for what is no number of elements.
    """
    size = whole_in(word(params, "limit") or "100")
    if size is None or size < 1:
        raise OkxError("51000", "limit")
    return min(size, 100)


def page(rows: Sequence[dict[str, object]], params: Params, name: str) -> list[dict[str, object]]:
    """A page of rows, newest first: those below the number ``after`` of the column ``name``, or above ``before``.

    Raises:
        OkxError: 51000 for what is no number.
    """
    bounds: dict[str, int | None] = {}
    for parameter in ("after", "before"):
        given = word(params, parameter)
        bounds[parameter] = whole_in(given)
        if given and bounds[parameter] is None:
            raise OkxError("51000", parameter)
    after, before = bounds["after"], bounds["before"]
    found = [
        row
        for row in rows
        if (after is None or int(str(row[name])) < after) and (before is None or int(str(row[name])) > before)
    ]
    return found[: page_size(params)]
