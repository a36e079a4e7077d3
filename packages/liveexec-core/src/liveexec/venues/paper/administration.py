"""What a venue does by itself: it takes erroneous trades back, and ends what it lists."""

from collections.abc import Mapping
from decimal import Decimal, localcontext

from liveexec.domain.account_event import PositionChange, PositionChanged
from liveexec.domain.fill import FillKey
from liveexec.domain.ids import EXTERNAL, AccountId, InstrumentId, VenueName
from liveexec.domain.instrument import ContractKind, ContractTerms
from liveexec.domain.money import MONEY
from liveexec.domain.outcome import SettlementReport, VenueOrderStatus
from liveexec.errors import AdapterError
from liveexec.venues.paper.book import InstrumentBook
from liveexec.venues.paper.entry import EndCode
from liveexec.venues.paper.execution import Execution
from liveexec.venues.paper.truth import AccountLedger, VenueTruth

__all__ = ["Administration"]


class Administration:
    """Acts of one venue's operator. Each happens at the venue's present time, and is reported with the rest."""

    def __init__(
        self, venue: VenueName, books: Mapping[InstrumentId, InstrumentBook], truth: VenueTruth, execution: Execution
    ) -> None:
        self._venue, self._books, self._truth, self._execution = venue, books, truth, execution

    def bust(self, account_id: AccountId, key: FillKey) -> None:
        """Take an execution of an order that has ended back, as venues do with clearly erroneous trades.

        Raises:
            AdapterError: there is no such account or fill, or it can't be taken back.
        """
        ledger = self._truth.ledgers.get(account_id)
        fill = next((each.fill for each in ledger.fills if each.fill.key == key), None) if ledger is not None else None
        if ledger is None or fill is None:
            raise AdapterError(f"{self._venue} has no fill {key} of {account_id}")
        with localcontext(MONEY):
            listing = self._books[fill.instrument_id].listing
            self._execution.outbox.append(self._truth.bust(ledger, key, listing, self._execution.now_ns))

    def settle(self, instrument_id: InstrumentId, price: Decimal) -> None:
        """End a derivative at this price: its orders end, and what is held of it becomes money.

        Raises:
            AdapterError: it is not listed here, or is a spot pair.
        """
        book = self._books.get(instrument_id)
        if book is None or book.listing.terms.kind is ContractKind.SPOT:
            raise AdapterError(f"{self._venue} lists no derivative {instrument_id}")
        with localcontext(MONEY):
            for ledger in self._truth.ledgers.values():
                self._settle_account(ledger, instrument_id, book.listing.terms, price)

    def _settle_account(
        self, ledger: AccountLedger, instrument_id: InstrumentId, terms: ContractTerms, price: Decimal
    ) -> None:
        for order in [each for each in ledger.open_orders.values() if each.instrument_id == instrument_id]:
            self._execution.end(order, VenueOrderStatus.EXPIRED, EndCode.INSTRUMENT_ENDED, "the instrument ended")
        held = ledger.net(instrument_id)
        if not held:
            return
        account_id, reference, now_ns = ledger.account_id, self._truth.next_movement_reference(), self._execution.now_ns
        change = PositionChanged(
            account_id, EXTERNAL, instrument_id, -held, price, terms, PositionChange.SETTLEMENT, reference
        )
        ledger.book.apply_position_change(change, now_ns)
        report = SettlementReport(account_id, instrument_id, price, reference, now_ns)
        ledger.settlements.append(report)
        self._execution.outbox.append(report)
