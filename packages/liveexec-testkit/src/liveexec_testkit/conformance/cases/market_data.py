"""Market data: books and trades, apart from reports."""

from collections.abc import AsyncIterator

import anyio

from liveexec.domain.market import Book, Level, TradeBar
from liveexec.domain.operation import Side
from liveexec.plugins.adapter import StreamsMarket
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.line import stepped
from liveexec_testkit.conformance.needs import SINGLE_FILLS, Ability
from liveexec_testkit.conformance.scripts import CutConnection
from liveexec_testkit.conformance.trial import Trial

__all__ = ["MarketDataCases"]

_NEEDS = (Ability(StreamsMarket),)

#: The best bid and the best ask.
_Best = tuple[Level, Level]


class MarketDataCases(CaseGroup):
    """What the venue shows of its books is what the engine is told."""

    subject = "Market data"

    @case(
        102,
        "The book is the venue's, and follows it",
        proves="market() yields books whose best prices and quantities are those in the venue's book, in the listing's "
        "units, and a changed book follows.",
        needs=_NEEDS,
    )
    async def test_lx102_book(self, trial: Trial) -> None:
        line = await trial.line()
        assert isinstance(line.adapter, StreamsMarket)
        market = line.adapter.market([each.instrument_id for each in trial.venue.instruments])
        for instrument in trial.venue.instruments:
            for ticks in (5, 7):
                await trial.venue.clear(instrument.instrument_id)
                await trial.quote(line, on=instrument, ticks=ticks)
                listing = line.listings[instrument.instrument_id]
                bid, ask = (stepped(listing, instrument.price, away) for away in (-ticks, ticks))
                best = ((bid, instrument.quantity), (ask, instrument.quantity))
                await _shown(trial, market, instrument.instrument_id, best)

    @case(
        103,
        "Quotes never hold up a fill",
        proves="While market data is subscribed and nobody reads it, hundreds of book changes later, a fill is told at "
        "once.",
        needs=(*_NEEDS, SINGLE_FILLS),
    )
    async def test_lx103_apart(self, trial: Trial) -> None:
        line = await trial.line()
        assert isinstance(line.adapter, StreamsMarket)
        market = line.adapter.market([trial.usual.instrument_id])
        await trial.quote(line)
        await anext(market)
        # Before the others' quotes, so that it is this order that is taken.
        placed = await line.place(line.order(ticks=-4))
        for number in range(200):
            await trial.rest(line, Side.SELL, 6 + number % 5, trial.usual.quantity)
        await trial.take(placed, placed.order.quantity)
        await line.fills_of(placed, placed.order.quantity)

    @case(
        104,
        "Market data ends with its session",
        proves="When the connection is cut, market() ends or raises, or (in an adapter that reconnects by itself) goes "
        "on with fresh books after the gap: no stale book is taken for the present one.",
        needs=(*_NEEDS, CutConnection()),
    )
    async def test_lx104_ends(self, trial: Trial) -> None:
        line = await trial.line()
        assert isinstance(line.adapter, StreamsMarket)
        market = line.adapter.market([trial.usual.instrument_id])
        await trial.quote(line)
        await anext(market)
        await trial.venue.inject(CutConnection())
        is_over = False
        with anyio.move_on_after(trial.venue.patience_s):
            try:
                while not line.heard.gaps:
                    await anext(market)
            except Exception:  # noqa: BLE001  (ended or raised: both are asked for)
                is_over = True
        assert is_over or line.heard.gaps, "market data goes on waiting in a session that is gone"

    @case(
        105,
        "Recent trades are in order, and the venue's",
        proves="recent_trades() gives sums of trades, oldest first, at prices and quantities above zero.",
        needs=_NEEDS,
    )
    async def test_lx105_recent_trades(self, trial: Trial) -> None:
        line = await trial.line()
        assert isinstance(line.adapter, StreamsMarket)
        placed = await line.place()
        await trial.take(placed, placed.order.quantity)
        bars = await line.adapter.recent_trades(trial.usual.instrument_id)
        assert all(isinstance(each, TradeBar) for each in bars)
        starts = [each.start_ns for each in bars]
        assert starts == sorted(starts), "they are not oldest first"
        assert all(each.quantity > 0 for each in bars)


async def _shown(trial: Trial, market: AsyncIterator[Book | TradeBar], instrument_id: str, best: _Best) -> None:
    """Read books until one shows these best levels."""
    last: Book | None = None
    with anyio.move_on_after(trial.venue.patience_s):
        async for update in market:
            if isinstance(update, Book) and update.instrument_id == instrument_id:
                last = update
                if bool(last.bids and last.asks) and (last.bids[0], last.asks[0]) == best:
                    return
    raise AssertionError(f"waited for the best levels {best}; the last book told is {last}")
