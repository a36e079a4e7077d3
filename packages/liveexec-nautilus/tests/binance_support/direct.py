"""A client that hands its requests to a loopback venue in this process, without a socket between."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec

from liveexec_nautilus.loopback.shared.accounts import ApiKey
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.signing import hmac_hex
from liveexec_nautilus.loopback.shared.traffic import HttpAnswer, HttpRequest
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue

__all__ = ["Direct", "Listener"]


class Listener:
    """A WebSocket session whose messages are kept as they come."""

    def __init__(
        self, venue: LoopbackVenue, path: str, query: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.raw: list[str | bytes] = []
        self.ends: list[tuple[bool, int]] = []
        self.session = Session(
            path=path,
            query=query,
            headers=dict(headers or {}),
            deliver=self.raw.append,
            end=lambda abruptly, code: self.ends.append((abruptly, code)),
        )
        self._venue = venue
        self.is_taken = venue.open(self.session)

    @property
    def messages(self) -> list[Any]:
        """Everything that came, decoded."""
        return [msgspec.json.decode(each) for each in self.raw]

    def say(self, **content: object) -> Any:
        """Send a message, and see the first thing that came upon it."""
        before = len(self.raw)
        self._venue.take_message(self.session, msgspec.json.encode(content).decode())
        return self.messages[before] if len(self.raw) > before else None


class Direct:
    """Requests of one account at one venue, signed with its HMAC key."""

    def __init__(self, venue: LoopbackVenue, key: ApiKey | None = None) -> None:
        self.venue = venue
        self.key = next(iter(venue.floor.accounts.values())).keys[0] if key is None else key

    def public(self, method: str, path: str, **parameters: object) -> Any:
        """A request without a key."""
        return self._decoded(self._send(method, path, _query(parameters), {}))

    def keyed(self, method: str, path: str, **parameters: object) -> Any:
        """A request with a key and without a signature."""
        return self._decoded(self._send(method, path, _query(parameters), {"x-mbx-apikey": self.key.key}))

    def parameters(self, **given: object) -> dict[str, object]:
        """Parameters of a request over WebSocket, signed in the order of their names."""
        named = {"apiKey": self.key.key, "timestamp": self.venue.clock.now_ms()} | given
        text = "&".join(f"{name}={_text(named[name])}" for name in sorted(named))
        return named | {"signature": hmac_hex(self.key.secret, text)}

    def signed(self, method: str, path: str, **parameters: object) -> Any:
        """A signed request; ``timestamp`` is now unless it is given."""
        return self._decoded(self.answered(method, path, **parameters))

    def answered(self, method: str, path: str, /, **parameters: object) -> HttpAnswer:
        """The same with status and headers."""
        return self.asked_with({}, method, path, **parameters)

    def asked_with(self, headers: Mapping[str, str], method: str, path: str, /, **parameters: object) -> HttpAnswer:
        """The same, asked with more headers."""
        query = _query({"timestamp": self.venue.clock.now_ms()} | parameters)
        signature = hmac_hex(self.key.secret, query)
        sent = {"x-mbx-apikey": self.key.key} | dict(headers)
        return self._send(method, path, f"{query}&signature={signature}", sent)

    def _send(self, method: str, path: str, query: str, headers: dict[str, str]) -> HttpAnswer:
        due = self.venue.take_request(HttpRequest(method, path, query, headers, b""))
        assert due.answer is not None
        return due.answer

    @staticmethod
    def _decoded(answer: HttpAnswer) -> Any:
        return msgspec.json.decode(answer.body)


def _query(parameters: dict[str, object]) -> str:
    return urlencode({name: _text(value) for name, value in parameters.items()})


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
