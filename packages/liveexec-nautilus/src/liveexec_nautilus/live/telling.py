"""NautilusTrader's objects as messages: orders and their events, fills, instruments, market data. In the child only."""

from decimal import Decimal
from typing import Any

from liveexec_nautilus.instruments import InstrumentFacts
from liveexec_nautilus.live.protocol import (
    Balance,
    BookTold,
    FillTold,
    OrderState,
    OrderTold,
    Position,
    QuoteTold,
    TradeTold,
)

__all__ = [
    "balances_of",
    "book_told",
    "facts_of",
    "fill_report_told",
    "fill_told",
    "order_report_state",
    "order_told",
    "position_of",
    "quote_told",
    "trade_told",
    "void_told",
]

#: What an event makes of an order, whatever the node's cache says of it at that moment.
_STATUS_AFTER = {
    "OrderDenied": "DENIED",
    "OrderRejected": "REJECTED",
    "OrderCanceled": "CANCELED",
    "OrderExpired": "EXPIRED",
}


def facts_of(instrument: Any) -> InstrumentFacts:
    """An instrument as NautilusTrader tells it (its ``to_dict``, whose values are text)."""
    told = instrument.to_dict()
    right = told.get("option_kind")
    return InstrumentFacts(
        id=told["id"],
        raw_symbol=told["raw_symbol"],
        type=told["type"],
        base=told.get("base_currency") or told.get("underlying") or "",
        quote=told["quote_currency"],
        settlement=told.get("settlement_currency") or told["quote_currency"],
        is_inverse=bool(told.get("is_inverse", False)),
        tick=told["price_increment"],
        lot=told["size_increment"],
        multiplier=told.get("multiplier") or "1",
        min_quantity=told.get("min_quantity"),
        max_quantity=told.get("max_quantity"),
        min_notional=told.get("min_notional"),
        expires_at_ns=told.get("expiration_ns"),
        strike=told.get("strike_price"),
        right=right[0] if right else None,
    )


def order_told(event: Any, order: Any | None) -> OrderTold | None:
    """An event of an order, with the order as it stands; ``None`` when the node does not hold the order any more."""
    if order is None:
        return None
    name = type(event).__name__
    reason = getattr(event, "reason", None)
    venue_order_id = getattr(event, "venue_order_id", None) or order.venue_order_id
    state = OrderState(
        instrument=str(event.instrument_id),
        client_order_id=str(event.client_order_id),
        venue_order_id=str(venue_order_id) if venue_order_id is not None else None,
        status=_STATUS_AFTER.get(name) or order.status.name,
        side=order.side.name,
        type=order.order_type.name,
        tif=order.time_in_force.name,
        quantity=str(order.quantity),
        filled_quantity=str(order.filled_qty),
        price=_text(getattr(order, "price", None)),
        at_ns=event.ts_event,
        reason=str(reason) if reason else None,
    )
    return OrderTold(
        name, state, bool(getattr(event, "reconciliation", False)), bool(getattr(event, "due_post_only", False))
    )


def void_told(event: Any) -> FillTold:
    """A fill that the venue took back."""
    fee = event.commission_voided
    return FillTold(
        instrument=str(event.instrument_id),
        client_order_id=str(event.client_order_id),
        venue_order_id=str(event.venue_order_id),
        trade_id=str(event.trade_id),
        side=event.order_side.name,
        quantity=str(event.voided_qty),
        price=str(event.last_px),
        fee=plain(fee.as_decimal()) if fee is not None else None,
        fee_asset=str(fee.currency.code) if fee is not None else None,
        liquidity=event.liquidity_side.name,
        at_ns=event.ts_event,
        correction=str(event.correction_id),
    )


def fill_told(event: Any) -> FillTold:
    """A fill that the node heard."""
    commission = event.commission
    return FillTold(
        instrument=str(event.instrument_id),
        client_order_id=str(event.client_order_id),
        venue_order_id=str(event.venue_order_id),
        trade_id=str(event.trade_id),
        side=event.order_side.name,
        quantity=str(event.last_qty),
        price=str(event.last_px),
        fee=plain(commission.as_decimal()) if commission is not None else None,
        fee_asset=str(commission.currency.code) if commission is not None else None,
        liquidity=event.liquidity_side.name,
        at_ns=event.ts_event,
        is_reconciled=bool(event.reconciliation),
    )


def order_report_state(report: Any) -> OrderState:
    """An order as the venue told it when it was asked."""
    return OrderState(
        instrument=str(report.instrument_id),
        client_order_id=_text(report.client_order_id),
        venue_order_id=_text(report.venue_order_id),
        status=report.order_status.name,
        side=report.order_side.name,
        type=report.order_type.name,
        tif=report.time_in_force.name,
        quantity=str(report.quantity),
        filled_quantity=str(report.filled_qty),
        price=_text(report.price),
        at_ns=report.ts_last,
        reason=_text(report.cancel_reason),
    )


def fill_report_told(report: Any) -> FillTold:
    """A fill as the venue told it when it was asked."""
    return FillTold(
        instrument=str(report.instrument_id),
        client_order_id=_text(report.client_order_id),
        venue_order_id=str(report.venue_order_id),
        trade_id=str(report.trade_id),
        side=report.order_side.name,
        quantity=str(report.last_qty),
        price=str(report.last_px),
        fee=plain(report.commission.as_decimal()),
        fee_asset=str(report.commission.currency.code),
        liquidity=report.liquidity_side.name,
        at_ns=report.ts_event,
    )


def quote_told(quote: Any) -> QuoteTold:
    """The best prices."""
    return QuoteTold(
        str(quote.instrument_id),
        str(quote.bid_price),
        str(quote.ask_price),
        str(quote.bid_size),
        str(quote.ask_size),
        quote.ts_event,
    )


def book_told(book: Any, depth: int) -> BookTold:
    """The best levels of a book that the node keeps."""
    bids, asks = (
        tuple((str(each.price), plain(Decimal(str(each.size())))) for each in side) for side in _sides(book, depth)
    )
    return BookTold(str(book.instrument_id), bids, asks, book.ts_last)


def trade_told(trade: Any) -> TradeTold:
    """A trade of the market."""
    return TradeTold(str(trade.instrument_id), str(trade.price), str(trade.size), trade.ts_event)


def plain(amount: Decimal) -> str:
    """Digits without an exponent."""
    return f"{amount:f}"


def _sides(book: Any, depth: int) -> tuple[Any, Any]:
    return book.bids(depth), book.asks(depth)


def _text(value: Any | None) -> str | None:
    return str(value) if value is not None else None


def position_of(report: Any) -> Position:
    """A net position as the venue told it when it was asked; short is negative."""
    sign = -1 if report.is_short else 1
    average = report.avg_px_open
    return Position(
        str(report.instrument_id),
        plain(report.quantity.as_decimal() * sign),
        plain(average) if average is not None else None,
        report.ts_last,
    )


def balances_of(state: Any) -> tuple[Balance, ...]:
    """An account's balances as the venue told them when it was asked."""
    return tuple(
        Balance(str(each.currency.code), plain(each.total.as_decimal()), plain(each.free.as_decimal()), state.ts_event)
        for each in state.balances
    )
