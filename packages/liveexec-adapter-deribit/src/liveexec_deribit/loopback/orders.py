"""An order as the venue keeps it, and as it goes over the wire."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final, Literal

import attrs

from liveexec_deribit.loopback.instruments import Instrument

Direction = Literal["buy", "sell"]
OrderType = Literal[
    "limit", "market", "market_limit", "stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop"
]  # fmt: skip
OrderState = Literal["open", "filled", "rejected", "cancelled", "untriggered", "triggered"]
TimeInForce = Literal["good_til_cancelled", "good_til_day", "fill_or_kill", "immediate_or_cancel"]
Trigger = Literal["index_price", "mark_price", "last_price"]

#: Quotients over the wire have this many digits; the venue sends doubles.
_WIRE: Final = Context(prec=15, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)


def rounded(value: Decimal) -> Decimal:
    """A quotient with as many digits as the venue's doubles have."""
    return _WIRE.plus(value)


def opposite(direction: Direction) -> Direction:
    """The other side."""
    return "sell" if direction == "buy" else "buy"


@attrs.define(eq=False, kw_only=True)
class Order:
    """One order. ``price`` is the limit (None for a stop without one); amounts are in the instrument's units.

    The trigger price of a trailing stop keeps ``trigger_offset`` from the best price that it has seen, which was
    ``trigger_reference_price`` as it came. Of an iceberg the book shows ``display_amount``, and ``refresh_amount``
    again whenever that is used up.

    ``cost`` is the sum that the average price comes from: amounts times prices, or, for inverse futures, amounts over
    prices.
    """

    order_id: str
    user_id: int
    instrument: Instrument
    direction: Direction
    order_type: OrderType
    amount: Decimal
    price: Decimal | None
    time_in_force: TimeInForce
    label: str
    created_ms: int
    updated_ms: int
    state: OrderState = "open"
    filled: Decimal = _ZERO
    cost: Decimal = _ZERO
    post_only: bool = False
    reject_post_only: bool = False
    reduce_only: bool = False
    refresh_amount: Decimal | None = None
    display_amount: Decimal | None = None
    original_type: str | None = None
    trigger: Trigger | None = None
    trigger_price: Decimal | None = None
    trigger_offset: Decimal | None = None
    trigger_reference_price: Decimal | None = None
    triggered: bool = False
    trigger_order_id: str | None = None
    replaced: bool = False
    risk_reducing: bool = False
    cancel_reason: str | None = None
    closed_ms: int | None = None
    session_id: int | None = None

    @property
    def remaining(self) -> Decimal:
        """What is left to fill."""
        return self.amount - self.filled

    @property
    def shown(self) -> Decimal:
        """What of the rest a book shows."""
        return self.remaining if self.display_amount is None else min(self.display_amount, self.remaining)

    def refresh(self) -> None:
        """Show as much of an iceberg as it was asked to."""
        self.display_amount = self.refresh_amount

    @property
    def is_open(self) -> bool:
        """Whether it can still fill: in the book, or waiting for its trigger."""
        return self.state in {"open", "untriggered"}

    @property
    def average_price(self) -> Decimal:
        """The average price of its fills, 0 without any; harmonic for inverse futures, whose amount is dollars."""
        if not self.filled:
            return _ZERO
        return rounded(self.filled / self.cost if self.instrument.amount_in_dollars else self.cost / self.filled)

    def fill(self, amount: Decimal, price: Decimal, at_ms: int) -> None:
        """Take a fill; the last one closes the order."""
        if not _ZERO < amount <= self.remaining:
            raise AssertionError(f"{self.order_id}: fill of {amount} with {self.remaining} left")
        self.filled += amount
        self.cost += amount / price if self.instrument.amount_in_dollars else amount * price
        self.updated_ms = at_ms
        if not self.remaining:
            self.close("filled", at_ms)

    def close(self, state: OrderState, at_ms: int, reason: str | None = None) -> None:
        """End the order."""
        self.state = state
        self.cancel_reason = reason
        self.updated_ms = self.closed_ms = at_ms

    def wire(self) -> dict[str, object]:
        """As answers and ``user.orders`` carry it (``order`` in the venue's OpenAPI document)."""
        without_price = self.price is None
        sent: dict[str, object] = {
            "order_id": self.order_id,
            "order_state": self.state,
            "order_type": self.order_type,
            "instrument_name": self.instrument.name,
            "direction": self.direction,
            "price": "market_price" if without_price else self.price,
            "amount": self.amount,
            "contracts": rounded(self.instrument.contracts(self.amount)),
            "time_in_force": self.time_in_force,
            "post_only": self.post_only,
            "reject_post_only": self.reject_post_only,
            "reduce_only": self.reduce_only,
            "label": self.label,
            "user_id": self.user_id,
            "creation_timestamp": self.created_ms,
            "last_update_timestamp": self.updated_ms,
            "replaced": self.replaced,
            "risk_reducing": self.risk_reducing,
            "is_liquidation": False,
            "is_rebalance": False,
            "mmp": False,
            "api": True,
            "web": False,
        }
        if self.state != "untriggered":
            sent |= {"filled_amount": self.filled, "average_price": self.average_price}
        if self.refresh_amount is not None:
            sent |= {"display_amount": self.shown, "refresh_amount": self.refresh_amount}
        if self.original_type is not None:
            sent["original_order_type"] = self.original_type
        if self.trigger is not None:
            sent |= {"trigger": self.trigger, "trigger_price": self.trigger_price, "triggered": self.triggered}
        if self.trigger_offset is not None:
            sent |= {"trigger_offset": self.trigger_offset, "trigger_reference_price": self.trigger_reference_price}
        if self.trigger_order_id is not None:
            sent["trigger_order_id"] = self.trigger_order_id
        if self.cancel_reason is not None:
            sent["cancel_reason"] = self.cancel_reason
        return sent
