"""Every scripted fault does to a client what it says."""

from decimal import Decimal

import anyio
import httpx2
import pytest

from liveexec_deribit.loopback.faults import NotificationFault, RequestFault
from liveexec_deribit.loopback.server import Server
from loopback_support.wire_client import PATIENCE_S, RequestRefused, WireClient, connected

pytestmark = pytest.mark.anyio
ORDER = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "price": 80_000}
#: Later than anything else that a test waits for meanwhile, on a busy machine too.
_LATE_S = 1.5
ORDERS = "user.orders.any.any.raw"


def placed(server: Server) -> int:
    """How many orders account 1001 has at the venue."""
    return len(server.control.orders(1001))


@pytest.mark.parametrize("carried_out", [True, False])
async def test_a_dropped_answer(server: Server, *, carried_out: bool) -> None:
    server.control.fault(RequestFault(kind="drop", method="private/buy", carried_out=carried_out))
    async with connected(server, account=1) as client:
        lost = await client.send("private/buy", **ORDER)
        await client.call("private/buy", **ORDER)  # the fault was for one request
        assert not any(message.get("id") == lost for _, message in client.traffic)
        assert placed(server) == 1 + carried_out


async def test_a_delayed_answer_is_overtaken(server: Server) -> None:
    server.control.fault(RequestFault(kind="delay", method="private/buy", delay_s=_LATE_S))
    async with connected(server, account=1) as client:
        client.order.clear()
        late = await client.send("private/buy", **ORDER)
        await client.call("public/test")
        assert placed(server) == 1
        await client.answer(late)
        assert client.order == ["public/test", "private/buy"]


@pytest.mark.parametrize(
    "error",
    ["retry", "settlement_in_progress", "matching_engine_queue_full", "too_many_requests", "timed_out", "bad_request"],
)
async def test_an_error_for_the_next_requests(server: Server, error: str) -> None:
    server.control.fault(RequestFault(kind="error", method="private/*", error=error, times=2))
    async with connected(server, account=1) as client:
        for _ in range(2):
            with pytest.raises(RequestRefused, match=error):
                await client.call("private/buy", **ORDER)
        assert placed(server) == 0
        await client.call("private/buy", **ORDER)


async def test_an_error_that_lies(server: Server) -> None:
    server.control.fault(RequestFault(kind="error", method="private/buy", error="timed_out", carried_out=True))
    async with connected(server, account=1) as client:
        with pytest.raises(RequestRefused, match="13888"):
            await client.call("private/buy", **ORDER)
        assert placed(server) == 1


@pytest.mark.parametrize("carried_out", [True, False])
async def test_a_cut_instead_of_an_answer(server: Server, *, carried_out: bool) -> None:
    server.control.fault(RequestFault(kind="cut", method="private/buy", carried_out=carried_out))
    async with connected(server, account=1) as client:
        await client.send("private/buy", **ORDER)
        assert (await client.closed()).rcvd is None
    assert placed(server) == carried_out


async def test_a_cut_now_and_after_so_many_messages(server: Server) -> None:
    async with connected(server, account=1) as first, connected(server, account=2) as second:
        sessions = {session.user_id: session.session_id for session in server.control.sessions()}
        assert server.control.cut(sessions[1001]) == 1
        assert (await first.closed()).rcvd is None
        server.control.cut(sessions[1002], after_messages=2)
        # Both messages arrive, and nothing after them.
        await second.call("public/test")
        await second.call("public/get_time")
        assert (await second.closed()).rcvd is None


async def test_a_silent_connection_stays_open_and_takes_nothing(server: Server) -> None:
    async with connected(server, account=1) as client:
        server.control.silence()
        await client.send("private/buy", **ORDER)
        with anyio.move_on_after(0.3) as waited:
            await client.connection.recv()
        assert waited.cancelled_caught
        assert placed(server) == 0
        server.control.silence(silent=False)
        await client.call("private/buy", **ORDER)


async def test_a_malformed_answer_and_a_message_of_any_bytes(server: Server) -> None:
    server.control.fault(RequestFault(kind="malformed", method="private/buy"))
    async with connected(server, account=1) as client:
        await client.send("private/buy", **ORDER)
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            await client.closed()
        assert placed(server) == 1
        server.control.send(b"this is no JSON")
        assert await client.connection.recv() == "this is no JSON"


