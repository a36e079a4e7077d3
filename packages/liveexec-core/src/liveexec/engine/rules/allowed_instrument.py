"""ALLOWED_INSTRUMENT: whether the instrument may be traded at all."""

from typing import ClassVar

from attrs import define

from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["AllowedInstrumentRule", "make_allowed_instrument"]


@define(eq=False)
class AllowedInstrumentRule:
    """Looks the instrument and its product up in ``allowed_instruments``; a product order is let through where one of
    its listings is allowed, and each leg is looked up again. Meets MiFID II RTS 6 Art. 15(5) (permission to trade an
    instrument) and SEC 15c3-5(c)(2)(ii)."""

    allowed: frozenset[str]

    name: ClassVar[str] = "allowed_instrument"
    code: ClassVar[str] = "ALLOWED_INSTRUMENT"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        allowed = self.allowed
        if check.product_id in allowed:
            return None
        if check.listing is not None:
            instrument_id = check.listing.instrument_id
            return None if instrument_id in allowed else f"{instrument_id} is not among the allowed instruments"
        for instrument_id in state.products.get(check.product_id, ()):
            if instrument_id in allowed:
                return None
        return f"{check.product_id} is not among the allowed instruments"


def make_allowed_instrument(config: RiskConfig) -> AllowedInstrumentRule | None:
    """The rule, if there is a list."""
    return AllowedInstrumentRule(config.allowed_instruments) if config.allowed_instruments is not None else None
