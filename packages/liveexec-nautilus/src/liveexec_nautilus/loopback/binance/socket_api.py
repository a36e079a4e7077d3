"""Binance's API over WebSocket: requests with an id, answers with a status.

A session logs on with an Ed25519 key (``session.logon``) and then asks without a signature; or every request carries
``apiKey``, ``timestamp`` and ``signature`` over its parameters in the order of their names.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.binance.parameters import Parameters
from liveexec_nautilus.loopback.binance.registry import Call
from liveexec_nautilus.loopback.binance.venue import BinanceVenue
from liveexec_nautilus.loopback.shared.sessions import Session

__all__ = ["SocketApi"]

_ACCOUNT: Final = "account"
_OK: Final = 200
_BAD_REQUEST: Final = 400
_COUNTED: Final = frozenset({"order.place", "order.modify", "order.cancelReplace"})


class SocketApi[V: BinanceVenue]:
    """The sessions of one venue's API.

    ``signed`` are requests that need an account, signed or on a session that has logged on; ``keyed`` need a key only,
    ``public`` nothing.
    """

    def __init__(
        self,
        venue: V,
        *,
        signed: Mapping[str, Callable[[Call[V]], object]],
        keyed: Mapping[str, Callable[[Call[V]], object]],
        public: Mapping[str, Callable[[Call[V]], object]],
    ) -> None:
        self.venue = venue
        self._signed, self._keyed, self._public = signed, keyed, public

    def receive(self, session: Session, text: str) -> None:
        """Carry out one request and answer it."""
        try:
            asked: Any = msgspec.json.decode(text)
        except msgspec.DecodeError:
            asked = None
        if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
            session.send(_text(self.written(session, None, BinanceError(-1000, "Invalid JSON."), _BAD_REQUEST)))
            return
        request_id, method = asked.get("id"), asked["method"]
        given = asked.get("params") or {}
        parameters = given if isinstance(given, dict) else {}

        def act() -> object:
            try:
                result = self._carry_out(session, method, parameters)
            except BinanceError as error:
                return self.written(session, request_id, error, error.status)
            return self.written(session, request_id, result, _OK)

        def refuse(code: str, message: str) -> object:
            error = BinanceError(int(code), message)
            return self.written(session, request_id, error, error.status)

        self.venue.carry_out(session, method, parameters, act, refuse)

    def _carry_out(self, session: Session, method: str, given: Mapping[str, object]) -> object:
        venue = self.venue
        venue.weights.take(1)
        match method:
            case "session.logon":
                self._log_on(session, given)
                return self.status(session, method)
            case "session.status":
                return self.status(session, method)
            case "session.logout":
                self.log_out(session)
                return self.status(session, method)
        mine = self.of_session(session, method, given)
        if mine is not None:
            return mine
        if method in self._public:
            return self._public[method](Call(venue, Parameters(given), 0))
        if method in self._keyed:
            return self._keyed[method](Call(venue, Parameters(given), self._key_owner(session, given)))
        if method not in self._signed:
            raise BinanceError(-1000, f"Unknown method: {method}")
        user_id = self.require_account(session, given)
        if method in _COUNTED:
            venue.weights.take_order(user_id)
        return self._signed[method](Call(venue, Parameters(given), user_id))

    def log_out(self, session: Session) -> None:
        """The session stands for nobody any more."""
        session.notes.pop(_ACCOUNT, None)
        session.user_id = None

    def of_session(self, session: Session, method: str, given: Mapping[str, object]) -> object | None:
        """The answer to a request about the session itself; ``None`` for any other."""
        del session, method, given
        return None

    def written(self, session: Session, request_id: object, content: object, status: int) -> object:
        """An answer in the encoding of the session, with the limits that it counts against."""
        del session
        told: dict[str, object] = {"id": request_id, "status": status}
        told |= {"error": content.wire()} if isinstance(content, BinanceError) else {"result": content}
        weights = self.venue.weights
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        return told | {"rateLimits": [limit | {"limit": weights.most, "count": weights.used}]}

    def _log_on(self, session: Session, given: Mapping[str, object]) -> None:
        key, owner = self.venue.gate.by_name(str(given.get("apiKey") or ""))
        if key.kind != "ed25519":
            raise BinanceError(-4056, "HMAC_SHA256 API key is not supported.", 403)
        self._require_signed(given)
        session.user_id = owner.user_id
        session.notes[_ACCOUNT] = (key.key, self.venue.clock.now_ms())

    def status(self, session: Session, method: str) -> object:
        """Who a session has logged on as, as the answer to one of the methods that tell."""
        del method
        key, since = session.notes.get(_ACCOUNT, (None, None))
        return {
            "apiKey": key,
            "authorizedSince": since,
            "connectedSince": since,
            "returnRateLimits": True,
            "serverTime": self.venue.clock.now_ms(),
        }

    def _key_owner(self, session: Session, given: Mapping[str, object]) -> int:
        if "apiKey" in given:
            return self.venue.gate.by_name(str(given["apiKey"]))[1].user_id
        if session.user_id is not None:
            return session.user_id
        return self.venue.gate.by_name("")[1].user_id

    def require_account(self, session: Session, given: Mapping[str, object]) -> int:
        """Whose request this is: its signature's, or its session's."""
        if "signature" in given or session.user_id is None:
            self._require_signed(given)
            return self.venue.gate.by_name(str(given.get("apiKey") or ""))[1].user_id
        self.venue.gate.require_fresh(Parameters(given))
        return session.user_id

    def _require_signed(self, given: Mapping[str, object]) -> None:
        parameters = Parameters(given)
        key, _ = self.venue.gate.by_name(parameters.optional("apiKey") or "")
        signature = parameters.text("signature")
        signed = "&".join(f"{name}={parameters.sent(name)}" for name in sorted(given) if name != "signature")
        self.venue.gate.require_signature(key, signed, signature)
        self.venue.gate.require_fresh(parameters)


def _text(told: object) -> str | bytes:
    return told if isinstance(told, bytes) else msgspec.json.encode(told).decode()
