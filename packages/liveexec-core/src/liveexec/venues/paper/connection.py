"""The server's side of one connection: it answers calls and pushes what happens, until either side is gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.outcome import OrderRef, Snapshot
from liveexec.errors import AdapterError
from liveexec.venues.paper import protocol
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec.venues.paper.protocol import Call, Form, Frame, encode, encode_named, read_frame, write_frame
from liveexec.venues.paper.sessions import MarketStream

__all__ = ["pump", "send_error", "send_value", "serve_market", "serve_session"]

#: Calls of one connection that may be travelling at the same time; beyond it, reading waits.
MOST_CALLS: Final = 1_024

#: What a call does: its result is written by the function itself.
_Method = Callable[["_Session", Call], Awaitable[None]]


async def serve_session(adapter: PaperAdapter, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve a session until the client hangs up or the session is lost.

    What the client had under way keeps travelling: it is in the world, not here.
    """
    session = _Session(adapter, writer)
    await _until_first_ends(
        asyncio.create_task(pump(adapter.reports(), writer), name="paper-reports"),
        asyncio.create_task(session.answer_all(reader), name="paper-calls"),
    )


async def serve_market(stream: MarketStream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Push market data until the client hangs up or the stream ends."""
    await _until_first_ends(
        asyncio.create_task(pump(stream, writer), name="paper-market"),
        asyncio.create_task(_hung_up(reader), name="paper-hang-up"),
    )


async def _until_first_ends(*tasks: asyncio.Task[None]) -> None:
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


async def _hung_up(reader: asyncio.StreamReader) -> None:
    while await read_frame(reader) is not None:
        pass


async def pump(items: AsyncIterator[Any], writer: asyncio.StreamWriter) -> None:
    """Push everything that comes, as fast as the client reads."""
    async for item in items:
        write_frame(writer, Frame("push", 0, type(item).__name__, encode_named(item)))
        await writer.drain()


def send_value(writer: asyncio.StreamWriter, call: Call, value: Any) -> None:
    """Answer a call with a value whose kind the method tells."""
    write_frame(writer, Frame("reply", call.id, Form.VALUE, encode(value)))


def send_error(writer: asyncio.StreamWriter, call: Call, message: str) -> None:
    """Answer a call with an error."""
    write_frame(writer, Frame("reply", call.id, Form.ERROR, encode(message)))


class _Session:
    """The calls of one client and their answers."""

    def __init__(self, adapter: PaperAdapter, writer: asyncio.StreamWriter) -> None:
        self.adapter = adapter
        self.writer = writer

    async def answer_all(self, reader: asyncio.StreamReader) -> None:
        """Answer until the client hangs up; calls travel side by side unless the venue is without latency."""
        loop = asyncio.get_running_loop()
        room = asyncio.Semaphore(MOST_CALLS)
        travelling: set[asyncio.Task[None]] = set()
        try:
            while (frame := await read_frame(reader)) is not None:
                call: Call = protocol.decode(frame, Call)
                if self.adapter.is_direct:
                    await self.answer(call)
                else:
                    await room.acquire()
                    # Eager, so that a request which was read is on its way even if the client hangs up right after it.
                    task = asyncio.Task(self.answer(call), loop=loop, name=f"paper-{call.method}", eager_start=True)
                    travelling.add(task)
                    task.add_done_callback(travelling.discard)
                    task.add_done_callback(lambda _: room.release())
                await self.writer.drain()
        finally:
            # Nobody waits for these answers any more.
            for task in travelling:
                task.cancel()

    async def answer(self, call: Call) -> None:
        """Carry out one call and write its answer."""
        method = _METHODS.get(call.method)
        if method is None:
            send_error(self.writer, call, f"there is no method {call.method[:60]!r}")
            return
        try:
            await method(self, call)
        except AdapterError as error:
            send_error(self.writer, call, str(error))
        except Exception as error:
            send_error(self.writer, call, f"the venue failed: {error!r}")
            raise

    def send_named(self, call: Call, value: object) -> None:
        write_frame(self.writer, Frame("reply", call.id, Form.VALUE, encode_named(value)))

    def send_items(self, call: Call, items: Sequence[Any], head: object) -> None:
        """Send a long answer in parts, all of one moment."""
        for chunk in protocol.chunks(items):
            write_frame(self.writer, Frame("reply", call.id, Form.PART, encode(chunk)))
        send_value(self.writer, call, head)

    def send_snapshot(self, call: Call, snapshot: Snapshot[Any]) -> None:
        head = protocol.SnapshotHead(
            snapshot.requested_at_ns, snapshot.responded_at_ns, snapshot.complete, snapshot.as_of_ns
        )
        self.send_items(call, snapshot.items, head)


async def _submit(session: _Session, call: Call) -> None:
    asked: protocol.Order = protocol.decode(call.arguments, protocol.Order)
    session.send_named(call, await session.adapter.submit(asked.order, asked.plan))


async def _cancel(session: _Session, call: Call) -> None:
    session.send_named(call, await session.adapter.cancel(protocol.decode(call.arguments, OrderRef)))


async def _replace(session: _Session, call: Call) -> None:
    asked: protocol.Replacement = protocol.decode(call.arguments, protocol.Replacement)
    outcome = await session.adapter.replace(asked.ref, asked.order, asked.plan, asked.filled_quantity)
    session.send_named(call, outcome)


async def _cancel_all(session: _Session, call: Call) -> None:
    session.send_named(call, await session.adapter.cancel_all(protocol.decode(call.arguments, AccountId)))


async def _order(session: _Session, call: Call) -> None:
    session.send_named(call, await session.adapter.order(protocol.decode(call.arguments, OrderRef)))


async def _open_orders(session: _Session, call: Call) -> None:
    session.send_snapshot(call, await session.adapter.open_orders(protocol.decode(call.arguments, AccountId)))


async def _fills(session: _Session, call: Call) -> None:
    asked: protocol.FillsQuestion = protocol.decode(call.arguments, protocol.FillsQuestion)
    session.send_snapshot(call, await session.adapter.fills(asked.account_id, asked.since_ns))


async def _positions(session: _Session, call: Call) -> None:
    session.send_snapshot(call, await session.adapter.positions(protocol.decode(call.arguments, AccountId)))


async def _balances(session: _Session, call: Call) -> None:
    session.send_snapshot(call, await session.adapter.balances(protocol.decode(call.arguments, AccountId)))


async def _venue_time(session: _Session, call: Call) -> None:
    send_value(session.writer, call, await session.adapter.venue_time_ns())


async def _recent_trades(session: _Session, call: Call) -> None:
    bars = await session.adapter.recent_trades(protocol.decode(call.arguments, InstrumentId))
    session.send_items(call, bars, None)


_METHODS: Final[dict[str, _Method]] = {
    "submit": _submit,
    "cancel": _cancel,
    "replace": _replace,
    "cancel_all": _cancel_all,
    "order": _order,
    "open_orders": _open_orders,
    "fills": _fills,
    "positions": _positions,
    "balances": _balances,
    "venue_time": _venue_time,
    "recent_trades": _recent_trades,
}
