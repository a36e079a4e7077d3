"""SELF_MATCH: whether the order would trade with one of the account's own."""

from typing import ClassVar, Final

from attrs import define

from liveexec.domain.operation import Operation
from liveexec.domain.order_event import RiskStage
from liveexec.engine.exposure import price_sign
from liveexec.engine.risk import LEG_STAGE, RiskCheck, reached_price
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["SelfMatchRule", "make_self_match"]

_MEETS_COUNTERPARTIES: Final = (Operation.TRADE, Operation.BET)


@define(eq=False)
class SelfMatchRule:
    """Compares the order's limit with the best price of the account's own open orders on the other side of the same
    instrument; an order without a limit with what it would reach in the visible book, and any own order is too near
    where that is not known. Prevents self-trades, which market abuse rules forbid: the surveillance of MiFID II RTS 6
    Art. 13, and the regulatory requirements of SEC 15c3-5(c)(2)(i)."""

    name: ClassVar[str] = "self_match"
    code: ClassVar[str] = "SELF_MATCH"
    stages: ClassVar[frozenset[RiskStage]] = LEG_STAGE

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        intent = check.order.intent
        if intent.operation not in _MEETS_COUNTERPARTIES:
            return None
        listing, account_id = check.where()
        instrument_id = listing.instrument_id
        sign = price_sign(check.side)
        own = state.exposure.own.best(account_id, instrument_id, -sign)
        if own is None or intent.order_type.has_trigger:
            return None
        price = check.limit_price if check.limit_price is not None else reached_price(check, state)
        if price is not None and (price < own if sign > 0 else price > own):
            return None
        return f"an own order on the other side may rest at {own:f}"


def make_self_match(config: RiskConfig) -> SelfMatchRule | None:
    """The rule, if self-matches are to be prevented here."""
    return SelfMatchRule() if config.self_match else None
