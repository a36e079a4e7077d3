"""POSITION_LIMIT: how large positions may become if everything that is open fills in the worst way."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from attrs import define

from liveexec.domain.ids import AccountId
from liveexec.domain.instrument import ContractKind, Listing
from liveexec.domain.money import ZERO
from liveexec.domain.order_event import RiskStage
from liveexec.engine.exposure import Working
from liveexec.engine.gauge_cells import Total
from liveexec.engine.holdings import held_between, net_of, worst_net
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import ANY, RiskConfig
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
        message = message or self._product_fault(check, state)
        if message is None and self.per_strategy is not None:
            message = self._strategy_fault(check, state, self.per_strategy)
        if message is None and self.overall is not None:
            message = self._overall_fault(check, state, self.overall)
        return message

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
        low, high = held_between(state, account_id, listing.instrument_id)
        more = _enlarges(check, low, high, state.exposure.of_instrument(account_id, listing.instrument_id))
        if not more:
            return None
        total = check.gauges.totals(state).accounts.get(account_id)
        reached = more * _unit(check, state, listing)
        reached += total.value(check.valuer, state) if total is not None else ZERO
        if reached <= limit:
            return None
        return f"the positions of {account_id} could reach {reached:f}, the limit is {limit:f}"

    def _product_fault(self, check: RiskCheck, state: EngineState) -> str | None:
        limit = self.by_instrument.get(check.product_id)
        if limit is None or not check.added:
            return None
        net = check.gauges.totals(state).nets.get(check.product_id, ZERO)
        worst = net * check.sign + state.exposure.of_product(check.product_id).side(check.sign) + check.added
        if worst <= limit:
            return None
        return f"the position in {check.product_id} could reach {worst * check.sign:f}, the limit is {limit:f}"

    def _strategy_fault(self, check: RiskCheck, state: EngineState, limit: Decimal) -> str | None:
        strategy_id, product_id = check.order.strategy_id, check.product_id
        net = net_of(check.holdings.of_strategy(strategy_id, product_id))
        more = _enlarges(check, net, net, state.exposure.of_strategy(strategy_id, product_id))
        total = check.gauges.totals(state).strategies.get(strategy_id) if more else None
        reached = _with_product(check, state, total, more)
        if reached <= limit:
            return None
        return f"the positions of {strategy_id} could reach {reached:f}, the limit is {limit:f}"

    def _overall_fault(self, check: RiskCheck, state: EngineState, limit: Decimal) -> str | None:
        totals = check.gauges.totals(state)
        net = totals.nets.get(check.product_id, ZERO)
        more = _enlarges(check, net, net, state.exposure.of_product(check.product_id))
        reached = _with_product(check, state, totals.overall, more)
        if reached <= limit:
            return None
        return f"all positions together could reach {reached:f}, the limit is {limit:f}"


def _enlarges(check: RiskCheck, low: Decimal, high: Decimal, working: Working) -> Decimal:
    """By how much the order makes the worst position larger; zero when it does not."""
    before = worst_net(low, high, working.buys, working.sells)
    reached = high + working.buys if check.sign > 0 else working.sells - low
    more = reached + check.added - before
    return more if more > 0 else ZERO


def _with_product(check: RiskCheck, state: EngineState, total: Total | None, more: Decimal) -> Decimal:
    """A total with what the order adds to it at its product's mark; zero when it adds nothing."""
    if not more:
        return ZERO
    unit, asset = check.valuer.product_unit(state, check.product_id)
    reached = more * unit * check.valuer.rate(state, asset)
    return reached + total.value(check.valuer, state) if total is not None else reached


def _unit(check: RiskCheck, state: EngineState, listing: Listing) -> Decimal:
    """The value of one unit of the listing's quantity at its mark, in the reporting asset."""
    terms = listing.terms
    unit = terms.multiplier * check.valuer.rate(state, terms.quote_asset)
    if terms.kind is ContractKind.SPOT or terms.kind is ContractKind.LINEAR:
        unit *= check.valuer.mark(state, listing.instrument_id)
    return unit


def make_position_limit(config: RiskConfig) -> PositionLimitRule | None:
    """The rule, if a position is limited or has to be."""
    sums = (config.max_position_per_strategy, config.max_position_per_account, config.max_position_global)
    if not config.max_position_per_instrument and not config.live and all(limit is None for limit in sums):
        return None
    return PositionLimitRule(config.max_position_per_instrument, *sums, config.live)
