"""What an order or an edit asks for, once its parameters have been read, and whether the instrument takes it."""

from decimal import Decimal

import attrs

from liveexec_deribit.loopback.errors import VenueError, invalid_params
from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.orders import Direction, OrderType, TimeInForce, Trigger

_MOST_LABEL = 64
#: An iceberg shows at least so many least amounts, and hides less than so many times what it shows.
_ICEBERG = 100


@attrs.define(kw_only=True)
class OrderRequest:
    """``private/buy`` or ``private/sell``."""

    instrument: Instrument
    direction: Direction
    amount: Decimal
    order_type: OrderType = "limit"
    price: Decimal | None = None
    label: str = ""
    time_in_force: TimeInForce = "good_til_cancelled"
    post_only: bool = False
    reject_post_only: bool = False
    reduce_only: bool = False
    trigger: Trigger | None = None
    trigger_price: Decimal | None = None
    trigger_offset: Decimal | None = None
    display_amount: Decimal | None = None

    @property
    def is_triggered(self) -> bool:
        """Whether it waits for a price."""
        return self.order_type.startswith(("stop_", "take_")) or self.is_trailing

    @property
    def is_trailing(self) -> bool:
        """Whether the price that it waits for follows the market."""
        return self.order_type == "trailing_stop"

    @property
    def has_limit(self) -> bool:
        """Whether it names a price of its own."""
        return self.order_type.endswith("limit") and self.order_type != "market_limit"

    def check(self) -> None:
        """Raise what the venue answers to parameters that do not go together or that the instrument does not take."""
        check_amount(self.instrument, self.amount)
        if len(self.label) > _MOST_LABEL:
            raise invalid_params("label", f"must be at most {_MOST_LABEL} characters")
        if self.has_limit:
            if self.price is None:
                raise invalid_params("price", "is required for limit orders")
            check_price(self.instrument, self.price)
        elif self.price is not None:
            self.price = None  # the venue does not look at it
        if self.display_amount is not None:
            if not self.has_limit:
                raise invalid_params("display_amount", "works with limit orders only")
            check_display(self.instrument, self.amount, self.display_amount)
        if self.post_only and self.time_in_force != "good_til_cancelled":
            raise invalid_params("post_only", "works with good_til_cancelled only")
        if self.post_only and not self.has_limit:
            raise invalid_params("post_only", "works with limit orders only")
        if self.is_triggered:
            if self.trigger is None:
                raise invalid_params("trigger", "is required for trigger orders")
            if self.is_trailing:
                check_offset(self.trigger_offset)
            elif self.trigger_price is None:
                raise invalid_params("trigger_price", "is required for trigger orders")
            else:
                check_price(self.instrument, self.trigger_price, error="trigger_price_wrong_tick")
            if self.instrument.kind == "option":
                raise VenueError("invalid_args_for_instrument")


@attrs.define(kw_only=True)
class EditRequest:
    """``private/edit``: what is None stays as it is."""

    amount: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    trigger_offset: Decimal | None = None
    display_amount: Decimal | None = None
    post_only: bool | None = None
    reject_post_only: bool = False
    reduce_only: bool | None = None


def check_amount(instrument: Instrument, amount: Decimal) -> None:
    """Raise ``qty_too_low`` below the least amount, ``invalid_amount`` between two contracts' amounts."""
    if amount <= 0:
        raise invalid_params("amount", "must be positive")
    if amount < instrument.min_amount:
        raise VenueError("qty_too_low", min_amount=instrument.min_amount)
    if amount % min(instrument.contract_size, instrument.min_amount):
        raise invalid_params("amount", "must be a multiple of contract size")


def check_display(instrument: Instrument, amount: Decimal, display_amount: Decimal) -> None:
    """Raise ``invalid_max_show_amount`` for what an iceberg can't show."""
    step = min(instrument.contract_size, instrument.min_amount)
    if display_amount < _ICEBERG * instrument.min_amount or display_amount % step:
        raise VenueError("invalid_max_show_amount", min_amount=_ICEBERG * instrument.min_amount)
    if amount - display_amount >= _ICEBERG * display_amount:
        raise VenueError("invalid_max_show_amount", reason="too much of it would be hidden")


def check_offset(offset: Decimal | None) -> None:
    """Raise what the venue answers to a trailing stop that says no distance."""
    if offset is None or offset <= 0:
        raise invalid_params("trigger_offset", "is required for trailing stops, and positive")


def check_price(instrument: Instrument, price: Decimal, *, error: str = "price_wrong_tick") -> None:
    """Raise ``invalid_price`` for what is no price, ``price_wrong_tick`` between two ticks."""
    if price <= 0:
        raise VenueError("invalid_price")
    if not instrument.is_on_tick(price):
        raise VenueError(error, tick_size=instrument.tick_at(price))
