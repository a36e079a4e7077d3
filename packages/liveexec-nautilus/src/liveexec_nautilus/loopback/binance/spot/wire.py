"""Orders, fills and balances as Binance Spot writes them, in JSON and as the values of SBE messages."""

from decimal import Decimal
from typing import Any, Final

from liveexec.domain.money import MONEY, ZERO
from liveexec.domain.operation import OrderType, Side
from liveexec.domain.outcome import VenueOrderStatus
from liveexec_nautilus.loopback.binance.spot import layouts, words
from liveexec_nautilus.loopback.binance.spot.registry import Told
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.orders import Execution, Order

__all__ = [
    "CANCEL_ID",
    "balance_rows",
    "canceled",
    "expiry_reason",
    "fill_row",
    "order_json",
    "order_status",
    "order_type",
    "order_values",
    "placed",
    "time_in_force",
    "trade_json",
    "trade_values",
]

#: Where an order remembers the client id of the request that canceled or amended it.
CANCEL_ID: Final = "cancelId"
_MODE: Final = "EXPIRE_MAKER"
_REASONS: Final = {
    "IOC_REMAINDER": "UNFILLED_IOC_QUANTITY_EXPIRED",
    "FOK_NOT_FILLABLE": "UNFILLED_FOK_ORDER_EXPIRED",
    "NO_LIQUIDITY": "INSUFFICIENT_LIQUIDITY",
}


def order_status(order: Order) -> str:
    """The order's status in the venue's words."""
    match order.status:
        case VenueOrderStatus.WORKING:
            return "PARTIALLY_FILLED" if order.filled else "NEW"
        case VenueOrderStatus.CANCELED if order.end_code == "SELF_TRADE":
            return "EXPIRED_IN_MATCH"
    return order.status.value


def expiry_reason(order: Order) -> str | None:
    """Why an order expired, where its own terms ended it."""
    return _REASONS.get(order.end_code or "")


def order_type(order: Order) -> str:
    """``LIMIT_MAKER`` is what the venue calls post-only."""
    return "LIMIT_MAKER" if order.post_only else order.order_type.value


def time_in_force(order: Order) -> str:
    """Market orders are told as GTC."""
    return "GTC" if order.order_type is OrderType.MARKET else order.time_in_force.value


def order_json(order: Order) -> dict[str, object]:
    """An order as queries tell it."""
    told: dict[str, object] = {
        "symbol": order.symbol.name,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        **_sums(order),
        "status": order_status(order),
        "timeInForce": time_in_force(order),
        "type": order_type(order),
        "side": order.side.value,
        "stopPrice": words.amount(ZERO),
        "icebergQty": words.amount(ZERO),
        "time": words.millis(order.created_ns),
        "updateTime": words.millis(order.updated_ns),
        "isWorking": True,
        "workingTime": words.millis(order.created_ns),
        "origQuoteOrderQty": words.amount(ZERO),
        "selfTradePreventionMode": _MODE,
    }
    return told | _expiry(order)


def order_values(order: Order) -> dict[str, Any]:
    """Every value of an order that an SBE message of it may want; absent optional ones are left out."""
    reason = expiry_reason(order)
    return {
        "priceExponent": words.EXPONENT,
        "qtyExponent": words.EXPONENT,
        "symbol": order.symbol.name,
        "orderId": order.number,
        "clientOrderId": order.client_order_id,
        "price": words.mantissa(order.price or ZERO),
        "origQty": words.mantissa(order.quantity),
        "qty": words.mantissa(order.quantity),
        "executedQty": words.mantissa(order.filled),
        "cummulativeQuoteQty": words.mantissa(order.filled_value),
        "cumulativeQuoteQty": words.mantissa(order.filled_value),
        "status": words.ORDER_STATUS[order_status(order)],
        "timeInForce": words.TIME_IN_FORCE[time_in_force(order)],
        "orderType": words.ORDER_TYPE[order_type(order)],
        "side": words.SIDE[order.side.value],
        "time": words.micros(order.created_ns),
        "updateTime": words.micros(order.updated_ns),
        "transactTime": words.micros(order.updated_ns),
        "isWorking": 1,
        "workingTime": words.micros(order.created_ns),
        "origQuoteOrderQty": 0,
        "orderCapacity": 1,
        "workingFloor": 1,
        "selfTradePreventionMode": words.SELF_TRADE_PREVENTION,
        "preventedQuantity": 0,
        "preventedQty": 0,
        "usedSor": 0,
        "expiryReason": None if reason is None else words.EXPIRY_REASON[reason],
    }


