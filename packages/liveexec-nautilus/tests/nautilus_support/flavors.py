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
from liveexec_nautilus.loopback.binance.spot.config import SpotConfig
from liveexec_nautilus.loopback.binance.spot.venue import SpotVenue
from liveexec_nautilus.loopback.bybit.venue import bybit_venue
from liveexec_nautilus.loopback.bybit.wire import order_id as bybit_order_id
from liveexec_nautilus.loopback.okx.venue import okx_venue
from liveexec_nautilus.loopback.okx.wire import order_id as okx_order_id
from liveexec_nautilus.loopback.shared.accounts import AccountConfig, default_accounts
from liveexec_nautilus.loopback.shared.orders import Order
from liveexec_nautilus.loopback.shared.server import Server
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue
from liveexec_testkit.conformance.harness import TradedInstrument
from liveexec_testkit.conformance.scripts import Verb

__all__ = ["BINANCE_FUTURES", "BINANCE_SPOT", "BYBIT", "OKX", "Flavor"]

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
    #: The venue's own text for an order's number.
    order_id: Callable[[Order], str]
    venue: Callable[[], LoopbackVenue]
    section: Callable[[Server, AccountConfig], dict[str, Any]]
    #: Whether the node's words for a refusal lack the venue's code.
    refuses_without_code: bool = False


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
        # Over the WebSocket API, and over HTTP while that has no connection.
        Verb.SUBMIT: "[oP][rO][dS]*[/.][op][rl]*[er]",
        Verb.CANCEL: "[oD][rE][dL]*[lr]",
        Verb.REPLACE: "[oP][rU][dT]*[/.][om]*[yr]",
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
    order_id=lambda order: str(order.number),
    venue=_futures_venue,
    section=_futures_section,
)


def _spot_section(server: Server, account: AccountConfig) -> dict[str, Any]:
    return {
        **_futures_section(server, account),
        "name": "BINANCE_SPOT",
        "base_url_ws_trading": f"{server.websocket_url}/ws-api/v3",
        "instruments": ["BINANCE-SPOT:SPOT_PAIR:BTC-USDT", "BINANCE-SPOT:SPOT_PAIR:ETH-USDT"],
    }


def _spot_venue() -> LoopbackVenue:
    balances = {"USDT": Decimal(50_000_000), "BTC": Decimal(1_000), "ETH": Decimal(1_000)}
    accounts = default_accounts(1, balances)
    return SpotVenue(SpotConfig(accounts=accounts, weight_per_minute=_PLENTY, orders_per_minute=_PLENTY))


_SPOT_BTC: Final = InstrumentId("BINANCE-SPOT:SPOT_PAIR:BTC-USDT")
_SPOT_ETH: Final = InstrumentId("BINANCE-SPOT:SPOT_PAIR:ETH-USDT")
BINANCE_SPOT: Final = Flavor(
    title="Binance Spot (loopback, through NautilusTrader)",
    client=NodeVenue.BINANCE_SPOT,
    symbols={"BTCUSDT": _SPOT_BTC, "ETHUSDT": _SPOT_ETH},
    instruments=(
        TradedInstrument(_SPOT_BTC, Decimal(50_000), Decimal("0.10000")),
        TradedInstrument(_SPOT_ETH, Decimal(3_000), Decimal("1.0000")),
    ),
    requests={
        Verb.SUBMIT: ("order.place", "POST /api/v3/order"),
        Verb.CANCEL: ("order.cancel", "DELETE /api/v3/order"),
        Verb.REPLACE: ("order.cancelReplace", "order.amend.keepPriority"),
        Verb.QUERY: ("GET /api/v3/order",),
        Verb.SNAPSHOT: ("GET /api/v3/openOrders", "GET /api/v3/myTrades"),
    },
    patterns={
        Verb.SUBMIT: "[oP][rO][dS]*[/.][op][rl]*[er]",
        Verb.CANCEL: "[oD][rE][dL]*[lr]",
        Verb.REPLACE: "order.[ac][ma]*[ye]",
        Verb.QUERY: "GET /api/v3/order",
        Verb.SNAPSHOT: "GET /api/v3/[om][py]*s",
    },
    reports="executionReport",
    refusals={
        Verb.SUBMIT: "-2010",
        Verb.CANCEL: "-2011",
        Verb.REPLACE: "-2010",
        Verb.QUERY: "-1021",
        Verb.SNAPSHOT: "-1021",
    },
    internal="-1001",
    rate_limit="-1015",
    logins=("session.logon", "userDataStream.*", "* /api/v3/[amo]*", "* /api/v3/userDataStream"),
    wrong_login="-2015",
    order_id=lambda order: str(order.number),
    venue=_spot_venue,
    section=_spot_section,
)


def _bybit_section(server: Server, account: AccountConfig) -> dict[str, Any]:
    key = account.keys[0]
    return {
        "name": "BYBIT",
        "api_key": key.key,
        "api_secret": key.secret,
        "products": ["LINEAR"],
        "base_url": server.http_url,
        "base_url_ws_public": f"{server.websocket_url}/v5/public/linear",
        "base_url_ws_private": f"{server.websocket_url}/v5/private",
        "base_url_ws_trade": f"{server.websocket_url}/v5/trade",
    }


