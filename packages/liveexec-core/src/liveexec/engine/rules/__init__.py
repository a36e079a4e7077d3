"""The built-in risk rules, one module each, in the order of their precedence."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from liveexec.engine.risk import RuleFactory
from liveexec.engine.rules.allowed_instrument import make_allowed_instrument
from liveexec.engine.rules.balance import make_balance
from liveexec.engine.rules.duplicate_order import make_duplicate_order
from liveexec.engine.rules.exposure_limit import make_exposure_limit
from liveexec.engine.rules.gas import make_gas
from liveexec.engine.rules.latched import make_latched
from liveexec.engine.rules.liability import make_liability
from liveexec.engine.rules.listing import make_listing
from liveexec.engine.rules.loss_limit import make_loss_limit
from liveexec.engine.rules.open_orders import make_open_orders
from liveexec.engine.rules.order_size import make_order_size
from liveexec.engine.rules.order_value import make_order_value
from liveexec.engine.rules.position_limit import make_position_limit
from liveexec.engine.rules.price_collar import make_price_collar
from liveexec.engine.rules.reduce_only import make_reduce_only
from liveexec.engine.rules.repeated_execution import make_repeated_execution
from liveexec.engine.rules.self_match import make_self_match
from liveexec.engine.rules.slippage import make_slippage
from liveexec.engine.rules.stale_market import make_stale_market
from liveexec.engine.rules.trading_state import make_trading_state
from liveexec.engine.rules.velocity import make_velocity

__all__ = ["BUILT_IN_RULES"]

#: Factories by name. Of several refusals the first one's code is the order's: who may trade at all comes before what
#: is wrong with the order itself, and that before what it would do to positions and balances.
BUILT_IN_RULES: Final[Mapping[str, RuleFactory]] = MappingProxyType(
    {
        "trading_state": make_trading_state,
        "repeated_execution": make_repeated_execution,
        "latched": make_latched,
        "loss_limit": make_loss_limit,
        "allowed_instrument": make_allowed_instrument,
        "listing": make_listing,
        "order_size": make_order_size,
        "order_value": make_order_value,
        "stale_market": make_stale_market,
        "price_collar": make_price_collar,
        "slippage": make_slippage,
        "gas": make_gas,
        "duplicate_order": make_duplicate_order,
        "velocity": make_velocity,
        "open_orders": make_open_orders,
        "reduce_only": make_reduce_only,
        "position_limit": make_position_limit,
        "exposure_limit": make_exposure_limit,
        "liability": make_liability,
        "balance": make_balance,
        "self_match": make_self_match,
    }
)
