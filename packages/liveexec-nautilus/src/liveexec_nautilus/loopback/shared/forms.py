"""The forms that orders and accounts take on the way into the matching engine and back."""

from liveexec.domain.ids import AccountId, OrderId, VenueName
from liveexec.domain.operation import Operation, Side
from liveexec.plugins.adapter import VenueOrder
from liveexec_nautilus.loopback.shared.orders import Order, OrderRequest

__all__ = ["account_id_of", "new_order", "offers", "user_id_of", "venue_order"]


def account_id_of(user_id: int) -> AccountId:
    """The engine's account of a user."""
    return AccountId(f"user-{user_id}")


def user_id_of(account_id: AccountId) -> int:
    """Whose account of the engine it is."""
    return int(account_id.removeprefix("user-"))


def new_order(number: int, user_id: int, request: OrderRequest, at_ns: int) -> Order:
    """The order as it stands right after it was taken."""
    return Order(
        number=number,
        user_id=user_id,
        symbol=request.symbol,
        client_order_id=request.client_order_id,
        side=request.side,
        order_type=request.order_type,
        time_in_force=request.time_in_force,
        quantity=request.quantity,
        price=request.price,
        expire_at_ns=request.expire_at_ns,
        post_only=request.post_only,
        reduce_only=request.reduce_only,
        details=dict(request.details),
        created_ns=at_ns,
        updated_ns=at_ns,
    )


def venue_order(venue: VenueName, user_id: int, request: OrderRequest) -> VenueOrder:
    """The order as the engine takes it."""
    return VenueOrder(
        order_id=OrderId(request.client_order_id),
        account_id=account_id_of(user_id),
        instrument_id=request.symbol.instrument_id(venue),
        operation=Operation.TRADE,
        side=request.side,
        order_type=request.order_type,
        time_in_force=request.time_in_force,
        quantity=request.quantity,
        price=request.price,
        expire_at_ns=request.expire_at_ns,
        post_only=request.post_only,
        reduce_only=request.reduce_only,
    )


def offers(order: Order, user_id: int, request: OrderRequest) -> bool:
    """Whether an order of somebody else could be taken by the request."""
    if not order.is_open or order.symbol is not request.symbol or order.side is request.side:
        return False
    if order.user_id == user_id or order.price is None:
        return False
    if request.price is None:
        return True
    return order.price <= request.price if request.side is Side.BUY else order.price >= request.price
