"""Larkspur's protocol over the exchange: HTTP for requests, WebSockets for reports and market data."""

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from larkspur_loopback import documents
from larkspur_loopback.exchange import PAIRS, Account, Exchange, Refusal
from larkspur_loopback.faults import Faults
from larkspur_loopback.feeds import Feeds, ReportFeed
from liveexec_testkit.conformance.scripts import (
    CutDuring,
    CutPages,
    DelayAnswer,
    FailInside,
    LimitRate,
    LoseAnswer,
    MalformedAnswer,
    Refuse,
    RefuseLogin,
    RequestFault,
    UnknownFields,
    Verb,
)

__all__ = ["Venue"]

#: How far a request's time may be off, and how often a stream beats.
_WINDOW_US: Final = 5_000_000
_BEAT_S: Final = 0.15
_PAGE: Final = 500

Act = Callable[[Account], dict[str, Any]]


class Venue:
    """The application, and what its handlers share. ``cut`` breaks every connection there is."""

    def __init__(self, exchange: Exchange, cut: Callable[[], None]) -> None:
        self.exchange, self.faults = exchange, Faults()
        self.feeds = Feeds(exchange, self.faults)
        self._cut = cut
        self._closing = asyncio.Event()
        order, by_client = "/v1/orders/{order_id}", "/v1/orders/by-client/{client_id}"
        self.app = Starlette(
            routes=[
                Route("/v1/time", self._time),
                Route("/v1/instruments", self._instruments),
                Route("/v1/trades", self._trades),
                Route("/v1/balances", self._balances),
                Route("/v1/fills", self._fills),
                Route("/v1/orders", self._open_orders, methods=["GET"]),
                Route("/v1/orders", self._place, methods=["POST"]),
                Route("/v1/orders", self._cancel_all, methods=["DELETE"]),
                Route(order, self._order, methods=["GET"]),
                Route(by_client, self._order, methods=["GET"]),
                Route(order, self._cancel, methods=["DELETE"]),
                Route(by_client, self._cancel, methods=["DELETE"]),
                WebSocketRoute("/v1/reports", self._reports),
                WebSocketRoute("/v1/market", self._market),
            ],
            exception_handlers={ClientDisconnect: _nobody_is_there},
        )

    def close(self) -> None:
        """Let go of whoever was left to wait for ever."""
        self._closing.set()

    # -- public --------------------------------------------------------------------------------------------------

    async def _time(self, _: Request) -> Response:
        return self._said(200, {"time_us": self.exchange.now_us()})

    async def _instruments(self, _: Request) -> Response:
        return self._said(200, {"instruments": [documents.pair(each) for each in PAIRS.values()]})

    async def _trades(self, request: Request) -> Response:
        symbol = request.query_params.get("symbol")
        found = [documents.trade(each) for each in self.exchange.trades if each.order.symbol == symbol]
        return self._said(200, {"trades": found[-1_000:]})

    # -- signed --------------------------------------------------------------------------------------------------

    async def _place(self, request: Request) -> Response:
        asked = json.loads(await request.body())
        place = self.exchange.place
        return await self._handled(
            request, Verb.SUBMIT, lambda account: {"order": documents.order(place(account, asked))}
        )

    async def _cancel(self, request: Request) -> Response:
        def cancel(account: Account) -> dict[str, Any]:
            found = self.exchange.find(account, **request.path_params)
            return {"order": documents.order(self.exchange.cancel(account, found))}

        return await self._handled(request, Verb.CANCEL, cancel)

    async def _cancel_all(self, request: Request) -> Response:
        return await self._handled(
            request, Verb.CANCEL, lambda account: {"canceled": self.exchange.cancel_all(account)}
        )

    async def _order(self, request: Request) -> Response:
        def order(account: Account) -> dict[str, Any]:
            return {"order": documents.order(self.exchange.find(account, **request.path_params))}

        return await self._handled(request, Verb.QUERY, order)

    async def _open_orders(self, request: Request) -> Response:
        def orders(account: Account) -> dict[str, Any]:
            return self._page("orders", [documents.order(each) for each in account.open_orders], request)

        return await self._handled(request, Verb.SNAPSHOT, orders)

    async def _fills(self, request: Request) -> Response:
        def fills(account: Account) -> dict[str, Any]:
            since_us = int(request.query_params.get("since_us", "0"))
            found = [documents.fill(each) for each in account.fills if each.time_us >= since_us]
            return self._page("fills", found, request)

        return await self._handled(request, Verb.SNAPSHOT, fills)

    async def _balances(self, request: Request) -> Response:
        return await self._handled(
            request,
            None,
            lambda account: {"balances": documents.balances(account), "as_of_us": self.exchange.now_us()},
        )

    def _page(self, name: str, items: list[dict[str, Any]], request: Request) -> dict[str, Any]:
        """The items behind the cursor, which is the last one's ids; so many at once and no more."""
        pages = self.faults.lasting(CutPages)
        size = _PAGE if pages is None else pages.size
        after = request.query_params.get("after")
        cursors = [f"{each['id']}.{each.get('order_id', '')}" for each in items]
        begin = cursors.index(after) + 1 if after in cursors else 0
        found = items[begin : begin + size]
        cursor = cursors[begin + size - 1] if begin + size < len(items) else None
        return {name: found, "next": cursor, "as_of_us": self.exchange.now_us()}

    async def _handled(self, request: Request, verb: Verb | None, act: Act) -> Response:
        """Carry a request out as the faults have it."""
        body = await request.body()
        fault = self.faults.strike(verb) if verb is not None else None
        try:
            account = self._account_of(request, body)
        except Refusal as refusal:
            return self._said(refusal.status, refusal.body)
        match fault:
            case LoseAnswer(placed=placed) | FailInside(placed=placed) | CutDuring(placed=placed) if not placed:
                said = self._said(500, {"error": {"code": "INTERNAL", "message": "something broke"}})
            case Refuse():
                said = self._said(409, {"error": {"code": "MARKET_CLOSED", "message": "closed at the moment"}})
            case LimitRate():
                said = self._said(429, {"error": {"code": "TOO_MANY_REQUESTS", "message": "slow down"}})
            case _:
                said = self._carried_out(account, act)
        return await self._through(fault, said)

    async def _through(self, fault: RequestFault | None, said: Response) -> Response:
        """What becomes of an answer on its way."""
        match fault:
            case LoseAnswer():
                await self._closing.wait()
            case DelayAnswer(delay_s=delay_s):
                await asyncio.sleep(delay_s)
            case FailInside():
                return self._said(500, {"error": {"code": "INTERNAL", "message": "something broke"}})
            case MalformedAnswer():
                return Response(bytes(said.body)[:-7], 200, media_type="application/json")
            case CutDuring():
                self._cut()
        return said

    def _carried_out(self, account: Account, act: Act) -> Response:
        try:
            return self._said(200, act(account))
        except Refusal as refusal:
            return self._said(refusal.status, refusal.body)

    def _said(self, status: int, document: dict[str, Any]) -> Response:
        is_newer = self.faults.lasting(UnknownFields) is not None
        text = json.dumps(documents.with_more_fields(document) if is_newer else document)
        headers = {"X-Larkspur-Time": str(self.exchange.now_us())}
        return Response(text, status, headers, media_type="application/json")

    def _account_of(self, request: Request, body: bytes) -> Account:
        headers = request.headers
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return self._authenticated(
            headers.get("X-Larkspur-Key"),
            headers.get("X-Larkspur-Time"),
            headers.get("X-Larkspur-Signature"),
            (request.method, target, body),
        )

    def _authenticated(self, key: Any, time_us: Any, given: Any, signed: tuple[str, str, bytes]) -> Account:
        account = self.exchange.accounts.get(str(key))
        if account is None or self.faults.lasting(RefuseLogin) is not None:
            raise Refusal(401, "UNKNOWN_KEY", "there is no such key")
        method, target, body = signed
        text = f"{time_us}\n{method}\n{target}\n".encode() + body
        expected = hmac.new(account.secret.encode(), text, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, str(given)):
            raise Refusal(401, "BAD_SIGNATURE", "the signature is not that of this request")
        if abs(int(time_us) - self.exchange.now_us()) > _WINDOW_US:
            raise Refusal(401, "STALE_REQUEST", "the request's time is too far from ours")
        return account

    # -- streams -------------------------------------------------------------------------------------------------

    async def _reports(self, socket: WebSocket) -> None:
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            asked = json.loads(await socket.receive_text())
            try:
                signed = ("LOGIN", "/v1/reports", b"")
                account = self._authenticated(asked.get("key"), asked.get("time_us"), asked.get("signature"), signed)
            except Refusal as refusal:
                await socket.send_text(self.feeds.text({"type": "error", **refusal.body["error"]}))
                await socket.close()
                return
            feed = ReportFeed(account.key)
            self.feeds.reports.add(feed)
            try:
                feed.queue.put_nowait(self.feeds.text({"type": "login", "seq": feed.last}))
                await self._stream(socket, feed.queue, lambda: feed.last)
            finally:
                self.feeds.reports.discard(feed)

    async def _market(self, socket: WebSocket) -> None:
        await socket.accept()
        queue: asyncio.Queue[str] = asyncio.Queue(100_000)
        with contextlib.suppress(WebSocketDisconnect):
            symbols = frozenset(json.loads(await socket.receive_text())["symbols"])
            self.feeds.market[queue] = symbols
            try:
                for symbol in symbols & PAIRS.keys():
                    self.feeds.show(symbol, [])
                await self._stream(socket, queue, lambda: None)
            finally:
                del self.feeds.market[queue]

    async def _stream(self, socket: WebSocket, queue: asyncio.Queue[str], last: Callable[[], int | None]) -> None:
        """Send what is queued, and a heartbeat when there is nothing, until the other side has gone."""
        gone = asyncio.create_task(socket.receive())
        try:
            while not gone.done():
                try:
                    async with asyncio.timeout(_BEAT_S):
                        text = await queue.get()
                except TimeoutError:
                    beat = {"type": "heartbeat", "seq": last(), "time_us": self.exchange.now_us()}
                    text = self.feeds.text(beat)
                await socket.send_text(text)
        finally:
            gone.cancel()
            await asyncio.wait([gone])


async def _nobody_is_there(_: Request, __: Exception) -> Response:
    """Whoever asked was cut off in the middle of it: nothing was carried out."""
    return Response(status_code=400)
