"""OPEN_ORDERS: how many orders may be live at venues at once."""

from typing import ClassVar

from attrs import define

from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import LEG_STAGE, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["OpenOrdersRule", "make_open_orders"]


@define(eq=False)
class OpenOrdersRule:
    """Compares the number of orders that may be live at venues (those of unknown fate included, parents not) with the
    limits over all, per strategy and per instrument over all accounts. A market risk limit of MiFID II RTS 6
    Art. 15(4), and a threshold in the aggregate of SEC 15c3-5(c)(1)(i)."""

    overall: int | None
    per_strategy: int | None
    per_instrument: int | None

    name: ClassVar[str] = "open_orders"
    code: ClassVar[str] = "OPEN_ORDERS"
    stages: ClassVar[frozenset[RiskStage]] = LEG_STAGE

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        if check.replaces is not None:
            return None
        exposure = state.exposure
        if self.overall is not None and exposure.open_orders >= self.overall:
            return f"{exposure.open_orders} orders are open, the limit is {self.overall}"
        if self.per_strategy is not None:
            open_orders = exposure.open_by_strategy.get(check.order.strategy_id, 0)
            if open_orders >= self.per_strategy:
                return f"{open_orders} orders of {check.order.strategy_id} are open, the limit is {self.per_strategy}"
        if self.per_instrument is not None:
            listing, _ = check.where()
            instrument_id = listing.instrument_id
            open_orders = 0
            for account_id in state.venue_accounts.get(listing.venue, ()):
                places = exposure.accounts.get(account_id)
                if places is not None and instrument_id in places:
                    open_orders += places[instrument_id].orders
            if open_orders >= self.per_instrument:
                return f"{open_orders} orders in {instrument_id} are open, the limit is {self.per_instrument}"
        return None


def make_open_orders(config: RiskConfig) -> OpenOrdersRule | None:
    """The rule, if the number of open orders is limited."""
    limits = (config.max_open_orders, config.max_open_orders_per_strategy, config.max_open_orders_per_instrument)
    return OpenOrdersRule(*limits) if any(limit is not None for limit in limits) else None
