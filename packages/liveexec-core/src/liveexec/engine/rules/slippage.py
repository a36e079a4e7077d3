"""SLIPPAGE: how much slippage an on-chain operation may allow."""

from decimal import Decimal
from typing import ClassVar

from attrs import define

from liveexec.domain.operation import Operation
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import PARENT_STAGE, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["SlippageRule", "make_slippage"]


@define(eq=False)
class SlippageRule:
    """Compares a swap's own ``max_slippage`` (a fraction of the quoted amount, which every swap names) with the
    configured one. The price parameter of MiFID II RTS 6 Art. 15(1)(a) where there is no order book."""

    highest: Decimal

    name: ClassVar[str] = "slippage"
    code: ClassVar[str] = "SLIPPAGE"
    stages: ClassVar[frozenset[RiskStage]] = PARENT_STAGE
    operations: ClassVar[frozenset[Operation]] = frozenset({Operation.SWAP})

    def __call__(self, check: RiskCheck, _: EngineState) -> str | None:
        slippage = check.order.intent.max_slippage
        if slippage is None or slippage <= self.highest:
            return None
        return f"max_slippage {slippage:f} is above the limit {self.highest:f}"


def make_slippage(config: RiskConfig) -> SlippageRule | None:
    """The rule, if slippage is limited."""
    return SlippageRule(config.max_slippage) if config.max_slippage is not None else None
