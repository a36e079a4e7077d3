"""A loopback OKX without a transport: signed requests in, answers and channel messages out."""

import itertools
import json
from typing import Any
from urllib.parse import urlencode

from liveexec_nautilus.loopback.okx.venue import OkxVenue, okx_venue
from liveexec_nautilus.loopback.shared.clock import VenueClock
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.signing import hmac_base64
from liveexec_nautilus.loopback.shared.traffic import HttpAnswer, HttpRequest

__all__ = ["NOW", "NOW_MS", "OkxDesk"]

#: The time at which every venue here stands still.
NOW_MS, NOW = 1_795_000_000_000, "2026-11-18T11:06:40.000Z"
KEY, SECRET, PASSPHRASE = "loopback1", "secret-of-loopback1", "passphrase-of-loopback1"


class OkxDesk:
    """One venue, one account's client, and every message that any session was sent."""

    def __init__(self, **settings: Any) -> None:
        self.venue: OkxVenue = okx_venue(clock=VenueClock(lambda: NOW_MS * 1_000_000), **settings)
        self.messages: list[tuple[int, Any]] = []
        self._numbers = itertools.count(1)

    # REST

    def get(self, path: str, **params: str) -> Any:
        """The answer to a signed GET."""
        return json.loads(self.send("GET", path, urlencode(params)).body)

    def ask(self, path: str, **params: str) -> Any:
        """The answer to a GET that nobody signed."""
        return json.loads(self.venue.answer(HttpRequest("GET", path, urlencode(params), {}, b"")).body)

    def post(self, path: str, content: Any) -> Any:
        """The answer to a signed POST."""
        return json.loads(self.send("POST", path, body=json.dumps(content)).body)

    def send(self, method: str, path: str, query: str = "", body: str = "", **headers: str) -> HttpAnswer:
        """Send a request; ``headers`` replace those that would be right."""
        stamp = headers.get("timestamp", NOW)
        covered = f"{stamp}{method}{path}{'?' + query if query else ''}{body}"
        signed = {
            "ok-access-key": headers.get("key", KEY),
            "ok-access-sign": headers.get("sign", hmac_base64(SECRET, covered)),
            "ok-access-timestamp": stamp,
            "ok-access-passphrase": headers.get("passphrase", PASSPHRASE),
        }
        due = self.venue.take_request(HttpRequest(method, path, query, signed, body.encode()))
        assert due.answer is not None
        return due.answer

    def place(self, **order: Any) -> Any:
        """Place an order for the linear swap; its verdict."""
        return self.post("/api/v5/trade/order", self.order(**order))["data"][0]

    def order(self, **changes: Any) -> dict[str, Any]:
        """An order's parameters."""
        values = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "side": "buy", "ordType": "limit", "sz": "10"}
        return values | {"px": "40000"} | changes

    # Sessions

    def open(self, socket: str) -> Session:
        """Connect to the public, private or business socket."""
        number = next(self._numbers)
        session = Session(
            path=f"/ws/v5/{socket}",
            query="",
            deliver=lambda message: self.messages.append((number, _decoded(message))),
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

    def log_in(self, session: Session, **changes: str) -> Any:
        """Log in; ``changes`` replace what would be right."""
        stamp = str(NOW_MS // 1_000)
        sign = hmac_base64(SECRET, f"{stamp}GET/users/self/verify")
        given = {"apiKey": KEY, "passphrase": PASSPHRASE, "timestamp": stamp, "sign": sign} | changes
        return self.say(session, {"op": "login", "args": [given]})

    def subscribe(self, socket: str, *channels: dict[str, str]) -> Session:
        """Connect, log in where that is asked for, and subscribe."""
        session = self.open(socket)
        if socket != "public":
            assert self.log_in(session)["event"] == "login"
        for channel in channels:
            answer = self.say(session, {"op": "subscribe", "args": [channel]})
            assert answer["event"] == "subscribe", answer
        return session

    def trade(self, session: Session, operation: str, *orders: dict[str, Any]) -> Any:
        """Carry out an operation on orders; its answer."""
        return self.say(session, {"id": "7", "op": operation, "args": list(orders)})

    def told(self, channel: str) -> list[Any]:
        """Every push of a channel, whoever got it."""
        return [
            message
            for _, message in self.messages
            if isinstance(message, dict) and "data" in message and message.get("arg", {}).get("channel") == channel
        ]


def _decoded(message: str | bytes) -> Any:
    return message if message == "pong" else json.loads(message)
