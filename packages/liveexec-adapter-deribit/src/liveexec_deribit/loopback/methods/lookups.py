"""Methods that look up orders and trades, live or ``historical``."""

from collections.abc import Callable, Sequence
from typing import Final

from liveexec_deribit.loopback.accounts import UserTrade
from liveexec_deribit.loopback.errors import invalid_params
from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.methods.market_data import CURRENCIES
from liveexec_deribit.loopback.methods.registry import Context, rpc
from liveexec_deribit.loopback.methods.trading import is_old, kind_filter, own_order, type_filter
from liveexec_deribit.loopback.orders import Order

_READ: Final = "trade:read"
_MOST: Final = 1_000
_TWO_DAYS_MS: Final = 2 * 24 * 3_600 * 1_000


@rpc("private/get_order_state", scope=_READ)
def _order_state(call: Context) -> object:
    return own_order(call, call.params.text("order_id")).wire()


@rpc("private/get_order_state_by_label", scope=_READ)
def _order_state_by_label(call: Context) -> object:
    currency, label = call.params.text("currency", one_of=CURRENCIES), call.params.text("label", "")
    return [
        order.wire()
        for order in call.account.orders.values()
        if order.label == label and order.instrument.currency == currency and not is_old(call, order)
    ]


@rpc("private/get_open_orders", scope=_READ)
def _open_orders(call: Context) -> object:
    return _open(call, lambda _: True)


@rpc("private/get_open_orders_by_currency", scope=_READ)
def _open_orders_by_currency(call: Context) -> object:
    currency = call.params.text("currency", one_of=CURRENCIES)
    return _open(call, lambda order: order.instrument.currency == currency)


@rpc("private/get_open_orders_by_instrument", scope=_READ)
def _open_orders_by_instrument(call: Context) -> object:
    instrument = call.market().instrument
    return _open(call, lambda order: order.instrument is instrument)


@rpc("private/get_open_orders_by_label", scope=_READ)
def _open_orders_by_label(call: Context) -> object:
    currency, label = call.params.text("currency", one_of=CURRENCIES), call.params.text("label", "")
    return _open(call, lambda order: order.instrument.currency == currency and order.label == label)


@rpc("private/get_order_history_by_currency", scope=_READ)
def _history_by_currency(call: Context) -> object:
    currency, of_kind = call.params.text("currency", one_of=CURRENCIES), kind_filter(call)
    return _history(call, lambda instrument: instrument.currency == currency and of_kind(instrument))


@rpc("private/get_order_history_by_instrument", scope=_READ)
def _history_by_instrument(call: Context) -> object:
    instrument = call.market().instrument
    return _history(call, lambda each: each is instrument)


@rpc("private/get_user_trades_by_order", scope=_READ)
def _trades_by_order(call: Context) -> object:
    order_id = call.params.text("order_id")
    found = _kept(call, [trade for trade in _own_trades(call) if trade.order_id == order_id])
    return [trade.wire() for trade in (found if _ascending(call) else found[::-1])]


@rpc("private/get_user_trades_by_currency", scope=_READ)
def _trades_by_currency(call: Context) -> object:
    chosen = [trade for trade in _of_currency(call) if _within_ids(call, trade)]
    return _page(call, _between(call, chosen))


@rpc("private/get_user_trades_by_currency_and_time", scope=_READ)
def _trades_by_currency_and_time(call: Context) -> object:
    call.params.integer("start_timestamp")
    call.params.integer("end_timestamp")
    return _page(call, _between(call, _of_currency(call)))


@rpc("private/get_user_trades_by_instrument", scope=_READ)
def _trades_by_instrument(call: Context) -> object:
    first, last = call.params.integer("start_seq", 0), call.params.optional_integer("end_seq")
    chosen = [
        trade
        for trade in _of_instrument(call)
        if trade.public.trade_seq >= first and (last is None or trade.public.trade_seq <= last)
    ]
    return _page(call, _between(call, chosen))


