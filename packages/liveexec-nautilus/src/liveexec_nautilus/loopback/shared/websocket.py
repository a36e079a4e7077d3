"""One WebSocket connection: reading requests and writing what is due."""

import contextlib
from collections.abc import Callable
from typing import Final

import anyio
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue

__all__ = ["serve_websocket"]

#: Messages that may wait for a client that does not read: then it is dropped.
_OUTBOX_MESSAGES: Final = 10_000
_NORMAL: Final = 1000


async def serve_websocket(venue: LoopbackVenue, socket: WebSocket, drop: Callable[[], None]) -> None:
    """Serve a connection until either side ends it. ``drop`` cuts its TCP connection without a word."""
    if venue.faults.refuses_session():
        await socket.send_denial_response(Response("scripted", status_code=503))
        return
    send, receive = anyio.create_memory_object_stream[str | bytes](_OUTBOX_MESSAGES)
    ended = anyio.Event()
    abrupt, code = False, _NORMAL

    def deliver(message: str | bytes) -> None:
        try:
            send.send_nowait(message)
        except anyio.WouldBlock:
            session.close(abruptly=True)  # the client does not read: the venue does not wait for it

    def end(abruptly: bool, with_code: int) -> None:
        nonlocal abrupt, code
        abrupt, code = abruptly, with_code
        ended.set()

    headers = {name.lower(): value for name, value in socket.headers.items()}
    session = Session(path=socket.url.path, query=socket.url.query, headers=headers, deliver=deliver, end=end)
    if not venue.open(session):
        send.close()
        receive.close()
        await socket.send_denial_response(Response("not found", status_code=404))
        return
    await socket.accept()
    try:
        async with send, receive, anyio.create_task_group() as group:
            group.start_soon(_read, venue, session, socket, ended)
            writer_done = anyio.Event()
            group.start_soon(_write, receive, socket, ended, writer_done)
            await ended.wait()
            # From here on nothing more is put on the wire, whichever side ended it.
            session.is_closed = True
            send.close()
            if not abrupt:
                # What was on its way still goes out before the end.
                with anyio.move_on_after(1):
                    await writer_done.wait()
            group.cancel_scope.cancel()
    finally:
        venue.leave(session)
    if abrupt:
        drop()
        return
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the client may have closed first
        await socket.close(code)


async def _read(venue: LoopbackVenue, session: Session, socket: WebSocket, ended: anyio.Event) -> None:
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                break
            text = message.get("text")
            venue.take_message(session, message["bytes"].decode(errors="replace") if text is None else text)
    finally:
        ended.set()


async def _write(
    due: anyio.abc.ObjectReceiveStream[str | bytes], socket: WebSocket, ended: anyio.Event, done: anyio.Event
) -> None:
    try:
        async for message in due:
            if isinstance(message, str):
                await socket.send_text(message)
            else:
                await socket.send_bytes(message)
    except (RuntimeError, WebSocketDisconnect):
        ended.set()  # the client is gone
    finally:
        done.set()
