"""Sessions: logging in, staying alive, breaking, and coming back without having missed anything."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import anyio
import attrs
import pytest

from deribit_support.harness import PERPETUAL, USER_ID, DeribitHarness, venue_config
from deribit_support.truth import SPOT
from deribit_support.waiting import eventually
from liveexec.domain.ids import AccountId, ClientOrderId, VenueOrderId, order_id_from_random
from liveexec.domain.operation import Side
from liveexec.domain.outcome import (
    Absent,
    Accepted,
    Gap,
    NotKnown,
    OrderRef,
    OrderReport,
    Rejected,
    Unknown,
    VenueOrderStatus,
)
from liveexec.errors import AdapterError
from liveexec_deribit.adapter import DeribitAdapter
from liveexec_deribit.config import CURRENCIES
from liveexec_deribit.loopback.config import Retention
from liveexec_deribit.loopback.faults import NotificationFault, RequestFault
from liveexec_testkit.conformance import scripts
from liveexec_testkit.conformance.heard import Heard
from liveexec_testkit.conformance.line import Line
from liveexec_testkit.conformance.scripts import Verb
from liveexec_testkit.conformance.trial import Trial


@pytest.fixture
async def venue() -> AsyncIterator[DeribitHarness]:
    async with DeribitHarness() as harness:
        yield harness


@pytest.fixture
async def trial(venue: DeribitHarness) -> AsyncIterator[Trial]:
    async with Trial(venue) as running:
        yield running


@pytest.fixture
async def line(trial: Trial) -> Line:
    return await trial.line()


def deribit(line: Line) -> DeribitAdapter:
    assert isinstance(line.adapter, DeribitAdapter)
    return line.adapter


@pytest.mark.parametrize("method", ["client_credentials", "client_signature"])
async def test_both_ways_to_log_in(trial: Trial, venue: DeribitHarness, method: str) -> None:
    line = await trial.line(venue.adapter(authentication=method))
    await line.place()


async def test_orders_and_fills_in_streams_of_their_own(trial: Trial, venue: DeribitHarness) -> None:
    line = await trial.line(venue.adapter(reports="orders_and_trades"))
    placed = await line.place()
    await venue.take(PERPETUAL, Side.SELL, Decimal(80_000), Decimal(400))
    await line.heard.until("the fill", lambda: line.heard.fills)
    filled = Decimal(400)
    await line.heard.until(
        "the order", lambda: filled in [each.filled_quantity for each in line.heard.of(None, placed.venue_order_id)]
    )
    assert not line.heard.gaps


async def test_a_refused_login_is_an_adapter_error(venue: DeribitHarness) -> None:
    await venue.inject(scripts.RefuseLogin())
    adapter = venue.adapter()
    with pytest.raises(AdapterError, match="13004"):
        await adapter.connect()
    await venue.heal()
    await adapter.connect()
    await adapter.disconnect()


async def test_nobody_there_is_an_adapter_error(venue: DeribitHarness) -> None:
    adapter = venue.adapter(websocket_url="ws://127.0.0.1:9/ws/api/v2")
    with pytest.raises(AdapterError, match="can't be reached"):
        await adapter.connect()
    with pytest.raises(AdapterError, match="no session"):
        await adapter.listings()


@pytest.mark.parametrize("method", ["public/auth", "private/subscribe"])
async def test_a_connect_that_is_given_up_leaves_no_connection(venue: DeribitHarness, method: str) -> None:
    venue.control.fault(RequestFault(kind="drop", method=method))
    adapter = venue.adapter(request_timeout_s=Decimal(30))
    async with anyio.create_task_group() as group:
        group.start_soon(adapter.connect)
        await eventually("the request", lambda: not venue.server.venue.faults.requests)
        group.cancel_scope.cancel()
    await eventually("the end of its connection", lambda: not venue.control.sessions())
    tasks = {each.get_name() for each in asyncio.all_tasks()}
    assert not {name for name in tasks if name.startswith("deribit-")}


async def test_a_disconnect_without_any_time_left_leaves_no_connection(venue: DeribitHarness, line: Line) -> None:
    adapter = deribit(line)
    feed = adapter.market([PERPETUAL])
    await venue.rest(PERPETUAL, Side.BUY, Decimal(89_990), Decimal(1_000))
    await anext(feed)
    assert len(venue.control.sessions()) == 2
    with anyio.CancelScope() as scope:
        scope.cancel()
        await adapter.disconnect()
    await eventually("the end of both connections", lambda: not venue.control.sessions())


async def test_tokens_are_renewed_before_they_end() -> None:
    async with DeribitHarness(venue_config(token_lifetime_s=1)) as venue, Trial(venue) as trial:
        line = await trial.line()
        first = {each.access_token for each in venue.control.grants()}
        await eventually("a new token", lambda: not first & {each.access_token for each in venue.control.grants()})
        await line.place()
        # A refresh token that is refused costs a login, and no session.
        before = len(venue.server.venue.requests)
        venue.control.expire_tokens(refresh_too=True)
        await eventually("a new login", lambda: _logins(venue, before) >= 2)
        await eventually("a good token", lambda: any(each.expires_ms > 0 for each in venue.control.grants()))
        assert len(venue.control.sessions()) == 1


def _logins(venue: DeribitHarness, since: int) -> int:
    return sum(method == "public/auth" for _, method in list(venue.server.venue.requests)[since:])


async def test_test_requests_are_answered(venue: DeribitHarness, line: Line) -> None:
    await eventually("three answers", lambda: _tests(venue) >= 3)
    await line.place()


def _tests(venue: DeribitHarness) -> int:
    return sum(method == "public/test" for _, method in venue.server.venue.requests)


async def test_a_silent_connection_is_given_up(venue: DeribitHarness, line: Line) -> None:
    await venue.inject(scripts.HalfOpen())
    await eventually("the end of the session", lambda: line.heard.error is not None)
    with pytest.raises(AdapterError):
        await line.adapter.open_orders(venue.account_id)


async def test_what_was_missed_is_announced_and_fetched(venue: DeribitHarness, trial: Trial, line: Line) -> None:
    placed = await line.place()
    venue.cut_all()
    await eventually("the end of the session", lambda: line.heard.error is not None)
    assert isinstance(line.heard.error, AdapterError)
    await venue.take(PERPETUAL, Side.SELL, Decimal(80_000), Decimal(400))
    again = await trial.line(line.adapter)
    await again.heard.until("the gap", lambda: [each for each in again.heard.items if isinstance(each, Gap)])
    assert isinstance(again.heard.items[0], Gap)
    fills = await line.adapter.fills(venue.account_id, 0)
    assert [each.fill.quantity for each in fills.items] == [400]
    assert fills.complete
    (open_order,) = (await line.adapter.open_orders(venue.account_id)).items
    assert (open_order.venue_order_id, open_order.filled_quantity) == (placed.venue_order_id, 400)


async def test_a_request_under_way_is_unknown_when_the_connection_breaks(venue: DeribitHarness, line: Line) -> None:
    await venue.inject(scripts.CutDuring(Verb.SUBMIT, placed=True))
    placed = await line.submit(line.order())
    assert isinstance(placed.outcome, Unknown)
    await line.adapter.connect()
    answer = await line.adapter.order(placed.ref_by_client_id)
    assert isinstance(answer, OrderReport)


async def test_an_answer_that_nobody_waits_for_is_reported(venue: DeribitHarness, line: Line) -> None:
    await venue.inject(scripts.LoseReports())
    await venue.inject(scripts.DelayAnswer(Verb.SUBMIT, 0.3))
    order = line.order()
    plan = await line.plan(order)
    sending = asyncio.create_task(line.adapter.submit(order, plan))
    await eventually("the order", lambda: venue.server.venue.exchange.account(USER_ID).open_orders())
    sending.cancel()
    await line.heard.until("its report", lambda: line.heard.of(plan.client_order_id, None))


async def test_a_message_that_cannot_be_read_is_a_gap(venue: DeribitHarness, line: Line) -> None:
    placed = await line.place()
    await line.report_of(placed, VenueOrderStatus.WORKING)
    venue.control.fault(NotificationFault(kind="malformed", channel="user.*"))
    await venue.take(PERPETUAL, Side.SELL, Decimal(80_000), Decimal(400))
    await line.heard.until("the gap", lambda: [each for each in line.heard.items if isinstance(each, Gap)])
    venue.control.send(b'{"jsonrpc": "2.0", "id": 99999, "result": 1}')
    venue.control.send(b'{"jsonrpc": "2.0", "method": "subscription", "params": {"channel": "odd", "data": 1}}')
    await line.heard.until("two more", lambda: len([each for each in line.heard.items if isinstance(each, Gap)]) == 3)
    assert [each.fill.quantity for each in (await line.adapter.fills(venue.account_id, 0)).items] == [400]


async def test_without_credits_the_request_is_refused_and_the_session_over(venue: DeribitHarness, line: Line) -> None:
    venue.control.drain_credits(USER_ID)
    venue.server.venue.credits[USER_ID].matching._credit = attrs.evolve(
        venue.server.venue.credits[USER_ID].matching._credit, rate_per_s=0
    )
    placed = await line.submit(line.order())
    assert placed.outcome == Rejected("10028", "too_many_requests")
    await eventually("the end of the session", lambda: line.heard.error is not None)


async def test_an_expired_token_ends_the_session(venue: DeribitHarness, line: Line) -> None:
    await venue.inject(scripts.ExpireToken())
    placed = await line.submit(line.order())
    assert isinstance(placed.outcome, Rejected)
    assert placed.outcome.code == "13009"
    await eventually("the end of the session", lambda: line.heard.error is not None)
    await line.adapter.connect()
    assert isinstance((await line.submit(line.order())).outcome, Accepted)


@pytest.mark.parametrize("enabled", [True, False])
async def test_cancel_on_disconnect(venue: DeribitHarness, trial: Trial, enabled: bool) -> None:
    line = await trial.line(venue.adapter(cancel_on_disconnect=enabled))
    placed = await line.place()
    venue.cut_all()
    await eventually("the end of the session", lambda: not venue.control.sessions())
    (order,) = venue.control.orders(USER_ID)
    assert (order.order_id, order.is_open) == (placed.venue_order_id, not enabled)


@pytest.mark.parametrize("ahead_ms", [0, 5_000, -5_000])
async def test_deadlines_are_told_by_the_venues_clock(venue: DeribitHarness, line: Line, ahead_ms: int) -> None:
    venue.control.skew_clock(ahead_ms)
    await deribit(line).connect()
    told_ns = await deribit(line).venue_time_ns()
    now_ns = venue.clock.now_ns()
    assert abs(told_ns - now_ns - ahead_ms * 1_000_000) < 500_000_000
    order = line.order()
    plan = await line.plan(order)
    plan.valid_until_ns = now_ns + 1_000_000_000
    assert isinstance((await line.submit(order, plan)).outcome, Accepted)
    late = line.order()
    plan = await line.plan(late)
    plan.valid_until_ns = venue.clock.now_ns() - 1_000_000
    assert isinstance((await line.submit(late, plan)).outcome, Rejected)


async def test_an_order_that_never_came_is_absent_and_one_that_was_forgotten_is_found(
    venue: DeribitHarness, line: Line
) -> None:
    order = line.order()
    never = await line.plan(order)
    await venue.inject(scripts.LoseAnswer(Verb.SUBMIT, placed=False))
    placed = await line.submit(order, never)
    assert isinstance(placed.outcome, Unknown)
    assert isinstance(await line.adapter.order(placed.ref_by_client_id), Absent)
    forgotten = await line.place()
    await line.adapter.cancel(forgotten.ref)
    await venue.inject(scripts.ForgetFinished())
    answer = await line.adapter.order(forgotten.ref)
    assert isinstance(answer, OrderReport)
    assert answer.status is VenueOrderStatus.CANCELED
    unknown = attrs.evolve(forgotten.ref, venue_order_id=VenueOrderId("no-such-order"))
    assert isinstance(await line.adapter.order(unknown), NotKnown)


async def test_an_old_label_is_looked_for_in_the_archive_too(venue: DeribitHarness, line: Line) -> None:
    old = line.order()
    # Made two hours ago, as a child of an order of then would be.
    old.order_id = order_id_from_random(venue.clock.now_ns() - 7_200 * 1_000_000_000, 5)
    placed = await line.place(old)
    await line.adapter.cancel(placed.ref)
    await venue.inject(scripts.ForgetFinished())
    answer = await line.adapter.order(placed.ref_by_client_id)
    assert isinstance(answer, OrderReport)
    stranger = attrs.evolve(placed.ref_by_client_id, client_order_id=ClientOrderId("lx" + "0" * 26))
    assert isinstance(await line.adapter.order(stranger), Absent)


async def test_fills_of_the_archive_and_the_recent_ones_are_one_list(venue: DeribitHarness, line: Line) -> None:
    await line.place()
    await venue.take(PERPETUAL, Side.SELL, Decimal(80_000), Decimal(400))
    archived = await line.adapter.fills(venue.account_id, 0)
    server = venue.server.venue
    server.config = attrs.evolve(server.config, retention=Retention(trades_s=0))
    assert [each.fill.key for each in (await line.adapter.fills(venue.account_id, 0)).items] == [
        each.fill.key for each in archived.items
    ]
    assert len(archived.items) == 1
    # Only what is recent is asked for where nothing older is wanted.
    since_ns = venue.clock.now_ns() - 60_000_000_000
    assert not (await line.adapter.fills(venue.account_id, since_ns)).items


async def test_a_spot_order_is_looked_for_under_both_of_its_coins(venue: DeribitHarness, trial: Trial) -> None:
    line = await trial.line(venue.adapter(currencies=("USDC",)))
    before = _asked(venue, "private/get_order_state_by_label")
    nobody = OrderRef(venue.account_id, SPOT, ClientOrderId("lx" + "0" * 26), None)
    assert isinstance(await line.adapter.order(nobody), Absent)
    assert _asked(venue, "private/get_order_state_by_label") == before + 2
    before = _asked(venue, "private/get_user_trades_by_currency_and_time")
    assert (await line.adapter.fills(venue.account_id, venue.clock.now_ns())).complete
    assert _asked(venue, "private/get_user_trades_by_currency_and_time") == before + len(CURRENCIES)


def _asked(venue: DeribitHarness, method: str) -> int:
    return sum(each == method for _, each in venue.server.venue.requests)


async def test_the_archives_own_token_is_renewed(venue: DeribitHarness, line: Line) -> None:
    await line.adapter.fills(venue.account_id, 0)
    venue.control.fault(
        RequestFault(kind="error", method="private/get_user_trades_by_currency_and_time", error="unauthorized", times=1)
    )
    with pytest.raises(AdapterError):
        # The session's own token: it is over.
        await line.adapter.fills(venue.account_id, 0)
    await line.adapter.connect()
    for grant in venue.control.grants():
        if grant.session_id is None:
            grant.expires_ms = 0
    assert (await line.adapter.fills(venue.account_id, 0)).complete


async def test_a_reader_that_never_reads_costs_the_session(venue: DeribitHarness) -> None:
    adapter = venue.adapter()
    await adapter.connect()
    assert isinstance(adapter, DeribitAdapter)
    session = adapter._session
    assert session is not None
    session.reports._capacity = 10
    venue.control.send(b"[]")
    for _ in range(20):
        venue.control.send(b"[]")
    await eventually("the end of the session", lambda: session.is_over)
    reports = session.reports
    with pytest.raises(AdapterError, match="nobody reads"):
        await anext(reports)
    await adapter.disconnect()


async def test_hanging_up_ends_reports_without_an_error(venue: DeribitHarness) -> None:
    adapter = venue.adapter()
    await adapter.connect()
    heard = Heard(adapter.reports(), 5)
    await adapter.connect()
    assert len(venue.control.sessions()) == 1
    await adapter.disconnect()
    await adapter.disconnect()
    await eventually("the end", lambda: heard.is_over)
    assert heard.error is None
    await heard.close()


@pytest.mark.parametrize("verb", [Verb.SUBMIT, Verb.CANCEL])
@pytest.mark.parametrize("placed_all_the_same", [True, False])
async def test_a_failure_inside_proves_nothing(
    venue: DeribitHarness, line: Line, verb: Verb, placed_all_the_same: bool
) -> None:
    first = await line.place()
    await venue.inject(scripts.FailInside(verb, placed=placed_all_the_same))
    if verb is Verb.SUBMIT:
        assert isinstance((await line.submit(line.order())).outcome, Unknown)
    else:
        assert isinstance(await line.adapter.cancel(first.ref), Unknown)


async def test_another_account_is_none_of_this_session(line: Line) -> None:
    adapter, other = deribit(line), AccountId("SOMEBODY")
    for asked in (
        adapter.cancel_all(other),
        adapter.open_orders(other),
        adapter.fills(other, 0),
        adapter.positions(other),
        adapter.balances(other),
        adapter.order(OrderRef(other, PERPETUAL, ClientOrderId("x"), None)),
    ):
        with pytest.raises(AdapterError, match="not the account"):
            await asked


async def test_an_answer_without_an_end_is_unknown_after_a_while(venue: DeribitHarness, line: Line) -> None:
    placed = await line.place()
    for method in ("private/cancel", "private/edit", "private/cancel_all", "private/cancel_by_label"):
        venue.control.fault(RequestFault(kind="drop", method=method))
    changed = line.order(Side.BUY, -15)
    outcomes = await asyncio.gather(
        line.adapter.cancel(placed.ref),
        deribit(line).replace(placed.ref, changed, placed.plan, Decimal(0)),
        deribit(line).cancel_all(venue.account_id),
        line.adapter.cancel(placed.ref_by_client_id),
    )
    assert [type(each) for each in outcomes] == [Unknown] * 4
    nameless = OrderRef(venue.account_id, PERPETUAL, None, None)
    assert isinstance(await line.adapter.cancel(nameless), Rejected)
