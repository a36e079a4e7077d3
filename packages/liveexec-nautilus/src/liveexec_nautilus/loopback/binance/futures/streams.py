"""What USD-M futures stream: market data by symbol, and an account's orders, fills and balances."""

from collections.abc import Iterator
from decimal import localcontext
from typing import Final

from liveexec.domain.money import MONEY, ZERO, round_places
from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.binance.futures import wire
from liveexec_nautilus.loopback.binance.futures.market_data import levels, next_funding_ms
from liveexec_nautilus.loopback.shared.events import (
    BalanceMoved,
    BookChanged,
    MarkMoved,
    OrderChange,
    OrderChanged,
    PublicTrade,
)
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.orders import Execution, Order
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["best_prices", "book_messages", "mark_messages", "trade_messages", "user_messages"]

Message = tuple[str, dict[str, object]]

_EXECUTION: Final = {
    OrderChange.NEW: "NEW",
    OrderChange.TRADE: "TRADE",
    OrderChange.AMENDED: "AMENDMENT",
    OrderChange.CANCELED: "CANCELED",
    OrderChange.EXPIRED: "EXPIRED",
}
#: Partial books: how many levels a stream name may ask for.
_DEPTHS: Final = (5, 10, 20)
_SPEEDS: Final = ("", "@100ms", "@250ms", "@500ms", "@0ms")


def book_messages(floor: Floor, event: BookChanged) -> Iterator[Message]:
    """What a changed book is told as: best prices, differences, partial books."""
    symbol, name = event.symbol, event.symbol.name.lower()
    head = _head(symbol, event.time_ns)
    bids, asks = floor.market.book(symbol.name, max(_DEPTHS))
    yield from best_prices(floor, symbol, event.time_ns)
    numbers = {"U": event.update, "u": event.update, "pu": event.update - 1}
    changes = {"b": levels(symbol, event.bids), "a": levels(symbol, event.asks)}
    for speed in _SPEEDS:
        yield f"{name}@depth{speed}", {"e": "depthUpdate", **head, **numbers, **changes}
        for depth in _DEPTHS:
            part = {"b": levels(symbol, bids[:depth]), "a": levels(symbol, asks[:depth])}
            yield f"{name}@depth{depth}{speed}", {"e": "depthUpdate", **head, **numbers, **part}


def best_prices(floor: Floor, symbol: SymbolConfig, at_ns: int) -> Iterator[Message]:
    """The best bid and ask; nothing while a side has none."""
    bids, asks = floor.market.book(symbol.name, 1)
    if not bids or not asks:
        return
    bid, ask = bids[0], asks[0]
    told = {
        "e": "bookTicker",
        "u": floor.market.book_update(symbol.name),
        **_head(symbol, at_ns),
        "b": wire.price_text(symbol, bid[0]),
        "B": wire.quantity_text(symbol, bid[1]),
        "a": wire.price_text(symbol, ask[0]),
        "A": wire.quantity_text(symbol, ask[1]),
    }
    yield f"{symbol.name.lower()}@bookTicker", told


def trade_messages(event: PublicTrade) -> Iterator[Message]:
    """What a public trade is told as."""
    symbol, name, now_ms = event.symbol, event.symbol.name.lower(), wire.ms(event.time_ns)
    price, quantity = wire.price_text(symbol, event.price), wire.quantity_text(symbol, event.quantity)
    head: dict[str, object] = {"E": now_ms, "s": symbol.name, "p": price, "q": quantity, "T": now_ms}
    tail = {"m": event.aggressor is Side.SELL}
    number = event.trade_number
    yield f"{name}@aggTrade", {"e": "aggTrade", "a": number, "f": number, "l": number, **head, **tail, "st": 1}
    yield f"{name}@trade", {"e": "trade", "t": number, **head, **tail}


def mark_messages(event: MarkMoved) -> Iterator[Message]:
    """What a mark price is told as."""
    now_ms, mark = wire.ms(event.time_ns), wire.amount(event.price)
    for ending in ("", "@1s"):
        yield (
            f"{event.symbol.name.lower()}@markPrice{ending}",
            {
                "e": "markPriceUpdate",
                "E": now_ms,
                "s": event.symbol.name,
                "p": mark,
                "i": mark,
                "P": mark,
                "r": "0.00000000",
                "T": next_funding_ms(now_ms),
                "st": 1,
            },
        )


