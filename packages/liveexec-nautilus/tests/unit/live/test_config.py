"""The section trading_node: everything wrong is named at once, keys are shown nowhere, live mode has its switch."""

import sys
from subprocess import run
from typing import Any

import pytest

from liveexec.composition import assembled_from
from liveexec.errors import ConfigurationError
from liveexec_nautilus.live.adapter import NautilusAdapter
from liveexec_nautilus.live.config import TradingNodeSection
from liveexec_nautilus.loopback.shared.signing import Ed25519Pair

PEM = Ed25519Pair.of("config").private_pem
FUTURES: dict[str, Any] = {
    "name": "BINANCE_FUTURES",
    "api_key": "${KEY}",
    "api_secret": "${PEM}",
    "base_url": "http://127.0.0.1:1",
    "instruments": ["BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN"],
}
OKX: dict[str, Any] = {
    "name": "OKX",
    "api_key": "${KEY}",
    "api_secret": "secret-of-canary",
    "passphrase": "word-of-canary",
    "account_id": "desk",
    "products": ["SWAP", "SPOT"],
}
ENVIRON = {"KEY": "key-of-canary", "PEM": PEM}


def document(**node: Any) -> dict[str, Any]:
    return {"mode": "paper", "trading_node": node}


def faults_of(given: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        assembled_from(given, ENVIRON)
    return [str(fault) for fault in raised.value.faults]


def test_a_venue_for_each_client_over_one_node() -> None:
    made = assembled_from(
        document(
            exec_clients=[FUTURES, OKX],
            data_clients=[{"name": "OKX", "market_data": "book", "book_depth": 5}],
            portfolio={"accounts": [{"account_id": "desk", "base_currency": "USDT"}]},
        ),
        ENVIRON,
    )
    futures, okx = made.adapters()
    assert isinstance(futures, NautilusAdapter)
    assert isinstance(okx, NautilusAdapter)
    assert (futures.manifest.venue, okx.manifest.venue) == ("BINANCE-FUTURES", "OKX")
    assert (futures.accounts, okx.accounts) == (("BINANCE_FUTURES",), ("desk",))
    assert futures._node is okx._node
    assert (futures._settings.book_depth, okx._settings.book_depth) == (0, 5)
    section = made.sections["NAUTILUS"]
    assert isinstance(section, TradingNodeSection)
    (venues,) = section.processes
    plan = section.plan(venues)
    assert "canary" not in repr(section) + repr(plan)
    binance = plan.exec_clients[0]
    assert (binance.api_key, binance.api_secret) == ("key-of-canary", PEM)
    assert binance.urls == {"base_url_http": "http://127.0.0.1:1"}
    assert binance.instruments == ("BTCUSDT-PERP.BINANCE",)
    assert [each.client for each in plan.data_clients] == ["BINANCE_FUTURES", "OKX"]
    assert plan.exec_clients[1].products == ("SWAP", "SPOT")


def test_spot_beside_the_futures_of_binance_has_a_process_of_its_own() -> None:
    spot = {**FUTURES, "name": "BINANCE_SPOT", "instruments": ["BINANCE-SPOT:SPOT_PAIR:BTC-USDT"]}
    made = assembled_from(document(exec_clients=[spot, OKX, FUTURES]), ENVIRON)
    section = made.sections["NAUTILUS"]
    assert isinstance(section, TradingNodeSection)
    assert section.processes == (("OKX", "BINANCE_FUTURES"), ("BINANCE_SPOT",))
    assert [[each.client for each in section.plan(venues).data_clients] for venues in section.processes] == [
        ["OKX", "BINANCE_FUTURES"],
        ["BINANCE_SPOT"],
    ]
    adapters = [each for each in made.adapters() if isinstance(each, NautilusAdapter)]
    assert [each.manifest.venue for each in adapters] == ["BINANCE-SPOT", "OKX", "BINANCE-FUTURES"]
    assert adapters[1]._node is adapters[2]._node
    assert adapters[0]._node is not adapters[1]._node


def test_every_fault_is_named_at_once() -> None:
    said = faults_of(
        document(
            exec_clients=[
                {"name": "BINANCE_FUTURES", "api_key": "k", "api_secret": "hmac", "products": ["USD_M", "COIN_M"]},
                {"name": "OKX", "api_key": "k", "base_url_ws_trade": "ws://h", "products": ["SWOP"]},
                {"name": "OKX", "api_key": "k", "api_secret": "s", "passphrase": "p", "base_url": "ftp://h"},
            ],
            data_clients=[{"name": "BYBIT", "request_burst": 0, "taker_fee": "2"}],
            portfolio={"accounts": [{"account_id": "none"}]},
            trader_id="x",
            lookback_mins=0,
        )
    )
    first, second, business = *(f"trading_node.exec_clients[{index}]" for index in range(2)), "base_url_ws_business"
    assert said == [
        "trading_node.data_clients[0].request_burst: must be at least 1, not 0",
        "trading_node.data_clients[0].cancel_lane: must be less than the burst (0), not 5",
        "trading_node.data_clients[0].taker_fee: is a rate of the traded value and must lie between -1 and 1",
        "trading_node.exec_clients[0].products: must name one: a client of Binance serves one product",
        f"{first}.api_secret: must be an Ed25519 private key: NautilusTrader trades at Binance with no other",
        f"{first}.instruments: must name what is traded: Binance tells fills instrument by instrument",
        f"{second}.base_url_ws_trade: OKX has base_url_http, base_url_ws_public, base_url_ws_private, {business}",
        "trading_node.exec_clients[1].products[0]: must be one of SPOT, SWAP, FUTURES, OPTION, not SWOP",
        "trading_node.exec_clients[1].api_secret: is missing",
        "trading_node.exec_clients[1].passphrase: is missing",
        "trading_node.exec_clients[2].base_url: must begin with http:// or https://",
        "trading_node.exec_clients[2].name: OKX is named twice",
        "trading_node.data_clients[0].name: BYBIT is not among exec_clients, so nobody would read it",
        "trading_node.exec_clients[2].account_id: OKX is named twice",
        "trading_node.portfolio.accounts[0].account_id: none is no account; there are BINANCE_FUTURES, OKX",
        "trading_node.trader_id: must read NAME-TAG",
        "trading_node.lookback_mins: must be at least 1, not 0",
    ]


def test_unknown_keys_and_venues_are_refused() -> None:
    known = "BINANCE_SPOT, BINANCE_FUTURES, BYBIT, OKX"
    assert faults_of(document(exec_clients=[{"name": "OKEX"}], exec_client=[])) == [
        f"trading_node.exec_clients[0].name: must be one of {known}, did you mean OKX?",
        "trading_node.exec_client: is not known, did you mean exec_clients?",
    ]


def test_instruments_are_those_of_the_venue() -> None:
    wrong = {**FUTURES, "instruments": ["OKX:SPOT_PAIR:BTC-USDT", "BINANCE-FUTURES:OPTION:BTC-USDT-1-20261225-C", "x"]}
    assert faults_of(document(exec_clients=[wrong])) == [
        f"trading_node.exec_clients[0].instruments[{index}]: {each} is no instrument of BINANCE-FUTURES"
        for index, each in enumerate(wrong["instruments"])
    ]


def test_live_mode_needs_the_word_that_a_release_candidate_is_meant() -> None:
    live = {**document(exec_clients=[OKX]), "mode": "live", "plugins": {"enabled": ["liveexec-nautilus"]}}
    said = [each for each in faults_of(live) if each.startswith("trading_node")]
    assert len(said) == 1
    assert "allow_release_candidate: must be true in live mode" in said[0]
    assert "release candidate" in said[0]
    live["trading_node"]["allow_release_candidate"] = True
    assert "NAUTILUS" in assembled_from(live, ENVIRON).sections


def test_the_plugin_and_the_adapters_import_nothing_of_the_vendor() -> None:
    code = (
        "import sys, liveexec_nautilus.plugin, liveexec_nautilus.live.factory; print('nautilus_trader' in sys.modules)"
    )
    assert run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "False"
