"""What travels between a server and its clients reads back as it was sent."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain import outcome as out
from liveexec.domain.fill import Fill, FillKey, Liquidity
from liveexec.domain.ids import AccountId, ClientOrderId, VenueOrderId
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.errors import AdapterError
from liveexec.venues.paper.protocol import (
    MAX_FRAME_BYTES,
    Hello,
    Order,
    Replacement,
    Role,
    decode,
    decode_named,
    encode,
    encode_named,
    read_frame,
)
from support.paper import ALICE, SPOT, Floor, dec, levels, ref

_amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e18"), max_value=Decimal("1e18"))
_fill = Fill(FillKey("k"), SPOT, Side.BUY, dec("1.50"), dec("99.10"), dec("-0.1"), "USDT", Liquidity.MAKER, 5)
_order_report = out.OrderReport(
    ALICE,
    SPOT,
    ClientOrderId("c"),
    None,
    out.VenueOrderStatus.WORKING,
    Side.SELL,
    OrderType.LIMIT,
    TimeInForce.GTD,
    dec(2),
    dec("99.1"),
    dec(0),
    7,
    refs={"nonce": "5"},
)


def _same(one: Any, other: Any) -> bool:
    """Whether two records are equal, field by field, and their numbers digit by digit."""
    return type(one) is type(other) and repr(one) == repr(other)


@pytest.mark.parametrize(
    "value",
    [
        out.Sent(),
        out.Accepted(VenueOrderId("v")),
        out.Accepted(),
        out.Rejected("CODE", "why, naïve ✓"),
        out.Unknown("lost"),
        out.Absent(5),
        out.NotKnown("later"),
        out.Gap(AccountId("a"), "lost"),
        out.AssetReport(ALICE, "USDT", dec("-0.000000000000000001"), out.AssetKind.FEE, "r", 5),
        out.SettlementReport(ALICE, SPOT, dec("0.5"), "r", 5),
        out.FillReport(ALICE, None, VenueOrderId("v"), _fill, out.FillAction.BUST, FillKey("k")),
        _order_report,
        Book(SPOT, levels(("99.10", "1.50")), (), 5, 6),
        TradeBar(SPOT, 0, 1, dec(1), dec(2), dec(3), 4),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_named_value_reads_back(value: object) -> None:
    assert _same(decode_named(encode_named(value)), value)


def test_requests_read_back() -> None:
    order = Floor().order(Side.BUY, "1.50", "99.10", expire_at_ns=5, details={"a": [1, "x", None]})
    plan = out.SendPlan(ClientOrderId("c"), 5, {"nonce": "1"}, "cGF5bG9hZA==")
    for value in (Order(order, plan), Replacement(ref(VenueOrderId("v")), order, plan, dec("0.5"))):
        assert _same(decode(encode(value), type(value)), value)
    hello = Hello(1, Role.MARKET, instruments=(SPOT,))
    assert decode(encode(hello), Hello) == hello


@given(_amounts, _amounts)
def test_amounts_keep_every_digit(quantity: Decimal, cost: Decimal) -> None:
    bar = decode_named(encode_named(TradeBar(SPOT, 0, 1, quantity, cost, dec(1), 1)))
    assert (bar.quantity, bar.cost) == (quantity, cost)


@pytest.mark.parametrize(
    "body",
    [b"", b"5", b"{}", b'["OrderReport",{}]', b'["Nobody",{}]', b'["Sent"]', b'["Gap",{"account_id":5}]', b"\xff\xfe"],
)
def test_nonsense_is_one_clear_error(body: bytes) -> None:
    with pytest.raises(AdapterError, match="paper venue"):
        decode_named(body)


@pytest.mark.anyio
async def test_frames_are_read_one_by_one_and_a_cut_one_is_the_end() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"\0\0\0\x02ab\0\0\0\0\0\0\0\x05cut")
    reader.feed_eof()
    assert [await read_frame(reader) for _ in range(3)] == [b"ab", b"", None]


@pytest.mark.anyio
async def test_a_frame_that_is_too_long_is_not_read() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data((MAX_FRAME_BYTES + 1).to_bytes(4))
    with pytest.raises(AdapterError, match="announced"):
        await read_frame(reader)
