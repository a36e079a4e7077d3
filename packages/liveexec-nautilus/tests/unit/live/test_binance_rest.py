"""Questions to Binance by REST: signed as the venue checks it, its word told apart from silence."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from liveexec_nautilus.live.binance_rest import BinanceError, BinanceRest
from liveexec_nautilus.live.questions import QuestionFailed
from liveexec_nautilus.loopback.shared.faults import RequestFault
from liveexec_nautilus.loopback.shared.server import Server, serve
from liveexec_nautilus.loopback.shared.signing import Ed25519Pair
from nautilus_support.flavors import BINANCE_FUTURES

pytestmark = pytest.mark.anyio

ORDERS = "/fapi/v1/openOrders"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(BINANCE_FUTURES.venue()) as running:
        yield running


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("loopback1-ed25519", Ed25519Pair.of("loopback1").private_pem),
        ("loopback1-ed25519", "".join(Ed25519Pair.of("loopback1").private_pem.splitlines()[1:-1])),
        ("loopback1", "secret-of-loopback1"),
    ],
)
async def test_requests_are_signed_as_the_venue_checks_it(server: Server, key: str, secret: str) -> None:
    rest = BinanceRest(server.http_url, key, secret)
    assert await rest.get(ORDERS, {"symbol": "BTCUSDT", "unset": None}, list[Any]) == []
    await rest.close()


async def test_the_venues_word_is_told_apart_from_what_is_none(server: Server) -> None:
    rest = BinanceRest(server.http_url, "loopback1", "secret-of-loopback1")
    with pytest.raises(BinanceError, match="Binance error -2013"):
        await rest.get("/fapi/v1/order", {"symbol": "BTCUSDT", "orderId": 7}, dict[str, Any])
    for fault in (RequestFault(kind="status", status=503), RequestFault(kind="malformed"), RequestFault(kind="cut")):
        server.control.fault(fault)
        with pytest.raises(QuestionFailed) as raised:
            await rest.get(ORDERS, {}, list[Any])
        assert not isinstance(raised.value, BinanceError)
        assert "signature" not in str(raised.value)
    await rest.close()


async def test_a_venue_that_takes_no_connection_is_no_answer() -> None:
    async with serve(BINANCE_FUTURES.venue()) as gone:
        url = gone.http_url
    rest = BinanceRest(url, "loopback1", "secret-of-loopback1")
    with pytest.raises(QuestionFailed, match="ConnectError"):
        await rest.get(ORDERS, {}, list[Any])
    await rest.close()


async def test_what_anybody_may_ask_is_not_signed(server: Server) -> None:
    rest = BinanceRest(server.http_url, "loopback1", "secret-of-loopback1")
    assert await rest.public("/fapi/v1/trades", {"symbol": "BTCUSDT", "limit": 5}, list[Any]) == []
    (asked,) = server.venue.requests
    assert asked.parameters == {"symbol": "BTCUSDT", "limit": "5"}
    await rest.close()
