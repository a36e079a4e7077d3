"""What a venue knows, in Deribit's words: the messages that the adapter reads, made from domain values.

The other direction of :mod:`liveexec_deribit.orders`, :mod:`liveexec_deribit.fills` and
:mod:`liveexec_deribit.holdings`, written from the venue's specification and sharing nothing with them but the names of
instruments. Times are cut to milliseconds, as the venue tells them.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from liveexec.domain.fill import Liquidity
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId, VenueName
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import BalanceReport, FillReport, OrderReport, PositionReport, SendPlan, VenueOrderStatus
from liveexec.plugins.adapter import VenueOrder
from liveexec_deribit.names import instrument_id_of, symbol_of

__all__ = ["balance_words", "order_words", "placed_order", "position_words", "trade_words", "written"]

_NS_PER_MS: Final = 1_000_000
_DIRECTIONS: Final = {Side.BUY: "buy", Side.SELL: "sell"}
_STATES: Final = {
    VenueOrderStatus.WORKING: "open",
    VenueOrderStatus.FILLED: "filled",
    VenueOrderStatus.CANCELED: "cancelled",
    VenueOrderStatus.REJECTED: "rejected",
    VenueOrderStatus.EXPIRED: "cancelled",
}
_TYPES: Final = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop_market": OrderType.STOP_MARKET,
    "stop_limit": OrderType.STOP_LIMIT,
}
_TIMES: Final = {
    "good_til_cancelled": TimeInForce.GTC,
    "good_til_day": TimeInForce.DAY,
    "immediate_or_cancel": TimeInForce.IOC,
    "fill_or_kill": TimeInForce.FOK,
}
_LIQUIDITY: Final = {Liquidity.MAKER: "M", Liquidity.TAKER: "T", Liquidity.UNKNOWN: "T"}
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


def written(words: Any) -> msgspec.Raw:
    """Words as they come over the wire."""
    return msgspec.Raw(_ENCODER.encode(words))


def order_words(said: OrderReport) -> dict[str, Any]:
    """An order as the venue tells it."""
    at_ms = said.venue_time_ns // _NS_PER_MS
    words: dict[str, Any] = {
        "order_id": said.venue_order_id,
        "instrument_name": symbol_of(said.instrument_id),
        "order_state": _STATES[said.status],
        "order_type": next(theirs for theirs, ours in _TYPES.items() if ours is said.order_type),
        "time_in_force": next(
            (theirs for theirs, ours in _TIMES.items() if ours is said.time_in_force), "good_til_cancelled"
        ),
        "direction": _DIRECTIONS[said.side],
        "amount": _number(said.quantity),
        "filled_amount": _number(said.filled_quantity),
        "price": _number(said.price) if said.price is not None else "market_price",
        "label": said.client_order_id or "",
        "creation_timestamp": at_ms,
        "last_update_timestamp": at_ms,
        "post_only": False,
        "is_liquidation": False,
    }
    if said.status is VenueOrderStatus.EXPIRED:
        words["cancel_reason"] = "settlement"
    elif said.status is VenueOrderStatus.CANCELED:
        words["cancel_reason"] = "user_request"
    return words


def trade_words(said: FillReport) -> dict[str, Any]:
    """A fill as the venue tells it, under its own id of the trade."""
    fill = said.fill
    return {
        "trade_id": fill.key.rpartition("|")[2],
        "trade_seq": 1,
        "instrument_name": symbol_of(fill.instrument_id),
        "order_id": said.venue_order_id,
        "direction": _DIRECTIONS[fill.side],
        "price": _number(fill.price),
        "amount": _number(fill.quantity),
        "fee": _number(fill.fee),
        "fee_currency": fill.fee_asset,
        "timestamp": fill.venue_time_ns // _NS_PER_MS,
        "liquidity": _LIQUIDITY[fill.liquidity],
        "label": said.client_order_id or "",
        "state": "filled",
    }


def position_words(said: PositionReport) -> dict[str, Any]:
    """A position as the venue tells it."""
    direction = "zero" if not said.quantity else "buy" if said.quantity > 0 else "sell"
    return {
        "instrument_name": symbol_of(said.instrument_id),
        "size": _number(said.quantity),
        "direction": direction,
        "average_price": _number(said.average_price or Decimal(0)),
    }


def balance_words(said: BalanceReport) -> dict[str, Any]:
    """A currency of an account's summary."""
    return {"currency": said.asset, "balance": _number(said.total), "available_funds": _number(said.available)}


def placed_order(
    sent: bytes, method: str, venue: VenueName, account_id: AccountId, order_id: OrderId
) -> tuple[VenueOrder, SendPlan]:
    """The order that a request asks for (private/buy, private/sell), and until when it is good. ``order_id`` is what a
    simulator knows it by; the venue never hears it."""
    asked = _DECODER.decode(sent)
    order = VenueOrder(
        order_id=order_id,
        account_id=account_id,
        instrument_id=instrument_of(asked["instrument_name"], venue),
        operation=Operation.TRADE,
        side=Side.BUY if method == "private/buy" else Side.SELL,
        order_type=_TYPES[asked["type"]],
        time_in_force=_TIMES[asked["time_in_force"]],
        quantity=Decimal(asked["amount"]),
        price=Decimal(asked["price"]) if "price" in asked else None,
        post_only=asked.get("post_only", False),
        reduce_only=asked.get("reduce_only", False),
    )
    return order, SendPlan(ClientOrderId(asked["label"]), asked["valid_until"] * _NS_PER_MS)


def instrument_of(symbol: str, venue: VenueName) -> InstrumentId:
    """What an instrument's name stands for."""
    return instrument_id_of(symbol, venue)


def _number(value: Decimal) -> msgspec.Raw:
    return msgspec.Raw(f"{value:f}".encode())