def placed(order: Order, wanted: str) -> Told:
    """The answer to a new order: ``ACK``, ``RESULT`` or ``FULL``."""
    head = {
        "symbol": order.symbol.name,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": words.millis(order.updated_ns),
    }
    if wanted == "ACK":
        return Told(head, layouts.NEW_ORDER_ACK, order_values(order))
    told = head | {
        **_sums(order),
        "origQuoteOrderQty": words.amount(ZERO),
        "status": order_status(order),
        "timeInForce": time_in_force(order),
        "type": order_type(order),
        "side": order.side.value,
        "workingTime": words.millis(order.created_ns),
        "selfTradePreventionMode": _MODE,
        **_expiry(order),
    }
    values = order_values(order)
    if wanted == "RESULT":
        return Told(told, layouts.NEW_ORDER_RESULT, values)
    fills = [
        {
            "price": words.amount(each.price),
            "qty": words.amount(each.quantity),
            "commission": words.amount(each.fee),
            "commissionAsset": each.fee_asset,
            "tradeId": each.trade_number,
        }
        for each in order.executions
    ]
    values |= {"fills": [fill_row(each) for each in order.executions], "preventedMatches": []}
    return Told(told | {"fills": fills}, layouts.NEW_ORDER_FULL, values)


def canceled(order: Order) -> Told:
    """The answer to a cancel: its own client id, and the order's beside it."""
    cancel_id = order.details.get(CANCEL_ID, order.client_order_id)
    told = {
        "symbol": order.symbol.name,
        "origClientOrderId": order.client_order_id,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": cancel_id,
        "transactTime": words.millis(order.updated_ns),
        **_sums(order),
        "origQuoteOrderQty": words.amount(ZERO),
        "status": order_status(order),
        "timeInForce": time_in_force(order),
        "type": order_type(order),
        "side": order.side.value,
        "selfTradePreventionMode": _MODE,
    }
    values = order_values(order) | {"origClientOrderId": order.client_order_id, "clientOrderId": cancel_id}
    return Told(told, layouts.CANCELED, values)


def fill_row(execution: Execution) -> dict[str, Any]:
    """A fill among those of a new order."""
    return {
        "commissionExponent": words.EXPONENT,
        "matchType": 1,
        "price": words.mantissa(execution.price),
        "qty": words.mantissa(execution.quantity),
        "commission": words.mantissa(execution.fee),
        "tradeId": execution.trade_number,
        "commissionAsset": execution.fee_asset,
    }


def trade_json(execution: Execution) -> dict[str, object]:
    """A fill as ``GET /api/v3/myTrades`` has it."""
    order = execution.order
    return {
        "symbol": order.symbol.name,
        "id": execution.trade_number,
        "orderId": order.number,
        "orderListId": -1,
        "price": words.amount(execution.price),
        "qty": words.amount(execution.quantity),
        "quoteQty": words.amount(execution.value),
        "commission": words.amount(execution.fee),
        "commissionAsset": execution.fee_asset,
        "time": words.millis(execution.time_ns),
        "isBuyer": order.side is Side.BUY,
        "isMaker": execution.is_maker,
        "isBestMatch": True,
    }


def trade_values(execution: Execution) -> dict[str, Any]:
    """The same in SBE."""
    order = execution.order
    return {
        "priceExponent": words.EXPONENT,
        "qtyExponent": words.EXPONENT,
        "commissionExponent": words.EXPONENT,
        "id": execution.trade_number,
        "orderId": order.number,
        "price": words.mantissa(execution.price),
        "qty": words.mantissa(execution.quantity),
        "quoteQty": words.mantissa(execution.value),
        "commission": words.mantissa(execution.fee),
        "time": words.micros(execution.time_ns),
        "isBuyer": order.side is Side.BUY,
        "isMaker": execution.is_maker,
        "isBestMatch": 1,
        "symbol": order.symbol.name,
        "commissionAsset": execution.fee_asset,
    }


def balance_rows(floor: Floor, user_id: int, assets: set[str] | None = None) -> list[tuple[str, Decimal, Decimal]]:
    """(asset, free, locked) of an account, or of some of its assets."""
    return [
        (asset, available, MONEY.subtract(total, available))
        for asset, (total, available) in floor.balances(user_id).items()
        if assets is None or asset in assets
    ]


def _sums(order: Order) -> dict[str, object]:
    return {
        "price": words.amount(order.price or ZERO),
        "origQty": words.amount(order.quantity),
        "executedQty": words.amount(order.filled),
        "cummulativeQuoteQty": words.amount(order.filled_value),
    }


def _expiry(order: Order) -> dict[str, object]:
    reason = expiry_reason(order)
    return {} if reason is None else {"expiryReason": reason}
