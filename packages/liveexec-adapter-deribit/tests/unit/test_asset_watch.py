"""A balance that changes has the log asked what changed it; what can't be read is a gap."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from deribit_support import payloads
from deribit_support.waiting import eventually
from liveexec.domain.outcome import AssetReport, Gap, VenueReport
from liveexec_deribit import asset_watch
from liveexec_deribit.account_log import AccountLog
from liveexec_deribit.asset_watch import AssetWatch
from liveexec_deribit.pace import Pace
from liveexec_deribit.rpc import Frame, MalformedMessage, read_frame

pytestmark = pytest.mark.anyio


class Watched:
    """A watch over a log that a test writes."""

    def __init__(self) -> None:
        self.told: list[VenueReport] = []
        self.failures: list[BaseException] = []
        self.asked: list[Mapping[str, Any]] = []
        self.logs: list[dict[str, Any]] = []
        self.error: Exception | None = None
        log = AccountLog(payloads.ACCOUNT, self._ask, Pace(1_000, 1_000), page=100)
        now_ns = payloads.NOW_MS * 1_000_000
        self.watch = AssetWatch(payloads.ACCOUNT, log, self.told.append, lambda: now_ns, self.failures.append)

    def deposit(self, number: int) -> None:
        at_ms = payloads.NOW_MS + number
        self.logs.append({"id": number, "currency": "BTC", "timestamp": at_ms, "type": "deposit", "change": 1})

    async def _ask(self, method: str, params: Mapping[str, Any]) -> Frame:
        self.asked.append(params)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return read_frame(payloads.answer({"logs": self.logs, "continuation": None}))


@asynccontextmanager
async def watched(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.setattr(asset_watch, "_EVERY_S", 0.0)
    made = Watched()
    try:
        yield made
    finally:
        await made.watch.close()


async def test_a_change_is_asked_about_and_each_movement_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch) as made:
        made.watch.heard("BTC", Decimal(5))
        made.watch.heard("BTC", Decimal(5))
        made.deposit(1)
        made.watch.heard("BTC", Decimal(6))
        await eventually("the first", lambda: len(made.told) == 1)
        made.deposit(2)
        made.watch.heard("BTC", Decimal(7))
        await eventually("the second", lambda: len(made.told) == 2)
        assert [each.reference for each in made.told if isinstance(each, AssetReport)] == [
            "BTC-1-DEPOSIT",
            "BTC-2-DEPOSIT",
        ]
        # What was known before the session is no change of it, and the same again is none.
        assert len(made.asked) == 2
        first, second = (each["start_timestamp"] for each in made.asked)
        assert (first, second) == (payloads.NOW_MS - 60_000, payloads.NOW_MS + 1 - 60_000)


async def test_a_log_that_cannot_be_read_is_a_gap_and_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch) as made:
        made.watch.heard("BTC", Decimal(5))
        made.error = MalformedMessage("nonsense")
        made.watch.heard("BTC", Decimal(6))
        await eventually("a gap", lambda: made.told)
        assert isinstance(made.told[0], Gap)
        made.deposit(1)
        made.watch.heard("BTC", Decimal(7))
        await eventually("the deposit", lambda: len(made.told) == 2)
        assert made.failures == []


async def test_a_defect_ends_the_session_and_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch) as made:
        made.watch.heard("BTC", Decimal(5))
        made.error = ZeroDivisionError("a defect")
        made.watch.heard("BTC", Decimal(6))
        await eventually("its end", lambda: made.failures)
        assert isinstance(made.failures[0], ZeroDivisionError)
