"""LOSS_LIMIT: how much may be lost before nothing but reducing is allowed."""

from decimal import Decimal
from typing import Any, ClassVar

from attrs import define

from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import ZERO
from liveexec.domain.order_event import RiskStage
from liveexec.engine.holdings import Scope
from liveexec.engine.netting import reduces
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState
from liveexec.engine.valuation import MissingInput

__all__ = ["LossLimitRule", "make_loss_limit"]


@define(eq=False)
class LossLimitRule:
    """Compares the loss of the strategy, and of all strategies, with ``max_loss`` and ``max_loss_global`` in the
    reporting asset: realised and unrealised at the mark since the ledger began, less fees, each in its own asset at
    its rate. Bets count when they are settled; LIABILITY bounds what they may lose before.

    Asked at the parent, and for the slices of a running parent. An order that only reduces passes. Market and credit
    risk limits of MiFID II RTS 6 Art. 15(4) and the blocking of orders of Art. 15(5); SEC 15c3-5(c)(1)(i).
    """

    per_strategy: Decimal | None
    overall: Decimal | None

    name: ClassVar[str] = "loss_limit"
    code: ClassVar[str] = "LOSS_LIMIT"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        if check.stage is RiskStage.LEG and check.parent is None:
            return None
        try:
            message = self._fault(check)
        except MissingInput:
            if reduces(check, state):
                return None
            raise
        return message if message is None or not reduces(check, state) else None

    def _fault(self, check: RiskCheck) -> str | None:
        if self.per_strategy is not None:
            strategy_id = check.order.strategy_id
            scope = check.holdings.strategies.get(strategy_id)
            loss = _loss(check, scope) if scope is not None else ZERO
            if loss > self.per_strategy:
                return f"{strategy_id} has lost {loss:f}, the limit is {self.per_strategy:f}"
        if self.overall is not None:
            loss = _loss(check, check.holdings.accounts)
            if loss > self.overall:
                return f"all strategies together have lost {loss:f}, the limit is {self.overall:f}"
        return None


def _loss(check: RiskCheck, scope: Scope[Any, Any]) -> Decimal:
    """What positions have lost, fees included, in the reporting asset; negative when they have earned.

    Raises:
        MissingInput: a rate, or the mark of an open position, is not known.
    """
    marks, rates, loss = check.valuer.marks, check.valuer.rates, ZERO
    for asset, amount in scope.brought.items():
        if amount:
            loss -= amount * rates[asset]
    for members in scope.open.values():
        for position in members.values():
            terms = position.terms
            if terms.kind is not ContractKind.ODDS:
                loss -= position.unrealized_pnl(marks[position.instrument_id]) * rates[terms.settlement_asset]
    return loss


def make_loss_limit(config: RiskConfig) -> LossLimitRule | None:
    """The rule, if a loss is limited."""
    if config.max_loss is None and config.max_loss_global is None:
        return None
    return LossLimitRule(config.max_loss, config.max_loss_global)
