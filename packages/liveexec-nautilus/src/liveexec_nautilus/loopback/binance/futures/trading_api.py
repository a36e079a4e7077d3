"""The WebSocket trading API of USD-M futures (``ws-fapi/v1``)."""

from typing import TYPE_CHECKING, Final

from liveexec_nautilus.loopback.binance.futures import account, market_data, orders
from liveexec_nautilus.loopback.binance.socket_api import SocketApi

if TYPE_CHECKING:
    from liveexec_nautilus.loopback.binance.futures.venue import FuturesVenue

__all__ = ["futures_api"]

_SIGNED: Final = {
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
_KEYED: Final = {
    "userDataStream.start": account.start_listening,
    "userDataStream.ping": account.keep_listening,
    "userDataStream.stop": account.stop_listening,
}
_PUBLIC: Final = {
    "ping": market_data.ping,
    "time": market_data.time,
    "depth": market_data.depth,
    "ticker.price": market_data.ticker_price,
    "ticker.book": market_data.book_ticker,
}


def futures_api(venue: "FuturesVenue") -> SocketApi["FuturesVenue"]:
    """The API of a venue."""
    return SocketApi(venue, signed=_SIGNED, keyed=_KEYED, public=_PUBLIC)
