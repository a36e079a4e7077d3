"""BALANCE: whether the account can pay for the order, whatever else it has open."""

from decimal import Decimal
from typing import ClassVar, Final

from attrs import define

from liveexec.domain import money
from liveexec.domain.ids import InstrumentId
from liveexec.domain.instrument import ContractKind, ContractTerms, Listing
from liveexec.domain.money import ONE, ZERO
from liveexec.domain.operation import Operation
from liveexec.domain.order_event import RiskStage
from liveexec.domain.position import AccountBook, Position
from liveexec.engine.exposure import Working, worst_price
from liveexec.engine.risk import LEG_STAGE, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState
from liveexec.engine.valuation import MissingInput

__all__ = ["BalanceRule", "make_balance"]

#: Operations that pay the asset itself; the others of a protocol take something out of it.
_PAYS_IN: Final = (Operation.SUPPLY, Operation.REPAY, Operation.STAKE)
_NO_ORDERS: Final[dict[InstrumentId, Working]] = {}
_NO_POSITIONS: Final[dict[InstrumentId, Position]] = {}
_TRADES: Final = (Operation.TRADE, Operation.SWAP, Operation.BET)


@define(eq=False)
class BalanceRule:
    """Compares what the order ties up in an asset, at worst, with what the account has free of it; amounts in that
    asset.

    Tied up are: for a spot buy, its value at the worst price and the higher of both fees, in the quote asset; for a
    spot sale, the base asset; for a back bet the stake, for a lay bet stake x (odds - 1); for derivatives,
    ``margin_rate`` of the value that would open, and its fee, in the settlement asset (what only closes ties up
    nothing).

    Free is what the ledger says that the account has (deposits, fills and every other movement), less what its open
    orders tie up in the same way, less ``margin_rate`` of its derivatives' value at entry and their unrealised loss.
    It is never more than what the venue says is available, if the venue said so after the last change of an order of
    the account (by more than the clocks may differ): an older word knows neither of the latest orders nor fills.

    An account that was never opened is refused. The credit thresholds of SEC 15c3-5(c)(1)(i) and MiFID II RTS 6
    Art. 15(4).
    """

    margin_rate: Decimal

    name: ClassVar[str] = "balance"
    code: ClassVar[str] = "BALANCE"
    stages: ClassVar[frozenset[RiskStage]] = LEG_STAGE

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        listing, account_id = check.where()
        book = state.ledger.books.get(account_id)
        if book is None:
            raise MissingInput(f"what {account_id} has is not known")
        asset = _paid_in(check, listing.terms)
        if asset is None:
            return None
        needed = self._needed(check, state, book, listing, asset)
        if needed <= 0:
            return None
        free = book.assets.get(asset, ZERO) - self._tied(check, state, book, asset)
        said = state.balances.get((account_id, asset))
        if said is not None and said.available < free:
            since_ns = state.exposure.touched.get(account_id, 0) + state.config.timing.clock_skew_ns
            if said.venue_time_ns > since_ns:
                free = said.available
        if needed <= free:
            return None
        return f"it needs {needed:f} {asset}, {account_id} has {free:f} free"

    def _needed(self, check: RiskCheck, state: EngineState, book: AccountBook, listing: Listing, asset: str) -> Decimal:
        """What the order adds to what is tied up in the asset."""
        terms, instrument_id = listing.terms, listing.instrument_id
        if check.order.intent.operation in _PAYS_IN:
            return check.added * terms.multiplier
        if terms.kind is ContractKind.SPOT:
            if check.sign < 0:
                return check.added * terms.multiplier
            return check.added_worth(terms) * (ONE + _highest_fee(state, instrument_id))
        if terms.kind is ContractKind.ODDS:
            return check.added_worth(terms)
        # What a derivative opens depends on what is open already.
        working = state.exposure.of_instrument(book.account_id, instrument_id)
        needed = self._tied_in(check, state, book, instrument_id, _with_order(working, check, terms), asset)
        if working.orders:
            needed -= self._tied_in(check, state, book, instrument_id, working, asset)
        return needed

    def _tied(self, check: RiskCheck, state: EngineState, book: AccountBook, asset: str) -> Decimal:
        """What the account's open orders and derivatives tie up in the asset."""
        tied = ZERO
        for instrument_id, working in state.exposure.accounts.get(book.account_id, _NO_ORDERS).items():
            tied += self._tied_in(check, state, book, instrument_id, working, asset)
        for position in check.holdings.accounts.open.get(book.account_id, _NO_POSITIONS).values():
            terms = position.terms
            if terms.kind is ContractKind.SPOT or terms.settlement_asset != asset:
                continue
            if terms.kind is ContractKind.ODDS:
                tied += position.liability
            else:
                result = position.unrealized_pnl(check.valuer.mark(state, position.instrument_id))
                tied += abs(position.cost) * self.margin_rate - min(result, ZERO)
        return tied

    def _tied_in(
        self,
        check: RiskCheck,
        state: EngineState,
        book: AccountBook,
        instrument_id: InstrumentId,
        working: Working,
        asset: str,
    ) -> Decimal:
        """What open orders of one instrument tie up in the asset."""
        terms = working.terms
        assert terms is not None
        if terms.kind is ContractKind.SPOT:
            tied = working.sells * terms.multiplier if terms.base_asset == asset else ZERO
            if terms.quote_asset == asset and working.buys:
                _require_prices(working)
                tied += working.buy_cost * terms.multiplier * (ONE + _highest_fee(state, instrument_id))
            return tied
        if terms.settlement_asset != asset:
            return ZERO
        _require_prices(working)
        if terms.kind is ContractKind.ODDS:
            return working.buys + working.sell_cost - working.sells
        position = book.positions.get(instrument_id)
        net = position.quantity if position is not None else ZERO
        opened = ZERO
        for quantity, cost, closable in (
            (working.buys, working.buy_cost, -net),
            (working.sells, working.sell_cost, net),
        ):
            opening = quantity - closable if closable > 0 else quantity
            if opening <= 0:
                continue
            if terms.kind is ContractKind.INVERSE:
                # The lower the price, the more of the base asset a contract is worth.
                price = min(money.divide(cost, quantity), check.valuer.mark(state, instrument_id))
                opened += terms.value(opening, price)
            elif opening == quantity:
                opened += cost * terms.multiplier
            else:
                opened += money.divide(cost * opening, quantity) * terms.multiplier
        return opened * (self.margin_rate + _highest_fee(state, instrument_id)) if opened else ZERO


