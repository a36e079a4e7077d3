"""GAS: what an on-chain operation may pay for gas."""

from decimal import Decimal
from typing import ClassVar, Final

from attrs import define

from liveexec.domain.operation import Operation
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import PARENT_STAGE, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["GasRule", "make_gas"]

_ON_CHAIN: Final = frozenset(Operation) - {Operation.TRADE, Operation.BET}


@define(eq=False)
class GasRule:
    """Compares an on-chain operation's own ``max_gas_price_gwei`` (10^-9 of the chain's coin per unit of gas) with the
    configured one; an operation that names none would pay any price and is refused. A limit on the cost of an order
    as SEC 15c3-5(c)(1)(ii) asks for price parameters."""

    highest_gwei: Decimal

    name: ClassVar[str] = "gas"
    code: ClassVar[str] = "GAS"
    stages: ClassVar[frozenset[RiskStage]] = PARENT_STAGE
    operations: ClassVar[frozenset[Operation]] = _ON_CHAIN

    def __call__(self, check: RiskCheck, _: EngineState) -> str | None:
        intent = check.order.intent
        if intent.max_gas_price_gwei is None:
            return "the operation names no gas price that it would pay at most"
        if intent.max_gas_price_gwei <= self.highest_gwei:
            return None
        return f"max_gas_price_gwei {intent.max_gas_price_gwei:f} is above the limit {self.highest_gwei:f}"


def make_gas(config: RiskConfig) -> GasRule | None:
    """The rule, if the gas price is limited."""
    return GasRule(config.max_gas_price_gwei) if config.max_gas_price_gwei is not None else None
