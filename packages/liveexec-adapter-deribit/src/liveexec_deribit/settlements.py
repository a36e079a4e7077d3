"""Deliveries: options and futures that expired, with what each is worth in the end."""

import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import structlog

from liveexec.domain import money
from liveexec.domain.ids import AccountId, VenueName
from liveexec.domain.money import MONEY, ZERO
from liveexec.domain.outcome import SettlementReport, Snapshot
from liveexec.errors import InvalidInput
from liveexec_deribit import wire
from liveexec_deribit.history import Ask
from liveexec_deribit.names import Combo, InstrumentKind, VenueInstrument, venue_instrument
from liveexec_deribit.rpc import MalformedMessage, checked, decoded, to_ns

__all__ = ["DeliveryHistory", "settlement_report"]

_log = structlog.get_logger(__name__)

_NS_PER_MS: Final = 1_000_000
_MOST_PAGES: Final = 100
#: The answer's word for that there is nothing more.
_NO_MORE: Final = ("none", "")


class DeliveryHistory:
    """What an account held of instruments that ended (private/get_settlement_history_by_currency)."""

    def __init__(
        self, account_id: AccountId, venue: VenueName, currencies: Sequence[str], ask: Ask, *, page: int
    ) -> None:
        self._account_id, self._venue, self._currencies = account_id, venue, currencies
        self._ask, self._page = ask, page

    async def since(self, since_ns: int) -> Snapshot[SettlementReport]:
        """The deliveries, oldest first; not complete where there are more pages than are fetched at once.

        Raises:
            AdapterError: the venue does not answer, refuses, or tells what can't be read.
        """
        requested_ns = time.time_ns()
        since_ms = since_ns // _NS_PER_MS
        found: list[SettlementReport] = []
        is_complete = True
        for currency in self._currencies:
            is_complete &= await self._pages(currency, since_ms, found)
        found.sort(key=lambda each: each.venue_time_ns)
        return Snapshot(tuple(found), requested_ns, time.time_ns(), complete=is_complete)

    async def _pages(self, currency: str, since_ms: int, found: list[SettlementReport]) -> bool:
        """Read until what is older than asked for; whether nothing was left out."""
        continuation: str | None = None
        for _ in range(_MOST_PAGES):
            asked: dict[str, object] = {"currency": currency, "type": "delivery", "count": self._page}
            if continuation is not None:
                asked["continuation"] = continuation
            frame = await self._ask("private/get_settlement_history_by_currency", asked)
            page = decoded(wire.SettlementPage, frame.result, "a page of settlements")
            told = [decoded(wire.Settlement, raw, "a settlement") for raw in page.settlements]
            for each in told:
                if each.timestamp >= since_ms:
                    self._take(each, found)
            continuation = page.continuation
            # Newest first.
            if not told or continuation in (None, *_NO_MORE) or min(each.timestamp for each in told) < since_ms:
                return True
        return False

    def _take(self, told: wire.Settlement, found: list[SettlementReport]) -> None:
        try:
            report = settlement_report(told, self._account_id, self._venue)
        except Combo as error:
            _log.info("deribit_combo_settlement", account=self._account_id, error=str(error))
            return
        if report is not None:
            found.append(report)


def settlement_report(told: wire.Settlement, account_id: AccountId, venue: VenueName) -> SettlementReport | None:
    """A delivery as a report; ``None`` for the settlement of a session, with which nothing ends.

    The price comes from the index at the end, of which the venue's own figures are roundings: a future is worth it, an
    option what is in the money, in coins where it is inverse.

    Raises:
        Combo: it is about a combo.
        MalformedMessage: what it says makes no sense; the message says what.
    """
    if told.type != "delivery":
        return None
    try:
        name = venue_instrument(told.instrument_name)
    except Combo:
        raise
    except InvalidInput as error:
        raise MalformedMessage(f"a settlement: {error}") from None
    index = checked(told.index_price, "index_price")
    if index <= 0 or name.date is None:
        raise MalformedMessage(f"settlement of {told.instrument_name[:60]}: it ends at no index of {index}")
    return SettlementReport(
        account_id,
        name.instrument_id(venue),
        _worth(name, index),
        f"{told.instrument_name}-{told.timestamp}",
        to_ns(told.timestamp, "timestamp"),
    )


def _worth(name: VenueInstrument, index: Decimal) -> Decimal:
    if name.kind is not InstrumentKind.OPTION:
        return index
    assert name.strike is not None
    strike = Decimal(name.strike)
    inside = MONEY.subtract(index, strike) if name.right == "C" else MONEY.subtract(strike, index)
    if inside <= 0:
        return ZERO
    return money.divide(inside, index) if name.is_inverse else inside
