"""One WebSocket connection: reading requests, writing what is due, and heartbeats."""

import contextlib
from collections.abc import Callable

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from liveexec_deribit.loopback.protocol import heartbeat
from liveexec_deribit.loopback.session import Session
from liveexec_deribit.loopback.venue import Venue

#: How often a connection without heartbeats looks whether it has been asked for them.
_IDLE_S = 0.05


async def serve_websocket(venue: Venue, socket: WebSocket, drop: Callable[[], None]) -> None:
    """Serve a connection until either side ends it. ``drop`` cuts its TCP connection without a word."""
    await socket.accept()
    send, receive = anyio.create_memory_object_stream[bytes](venue.config.outbox_messages)
    ended = anyio.Event()
    abrupt = False

    def deliver(message: bytes) -> None:
        try:
            send.send_nowait(message)
        except anyio.WouldBlock:
            session.close(abruptly=True)  # the client does not read: the venue does not wait for it

    def end(abruptly: bool) -> None:
        nonlocal abrupt
        abrupt = abruptly
        ended.set()

    session = Session(carrier="websocket", deliver=deliver, end=end)
    venue.open(session)
    try:
        async with send, receive, anyio.create_task_group() as group:
            group.start_soon(_read, venue, session, socket, ended)
            group.start_soon(_heartbeat, session)
            writer_done = anyio.Event()
            group.start_soon(_write, receive, socket, ended, writer_done)
            await ended.wait()
            # From here on nothing more is put on the wire, whichever side ended it.
            session.is_closed = True
            send.close()
            if not abrupt:
                # What was on its way still goes out before the close.
                with anyio.move_on_after(1):
                    await writer_done.wait()
            group.cancel_scope.cancel()
    finally:
        venue.leave(session)
    if abrupt:
        drop()
        return
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the client may have closed first
        await socket.close()


async def _read(venue: Venue, session: Session, socket: WebSocket, ended: anyio.Event) -> None:
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                break
            body = message.get("text")
            venue.receive(session, message.get("bytes", b"") if body is None else body)
    finally:
        ended.set()


async def _write(
    due: anyio.abc.ObjectReceiveStream[bytes], socket: WebSocket, ended: anyio.Event, done: anyio.Event
) -> None:
    try:
        async for message in due:
            await socket.send_text(message.decode())
    except (RuntimeError, WebSocketDisconnect):
        ended.set()  # the client is gone
    finally:
        done.set()


async def _heartbeat(session: Session) -> None:
    """Send a heartbeat and a test request every interval; whoever has not answered the last one is dropped."""
    while True:
        interval_s = session.heartbeat_s
        await anyio.sleep(_IDLE_S if interval_s is None else interval_s)
        if session.heartbeat_s is None or interval_s is None:
            continue
        if not session.heard_since_test:
            session.is_silent = False
            session.close(abruptly=True)
            return
        session.heard_since_test = False
        session.send(heartbeat("heartbeat"))
        session.send(heartbeat("test_request"))
