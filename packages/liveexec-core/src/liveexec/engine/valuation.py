"""What positions and orders are worth in the reporting asset. What is missing, stale or absurd raises: fail closed."""

from decimal import Decimal
from typing import Final

from liveexec.domain.ids import InstrumentId, ProductId
from liveexec.domain.instrument import ContractKind, ContractTerms
from liveexec.domain.market import Book
from liveexec.domain.money import ZERO
from liveexec.domain.position import Position
from liveexec.engine.exposure import Working
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.route_filter import common_terms
from liveexec.engine.state import EngineState
from liveexec.errors import LiveExecError

__all__ = ["MissingInput", "Valuer", "worth", "worth_of_working"]

_FOREVER_NS: Final = 2**63


class MissingInput(LiveExecError):
    """A rule needs something that is not known, or too old or absurd to go by; the order is refused with its code."""


class Valuer:
    """Values in the reporting asset: quantities at the mark, and open orders at their worst price.

    The mark is the mid of a sane book, else the last trade. Marks and rates older than the configuration allows are
    as good as none. What was worked out from a book is kept as long as that book is the latest and recent enough;
    rates are looked up anew when a check begins.
    """

    def __init__(self, config: RiskConfig) -> None:
        self._max_mark_age_ns = config.max_mark_age_ns if config.max_mark_age_ns is not None else _FOREVER_NS
        self._max_rate_age_ns = config.max_rate_age_ns
        self._rates: dict[str, Decimal] = {}
        #: The last book of each instrument that was found sane, its mid, and until when it may be gone by.
        self._sane: dict[InstrumentId, tuple[Book, Decimal, int]] = {}
        #: A position's unrealised result, with the quantity and the mark that it came from.
        self._results: dict[Position, tuple[Decimal, Decimal, Decimal]] = {}
        self._terms: dict[ProductId, tuple[tuple[InstrumentId, ...], ContractTerms]] = {}

    def begin(self) -> None:
        """Another check begins: rates are looked up anew."""
        if self._rates:
            self._rates.clear()

    def rate(self, state: EngineState, asset: str) -> Decimal:
        """What one unit of an asset is worth.

        Raises:
            MissingInput: no rate is known, or it is too old, or not above zero.
        """
        rate = self._rates.get(asset)
        if rate is not None:
            return rate
        rate = state.rate(asset)
        if rate is None or rate <= 0:
            raise MissingInput(f"no rate of {asset} in {state.config.reporting_asset} is known")
        if self._max_rate_age_ns is not None:
            known = state.rates.get(asset)
            # Assets that count one by configuration have no age.
            if known is not None and known[0] is rate and state.now_ns - known[1] > self._max_rate_age_ns:
                raise MissingInput(f"the rate of {asset} is {state.now_ns - known[1]} ns old")
        self._rates[asset] = rate
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
            return sane[1]
        bars = state.market.bars.get(instrument_id)
        if not bars or state.now_ns - bars[-1].end_ns > self._max_mark_age_ns or bars[-1].last_price <= 0:
            raise MissingInput(f"no mark price of {instrument_id} is known that is sane and not too old")
        return bars[-1].last_price

    def unit(self, state: EngineState, instrument_id: InstrumentId, terms: ContractTerms) -> Decimal:
        """The value of one unit of quantity at the mark; an inverse contract's and a stake's need none.

        Raises:
            MissingInput: what it takes is not known.
        """
        rate = self.rate(state, terms.quote_asset)
        if terms.kind is ContractKind.INVERSE or terms.kind is ContractKind.ODDS:
            return terms.multiplier * rate
        return self.mark(state, instrument_id) * terms.multiplier * rate

    def product_unit(self, state: EngineState, product_id: ProductId) -> Decimal:
        """The value of one unit of a product's quantity, at the highest mark of its listings that have one.

        Raises:
            MissingInput: none has.
        """
        terms = self.terms(state, product_id)
        highest: Decimal | None = None
        missing: MissingInput | None = None
        for instrument_id in state.products[product_id]:
            try:
                value = self.unit(state, instrument_id, terms)
            except MissingInput as error:
                missing = error
                continue
            if highest is None or value > highest:
                highest = value
        if highest is None:
            assert missing is not None
            raise missing
        return highest

    def working_value(self, state: EngineState, terms: ContractTerms, working: Working) -> Decimal:
        """The value of what open orders may still do, both sides added up, each order at its worst price.

        Raises:
            MissingInput: an order has no price, or there is no rate.
        """
        return worth_of_working(terms, working) * self.rate(state, terms.quote_asset)

    def unrealized(self, state: EngineState, position: Position) -> Decimal:
        """What closing a position at the mark would realise, in its settlement asset; zero for bets.

        Raises:
            MissingInput: something is open, and its mark is not known.
        """
        quantity = position.quantity
        if not quantity or position.terms.kind is ContractKind.ODDS:
            return ZERO
        mark = self.mark(state, position.instrument_id)
        kept = self._results.get(position)
        # Every trade gives the position a new quantity object, so the same one means that nothing was traded.
        if kept is not None and kept[0] is quantity and kept[1] is mark:
            return kept[2]
        result = position.unrealized_pnl(mark)
        self._results[position] = (quantity, mark, result)
        return result

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
