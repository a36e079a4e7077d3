"""What an order may ask for that only Deribit has: ``OrderIntent.details``, read and checked.

Their names and meanings are the parameters of ``private/buy`` (API 2.1.1).
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen

from liveexec.domain.checks import shown
from liveexec.domain.operation import OrderType
from liveexec.errors import Fault

__all__ = ["DETAILS", "OWN_TYPES", "TRIGGERS", "Details", "read_details"]

#: Types that only the venue has, and what they are in FIX's terms.
OWN_TYPES: Final = MappingProxyType(
    {
        "market_limit": OrderType.MARKET,
        "take_limit": OrderType.STOP_LIMIT,
        "take_market": OrderType.STOP_MARKET,
        "trailing_stop": OrderType.STOP_MARKET,
    }
)
#: Prices that a trigger may watch.
TRIGGERS: Final = ("index_price", "mark_price", "last_price")
#: Every name that is taken.
DETAILS: Final = frozenset({"order_type", "trigger", "trigger_offset", "display_amount", "mmp"})
_PATH: Final = "details"


@frozen
class Details:
    """An order's own fields; ``None`` and ``False`` where it names none. Amounts are in the order's units."""

    order_type: str | None = None
    trigger: str | None = None
    trigger_offset: Decimal | None = None
    display_amount: Decimal | None = None
    mmp: bool = False


def read_details(order_type: OrderType, told: Mapping[str, Any] | None) -> tuple[Details, list[Fault]]:
    """The details of an order of this type, and everything that is wrong with them."""
    if not told:
        return Details(), []
    faults = [Fault(f"{_PATH}.{str(name)[:40]}", "is not known here") for name in told if name not in DETAILS]
    venue_type = told.get("order_type")
    if venue_type is not None and (not isinstance(venue_type, str) or OWN_TYPES.get(venue_type) is not order_type):
        faults.append(Fault(f"{_PATH}.order_type", f"{shown(venue_type)} is no {order_type} order"))
    trigger = told.get("trigger")
    if trigger is not None and not order_type.has_trigger:
        faults.append(Fault(f"{_PATH}.trigger", f"does not belong to {order_type}"))
    elif trigger is not None and trigger not in TRIGGERS:
        faults.append(Fault(f"{_PATH}.trigger", f"must be one of {', '.join(TRIGGERS)}, not {shown(trigger)}"))
    offset, display = (_amount(told, name, faults) for name in ("trigger_offset", "display_amount"))
    is_trailing = venue_type == "trailing_stop"
    if is_trailing and told.get("trigger_offset") is None:
        faults.append(Fault(f"{_PATH}.trigger_offset", "is needed for a trailing stop"))
    if not is_trailing and told.get("trigger_offset") is not None:
        faults.append(Fault(f"{_PATH}.trigger_offset", "belongs to trailing stops"))
    is_limit = order_type is OrderType.LIMIT
    if told.get("display_amount") is not None and not order_type.has_limit:
        faults.append(
            Fault(f"{_PATH}.display_amount", f"does not belong to {order_type}: only what rests can be hidden")
        )
    mmp = told.get("mmp", False)
    if not isinstance(mmp, bool):
        faults.append(Fault(f"{_PATH}.mmp", f"must be true or false, not {shown(mmp)}"))
    elif mmp and not is_limit:
        faults.append(Fault(f"{_PATH}.mmp", f"belongs to LIMIT orders, not to {order_type}"))
    if faults:
        return Details(), faults
    return Details(venue_type, trigger, offset, display, mmp), []


def _amount(told: Mapping[str, Any], name: str, faults: list[Fault]) -> Decimal | None:
    """A positive amount: a number, or its text, as the journal keeps Decimals."""
    value = told.get(name)
    if value is None:
        return None
    try:
        amount = Decimal(str(value)) if isinstance(value, Decimal | int | float | str) else None
    except InvalidOperation:
        amount = None
    if amount is None or isinstance(value, bool) or not amount.is_finite() or not 0 < amount < 10**18:
        faults.append(Fault(f"{_PATH}.{name}", f"must be an amount above zero, not {shown(value)}"))
        return None
    return amount
