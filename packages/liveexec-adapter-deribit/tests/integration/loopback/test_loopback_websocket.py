"""A client's life on the loopback venue's WebSocket: login, orders, channels, heartbeats, limits and retention."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from decimal import Decimal

import anyio
import pytest

from liveexec_deribit.loopback.config import Credits, RateLimits, Retention, VenueConfig, default_accounts
from liveexec_deribit.loopback.server import Server, serve
from liveexec_deribit.loopback.venue import Venue
from loopback_support.wire_client import PATIENCE_S, RequestRefused, WireClient, connected

pytestmark = pytest.mark.anyio
PERPETUAL = {"instrument_name": "BTC-PERPETUAL"}
DAY_MS = 24 * 3_600 * 1_000
_ABNORMAL = 1006  # no close frame came


async def until_gone(server: Server, count: int = 0) -> None:
    """Wait until the venue has no more than so many sessions."""
    with anyio.fail_after(PATIENCE_S):
        while len(server.control.sessions()) > count:
            await anyio.lowlevel.checkpoint()


async def test_a_login_opens_the_private_methods_of_its_connection(server: Server) -> None:
    async with connected(server) as client:
        with pytest.raises(RequestRefused, match="13009 unauthorized"):
            await client.call("private/get_open_orders")
        with pytest.raises(RequestRefused, match="13004 invalid_credentials"):
            await client.call(
                "public/auth", grant_type="client_credentials", client_id="loopback1", client_secret="wrong"
            )
        granted = await client.login(1)
        assert (granted["token_type"], granted["expires_in"]) == ("bearer", 900)
        assert await client.call("private/get_open_orders") == []
        async with connected(server) as other:
            with pytest.raises(RequestRefused, match="13009"):
                await other.call("private/get_open_orders", access_token=granted["access_token"])
            await other.login(2)
            assert other.traffic[-1][1]["result"]["scope"].startswith("account:read_write connection")


async def test_a_login_by_signature(server: Server) -> None:
    async with connected(server) as client:
        now = await client.call("public/get_time")
        for nonce, wanted in (("abc", None), ("another", 13004)):
            signature = hmac.new(b"secret-of-loopback1", f"{now}\nabc\n".encode(), hashlib.sha256).hexdigest()
            asked = client.call(
                "public/auth", grant_type="client_signature", client_id="loopback1", timestamp=now, nonce=nonce,
                signature=signature, data="",
            )  # fmt: skip
            if wanted is None:
                assert (await asked)["token_type"] == "bearer"
            else:
                with pytest.raises(RequestRefused, match=str(wanted)):
                    await asked


async def test_a_token_expires_and_is_refreshed(server: Server) -> None:
    async with connected(server) as client:
        granted = await client.login(1)
        server.control.expire_tokens()
        with pytest.raises(RequestRefused, match="13009 unauthorized"):
            await client.call("private/get_positions")
        fresh = await client.call("public/auth", grant_type="refresh_token", refresh_token=granted["refresh_token"])
        assert fresh["access_token"] != granted["access_token"]
        assert await client.call("private/get_positions") == []
        server.control.expire_tokens(refresh_too=True)
        with pytest.raises(RequestRefused, match="13004"):
            await client.call("public/auth", grant_type="refresh_token", refresh_token=fresh["refresh_token"])


async def test_a_read_only_token_cannot_trade(server: Server) -> None:
    async with connected(server) as client:
        await client.login(1, scope="trade:read account:read")
        assert await client.call("private/get_open_orders") == []
        with pytest.raises(RequestRefused, match="13021 forbidden"):
            await client.call("private/buy", **PERPETUAL, amount=10, price=80_000)


async def test_two_accounts_trade_and_each_sees_its_own_side(server: Server) -> None:
    async with connected(server, account=1) as taker, connected(server, account=2) as maker:
        channels = ["user.orders.any.any.raw", "user.trades.any.any.raw", "user.changes.BTC-PERPETUAL.raw"]
        for client in (taker, maker):
            assert await client.call("private/subscribe", channels=channels) == channels
        resting = (await maker.call("private/sell", **PERPETUAL, amount=100, price=90_000, label="m"))["order"]
        bought = await taker.call("private/buy", **PERPETUAL, amount=60, price=90_000, label="t")
        assert (bought["order"]["order_state"], len(bought["trades"])) == ("filled", 1)
        [own] = await taker.notified(channels[1])
        [theirs] = await maker.notified(channels[1])
        assert own["trade_id"] == theirs["trade_id"] == bought["trades"][0]["trade_id"]
        assert (own["liquidity"], theirs["liquidity"]) == ("T", "M")
        assert (own["direction"], theirs["direction"], own["label"], theirs["label"]) == ("buy", "sell", "t", "m")
        states = [await maker.notified(channels[0]) for _ in range(2)]
        assert [(order["order_state"], order["filled_amount"]) for order in states] == [("open", 0), ("open", 60)]
        change = await taker.notified(channels[2])
        assert change["positions"][0]["size"] == 60
        with pytest.raises(RequestRefused, match="10029 not_owner_of_order"):
            await taker.call("private/cancel", order_id=resting["order_id"])
        with pytest.raises(RequestRefused, match="10004 order_not_found"):
            await taker.call("private/get_order_state", order_id="1")


async def test_an_answer_comes_before_what_its_request_brings(server: Server) -> None:
    async with connected(server, account=1) as client:
        await client.call("private/subscribe", channels=["user.orders.any.any.raw"])
        client.order.clear()
        await client.call("private/buy", **PERPETUAL, amount=10, price=80_000)
        await client.notified("user.orders.any.any.raw")
        assert client.order == ["private/buy", "user.orders.any.any.raw"]


async def test_a_connection_that_is_closing_harms_nobody_elses_requests(server: Server) -> None:
    async with connected(server, account=1) as client:
        for _ in range(5):
            async with connected(server, account=1) as leaving:
                await leaving.call("private/subscribe", channels=["user.orders.any.any.raw"])
                # So many orders on the wire that some are carried out just as the other connection ends.
                asked = [await client.send("private/buy", **PERPETUAL, amount=10, price=80_000) for _ in range(30)]
                await leaving.connection.close()
            for number in asked:
                await client.answer(number)
            assert await client.call("private/cancel_all") == 30


async def test_an_order_is_refused_after_its_time(server: Server) -> None:
    async with connected(server, account=1) as client:
        now = await client.call("public/get_time")
        with pytest.raises(RequestRefused, match="13888 timed_out"):
            await client.call("private/buy", **PERPETUAL, amount=10, price=80_000, valid_until=now - 1)
        placed = await client.call("private/buy", **PERPETUAL, amount=10, price=80_000, valid_until=now + 60_000)
        server.control.skew_clock(120_000)
        with pytest.raises(RequestRefused, match="13888"):
            await client.call("private/edit", order_id=placed["order"]["order_id"], amount=20, valid_until=now + 60_000)
        assert [order.amount for order in server.control.orders(1001)] == [10]


async def test_labels_are_not_unique(server: Server) -> None:
    async with connected(server, account=1) as client:
        for _ in range(2):
            await client.call("private/buy", **PERPETUAL, amount=10, price=80_000, label="same")
        found = await client.call("private/get_order_state_by_label", currency="BTC", label="same")
        assert len({order["order_id"] for order in found}) == 2
        with pytest.raises(RequestRefused, match="11043 bad_argument"):
            await client.call("private/edit_by_label", **PERPETUAL, label="same", amount=20)
        assert await client.call("private/cancel_by_label", label="same") == 2


async def test_mass_cancels_choose_by_kind_and_type_and_can_tell_what_they_cancelled(server: Server) -> None:
    async with connected(server, account=1) as client:
        trigger = {"type": "stop_market", "trigger": "mark_price", "trigger_price": 60_000}
        resting = (await client.call("private/buy", **PERPETUAL, amount=10, price=80_000))["order"]["order_id"]
        waiting = (await client.call("private/sell", **PERPETUAL, amount=10, **trigger))["order"]["order_id"]
        assert waiting.startswith("SLMS-")
        assert await client.call("private/cancel_all_by_currency", currency="BTC", kind="option") == 0
        assert await client.call("private/cancel_all_by_currency", currency="ETH") == 0
        stops = await client.call("private/cancel_all_by_currency", currency="BTC", type="stop", detailed=True)
        assert [(each["type"], each["result"][0]["order_id"]) for each in stops] == [("trigger", waiting)]
        rest = await client.call("private/cancel_all", detailed=True)
        assert [(each["type"], each["result"][0]["order_id"]) for each in rest] == [("limit", resting)]
        with pytest.raises(RequestRefused, match="11044 not_open_order"):
            await client.call("private/cancel", order_id=resting)
        with pytest.raises(RequestRefused, match="10010 already_closed"):
            await client.call("private/close_position", **PERPETUAL, type="market")
        with pytest.raises(RequestRefused, match="10004 order_not_found"):
            await client.call("private/edit_by_label", **PERPETUAL, label="nobody's", amount=10)


async def test_a_client_that_does_not_read_is_dropped() -> None:
    async with serve(Venue(VenueConfig(outbox_messages=10))) as server, connected(server, account=1) as client:
        # More than its outbox holds, in one step of the venue: nothing of it can have been written in between.
        for _ in range(12):
            server.control.send(b"{}")
        await until_gone(server)
        await client.connection.wait_closed()
        assert client.connection.close_code == _ABNORMAL


async def test_what_else_the_connection_refuses(server: Server) -> None:
    async with connected(server, account=1) as client:
        for method, params, refusal in (
            ("public/test", {"expected_result": "exception"}, "10001 error"),
            ("public/auth", {"grant_type": "password"}, "-32602"),
            ("public/auth", {"grant_type": "client_signature", "client_id": "a", "timestamp": 1, "nonce": "\u00e9",
                             "signature": "x"}, "-32602"),
            ("public/get_order_book", PERPETUAL | {"depth": 7}, "-32602"),
            ("public/get_index_price", {"index_name": "gold"}, "-32602"),
            ("public/get_tradingview_chart_data", PERPETUAL | {"resolution": "7"}, "-32602"),
            ("public/get_instruments", {"currency": "DOGE"}, "-32602"),
            ("public/get_last_trades_by_instrument", PERPETUAL | {"start_timestamp": 5, "end_timestamp": 1}, "11049"),
            ("private/get_user_trades_by_currency", {"currency": "BTC", "start_id": "x"}, "-32602"),
            ("private/get_order_history_by_currency", {"currency": "BTC", "continuation": "x"}, "-32602"),
            ("private/cancel_all_by_kind_or_type", {"currency": "DOGE"}, "-32602"),
            ("private/get_margins", PERPETUAL | {"amount": 10, "price": 0}, "-32602"),
        ):  # fmt: skip
            if method == "private/get_user_trades_by_currency":
                server.control.rest("BTC-PERPETUAL", "sell", Decimal(90_000), Decimal(10))
                await client.call("private/buy", **PERPETUAL, amount=10, price=90_000)
            with pytest.raises(RequestRefused, match=refusal):
                await client.call(method, **params)


async def test_contracts_stand_for_amounts_and_must_match_them(server: Server) -> None:
    async with connected(server, account=1) as client:
        placed = await client.call("private/buy", **PERPETUAL, contracts=3, price=80_000)
        assert (placed["order"]["amount"], placed["order"]["contracts"]) == (30, 3)
        for more in ({"amount": 40, "contracts": 3}, {}):
            with pytest.raises(RequestRefused, match="-32602"):
                await client.call("private/buy", **PERPETUAL, price=80_000, **more)
        with pytest.raises(RequestRefused, match="10033 not_implemented"):
            await client.call("private/buy", **PERPETUAL, amount=100, price=80_000, advanced="usd")


async def test_what_is_no_request_is_answered_with_its_error(server: Server) -> None:
    async with connected(server) as client:
        for sent, code in (("{", -32700), ("[1]", 11050), ('{"id":1}', 11050), ('{"method":"a","params":[1]}', -32602)):
            await client.connection.send(sent)
            answer = await client.connection.recv()
            assert f'"code":{code}' in str(answer)
        with pytest.raises(RequestRefused, match="-32601 Method not found"):
            await client.call("private/withdraw_everything")
        with pytest.raises(RequestRefused, match="10020 invalid_or_unsupported_instrument"):
            await client.call("public/ticker", instrument_name="NOTHING")


@pytest.fixture
async def hurried() -> AsyncIterator[Server]:
    """A venue with short heartbeats, and small pools of credits for account 1001."""
    accounts = default_accounts(2)
    limits = RateLimits(matching=Credits(burst=5, rate_per_s=0.001), non_matching=Credits(burst=50, rate_per_s=0.001))
    tight = type(accounts[0])(client_id="loopback1", client_secret="secret-of-loopback1", user_id=1001, limits=limits)
    async with serve(Venue(VenueConfig(accounts=[tight, accounts[1]], least_heartbeat_s=0.05))) as running:
        yield running


async def test_a_client_that_answers_test_requests_stays_and_another_is_dropped(hurried: Server) -> None:
    async with connected(hurried) as client:
        with pytest.raises(RequestRefused, match="-32602"):
            await client.call("public/set_heartbeat", interval=0.01)
        await client.call("public/set_heartbeat", interval=0.4)
        for _ in range(3):
            await client.test_request()
            await client.call("public/test")
        closed = await client.closed()
        assert closed.rcvd is None  # cut, without a close frame
        assert client.heartbeats == ["heartbeat", "test_request"] * 4


async def test_running_out_of_credits_ends_the_session(hurried: Server) -> None:
    async with connected(hurried, account=1) as client:
        for _ in range(5):
            await client.call("private/buy", **PERPETUAL, amount=10, price=80_000)
        with pytest.raises(RequestRefused, match="10028 too_many_requests"):
            await client.call("private/cancel_all")
        await client.closed()
    async with connected(hurried, account=1) as client:
        assert len(await client.call("private/get_open_orders")) == 5  # another pool
        hurried.venue.clock.advance(3_600_000)
        with pytest.raises(RequestRefused, match="13009"):
            await client.call("private/cancel_all")
        await client.login(1)
        assert await client.call("private/cancel_all") == 5


async def test_orders_of_a_connection_are_cancelled_with_it_if_it_asked(server: Server) -> None:
    async with connected(server, account=1) as watcher:
        await watcher.call("private/subscribe", channels=["user.orders.any.any.raw"])
        kept = (await watcher.call("private/buy", **PERPETUAL, amount=10, price=80_000))["order"]["order_id"]
        await watcher.notified("user.orders.any.any.raw")
        async with connected(server, account=1) as client:
            await client.call("private/enable_cancel_on_disconnect")
            await client.call("private/buy", **PERPETUAL, amount=20, price=80_000)
            await watcher.notified("user.orders.any.any.raw")
        gone = await watcher.notified("user.orders.any.any.raw")
        assert (gone["amount"], gone["order_state"], gone["cancel_reason"]) == (20, "cancelled", "cancel_on_disconnect")
        assert [order["order_id"] for order in await watcher.call("private/get_open_orders")] == [kept]


async def test_a_logout_does_not_cancel_orders_and_account_scope_holds_for_new_connections(server: Server) -> None:
    async with connected(server, account=1) as client:
        await client.call("private/enable_cancel_on_disconnect", scope="account")
    async with connected(server, account=1) as client:
        assert await client.call("private/get_cancel_on_disconnect") == {"scope": "connection", "enabled": True}
        await client.call("private/buy", **PERPETUAL, amount=10, price=80_000)
        await client.send("private/logout")
        await client.closed()
    await until_gone(server)
    assert [order.state for order in server.control.orders(1001)] == ["open"]


@pytest.fixture
async def forgetful() -> AsyncIterator[Server]:
    """A venue whose live endpoints forget orders after a minute and trades after an hour."""
    retention = Retention(closed_orders_s=60, trades_s=3_600)
    async with serve(Venue(VenueConfig(retention=retention, token_lifetime_s=10**7))) as running:
        yield running


async def test_live_endpoints_forget_and_historical_finds_only_what_is_old(forgetful: Server) -> None:
    forgetful.control.rest("BTC-PERPETUAL", "sell", Decimal(90_000), Decimal(1_000))
    async with connected(forgetful, account=1) as client:
        filled = (await client.call("private/buy", **PERPETUAL, amount=10, price=90_000))["order"]["order_id"]
        cancelled = (await client.call("private/buy", **PERPETUAL, amount=10, price=80_000))["order"]["order_id"]
        await client.call("private/cancel", order_id=cancelled)
        kept = (await client.call("private/buy", **PERPETUAL, amount=20, price=80_000))["order"]["order_id"]

        async def history(**more: object) -> list[str]:
            asked = await client.call(
                "private/get_order_history_by_currency", currency="BTC", include_unfilled=True, **more
            )
            return [order["order_id"] for order in asked]

        async def trades(**more: object) -> int:
            asked = await client.call("private/get_user_trades_by_currency", currency="BTC", **more)
            return len(asked["trades"])

        assert (await history(), await history(historical=True)) == ([cancelled, filled], [])
        assert (await trades(), await trades(historical=True)) == (1, 0)
        forgetful.venue.clock.advance(61_000)
        assert (await history(), await history(historical=True)) == ([], [cancelled, filled])
        assert (await trades(), await trades(historical=True)) == (1, 0)
        with pytest.raises(RequestRefused, match="10004 order_not_found"):
            await client.call("private/get_order_state", order_id=filled)
        assert (await client.call("private/get_order_state", order_id=kept))["order_state"] == "open"
        forgetful.venue.clock.advance(3_600_000)
        assert (await trades(), await trades(historical=True)) == (0, 1)
        by_order = await client.call("private/get_user_trades_by_order", order_id=filled, historical=True)
        assert len(by_order) == 1
        forgetful.venue.clock.advance(3 * DAY_MS)
        assert await history(historical=True) == []
        assert await history(historical=True, include_old=True) == [cancelled, filled]


async def page_through(client: WireClient) -> list[str]:
    """Every trade's id, two at a time, oldest first."""
    found: list[str] = []
    while True:
        more = {"start_id": found[-1]} if found else {}
        page = await client.call("private/get_user_trades_by_currency", currency="BTC", count=2, sorting="asc", **more)
        found += [trade["trade_id"] for trade in page["trades"] if trade["trade_id"] not in found]
        if not page["has_more"]:
            return found


async def test_pages_of_trades_and_orders_hold_everything_once(server: Server) -> None:
    server.control.rest("BTC-PERPETUAL", "sell", Decimal(90_000), Decimal(1_000))
    async with connected(server, account=1) as client:
        bought = [await client.call("private/buy", **PERPETUAL, amount=10, price=90_000) for _ in range(7)]
        ids = [each["trades"][0]["trade_id"] for each in bought]
        assert await page_through(client) == ids
        newest = await client.call("private/get_user_trades_by_instrument", **PERPETUAL, count=3)
        assert [trade["trade_id"] for trade in newest["trades"]] == ids[:-4:-1]
        seen: list[str] = []
        token = None
        while True:
            more: dict[str, str] = {} if token is None else {"continuation": token}
            page = await client.call(
                "private/get_order_history_by_instrument", **PERPETUAL, count=3, with_continuation=True, **more
            )
            seen += [order["order_id"] for order in page["orders"]]
            token = page["continuation"]
            if token is None:
                break
        assert seen == [each["order"]["order_id"] for each in reversed(bought)]
