"""When a stop or a take-profit order goes into the book, and what a trailing stop waits for."""

from collections.abc import Mapping
from decimal import Decimal

from liveexec_deribit.loopback.market import Market
from liveexec_deribit.loopback.orders import Order

_LETTERS = {"index_price": "I", "mark_price": "M", "last_price": "T"}


def trigger_letter(order: Order) -> str:
    """The letter in a trigger order's id that says what it looks at."""
    assert order.trigger is not None
    return _LETTERS[order.trigger]


def trail(order: Order, markets: Mapping[str, Market], *, anew: bool = False) -> None:
    """Let a trailing stop follow the price that it looks at: up for a sell, down for a buy, and never back; ``anew``
    begins at the price as it is."""
    if order.trigger is None or order.trigger_offset is None:
        return
    price = markets[order.instrument.name].reference(order.trigger)
    kept: Decimal | None = None if anew else order.trigger_price
    if order.direction == "sell":
        follows = price - order.trigger_offset
        order.trigger_price = follows if kept is None else max(kept, follows)
    else:
        follows = price + order.trigger_offset
        order.trigger_price = follows if kept is None else min(kept, follows)
    if anew:
        order.trigger_reference_price = price


def hits(order: Order, markets: Mapping[str, Market]) -> bool:
    """Whether the price that a trigger order looks at has reached its trigger.

    Stops go with the market: a buy when the price rises to the trigger, a sell when it falls there. Take-profits go
    against it. A trailing stop is a stop.
    """
    if order.trigger is None or order.trigger_price is None:
        raise AssertionError(f"{order.order_id} has no trigger")
    price = markets[order.instrument.name].reference(order.trigger)
    rising = (order.direction == "buy") == order.order_type.startswith(("stop", "trailing"))
    return price >= order.trigger_price if rising else price <= order.trigger_price
