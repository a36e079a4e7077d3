"""REDUCE_ONLY: whether an order that says that it only reduces does so."""

from typing import ClassVar

from attrs import define

from liveexec.domain.order_event import RiskStage
from liveexec.engine.netting import reduces_account
from liveexec.engine.risk import LEG_STAGE, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["ReduceOnlyRule", "make_reduce_only"]


@define(eq=False)
class ReduceOnlyRule:
    """Compares a reduce-only order's quantity, in the listing's units, with the account's net at the venue after open
    orders of the same side; where the venue's word differs from ours, with the smaller. Meets SEC 15c3-5(c)(1)(ii)
    (erroneous orders)."""

    name: ClassVar[str] = "reduce_only"
    code: ClassVar[str] = "REDUCE_ONLY"
    stages: ClassVar[frozenset[RiskStage]] = LEG_STAGE

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        if not check.order.intent.reduce_only:
            return None
        listing, account_id = check.where()
        if reduces_account(check, state, account_id):
            return None
        net = state.ledger.net_quantity(account_id, listing.instrument_id)
        working = state.exposure.of_instrument(account_id, listing.instrument_id).side(check.sign)
        return f"{check.side} {check.quantity:f} with {working:f} working would do more than reduce a net of {net:f}"


def make_reduce_only(_: RiskConfig) -> ReduceOnlyRule:
    """Always there: the order itself asks for it."""
    return ReduceOnlyRule()
