"""POSITION_LIMIT: how large positions may become if everything that is open fills in the worst way."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Final

from attrs import define

from liveexec.domain.ids import AccountId, InstrumentId, ProductId
from liveexec.domain.instrument import Listing
from liveexec.domain.money import ZERO
from liveexec.domain.order_event import RiskStage
from liveexec.domain.position import Position
from liveexec.engine.exposure import NO_WORKING, Working
from liveexec.engine.holdings import held_between, worst_net
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import ANY, RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["PositionLimitRule", "make_position_limit"]

_NO_ORDERS: Final[dict[InstrumentId, Working]] = {}
_NO_POSITIONS: Final[dict[InstrumentId, Position]] = {}


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
        sign, worst, working_at = check.sign, check.added, state.exposure.accounts
        for account_id in state.venue_accounts.get(listing.venue, ()):
            low, high = held_between(state, account_id, instrument_id)
            working = working_at.get(account_id, _NO_ORDERS).get(instrument_id, NO_WORKING)
            worst += high + working.buys if sign > 0 else working.sells - low
        if worst <= limit or not check.added:
            return None
        return f"the position in {instrument_id} could reach {worst * sign:f}, the limit is {limit:f}"

    def _account_fault(
        self, check: RiskCheck, state: EngineState, listing: Listing, account_id: AccountId, limit: Decimal
    ) -> str | None:
        here = listing.instrument_id
        places = state.exposure.accounts.get(account_id, _NO_ORDERS)
        low, high = held_between(state, account_id, here)
        worst = _enlarged(check, low, high, places.get(here, NO_WORKING))
        if worst is None:
            return None
        reached = worst * check.valuer.unit(state, here, listing.terms)
        positions = check.holdings.accounts.open.get(account_id, _NO_POSITIONS)
        for instrument_id, position in positions.items():
            if instrument_id != here:
                working = places.get(instrument_id, NO_WORKING)
                low, high = held_between(state, account_id, instrument_id)
                worst = worst_net(low, high, working.buys, working.sells)
                reached += worst * check.valuer.unit(state, instrument_id, position.terms)
        for instrument_id, working in places.items():
            if instrument_id != here and instrument_id not in positions:
                assert working.terms is not None
                low, high = held_between(state, account_id, instrument_id)
                worst = worst_net(low, high, working.buys, working.sells)
                reached += worst * check.valuer.unit(state, instrument_id, working.terms)
        if reached <= limit:
            return None
        return f"the positions of {account_id} could reach {reached:f}, the limit is {limit:f}"

    def _product_fault(self, check: RiskCheck, state: EngineState) -> str | None:
        limit = self.by_instrument.get(check.product_id)
        if limit is None or not check.added:
            return None
        net = check.holdings.nets.get(check.product_id, ZERO)
        worst = net * check.sign + state.exposure.of_product(check.product_id).side(check.sign) + check.added
        if worst <= limit:
            return None
        return f"the position in {check.product_id} could reach {worst * check.sign:f}, the limit is {limit:f}"

    def _strategy_fault(self, check: RiskCheck, state: EngineState, limit: Decimal) -> str | None:
        strategy_id = check.order.strategy_id
        scope, nets = check.holdings.strategies.get(strategy_id), {}
        if scope is not None:
            for product_id, positions in scope.open.items():
                nets[product_id] = sum([position.quantity for position in positions.values()], ZERO)
        reached = _sum(check, state, nets, state.exposure.strategies.get(strategy_id, {}))
        if reached <= limit:
            return None
        return f"the positions of {strategy_id} could reach {reached:f}, the limit is {limit:f}"

    def _overall_fault(self, check: RiskCheck, state: EngineState, limit: Decimal) -> str | None:
        reached = _sum(check, state, check.holdings.nets, state.exposure.products)
        if reached <= limit:
            return None
        return f"all positions together could reach {reached:f}, the limit is {limit:f}"


def _sum(
    check: RiskCheck, state: EngineState, nets: Mapping[ProductId, Decimal], places: Mapping[ProductId, Working]
) -> Decimal:
    """The sum over products of the worst net at the mark, with the order; zero when it makes none of them larger."""
    here = check.product_id
    net = nets.get(here, ZERO)
    worst = _enlarged(check, net, net, places.get(here, NO_WORKING))
    if worst is None:
        return ZERO
    reached = worst * check.valuer.product_unit(state, here)
    for product_id, net in nets.items():
        if product_id != here:
            working = places.get(product_id, NO_WORKING)
            worst = worst_net(net, net, working.buys, working.sells)
            reached += worst * check.valuer.product_unit(state, product_id)
    for product_id, working in places.items():
        if product_id != here and product_id not in nets:
            worst = worst_net(ZERO, ZERO, working.buys, working.sells)
            reached += worst * check.valuer.product_unit(state, product_id)
    return reached


def _enlarged(check: RiskCheck, low: Decimal, high: Decimal, working: Working) -> Decimal | None:
    """The worst position with the order; ``None`` when that is no larger than without it."""
    before = worst_net(low, high, working.buys, working.sells)
    after = (high + working.buys if check.sign > 0 else working.sells - low) + check.added
    return after if after > before else None


def make_position_limit(config: RiskConfig) -> PositionLimitRule | None:
    """The rule, if a position is limited or has to be."""
    sums = (config.max_position_per_strategy, config.max_position_per_account, config.max_position_global)
    if not config.max_position_per_instrument and not config.live and all(limit is None for limit in sums):
        return None
    return PositionLimitRule(dict(config.max_position_per_instrument), *sums, config.live)
