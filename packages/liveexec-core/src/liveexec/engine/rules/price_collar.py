"""PRICE_COLLAR: how far from the market an order may be priced."""

from decimal import Decimal
from typing import ClassVar

from attrs import define

from liveexec.domain.operation import Operation
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import LEG_STAGE, RiskCheck, reached_price
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["PriceCollarRule", "make_price_collar"]


@define(eq=False)
class PriceCollarRule:
    """Compares the distance between the order's price and the touch of its venue, as a fraction of the touch, with
    ``price_tolerance``, in both directions. An order without a limit is priced at what its quantity would reach in
    the visible book. The price collar of MiFID II RTS 6 Art. 15(1)(a), and the price parameter of SEC
    15c3-5(c)(1)(ii)."""

    tolerance: Decimal

    name: ClassVar[str] = "price_collar"
    code: ClassVar[str] = "PRICE_COLLAR"
    stages: ClassVar[frozenset[RiskStage]] = LEG_STAGE

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        price = check.limit_price
        if price is None:
            if check.order.intent.operation not in (Operation.TRADE, Operation.SWAP):
                return None
            price = reached_price(check, state)
        reference = check.reference_price
        if reference is None or price is None or reference <= 0:
            return "no market price is known to compare the order's price with"
        if abs(price - reference) <= self.tolerance * reference:
            return None
        return f"price {price:f} lies more than {self.tolerance:f} of {reference:f} away from it"


def make_price_collar(config: RiskConfig) -> PriceCollarRule | None:
    """The rule, if there is a tolerance."""
    return PriceCollarRule(config.price_tolerance) if config.price_tolerance is not None else None
