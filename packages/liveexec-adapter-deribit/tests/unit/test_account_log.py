"""The transaction log: what moves assets beside fills, each with its kind and a reference of its own."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from deribit_support import payloads
from liveexec.domain.outcome import AssetKind, AssetReport
from liveexec_deribit.account_log import AccountLog, asset_reports, read_entry
from liveexec_deribit.pace import Pace
from liveexec_deribit.rpc import Frame, MalformedMessage, read_frame

pytestmark = pytest.mark.anyio


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "id": 61_311,
        "currency": "BTC",
        "timestamp": payloads.NOW_MS,
        "type": "deposit",
        "change": 0.65,
        "cashflow": 0.65,
        "commission": 0,
        "balance": 3003.72,
        "user_seq": 6_007,
        "user_id": 7,
        "interest_pl": None,
        "trade_id": None,
        "info": {"addr": "somewhere"},
    } | changes


def reports(**changes: Any) -> list[tuple[AssetKind, Decimal, str]]:
    told = asset_reports(read_entry(payloads.raw(entry(**changes))), payloads.ACCOUNT)
    return [(each.kind, each.amount, each.reference) for each in told]


@pytest.mark.parametrize(
    ("changes", "kind", "amount"),
    [
        ({}, "DEPOSIT", "0.65"),
        ({"type": "withdrawal", "change": -1.5}, "WITHDRAWAL", "-1.5"),
        ({"type": "transfer", "change": -2.5}, "TRANSFER", "-2.5"),
        ({"type": "correction", "change": 1e-8}, "OTHER", "1E-8"),
        ({"type": "whatever comes next", "change": -3}, "OTHER", "-3"),
        # What a session has brought counts since it was realised: only its funding is news.
        (
            {"type": "settlement", "change": 0.00215706, "commission": None, "interest_pl": 9.93e-6},
            "FUNDING",
            "9.93E-6",
        ),
        ({"type": "trade", "trade_id": "7", "change": -0.1, "interest_pl": -2e-6}, "FUNDING", "-0.000002"),
        ({"type": "delivery", "change": -0.427, "commission": 0.0001}, "FEE", "-0.0001"),
    ],
)
def test_each_type_moves_what_nothing_else_tells(changes: dict[str, Any], kind: str, amount: str) -> None:
    ((told, moved, reference),) = reports(**changes)
    assert (told, moved, reference) == (kind, Decimal(amount), f"BTC-61311-{kind}")


@pytest.mark.parametrize(
    "changes",
    [
        {"change": 0},
        {"type": "trade", "trade_id": "7", "change": -0.107},
        {"type": "liquidation", "trade_id": "7", "change": -0.107, "interest_pl": 0},
        {"type": "settlement", "change": 0.5, "interest_pl": 0},
        {"type": "delivery", "change": 0.5, "commission": 0},
        {"type": "delivery", "change": 0.5, "commission": None},
    ],
)
def test_what_fills_and_settlements_tell_is_not_told_twice(changes: dict[str, Any]) -> None:
    assert reports(**changes) == []


@pytest.mark.parametrize("changes", [{"currency": ""}, {"type": ""}, {"change": 1e30}, {"timestamp": -1}])
def test_what_makes_no_sense_is_no_movement(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        reports(**changes)


class CountedPace(Pace):
    """Lets every question through at once, and counts them."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.turns = 0

    async def turn(self) -> None:
        self.turns += 1


class Pages:
    """A venue whose log has these entries, newest first, while more is written between two pages."""

    def __init__(self, entries: list[dict[str, Any]], page: int, *, grows: bool = False) -> None:
        self._entries, self._page, self._grows = entries, page, grows
        self.asked: list[Mapping[str, Any]] = []

    async def __call__(self, method: str, params: Mapping[str, Any]) -> Frame:
        assert method == "private/get_transaction_log"
        self.asked.append(params)
        at = params.get("continuation", 0)
        logs = self._entries[at : at + self._page]
        following = at + self._page
        if self._grows:
            self._entries.insert(0, entry(id=90_000 + len(self.asked)))
        left = following < len(self._entries)
        result = {"logs": logs, "continuation": following if left else None}
        return read_frame(payloads.answer(result))


async def test_every_page_is_read_and_each_entry_told_once() -> None:
    entries = [entry(id=number, timestamp=payloads.NOW_MS + number // 2) for number in range(9, 0, -1)]
    pages = Pages(entries, 2, grows=True)
    pace = CountedPace()
    read = await AccountLog(payloads.ACCOUNT, pages, pace, page=2).since("BTC", 5)
    assert pace.turns == len(pages.asked) > 1
    assert read.is_complete
    told = [each.reference for each in read.reports]
    assert len(told) == len(set(told)) >= 9
    assert told[-9:] == sorted(told[-9:], key=lambda name: int(name.split("-")[1]))
    assert pages.asked[0]["start_timestamp"] == 5
    assert "continuation" not in pages.asked[0]


async def test_a_log_without_end_is_not_called_complete() -> None:
    class Endless(Pages):
        async def __call__(self, method: str, params: Mapping[str, Any]) -> Frame:
            self.asked.append(params)
            number = len(self.asked)
            return read_frame(payloads.answer({"logs": [entry(id=number)], "continuation": number}))

    read = await AccountLog(payloads.ACCOUNT, Endless([], 1), CountedPace(), page=1).since("BTC", 5)
    assert not read.is_complete
    assert all(isinstance(each, AssetReport) for each in read.reports)
