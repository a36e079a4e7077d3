"""What a venue says of an engine's order: reports built from the order as it stands, every field changeable.

from support.venue_words import busted, corrected, fill_of, status_of, total_of, venue_order_id_of
"""

import copy
from decimal import Decimal
from typing import Any

from liveexec.domain.fill import Fill, FillKey, Liquidity, fill_key
from liveexec.domain.ids import VenueOrderId
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.outcome import CumulativeFill, FillAction, FillReport, OrderReport, VenueOrderStatus
from support.builders import NOW_NS

__all__ = ["busted", "corrected", "fill_of", "status_of", "total_of", "venue_order_id_of"]


def venue_order_id_of(order: Order) -> VenueOrderId:
    """The id that the venue has for the order's present attempt, or will give to it."""
    return order.venue_order_id or VenueOrderId(f"V-{order.order_id[-6:]}-{order.attempt}")


def status_of(order: Order, status: VenueOrderStatus = VenueOrderStatus.WORKING, **changes: Any) -> OrderReport:
    """A status report that agrees with the order, but for what is changed."""
    return OrderReport(**(_names(order) | {
        "status": status,
        "side": order.side or Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "quantity": order.quantity,
        "price": order.price,
        "filled_quantity": order.filled_quantity,
        "venue_time_ns": NOW_NS,
    } | changes))  # fmt: skip


def fill_of(order: Order, quantity: str, price: str, number: int, at_ns: int, **changes: Any) -> FillReport:
    """An execution. ``number`` tells fills apart; ``fee`` is half a USDT."""
    names = _names(order)
    assert order.side is not None
    key = fill_key(names["instrument_id"], names["venue_order_id"], order.side, f"T-{number}")
    fill = Fill(
        key=changes.pop("key", key),
        instrument_id=names.pop("instrument_id"),
        side=order.side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=changes.pop("fee", Decimal("0.5")),
        fee_asset="USDT",
        liquidity=Liquidity.TAKER,
        venue_time_ns=at_ns,
    )
    return FillReport(**(names | {"fill": fill} | changes))


def busted(given: FillReport) -> FillReport:
    """The venue takes a fill back."""
    report = copy.copy(given)
    report.action, report.original_key = FillAction.BUST, given.fill.key
    return report


def corrected(given: FillReport, quantity: str, price: str = "45000", key: FillKey | None = None) -> FillReport:
    """The venue replaces a fill by another, under a key of its own if none is given."""
    report, fill = copy.copy(given), copy.copy(given.fill)
    fill.key = key if key is not None else FillKey(f"{fill.key}-c")
    fill.quantity, fill.price = Decimal(quantity), Decimal(price)
    report.fill, report.action, report.original_key = fill, FillAction.CORRECTION, given.fill.key
    return report


def total_of(order: Order, quantity: str, average: str = "45000", **changes: Any) -> CumulativeFill:
    """What a venue tells that knows totals only; its fee is a thousandth of the quantity."""
    return CumulativeFill(**(_names(order) | {
        "side": order.side,
        "quantity": Decimal(quantity),
        "average_price": Decimal(average),
        "fee": Decimal(quantity) / 1000,
        "fee_asset": "USDT",
        "venue_time_ns": NOW_NS,
    } | changes))  # fmt: skip


def _names(order: Order) -> dict[str, Any]:
    assert order.account_id is not None
    assert order.instrument_id is not None
    return {
        "account_id": order.account_id,
        "instrument_id": order.instrument_id,
        "client_order_id": order.client_order_id,
        "venue_order_id": venue_order_id_of(order),
    }
