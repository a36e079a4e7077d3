"""Books and trades over a connection of their own."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import anyio
import pytest

from deribit_support.harness import LINEAR, PERPETUAL, DeribitHarness
from deribit_support.waiting import eventually
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.operation import Side
from liveexec.errors import AdapterError
from liveexec_deribit.adapter import DeribitAdapter
from liveexec_deribit.loopback.faults import NotificationFault
from liveexec_testkit.conformance.trial import Trial


@pytest.fixture
async def venue() -> AsyncIterator[DeribitHarness]:
    async with DeribitHarness() as harness:
        yield harness


@pytest.fixture
async def adapter(venue: DeribitHarness) -> AsyncIterator[DeribitAdapter]:
    made = venue.adapter()
    assert isinstance(made, DeribitAdapter)
    await made.connect()
    yield made
    await made.disconnect()


async def until(stream: AsyncIterator[Book | TradeBar], is_it: Callable[[Book | TradeBar], bool]) -> Book | TradeBar:
    with anyio.fail_after(10):
        async for update in stream:
            if is_it(update):
                return update
    raise AssertionError("the stream ended")


async def rest_both(venue: DeribitHarness) -> None:
    await venue.rest(PERPETUAL, Side.BUY, Decimal(89_990), Decimal(1_000))
    await venue.rest(PERPETUAL, Side.SELL, Decimal(90_010), Decimal(2_000))


async def test_books_show_the_latest(venue: DeribitHarness, adapter: DeribitAdapter) -> None:
    await rest_both(venue)
    stream = adapter.market([PERPETUAL])
    book = await until(stream, lambda update: isinstance(update, Book) and update.is_sane)
    assert isinstance(book, Book)
    assert (book.bids, book.asks) == (((Decimal(89_990), 1_000),), ((Decimal(90_010), 2_000),))
    await venue.rest(PERPETUAL, Side.BUY, Decimal(89_995), Decimal(500))
    await until(stream, lambda update: isinstance(update, Book) and update.best_bid == 89_995)
    await venue.clear(PERPETUAL)
    await until(
        stream, lambda update: isinstance(update, Book) and update.instrument_id == PERPETUAL and not update.bids
    )


async def test_a_hole_in_a_book_is_mended_by_a_new_subscription(venue: DeribitHarness, adapter: DeribitAdapter) -> None:
    await rest_both(venue)
    stream = adapter.market([PERPETUAL])
    await until(stream, lambda update: isinstance(update, Book) and update.is_sane)
    subscribed = _subscriptions(venue)
    venue.control.fault(NotificationFault(kind="drop", channel="book.*"))
    await venue.rest(PERPETUAL, Side.BUY, Decimal(89_995), Decimal(500))
    await eventually("the loss", lambda: not venue.server.venue.faults.notifications)
    await venue.rest(PERPETUAL, Side.BUY, Decimal(89_996), Decimal(500))
    book = await until(stream, lambda update: isinstance(update, Book) and update.best_bid == 89_996)
    assert isinstance(book, Book)
    assert [price for price, _ in book.bids] == [89_996, 89_995, 89_990]
    assert _subscriptions(venue) > subscribed


def _subscriptions(venue: DeribitHarness) -> int:
    return sum(method == "public/subscribe" for _, method in venue.server.venue.requests)


async def test_a_book_that_cannot_be_read_is_asked_for_again(venue: DeribitHarness, adapter: DeribitAdapter) -> None:
    await rest_both(venue)
    stream = adapter.market([PERPETUAL])
    await until(stream, lambda update: isinstance(update, Book) and update.is_sane)
    venue.control.send(
        b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.BTC-PERPETUAL.100ms","data":{"bids":1}}}'
    )
    book = await until(stream, lambda update: isinstance(update, Book) and update.is_sane)
    assert isinstance(book, Book)
    assert book.best_bid == 89_990


async def test_trades_are_bars(venue: DeribitHarness, adapter: DeribitAdapter) -> None:
    await rest_both(venue)
    stream = adapter.market([PERPETUAL])
    await until(stream, lambda update: isinstance(update, Book) and update.is_sane)
    # Nobody trades with themselves, so one side has to be ours.
    async with Trial(venue) as trial:
        line = await trial.line()
        await line.place(line.order(Side.BUY, 20, quantity=Decimal(700)))
    bar = await until(stream, lambda update: isinstance(update, TradeBar))
    assert isinstance(bar, TradeBar)
    assert (bar.quantity, bar.last_price, bar.count) == (700, 90_010, 1)
    (recent,) = await adapter.recent_trades(PERPETUAL)
    assert (recent.quantity, recent.cost, recent.start_ns % 1_000_000_000) == (700, 700 * 90_010, 0)
    assert await adapter.recent_trades(LINEAR) == ()


async def test_quotes_are_books_of_one_level(venue: DeribitHarness) -> None:
    adapter = venue.adapter(market_data="quote")
    assert isinstance(adapter, DeribitAdapter)
    await adapter.connect()
    await rest_both(venue)
    await venue.rest(PERPETUAL, Side.BUY, Decimal(89_980), Decimal(1_000))
    stream = adapter.market([PERPETUAL])
    book = await until(stream, lambda update: isinstance(update, Book) and update.is_sane)
    assert isinstance(book, Book)
    assert (len(book.bids), book.best_ask) == (1, 90_010)
    await adapter.disconnect()


async def test_market_data_ends_with_the_session(venue: DeribitHarness, adapter: DeribitAdapter) -> None:
    await rest_both(venue)
    stream = adapter.market([PERPETUAL])
    await until(stream, lambda update: isinstance(update, Book) and update.is_sane)
    venue.cut_all()
    with pytest.raises(AdapterError):
        await until(stream, lambda _: False)
    with pytest.raises(AdapterError, match="no session"):
        adapter.market([PERPETUAL])
