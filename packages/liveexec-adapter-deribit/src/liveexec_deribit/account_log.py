"""What moves an account's balance beside its fills: read from the venue's transaction log.

Fills tell what trades and their fees move, settlements what deliveries bring. The log has the rest: deposits,
withdrawals and transfers; the funding of perpetuals, with the trade or settlement that realises it (``interest_pl``);
the fees of deliveries. Sessions that are settled move what futures have brought into the balance, which counts here
from the start.
"""

import time
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import msgspec
from attrs import frozen

from liveexec.domain.ids import AccountId
from liveexec.domain.outcome import AssetKind, AssetReport
from liveexec_deribit import wire
from liveexec_deribit.history import Ask
from liveexec_deribit.pace import Pace
from liveexec_deribit.rpc import MalformedMessage, checked, decoded, to_ns

__all__ = ["AccountLog", "LogRead", "asset_reports", "read_entry"]

_NS_PER_MS: Final = 1_000_000
_DAY_MS: Final = 24 * 3_600 * 1_000
#: The most that a page may hold (``count`` of private/get_transaction_log).
LONGEST_PAGE: Final = 250
#: More pages of one currency than this are left to the next question.
_MOST_PAGES: Final = 200
#: Entries whose amounts are told elsewhere: what they move beside that is told of them.
_TRADE, _SETTLEMENT, _DELIVERY = "trade", "settlement", "delivery"
_KINDS: Final = MappingProxyType(
    {"deposit": AssetKind.DEPOSIT, "withdrawal": AssetKind.WITHDRAWAL, "transfer": AssetKind.TRANSFER}
)


@frozen
class LogRead:
    """What a part of the log tells, oldest first; not complete where there are more pages than are fetched at once.
    ``latest_ms`` is the time of its newest entry, if there is one."""

    reports: tuple[AssetReport, ...]
    is_complete: bool
    latest_ms: int | None


class AccountLog:
    """The transaction log of one account, currency by currency.

    ``pace`` says how fast it may be asked: its limit is its own, and far below that of other questions (one a second,
    by the documentation of private/get_transaction_log). The venue ends a session that exceeds it.
    """

    def __init__(self, account_id: AccountId, ask: Ask, pace: Pace, *, page: int) -> None:
        self._account_id, self._ask, self._pace, self._page = account_id, ask, pace, min(page, LONGEST_PAGE)

    async def since(self, currency: str, since_ms: int) -> LogRead:
        """What moved a currency since a moment of the venue's.

        Raises:
            AdapterError: the venue does not answer, refuses, or tells what can't be read.
        """
        entries: dict[int, wire.LogEntry] = {}
        continuation: int | None = None
        is_complete = False
        # An end that lies ahead of any clock cuts nothing off.
        end_ms = time.time_ns() // _NS_PER_MS + _DAY_MS
        for _ in range(_MOST_PAGES):
            asked = {"currency": currency, "start_timestamp": since_ms, "end_timestamp": end_ms, "count": self._page}
            if continuation is not None:
                asked["continuation"] = continuation
            await self._pace.turn()
            frame = await self._ask("private/get_transaction_log", asked)
            page = decoded(wire.LogPage, frame.result, "a page of the transaction log")
            # What is logged meanwhile moves everything behind it to later pages.
            entries.update((each.id, each) for each in map(read_entry, page.logs))
            continuation = page.continuation
            if continuation is None or not page.logs:
                is_complete = True
                break
        found = sorted(entries.values(), key=lambda each: (each.timestamp, each.id))
        reports = tuple(report for each in found for report in asset_reports(each, self._account_id))
        return LogRead(reports, is_complete, found[-1].timestamp if found else None)


def read_entry(raw: msgspec.Raw | bytes | str) -> wire.LogEntry:
    """An entry of the log as the venue sends it.

    Raises:
        MalformedMessage: it can't be read.
    """
    return decoded(wire.LogEntry, raw, "an entry of the transaction log")


def asset_reports(told: wire.LogEntry, account_id: AccountId) -> Iterator[AssetReport]:
    """What an entry moves that nothing else tells.

    Raises:
        MalformedMessage: what it says makes no sense; the message says what.
    """
    if not told.currency or not told.type:
        raise MalformedMessage(f"entry {told.id} of the transaction log has no currency or type")
    if told.type == _DELIVERY:
        fee = told.commission
        moved = [(AssetKind.FEE, -checked(fee, "commission"))] if fee is not None else []
    elif told.type in (_SETTLEMENT, _TRADE) or told.trade_id is not None:
        moved = []
    else:
        moved = [(_KINDS.get(told.type, AssetKind.OTHER), checked(told.change, "change"))]
    if told.interest_pl is not None:
        moved.append((AssetKind.FUNDING, checked(told.interest_pl, "interest_pl")))
    at_ns = to_ns(told.timestamp, "timestamp")
    for kind, amount in moved:
        if amount:
            reference = f"{told.currency}-{told.id}-{kind}"
            yield AssetReport(account_id, told.currency, amount, kind, reference, at_ns)
