"""ORDER_SIZE: how large an order may be, by quantity."""

from typing import ClassVar

from attrs import define

from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import LimitTable, RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["OrderSizeRule", "make_order_size"]


@define(eq=False)
class OrderSizeRule:
    """Compares the order's quantity, in the listing's units, with ``max_order_quantity``: what a caller asks for with
    its product's limit, what enters a venue's book with its instrument's. In live mode an instrument without a limit
    of quantity or of notional is refused. The maximum order volume of MiFID II RTS 6 Art. 15(1)(c), and of SEC
    15c3-5(c)(1)(ii)."""

    quantities: LimitTable
    #: Where else a size may be limited; only looked at in live mode.
    notionals: LimitTable
    live: bool

    name: ClassVar[str] = "order_size"
    code: ClassVar[str] = "ORDER_SIZE"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, _: EngineState) -> str | None:
        listing = check.listing
        if check.stage is RiskStage.PARENT or listing is None:
            limit = self.quantities.of_product(check.product_id)
        else:
            limit = self.quantities.of_leg(listing.instrument_id, check.product_id)
            if limit is None and self.live and self.notionals.of_leg(listing.instrument_id, check.product_id) is None:
                return f"no order size is configured for {listing.instrument_id}, and live trading needs one"
        if limit is None or check.quantity <= limit:
            return None
        return f"quantity {check.quantity:f} is above the limit {limit:f}"


def make_order_size(config: RiskConfig) -> OrderSizeRule | None:
    """The rule, if a quantity is limited or has to be."""
    if not config.max_order_quantity and not config.live:
        return None
    return OrderSizeRule(LimitTable(config.max_order_quantity), LimitTable(config.max_order_notional), config.live)
