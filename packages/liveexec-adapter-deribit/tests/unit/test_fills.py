"""Fills, positions and balances."""

from decimal import Decimal
from typing import Any

import pytest

from deribit_support import payloads
from liveexec.domain.fill import Liquidity
from liveexec.domain.operation import Side
from liveexec.domain.outcome import FillReport, PositionReport
from liveexec_deribit import wire
from liveexec_deribit.fills import fill_report, read_trade
from liveexec_deribit.holdings import balance_report, position_report
from liveexec_deribit.names import DERIBIT, Combo
from liveexec_deribit.rpc import MalformedMessage, decoded


def told(**changes: Any) -> FillReport:
    return fill_report(read_trade(payloads.raw(payloads.trade(**changes))), payloads.ACCOUNT, DERIBIT)


def position(**changes: Any) -> PositionReport:
    payload = {"instrument_name": "BTC-PERPETUAL", "size": 50, "direction": "buy", "average_price": 62000.0} | changes
    return position_report(decoded(wire.Position, payloads.raw(payload), "it"), payloads.ACCOUNT, DERIBIT, 5)


def test_a_fill() -> None:
    report = told()
    assert (report.client_order_id, report.venue_order_id) == ("lx01K00000000000000000000000", "104819327443")
    fill = report.fill
    assert fill.instrument_id == "DERIBIT:PERPETUAL:BTC-USD@INV"
    assert (fill.side, fill.quantity, fill.price) == (Side.BUY, 40, Decimal("62000.5"))
    assert (fill.fee, fill.fee_asset, fill.liquidity) == (Decimal("0.00000032"), "BTC", Liquidity.TAKER)
    assert fill.venue_time_ns == (payloads.NOW_MS + 9) * 1_000_000


def test_a_rebate_is_a_negative_fee() -> None:
    assert told(fee=-1.5e-6, liquidity="M").fill.fee == Decimal("-0.0000015")


def test_the_key_tells_apart_what_one_trade_id_can_serve() -> None:
    keys = {
        told().fill.key,
        told(direction="sell").fill.key,
        told(order_id="7").fill.key,
        told(instrument_name="ETH-PERPETUAL").fill.key,
        told(trade_id="7").fill.key,
    }
    assert len(keys) == 5
    assert told(fee=0, label=None).fill.key in keys


@pytest.mark.parametrize(
    "changes",
    [
        {"direction": "zero"},
        {"amount": 0},
        {"price": 0},
        {"fee": "1e99"},
        {"fee_currency": ""},
        {"trade_id": ""},
        {"trade_id": 7},
        {"instrument_name": "gold"},
        {"timestamp": 10**14},
    ],
)
def test_what_makes_no_sense_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        told(**changes)


def test_a_combos_trade_is_told_by_its_legs() -> None:
    with pytest.raises(Combo):
        told(instrument_name="BTC-CS-19MAY26-70000_75000")
    assert told(combo_id="BTC-CS-19MAY26-70000_75000").fill.quantity == 40


@pytest.mark.parametrize(
    ("size", "direction", "quantity"),
    [(50, "buy", 50), (-50, "sell", -50), (50, "sell", -50), (0, "zero", 0), (0, "buy", 0)],
)
def test_a_positions_sign(size: int, direction: str, quantity: int) -> None:
    report = position(size=size, direction=direction)
    assert (report.quantity, report.venue_time_ns) == (quantity, 5)
    assert report.average_price == (62000 if quantity else None)


@pytest.mark.parametrize(
    "changes",
    [{"size": -50}, {"direction": "zero"}, {"direction": "up"}, {"instrument_name": "gold"}, {"size": "NaN"}],
)
def test_a_position_that_contradicts_itself_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        position(**changes)


def test_a_balance() -> None:
    payload = {"currency": "BTC", "balance": 2.288e-5, "available_funds": 3.0647e-4, "futures_session_rpl": -1e-8}
    report = balance_report(decoded(wire.AccountSummary, payloads.raw(payload), "it"), payloads.ACCOUNT, 5)
    assert (report.asset, report.total, report.available) == ("BTC", Decimal("0.00002287"), Decimal("0.00030647"))
    with pytest.raises(MalformedMessage):
        balance_report(wire.Portfolio("", Decimal(1), Decimal(1)), payloads.ACCOUNT, 5)
