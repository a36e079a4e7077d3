"""Binance Spot as a loopback venue."""

from collections.abc import Iterable
from typing import cast

from liveexec.domain.ids import VenueName
from liveexec.venues.paper.config import FeeIn
from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.binance.registry import Endpoint
from liveexec_nautilus.loopback.binance.spot import account, market_data, orders, sbe_streams, streams
from liveexec_nautilus.loopback.binance.spot.api import SpotApi, error_sbe
from liveexec_nautilus.loopback.binance.spot.config import SpotConfig
from liveexec_nautilus.loopback.binance.spot.registry import ENDPOINTS, Told
from liveexec_nautilus.loopback.binance.subscriptions import BINARY
from liveexec_nautilus.loopback.binance.venue import BinanceVenue, Message
from liveexec_nautilus.loopback.shared.clock import VenueClock
from liveexec_nautilus.loopback.shared.events import BalanceMoved, BookChanged, FloorEvent, OrderChanged, PublicTrade
from liveexec_nautilus.loopback.shared.floor import MAKERS, TAKERS, Floor
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.traffic import HttpAnswer, HttpRequest

__all__ = ["SpotVenue"]

#: Modules that register endpoints.
_HANDLERS = (account, market_data, orders)
_SBE = "application/sbe"
_SBE_STREAMS = "/sbe/"
_SCHEMA = "3"
_NOT_ACCEPTABLE = 406


class SpotVenue(BinanceVenue):
    """REST below ``/api/v3``, the WebSocket API at ``/ws-api/v3``, streams at any path with ``/ws`` or ``/stream``.

    Streams below ``/sbe`` are in SBE, all others in JSON.
    """

    trading_path = "/ws-api/v3"

    def __init__(self, config: SpotConfig | None = None, clock: VenueClock | None = None) -> None:
        self.config = SpotConfig() if config is None else config
        floor = Floor(
            VenueName("BINANCE-SPOT"),
            self.config.symbols,
            self.config.accounts,
            VenueClock() if clock is None else clock,
            fee_in=FeeIn.RECEIVED,
            first_number=4_200_000_000,
            client_ids_return=True,
        )
        super().__init__(floor, self.config.weight_per_minute, self.config.orders_per_minute)
        self._api = SpotApi(self)

    def endpoint(self, method: str, path: str) -> Endpoint[BinanceVenue] | None:
        """The endpoint at a path."""
        return cast("Endpoint[BinanceVenue] | None", ENDPOINTS.find(method, path))

    def written(self, request: HttpRequest, content: object, status: int, headers: dict[str, str]) -> HttpAnswer:
        """JSON, or SBE where the request accepts that alone and names schema 3 in ``X-MBX-SBE``."""
        if _SBE not in request.headers.get("accept", ""):
            return super().written(request, content.json if isinstance(content, Told) else content, status, headers)
        if request.headers.get("x-mbx-sbe", "").partition(":")[0] != _SCHEMA:
            content, status = BinanceError(-1152, "Invalid X-MBX-SBE header; expected <SCHEMA_ID>:<VERSION>."), 400
        elif not isinstance(content, Told | BinanceError):
            content, status = BinanceError(-1020, "This operation is not supported."), _NOT_ACCEPTABLE
        body = content.sbe() if isinstance(content, Told) else error_sbe(content)
        return HttpAnswer(status, body, headers, _SBE)

    def take_trading(self, session: Session, text: str) -> None:
        """A message over the WebSocket API."""
        self._api.receive(session, text)

    def greet(self, session: Session) -> bool:
        """The same, but streams in SBE ask for an Ed25519 key in the header."""
        if session.path.startswith(_SBE_STREAMS):
            found = self.keys.find(session.headers.get("x-mbx-apikey", ""))
            if found is None or found[0].kind != "ed25519":
                return False
            session.notes[BINARY] = True
        return super().greet(session)

    def at_once(self, session: Session, topic: str) -> Iterable[Message]:
        """Best prices are told to whoever subscribes to them."""
        name, _, kind = topic.partition("@")
        symbol = self.floor.symbols.get(name.upper())
        if symbol is None or kind != ("bestBidAsk" if BINARY in session.notes else "bookTicker"):
            return ()
        if BINARY in session.notes:
            return sbe_streams.best_bid_ask(self.floor, symbol, self.clock.now_ns())
        return streams.best_prices(self.floor, symbol)

    def on_event(self, event: FloorEvent) -> None:
        """Tell streams what happened."""
        match event:
            case BookChanged():
                self.tell(streams.book_messages(self.floor, event))
                self.tell(sbe_streams.of_book(self.floor, event))
            case PublicTrade():
                self.tell(streams.trade_messages(event))
                self.tell(sbe_streams.of_trade(event))
            case OrderChanged():
                if event.order.user_id not in {MAKERS, TAKERS}:
                    self._tell_user(event.order.user_id, event)
            case BalanceMoved():
                self._tell_user(event.user_id, event)

    def expire_credentials(self) -> int:
        """Every account's stream ends, and every session has to log on again."""
        return self._api.expire()

    def _tell_user(self, user_id: int, event: OrderChanged | BalanceMoved) -> None:
        if self._api.has_listeners(user_id):
            for told in streams.user_events(self.floor, event):
                self._api.tell_user(user_id, told)