def _with_order(working: Working, check: RiskCheck, terms: ContractTerms) -> Working:
    """What would be open in the order's instrument with the order, or with its replacement in its place."""
    quantity, unpriced, replaced = check.quantity, working.unpriced, check.replaces
    cost = ZERO
    if check.worst_price is None:
        unpriced += 1
    else:
        cost = (quantity if replaced is None else quantity - replaced.filled_quantity) * check.worst_price
    if replaced is not None:
        reserved = worst_price(replaced)
        if reserved is None:
            raise MissingInput("no price is known that the changed order was reserved at")
        quantity -= replaced.filled_quantity + replaced.worst_leaves
        cost -= replaced.worst_leaves * reserved
    if check.sign > 0:
        buys, buy_cost = working.buys + quantity, working.buy_cost + cost
        return Working(terms, buys, working.sells, buy_cost, working.sell_cost, 0, unpriced)
    sells, sell_cost = working.sells + quantity, working.sell_cost + cost
    return Working(terms, working.buys, sells, working.buy_cost, sell_cost, 0, unpriced)


def _paid_in(check: RiskCheck, terms: ContractTerms) -> str | None:
    """The asset that the order ties up; ``None`` when it ties up none."""
    operation = check.order.intent.operation
    if operation in _PAYS_IN:
        return terms.base_asset
    if operation not in _TRADES:
        return None
    if terms.kind is not ContractKind.SPOT:
        return terms.settlement_asset
    return terms.quote_asset if check.sign > 0 else terms.base_asset


def _require_prices(working: Working) -> None:
    if working.unpriced:
        raise MissingInput(f"{working.unpriced} open orders, this one among them, have no price")


def _highest_fee(state: EngineState, instrument_id: InstrumentId) -> Decimal:
    listing = state.listings.get(instrument_id)
    if listing is None:
        raise MissingInput(f"the fees of {instrument_id} are not known, and orders are open in it")
    return max(listing.maker_fee, listing.taker_fee, ZERO)


def make_balance(config: RiskConfig) -> BalanceRule | None:
    """The rule, if balances are to be checked here."""
    return BalanceRule(config.margin_rate) if config.check_balance else None
