"""Methods about what an account owns: positions, summaries, margins and the transaction log."""

from collections.abc import Callable
from typing import Final, cast

from liveexec_deribit.loopback.config import SelfTradingMode
from liveexec_deribit.loopback.errors import invalid_params
from liveexec_deribit.loopback.market import Market
from liveexec_deribit.loopback.methods.market_data import CURRENCIES
from liveexec_deribit.loopback.methods.registry import Context, rpc
from liveexec_deribit.loopback.methods.trading import kind_filter
from liveexec_deribit.loopback.orders import rounded
from liveexec_deribit.loopback.portfolio import limits, portfolio, summary_head

_READ: Final = "account:read"
_MOST_LOGS: Final = 250
_MOST: Final = 1_000


@rpc("private/get_position", scope="trade:read")
def _position(call: Context) -> object:
    return _position_wire(call, call.market())


@rpc("private/get_positions", scope="trade:read")
def _positions(call: Context) -> object:
    currency = call.params.text("currency", "any", one_of=("any", *CURRENCIES))
    of_kind = kind_filter(call)
    return [
        _position_wire(call, call.exchange.markets[name])
        for name, position in call.account.positions.items()
        if position.size and currency in {"any", position.instrument.currency} and of_kind(position.instrument)
    ]


@rpc("private/get_account_summary", scope=_READ)
def _summary(call: Context) -> object:
    figures = portfolio(call.exchange, call.account, _wallet(call))
    if call.params.boolean("extended"):
        figures |= summary_head(call.account)
    return figures | {"limits": limits(call.account), "fees": []}


@rpc("private/get_account_summaries", scope=_READ)
def _summaries(call: Context) -> object:
    summaries = [
        portfolio(call.exchange, call.account, currency) | {"limits": limits(call.account)}
        for currency in call.account.currencies()
    ]
    head = summary_head(call.account) if call.params.boolean("extended") else {}
    return head | {"summaries": summaries}


@rpc("private/get_subaccounts", scope=_READ)
def _subaccounts(call: Context) -> object:
    return [
        {
            "id": call.account.user_id,
            "email": "user@example.com",
            "username": call.account.config.username,
            "system_name": call.account.config.username,
            "type": "main",
            "is_password": True,
            "tfa_enabled": False,
            "login_enabled": True,
            "security_keys_enabled": False,
            "security_keys_assignments": [],
            "receive_notifications": False,
        }
    ]


@rpc("private/get_margins", scope="trade:read")
def _margins(call: Context) -> object:
    market, amount, price = call.market(), call.params.decimal("amount"), call.params.decimal("price")
    if price <= 0:
        raise invalid_params("price", "must be positive")
    instrument = market.instrument
    value = amount / price if instrument.amount_in_dollars else amount * price
    margin = rounded(value / instrument.max_leverage)
    return {"buy": margin, "sell": margin, "min_price": market.bound("sell"), "max_price": market.bound("buy")}


@rpc("private/get_transaction_log", scope=_READ)
def _transaction_log(call: Context) -> object:
    params, currency = call.params, _wallet(call)
    start, end = params.integer("start_timestamp"), params.integer("end_timestamp")
    words = set(params.text("query", "").split())
    count, offset = params.integer("count", 100, least=1, most=_MOST_LOGS), params.integer("continuation", 0)
    found = [
        entry
        for entry in reversed(call.account.log)
        if entry["currency"] == currency
        and start <= cast("int", entry["timestamp"]) <= end
        and words <= {str(entry["type"]), str(entry.get("user_role")), *str(entry["side"]).split()}
    ]
    following = offset + count
    return {
        "logs": found[offset:following],
        "continuation": following if following < len(found) else None,
    }


@rpc("private/get_settlement_history_by_currency", scope="trade:read")
def _settlements_by_currency(call: Context) -> object:
    currency = call.params.text("currency", one_of=CURRENCIES)
    return _settlements(call, lambda name: call.exchange.market(name).instrument.currency == currency)


@rpc("private/get_settlement_history_by_instrument", scope="trade:read")
def _settlements_by_instrument(call: Context) -> object:
    instrument = call.market().instrument
    return _settlements(call, lambda name: name == instrument.name)


def _settlements(call: Context, chosen: Callable[[str], bool]) -> object:
    """Newest first; the continuation is how many were told, and ``none`` when all were."""
    params = call.params
    kind = params.optional_text("type", one_of=("settlement", "delivery", "bankruptcy"))
    count, before_ms = (
        params.integer("count", 20, least=1, most=_MOST),
        params.optional_integer("search_start_timestamp"),
    )
    offset = int(params.decimal("continuation")) if "continuation" in params else 0
    found = [
        entry
        for entry in reversed(call.account.settlements)
        if chosen(str(entry["instrument_name"]))
        and kind in {None, entry["type"]}
        and (before_ms is None or cast("int", entry["timestamp"]) <= before_ms)
    ]
    following = offset + count
    return {
        "settlements": found[offset:following],
        "continuation": str(following) if following < len(found) else "none",
    }


@rpc("private/set_self_trading_config", scope="account:read_write")
def _set_self_trading(call: Context) -> object:
    mode = call.params.text("mode", one_of=("reject_taker", "cancel_maker"))
    if call.params.boolean("extended_to_subaccounts"):
        call.params.refuse("extended_to_subaccounts")
    call.account.self_trading = cast("SelfTradingMode", mode)
    return "ok"


def _wallet(call: Context) -> str:
    return call.params.text("currency", one_of=CURRENCIES)


def _position_wire(call: Context, market: Market) -> object:
    account = call.account
    margin = account.reservations.in_instrument(market.instrument)
    position = account.position(market.instrument)
    return position.wire(mark=market.mark_price, index=market.index_price, open_orders_margin=margin)
