"""Orders: ours to the venue's parameters, the venue's to reports."""

from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import msgspec
from attrs import frozen

from liveexec.domain.ids import AccountId, ClientOrderId, VenueName, VenueOrderId
from liveexec.domain.money import MONEY
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import OrderReport, VenueOrderStatus
from liveexec.errors import Fault, InvalidInput
from liveexec.plugins.adapter import VenueOrder
from liveexec_deribit import wire
from liveexec_deribit.details import OWN_TYPES, Details, read_details
from liveexec_deribit.names import Combo, instrument_id_of, symbol_of
from liveexec_deribit.rpc import MalformedMessage, checked, decoded, number, to_ns

__all__ = ["SIDES", "OrderTerms", "edit_params", "is_triggered", "order_report", "read_order", "submit_request"]

_NS_PER_MS: Final = 1_000_000
#: Of private/buy: user defined label, at most 64 characters.
LONGEST_LABEL: Final = 64

SIDES: Final = MappingProxyType({"buy": Side.BUY, "sell": Side.SELL})
_METHODS: Final = {Side.BUY: "private/buy", Side.SELL: "private/sell"}
_TYPES: Final = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.STOP_MARKET: "stop_market",
    OrderType.STOP_LIMIT: "stop_limit",
}
_TYPES_TOLD: Final = {theirs: ours for ours, theirs in _TYPES.items()} | OWN_TYPES
_TIMES: Final = {
    TimeInForce.GTC: "good_til_cancelled",
    TimeInForce.DAY: "good_til_day",
    TimeInForce.IOC: "immediate_or_cancel",
    TimeInForce.FOK: "fill_or_kill",
}
_TIMES_TOLD: Final = {theirs: ours for ours, theirs in _TIMES.items()}
_STATES: Final = {
    "open": VenueOrderStatus.WORKING,
    "untriggered": VenueOrderStatus.WORKING,
    # What it has become works under another id and the same label, and is told of by itself.
    "triggered": VenueOrderStatus.WORKING,
    "filled": VenueOrderStatus.FILLED,
    "cancelled": VenueOrderStatus.CANCELED,
    "rejected": VenueOrderStatus.REJECTED,
}
#: Reasons of a cancel that mean that the order's time was over.
_EXPIRIES: Final = frozenset({"settlement"})


@frozen
class OrderTerms:
    """What a configuration says of every order: the price that stops watch, and whether post-only may be moved."""

    trigger: str = "mark_price"
    reject_post_only: bool = True


def submit_request(order: VenueOrder, label: str, valid_until_ms: int, terms: OrderTerms) -> tuple[str, dict[str, Any]]:
    """The method and the parameters that place an order (private/buy, private/sell).

    Raises:
        InvalidInput: the venue has no words for such an order; every fault is named.
    """
    faults = _inexpressible(order)
    if len(label) > LONGEST_LABEL:
        faults.append(Fault("client_order_id", f"is longer than {LONGEST_LABEL} characters"))
    details, wrong = read_details(order.order_type, order.details)
    faults += wrong
    if faults:
        raise InvalidInput(f"order {order.order_id}", faults)
    assert order.side is not None
    params: dict[str, Any] = {
        "instrument_name": symbol_of(order.instrument_id),
        "amount": number(order.quantity),
        "type": details.order_type or _TYPES[order.order_type],
        "label": label,
        "time_in_force": _TIMES[order.time_in_force],
        "valid_until": valid_until_ms,
    }
    _put_price(params, order, details)
    if order.order_type.has_limit:
        _put_post_only(params, order, terms)
    if order.reduce_only:
        params["reduce_only"] = True
    if order.order_type.has_trigger:
        params["trigger"] = details.trigger or terms.trigger
    _put_details(params, details)
    return _METHODS[order.side], params


def edit_params(order: VenueOrder, order_id: str, valid_until_ms: int, terms: OrderTerms) -> dict[str, Any]:
    """The parameters that change a working order (private/edit): its new total amount and its new price.

    Raises:
        InvalidInput: its details make no sense; every fault is named.
    """
    details, faults = read_details(order.order_type, order.details)
    if faults:
        raise InvalidInput(f"order {order.order_id}", faults)
    params: dict[str, Any] = {"order_id": order_id, "amount": number(order.quantity), "valid_until": valid_until_ms}
    _put_price(params, order, details)
    if order.order_type.has_limit:
        _put_post_only(params, order, terms)
    if order.reduce_only:
        params["reduce_only"] = True
    # What is not said again falls back to its default.
    _put_details(params, details)
    return params


