"""HTTP at the loopback venue: both path styles, every kind of authentication, faults; and the venue as a process."""

import base64
import hashlib
import hmac
import sys
import time
from typing import Any

import anyio
import httpx2
import pytest

from liveexec_deribit.loopback.faults import RequestFault
from liveexec_deribit.loopback.server import Server
from loopback_support.wire_client import PATIENCE_S

pytestmark = pytest.mark.anyio
ORDER = {"instrument_name": "BTC-PERPETUAL", "amount": "10", "price": "80000", "label": "over http"}
BASIC = {"Authorization": f"Basic {base64.b64encode(b'loopback1:secret-of-loopback1').decode()}"}


def client_of(server: Server) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=server.http_url, timeout=PATIENCE_S, trust_env=False)


async def test_get_with_a_query_and_post_with_a_path_and_plain_json_rpc(server: Server) -> None:
    async with client_of(server) as http:
        got = await http.get("/api/v2/private/buy", params=ORDER, headers=BASIC)
        assert (got.status_code, got.json()["result"]["order"]["label"]) == (200, "over http")
        order_id = got.json()["result"]["order"]["order_id"]
        body = {"jsonrpc": "2.0", "id": 7, "method": "private/cancel", "params": {"order_id": order_id}}
        posted = await http.post("/api/v2", json=body, headers=BASIC)
        assert (posted.json()["id"], posted.json()["result"]["order_state"]) == (7, "cancelled")
        for path in ("/api/v2/private/get_order_state", "/api/v2/private/get_order_state?order_id=" + order_id):
            posted = await http.post(path, json=body["params"] if "?" not in path else None, headers=BASIC)
            assert posted.json()["result"]["order_id"] == order_id
        body |= {"method": "private/get_order_state"}
        posted = await http.post("/api/v2/private/get_order_state", json=body, headers=BASIC)
        assert posted.json()["result"]["order_id"] == order_id


async def test_a_token_a_secret_or_a_signature_authenticates(server: Server) -> None:
    async with client_of(server) as http:
        granted = await http.get(
            "/api/v2/public/auth",
            params={
                "grant_type": "client_credentials",
                "client_id": "loopback1",
                "client_secret": "secret-of-loopback1",
            },
        )
        token = granted.json()["result"]["access_token"]
        stamp = int(time.time() * 1_000)
        path = "/api/v2/private/get_open_orders?type=all"
        signed = "\n".join([str(stamp), "unique", "GET", path, "", ""])
        signature = hmac.new(b"secret-of-loopback1", signed.encode(), hashlib.sha256).hexdigest()
        signed_header = f"deri-hmac-sha256 id=loopback1,ts={stamp},sig={signature},nonce="
        for header, status in (
            (f"bearer {token}", 200),
            (BASIC["Authorization"], 200),
            (f"{signed_header}unique", 200),
            (f"{signed_header}another", 401),
            ("bearer nonsense", 401),
            ("basic !!", 400),
            ("digest x", 400),
        ):
            answer = await http.get(path, headers={"Authorization": header})
            assert answer.status_code == status, (header, answer.text)
        assert (await http.get(path)).json()["error"]["code"] == 13009


async def test_errors_have_their_status(server: Server) -> None:
    async with client_of(server) as http:
        server.control.drain_credits(1001)
        for method, params, status, code in (
            ("public/nothing", {}, 400, -32601),
            ("public/ticker", {}, 400, -32602),
            ("public/subscribe", {"channels": '["quote.BTC-PERPETUAL"]'}, 400, 10030),
            ("private/buy", ORDER, 429, 10028),
        ):
            answer = await http.get(f"/api/v2/{method}", params=params, headers=BASIC)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert (await http.post("/api/v2", content=b"{")).json()["error"]["code"] == -32700


async def test_a_dropped_answer_is_a_dropped_connection_and_a_late_one_is_late(server: Server) -> None:
    async with client_of(server) as http:
        server.control.fault(RequestFault(kind="drop", method="private/buy", carried_out=True))
        with pytest.raises(httpx2.TransportError):
            await http.get("/api/v2/private/buy", params=ORDER, headers=BASIC)
        assert len(server.control.orders(1001)) == 1
        server.control.fault(RequestFault(kind="delay", method="public/test", delay_s=0.3))
        started = time.monotonic()
        assert (await http.get("/api/v2/public/test")).status_code == 200
        assert time.monotonic() - started >= 0.3


async def test_everything_of_the_control_over_http(server: Server) -> None:
    async with client_of(server) as http:

        async def act(name: str, **asked: Any) -> Any:
            answer = await http.post(f"/loopback/{name}", json=asked)
            assert answer.status_code == 200, answer.text
            return answer.json()["result"]

        perpetual = {"instrument": "BTC-PERPETUAL"}
        resting = await act("rest", **perpetual, direction="sell", price=90_000.5, amount=100)
        assert (resting["order_state"], resting["price"]) == ("open", 90_000.5)
        taken = await act("take", **perpetual, direction="buy", amount=30)
        assert taken["order_state"] == "cancelled"  # everybody else is one account, which does not trade with itself
        assert await act("clear_book", **perpetual) == 0
        await act("index", index="btc_usd", price=91_000)
        await act("mark", **perpetual, price=90_500)
        await act("locked", index="btc_usd", is_locked=True)
        await act("locked", index="btc_usd", is_locked=False)
        await act("active", **perpetual, is_active=False)
        await act("active", **perpetual, is_active=True)
        await act("fault", kind="error", method="private/buy", error="retry", times=1)
        await act("notification_fault", kind="drop", times=None)
        await act("extra_fields", brand_new=1)
        await act("clear_faults")
        await act("clock", offset_ms=5)
        await act("expire_tokens")
        await act("drain_credits", user_id=1001)
        assert await act("cut") == await act("silence") == await act("send", text="x") == 0
        assert await act("sessions") == []
        assert set(await act("truth")) == {"1001", "1002"}
        assert await act("requests") == []
        ticker = (await http.get("/api/v2/public/ticker", params={"instrument_name": "BTC-PERPETUAL"})).json()["result"]
        assert (ticker["index_price"], ticker["mark_price"]) == (91_000, 90_500)
        for name, asked, status in (
            ("nothing", {}, 404),
            ("rest", {"direction": "buy"}, 400),
            ("rest", perpetual | {"direction": "buy", "price": "much", "amount": 1}, 400),
            ("fault", {"kind": "error", "error": "nonsense"}, 400),
            ("index", {"index": "gold", "price": 1}, 400),
        ):
            answer = await http.post(f"/loopback/{name}", json=asked)
            assert (answer.status_code, bool(answer.json()["error"])) == (status, True)


async def test_the_venue_runs_as_a_process() -> None:
    command = [sys.executable, "-m", "liveexec_deribit.loopback", "--accounts", "1", "--tight-limits"]
    async with await anyio.open_process(command) as process:
        try:
            assert process.stdout is not None
            said = b""
            with anyio.fail_after(30):
                while b"account 1001" not in said:
                    said += await process.stdout.receive()
            url = said.decode().split()[1]
            async with httpx2.AsyncClient(timeout=PATIENCE_S, trust_env=False) as http:
                summary = await http.get(
                    f"{url}/private/get_account_summary", params={"currency": "BTC"}, headers=BASIC
                )
                limits = summary.json()["result"]["limits"]
                assert limits["matching_engine"]["trading"]["total"] == {"burst": 20, "rate": 5}
            assert b"secret" not in said
        finally:
            process.terminate()
            with anyio.fail_after(30):
                await process.wait()