async def subscribed(client: WireClient) -> None:
    await client.call("private/subscribe", channels=[ORDERS])
    client.order.clear()


async def test_a_notification_before_its_answer(server: Server) -> None:
    server.control.fault(RequestFault(kind="notify_first", method="private/buy"))
    async with connected(server, account=1) as client:
        await subscribed(client)
        await client.call("private/buy", **ORDER)
        assert client.order == [ORDERS, "private/buy"]


async def test_duplicated_dropped_swapped_and_delayed_notifications(server: Server) -> None:
    async with connected(server, account=1) as client:
        await subscribed(client)

        async def amounts(count: int, *sizes: int) -> list[int]:
            for amount in sizes:
                await client.call("private/buy", **ORDER | {"amount": amount})
            return [(await client.notified(ORDERS))["amount"] for _ in range(count)]

        server.control.fault(NotificationFault(kind="duplicate", channel="user.orders.*"))
        assert await amounts(3, 10, 20) == [10, 10, 20]
        server.control.fault(NotificationFault(kind="drop", channel="user.orders.*"))
        assert await amounts(1, 30, 40) == [40]
        server.control.fault(NotificationFault(kind="swap", channel="user.orders.*"))
        assert await amounts(2, 50, 60) == [60, 50]
        server.control.fault(NotificationFault(kind="delay", channel="user.orders.*", delay_s=_LATE_S))
        assert await amounts(2, 70, 80) == [80, 70]
        server.control.fault(NotificationFault(kind="malformed", channel="user.orders.*"))
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            await amounts(1, 90)


async def test_unknown_fields_in_everything(server: Server) -> None:
    server.control.extra_fields({"brand_new": {"deep": [1]}})
    async with connected(server, account=1) as client:
        await subscribed(client)
        order = (await client.call("private/buy", **ORDER))["order"]
        assert order["brand_new"] == (await client.notified(ORDERS))["brand_new"] == {"deep": [1]}
        server.control.clear_faults()
        assert "brand_new" not in await client.call("private/get_order_state", order_id=order["order_id"])


async def test_a_clock_that_is_wrong(server: Server) -> None:
    async with connected(server) as client:
        before = await client.call("public/get_time")
        server.control.skew_clock(-3_600_000)
        assert before - 3_600_000 <= await client.call("public/get_time") < before


async def test_drained_credits(server: Server) -> None:
    async with connected(server, account=1) as client:
        server.control.drain_credits(1001)
        with pytest.raises(RequestRefused, match="10028"):
            await client.call("private/buy", **ORDER)
        await client.closed()


async def test_other_participants_rest_take_and_leave(server: Server) -> None:
    async with connected(server, account=1) as client:
        await subscribed(client)
        await client.call("private/buy", **ORDER)
        await client.notified(ORDERS)
        server.control.take("BTC-PERPETUAL", "sell", Decimal(10))
        assert (await client.notified(ORDERS))["order_state"] == "filled"
        server.control.rest("BTC-PERPETUAL", "sell", Decimal(90_000), Decimal(100))
        assert server.control.clear_book("BTC-PERPETUAL") == 1
        book = await client.call("public/get_order_book", instrument_name="BTC-PERPETUAL")
        assert (book["bids"], book["asks"]) == ([], [])
        truth = server.control.truth()["1001"]
        assert isinstance(truth, dict)
        assert truth["positions"] == {"BTC-PERPETUAL": 10}


def test_a_fault_with_an_error_that_the_venue_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="no error 'nonsense'"):
        RequestFault(kind="error", error="nonsense")


async def test_a_fault_that_there_is_not_is_refused(server: Server) -> None:
    async with httpx2.AsyncClient(base_url=server.http_url, timeout=PATIENCE_S, trust_env=False) as http:
        for act in ("fault", "notification_fault"):
            answer = await http.post(f"/loopback/{act}", json={"kind": "no such kind"})
            assert answer.status_code == 400
            assert "'kind' must be in" in answer.json()["error"]
        assert (await http.get("/api/v2/public/test")).status_code == 200
