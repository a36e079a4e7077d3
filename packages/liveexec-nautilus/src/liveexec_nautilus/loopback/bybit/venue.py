"""The loopback Bybit: which request goes where, and how answers are wrapped."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec

from liveexec.domain.ids import VenueName
from liveexec.venues.paper.config import FeeIn
from liveexec_nautilus.loopback.bybit.access import check_window, log_in, signed_by
from liveexec_nautilus.loopback.bybit.account_rows import LEVERAGE
from liveexec_nautilus.loopback.bybit.errors import MESSAGES, BybitError
from liveexec_nautilus.loopback.bybit.limits import LimitExceeded, RateLimits
from liveexec_nautilus.loopback.bybit.listings import CATEGORIES, Category, default_symbols
from liveexec_nautilus.loopback.bybit.lookups import Lookups
from liveexec_nautilus.loopback.bybit.market_data import MarketData
from liveexec_nautilus.loopback.bybit.params import Listings, Params, word
from liveexec_nautilus.loopback.bybit.private_streams import PrivateStreams, is_private_topic
from liveexec_nautilus.loopback.bybit.public_streams import PublicStreams
from liveexec_nautilus.loopback.bybit.settings import Settings
from liveexec_nautilus.loopback.bybit.trading import Trading
from liveexec_nautilus.loopback.shared.accounts import AccountConfig, default_accounts
from liveexec_nautilus.loopback.shared.clock import VenueClock
from liveexec_nautilus.loopback.shared.events import FloorEvent
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.traffic import HttpAnswer, HttpRequest
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue

__all__ = ["BybitVenue", "bybit_venue"]

_PRIVATE: Final = "/v5/private"
_TRADE: Final = "/v5/trade"
_PUBLIC: Final = "/v5/public"
#: Where a topic is looked for on the path without a category.
_IN_ORDER: Final[tuple[Category, ...]] = ("linear", "inverse", "option", "spot")
_DEFAULT_BALANCES: Final = MappingProxyType(
    {"USDT": Decimal(1_000_000), "USDC": Decimal(1_000_000), "BTC": Decimal(10), "ETH": Decimal(100)}
)

Result = Mapping[str, object]
Act = Callable[[AccountConfig, Params], Result | tuple[Result, Result]]


def bybit_venue(
    *,
    clock: VenueClock | None = None,
    accounts: int = 2,
    balances: Mapping[str, Decimal] = _DEFAULT_BALANCES,
    limits: Mapping[str, int] | None = None,
) -> "BybitVenue":
    """A venue with so many accounts (:func:`~liveexec_nautilus.loopback.shared.accounts.default_accounts`)."""
    clock = VenueClock() if clock is None else clock
    floor = Floor(
        VenueName("BYBIT"),
        default_symbols(clock.now_ns()),
        default_accounts(accounts, balances),
        clock,
        initial_margin=1 / Decimal(LEVERAGE),
        fee_in=FeeIn.RECEIVED,
    )
    return BybitVenue(floor, limits)


class BybitVenue(LoopbackVenue):
    """Bybit's API v5 over a floor. ``limits`` are requests a second by endpoint; without them there are hardly any."""

    websocket_paths = (_PUBLIC, _PUBLIC + "/{category}", _PRIVATE, _TRADE)

    def __init__(self, floor: Floor, limits: Mapping[str, int] | None = None) -> None:
        listings = Listings(floor.symbols)
        market = MarketData(floor, listings)
        self._limits = RateLimits(floor.clock, limits)
        self._trading = trading = Trading(floor, listings)
        lookups, settings = Lookups(floor, listings, trading), Settings(floor, listings)
        self._public = PublicStreams(floor, listings, market, self.publish)
        self._private = PrivateStreams(floor, lookups, self.publish)
        self._open: Mapping[str, Callable[[Params], Result]] = {
            "GET /v5/market/time": lambda _: market.time(),
            "GET /v5/market/instruments-info": market.instruments,
            "GET /v5/market/tickers": market.tickers,
            "GET /v5/market/orderbook": market.orderbook,
            "GET /v5/market/recent-trade": market.recent_trades,
        }
        self._signed: Mapping[str, Act] = {
            "POST /v5/order/create": lambda a, p: trading.create(a.user_id, p),
            "POST /v5/order/amend": lambda a, p: trading.amend(a.user_id, p),
            "POST /v5/order/cancel": lambda a, p: trading.cancel(a.user_id, p),
            "POST /v5/order/cancel-all": lambda a, p: trading.cancel_all(a.user_id, p),
            "POST /v5/order/create-batch": lambda a, p: trading.batch(a.user_id, p, trading.create),
            "POST /v5/order/amend-batch": lambda a, p: trading.batch(a.user_id, p, trading.amend),
            "POST /v5/order/cancel-batch": lambda a, p: trading.batch(a.user_id, p, trading.cancel),
            "GET /v5/order/realtime": lambda a, p: lookups.open_orders(a.user_id, p),
            "GET /v5/order/history": lambda a, p: lookups.order_history(a.user_id, p),
            "GET /v5/execution/list": lambda a, p: lookups.executions(a.user_id, p),
            "GET /v5/position/list": lambda a, p: lookups.positions(a.user_id, p),
            "GET /v5/account/wallet-balance": lambda a, p: lookups.wallet(a.user_id, p),
            "GET /v5/account/fee-rate": lambda _, p: settings.fee_rates(p),
            "GET /v5/account/info": lambda *_: settings.account_info(),
            "GET /v5/user/query-api": lambda a, _: settings.key(a),
            "GET /v5/asset/coin/query-info": lambda _, p: settings.coins(p),
            "POST /v5/position/switch-mode": lambda _, p: settings.switch_mode(p),
            "POST /v5/position/set-leverage": lambda _, p: settings.set_leverage(p),
            "POST /v5/account/set-margin-mode": lambda _, p: settings.set_margin_mode(p),
        }
        super().__init__(floor)

    # REST

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Carry out a request; every refusal is HTTP 200 with a ``retCode``, but for a path that there is not."""
        headers: Mapping[str, str] = {}
        try:
            public = self._open.get(request.operation)
            if public is not None:
                return self._wrapped(public(_parameters(request)))
            private = self._signed.get(request.operation)
            if private is None:
                return HttpAnswer(404, b"", media_type="text/plain")
            account = signed_by(request, self.keys, self.clock.now_ms())
            headers = self._limits.use(account.user_id, request.path)
            done = private(account, _parameters(request))
        except LimitExceeded as error:
            return self._wrapped({}, code=error.code, message=error.message, headers=error.headers)
        except BybitError as error:
            return self._wrapped({}, code=error.code, message=error.message, headers=headers)
        result, extended = done if isinstance(done, tuple) else (done, {})
        return self._wrapped(result, extended=extended, headers=headers)

    def error(self, code: str, message: str) -> HttpAnswer:
        """The venue's own error; without words of its own it has the documented ones."""
        return self._wrapped({}, code=int(code), message=_words(code, message))

    def _wrapped(
        self,
        result: Result,
        *,
        extended: Result = MappingProxyType({}),
        code: int = 0,
        message: str = "OK",
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> HttpAnswer:
        content = {
            "retCode": code,
            "retMsg": message,
            "result": result,
            "retExtInfo": dict(extended),
            "time": self.clock.now_ms(),
        }
        return HttpAnswer.json(content, headers=headers)

    # Streams

    def greet(self, session: Session) -> bool:
        """A public path ends in a category. Here it may end before: a client that can be turned to one address only
        finds all categories there, each topic in the first that has it (linear, inverse, option, spot)."""
        return session.path in {_PRIVATE, _TRADE} or bool(_categories_of(session))

    def receive(self, session: Session, text: str) -> None:
        """Carry out a message of a client: ``auth``, ``ping``, ``subscribe``, or an operation of the trade socket."""
        try:
            request: Any = msgspec.json.decode(text)
        except msgspec.DecodeError:
            request = None
        if not isinstance(request, dict):
            session.send(_encoded(self._streamed(session, {}, "", success=False, message="Invalid JSON")))
            return
        operation = word(request, "op")
        shown = {name: value for name, value in request.items() if name != "args" or operation != "auth"}
        act = partial(self._carry_out_op, session, operation, request)
        opened: dict[str, Category] = {}
        if operation == "subscribe":
            act = partial(self._subscribe, session, request, opened)
        self.carry_out(session, operation, shown, act, partial(self._refuse_op, session, operation, request))
        for topic, category in opened.items():
            self._public.open(session, category, topic)

    def on_event(self, event: FloorEvent) -> None:
        """Tell public and private streams."""
        self._public.on_event(event, [each for each in self.sessions.values() if each.path.startswith(_PUBLIC)])
        self._private.on_event(event, self._private_sessions)

    def expire_credentials(self) -> int:
        """End every session that has logged in: keys of this venue do not expire, log-ins end with their session."""
        logged_in = [session for session in self.sessions.values() if session.user_id is not None]
        for session in logged_in:
            session.close()
        return len(logged_in)

    def _private_sessions(self, user_id: int) -> Iterable[Session]:
        return [each for each in self.sessions.values() if each.path == _PRIVATE and each.user_id == user_id]

    def _carry_out_op(self, session: Session, operation: str, request: Params) -> object:
        try:
            match operation:
                case "ping":
                    return self._pong(session, request)
                case "auth" if not session.path.startswith(_PUBLIC):
                    arguments = request.get("args")
                    account = log_in(arguments if isinstance(arguments, list) else [], self.keys, self.clock.now_ms())
                    session.user_id = account.user_id
                    return self._authenticated(session, request, 0, "")
                case "unsubscribe":
                    for topic in _topics(request):
                        session.topics.pop(topic, None)
                        session.notes.pop(topic, None)
                    return self._streamed(session, request, operation, success=True)
                case _ if session.path == _TRADE:
                    return self._trade(session, operation, request)
        except BybitError as error:
            return self._refuse_op(session, operation, request, str(error.code), error.message)
        return self._streamed(session, request, operation, success=False, message=f"unknown op {operation}")

    def _refuse_op(self, session: Session, operation: str, request: Params, code: str, message: str) -> object:
        words = _words(code, message)
        if operation == "auth":
            return self._authenticated(session, request, int(code), words)
        if session.path == _TRADE:
            return self._traded(session, operation, request, int(code), words, {}, {})
        return self._streamed(session, request, operation, success=False, message=words)

    def _authenticated(self, session: Session, request: Params, code: int, message: str) -> object:
        if session.path == _TRADE:
            told = {"retCode": code, "retMsg": message or "OK", "op": "auth", "connId": _connection(session)}
            return told | _given(request, "reqId", "reqId")
        return self._streamed(session, request, "auth", success=not code, message=message)

    def _pong(self, session: Session, request: Params) -> object:
        now = str(self.clock.now_ms())
        if session.path == _TRADE:
            told = {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [now], "connId": _connection(session)}
            return told | _given(request, "reqId", "reqId")
        if session.path == _PRIVATE:
            told = {"op": "pong", "args": [now], "conn_id": _connection(session)}
            return told | _given(request, "req_id", "req_id")
        return self._streamed(session, request, "ping", success=True, message="pong")

    def _subscribe(self, session: Session, request: Params, opened: dict[str, Category]) -> object:
        """All topics or none: one that there is not refuses the request."""
        topics, categories = _topics(request), _categories_of(session)
        if session.path == _PRIVATE and session.user_id is None:
            return self._streamed(session, request, "subscribe", success=False, message="Request not authorized")
        found: dict[str, Category] = {}
        for topic in topics:
            category = self._public.category_of_topic(topic, categories)
            if category is not None:
                found[topic] = category
            elif session.path != _PRIVATE or not is_private_topic(topic):
                told = f"error:handler not found,topic:{topic}"
                return self._streamed(session, request, "subscribe", success=False, message=told)
        opened |= {topic: category for topic, category in found.items() if topic not in session.topics}
        session.notes.update(found)
        session.topics.update(dict.fromkeys(topics))
        return self._streamed(session, request, "subscribe", success=True)

    def _streamed(
        self, session: Session, request: Params, operation: str, *, success: bool, message: str = ""
    ) -> dict[str, object]:
        told = {"success": success, "ret_msg": message, "conn_id": _connection(session), "op": operation}
        return told | _given(request, "req_id", "req_id")

    # The trade socket

    def _trade(self, session: Session, operation: str, request: Params) -> object:
        if session.user_id is None:
            raise BybitError(10003, "Request not authorized")
        trading, user_id = self._trading, session.user_id
        acts = {"order.create": trading.create, "order.amend": trading.amend, "order.cancel": trading.cancel}
        arguments, header = request.get("args"), request.get("header")
        act = acts.get(operation.removesuffix("-batch"))
        if act is None:
            raise BybitError(10404)
        if not isinstance(arguments, list) or len(arguments) != 1 or not isinstance(arguments[0], dict):
            raise BybitError(10001, "params error: args must hold one order")
        if not isinstance(header, dict):
            raise BybitError(10001, "params error: header is missing")
        check_window(word(header, "X-BAPI-TIMESTAMP"), word(header, "X-BAPI-RECV-WINDOW"), self.clock.now_ms())
        headers = self._limits.use(user_id, f"/v5/{operation.replace('.', '/', 1)}")
        if operation.endswith("-batch"):
            result, extended = trading.batch(user_id, arguments[0], act)
        else:
            result, extended = act(user_id, arguments[0]), {}
        return self._traded(session, operation, request, 0, "OK", result, headers, extended)

    def _traded(
        self,
        session: Session,
        operation: str,
        request: Params,
        code: int,
        message: str,
        data: Result,
        headers: Mapping[str, str],
        extended: Result = MappingProxyType({}),
    ) -> dict[str, object]:
        told = {
            "op": operation,
            "retCode": code,
            "retMsg": message,
            "data": data,
            "retExtInfo": dict(extended),
            "header": {**headers, "Timenow": str(self.clock.now_ms())},
            "connId": _connection(session),
        }
        return told | _given(request, "reqId", "reqId")


def _parameters(request: HttpRequest) -> Params:
    if request.method == "GET":
        return request.parameters()
    try:
        content: object = msgspec.json.decode(request.text or "{}")
    except msgspec.DecodeError:
        content = None
    if not isinstance(content, dict):
        raise BybitError(10001, "params error: the body is no JSON object")
    return content


def _topics(request: Params) -> list[str]:
    arguments = request.get("args")
    return [str(each) for each in arguments] if isinstance(arguments, list) else []


def _categories_of(session: Session) -> tuple[Category, ...]:
    """The categories that a public session's path offers."""
    if session.path == _PUBLIC:
        return _IN_ORDER
    return tuple(each for each in CATEGORIES if session.path == f"{_PUBLIC}/{each}")


def _connection(session: Session) -> str:
    return f"loopback-{session.session_id}"


def _given(request: Params, name: str, shown: str) -> dict[str, object]:
    """A request's own id, told back where it has one."""
    return {shown: request[name]} if request.get(name) not in (None, "") else {}


def _words(code: str, message: str) -> str:
    return MESSAGES.get(int(code), message) if message in {"", "scripted"} else message


def _encoded(message: object) -> str:
    return msgspec.json.encode(message).decode()
