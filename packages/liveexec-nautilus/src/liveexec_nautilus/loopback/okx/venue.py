"""The loopback OKX: which request goes where, and how answers are wrapped."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec

from liveexec.domain.ids import VenueName
from liveexec.venues.paper.config import FeeIn
from liveexec_nautilus.loopback.okx.access import log_in, signed_by
from liveexec_nautilus.loopback.okx.account_rows import LEVERAGE
from liveexec_nautilus.loopback.okx.channels import Subscription, parse_subscription
from liveexec_nautilus.loopback.okx.errors import HTTP_STATUSES, MESSAGES, OkxError
from liveexec_nautilus.loopback.okx.limits import RateLimits
from liveexec_nautilus.loopback.okx.listings import default_symbols
from liveexec_nautilus.loopback.okx.lookups import Lookups
from liveexec_nautilus.loopback.okx.market_data import MarketData
from liveexec_nautilus.loopback.okx.params import Listings, Params, required, word
from liveexec_nautilus.loopback.okx.private_channels import PrivateChannels
from liveexec_nautilus.loopback.okx.public_channels import PublicChannels
from liveexec_nautilus.loopback.okx.trading import Act, Row, Trading, verdict_of
from liveexec_nautilus.loopback.shared.accounts import AccountConfig, default_accounts
from liveexec_nautilus.loopback.shared.clock import VenueClock
from liveexec_nautilus.loopback.shared.events import FloorEvent
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.traffic import HttpAnswer, HttpRequest
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue

__all__ = ["OkxVenue", "okx_venue"]

_SOCKETS: Final = MappingProxyType({f"/ws/v5/{name}": name for name in ("public", "private", "business")})
#: Channels of which the venue tells how many connections an account has.
_COUNTED: Final = frozenset({"orders", "account", "positions", "balance_and_position"})
_DEFAULT_BALANCES: Final = MappingProxyType({"USDT": Decimal(1_000_000), "BTC": Decimal(10), "ETH": Decimal(100)})
_MOST_ORDERS: Final = 20
_ORDER_OPS: Final = MappingProxyType(
    {
        "order": "place",
        "batch-orders": "place",
        "amend-order": "amend",
        "batch-amend-orders": "amend",
        "cancel-order": "cancel",
        "batch-cancel-orders": "cancel",
    }
)

Look = Callable[[AccountConfig, Params], list[Row]]


def okx_venue(
    *,
    clock: VenueClock | None = None,
    accounts: int = 2,
    balances: Mapping[str, Decimal] = _DEFAULT_BALANCES,
    limits: Mapping[str, int] | None = None,
) -> "OkxVenue":
    """A venue with so many accounts (:func:`~liveexec_nautilus.loopback.shared.accounts.default_accounts`)."""
    clock = VenueClock() if clock is None else clock
    floor = Floor(
        VenueName("OKX"),
        default_symbols(clock.now_ns()),
        default_accounts(accounts, balances),
        clock,
        initial_margin=1 / Decimal(LEVERAGE),
        fee_in=FeeIn.RECEIVED,
    )
    return OkxVenue(floor, limits)


class OkxVenue(LoopbackVenue):
    """OKX's API v5 over a floor. ``limits`` are requests by endpoint within two seconds; without them hardly any."""

    websocket_paths = tuple(_SOCKETS)

    def __init__(self, floor: Floor, limits: Mapping[str, int] | None = None) -> None:
        self._listings = listings = Listings(floor.symbols)
        market = MarketData(floor, listings)
        self._limits = RateLimits(floor.clock, limits)
        self._trading = trading = Trading(floor, listings)
        lookups = Lookups(floor, listings, trading)
        self._public = PublicChannels(floor, listings, market, self.publish)
        self._private = PrivateChannels(floor, lookups, self.publish)
        self._open: Mapping[str, Callable[[Params], list[Row]]] = {
            "GET /api/v5/public/time": lambda _: market.time(),
            "GET /api/v5/public/instruments": market.instruments,
            "GET /api/v5/public/mark-price": market.mark_prices,
            "GET /api/v5/public/funding-rate": market.funding_rate,
            "GET /api/v5/market/ticker": market.ticker,
            "GET /api/v5/market/tickers": market.tickers,
            "GET /api/v5/market/books": market.books,
            "GET /api/v5/market/trades": market.trades,
            "GET /api/v5/market/history-trades": market.history_trades,
        }
        self._looks: Mapping[str, Look] = {
            "GET /api/v5/account/instruments": lambda _, p: market.instruments(p),
            "GET /api/v5/account/config": lambda a, _: lookups.config(a),
            "GET /api/v5/account/balance": lambda a, p: lookups.balance(a.user_id, p),
            "GET /api/v5/account/positions": lambda a, p: lookups.positions(a.user_id, p),
            "GET /api/v5/account/trade-fee": lambda _, p: lookups.fees(p),
            "GET /api/v5/account/leverage-info": lambda _, p: lookups.leverage(p),
            "POST /api/v5/account/set-position-mode": lambda _, p: lookups.set_position_mode(p),
            "POST /api/v5/account/set-leverage": lambda _, p: lookups.set_leverage(p),
            "GET /api/v5/trade/order": lambda a, p: lookups.order(a.user_id, p),
            "GET /api/v5/trade/orders-pending": lambda a, p: lookups.pending(a.user_id, p),
            "GET /api/v5/trade/orders-history": lambda a, p: lookups.history(a.user_id, p),
            "GET /api/v5/trade/orders-history-archive": lambda a, p: lookups.history(a.user_id, p),
            "GET /api/v5/trade/fills": lambda a, p: lookups.fills(a.user_id, p),
            "GET /api/v5/trade/fills-history": lambda a, p: lookups.fills(a.user_id, p),
            # Of algo orders there are none.
            "GET /api/v5/trade/orders-algo-pending": lambda _, p: _no_algo_orders(p),
            "GET /api/v5/trade/orders-algo-history": lambda _, p: _no_algo_orders(p),
            "GET /api/v5/asset/currencies": lambda *_: _currencies(floor),
        }
        self._acts: Mapping[str, Act] = {
            "POST /api/v5/trade/order": trading.place,
            "POST /api/v5/trade/batch-orders": trading.place,
            "POST /api/v5/trade/amend-order": trading.amend,
            "POST /api/v5/trade/amend-batch-orders": trading.amend,
            "POST /api/v5/trade/cancel-order": trading.cancel,
            "POST /api/v5/trade/cancel-batch-orders": trading.cancel,
        }
        super().__init__(floor)

    # REST

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Carry out a request. Orders that are refused are HTTP 200 with an ``sCode``."""
        try:
            public = self._open.get(request.operation)
            if public is not None:
                return self._wrapped(public(request.parameters()))
            look, act = self._looks.get(request.operation), self._acts.get(request.operation)
            if look is None and act is None:
                return HttpAnswer(404, b"", media_type="text/plain")
            account = signed_by(request, self.keys, self.clock.now_ms())
            self._limits.use(account.user_id, request.path)
            if act is not None:
                begun_us = self.clock.now_ns() // 1_000
                code, message, rows = self._verdict(account.user_id, act, _orders(_body(request)))
                times = {"inTime": str(begun_us), "outTime": str(self.clock.now_ns() // 1_000)}
                return HttpAnswer.json({"code": code, "data": rows, "msg": message, **times})
            assert look is not None
            parameters = request.parameters() if request.method == "GET" else _body(request)
            return self._wrapped(look(account, parameters if isinstance(parameters, Mapping) else {}))
        except OkxError as error:
            return self.error(error.code, error.message)

    def error(self, code: str, message: str) -> HttpAnswer:
        """The venue's own error; without words of its own it has the documented ones."""
        return HttpAnswer.json(
            {"code": code, "data": [], "msg": _words(code, message)}, status=HTTP_STATUSES.get(code, 200)
        )

    def _wrapped(self, rows: list[Row]) -> HttpAnswer:
        return HttpAnswer.json({"code": "0", "data": rows, "msg": ""})

    def _verdict(self, user_id: int, act: Act, orders: list[Params]) -> tuple[str, str, list[Row]]:
        rows = [self._trading.carry_out(user_id, act, order) for order in orders]
        return (*verdict_of(rows), rows)

    # Sockets

    def greet(self, session: Session) -> bool:
        """Every path that is routed here is one of the venue's."""
        return session.path in _SOCKETS

    def receive(self, session: Session, text: str) -> None:
        """Carry out a message of a client: ``ping``, ``login``, ``subscribe``, or an operation on orders."""
        if text == "ping":
            session.send("pong")
            return
        try:
            request: Any = msgspec.json.decode(text)
        except msgspec.DecodeError:
            request = None
        if not isinstance(request, dict) or not isinstance(request.get("args"), list) or not request["args"]:
            session.send(_encoded(_error(session, {}, OkxError("60012", text[:200]))))
            return
        operation, arguments = word(request, "op"), request["args"]
        socket = _SOCKETS[session.path]
        if operation in {"subscribe", "unsubscribe"}:
            for arg in arguments:
                self._change_subscription(session, operation, request, arg if isinstance(arg, dict) else {})
        elif operation == "login":
            act = partial(self._log_in, session, request)
            self.carry_out(session, operation, {}, act, partial(self._refuse_log_in, session, request))
        elif operation in _ORDER_OPS and socket == "private":
            act = partial(self._carry_out_orders, session, operation, request)
            self.carry_out(session, operation, request, act, partial(self._refuse_orders, operation, request))
        else:
            session.send(_encoded(_error(session, request, OkxError("60012", text[:200]))))

    def on_event(self, event: FloorEvent) -> None:
        """Tell public and private channels."""
        self._public.on_event(event, lambda: self._subscribers("/ws/v5/public", None))
        self._private.on_event(event, lambda user_id: self._subscribers("/ws/v5/private", user_id))

    def expire_credentials(self) -> int:
        """End every session that has logged in: keys of this venue do not expire, log-ins end with their session."""
        logged_in = [session for session in self.sessions.values() if session.user_id is not None]
        for session in logged_in:
            session.close()
        return len(logged_in)

    def leave(self, session: Session) -> None:
        """A connection is over; the account's other sessions are told nothing of it."""
        super().leave(session)
        session.notes.clear()

    def _subscribers(self, path: str, user_id: int | None) -> Iterable[tuple[Session, Subscription]]:
        for session in list(self.sessions.values()):
            if session.path == path and user_id in {None, session.user_id}:
                for topic in session.topics:
                    yield session, session.notes[topic]

    def _change_subscription(self, session: Session, operation: str, request: Params, arg: Params) -> None:
        opened: list[Subscription] = []
        act = partial(self._subscribe, session, operation, request, arg, opened)
        refuse = partial(self._refuse, session, request)
        self.carry_out(session, operation, arg, act, refuse)
        for subscription in opened:
            if subscription.channel in _COUNTED:
                session.notify(_encoded(self._count(session, subscription)))
            if session.path == "/ws/v5/public":
                self._public.open(session, subscription)
            elif session.path == "/ws/v5/private":
                self._private.open(session, subscription)

    def _subscribe(
        self, session: Session, operation: str, request: Params, arg: Params, opened: list[Subscription]
    ) -> object:
        logged_in = session.user_id is not None
        try:
            found = parse_subscription(_SOCKETS[session.path], arg, self._listings, logged_in=logged_in)
        except OkxError as error:
            return _error(session, request, error)
        if operation == "unsubscribe":
            session.topics.pop(found.topic, None)
            session.notes.pop(found.topic, None)
        elif found.topic not in session.topics:
            session.notes[found.topic] = found
            session.topics[found.topic] = None
            opened.append(found)
        told = {"event": operation, "arg": dict(arg), "connId": _connection(session)}
        return told | _given(request)

    def _count(self, session: Session, subscription: Subscription) -> dict[str, object]:
        channel = subscription.channel
        topics = [
            topic
            for each in self.sessions.values()
            if each.user_id == session.user_id
            for topic in each.topics
            if topic.partition(":")[0] == channel
        ]
        count = str(len(topics))
        told = {"event": "channel-conn-count", "channel": channel, "connCount": count}
        return {**told, "connId": _connection(session)}

    def _log_in(self, session: Session, request: Params) -> object:
        arguments = request["args"]
        given = arguments[0] if isinstance(arguments, list) and arguments else {}
        try:
            account = log_in(given if isinstance(given, dict) else {}, self.keys, self.clock.now_ms())
        except OkxError as error:
            return _error(session, request, error)
        session.user_id = account.user_id
        return {"event": "login", "code": "0", "msg": "", "connId": _connection(session)} | _given(request)

    def _refuse_log_in(self, session: Session, request: Params, code: str, message: str) -> object:
        return _error(session, request, OkxError(code, message=_words(code, message)))

    def _refuse(self, session: Session, request: Params, code: str, message: str) -> object:
        return _error(session, request, OkxError(code, message=_words(code, message)))

    def _carry_out_orders(self, session: Session, operation: str, request: Params) -> object:
        if session.user_id is None:
            return _error(session, request, OkxError("60011"))
        begun_us = self.clock.now_ns() // 1_000
        try:
            self._limits.use(session.user_id, f"op {operation}")
            act: Act = getattr(self._trading, _ORDER_OPS[operation])
            code, message, rows = self._verdict(session.user_id, act, _orders(request["args"]))
        except OkxError as error:
            return self._refuse_orders(operation, request, error.code, error.message)
        times = {"inTime": str(begun_us), "outTime": str(self.clock.now_ns() // 1_000)}
        return {"id": word(request, "id"), "op": operation, "data": rows, "code": code, "msg": message, **times}

    def _refuse_orders(self, operation: str, request: Params, code: str, message: str) -> object:
        """The request fails as a whole; by a code for orders (51xxx), each of its orders does."""
        words, now_ns, rows = _words(code, message), self.clock.now_ns(), []
        if code.startswith("51"):
            verdict = {"ts": str(now_ns // 1_000_000), "sCode": code, "sMsg": words}
            named = ("clOrdId", "ordId", "tag")
            rows = [{name: word(each, name) for name in named} | verdict for each in _orders(request["args"])]
            code, words = "1", MESSAGES["1"]
        told = {"id": word(request, "id"), "op": operation, "data": rows, "code": code, "msg": words}
        return told | {"inTime": str(now_ns // 1_000), "outTime": str(now_ns // 1_000)}


def _body(request: HttpRequest) -> Any:
    if not request.body:
        raise OkxError("50000")
    try:
        return msgspec.json.decode(request.text)
    except msgspec.DecodeError:
        raise OkxError("50002") from None


def _orders(content: Any) -> list[Params]:
    """One order, or a batch of at most twenty."""
    orders = content if isinstance(content, list) else [content]
    if not 1 <= len(orders) <= _MOST_ORDERS or not all(isinstance(order, dict) for order in orders):
        raise OkxError("50002")
    return orders


def _no_algo_orders(params: Params) -> list[Row]:
    required(params, "ordType")
    return []


def _currencies(floor: Floor) -> list[Row]:
    """Assets that are traded here, none of which can be moved over a chain."""
    assets = sorted({asset for symbol in floor.symbols.values() for asset in (symbol.base, symbol.settlement)})
    fixed = dict.fromkeys(("canDep", "canInternal", "canWd", "mainNet"), False)
    return [{"ccy": asset, "name": asset, "chain": asset, "minWd": "0", "wdTickSz": "8", **fixed} for asset in assets]


def _error(session: Session, request: Params, error: OkxError) -> dict[str, object]:
    told = {"event": "error", "code": error.code, "msg": error.message, "connId": _connection(session)}
    return told | _given(request)


def _given(request: Params) -> dict[str, object]:
    """A request's own id, told back where it has one."""
    return {"id": request["id"]} if request.get("id") else {}


def _connection(session: Session) -> str:
    return f"{session.session_id:08x}"


def _words(code: str, message: str) -> str:
    return MESSAGES.get(code, message).format("") if message in {"", "scripted"} else message


def _encoded(message: object) -> str:
    return msgspec.json.encode(message).decode()