@rpc("private/get_user_trades_by_instrument_and_time", scope=_READ)
def _trades_by_instrument_and_time(call: Context) -> object:
    call.params.integer("start_timestamp")
    call.params.integer("end_timestamp")
    return _page(call, _between(call, _of_instrument(call)))


def _open(call: Context, chosen: Callable[[Order], bool]) -> object:
    of_type, of_kind = type_filter(call), kind_filter(call)
    return [
        order.wire()
        for order in call.account.open_orders()
        if chosen(order) and of_type(order) and of_kind(order.instrument)
    ]


def _history(call: Context, chosen: Callable[[Instrument], bool]) -> object:
    """Orders that filled at least in part, newest first; closed ones without a fill if ``include_unfilled``.

    Recent orders only, or (``historical``) older ones only; without ``include_old``, none older than two days.
    """
    params = call.params
    unfilled, historical = params.boolean("include_unfilled"), params.boolean("historical")
    since_ms = 0 if params.boolean("include_old") else call.now_ms - _TWO_DAYS_MS
    found = [
        order
        for order in reversed(call.account.orders.values())
        if chosen(order.instrument)
        and (order.filled or (unfilled and not order.is_open))
        and is_old(call, order) == historical
        and order.created_ms >= since_ms
    ]
    offset = params.integer("offset", 0)
    if "continuation" in params:
        token = params.text("continuation")
        if not token.isdigit():
            raise invalid_params("continuation", "unknown token")
        offset = int(token)
    end = offset + params.integer("count", 20, least=1, most=_MOST)
    page = [order.wire() for order in found[offset:end]]
    if not params.boolean("with_continuation"):
        return page
    return {"orders": page, "continuation": str(end) if end < len(found) else None}


def _own_trades(call: Context) -> Sequence[UserTrade]:
    """The account's trades, oldest first."""
    return call.account.trades


def _of_currency(call: Context) -> Sequence[UserTrade]:
    currency, of_kind = call.params.text("currency", one_of=CURRENCIES), kind_filter(call)
    return [
        trade
        for trade in _own_trades(call)
        if trade.public.instrument.currency == currency and of_kind(trade.public.instrument)
    ]


def _of_instrument(call: Context) -> Sequence[UserTrade]:
    instrument = call.market().instrument
    return [trade for trade in _own_trades(call) if trade.public.instrument is instrument]


def _within_ids(call: Context, trade: UserTrade) -> bool:
    number = _number("trade_id", trade.public.trade_id)
    first, last = call.params.optional_text("start_id"), call.params.optional_text("end_id")
    return (first is None or number >= _number("start_id", first)) and (
        last is None or number <= _number("end_id", last)
    )


def _number(param: str, trade_id: str) -> int:
    digits = trade_id.rpartition("-")[2]
    if not digits.isdigit():
        raise invalid_params(param, "is no trade id")
    return int(digits)


def _between(call: Context, trades: Sequence[UserTrade]) -> Sequence[UserTrade]:
    start, end = call.params.integer("start_timestamp", 0), call.params.optional_integer("end_timestamp")
    return [trade for trade in trades if trade.public.at_ms >= start and (end is None or trade.public.at_ms <= end)]


def _kept(call: Context, trades: Sequence[UserTrade]) -> Sequence[UserTrade]:
    """Recent trades only, or (``historical``) older ones only."""
    historical = call.params.boolean("historical")
    oldest_ms = call.now_ms - call.venue.config.retention.trades_s * 1_000
    return [trade for trade in trades if (trade.public.at_ms <= oldest_ms) == historical]


def _ascending(call: Context) -> bool:
    return call.params.text("sorting", "default", one_of=("asc", "desc", "default")) == "asc"


def _page(call: Context, trades: Sequence[UserTrade]) -> object:
    kept = _kept(call, trades)
    count = call.params.integer("count", 10, least=1, most=_MOST)
    page = kept[:count] if _ascending(call) else kept[::-1][:count]
    return {"trades": [trade.wire() for trade in page], "has_more": len(kept) > count}
