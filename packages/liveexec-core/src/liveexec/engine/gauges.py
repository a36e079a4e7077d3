"""Running totals of what positions and open orders are worth and have earned, for limits over many instruments.

A check must not cost more because many instruments were traded before it. So totals are kept, and each check brings
up to date only what changed since the last one: places that orders moved in, and those whose mark changed.
"""

from typing import Final

from liveexec.domain.ids import AccountId, InstrumentId, ProductId, StrategyId, is_product_id
from liveexec.domain.ledger import Ledger
from liveexec.domain.market import Book
from liveexec.domain.money import ZERO
from liveexec.engine.exposure import product_of_key
from liveexec.engine.gauge_cells import Cell, Totals, asked_cell, leaf_cell, product_cell
from liveexec.engine.holdings import Holdings
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState
from liveexec.engine.valuation import Valuer

__all__ = ["Gauges"]

_LEAF: Final = "leaf"
_ASKED: Final = "asked"
_PRODUCT: Final = "product"
#: A place: (leaf, account, instrument), (asked, strategy, product) or (product, product, "").
_Key = tuple[str, str, str]


class Gauges:
    """Totals that follow the engine's state; those that no limit of the configuration asks for stay empty.

    What changed is known from the exposure book, which every event of an order passes; from the sequences of the
    accounts' streams, since whatever else moves a position is in one of them; and from the books of the instruments
    that something is valued by.
    """

    def __init__(self, config: RiskConfig, holdings: Holdings, valuer: Valuer) -> None:
        self._holdings, self._valuer = holdings, valuer
        self._needs_asked = config.max_position_per_strategy is not None or config.max_loss is not None
        self._needs_products = config.max_position_global is not None or config.max_total_notional is not None
        self._needs_leaves = bool(
            self._needs_products
            or any(is_product_id(key) for key in config.max_position_per_instrument)
            or config.max_position_per_account is not None
            or config.max_notional_per_venue
            or config.max_notional_per_asset
            or config.max_loss_global is not None
        )
        self._is_current = False
        self._clear()

    def begin(self) -> None:
        """Another check begins: its first look at the totals brings them up to date."""
        self._is_current = False

    def totals(self, state: EngineState) -> Totals:
        """The totals as of now."""
        if not self._is_current:
            self._refresh(state)
            self._is_current = True
        return self._totals

    def _clear(self) -> None:
        self._totals = Totals()
        self._cells: dict[_Key, Cell] = {}
        #: The places that an instrument's mark values; and its book as it was then, with the end of its use.
        self._valued: dict[InstrumentId, dict[_Key, None]] = {}
        self._books: dict[InstrumentId, tuple[Book | None, int]] = {}
        self._ledger: Ledger | None = None
        self._sequence = -1
        self._listed: object = None

    def _refresh(self, state: EngineState) -> None:
        leaves, asked = state.exposure.take_moved()
        sequence = sum(state.ledger.sequences.values())
        dirty: dict[_Key, None] = {}
        try:
            if state.ledger is self._ledger and sequence == self._sequence and state.products is self._listed:
                for leaf in leaves:
                    self._add_leaf(dirty, *leaf)
                for place in asked:
                    self._add_asked(dirty, *place)
                self._add_revalued(state, dirty)
            else:
                self._clear()
                self._add_everything(state, dirty)
            self._renew(state, dirty)
        except Exception:
            # What is half done is made anew by the next check; the rules of this one refuse.
            self._ledger = None
            raise
        self._ledger, self._sequence, self._listed = state.ledger, sequence, state.products

    def _add_everything(self, state: EngineState, dirty: dict[_Key, None]) -> None:
        for account_id, book in state.ledger.books.items():
            for instrument_id in book.positions:
                self._add_leaf(dirty, account_id, instrument_id)
        for account_id, leaves in state.exposure.accounts.items():
            for instrument_id in leaves:
                self._add_leaf(dirty, account_id, instrument_id)
        for strategy_id, held in self._holdings.by_strategy.items():
            for product_id in held:
                self._add_asked(dirty, strategy_id, product_id)
        for strategy_id, asked in state.exposure.strategies.items():
            for product_id in asked:
                self._add_asked(dirty, strategy_id, product_id)

    def _add_leaf(self, dirty: dict[_Key, None], account_id: AccountId, instrument_id: InstrumentId) -> None:
        if self._needs_leaves:
            dirty[_LEAF, account_id, instrument_id] = None
        if self._needs_products:
            dirty[_PRODUCT, product_of_key(instrument_id), ""] = None

    def _add_asked(self, dirty: dict[_Key, None], strategy_id: StrategyId, product_id: ProductId) -> None:
        if self._needs_asked:
            dirty[_ASKED, strategy_id, product_id] = None
        if self._needs_products:
            dirty[_PRODUCT, product_id, ""] = None

    def _add_revalued(self, state: EngineState, dirty: dict[_Key, None]) -> None:
        books, now_ns = state.market.books, state.now_ns
        for instrument_id, (book, until_ns) in self._books.items():
            if books.get(instrument_id) is not book or now_ns > until_ns:
                dirty |= self._valued[instrument_id]

    def _renew(self, state: EngineState, dirty: dict[_Key, None]) -> None:
        products = []
        for key in dirty:
            kind, first, second = key
            if kind == _LEAF:
                cell = leaf_cell(self._totals, state, self._valuer, AccountId(first), InstrumentId(second))
                self._replace(state, key, cell)
            elif kind == _ASKED:
                strategy_id, product_id = StrategyId(first), ProductId(second)
                positions = self._holdings.of_strategy(strategy_id, product_id)
                cell = asked_cell(self._totals, state, self._valuer, strategy_id, product_id, positions)
                self._replace(state, key, cell)
            else:
                products.append(key)
        # Their nets are the sums over leaves, so they come last.
        for key in products:
            self._replace(state, key, product_cell(self._totals, state, self._valuer, ProductId(key[1])))

    def _replace(self, state: EngineState, key: _Key, cell: Cell) -> None:
        old = self._cells.pop(key, None)
        if old is not None:
            self._take_out(key, old)
        if not (cell.posts or cell.lacks or cell.net):
            return
        self._cells[key] = cell
        for total, asset, amount in cell.posts:
            total.amounts[asset] = total.amounts.get(asset, ZERO) + amount
        for total, why in cell.lacks:
            total.missing[cell] = why
        if cell.net is not None:
            product_id, quantity = cell.net
            self._totals.nets[product_id] = self._totals.nets.get(product_id, ZERO) + quantity
        for instrument_id in cell.marks:
            self._valued.setdefault(instrument_id, {})[key] = None
            sane = self._valuer.sane_book(state, instrument_id)
            # Without a sane book the last trade may be the mark: such a place is valued anew by every check.
            self._books[instrument_id] = (sane[0], sane[2]) if sane is not None else (None, -1)

    def _take_out(self, key: _Key, cell: Cell) -> None:
        for total, asset, amount in cell.posts:
            total.amounts[asset] -= amount
            if not total.amounts[asset]:
                del total.amounts[asset]
        for total, _ in cell.lacks:
            total.missing.pop(cell, None)
        if cell.net is not None:
            product_id, quantity = cell.net
            self._totals.nets[product_id] -= quantity
            if not self._totals.nets[product_id]:
                del self._totals.nets[product_id]
        for instrument_id in cell.marks:
            places = self._valued[instrument_id]
            del places[key]
            if not places:
                del self._valued[instrument_id], self._books[instrument_id]
