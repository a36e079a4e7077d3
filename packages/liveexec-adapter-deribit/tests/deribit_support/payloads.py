"""Payloads as the venue sends them, made up field by field, and the recorded ones where they are there."""

import json
import os
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from liveexec.domain.ids import AccountId
from liveexec.domain.secret import Secret
from liveexec_deribit.config import DeribitAccount, DeribitSection

ACCOUNT: Final = AccountId("DERIBIT-MAIN")
CLIENT_SECRET: Final = "sk-b81c-loopback-credential"
#: Recorded payloads of the venue, where there are any.
RECORDED: Final = (
    Path(os.environ.get("LIVEEXEC_TEST_DATA", Path(__file__).parents[5] / "shared" / "data")) / "deribit" / "recorded"
)
NOW_MS: Final = 1_767_978_363_493


def section(**changes: Any) -> DeribitSection:
    """A configuration section with one account."""
    values: dict[str, Any] = {"accounts": (DeribitAccount(ACCOUNT, "client", Secret(CLIENT_SECRET)),)}
    return DeribitSection(**(values | changes))


def order(**changes: Any) -> dict[str, Any]:
    """A working limit order in the inverse perpetual."""
    return {
        "order_id": "104819327443",
        "instrument_name": "BTC-PERPETUAL",
        "order_state": "open",
        "order_type": "limit",
        "direction": "buy",
        "creation_timestamp": NOW_MS,
        "last_update_timestamp": NOW_MS + 7,
        "time_in_force": "good_til_cancelled",
        "amount": 100.0,
        "filled_amount": 0.0,
        "contracts": 10.0,
        "average_price": 0.0,
        "price": 62000.5,
        "label": "lx01K00000000000000000000000",
        "post_only": False,
        "reduce_only": False,
        "api": True,
        "web": False,
        "replaced": False,
    } | changes


def trade(**changes: Any) -> dict[str, Any]:
    """A fill of it."""
    return {
        "trade_id": "403691824",
        "trade_seq": 271252854,
        "instrument_name": "BTC-PERPETUAL",
        "timestamp": NOW_MS + 9,
        "order_id": "104819327443",
        "order_type": "limit",
        "matching_id": None,
        "direction": "buy",
        "tick_direction": 1,
        "index_price": 62001.11,
        "mark_price": 62000.9,
        "price": 62000.5,
        "amount": 40.0,
        "contracts": 4.0,
        "fee": 3.2e-7,
        "fee_currency": "BTC",
        "liquidity": "T",
        "label": "lx01K00000000000000000000000",
        "state": "open",
    } | changes


def portfolio(**changes: Any) -> dict[str, Any]:
    """A currency's figures, as far as they are read."""
    return {
        "currency": "BTC",
        "balance": 2.5,
        "available_funds": 2.0,
        "futures_session_rpl": 0.0,
        "equity": 3,
    } | changes


def instrument(**changes: Any) -> dict[str, Any]:
    """The inverse perpetual as it is listed."""
    return {
        "instrument_name": "BTC-PERPETUAL",
        "kind": "future",
        "instrument_type": "reversed",
        "base_currency": "BTC",
        "quote_currency": "USD",
        "counter_currency": "USD",
        "settlement_currency": "BTC",
        "settlement_period": "perpetual",
        "tick_size": 0.5,
        "tick_size_steps": [],
        "min_trade_amount": 10.0,
        "contract_size": 10.0,
        "maker_commission": 0.0,
        "taker_commission": 0.0005,
        "expiration_timestamp": 32503708800000,
        "creation_timestamp": 1534167754000,
        "is_active": True,
        "price_index": "btc_usd",
    } | changes


def option(**changes: Any) -> dict[str, Any]:
    """An inverse option, whose ticks grow with its price."""
    return (
        instrument(
            instrument_name="BTC-27DEC24-100000-C",
            kind="option",
            quote_currency="BTC",
            settlement_period="month",
            tick_size=0.0001,
            tick_size_steps=[{"above_price": 0.005, "tick_size": 0.0005}],
            min_trade_amount=0.1,
            contract_size=1.0,
            maker_commission=0.0003,
            taker_commission=0.0003,
            expiration_timestamp=1735286400000,
            strike=100000.0,
            option_type="call",
        )
        | changes
    )


def linear(**changes: Any) -> dict[str, Any]:
    """A perpetual in USDC."""
    return (
        instrument(
            instrument_name="ETH_USDC-PERPETUAL",
            instrument_type="linear",
            base_currency="ETH",
            quote_currency="USDC",
            counter_currency="USDC",
            settlement_currency="USDC",
            tick_size=0.05,
            min_trade_amount=0.001,
            contract_size=0.001,
        )
        | changes
    )


def spot(**changes: Any) -> dict[str, Any]:
    """A spot pair: it settles in nothing and never."""
    told = instrument(
        instrument_name="BTC_USDC",
        kind="spot",
        instrument_type="linear",
        quote_currency="USDC",
        counter_currency="USDC",
        tick_size=1.0,
        min_trade_amount=0.0001,
        contract_size=0.0001,
    )
    del told["settlement_currency"], told["settlement_period"]
    return told | changes


def raw(payload: Any) -> msgspec.Raw:
    """A payload as bytes, as a part of a message."""
    return msgspec.Raw(json.dumps(payload).encode())


def answer(result: Any) -> bytes:
    """The answer to a question."""
    return json.dumps({"jsonrpc": "2.0", "id": 7, "result": result, "usIn": 5, "usOut": 9}).encode()


def notification(channel: str, data: Any) -> bytes:
    """A subscription's message."""
    return json.dumps(
        {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}
    ).encode()


def changes(*, orders: list[Any] | None = None, trades: list[Any] | None = None) -> dict[str, Any]:
    """What a user.changes message holds."""
    return {
        "instrument_name": "BTC-PERPETUAL",
        "orders": orders if orders is not None else [],
        "trades": trades if trades is not None else [],
        "positions": [],
    }


def recorded() -> list[Path]:
    """The recorded payloads; skips the test where there are none."""
    if not RECORDED.is_dir():
        pytest.skip(f"no recorded payloads at {RECORDED}: set LIVEEXEC_TEST_DATA to the folder with the test data")
    return sorted(RECORDED.glob("*.json"))
