"""What a paper venue answers when it is asked: orders, fills, positions and balances, as they stand."""

from liveexec.domain.ids import AccountId
from liveexec.domain.outcome import (
    Absent,
    BalanceReport,
    FillReport,
    NotKnown,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    SettlementReport,
    Snapshot,
)
from liveexec.errors import AdapterError
from liveexec.venues.paper.config import PaperVenueConfig
from liveexec.venues.paper.margin import Margin
from liveexec.venues.paper.truth import AccountLedger, VenueTruth

__all__ = ["Snapshots"]


class Snapshots:
    """Reads of the venue's truth. Every method takes the venue time at which it is asked.

    Orders show up in queries only ``visibility_lag_ns`` after they were placed; until then the venue does not know
    them. Each raises AdapterError for an account that the venue does not have.
    """

    def __init__(self, config: PaperVenueConfig, truth: VenueTruth, margin: Margin) -> None:
        self._venue = config.venue
        self._lag_ns = config.visibility_lag_ns
        self._truth = truth
        self._margin = margin

    def order(self, ref: OrderRef, at_ns: int) -> OrderReportAnswer:
        """What became of an order. ``Absent`` proves that no such order was ever placed here."""
        self._ledger(ref.account_id)
        order = self._truth.find(ref)
        if order is None:
            if self._truth.is_complete:
                return Absent(at_ns)
            return NotKnown("finished orders are forgotten after a while")
        if self._lag_ns and order.placed_at_ns + self._lag_ns > at_ns:
            return NotKnown("an order of this age may not be visible yet")
        return order.report()

    def every_order(self, account_id: AccountId) -> tuple[OrderReport, ...]:
        """Every order that the account ever had and that is still known, oldest first; refused ones never were any."""
        orders = {id(order): order for order in self._ledger(account_id).by_client_id.values()}
        return tuple(order.report() for order in orders.values() if order.venue_order_id is not None)

    def open_orders(self, account_id: AccountId, at_ns: int) -> Snapshot[OrderReport]:
        """All open orders that are visible, oldest first."""
        visible_until_ns = at_ns - self._lag_ns
        orders = tuple(
            order.report()
            for order in self._ledger(account_id).open_orders.values()
            if not self._lag_ns or order.placed_at_ns <= visible_until_ns
        )
        return Snapshot(orders, at_ns, at_ns, as_of_ns=visible_until_ns)

    def fills(self, account_id: AccountId, since_ns: int, at_ns: int) -> Snapshot[FillReport]:
        """All fills at or after a venue time, oldest first."""
        ledger = self._ledger(account_id)
        complete = since_ns >= ledger.fills_kept_since_ns
        return Snapshot(ledger.fills_since(since_ns), at_ns, at_ns, complete=complete, as_of_ns=at_ns)

    def positions(self, account_id: AccountId, at_ns: int) -> Snapshot[PositionReport]:
        """All net positions that are not flat."""
        reports = tuple(
            PositionReport(account_id, instrument_id, position.quantity, position.average_price, position.updated_at_ns)
            for instrument_id, position in self._ledger(account_id).book.positions.items()
            if position.quantity
        )
        return Snapshot(reports, at_ns, at_ns, as_of_ns=at_ns)

    def balances(self, account_id: AccountId, at_ns: int) -> Snapshot[BalanceReport]:
        """Every asset that the account has or had: the total, and what neither orders nor positions hold of it."""
        ledger = self._ledger(account_id)
        reports = tuple(
            BalanceReport(account_id, asset, ledger.total(asset), self._margin.available(ledger, asset), at_ns)
            for asset in ledger.assets()
        )
        return Snapshot(reports, at_ns, at_ns, as_of_ns=at_ns)

    def settlements(self, account_id: AccountId, since_ns: int, at_ns: int) -> Snapshot[SettlementReport]:
        """What was settled of what the account held at or after a venue time, oldest first."""
        found = tuple(said for said in self._ledger(account_id).settlements if said.venue_time_ns >= since_ns)
        return Snapshot(found, at_ns, at_ns, as_of_ns=at_ns)

    def _ledger(self, account_id: AccountId) -> AccountLedger:
        ledger = self._truth.ledgers.get(account_id)
        if ledger is None:
            raise AdapterError(f"{self._venue} has no account {account_id}")
        return ledger
