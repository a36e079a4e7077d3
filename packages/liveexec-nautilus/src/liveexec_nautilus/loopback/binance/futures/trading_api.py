"""The WebSocket trading API of USD-M futures (``ws-fapi/v1``): requests with an id, answers with a status.

A session logs on with an Ed25519 key (``session.logon``) and then asks without a signature; or every request carries
``apiKey``, ``timestamp`` and ``signature`` over its parameters in the order of their names.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.binance.futures import account, orders
from liveexec_nautilus.loopback.binance.futures.registry import Call
from liveexec_nautilus.loopback.binance.parameters import Parameters
from liveexec_nautilus.loopback.shared.sessions import Session

if TYPE_CHECKING:
    from liveexec_nautilus.loopback.binance.futures.venue import FuturesVenue

__all__ = ["TradingApi"]

_ACCOUNT: Final = "account"
_OK: Final = 200

#: Requests that need an account, signed or on a session that has logged on.
_SIGNED: Final[Mapping[str, Callable[[Call], object]]] = {
    "order.place": orders.place,
    "order.modify": orders.modify,
    "order.cancel": orders.cancel,
    "order.status": orders.query,
    "v2/account.balance": account.balance,
    "account.balance": account.balance,
    "v2/account.status": account.account,
    "account.status": account.account,
    "v2/account.position": account.position_risk_v3,
    "account.position": account.position_risk,
}
#: Requests that need a key only.
_KEYED: Final[Mapping[str, Callable[[Call], object]]] = {
    "userDataStream.start": account.start_listening,
    "userDataStream.ping": account.keep_listening,
    "userDataStream.stop": account.stop_listening,
}
_COUNTED: Final = frozenset({"order.place", "order.modify"})


class TradingApi:
    """The trading sessions of one venue."""

    def __init__(self, venue: "FuturesVenue") -> None:
        self._venue = venue

    def receive(self, session: Session, text: str) -> None:
        """Carry out one request and answer it."""
        try:
            asked: Any = msgspec.json.decode(text)
        except msgspec.DecodeError:
            asked = None
        if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
            error = BinanceError(-1000, "Invalid JSON.")
            session.send(msgspec.json.encode(_answer(None, error.status, error=error.wire())).decode())
            return
        request_id, method = asked.get("id"), asked["method"]
        given = asked.get("params") or {}
        parameters = given if isinstance(given, dict) else {}

        def act() -> object:
            try:
                result = self._carry_out(session, method, parameters)
            except BinanceError as error:
                return self._counted(_answer(request_id, error.status, error=error.wire()))
            return self._counted(_answer(request_id, _OK, result=result))

        def refuse(code: str, message: str) -> object:
            error = BinanceError(int(code), message)
            return self._counted(_answer(request_id, error.status, error=error.wire()))

        self._venue.carry_out(session, method, parameters, act, refuse)

    def _carry_out(self, session: Session, method: str, given: Mapping[str, object]) -> object:
        venue = self._venue
        venue.weights.take(1)
        match method:
            case "ping":
                return {}
            case "time":
                return {"serverTime": venue.clock.now_ms()}
            case "session.logon":
                return self._log_on(session, given)
            case "session.status":
                return self._status(session)
            case "session.logout":
                session.notes.pop(_ACCOUNT, None)
                session.user_id = None
                return self._status(session)
        keyed = _KEYED.get(method)
        if keyed is not None:
            return keyed(Call(venue, Parameters(given), self._keyed(session, given)))
        signed = _SIGNED.get(method)
        if signed is None:
            raise BinanceError(-1000, f"Unknown method: {method}")
        user_id = self._signed(session, given)
        if method in _COUNTED:
            venue.weights.take_order(user_id)
        return signed(Call(venue, Parameters(given), user_id))

    def _log_on(self, session: Session, given: Mapping[str, object]) -> object:
        key, owner = self._venue.gate.by_name(str(given.get("apiKey") or ""))
        if key.kind != "ed25519":
            raise BinanceError(-4056, "HMAC_SHA256 API key is not supported.", 403)
        self._require_signed(given)
        session.user_id = owner.user_id
        session.notes[_ACCOUNT] = (key.key, self._venue.clock.now_ms())
        return self._status(session)

    def _status(self, session: Session) -> dict[str, object]:
        key, since = session.notes.get(_ACCOUNT, (None, None))
        return {
            "apiKey": key,
            "authorizedSince": since,
            "connectedSince": since,
            "returnRateLimits": True,
            "serverTime": self._venue.clock.now_ms(),
        }

    def _keyed(self, session: Session, given: Mapping[str, object]) -> int:
        if "apiKey" in given:
            return self._venue.gate.by_name(str(given["apiKey"]))[1].user_id
        if session.user_id is not None:
            return session.user_id
        return self._venue.gate.by_name("")[1].user_id

    def _signed(self, session: Session, given: Mapping[str, object]) -> int:
        if "signature" in given or session.user_id is None:
            self._require_signed(given)
            return self._venue.gate.by_name(str(given.get("apiKey") or ""))[1].user_id
        self._venue.gate.require_fresh(Parameters(given))
        return session.user_id

    def _require_signed(self, given: Mapping[str, object]) -> None:
        parameters = Parameters(given)
        key, _ = self._venue.gate.by_name(parameters.optional("apiKey") or "")
        signature = parameters.text("signature")
        signed = "&".join(f"{name}={parameters.sent(name)}" for name in sorted(given) if name != "signature")
        self._venue.gate.require_signature(key, signed, signature)
        self._venue.gate.require_fresh(parameters)

    def _counted(self, answer: dict[str, object]) -> dict[str, object]:
        weights = self._venue.weights
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        return answer | {"rateLimits": [limit | {"limit": weights.most, "count": weights.used}]}


def _answer(
    request_id: object, status: int, *, result: object = None, error: dict[str, object] | None = None
) -> dict[str, object]:
    told: dict[str, object] = {"id": request_id, "status": status}
    return told | ({"result": result} if error is None else {"error": error})
