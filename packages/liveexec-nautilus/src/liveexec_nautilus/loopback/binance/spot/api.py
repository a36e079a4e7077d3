"""Spot's WebSocket API (``ws-api/v3``): requests, and an account's events on the same connection.

A session that was opened with ``responseFormat=sbe`` is answered and told in SBE, any other in JSON. Requests are JSON
either way.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.binance.socket_api import SocketApi
from liveexec_nautilus.loopback.binance.spot import account, layouts, market_data, orders, words
from liveexec_nautilus.loopback.binance.spot.registry import Told
from liveexec_nautilus.loopback.binance.spot.sbe import encode
from liveexec_nautilus.loopback.binance.spot.streams import UserEvent, ended
from liveexec_nautilus.loopback.shared.sessions import Session

if TYPE_CHECKING:
    from liveexec_nautilus.loopback.binance.spot.venue import SpotVenue

__all__ = ["SpotApi", "error_sbe"]

_SUBSCRIPTIONS: Final = "subscriptions"
_SIGNED: Final = {
    "order.place": orders.place,
    "order.test": orders.check,
    "order.status": orders.query,
    "order.cancel": orders.cancel,
    "order.cancelReplace": orders.cancel_replace,
    "order.amend.keepPriority": orders.amend,
    "openOrders.status": orders.open_orders,
    "openOrders.cancelAll": orders.cancel_all,
    "allOrders": orders.all_orders,
    "myTrades": orders.my_trades,
    "account.status": account.account,
    "account.commission": account.commission,
}
_STATUS: Final = {
    "session.logon": layouts.LOGGED_ON,
    "session.status": layouts.SESSION_STATUS,
    "session.logout": layouts.LOGGED_OUT,
}
_PUBLIC: Final = {
    "ping": market_data.ping,
    "time": market_data.time,
    "exchangeInfo": market_data.exchange_info,
    "depth": market_data.depth,
    "trades.recent": market_data.trades,
    "trades.aggregate": market_data.agg_trades,
    "avgPrice": market_data.average_price,
    "ticker.price": market_data.ticker_price,
    "ticker.book": market_data.book_ticker,
    "ticker.24hr": market_data.ticker_day,
}


class SpotApi(SocketApi["SpotVenue"]):
    """The API's sessions of one venue, and what they subscribed to."""

    def __init__(self, venue: "SpotVenue") -> None:
        super().__init__(venue, signed=_SIGNED, keyed={}, public=_PUBLIC)

    def tell_user(self, user_id: int, event: UserEvent) -> None:
        """Tell every subscription of an account."""
        for session in list(self.venue.sessions.values()):
            for subscription, owner in list(session.notes.get(_SUBSCRIPTIONS, {}).items()):
                if owner == user_id:
                    told = event.written(subscription, as_sbe=_in_sbe(session))
                    self.venue.publish(session, event.topic, told)

    def has_listeners(self, user_id: int) -> bool:
        """Whether anybody hears of this account."""
        return any(user_id in session.notes.get(_SUBSCRIPTIONS, {}).values() for session in self._sessions())

    def expire(self) -> int:
        """Every subscription is over, and every session has to log on again; returns how many subscriptions."""
        count = 0
        for session in self._sessions():
            for subscription in session.notes.pop(_SUBSCRIPTIONS, {}):
                event = ended(self.venue.clock.now_ns())
                self.venue.publish(session, event.topic, event.written(subscription, as_sbe=_in_sbe(session)))
                count += 1
            self.log_out(session)
        return count

    def of_session(self, session: Session, method: str, given: Mapping[str, object]) -> object | None:
        """Subscriptions to an account's events."""
        match method:
            case "userDataStream.subscribe":
                if session.user_id is None:
                    raise BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
                return self._subscribe(session, session.user_id)
            case "userDataStream.subscribe.signature":
                return self._subscribe(session, self.require_account(session, given))
            case "userDataStream.unsubscribe":
                return self._unsubscribe(session, given.get("subscriptionId"))
        return None

    def status(self, session: Session, method: str) -> object:
        """Who a session has logged on as, as the answer to one of the methods that tell."""
        told: Any = super().status(session, method)
        told["userDataStream"] = bool(session.notes.get(_SUBSCRIPTIONS))
        since = told["authorizedSince"]
        values = {
            "authorizedSince": None if since is None else since * 1_000,
            "connectedSince": (since or self.venue.clock.now_ms()) * 1_000,
            "returnRateLimits": 1,
            "serverTime": words.micros(self.venue.clock.now_ns()),
            "userDataStream": int(told["userDataStream"]),
            "loggedOnApiKey": told["apiKey"],
        }
        return Told(told, _STATUS[method], values)

    def written(self, session: Session, request_id: object, content: object, status: int) -> object:
        """An answer in JSON, or wrapped into SBE."""
        if not _in_sbe(session):
            plain = content.json if isinstance(content, Told) else content
            return super().written(session, request_id, plain, status)
        if isinstance(content, BinanceError):
            result = error_sbe(content)
        elif isinstance(content, Told):
            result = content.sbe()
        else:
            result = error_sbe(BinanceError(-1020, "This operation is not supported."))
            status = 400
        weights = self.venue.weights
        limit = {"rateLimitType": 2, "interval": 1, "intervalNum": 1}
        return encode(
            layouts.WEBSOCKET_RESPONSE,
            {
                "sbeSchemaIdVersionDeprecated": 0,
                "status": status,
                "rateLimits": [limit | {"rateLimit": weights.most, "current": weights.used}],
                "id": "" if request_id is None else str(request_id),
                "result": result,
            },
        )

    def _sessions(self) -> list[Session]:
        return list(self.venue.sessions.values())

    def _subscribe(self, session: Session, user_id: int) -> Told:
        subscriptions: dict[int, int] = session.notes.setdefault(_SUBSCRIPTIONS, {})
        if user_id in subscriptions.values():
            raise BinanceError(-1193, "Already subscribed to this user data stream.")
        made: int = session.notes.get("subscribed", 0)
        session.notes["subscribed"] = made + 1
        subscriptions[made] = user_id
        return Told({"subscriptionId": made}, layouts.SUBSCRIBED, {"subscriptionId": made})

    def _unsubscribe(self, session: Session, subscription: object) -> Told:
        subscriptions: dict[int, int] = session.notes.get(_SUBSCRIPTIONS, {})
        if subscription is None:
            subscriptions.clear()
        elif not isinstance(subscription, int) or subscriptions.pop(subscription, None) is None:
            raise BinanceError(-1196, "Subscription not active.")
        return Told({}, layouts.UNSUBSCRIBED, {})


def error_sbe(error: BinanceError) -> bytes:
    """An error as an SBE message."""
    return encode(layouts.ERROR, {"code": error.code, "msg": error.message, "data": error.binary})


def _in_sbe(session: Session) -> bool:
    return parse_qs(session.query).get("responseFormat") == ["sbe"]