def _put_details(params: dict[str, Any], details: Details) -> None:
    if details.trigger_offset is not None:
        params["trigger_offset"] = number(details.trigger_offset)
    if details.display_amount is not None:
        params["display_amount"] = number(details.display_amount)
    if details.mmp:
        params["mmp"] = True


def _put_price(params: dict[str, Any], order: VenueOrder, details: Details) -> None:
    if order.price is not None and order.order_type.has_limit:
        params["price"] = number(order.price)
    # A trailing stop's trigger price is the venue's to reckon, and belongs to stop-loss and take-profit orders only.
    if order.trigger_price is not None and order.order_type.has_trigger and details.order_type != "trailing_stop":
        params["trigger_price"] = number(order.trigger_price)


def _put_post_only(params: dict[str, Any], order: VenueOrder, terms: OrderTerms) -> None:
    # Said either way: the specification calls true the default.
    params["post_only"] = order.post_only
    if order.post_only:
        params["reject_post_only"] = terms.reject_post_only


def _inexpressible(order: VenueOrder) -> list[Fault]:
    faults = []
    if order.operation is not Operation.TRADE:
        faults.append(Fault("operation", f"{order.operation} is nothing that Deribit does"))
    if order.side not in _METHODS:
        faults.append(Fault("side", "must be BUY or SELL"))
    if order.time_in_force not in _TIMES:
        faults.append(Fault("time_in_force", f"Deribit has no {order.time_in_force}"))
    if order.order_type.has_limit and order.price is None:
        faults.append(Fault("price", f"is needed for {order.order_type}"))
    if order.order_type.has_trigger and order.trigger_price is None:
        faults.append(Fault("trigger_price", f"is needed for {order.order_type}"))
    if order.post_only and not order.order_type.has_limit:
        faults.append(Fault("post_only", "needs a limit price"))
    return faults


def read_order(raw: msgspec.Raw | bytes | str) -> wire.Order:
    """An order as the venue sends it.

    Raises:
        MalformedMessage: it can't be read.
    """
    return decoded(wire.Order, raw, "an order")


def is_triggered(told: wire.Order) -> bool:
    """Whether a trigger order has fired, so that an order of another id stands in its place."""
    return told.order_state == "triggered"


def order_report(told: wire.Order, account_id: AccountId, venue: VenueName) -> OrderReport:
    """An order of the venue's as a report.

    Raises:
        Combo: it is about a combo.
        MalformedMessage: what it says makes no sense; the message says what.
    """
    status = _STATES.get(told.order_state)
    side = SIDES.get(told.direction)
    if status is None or side is None or not told.order_id or told.amount is None:
        raise MalformedMessage(f"order {told.order_id[:60]!r} has no state, side, id or amount that is known")
    try:
        instrument_id = instrument_id_of(told.instrument_name, venue)
    except Combo:
        raise
    except InvalidInput as error:
        raise MalformedMessage(f"order {told.order_id[:60]}: {error}") from None
    filled = checked(told.filled_amount, "filled_amount")
    quantity = checked(told.amount, "amount")
    if told.quote:
        # Quotes tell what is left of them (private/get_order_state).
        quantity = MONEY.add(quantity, filled)
    if quantity <= 0 or not 0 <= filled <= quantity:
        raise MalformedMessage(f"order {told.order_id[:60]}: {filled} of {quantity} is no filled amount")
    price = _price(told)
    code, message = None, None
    if status is VenueOrderStatus.CANCELED:
        code = message = told.cancel_reason
        if code in _EXPIRIES:
            status = VenueOrderStatus.EXPIRED
    elif status is VenueOrderStatus.REJECTED:
        code = message = told.reject_reason
    default = OrderType.LIMIT if price is not None else OrderType.MARKET
    return OrderReport(
        account_id=account_id,
        instrument_id=instrument_id,
        client_order_id=ClientOrderId(told.label) if told.label else None,
        venue_order_id=VenueOrderId(told.order_id),
        status=status,
        side=side,
        order_type=_TYPES_TOLD.get(told.order_type, default),
        time_in_force=_TIMES_TOLD.get(told.time_in_force, TimeInForce.GTC),
        quantity=quantity,
        price=price,
        filled_quantity=filled,
        venue_time_ns=to_ns(told.last_update_timestamp, "last_update_timestamp"),
        code=code,
        message=message,
    )


_NO_PRICES: Final = (b"null", b'"market_price"')


def _price(told: wire.Order) -> Decimal | None:
    raw = bytes(told.price)
    if raw in _NO_PRICES:
        return None
    return checked(decoded(Decimal, told.price, "an order's price"), "price")
