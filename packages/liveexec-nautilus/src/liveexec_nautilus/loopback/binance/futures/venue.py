"""Binance USD-M futures as a loopback venue."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import cast

from liveexec.domain.ids import VenueName
from liveexec_nautilus.loopback.binance.futures import account, market_data, orders, streams
from liveexec_nautilus.loopback.binance.futures.config import LEVERAGE, FuturesConfig
from liveexec_nautilus.loopback.binance.futures.registry import ENDPOINTS
from liveexec_nautilus.loopback.binance.futures.trading_api import futures_api
from liveexec_nautilus.loopback.binance.registry import Endpoint
from liveexec_nautilus.loopback.binance.security import ListenKeys
from liveexec_nautilus.loopback.binance.venue import BinanceVenue, Message
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

__all__ = ["FuturesVenue"]

#: Modules that register endpoints.
_HANDLERS = (account, market_data, orders)


class FuturesVenue(BinanceVenue):
    """REST below ``/fapi``, streams at any path that ends in ``/ws`` or ``/stream``, trading at ``/ws-fapi/v1``."""

    trading_path = "/ws-fapi/v1"

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
            client_ids_return=True,
        )
        super().__init__(floor, self.config.weight_per_minute, self.config.orders_per_minute)
        self.listen_keys = ListenKeys(clock)
        self._trading = futures_api(self)
        self._marked_second = 0

    def endpoint(self, method: str, path: str) -> Endpoint[BinanceVenue] | None:
        """The endpoint at a path."""
        return cast("Endpoint[BinanceVenue] | None", ENDPOINTS.find(method, path))

    def take_trading(self, session: Session, text: str) -> None:
        """A message over the WebSocket trading API."""
        self._trading.receive(session, text)

    def at_once(self, session: Session, topic: str) -> Iterable[Message]:
        """Best prices are told to whoever subscribes to them."""
        del session
        symbol = self.floor.symbols.get(topic.removesuffix("@bookTicker").upper())
        if symbol is None or not topic.endswith("@bookTicker"):
            return ()
        return streams.best_prices(self.floor, symbol, self.clock.now_ns())

    def owner(self, topic: str) -> int | None:
        """Whose listen key this is."""
        return self.listen_keys.owner(topic)

    def on_event(self, event: FloorEvent) -> None:
        """Tell streams what happened."""
        match event:
            case BookChanged():
                self.tell(streams.book_messages(self.floor, event))
            case PublicTrade():
                self.tell(streams.trade_messages(event))
            case MarkMoved():
                self.tell(streams.mark_messages(event))
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
            self.subscriptions.expire(key)
        return len(gone)

    def _tell_user(self, user_id: int, event: OrderChanged | BalanceMoved) -> None:
        listening = self.subscriptions.listeners(user_id)
        if listening:
            for topic, message in streams.user_messages(self.floor, event):
                self.subscriptions.tell_user(listening, topic, message)

    def _tell_marks(self) -> None:
        """Mark prices are told every second, whether they moved or not."""
        second = self.clock.now_ms() // 1_000
        if second != self._marked_second:
            self._marked_second = second
            for symbol in self.floor.symbols.values():
                now_ns = self.clock.now_ns()
                self.tell(streams.mark_messages(MarkMoved(symbol, self.floor.market.mark(symbol.name), now_ns)))
