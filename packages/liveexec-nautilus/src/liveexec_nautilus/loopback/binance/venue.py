"""What Binance's venues have in common: REST with weights and signatures, streams, and an API over WebSocket."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Final

from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.binance.parameters import Parameters
from liveexec_nautilus.loopback.binance.registry import Call, Endpoint
from liveexec_nautilus.loopback.binance.security import Gate, Weights
from liveexec_nautilus.loopback.binance.subscriptions import Subscriptions
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.traffic import HttpAnswer, HttpRequest
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue

__all__ = ["BinanceVenue", "Message"]

#: A stream's name and what it tells.
Message = tuple[str, dict[str, object] | bytes]

_NOT_FOUND, _TOO_MANY = 404, 429
_TRADING: Final = "trading"


class BinanceVenue(LoopbackVenue):
    """One of Binance's venues. ``trading_path`` is where its API over WebSocket is."""

    websocket_paths = ("/{path:path}",)
    trading_path: str

    def __init__(self, floor: Floor, weight_per_minute: int, orders_per_minute: int) -> None:
        super().__init__(floor)
        self.gate = Gate(self.keys, self.clock)
        self.weights = Weights(self.clock, weight_per_minute, orders_per_minute)
        self.subscriptions = Subscriptions(self)

    # What each of them says itself

    @abstractmethod
    def endpoint(self, method: str, path: str) -> Endpoint["BinanceVenue"] | None:
        """The endpoint at a path."""

    @abstractmethod
    def take_trading(self, session: Session, text: str) -> None:
        """A message over the API for trading."""

    @abstractmethod
    def at_once(self, session: Session, topic: str) -> Iterable[Message]:
        """What a new subscriber of a stream is told at once."""

    def owner(self, topic: str) -> int | None:
        """Whose account a stream name opens; ``None`` for every other."""
        del topic
        return None

    def written(self, request: HttpRequest, content: object, status: int, headers: dict[str, str]) -> HttpAnswer:
        """An answer in the encoding that was asked for."""
        del request
        told = content.wire() if isinstance(content, BinanceError) else content
        return HttpAnswer.json(told, status, headers)

    # What they have in common

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Carry out a REST request."""
        found = self.endpoint(request.method, request.path)
        if found is None:
            return HttpAnswer(_NOT_FOUND, b"<html>404 Not found</html>", media_type="text/html")
        headers: dict[str, str] = {}
        content: object
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
            content, status = error, error.status
            if status == _TOO_MANY:
                headers["retry-after"] = str(self.weights.retry_after_s())
        headers["x-mbx-used-weight-1m"] = str(self.weights.used)
        return self.written(request, content, status, headers)

    def error(self, code: str, message: str) -> HttpAnswer:
        """An error of these words over HTTP."""
        told = BinanceError(int(code), message)
        return HttpAnswer.json(told.wire(), told.status)

    def greet(self, session: Session) -> bool:
        """A session opens: for trading, or for streams named in its path."""
        if session.path.rstrip("/") == self.trading_path:
            session.notes[_TRADING] = True
            return True
        return self.subscriptions.open(session)

    def receive(self, session: Session, text: str) -> None:
        """A message of a client: a trading request, or what it wants to hear."""
        if _TRADING in session.notes:
            self.take_trading(session, text)
        else:
            self.subscriptions.receive(session, text)

    def tell(self, messages: Iterable[Message]) -> None:
        """Tell whoever subscribed to these market streams."""
        if any(session.topics for session in self.sessions.values()):
            for topic, message in messages:
                self.subscriptions.tell(topic, message)
