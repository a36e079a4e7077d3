"""Methods that change orders."""

from collections.abc import Callable, Sequence
from typing import Final, cast

from liveexec_deribit.loopback.accounts import UserTrade
from liveexec_deribit.loopback.errors import VenueError, invalid_params
from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.methods.market_data import CURRENCIES, KINDS
from liveexec_deribit.loopback.methods.registry import Context, rpc
from liveexec_deribit.loopback.orders import Direction, Order, OrderType, TimeInForce, Trigger, opposite
from liveexec_deribit.loopback.requests import EditRequest, OrderRequest

_TYPES: Final = (
    "limit", "market", "market_limit", "stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop",
)  # fmt: skip
_TIMES: Final = ("good_til_cancelled", "good_til_day", "fill_or_kill", "immediate_or_cancel")
_TRIGGERS: Final = ("index_price", "mark_price", "last_price")
_LEFT_OUT: Final = (
    "max_show", "advanced", "mmp", "linked_order_type", "otoco_config", "trigger_fill_condition",
)  # fmt: skip
_FILTERS: Final = (
    "all", "limit", "trigger_all", "stop", "stop_all", "stop_limit", "stop_market", "take", "take_all", "take_limit",
    "take_market", "trailing_stop", "trailing_all",
)  # fmt: skip
_TRADE: Final = "trade:read_write"


@rpc("private/buy", scope=_TRADE)
def _buy(call: Context) -> object:
    return _place(call, "buy")


@rpc("private/sell", scope=_TRADE)
def _sell(call: Context) -> object:
    return _place(call, "sell")


@rpc("private/edit", scope=_TRADE)
def _edit(call: Context) -> object:
    return _edited(call, own_order(call, call.params.text("order_id")))


@rpc("private/edit_by_label", scope=_TRADE)
def _edit_by_label(call: Context) -> object:
    instrument, label = call.market().instrument, call.params.text("label", "")
    found = [order for order in call.account.open_orders() if order.label == label and order.instrument is instrument]
    if not found:
        raise VenueError("order_not_found")
    if len(found) > 1:
        raise VenueError("bad_argument", param="label", reason="several open orders have this label")
    return _edited(call, found[0])


@rpc("private/cancel", scope=_TRADE)
def _cancel(call: Context) -> object:
    order = own_order(call, call.params.text("order_id"))
    if not order.is_open:
        raise VenueError("not_open_order")
    call.exchange.cancel([order])
    return order.wire()


@rpc("private/cancel_all", scope=_TRADE)
def _cancel_all(call: Context) -> object:
    return _cancelled(call, lambda _: True)


@rpc("private/cancel_all_by_currency", scope=_TRADE)
def _cancel_all_by_currency(call: Context) -> object:
    currency = call.params.text("currency", one_of=CURRENCIES)
    chosen = kind_filter(call)
    return _cancelled(call, lambda order: order.instrument.currency == currency and chosen(order.instrument))


@rpc("private/cancel_all_by_currency_pair", scope=_TRADE)
def _cancel_all_by_currency_pair(call: Context) -> object:
    pair = call.params.text("currency_pair", one_of=call.exchange.indexes)
    chosen = kind_filter(call)
    return _cancelled(call, lambda order: order.instrument.index_name == pair and chosen(order.instrument))


@rpc("private/cancel_all_by_kind_or_type", scope=_TRADE)
def _cancel_all_by_kind_or_type(call: Context) -> object:
    currencies = set(call.params.texts("currency"))
    if not currencies <= {"any", *CURRENCIES}:
        raise invalid_params("currency", "unknown currency")
    chosen = kind_filter(call)
    return _cancelled(
        call, lambda order: bool(currencies & {"any", order.instrument.currency}) and chosen(order.instrument)
    )


@rpc("private/cancel_all_by_instrument", scope=_TRADE)
def _cancel_all_by_instrument(call: Context) -> object:
    instrument = call.market().instrument
    return _cancelled(call, lambda order: order.instrument is instrument)


@rpc("private/cancel_by_label", scope=_TRADE)
def _cancel_by_label(call: Context) -> object:
    label, currency = call.params.text("label"), call.params.optional_text("currency", one_of=CURRENCIES)
    return _cancelled(
        call, lambda order: order.label == label and (currency is None or order.instrument.currency == currency)
    )


@rpc("private/close_position", scope=_TRADE)
def _close_position(call: Context) -> object:
    instrument = call.market().instrument
    position = call.account.position(instrument)
    if not position.size:
        raise VenueError("already_closed")
    order_type = call.params.text("type", one_of=("limit", "market"))
    held: Direction = "buy" if position.size > 0 else "sell"
    request = OrderRequest(
        instrument=instrument,
        direction=opposite(held),
        amount=abs(position.size),
        order_type=cast("OrderType", order_type),
        price=call.params.decimal("price") if order_type == "limit" else None,
        reduce_only=True,
    )
    return _placed(*call.exchange.submit(call.account, request, call.session.session_id))


