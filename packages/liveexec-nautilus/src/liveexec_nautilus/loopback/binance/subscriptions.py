"""Which streams a session hears: named in its path, or by SUBSCRIBE; an account's by its listen key.

``/ws/NAME`` and ``/ws`` tell messages as they are, ``/stream?streams=A/B`` wrapped with their stream's name. A listen
key is a stream name like any other, or the parameter ``listenKey`` of the query. What stands before these (``/public``,
``/market``, ``/private``) changes nothing here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import msgspec

from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.shared.sessions import Session

if TYPE_CHECKING:
    from liveexec_nautilus.loopback.binance.venue import BinanceVenue

__all__ = ["BINARY", "Subscriptions"]

_WRAPPED: Final = "wrapped"
#: The note of a session whose market data is binary.
BINARY: Final = "binary"


class Subscriptions:
    """The stream sessions of one venue."""

    def __init__(self, venue: "BinanceVenue") -> None:
        self._venue = venue

    def open(self, session: Session) -> bool:
        """Take the streams that a session names as it opens; ``False`` for a path that leads nowhere."""
        parts = [part for part in session.path.split("/") if part]
        asked = parse_qs(session.query)
        names = asked.get("listenKey", [])
        if "stream" in parts:
            session.notes[_WRAPPED] = True
            names = [*names, *(name for group in asked.get("streams", []) for name in group.split("/") if name)]
        elif "ws" in parts:
            names = [*names, *parts[parts.index("ws") + 1 :]]
        else:
            return False
        for name in names:
            self._subscribe(session, name)
            self._tell_at_once(session, name)
        return True

    def receive(self, session: Session, text: str) -> None:
        """SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS and the properties of a connection."""
        try:
            asked: Any = msgspec.json.decode(text)
        except msgspec.DecodeError:
            asked = None
        if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
            session.send(_json({"error": {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}}))
            return
        request_id, given = asked.get("id"), asked.get("params")

        def act() -> object:
            try:
                return {"result": self._carry_out(session, asked["method"], given or []), "id": request_id}
            except BinanceError as error:
                return {"error": error.wire(), "id": request_id}

        def refuse(code: str, message: str) -> object:
            return {"error": {"code": int(code), "msg": message}, "id": request_id}

        self._venue.carry_out(session, asked["method"], {"params": given}, act, refuse)

    def listeners(self, user_id: int) -> list[tuple[Session, str]]:
        """Sessions with a good listen key of this account, and that key."""
        return [
            (session, topic)
            for session in self._venue.sessions.values()
            for topic in session.topics
            if self._venue.owner(topic) == user_id
        ]

    def tell_user(self, listening: Sequence[tuple[Session, str]], topic: str, message: dict[str, object]) -> None:
        """Tell an account's streams of something; faults know it by the event's name."""
        for session, key in listening:
            self._venue.publish(session, topic, self._wrapped(session, key, message))

    def tell(self, topic: str, message: dict[str, object] | bytes) -> None:
        """Tell whoever subscribed to a market stream, and hears it in this encoding."""
        for session in list(self._venue.sessions.values()):
            if topic in session.topics and bool(session.notes.get(BINARY)) is isinstance(message, bytes):
                self._venue.publish(session, topic, self._wrapped(session, topic, message))

    def expire(self, key: str) -> None:
        """A listen key is over: say so, and say no more."""
        for session in list(self._venue.sessions.values()):
            if key in session.topics:
                told = {"e": "listenKeyExpired", "E": self._venue.clock.now_ms(), "listenKey": key}
                self._venue.publish(session, "listenKeyExpired", self._wrapped(session, key, told))
                del session.topics[key]

    def _carry_out(self, session: Session, method: str, given: object) -> object:
        match method:
            case "SUBSCRIBE":
                for name in _names(given):
                    self._subscribe(session, name)
                    self._tell_at_once(session, name)
            case "UNSUBSCRIBE":
                for name in _names(given):
                    session.topics.pop(name, None)
            case "LIST_SUBSCRIPTIONS":
                return list(session.topics)
            case "SET_PROPERTY":
                session.notes[_WRAPPED] = _wrapping(given)
            case "GET_PROPERTY":
                return bool(session.notes.get(_WRAPPED))
            case _:
                known = "SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY"
                raise BinanceError(2, f"Invalid request: unknown variant {method}, expected one of {known}")
        return None

    def _subscribe(self, session: Session, name: str) -> None:
        """As at the venue, a name that means nothing is taken and never heard of again; a dead listen key too."""
        owner = self._venue.owner(name)
        if owner is not None:
            session.user_id = owner
        session.topics[name] = None

    def _tell_at_once(self, session: Session, name: str) -> None:
        """Some streams tell something at once, as they do in a market that never stands still."""
        for topic, message in self._venue.at_once(session, name):
            self._venue.publish(session, topic, self._wrapped(session, topic, message))

    @staticmethod
    def _wrapped(session: Session, stream: str, message: dict[str, object] | bytes) -> dict[str, object] | bytes:
        if isinstance(message, bytes):
            return message
        return {"stream": stream, "data": message} if session.notes.get(_WRAPPED) else message


def _names(given: object) -> list[str]:
    """The streams that a request names."""
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise BinanceError(2, "Invalid request: params must be stream names")
    return given


def _wrapping(given: object) -> bool:
    """What ``combined``, the one property there is, is set to."""
    match given:
        case ["combined", bool(value)]:
            return value
        case ["combined", _]:
            raise BinanceError(1, "Invalid value type: expected Boolean")
        case [str(), _]:
            raise BinanceError(0, "Unknown property")
    raise BinanceError(2, "Invalid request: property name must be a string")


def _json(content: object) -> str:
    return msgspec.json.encode(content).decode()
