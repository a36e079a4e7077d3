"""What positions and orders are worth in the reporting asset. What is missing, stale or absurd raises: fail closed."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from liveexec.domain.ids import InstrumentId, ProductId
from liveexec.domain.instrument import ContractKind, ContractTerms
from liveexec.domain.market import Book
from liveexec.engine.exposure import Working
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.route_filter import common_terms
from liveexec.engine.state import EngineState
from liveexec.errors import LiveExecError

__all__ = ["MissingInput", "Valuer", "worth", "worth_of_working"]

_FOREVER_NS: Final = 2**63


class MissingInput(LiveExecError):
    """A rule needs something that is not known, or too old or absurd to go by; the order is refused with its code."""


class _Kept[Key](dict[Key, Decimal]):
    """Values by key. Each is worked out, from the ``state``, when it is first asked for."""

    def __init__(self, work_out: Callable[[EngineState, Key], Decimal]) -> None:
        super().__init__()
        self._work_out = work_out
        self.state: EngineState | None = None

    def __missing__(self, key: Key) -> Decimal:
        assert self.state is not None, "no check has begun"
        value = self[key] = self._work_out(self.state, key)
        return value


class Valuer:
    """Values in the reporting asset: quantities at the mark, and open orders at their worst price.

    The mark is the mid of a sane book, else the last trade. Marks and rates older than the configuration allows are
    as good as none. What was worked out is kept as long as what it came from is the latest and recent enough.

    ``marks`` by instrument and ``rates`` by asset are what :meth:`mark` and :meth:`rate` say, from :meth:`begin` on;
    asked for one that can't be told, they raise as those do.
    """

    def __init__(self, config: RiskConfig) -> None:
        self._max_mark_age_ns = config.max_mark_age_ns if config.max_mark_age_ns is not None else _FOREVER_NS
        self._max_rate_age_ns = config.max_rate_age_ns
        self.marks: _Kept[InstrumentId] = _Kept(self.mark)
        self.rates: _Kept[str] = _Kept(self.rate)
        #: What each rate came from: ``None`` for one that counts one by configuration.
        self._rate_sources: dict[str, tuple[Decimal, int] | None] = {}
        #: Values of units, the market that they come from, and until when (engine time) its marks may be gone by.
        self._market_version = -1
        self._marks_until_ns = _FOREVER_NS
        self._units: dict[InstrumentId, tuple[ContractTerms, Decimal]] = {}
        self._product_units: dict[ProductId, Decimal] = {}
        #: The last book of each instrument that was found sane, its mid, and until when it may be gone by.
        self._sane: dict[InstrumentId, tuple[Book, Decimal, int]] = {}
        self._terms: dict[ProductId, tuple[tuple[InstrumentId, ...], ContractTerms]] = {}

    def begin(self, state: EngineState) -> None:
        """Another check begins: forget what may have changed since the last one."""
        self.marks.state = self.rates.state = state
        if state.market.version != self._market_version or state.now_ns > self._marks_until_ns:
            self._forget_units()
            self._market_version = state.market.version
        for asset, source in self._rate_sources.items():
            if state.rates.get(asset) is not source or self._max_rate_age_ns is not None:
                self.rates.clear()
                self._rate_sources.clear()
                self._forget_units()
                return

    def rate(self, state: EngineState, asset: str) -> Decimal:
        """What one unit of an asset is worth.

        Raises:
            MissingInput: no rate is known, or it is too old, or not above zero.
        """
        rate = self.rates.get(asset)
        if rate is not None:
            return rate
        rate = state.rate(asset)
        if rate is None or rate <= 0:
            raise MissingInput(f"no rate of {asset} in {state.config.reporting_asset} is known")
        source = state.rates.get(asset)
        # Assets that count one by configuration have no age.
        if self._max_rate_age_ns is not None and source is not None and source[0] is rate:
            age_ns = state.now_ns - source[1]
            if age_ns > self._max_rate_age_ns:
                raise MissingInput(f"the rate of {asset} is {age_ns} ns old")
        self.rates[asset], self._rate_sources[asset] = rate, source
        return rate

    def mark(self, state: EngineState, instrument_id: InstrumentId) -> Decimal:
        """The price that an instrument is valued at.

        Raises:
            MissingInput: neither a sane book nor a trade is known, or they are too old.
        """
        sane = self._sane.get(instrument_id)
        if sane is None or sane[0] is not state.market.books.get(instrument_id):
            sane = self.sane_book(state, instrument_id)
        if sane is not None and state.now_ns <= sane[2]:
            self._marks_until_ns = min(self._marks_until_ns, sane[2])
            return sane[1]
        bars = state.market.bars.get(instrument_id)
        if not bars or state.now_ns - bars[-1].end_ns > self._max_mark_age_ns or bars[-1].last_price <= 0:
            raise MissingInput(f"no mark price of {instrument_id} is known that is sane and not too old")
        self._marks_until_ns = min(self._marks_until_ns, bars[-1].end_ns + self._max_mark_age_ns)
        return bars[-1].last_price

    def unit(self, state: EngineState, instrument_id: InstrumentId, terms: ContractTerms) -> Decimal:
        """The value of one unit of quantity at the mark; an inverse contract's and a stake's need none.

        Raises:
            MissingInput: what it takes is not known.
        """
        kept = self._units.get(instrument_id)
        if kept is not None and kept[0] is terms:
            return kept[1]
        unit = terms.multiplier * self.rate(state, terms.quote_asset)
        if terms.kind is not ContractKind.INVERSE and terms.kind is not ContractKind.ODDS:
            unit *= self.mark(state, instrument_id)
        self._units[instrument_id] = (terms, unit)
        return unit

    def product_unit(self, state: EngineState, product_id: ProductId) -> Decimal:
        """The value of one unit of a product's quantity, at the highest mark of its listings that have one.

        Raises:
            MissingInput: none has, or the product's terms are not known.
        """
        highest = self._product_units.get(product_id)
        if highest is not None:
            return highest
        terms = self.terms(state, product_id)
        missing: MissingInput | None = None
        for instrument_id in state.products[product_id]:
            try:
                unit = self.unit(state, instrument_id, terms)
            except MissingInput as error:
                missing = error
                continue
            if highest is None or unit > highest:
                highest = unit
        if highest is None:
            assert missing is not None
            raise missing
        self._product_units[product_id] = highest
        return highest

    def working_value(self, state: EngineState, terms: ContractTerms, working: Working) -> Decimal:
        """The value of what open orders may still do, both sides added up, each order at its worst price.

        Raises:
            MissingInput: an order has no price, or there is no rate.
        """
        return worth_of_working(terms, working) * self.rate(state, terms.quote_asset)

    def terms(self, state: EngineState, product_id: ProductId) -> ContractTerms:
        """The terms that a product's quantity is meant in: those of most of its venues, as the router takes them.

        Raises:
            MissingInput: nothing lists it, or its venues disagree evenly.
        """
        # The tuple is made anew with every change of a venue's listings.
        instruments = state.products.get(product_id, ())
        kept = self._terms.get(product_id)
        if kept is not None and kept[0] is instruments:
            return kept[1]
        terms = common_terms(state.listings_of(product_id)) if instruments else None
        if terms is None:
            raise MissingInput(f"the contract terms of {product_id} are not known")
        self._terms[product_id] = (instruments, terms)
        return terms

    def _forget_units(self) -> None:
        self.marks.clear()
        self._units.clear()
        self._product_units.clear()
        self._marks_until_ns = _FOREVER_NS

    def sane_book(self, state: EngineState, instrument_id: InstrumentId) -> tuple[Book, Decimal, int] | None:
        """The latest book if it is sane, its mid, and until when (engine time) it may value a position."""
        book = state.market.books.get(instrument_id)
        if book is None:
            return None
        kept = self._sane.get(instrument_id)
        if kept is not None and kept[0] is book:
            return kept
        if not book.is_sane:
            return None
        mid = book.mid
        assert mid is not None
        kept = self._sane[instrument_id] = (book, mid, book.at_ns + self._max_mark_age_ns)
        return kept


def worth(terms: ContractTerms, sign: int, quantity: Decimal, price: Decimal | None) -> Decimal:
    """The notional of an order in its quote asset; for a bet, what it may lose: the stake, or stake x (odds - 1).

    Raises:
        MissingInput: it takes a price, and there is none.
    """
    if terms.kind is ContractKind.INVERSE:
        return quantity * terms.multiplier
    if terms.kind is ContractKind.ODDS and sign > 0:
        return quantity
    if price is None:
        raise MissingInput("no price is known to value the order at")
    if terms.kind is ContractKind.ODDS:
        return quantity * (price - 1)
    return quantity * terms.multiplier * price


def worth_of_working(terms: ContractTerms, working: Working) -> Decimal:
    """The notional of open orders in their quote asset, both sides added up; for bets, what they may lose.

    Raises:
        MissingInput: it takes prices, and an order has none.
    """
    if terms.kind is ContractKind.INVERSE:
        return (working.buys + working.sells) * terms.multiplier
    if working.unpriced:
        raise MissingInput(f"{working.unpriced} open orders have no price to be valued at")
    if terms.kind is ContractKind.ODDS:
        return working.buys + working.sell_cost - working.sells
    return (working.buy_cost + working.sell_cost) * terms.multiplier
