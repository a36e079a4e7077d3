"""When a stop or a take-profit order goes into the book."""

from collections.abc import Mapping

from liveexec_deribit.loopback.market import Market
from liveexec_deribit.loopback.orders import Order

_LETTERS = {"index_price": "I", "mark_price": "M", "last_price": "T"}


def trigger_letter(order: Order) -> str:
    """The letter in a trigger order's id that says what it looks at."""
    assert order.trigger is not None
    return _LETTERS[order.trigger]


def hits(order: Order, markets: Mapping[str, Market]) -> bool:
    """Whether the price that a trigger order looks at has reached its trigger.

    Stops go with the market: a buy when the price rises to the trigger, a sell when it falls there. Take-profits go
    against it.
    """
    if order.trigger is None or order.trigger_price is None:
        raise AssertionError(f"{order.order_id} has no trigger")
    price = markets[order.instrument.name].reference(order.trigger)
    rising = (order.direction == "buy") == order.order_type.startswith("stop")
    return price >= order.trigger_price if rising else price <= order.trigger_price
