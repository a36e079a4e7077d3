"""The stream of reports: what was missed is a gap, what comes again is handed on, what is not known does no harm."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from liveexec.domain.ids import AccountId
from liveexec.domain.outcome import AssetReport, FillReport, Gap, OrderReport, VenueReport
from liveexec.domain.secret import Secret
from liveexec.errors import AdapterError
from liveexec_larkspur import stream
from liveexec_larkspur.config import LarkspurAccount, LarkspurSection
from liveexec_larkspur.stream import Reports, ReportSession

pytestmark = pytest.mark.anyio

ORDER = {
    "id": "L1",
    "client_id": "c1",
    "symbol": "BTC-USD",
    "side": "buy",
    "type": "limit",
    "tif": "gtc",
    "quantity": "0.0100",
    "price": "60000.0",
    "filled": "0",
    "status": "open",
    "updated_us": 1,
}
FILL = {
    "id": "T1",
    "order_id": "L1",
    "client_id": "c1",
    "symbol": "BTC-USD",
    "side": "buy",
    "quantity": "0.0100",
    "price": "60000.0",
    "fee": "0.12",
    "fee_asset": "USD",
    "liquidity": "maker",
    "time_us": 2,
}
TRANSFER = {"id": "M1", "asset": "USD", "amount": "-5", "kind": "a kind of next year", "time_us": 3}


@pytest.fixture
def session() -> ReportSession:
    """One that has logged in at number 17."""
    account = LarkspurAccount("main", Secret("a-key-of-ours"), Secret("a-secret-of-ours"))
    made = ReportSession(LarkspurSection((account,)), account, lambda: 0)
    made._last = 17
    return made


def say(session: ReportSession, kind: str, seq: int | None, **more: Any) -> None:
    session._hear(json.dumps({"type": kind, "seq": seq, **more}))


async def heard(session: ReportSession) -> list[VenueReport]:
    session.reports.end()
    return [each async for each in session.reports]


async def test_messages_without_a_hole_are_what_they_say(session: ReportSession) -> None:
    say(session, "order", 18, order=ORDER)
    say(session, "fill", 19, fill=FILL)
    say(session, "heartbeat", 19)
    say(session, "transfer", 20, transfer=TRANSFER)
    assert [type(each) for each in await heard(session)] == [OrderReport, FillReport, AssetReport]


async def test_a_hole_is_a_gap_before_what_comes_after_it(session: ReportSession) -> None:
    say(session, "fill", 20, fill=FILL)
    gap, fill = await heard(session)
    assert isinstance(gap, Gap)
    assert gap.reason == "2 messages after number 17 did not arrive"
    assert isinstance(fill, FillReport)


async def test_a_heartbeat_tells_that_the_last_message_is_missing(session: ReportSession) -> None:
    say(session, "heartbeat", 18)
    say(session, "heartbeat", 18)
    assert [type(each) for each in await heard(session)] == [Gap]


async def test_what_comes_again_is_handed_on_with_the_same_key(session: ReportSession) -> None:
    for _ in range(2):
        say(session, "fill", 18, fill=FILL)
    first, again = await heard(session)
    assert isinstance(first, FillReport)
    assert isinstance(again, FillReport)
    assert first.fill.key == again.fill.key


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "fill", "seq": 18, "fill": {"id": "T',
        '{"seq": 18}',
        json.dumps({"type": "fill", "seq": 18, "fill": {**FILL, "quantity": "NaN"}}),
        json.dumps({"type": "fill", "seq": 18, "fill": {**FILL, "price": "1e400"}}),
        json.dumps({"type": "fill", "seq": 18, "fill": {**FILL, "symbol": "no symbol"}}),
        json.dumps({"type": "fill", "seq": 18, "fill": {**FILL, "side": "both"}}),
        json.dumps({"type": "order", "seq": 18, "order": {**ORDER, "status": "resting"}}),
        "[]",
    ],
)
async def test_what_can_not_be_read_is_one_gap_and_the_numbers_go_on_from_the_next(
    session: ReportSession, text: str
) -> None:
    session._hear(text)
    say(session, "fill", 19, fill=FILL)
    assert [type(each) for each in await heard(session)] == [Gap, FillReport]


@pytest.mark.parametrize("unreadable", ["[]", json.dumps({"type": "fill", "seq": 18, "fill": {}})])
async def test_what_is_missing_behind_a_message_that_can_not_be_read_is_a_gap_of_its_own(
    session: ReportSession, unreadable: str
) -> None:
    session._hear(unreadable)
    say(session, "heartbeat", 20)
    _, gap = await heard(session)
    assert isinstance(gap, Gap)
    assert gap.reason == "2 messages after number 18 did not arrive"


async def test_a_message_that_the_reader_can_not_cope_with_ends_the_session() -> None:
    async def venue(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(json.dumps({"type": "login", "seq": 17}))
        await socket.send('{"type": "fill", "seq": 18, "fill": ' + "[" * 200_000)
        await socket.wait_closed()

    account = LarkspurAccount("main", Secret("a-key-of-ours"), Secret("a-secret-of-ours"))
    async with serve(venue, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        session = ReportSession(LarkspurSection((account,), stream_url=f"ws://127.0.0.1:{port}"), account, lambda: 0)
        await session.open()
        with pytest.raises(AdapterError, match="reading failed: RecursionError"):
            await asyncio.wait_for(anext(session.reports), 10)
        await session.close()


async def test_a_kind_of_next_year_is_passed_over_and_counted(session: ReportSession) -> None:
    say(session, "margin_call", 18, anything=[1, 2])
    say(session, "fill", 19, fill=FILL)
    assert [type(each) for each in await heard(session)] == [FillReport]


async def test_a_session_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_CAPACITY", 2)
    reports = Reports()
    for _ in range(4):
        reports.add(Gap(AccountId("main"), "again"))
    assert reports.is_over
    assert [type(await anext(reports)) for _ in range(2)] == [Gap, Gap]
    with pytest.raises(AdapterError, match="nobody reads"):
        await anext(reports)
