"""ORDER_SIZE: how large an order may be, by quantity."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from attrs import define

from liveexec.domain.instrument import Listing
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig, leg_limit, parent_limit
from liveexec.engine.state import EngineState

__all__ = ["OrderSizeRule", "make_order_size"]


@define(eq=False)
class OrderSizeRule:
    """Compares the order's quantity, in the listing's units, with ``max_order_quantity``: what a caller asks for with
    its product's limit, what enters a venue's book with its instrument's. In live mode an instrument without a limit
    of quantity or of notional is refused. The maximum order volume of MiFID II RTS 6 Art. 15(1)(c), and of SEC
    15c3-5(c)(1)(ii)."""

    quantities: Mapping[str, Decimal]
    #: Where else a size may be limited; only looked at in live mode.
    notionals: Mapping[str, Decimal]
    live: bool

    name: ClassVar[str] = "order_size"
    code: ClassVar[str] = "ORDER_SIZE"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, _: EngineState) -> str | None:
        listing = check.listing
        if check.stage is RiskStage.PARENT or listing is None:
            limit = parent_limit(self.quantities, check.product_id)
        else:
            limit = leg_limit(self.quantities, listing.instrument_id, check.product_id)
            if limit is None and self.live and not self._has_notional(listing):
                return f"no order size is configured for {listing.instrument_id}, and live trading needs one"
        if limit is None or check.quantity <= limit:
            return None
        return f"quantity {check.quantity:f} is above the limit {limit:f}"

    def _has_notional(self, listing: Listing) -> bool:
        return leg_limit(self.notionals, listing.instrument_id, listing.product_id) is not None


def make_order_size(config: RiskConfig) -> OrderSizeRule | None:
    """The rule, if a quantity is limited or has to be."""
    if not config.max_order_quantity and not config.live:
        return None
    return OrderSizeRule(config.max_order_quantity, config.max_order_notional, config.live)
