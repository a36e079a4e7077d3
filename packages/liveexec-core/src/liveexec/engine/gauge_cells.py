"""What one place adds to the totals that limits over many instruments are compared with."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from attrs import define, field

from liveexec.domain.ids import AccountId, InstrumentId, ProductId, StrategyId, venue_of
from liveexec.domain.instrument import ContractKind, ContractTerms
from liveexec.domain.money import ZERO
from liveexec.domain.position import Position
from liveexec.engine.exposure import Working, product_of_key
from liveexec.engine.holdings import held_between, net_of, worst_net
from liveexec.engine.state import EngineState
from liveexec.engine.valuation import MissingInput, Valuer, worth_of_working

__all__ = ["Cell", "Total", "Totals", "asked_cell", "leaf_cell", "product_cell"]


@define(eq=False)
class Total:
    """Amounts by asset, and why some that belong to them are not known, by the cell that lacks them."""

    amounts: dict[str, Decimal] = field(factory=dict)
    missing: dict["Cell", str] = field(factory=dict)

    def value(self, valuer: Valuer, state: EngineState) -> Decimal:
        """The sum in the reporting asset.

        Raises:
            MissingInput: an amount or a rate is not known.
        """
        for message in self.missing.values():
            raise MissingInput(message)
        value = ZERO
        for asset, amount in self.amounts.items():
            value += amount * valuer.rate(state, asset)
        return value


@define(eq=False)
class Totals:
    """The totals.

    Of leaves: ``accounts`` (worst net at the mark), ``venues`` and ``assets`` (gross: positions and open orders),
    ``held`` (gross positions), ``result`` (realised and unrealised, less fees), and ``nets`` (quantities by product).
    Of what callers asked for: ``strategies`` and ``overall`` (worst net by product at the mark), ``results`` by
    strategy, and ``working`` (open orders, gross).
    """

    accounts: dict[str, Total] = field(factory=dict)
    venues: dict[str, Total] = field(factory=dict)
    assets: dict[str, Total] = field(factory=dict)
    strategies: dict[str, Total] = field(factory=dict)
    results: dict[str, Total] = field(factory=dict)
    held: Total = field(factory=Total)
    working: Total = field(factory=Total)
    overall: Total = field(factory=Total)
    result: Total = field(factory=Total)
    nets: dict[ProductId, Decimal] = field(factory=dict)


@define(eq=False)
class Cell:
    """What one place adds, kept so that it can be taken out again. ``marks`` are the instruments whose marks its
    amounts come from."""

    posts: list[tuple[Total, str, Decimal]] = field(factory=list)
    lacks: list[tuple[Total, str]] = field(factory=list)
    marks: tuple[InstrumentId, ...] = ()
    net: tuple[ProductId, Decimal] | None = None

    def post(self, totals: Iterable[Total], asset: str, amount: Decimal) -> None:
        """Add an amount to totals."""
        if amount:
            for total in totals:
                self.posts.append((total, asset, amount))

    def lack(self, totals: Iterable[Total], why: str) -> None:
        """An amount that belongs to totals is not known."""
        for total in totals:
            self.lacks.append((total, why))


def leaf_cell(
    totals: Totals, state: EngineState, valuer: Valuer, account_id: AccountId, instrument_id: InstrumentId
) -> Cell:
    """What an account holds and has open in an instrument."""
    book = state.ledger.books.get(account_id)
    position = book.positions.get(instrument_id) if book is not None else None
    working = state.exposure.of_instrument(account_id, instrument_id)
    terms = position.terms if position is not None else working.terms
    cell = Cell()
    if terms is None:
        return cell
    quantity = position.quantity if position is not None else ZERO
    low, high = held_between(state, account_id, instrument_id)
    worst = worst_net(low, high, working.buys, working.sells)
    mark, why = None, ""
    if worst and terms.kind is not ContractKind.ODDS:
        mark, why = _mark(state, valuer, cell, instrument_id)
    account = (totals.accounts.setdefault(account_id, Total()),)
    gross = (
        totals.venues.setdefault(venue_of(instrument_id), Total()),
        totals.assets.setdefault(terms.base_asset, Total()),
    )
    unit = _unit(terms, mark)
    if unit is not None:
        cell.post(account, terms.quote_asset, worst * unit)
        is_bet = terms.kind is ContractKind.ODDS and position is not None
        at_stake = position.liability if is_bet and position is not None else abs(quantity) * unit
        cell.post((totals.held, *gross), terms.quote_asset, at_stake)
    elif worst:
        cell.lack((totals.held, *gross, *account), why)
    _post_working(cell, gross, terms, working)
    if position is not None:
        _post_result(cell, (totals.result,), position, mark, why)
        cell.net = (product_of_key(instrument_id), quantity)
    return cell


def asked_cell(
    totals: Totals,
    state: EngineState,
    valuer: Valuer,
    strategy_id: StrategyId,
    product_id: ProductId,
    positions: Sequence[Position],
) -> Cell:
    """What a strategy holds, has earned and has asked for in a product."""
    cell = Cell()
    working = state.exposure.of_strategy(strategy_id, product_id)
    strategy = (totals.strategies.setdefault(strategy_id, Total()),)
    _post_worst(cell, strategy, state, valuer, product_id, net_of(positions), working)
    result = (totals.results.setdefault(strategy_id, Total()),)
    for position in positions:
        mark, why = None, ""
        if position.quantity and position.terms.kind is not ContractKind.ODDS:
            mark, why = _mark(state, valuer, cell, position.instrument_id)
        _post_result(cell, result, position, mark, why)
    return cell


def product_cell(totals: Totals, state: EngineState, valuer: Valuer, product_id: ProductId) -> Cell:
    """What all accounts hold, and all strategies have asked for, in a product."""
    cell = Cell()
    working = state.exposure.of_product(product_id)
    _post_worst(cell, (totals.overall,), state, valuer, product_id, totals.nets.get(product_id, ZERO), working)
    if working.orders:
        try:
            terms = valuer.terms(state, product_id)
        except MissingInput as missing:
            cell.lack((totals.working,), str(missing))
        else:
            _post_working(cell, (totals.working,), terms, working)
    return cell


def _mark(state: EngineState, valuer: Valuer, cell: Cell, instrument_id: InstrumentId) -> tuple[Decimal | None, str]:
    if instrument_id not in cell.marks:
        cell.marks += (instrument_id,)
    try:
        return valuer.mark(state, instrument_id), ""
    except MissingInput as missing:
        return None, str(missing)


def _unit(terms: ContractTerms, mark: Decimal | None) -> Decimal | None:
    """The value of one unit of quantity in the quote asset, if it can be told."""
    if terms.kind is ContractKind.INVERSE or terms.kind is ContractKind.ODDS:
        return terms.multiplier
    return terms.multiplier * mark if mark is not None else None


def _post_worst(
    cell: Cell,
    totals: Sequence[Total],
    state: EngineState,
    valuer: Valuer,
    product_id: ProductId,
    net: Decimal,
    working: Working,
) -> None:
    worst = worst_net(net, net, working.buys, working.sells)
    if not worst:
        return
    cell.marks = state.products.get(product_id, ())
    try:
        unit, asset = valuer.product_unit(state, product_id)
    except MissingInput as missing:
        cell.lack(totals, str(missing))
    else:
        cell.post(totals, asset, worst * unit)


def _post_working(cell: Cell, totals: Sequence[Total], terms: ContractTerms, working: Working) -> None:
    if not working.orders:
        return
    try:
        worth = worth_of_working(terms, working)
    except MissingInput as missing:
        cell.lack(totals, str(missing))
    else:
        cell.post(totals, terms.quote_asset, worth)


def _post_result(cell: Cell, totals: Sequence[Total], position: Position, mark: Decimal | None, why: str) -> None:
    """What a position brought: realised, unrealised at the mark, and fees; bets when they are settled."""
    brought = position.realized_pnl
    if position.quantity and position.terms.kind is not ContractKind.ODDS:
        if mark is None:
            cell.lack(totals, why)
            return
        brought += position.unrealized_pnl(mark)
    cell.post(totals, position.terms.settlement_asset, brought)
    for asset, fee in position.fees.items():
        cell.post(totals, asset, -fee)
