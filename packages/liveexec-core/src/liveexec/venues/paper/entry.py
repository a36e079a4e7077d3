"""Order entry: what a paper venue refuses before an order meets the book, each with a code of its own."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from liveexec.domain.checks import shown, text_faults
from liveexec.domain.instrument import Listing
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import Rejected, SendPlan
from liveexec.plugins.adapter import VenueOrder
from liveexec.venues.paper.config import DETAILS
from liveexec.venues.paper.truth import AccountLedger, PaperOrder

__all__ = ["EndCode", "RejectCode", "expiry_of", "refuse_order", "refuse_replace", "reject"]

DAY_NS: Final = 86_400 * 1_000_000_000


class RejectCode(StrEnum):
    """Why a request was refused."""

    DUPLICATE_CLIENT_ID = "DUPLICATE_CLIENT_ID"
    EXPIRED_REQUEST = "EXPIRED_REQUEST"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    INVALID_EXPIRY = "INVALID_EXPIRY"
    INVALID_ORDER = "INVALID_ORDER"
    INVALID_PRICE = "INVALID_PRICE"
    INVALID_QUANTITY = "INVALID_QUANTITY"
    INVALID_REPLACE = "INVALID_REPLACE"
    ORDER_CLOSED = "ORDER_CLOSED"
    POST_ONLY_WOULD_TAKE = "POST_ONLY_WOULD_TAKE"
    QUANTITY_BELOW_FILLED = "QUANTITY_BELOW_FILLED"
    RATE_LIMITED = "RATE_LIMITED"
    REDUCE_ONLY = "REDUCE_ONLY"
    REFUSED = "REFUSED"
    REPLACE_UNSUPPORTED = "REPLACE_UNSUPPORTED"
    SELF_TRADE = "SELF_TRADE"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    UNSUPPORTED_OPERATION = "UNSUPPORTED_OPERATION"
    UNSUPPORTED_ORDER_TYPE = "UNSUPPORTED_ORDER_TYPE"


class EndCode(StrEnum):
    """Why an order ended without being filled."""

    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    DAY_OVER = "DAY_OVER"
    FOK_NOT_FILLABLE = "FOK_NOT_FILLABLE"
    GTD_REACHED = "GTD_REACHED"
    INSTRUMENT_ENDED = "INSTRUMENT_ENDED"
    IOC_REMAINDER = "IOC_REMAINDER"
    NO_LIQUIDITY = "NO_LIQUIDITY"
    REDUCE_ONLY = "REDUCE_ONLY"
    SELF_TRADE = "SELF_TRADE"


def reject(code: RejectCode, message: str) -> Rejected:
    """The venue's refusal."""
    return Rejected(code.value, message)


def refuse_order(
    order: VenueOrder, side: Side, plan: SendPlan, listing: Listing, ledger: AccountLedger, at_ns: int
) -> Rejected | None:
    """What is wrong with an order by itself; ``None`` when nothing is."""
    if at_ns > plan.valid_until_ns:
        return _too_late(plan, at_ns)
    if order.order_type not in (OrderType.MARKET, OrderType.LIMIT):
        return reject(RejectCode.UNSUPPORTED_ORDER_TYPE, f"{order.order_type} is not offered here")
    contradiction = _contradiction(order) or _strange_details(order)
    if contradiction is not None:
        return reject(RejectCode.INVALID_ORDER, contradiction)
    if order.time_in_force is TimeInForce.GTD and (order.expire_at_ns is None or order.expire_at_ns <= at_ns):
        return reject(RejectCode.INVALID_EXPIRY, "GTD needs a time that lies ahead")
    refusal = _off_grid(order, listing)
    if refusal is None and order.reduce_only:
        refusal = _not_reducing(order, side, order.quantity, ledger)
    return refusal


