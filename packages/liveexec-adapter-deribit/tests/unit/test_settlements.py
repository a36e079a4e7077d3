"""Deliveries: what an instrument is worth when it ends."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from deribit_support import payloads
from liveexec.domain.outcome import SettlementReport
from liveexec_deribit import wire
from liveexec_deribit.names import DERIBIT, Combo
from liveexec_deribit.rpc import Frame, MalformedMessage, decoded, read_frame
from liveexec_deribit.settlements import DeliveryHistory, settlement_report

pytestmark = pytest.mark.anyio


def delivery(**changes: Any) -> dict[str, Any]:
    return {
        "type": "delivery",
        "timestamp": payloads.NOW_MS,
        "instrument_name": "BTC-15FEB19-4000-P",
        "position": 64,
        "profit_loss": -0.427669766,
        "session_profit_loss": 4.703907906,
        "mark_price": 0.121679828,
        "index_price": 3566.08,
    } | changes


def report(**changes: Any) -> SettlementReport | None:
    told = decoded(wire.Settlement, payloads.raw(delivery(**changes)), "it")
    return settlement_report(told, payloads.ACCOUNT, DERIBIT)


@pytest.mark.parametrize(
    ("name", "index", "price"),
    [
        # The venue's own figure is this, cut to nine places.
        ("BTC-15FEB19-4000-P", "3566.08", "0.121679827709978464"),
        ("BTC-15FEB19-4000-C", "3566.08", "0"),
        ("BTC-15FEB19-3000-C", "4000", "0.25"),
        ("ETH_USDC-25DEC26-3000-C", "3100.5", "100.5"),
        ("XRP_USDC-30JUN23-0d625-P", "0.5", "0.125"),
        ("BTC-15FEB19", "3566.08", "3566.08"),
    ],
)
def test_an_option_is_worth_what_is_in_the_money_a_future_its_index(name: str, index: str, price: str) -> None:
    said = report(instrument_name=name, index_price=float(index))
    assert said is not None
    assert said.price == Decimal(price)
    assert said.reference == f"{name}-{payloads.NOW_MS}"
    assert said.venue_time_ns == payloads.NOW_MS * 1_000_000


def test_the_settlement_of_a_session_ends_nothing() -> None:
    assert report(type="settlement", instrument_name="BTC-PERPETUAL") is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"index_price": 0}, MalformedMessage),
        ({"index_price": -5}, MalformedMessage),
        ({"instrument_name": "BTC-PERPETUAL"}, MalformedMessage),
        ({"instrument_name": "nothing"}, MalformedMessage),
        ({"instrument_name": "BTC-FS-19MAY26_PERP"}, Combo),
    ],
)
def test_what_makes_no_sense_is_no_settlement(changes: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        report(**changes)


async def test_pages_are_read_until_they_are_older_than_asked_for() -> None:
    ages = [0, 10, 20, 30, 40, 50]
    told = [delivery(timestamp=payloads.NOW_MS - age, instrument_name=f"BTC-15FEB19-{age + 1}-C") for age in ages]
    told.insert(1, delivery(instrument_name="BTC-FS-19MAY26_PERP"))
    asked: list[Mapping[str, Any]] = []

    async def ask(method: str, params: Mapping[str, Any]) -> Frame:
        assert method == "private/get_settlement_history_by_currency"
        asked.append(params)
        at = int(params.get("continuation", "0"))
        page = {"settlements": told[at : at + 2], "continuation": str(at + 2) if at + 2 < len(told) else "none"}
        return read_frame(payloads.answer(page))

    history = DeliveryHistory(payloads.ACCOUNT, DERIBIT, ("BTC",), ask, page=2)
    found = await history.since((payloads.NOW_MS - 20) * 1_000_000)
    assert found.complete
    assert [payloads.NOW_MS - each.venue_time_ns // 1_000_000 for each in found.items] == [20, 10, 0]
    assert len(asked) == 3
