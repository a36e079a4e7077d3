"""A loopback Bybit without a transport: signed requests in, answers and stream messages out."""

import itertools
import json
from typing import Any
from urllib.parse import urlencode

from liveexec_nautilus.loopback.bybit.venue import BybitVenue, bybit_venue
from liveexec_nautilus.loopback.shared.clock import VenueClock
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.signing import hmac_hex
from liveexec_nautilus.loopback.shared.traffic import HttpAnswer, HttpRequest

__all__ = ["NOW_MS", "BybitDesk"]

#: The time at which every venue here stands still.
NOW_MS = 1_795_000_000_000
KEY, SECRET = "loopback1", "secret-of-loopback1"


class BybitDesk:
    """One venue, one account's client, and every message that any session was sent."""

    def __init__(self, **settings: Any) -> None:
        self.venue: BybitVenue = bybit_venue(clock=VenueClock(lambda: NOW_MS * 1_000_000), **settings)
        self.messages: list[tuple[int, Any]] = []
        self._numbers = itertools.count(1)

    # REST

    def get(self, path: str, **params: str) -> Any:
        """The answer to a signed GET."""
        return json.loads(self.send("GET", path, urlencode(params)).body)

    def ask(self, path: str, **params: str) -> Any:
        """The answer to a GET that nobody signed."""
        return json.loads(self.venue.answer(HttpRequest("GET", path, urlencode(params), {}, b"")).body)

    def post(self, path: str, **params: Any) -> Any:
        """The answer to a signed POST."""
        return json.loads(self.send("POST", path, body=json.dumps(params)).body)

    def send(self, method: str, path: str, query: str = "", body: str = "", **headers: str) -> HttpAnswer:
        """Send a request; ``headers`` replace those that would be right."""
        stamp, window = headers.get("timestamp", str(NOW_MS)), headers.get("window", "5000")
        covered = query if method == "GET" else body
        signed = {
            "x-bapi-api-key": headers.get("key", KEY),
            "x-bapi-timestamp": stamp,
            "x-bapi-recv-window": window,
            "x-bapi-sign": headers.get("sign", hmac_hex(SECRET, f"{stamp}{KEY}{window}{covered}")),
        }
        due = self.venue.take_request(HttpRequest(method, path, query, signed, body.encode()))
        assert due.answer is not None
        return due.answer

    def create(self, **order: Any) -> Any:
        """Place a limit order for the linear perpetual; the result."""
        answer = self.post("/v5/order/create", **self.order(**order))
        assert answer["retCode"] == 0, answer
        return answer["result"]

    def order(self, **changes: Any) -> dict[str, Any]:
        """An order's parameters."""
        values = {"category": "linear", "symbol": "BTCUSDT", "orderType": "Limit", "timeInForce": "GTC"}
        return values | changes

    # Sessions

    def open(self, path: str) -> Session:
        """Connect."""
        number = next(self._numbers)
        session = Session(
            path=path,
            query="",
            deliver=lambda message: self.messages.append((number, json.loads(message))),
            end=lambda *_: None,
            session_id=number,
        )
        assert self.venue.open(session)
        return session

    def say(self, session: Session, message: Any) -> Any:
        """Send a message; its answer, which comes before what it brings."""
        before = len(self.messages)
        self.venue.take_message(session, message if isinstance(message, str) else json.dumps(message))
        return next(told for number, told in self.messages[before:] if number == session.session_id)

    def log_in(self, session: Session) -> Any:
        """Authenticate."""
        expires = NOW_MS + 1_000
        arguments = [KEY, expires, hmac_hex(SECRET, f"GET/realtime{expires}")]
        return self.say(session, {"op": "auth", "args": arguments})

    def subscribe(self, path: str, *topics: str) -> Session:
        """Connect, log in where that is asked for, and subscribe."""
        session = self.open(path)
        if path == "/v5/private":
            assert self.log_in(session)["success"]
        answer = self.say(session, {"op": "subscribe", "args": list(topics)})
        assert answer["success"], answer
        return session

    def trade(self, session: Session, operation: str, **order: Any) -> Any:
        """Carry out an operation of the trade socket; its answer."""
        header = {"X-BAPI-TIMESTAMP": str(NOW_MS), "X-BAPI-RECV-WINDOW": "5000"}
        request = {"reqId": "1", "op": operation, "header": header, "args": [self.order(**order)]}
        return self.say(session, request)

    def told(self, topic: str) -> list[Any]:
        """Every message of a topic, whoever got it."""
        return [message for _, message in self.messages if message.get("topic") == topic]