def user_messages(floor: Floor, event: OrderChanged | BalanceMoved) -> Iterator[Message]:
    """What an account's stream tells: for a fill the lean message, the account's change and the order's, in turn."""
    if isinstance(event, BalanceMoved):
        yield "ACCOUNT_UPDATE", _asset_moved(floor, event)
        return
    order, execution = event.order, event.execution
    if execution is not None:
        yield "TRADE_LITE", _trade_lite(execution)
        yield "ACCOUNT_UPDATE", _account_update(floor, execution)
    at_ms = wire.ms(order.updated_ns)
    told = {"e": "ORDER_TRADE_UPDATE", "T": at_ms, "E": at_ms, "o": _order(order, event.change, execution)}
    yield "ORDER_TRADE_UPDATE", told


def _head(symbol: SymbolConfig, at_ns: int) -> dict[str, object]:
    return {"E": wire.ms(at_ns), "T": wire.ms(at_ns), "s": symbol.name, "ps": symbol.name, "st": 1}


def _order(order: Order, change: OrderChange, execution: Execution | None) -> dict[str, object]:
    symbol = order.symbol
    nothing = wire.quantity_text(symbol, ZERO)
    return {
        "s": symbol.name,
        "c": order.client_order_id,
        "S": order.side.value,
        "o": order.order_type.value,
        "f": wire.time_in_force(order),
        "q": wire.quantity_text(symbol, order.quantity),
        "p": wire.price_text(symbol, order.price),
        "ap": wire.price_text(symbol, order.average_price),
        "sp": "0",
        "x": _EXECUTION[change],
        "X": "NEW" if change is OrderChange.NEW else wire.order_status(order),
        "i": order.number,
        "l": nothing if execution is None else wire.quantity_text(symbol, execution.quantity),
        "z": wire.quantity_text(symbol, order.filled),
        "L": "0" if execution is None else wire.price_text(symbol, execution.price),
        "N": symbol.settlement if execution is None else execution.fee_asset,
        "n": "0" if execution is None else wire.amount(execution.fee),
        "T": wire.ms(order.updated_ns),
        "t": 0 if execution is None else execution.trade_number,
        "b": "0",
        "a": "0",
        "m": execution is not None and execution.is_maker,
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": order.order_type.value,
        "ps": "BOTH",
        "cp": False,
        "rp": "0" if execution is None else wire.amount(execution.realized_pnl),
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": wire.SELF_TRADE_PREVENTION,
        "pm": "NONE",
        "gtd": wire.good_till(order),
        "er": "0",
    }


def _trade_lite(execution: Execution) -> dict[str, object]:
    order, at_ms = execution.order, wire.ms(execution.time_ns)
    return {
        "e": "TRADE_LITE",
        "E": at_ms,
        "T": at_ms,
        "s": order.symbol.name,
        "q": wire.quantity_text(order.symbol, order.quantity),
        "p": wire.price_text(order.symbol, order.price),
        "m": execution.is_maker,
        "c": order.client_order_id,
        "S": order.side.value,
        "L": wire.price_text(order.symbol, execution.price),
        "l": wire.quantity_text(order.symbol, execution.quantity),
        "t": execution.trade_number,
        "i": order.number,
    }


def _account_update(floor: Floor, execution: Execution) -> dict[str, object]:
    order, at_ms = execution.order, wire.ms(execution.time_ns)
    position = floor.position(order.user_id, order.symbol.name)
    with localcontext(MONEY):
        unrealized = position.unrealized_pnl(floor.market.mark(order.symbol.name))
    entry = f"{round_places(position.average_price or ZERO, 5):f}"
    balances = [
        {
            "a": asset,
            "wb": wire.amount(floor.wallet(order.user_id, asset)),
            "cw": wire.amount(floor.wallet(order.user_id, asset)),
            "bc": "0",
        }
        for asset in dict.fromkeys((order.symbol.settlement, execution.fee_asset))
    ]
    held = {
        "s": order.symbol.name,
        "pa": wire.quantity_text(order.symbol, execution.position),
        "ep": entry,
        "bep": entry,
        "cr": wire.amount(position.realized_pnl),
        "up": wire.amount(unrealized),
        "mt": "cross",
        "iw": "0",
        "ps": "BOTH",
    }
    return {"e": "ACCOUNT_UPDATE", "T": at_ms, "E": at_ms, "a": {"m": "ORDER", "B": balances, "P": [held]}}


def _asset_moved(floor: Floor, event: BalanceMoved) -> dict[str, object]:
    at_ms = wire.ms(event.time_ns)
    whole = wire.amount(floor.wallet(event.user_id, event.asset))
    reason = "FUNDING_FEE" if event.kind == "FUNDING" else event.kind
    change = {"a": event.asset, "wb": whole, "cw": whole, "bc": wire.amount(event.amount)}
    return {"e": "ACCOUNT_UPDATE", "T": at_ms, "E": at_ms, "a": {"m": reason, "B": [change], "P": []}}
