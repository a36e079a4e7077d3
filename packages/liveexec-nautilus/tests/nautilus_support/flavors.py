"""The loopback venues as the tests of the live adapter use them: what is traded, by which names, and which requests and
stream messages belong to what. Written from the venues' documents, beside the adapter's own tables."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from liveexec.domain.ids import InstrumentId
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.loopback.binance.futures.config import FuturesConfig
from liveexec_nautilus.loopback.binance.futures.venue import FuturesVenue
from liveexec_nautilus.loopback.shared.accounts import AccountConfig, default_accounts
from liveexec_nautilus.loopback.shared.server import Server
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue
from liveexec_testkit.conformance.harness import TradedInstrument
from liveexec_testkit.conformance.scripts import Verb

__all__ = ["BINANCE_FUTURES", "Flavor"]

_PLENTY: Final = 1_000_000


@frozen
class Flavor:
    """One venue. ``requests`` are the operations of each verb, ``patterns`` a glob for each that fits them (and none
    that the adapter uses for anything else); ``reports`` the stream topics that tell of orders and fills."""

    title: str
    client: NodeVenue
    symbols: Mapping[str, InstrumentId]
    instruments: Sequence[TradedInstrument]
    requests: Mapping[Verb, tuple[str, ...]]
    patterns: Mapping[Verb, str]
    reports: str
    refusals: Mapping[Verb, str]
    internal: str
    rate_limit: str
    logins: tuple[str, ...]
    wrong_login: str
    venue: Callable[[], LoopbackVenue]
    section: Callable[[Server, AccountConfig], dict[str, Any]]


def _futures_section(server: Server, account: AccountConfig) -> dict[str, Any]:
    key = next(each for each in account.keys if each.kind == "ed25519")
    return {
        "name": "BINANCE_FUTURES",
        "api_key": key.key,
        "api_secret": key.secret,
        "base_url": server.http_url,
        "base_url_ws": f"{server.websocket_url}/ws",
        "base_url_ws_trading": f"{server.websocket_url}/ws-fapi/v1",
        "instruments": ["BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN", "BINANCE-FUTURES:PERPETUAL:ETH-USDT@LIN"],
    }


def _futures_venue() -> LoopbackVenue:
    accounts = default_accounts(1, {"USDT": Decimal(50_000_000)})
    return FuturesVenue(FuturesConfig(accounts=accounts, weight_per_minute=_PLENTY, orders_per_minute=_PLENTY))


_BTC: Final = InstrumentId("BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN")
_ETH: Final = InstrumentId("BINANCE-FUTURES:PERPETUAL:ETH-USDT@LIN")
BINANCE_FUTURES: Final = Flavor(
    title="Binance USD-M (loopback, through NautilusTrader)",
    client=NodeVenue.BINANCE_FUTURES,
    symbols={"BTCUSDT": _BTC, "ETHUSDT": _ETH},
    instruments=(
        TradedInstrument(_BTC, Decimal(50_000), Decimal("0.100")),
        TradedInstrument(_ETH, Decimal(3_000), Decimal("0.100")),
    ),
    requests={
        Verb.SUBMIT: ("order.place", "POST /fapi/v1/order"),
        Verb.CANCEL: ("order.cancel", "DELETE /fapi/v1/order"),
        Verb.REPLACE: ("order.modify", "PUT /fapi/v1/order"),
        Verb.QUERY: ("GET /fapi/v1/order",),
        Verb.SNAPSHOT: ("GET /fapi/v1/openOrders", "GET /fapi/v1/userTrades"),
    },
    patterns={
        Verb.SUBMIT: "order.place",
        Verb.CANCEL: "[oD][rE][dL]*[lr]",
        Verb.REPLACE: "order.modify",
        Verb.QUERY: "GET /fapi/v1/order",
        Verb.SNAPSHOT: "GET /fapi/v1/[ou][ps]e[nr][OT]r*",
    },
    reports="ORDER_TRADE_UPDATE",
    refusals={
        Verb.SUBMIT: "-2019",
        Verb.CANCEL: "-2011",
        Verb.REPLACE: "-2019",
        Verb.QUERY: "-1021",
        Verb.SNAPSHOT: "-1021",
    },
    internal="-1001",
    rate_limit="-1015",
    logins=("session.logon", "* /fapi/v[1-3]/[abo]*", "* /fapi/v1/listenKey", "* /fapi/v1/positionSide/dual"),
    wrong_login="-2015",
    venue=_futures_venue,
    section=_futures_section,
)
