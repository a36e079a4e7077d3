"""Binance USD-M futures as a loopback venue."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from liveexec.domain.ids import VenueName
from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.binance.futures import account, market_data, orders, streams
from liveexec_nautilus.loopback.binance.futures.config import LEVERAGE, FuturesConfig
from liveexec_nautilus.loopback.binance.futures.registry import ENDPOINTS, Call
from liveexec_nautilus.loopback.binance.futures.subscriptions import Subscriptions
from liveexec_nautilus.loopback.binance.futures.trading_api import TradingApi
from liveexec_nautilus.loopback.binance.parameters import Parameters
from liveexec_nautilus.loopback.binance.security import Gate, ListenKeys, Weights
from liveexec_nautilus.loopback.shared.clock import VenueClock
from liveexec_nautilus.loopback.shared.events import (
    BalanceMoved,
    BookChanged,
    FloorEvent,
    MarkMoved,
    OrderChanged,
    PublicTrade,
)
from liveexec_nautilus.loopback.shared.floor import MAKERS, TAKERS, Floor
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.traffic import HttpAnswer, HttpRequest
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue

__all__ = ["FuturesVenue"]

#: Modules that register endpoints.
_HANDLERS = (account, market_data, orders)
_NOT_FOUND, _TOO_MANY = 404, 429
_TRADING_PATH = "/ws-fapi/v1"


class FuturesVenue(LoopbackVenue):
    """REST below ``/fapi``, streams at any path that ends in ``/ws`` or ``/stream``, trading at ``/ws-fapi/v1``."""

    websocket_paths = ("/{path:path}",)

    def __init__(self, config: FuturesConfig | None = None, clock: VenueClock | None = None) -> None:
        self.config = FuturesConfig() if config is None else config
        clock = VenueClock() if clock is None else clock
        floor = Floor(
            VenueName("BINANCE-FUTURES"),
            self.config.symbols,
            self.config.accounts,
            clock,
            initial_margin=Decimal(1) / LEVERAGE,
            first_number=8_886_000_000,
        )
        super().__init__(floor)
        self.gate = Gate(self.keys, clock)
        self.listen_keys = ListenKeys(clock)
        self.weights = Weights(clock, self.config.weight_per_minute, self.config.orders_per_minute)
        self._subscriptions = Subscriptions(self)
        self._trading = TradingApi(self)
        self._marked_second = 0

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Carry out a REST request."""
        found = ENDPOINTS.get((request.method, request.path))
        if found is None:
            return HttpAnswer(_NOT_FOUND, b"<html>404 Not found</html>", media_type="text/html")
        headers: dict[str, str] = {}
        try:
            self.weights.take(found.weight)
            user_id = 0
            if found.security != "NONE":
                key, owner = self.gate.by_header(request)
                user_id = owner.user_id
                if found.security == "SIGNED":
                    self.gate.require_signed(request, key)
            if found.counts_order:
                self.weights.take_order(user_id)
                headers["x-mbx-order-count-1m"] = str(self.weights.orders[user_id])
            content, status = found.handler(Call(self, Parameters(request.parameters()), user_id)), 200
        except BinanceError as error:
            content, status = error.wire(), error.status
            if status == _TOO_MANY:
                headers["retry-after"] = str(self.weights.retry_after_s())
        headers["x-mbx-used-weight-1m"] = str(self.weights.used)
        return HttpAnswer.json(content, status, headers)

    def error(self, code: str, message: str) -> HttpAnswer:
        """An error of these words over HTTP."""
        told = BinanceError(int(code), message)
        return HttpAnswer.json(told.wire(), told.status)

    def greet(self, session: Session) -> bool:
        """A session opens: for trading, or for streams named in its path."""
        if session.path.rstrip("/") == _TRADING_PATH:
            session.notes["trading"] = True
            return True
        return self._subscriptions.open(session)

    def receive(self, session: Session, text: str) -> None:
        """A message of a client: a trading request, or what it wants to hear."""
        if "trading" in session.notes:
            self._trading.receive(session, text)
        else:
            self._subscriptions.receive(session, text)

    def on_event(self, event: FloorEvent) -> None:
        """Tell streams what happened."""
        match event:
            case BookChanged():
                self._tell(streams.book_messages(self.floor, event))
            case PublicTrade():
                self._tell(streams.trade_messages(event))
            case MarkMoved():
                self._tell(streams.mark_messages(event))
            case OrderChanged():
                if event.order.user_id not in {MAKERS, TAKERS}:
                    self._tell_user(event.order.user_id, event)
            case BalanceMoved():
                self._tell_user(event.user_id, event)

    def expire_credentials(self) -> int:
        """Every listen key's hour is over now."""
        return self.close_streams(self.listen_keys.expire_all())

    def tick(self) -> None:
        """Orders and listen keys whose time is over end."""
        super().tick()
        self._tell_marks()
        self.close_streams(self.listen_keys.expired())

    def close_streams(self, keys: Iterable[str]) -> int:
        """Tell the streams of these listen keys that they are over; returns how many keys."""
        gone: Sequence[str] = list(keys)
        for key in gone:
            self._subscriptions.expire(key)
        return len(gone)

    def _tell_user(self, user_id: int, event: OrderChanged | BalanceMoved) -> None:
        listening = self._subscriptions.listeners(user_id)
        if listening:
            for topic, message in streams.user_messages(self.floor, event):
                self._subscriptions.tell_user(listening, topic, message)

    def _tell_marks(self) -> None:
        """Mark prices are told every second, whether they moved or not."""
        second = self.clock.now_ms() // 1_000
        if second != self._marked_second:
            self._marked_second = second
            for symbol in self.floor.symbols.values():
                now_ns = self.clock.now_ns()
                self._tell(streams.mark_messages(MarkMoved(symbol, self.floor.mark(symbol.name), now_ns)))

    def _tell(self, messages: Iterable[tuple[str, dict[str, object]]]) -> None:
        if any(session.topics for session in self.sessions.values()):
            for topic, message in messages:
                self._subscriptions.tell(topic, message)
