"""The node's messages as reports, and orders as the node's messages: pure, both ways. In the parent."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from liveexec.domain.fill import Fill, Liquidity, fill_key
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueOrderId
from liveexec.domain.market import Book, Level, TradeBar
from liveexec.domain.money import MONEY, ZERO, parse_decimal, plain
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    BalanceReport,
    FillAction,
    FillReport,
    OrderReport,
    PositionReport,
    SendPlan,
    VenueOrderStatus,
)
from liveexec.errors import Fault, InvalidInput
from liveexec.plugins.adapter import VenueOrder
from liveexec_nautilus.live.protocol import (
    Balance,
    BookTold,
    FillTold,
    OrderState,
    Position,
    QuoteTold,
    Submit,
    TradeTold,
)

__all__ = [
    "balance_report",
    "book_of",
    "fill_report",
    "order_report",
    "position_report",
    "quote_book",
    "submit_message",
    "trade_bars",
]

_SECOND_NS: Final = 1_000_000_000
_STATUSES: Final = {
    "INITIALIZED": VenueOrderStatus.WORKING,
    "SUBMITTED": VenueOrderStatus.WORKING,
    "ACCEPTED": VenueOrderStatus.WORKING,
    "TRIGGERED": VenueOrderStatus.WORKING,
    "PENDING_UPDATE": VenueOrderStatus.WORKING,
    "PENDING_CANCEL": VenueOrderStatus.WORKING,
    "PARTIALLY_FILLED": VenueOrderStatus.WORKING,
    "FILLED": VenueOrderStatus.FILLED,
    "CANCELED": VenueOrderStatus.CANCELED,
    "EXPIRED": VenueOrderStatus.EXPIRED,
    "REJECTED": VenueOrderStatus.REJECTED,
    "DENIED": VenueOrderStatus.REJECTED,
}
#: NautilusTrader tells more kinds of order than are sent from here: what others sent is shown as the nearest of ours.
_TYPES: Final = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "STOP_MARKET": OrderType.STOP_MARKET,
    "STOP_LIMIT": OrderType.STOP_LIMIT,
    "MARKET_TO_LIMIT": OrderType.LIMIT,
    "MARKET_IF_TOUCHED": OrderType.STOP_MARKET,
    "LIMIT_IF_TOUCHED": OrderType.STOP_LIMIT,
    "TRAILING_STOP_MARKET": OrderType.STOP_MARKET,
    "TRAILING_STOP_LIMIT": OrderType.STOP_LIMIT,
}
_TIFS: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "GTD": TimeInForce.GTD,
    "DAY": TimeInForce.DAY,
}
_LIQUIDITY: Final = {"MAKER": Liquidity.MAKER, "TAKER": Liquidity.TAKER}


def submit_message(ref: int, client: str, nautilus_id: str, order: VenueOrder, plan: SendPlan) -> Submit:
    """An order as the node is told it.

    Raises:
        InvalidInput: it has no side.
    """
    if order.side is None:
        raise InvalidInput(f"order {order.order_id}", [Fault("side", "is missing")])
    return Submit(
        ref,
        client,
        nautilus_id,
        str(plan.client_order_id),
        order.side.value,
        order.order_type.value,
        order.time_in_force.value,
        plain(order.quantity),
        plain(order.price) if order.price is not None else None,
        plain(order.trigger_price) if order.trigger_price is not None else None,
        order.expire_at_ns,
        order.post_only,
        order.reduce_only,
    )


def order_report(told: OrderState, account_id: AccountId, instrument_id: InstrumentId) -> OrderReport:
    """An order as it stands.

    Raises:
        InvalidInput: a word in it is not known, or a number is none.
    """
    order_type = _known(_TYPES, told.type, "type", told)
    price = _number(told.price, "price") if told.price is not None and order_type.has_limit else None
    return OrderReport(
        account_id=account_id,
        instrument_id=instrument_id,
        client_order_id=ClientOrderId(told.client_order_id) if told.client_order_id else None,
        venue_order_id=VenueOrderId(told.venue_order_id) if told.venue_order_id else None,
        status=_known(_STATUSES, told.status, "status", told),
        side=_side(told.side),
        order_type=order_type,
        time_in_force=_known(_TIFS, told.tif, "tif", told),
        quantity=_number(told.quantity, "quantity"),
        price=price,
        filled_quantity=_number(told.filled_quantity, "filled_quantity"),
        venue_time_ns=told.at_ns,
        message=told.reason,
    )


def fill_report(
    told: FillTold, account_id: AccountId, instrument_id: InstrumentId, settlement_asset: str
) -> FillReport:
    """A fill. Its key is made of the venue's trade id, the same whether it was heard or asked for.

    Raises:
        InvalidInput: a word in it is not known, or a number is none.
    """
    side, venue_order_id = _side(told.side), VenueOrderId(told.venue_order_id)
    fill = Fill(
        key=fill_key(instrument_id, venue_order_id, side, told.trade_id),
        instrument_id=instrument_id,
        side=side,
        quantity=_number(told.quantity, "quantity"),
        price=_number(told.price, "price"),
        fee=_number(told.fee, "fee") if told.fee is not None else ZERO,
        fee_asset=told.fee_asset or settlement_asset,
        liquidity=_LIQUIDITY.get(told.liquidity, Liquidity.UNKNOWN),
        venue_time_ns=told.at_ns,
    )
    client_order_id = ClientOrderId(told.client_order_id) if told.client_order_id else None
    if told.correction is None:
        return FillReport(account_id, client_order_id, venue_order_id, fill)
    original = fill.key
    fill.key = fill_key(instrument_id, venue_order_id, side, f"{told.trade_id}/{told.correction}")
    return FillReport(account_id, client_order_id, venue_order_id, fill, FillAction.BUST, original)


def position_report(told: Position, account_id: AccountId, instrument_id: InstrumentId) -> PositionReport:
    """A net position."""
    average = _number(told.average_price, "average_price") if told.average_price is not None else None
    return PositionReport(account_id, instrument_id, _number(told.quantity, "quantity"), average, told.at_ns)


def balance_report(told: Balance, account_id: AccountId) -> BalanceReport:
    """An asset's balance."""
    return BalanceReport(account_id, told.asset, _number(told.total, "total"), _number(told.free, "free"), told.at_ns)


