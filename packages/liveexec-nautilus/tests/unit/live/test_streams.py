"""Reports come in order and whole, or not at all; of books only the latest waits."""

from decimal import Decimal

import pytest

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import Gap
from liveexec.errors import AdapterError
from liveexec_nautilus.live.streams import MarketStream, ReportStream

pytestmark = pytest.mark.anyio

ACCOUNT = AccountId("main")
PAIR, OTHER = InstrumentId("OKX:SPOT_PAIR:BTC-USDT"), InstrumentId("OKX:SPOT_PAIR:ETH-USDT")


def book(instrument_id: InstrumentId, price: int) -> Book:
    return Book(instrument_id, ((Decimal(price), Decimal(1)),), (), price, price)


def bar(instrument_id: InstrumentId, start_ns: int) -> TradeBar:
    return TradeBar(instrument_id, start_ns, start_ns + 1, Decimal(2), Decimal(6), Decimal(3), 1)


async def test_reports_come_in_order_until_the_stream_is_closed() -> None:
    stream = ReportStream(10)
    for reason in "abc":
        stream.push(Gap(ACCOUNT, reason))
    assert [(await anext(stream)).reason for _ in range(3)] == ["a", "b", "c"]  # type: ignore[union-attr]  # all gaps
    stream.close()
    assert [each async for each in stream] == []


async def test_a_stream_that_nobody_reads_is_lost_rather_than_cut() -> None:
    stream = ReportStream(2)
    for _ in range(3):
        stream.push(Gap(ACCOUNT, "a"))
    assert stream.is_over
    with pytest.raises(AdapterError, match="wait to be read"):
        await anext(stream)


async def test_of_the_books_of_an_instrument_the_latest_waits_and_none_starves() -> None:
    stream = MarketStream()
    for each in (book(PAIR, 1), book(OTHER, 1), book(PAIR, 2)):
        stream.book(each)
    found = [await anext(stream), await anext(stream)]
    assert [(each.instrument_id, each.bids[0][0]) for each in found if isinstance(each, Book)] == [
        (OTHER, 1),
        (PAIR, 2),
    ]
    stream.lose(AdapterError("gone"))
    with pytest.raises(AdapterError, match="gone"):
        await anext(stream)


async def test_trades_of_a_second_are_one_bar_while_they_wait() -> None:
    stream = MarketStream()
    for each in (bar(PAIR, 1), bar(PAIR, 1), bar(OTHER, 1), bar(PAIR, 2)):
        stream.bar(each)
    found = [await anext(stream) for _ in range(3)]
    assert [(each.instrument_id, each.quantity, each.count) for each in found if isinstance(each, TradeBar)] == [
        (PAIR, 4, 2),
        (OTHER, 2, 1),
        (PAIR, 2, 1),
    ]
