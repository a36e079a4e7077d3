"""POSITION_LIMIT: how large positions may become if everything that is open fills in the worst way."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from attrs import define

from liveexec.domain.ids import AccountId, ProductId
from liveexec.domain.instrument import Listing
from liveexec.domain.money import ZERO
from liveexec.domain.order_event import RiskStage
from liveexec.domain.position import Position
from liveexec.engine.exposure import NO_WORKING, Working
from liveexec.engine.holdings import net_of
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import ANY, RiskConfig
from liveexec.engine.rules.netting import held_between, worst_net
from liveexec.engine.state import EngineState

__all__ = ["PositionLimitRule", "make_position_limit"]


@define(eq=False)
class PositionLimitRule:
    """Compares the worst position, open orders of the same side and this order included, with its limits.

    At the leg: the instrument's net over the accounts at its venue, in the listing's units, with
    ``max_position_per_instrument``; and the sum over the account's instruments of the worst net at the mark, in the
    reporting asset, with ``max_position_per_account``. At the parent: the product's net over all venues, in units;
    and the sums over products of the worst net of the strategy and of all strategies, in the reporting asset. An
    order that does not make the worst position larger passes, so nobody is kept in a position. In live mode an
    instrument without a limit is refused. Market risk limits of MiFID II RTS 6 Art. 15(4) and the blocking of orders
    beyond risk thresholds of Art. 15(5); the pre-set capital thresholds of SEC 15c3-5(c)(1)(i).
    """

    by_instrument: Mapping[str, Decimal]
    per_strategy: Decimal | None
    per_account: Decimal | None
    overall: Decimal | None
    live: bool

    name: ClassVar[str] = "position_limit"
    code: ClassVar[str] = "POSITION_LIMIT"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        if check.stage is RiskStage.LEG:
            listing, account_id = check.where()
            message = self._instrument_fault(check, state, listing)
            if message is None and self.per_account is not None:
                message = self._account_fault(check, state, listing, account_id, self.per_account)
            return message
        message = None
        if check.listing is not None and check.order.is_parent:
            # A parent that could never be filled is refused before its first slice goes out.
            message = self._instrument_fault(check, state, check.listing)
        return message or self._product_fault(check, state) or self._sums_fault(check, state)

    def _instrument_fault(self, check: RiskCheck, state: EngineState, listing: Listing) -> str | None:
        limits, instrument_id = self.by_instrument, listing.instrument_id
        limit = limits.get(instrument_id)
        if limit is None and listing.product_id not in limits:
            limit = limits.get(ANY)
            if limit is None and self.live:
                return f"no position limit is configured for {instrument_id}, and live trading needs one"
        if limit is None:
            return None
        sign, worst, exposure = check.sign, check.added, state.exposure
        for account_id in state.venue_accounts.get(listing.venue, ()):
            low, high = held_between(state, account_id, instrument_id)
            working = exposure.of_instrument(account_id, instrument_id)
            worst += high + working.buys if sign > 0 else working.sells - low
        if worst <= limit or not check.added:
            return None
        return f"the position in {instrument_id} could reach {worst * sign:f}, the limit is {limit:f}"

    def _account_fault(
        self, check: RiskCheck, state: EngineState, listing: Listing, account_id: AccountId, limit: Decimal
    ) -> str | None:
        here = listing.instrument_id
        low, high = held_between(state, account_id, here)
        before, after = _worst(check, low, high, state.exposure.of_instrument(account_id, here))
        if after <= before:
            return None
        total = after * check.valuer.unit(state, here, listing.terms)
        working = state.exposure.accounts.get(account_id, {})
        book = state.ledger.books.get(account_id)
        positions = book.positions if book is not None else {}
        for instrument_id, position in positions.items():
            open_orders = working.get(instrument_id, NO_WORKING)
            if instrument_id == here or not (position.quantity or open_orders.orders):
                continue
            low, high = held_between(state, account_id, instrument_id)
            worst = worst_net(low, high, open_orders.buys, open_orders.sells)
            total += worst * check.valuer.unit(state, instrument_id, position.terms)
        for instrument_id, open_orders in working.items():
            if instrument_id != here and instrument_id not in positions:
                assert open_orders.terms is not None
                worst = max(open_orders.buys, open_orders.sells)
                total += worst * check.valuer.unit(state, instrument_id, open_orders.terms)
        if total <= limit:
            return None
        return f"the positions of {account_id} could reach {total:f}, the limit is {limit:f}"

    def _product_fault(self, check: RiskCheck, state: EngineState) -> str | None:
        limit = self.by_instrument.get(check.product_id)
        if limit is None or not check.added:
            return None
        net = net_of(check.holdings.by_product.get(check.product_id, ()))
        worst = net * check.sign + state.exposure.of_product(check.product_id).side(check.sign) + check.added
        if worst <= limit:
            return None
        return f"the position in {check.product_id} could reach {worst * check.sign:f}, the limit is {limit:f}"

    def _sums_fault(self, check: RiskCheck, state: EngineState) -> str | None:
        if self.per_strategy is None and self.overall is None:
            return None
        holdings, exposure = check.holdings, state.exposure
        if self.per_strategy is not None:
            strategy_id = check.order.strategy_id
            held = holdings.by_strategy.get(strategy_id, {})
            total = self._total(check, state, held, exposure.strategies.get(strategy_id, {}))
            if total is not None and total > self.per_strategy:
                return f"the positions of {strategy_id} could reach {total:f}, the limit is {self.per_strategy:f}"
        if self.overall is not None:
            total = self._total(check, state, holdings.by_product, exposure.products)
            if total is not None and total > self.overall:
                return f"all positions together could reach {total:f}, the limit is {self.overall:f}"
        return None

    @staticmethod
    def _total(
        check: RiskCheck,
        state: EngineState,
        held: Mapping[ProductId, list[Position]],
        working: Mapping[ProductId, Working],
    ) -> Decimal | None:
        """The sum over products of the worst net at the mark; ``None`` when the order does not make it larger."""
        here = check.product_id
        net = net_of(held.get(here, ()))
        before, after = _worst(check, net, net, working.get(here, NO_WORKING))
        if after <= before:
            return None
        total = after * check.valuer.product_unit(state, here)
        for product_id, positions in held.items():
            if product_id == here:
                continue
            net, open_orders = net_of(positions), working.get(product_id, NO_WORKING)
            if worst := worst_net(net, net, open_orders.buys, open_orders.sells):
                total += worst * check.valuer.product_unit(state, product_id)
        for product_id, open_orders in working.items():
            if product_id != here and product_id not in held:
                worst = worst_net(ZERO, ZERO, open_orders.buys, open_orders.sells)
                total += worst * check.valuer.product_unit(state, product_id)
        return total


def _worst(check: RiskCheck, low: Decimal, high: Decimal, working: Working) -> tuple[Decimal, Decimal]:
    """The worst position without the order and with it."""
    before = worst_net(low, high, working.buys, working.sells)
    reached = high + working.buys if check.sign > 0 else working.sells - low
    return before, max(before, reached + check.added)


def make_position_limit(config: RiskConfig) -> PositionLimitRule | None:
    """The rule, if a position is limited or has to be."""
    sums = (config.max_position_per_strategy, config.max_position_per_account, config.max_position_global)
    if not config.max_position_per_instrument and not config.live and all(limit is None for limit in sums):
        return None
    return PositionLimitRule(config.max_position_per_instrument, *sums, config.live)
