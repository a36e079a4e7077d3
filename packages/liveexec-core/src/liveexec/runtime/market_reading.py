"""Reading a session's market data: the stream at once, and beside it what was traded before it, one slot a question.

What was traded lately is what a VWAP without a profile of its own is sliced by, and is asked for of few instruments:
those that the configuration names, else those that are held or have open orders; of a venue that lists a handful, all.
"""

from collections import deque
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, Final

import anyio
import structlog

from liveexec.domain.ids import InstrumentId, ProductId, VenueName
from liveexec.domain.market import Book, TradeBar
from liveexec.engine.market_view import MAX_BARS
from liveexec.engine.state import EngineState
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import StreamsMarket

__all__ = ["read_market", "remembered", "traded_in"]

_log = structlog.get_logger(__name__)

#: A venue that lists no more than this is asked about everything that it lists.
_FEW: Final = 32
#: What asking fails with when the venue does not answer as it should; the stream says whether the session is lost.
_EXPECTED: Final = (AdapterError, OSError, TimeoutError, EOFError)


def remembered(
    wanted: Sequence[InstrumentId], *, is_chosen: bool, traded: Callable[[], Collection[InstrumentId]]
) -> tuple[InstrumentId, ...]:
    """Of which of the instruments that are streamed the past is asked for; ``is_chosen`` if a configuration names
    them."""
    if is_chosen or len(wanted) <= _FEW:
        return tuple(wanted)
    chosen = traded()
    return tuple(each for each in wanted if each in chosen)


def traded_in(state: EngineState) -> frozenset[InstrumentId]:
    """The instruments in which something is held or open, all those of a product that is."""
    books = state.ledger.books.values()
    found = {each for book in books for each, position in book.positions.items() if position.quantity}
    for order in state.ledger.orders.values():
        key = order.intent.instrument_key
        if order.is_open and key is not None:
            found.update(state.products.get(ProductId(key), (InstrumentId(key),)))
    return frozenset(found)


async def read_market(
    adapter: StreamsMarket,
    venue: VenueName,
    instruments: Sequence[InstrumentId],
    past: Sequence[InstrumentId],
    slot: Callable[[], Coroutine[Any, Any, None] | None],
    take: Callable[[Book | TradeBar], None],
) -> None:
    """Hand on books and trades of the instruments until the session is lost; returns never, but by an exception.

    ``past`` are those whose recent trades come first: what the stream tells of their trades waits for them, books
    don't. ``slot`` says what a question has to wait for.
    """
    waiting: dict[InstrumentId, deque[TradeBar]] = {each: deque(maxlen=MAX_BARS) for each in past}
    stream = adapter.market(instruments)
    async with anyio.create_task_group() as group:
        group.start_soon(_read_past, adapter, venue, waiting, slot, take)
        async for update in stream:
            held = waiting.get(update.instrument_id) if isinstance(update, TradeBar) else None
            if held is not None and isinstance(update, TradeBar):
                held.append(update)
            else:
                take(update)
        raise AdapterError(f"{venue} ended its stream of market data")


async def _read_past(
    adapter: StreamsMarket,
    venue: VenueName,
    waiting: dict[InstrumentId, deque[TradeBar]],
    slot: Callable[[], Coroutine[Any, Any, None] | None],
    take: Callable[[Book | TradeBar], None],
) -> None:
    for instrument_id in tuple(waiting):
        told_until_ns = 0
        try:
            if (turn := slot()) is not None:
                await turn
            for bar in await adapter.recent_trades(instrument_id):
                take(bar)
                told_until_ns = max(told_until_ns, bar.end_ns)
        except _EXPECTED as error:
            _log.warning("recent_trades_not_read", venue=venue, instrument=instrument_id, error=str(error))
        for bar in waiting.pop(instrument_id):
            # What both tell counts once.
            if bar.start_ns >= told_until_ns:
                take(bar)
