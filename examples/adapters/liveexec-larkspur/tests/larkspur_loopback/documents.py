"""What the venue says, as JSON documents (PROTOCOL.md)."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from larkspur_loopback.book import Book, Order
from larkspur_loopback.exchange import Account, Event, Fill, Pair

__all__ = ["balances", "book", "fill", "message", "order", "pair", "trade", "with_more_fields"]


def order(told: Order) -> dict[str, Any]:
    """An order as it stands."""
    return {
        "id": told.id,
        "client_id": told.client_id,
        "symbol": told.symbol,
        "side": told.side,
        "type": told.type,
        "tif": told.tif,
        "quantity": f"{told.quantity:f}",
        "price": None if told.price is None else f"{told.price:f}",
        "filled": f"{told.filled:f}",
        "status": told.status,
        "reason": told.reason,
        "updated_us": told.updated_us,
    }


def fill(told: Fill) -> dict[str, Any]:
    """One side of a trade."""
    return {
        "id": told.id,
        "order_id": told.order.id,
        "client_id": told.order.client_id,
        "symbol": told.order.symbol,
        "side": told.order.side,
        "quantity": f"{told.quantity:f}",
        "price": f"{told.price:f}",
        "fee": f"{told.fee:f}",
        "fee_asset": told.fee_asset,
        "liquidity": told.liquidity,
        "time_us": told.time_us,
    }


def message(event: Event) -> dict[str, Any]:
    """An event of an account, without its number."""
    kind, told = event
    return {"type": kind, kind: _WRITERS[kind](told) if kind in _WRITERS else told}


def trade(told: Fill) -> dict[str, Any]:
    """A trade as everybody sees it."""
    return {
        "symbol": told.order.symbol,
        "price": f"{told.price:f}",
        "quantity": f"{told.quantity:f}",
        "time_us": told.time_us,
    }


def book(symbol: str, told: Book, at_us: int) -> dict[str, Any]:
    """The visible book."""
    bids, asks = (
        [[f"{price:f}", f"{quantity:f}"] for price, quantity in levels]
        for levels in (told.levels("buy"), told.levels("sell"))
    )
    return {"type": "book", "symbol": symbol, "bids": bids, "asks": asks, "time_us": at_us}


def pair(told: Pair) -> dict[str, Any]:
    """What is listed."""
    return {
        "symbol": told.symbol,
        "base": told.base,
        "quote": told.quote,
        "tick": f"{told.tick:f}",
        "lot": f"{told.lot:f}",
        "min_quantity": f"{told.lot:f}",
        "maker_fee": f"{told.maker_fee:f}",
        "taker_fee": f"{told.taker_fee:f}",
    }


def balances(account: Account) -> list[dict[str, str]]:
    """Every asset that the account ever had."""
    return [
        {"asset": asset, "total": f"{total:f}", "available": f"{account.available(asset):f}"}
        for asset, total in account.balances.items()
    ]


def with_more_fields(document: Any) -> Any:
    """The same with fields that nobody has documented, at every level."""
    if isinstance(document, dict):
        return {name: with_more_fields(each) for name, each in document.items()} | {
            "since_yesterday": {"flags": ["new"], "weight": str(Decimal("0.5"))}
        }
    return [with_more_fields(each) for each in document] if isinstance(document, list) else document


_WRITERS: Final[Mapping[str, Callable[[Any], dict[str, Any]]]] = {"order": order, "fill": fill}
