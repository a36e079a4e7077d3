"""LOSS_LIMIT: how much may be lost before nothing but reducing is allowed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from attrs import define, field

from liveexec.domain.ids import ProductId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import ZERO
from liveexec.domain.order_event import RiskStage
from liveexec.domain.position import Position
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.rules.netting import reduces
from liveexec.engine.state import EngineState
from liveexec.engine.valuation import MissingInput

__all__ = ["LossLimitRule", "make_loss_limit"]

#: (asset, amount)
_Result = tuple[tuple[str, Decimal], ...]


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
    #: What a position brought by asset, with the quantity and the mark that it was worked out from.
    _results: dict[Position, tuple[Decimal, Decimal | None, _Result]] = field(factory=dict)

    name: ClassVar[str] = "loss_limit"
    code: ClassVar[str] = "LOSS_LIMIT"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        if check.stage is RiskStage.LEG and check.parent is None:
            return None
        try:
            message = self._fault(check, state)
        except MissingInput:
            if reduces(check, state):
                return None
            raise
        return message if message is None or not reduces(check, state) else None

    def _fault(self, check: RiskCheck, state: EngineState) -> str | None:
        strategy_id, held = check.order.strategy_id, check.holdings.by_strategy
        results: dict[str, Decimal] = {}
        self._add(results, check, state, held.get(strategy_id, {}))
        if self.per_strategy is not None and (loss := _loss(check, state, results)) > self.per_strategy:
            return f"{strategy_id} has lost {loss:f}, the limit is {self.per_strategy:f}"
        if self.overall is not None:
            for other, products in held.items():
                if other != strategy_id:
                    self._add(results, check, state, products)
            if (loss := _loss(check, state, results)) > self.overall:
                return f"all strategies together have lost {loss:f}, the limit is {self.overall:f}"
        return None

    def _add(
        self,
        results: dict[str, Decimal],
        check: RiskCheck,
        state: EngineState,
        held: Mapping[ProductId, list[Position]],
    ) -> None:
        """Add what positions brought, fees taken off, by asset."""
        for positions in held.values():
            for position in positions:
                for asset, amount in self._result(check, state, position):
                    results[asset] = results.get(asset, ZERO) + amount

    def _result(self, check: RiskCheck, state: EngineState, position: Position) -> _Result:
        quantity, terms = position.quantity, position.terms
        mark = None
        if quantity and terms.kind is not ContractKind.ODDS:
            mark = check.valuer.mark(state, position.instrument_id)
        kept = self._results.get(position)
        # Every trade gives the position a new quantity object, so the same one means that nothing was traded since.
        if kept is not None and kept[0] is quantity and kept[1] is mark:
            return kept[2]
        brought = position.realized_pnl + (position.unrealized_pnl(mark) if mark is not None else ZERO)
        by_asset = {terms.settlement_asset: brought}
        for asset, fee in position.fees.items():
            by_asset[asset] = by_asset.get(asset, ZERO) - fee
        result = tuple((asset, amount) for asset, amount in by_asset.items() if amount)
        self._results[position] = (quantity, mark, result)
        return result


def _loss(check: RiskCheck, state: EngineState, results: Mapping[str, Decimal]) -> Decimal:
    loss = ZERO
    for asset, amount in results.items():
        loss -= amount * check.valuer.rate(state, asset)
    return loss


def make_loss_limit(config: RiskConfig) -> LossLimitRule | None:
    """The rule, if a loss is limited."""
    if config.max_loss is None and config.max_loss_global is None:
        return None
    return LossLimitRule(config.max_loss, config.max_loss_global)