def quote_book(told: QuoteTold, instrument_id: InstrumentId, at_ns: int) -> Book:
    """The best price of both sides as a book of one level; a side without a quantity is empty."""
    return Book(instrument_id, _level(told.bid, told.bid_size), _level(told.ask, told.ask_size), at_ns, told.at_ns)


def book_of(told: BookTold, instrument_id: InstrumentId, at_ns: int) -> Book:
    """A book's best levels."""
    return Book(instrument_id, _levels(told.bids), _levels(told.asks), at_ns, told.at_ns)


def trade_bars(trades: Sequence[TradeTold], instrument_id: InstrumentId) -> Sequence[TradeBar]:
    """Trades summed up by seconds of the clock, oldest first; a second without trades has no bar."""
    bars: dict[int, TradeBar] = {}
    for each in sorted(trades, key=lambda trade: trade.at_ns):
        price, size = _number(each.price, "price"), _number(each.size, "size")
        start_ns = each.at_ns - each.at_ns % _SECOND_NS
        bar = bars.get(start_ns)
        if bar is None:
            bar = bars[start_ns] = TradeBar(instrument_id, start_ns, start_ns + _SECOND_NS, ZERO, ZERO, price, 0)
        bar.quantity = MONEY.add(bar.quantity, size)
        bar.cost = MONEY.add(bar.cost, MONEY.multiply(price, size))
        bar.last_price = price
        bar.count += 1
    return tuple(bars.values())


def _levels(levels: Sequence[tuple[str, str]]) -> tuple[Level, ...]:
    return tuple(level for price, size in levels for level in _level(price, size))


def _level(price: str, size: str) -> tuple[Level, ...]:
    quantity = _number(size, "size")
    return ((_number(price, "price"), quantity),) if quantity else ()


def _side(text: str) -> Side:
    if text not in ("BUY", "SELL"):
        raise InvalidInput("a message of the node", [Fault("side", f"{text[:40]!r} is neither BUY nor SELL")])
    return Side(text)


def _known[T](words: dict[str, T], text: str, name: str, told: OrderState) -> T:
    found = words.get(text)
    if found is None:
        raise InvalidInput(f"order {told.client_order_id} of the node", [Fault(name, f"{text[:40]!r} is not known")])
    return found


def _number(text: str, name: str) -> Decimal:
    try:
        return parse_decimal(text)
    except ValueError as error:
        raise InvalidInput("a message of the node", [Fault(name, f"{text[:40]!r} is {error}")]) from None
