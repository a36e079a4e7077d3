"""ORDER_VALUE: how large an order may be, by value."""

from typing import ClassVar

from attrs import define

from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import LimitTable, RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["OrderValueRule", "make_order_value"]


@define(eq=False)
class OrderValueRule:
    """Compares the order's notional at its worst price, in the reporting asset, with ``max_order_notional``: what a
    caller asks for with its product's limit, what enters a venue's book with its instrument's. An order that nothing
    prices is refused. The maximum order value of MiFID II RTS 6 Art. 15(1)(b), and of SEC 15c3-5(c)(1)(ii)."""

    notionals: LimitTable

    name: ClassVar[str] = "order_value"
    code: ClassVar[str] = "ORDER_VALUE"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        listing = check.listing
        if check.stage is RiskStage.PARENT or listing is None:
            limit = self.notionals.of_product(check.product_id)
        else:
            limit = self.notionals.of_leg(listing.instrument_id, check.product_id)
        if limit is None:
            return None
        value = check.value(state)
        return None if value <= limit else f"value {value:f} is above the limit {limit:f}"


def make_order_value(config: RiskConfig) -> OrderValueRule | None:
    """The rule, if a value is limited."""
    return OrderValueRule(LimitTable(config.max_order_notional)) if config.max_order_notional else None