_BYBIT_BTC: Final = InstrumentId("BYBIT:PERPETUAL:BTC-USDT@LIN")
_BYBIT_ETH: Final = InstrumentId("BYBIT:PERPETUAL:ETH-USDT@LIN")
BYBIT: Final = Flavor(
    title="Bybit linear (loopback, through NautilusTrader)",
    client=NodeVenue.BYBIT,
    symbols={"linear.BTCUSDT": _BYBIT_BTC, "linear.ETHUSDT": _BYBIT_ETH},
    instruments=(
        TradedInstrument(_BYBIT_BTC, Decimal(50_000), Decimal("0.100")),
        TradedInstrument(_BYBIT_ETH, Decimal(3_000), Decimal("1.00")),
    ),
    requests={
        Verb.SUBMIT: ("order.create", "POST /v5/order/create"),
        Verb.CANCEL: ("order.cancel", "POST /v5/order/cancel"),
        Verb.REPLACE: ("order.amend", "POST /v5/order/amend"),
        Verb.QUERY: ("GET /v5/order/realtime", "GET /v5/order/history"),
        Verb.SNAPSHOT: ("GET /v5/order/realtime", "GET /v5/execution/list"),
    },
    patterns={
        Verb.SUBMIT: "order.create",
        Verb.CANCEL: "*order[./]cancel",
        Verb.REPLACE: "order.amend",
        Verb.QUERY: "GET /v5/order/*",
        Verb.SNAPSHOT: "GET /v5/[oe][rx]*/[rl]*",
    },
    reports="[oe][rx]*",
    refusals={
        Verb.SUBMIT: "110007",
        Verb.CANCEL: "110001",
        Verb.REPLACE: "110007",
        Verb.QUERY: "10002",
        Verb.SNAPSHOT: "10002",
    },
    internal="10016",
    rate_limit="10006",
    logins=("auth", "GET /v5/account/*", "GET /v5/position/*", "GET /v5/order/*", "GET /v5/user/*"),
    wrong_login="10003",
    order_id=bybit_order_id,
    venue=lambda: bybit_venue(accounts=1, balances={"USDT": Decimal(50_000_000)}),
    section=_bybit_section,
    refuses_without_code=True,
)


def _okx_section(server: Server, account: AccountConfig) -> dict[str, Any]:
    key = account.keys[0]
    return {
        "name": "OKX",
        "api_key": key.key,
        "api_secret": key.secret,
        "passphrase": key.passphrase,
        "products": ["SWAP"],
        "base_url": server.http_url,
        "base_url_ws_public": f"{server.websocket_url}/ws/v5/public",
        "base_url_ws_private": f"{server.websocket_url}/ws/v5/private",
        "base_url_ws_business": f"{server.websocket_url}/ws/v5/business",
    }


_OKX_BTC: Final = InstrumentId("OKX:PERPETUAL:BTC-USDT@LIN")
_OKX_ETH: Final = InstrumentId("OKX:PERPETUAL:ETH-USDT@LIN")
OKX: Final = Flavor(
    title="OKX swaps (loopback, through NautilusTrader)",
    client=NodeVenue.OKX,
    symbols={"BTC-USDT-SWAP": _OKX_BTC, "ETH-USDT-SWAP": _OKX_ETH},
    instruments=(
        TradedInstrument(_OKX_BTC, Decimal(50_000), Decimal("10.00")),
        TradedInstrument(_OKX_ETH, Decimal(3_000), Decimal("10.00")),
    ),
    requests={
        Verb.SUBMIT: ("order", "POST /api/v5/trade/order"),
        Verb.CANCEL: (
            "cancel-order",
            "batch-cancel-orders",
            "POST /api/v5/trade/cancel-order",
            "POST /api/v5/trade/cancel-batch-orders",
        ),
        Verb.REPLACE: ("amend-order", "batch-amend-orders", "POST /api/v5/trade/amend-order"),
        Verb.QUERY: ("GET /api/v5/trade/order", "GET /api/v5/trade/orders-history"),
        Verb.SNAPSHOT: ("GET /api/v5/trade/orders-pending", "GET /api/v5/trade/fills"),
    },
    patterns={
        Verb.SUBMIT: "order",
        Verb.CANCEL: "*cancel-*order*",
        Verb.REPLACE: "*amend-order*",
        Verb.QUERY: "GET /api/v5/trade/orders-[hp]*",
        Verb.SNAPSHOT: "GET /api/v5/trade/[of][ri]*[sg]",
    },
    reports="orders",
    refusals={
        Verb.SUBMIT: "51008",
        Verb.CANCEL: "51400",
        Verb.REPLACE: "51008",
        Verb.QUERY: "50102",
        Verb.SNAPSHOT: "50102",
    },
    internal="50026",
    rate_limit="50011",
    logins=("login", "* /api/v5/account/[bcp]*", "* /api/v5/trade/*"),
    wrong_login="50113",
    order_id=okx_order_id,
    venue=lambda: okx_venue(accounts=1, balances={"USDT": Decimal(50_000_000)}),
    section=_okx_section,
)