def own_order(call: Context, order_id: str) -> Order:
    """The account's order of this id, while the live endpoints know it; 10004 or 10029 otherwise."""
    order = call.account.orders.get(order_id)
    if order is not None and not is_old(call, order):
        return order
    others = (account for account in call.exchange.accounts.values() if account is not call.account)
    if any(order_id in account.orders for account in others):
        raise VenueError("not_owner_of_order")
    raise VenueError("order_not_found")


def is_old(call: Context, order: Order) -> bool:
    """Whether an order closed so long ago that only ``historical`` finds it."""
    kept_ms = call.venue.config.retention.closed_orders_s * 1_000
    return order.closed_ms is not None and call.now_ms - order.closed_ms >= kept_ms


def kind_filter(call: Context) -> Callable[[Instrument], bool]:
    """Whether an instrument is of the kind that the parameters name; all are without one."""
    kind = call.params.text("kind", "any", one_of=KINDS)
    return lambda instrument: kind in {"any", instrument.kind}


def type_filter(call: Context) -> Callable[[Order], bool]:
    """Whether an order is of the type that the parameters name; all are without one."""
    wanted = call.params.text("type", "all", one_of=_FILTERS)

    def fits(order: Order) -> bool:
        if wanted == "all":
            return True
        waits = order.state == "untriggered"
        if wanted == "limit":
            return not waits
        if wanted == "trigger_all":
            return waits
        return waits and order.order_type.startswith(wanted.removesuffix("_all"))

    return fits


def _place(call: Context, direction: Direction) -> object:
    params = call.params
    params.refuse(*_LEFT_OUT)
    _require_in_time(call)
    instrument = call.market().instrument
    amount, contracts = params.optional_decimal("amount"), params.optional_decimal("contracts")
    if amount is None:
        if contracts is None:
            raise invalid_params("amount", "amount or contracts is required")
        amount = contracts * instrument.contract_size
    elif contracts is not None and contracts * instrument.contract_size != amount:
        raise invalid_params("contracts", "does not match amount")
    request = OrderRequest(
        instrument=instrument,
        direction=direction,
        amount=amount,
        order_type=cast("OrderType", params.text("type", "limit", one_of=_TYPES)),
        price=params.optional_decimal("price"),
        label=params.text("label", ""),
        time_in_force=cast("TimeInForce", params.text("time_in_force", "good_til_cancelled", one_of=_TIMES)),
        post_only=params.boolean("post_only"),
        reject_post_only=params.boolean("reject_post_only"),
        reduce_only=params.boolean("reduce_only"),
        trigger=cast("Trigger | None", params.optional_text("trigger", one_of=_TRIGGERS)),
        trigger_price=params.optional_decimal("trigger_price"),
        trigger_offset=params.optional_decimal("trigger_offset"),
        display_amount=params.optional_decimal("display_amount"),
    )
    session_id = call.session.session_id if call.session.carrier == "websocket" else None
    return _placed(*call.exchange.submit(call.account, request, session_id))


def _edited(call: Context, order: Order) -> object:
    params = call.params
    params.refuse(*_LEFT_OUT)
    _require_in_time(call)
    amount, contracts = params.optional_decimal("amount"), params.optional_decimal("contracts")
    if amount is None and contracts is not None:
        amount = contracts * order.instrument.contract_size
    request = EditRequest(
        amount=amount,
        price=params.optional_decimal("price"),
        trigger_price=params.optional_decimal("trigger_price"),
        trigger_offset=params.optional_decimal("trigger_offset"),
        display_amount=params.optional_decimal("display_amount"),
        post_only=params.boolean("post_only") if "post_only" in params else None,
        reject_post_only=params.boolean("reject_post_only"),
        reduce_only=params.boolean("reduce_only") if "reduce_only" in params else None,
    )
    return _placed(*call.exchange.edit(call.account, order, request))


def _placed(order: Order, trades: Sequence[UserTrade]) -> object:
    return {"order": order.wire(), "trades": [trade.wire() for trade in trades]}


def _require_in_time(call: Context) -> None:
    """``valid_until``: the matching engine starts on a request before this time only (13888 afterwards)."""
    valid_until = call.params.optional_integer("valid_until")
    if valid_until is not None and call.now_ms >= valid_until:
        raise VenueError("timed_out")


def _cancelled(call: Context, chosen: Callable[[Order], bool]) -> object:
    """Cancel the account's open orders that are chosen and of the asked type; their number, or all of them."""
    of_type = type_filter(call)
    orders = [order for order in call.account.open_orders() if chosen(order) and of_type(order)]
    waiting = {order.order_id for order in orders if order.state == "untriggered"}
    call.exchange.cancel(orders)
    if not call.params.boolean("detailed"):
        return len(orders)
    grouped: dict[tuple[str, str], list[Order]] = {}
    for order in orders:
        kind = "trigger" if order.order_id in waiting else "limit"
        grouped.setdefault((order.instrument.name, kind), []).append(order)
    return [
        {
            "instrument_name": name,
            "currency": found[0].instrument.currency,
            "type": kind,
            "result": [order.wire() for order in found],
        }
        for (name, kind), found in grouped.items()
    ]