def refuse_replace(
    current: PaperOrder, order: VenueOrder, plan: SendPlan, listing: Listing, ledger: AccountLedger, at_ns: int
) -> Rejected | None:
    """What is wrong with new terms for a working order; ``None`` when nothing is. Quantity and price may change."""
    if at_ns > plan.valid_until_ns:
        return _too_late(plan, at_ns)
    if plan.client_order_id != current.client_order_id and plan.client_order_id in ledger.by_client_id:
        return reject(RejectCode.DUPLICATE_CLIENT_ID, f"client order id {plan.client_order_id} was used before")
    expires_at_ns = current.expire_at_ns if current.time_in_force is TimeInForce.GTD else None
    changed = [
        name
        for name, ours, theirs in (
            ("account_id", current.account_id, order.account_id),
            ("instrument_id", current.instrument_id, order.instrument_id),
            ("side", current.side, order.side),
            ("order_type", current.order_type, order.order_type),
            ("time_in_force", current.time_in_force, order.time_in_force),
            ("expire_at_ns", expires_at_ns, order.expire_at_ns),
            ("post_only", current.post_only, order.post_only),
            ("reduce_only", current.reduce_only, order.reduce_only),
        )
        if ours != theirs
    ]
    if changed:
        return reject(RejectCode.INVALID_REPLACE, f"only quantity and price can be changed, not {', '.join(changed)}")
    contradiction = _contradiction(order)
    if contradiction is not None:
        return reject(RejectCode.INVALID_ORDER, contradiction)
    refusal = _off_grid(order, listing)
    if refusal is not None:
        return refusal
    if order.quantity <= current.filled_quantity:
        return reject(
            RejectCode.QUANTITY_BELOW_FILLED,
            f"the total {order.quantity} leaves nothing of an order that has filled {current.filled_quantity}",
        )
    if order.reduce_only:
        return _not_reducing(order, current.side, order.quantity - current.filled_quantity, ledger)
    return None


def expiry_of(order: VenueOrder, at_ns: int) -> int | None:
    """When the order expires: GTD at its time, DAY at the next midnight UTC."""
    if order.time_in_force is TimeInForce.GTD:
        return order.expire_at_ns
    if order.time_in_force is TimeInForce.DAY:
        return at_ns - at_ns % DAY_NS + DAY_NS
    return None


def _too_late(plan: SendPlan, at_ns: int) -> Rejected:
    late_ns = at_ns - plan.valid_until_ns
    return reject(RejectCode.EXPIRED_REQUEST, f"the request was valid until {late_ns} ns before it arrived")


def _strange_details(order: VenueOrder) -> str | None:
    """Everything about an order's details that is not taken here."""
    found = [f"details.{shown(name)} is not known here" for name in order.details or () if name not in DETAILS]
    found += [str(fault) for fault in text_faults("details.text", (order.details or {}).get("text"))]
    return "; ".join(found) or None


def _contradiction(order: VenueOrder) -> str | None:
    is_market = order.order_type is OrderType.MARKET
    if is_market and order.price is not None:
        return "a market order takes no price"
    if not is_market and order.price is None:
        return "a limit order needs a price"
    if order.post_only and (is_market or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)):
        return "an order that must not take can't be one that only takes"
    if order.trigger_price is not None:
        return "trigger prices are not offered here"
    return None


def _off_grid(order: VenueOrder, listing: Listing) -> Rejected | None:
    price = order.price
    if not order.quantity.is_finite():
        return reject(RejectCode.INVALID_QUANTITY, "the quantity is not a number")
    if price is not None and not price.is_finite():
        return reject(RejectCode.INVALID_PRICE, "the price is not a number")
    faults = listing.faults(order.quantity, price)
    if not faults:
        return None
    code = RejectCode.INVALID_PRICE if faults[0].path == "price" else RejectCode.INVALID_QUANTITY
    return reject(code, "; ".join(str(fault) for fault in faults))


def _not_reducing(order: VenueOrder, side: Side, leaves: Decimal, ledger: AccountLedger) -> Rejected | None:
    closable = ledger.closable(order.instrument_id, side)
    if leaves <= closable:
        return None
    message = f"{side} {leaves} would not only reduce the position, of which {closable} can close"
    return reject(RejectCode.REDUCE_ONLY, message)
