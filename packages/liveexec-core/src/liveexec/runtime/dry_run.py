"""Looking without touching: a store that takes no records, and adapters that send nothing.

With them a shard runs as it would, for real, and leaves nothing behind but an epoch that went up.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from liveexec.domain.ids import AccountId
from liveexec.domain.instrument import Listing
from liveexec.domain.outcome import (
    BalanceReport,
    FillReport,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    SendOutcome,
    SendPlan,
    Sent,
    SettlementReport,
    Snapshot,
    VenueReport,
)
from liveexec.domain.stored import AppendBatch, ListedSteps, Ownership, ProjectionBatch
from liveexec.plugins.adapter import ExternalAdapter, Settles, TellsTime, VenueOrder
from liveexec.runtime.ports import JournalStore

__all__ = ["SilentAdapter", "SilentStore", "silenced"]


class SilentStore:
    """A :class:`~liveexec.runtime.ports.JournalStore` that reads, owns the shard, and writes no record."""

    def __init__(self, store: JournalStore) -> None:
        self.acquire, self.renew, self.release = store.acquire, store.renew, store.release
        self.load, self.read_after, self.read_streams = store.load, store.read_after, store.read_streams
        self.find_refs, self.find_operations = store.find_refs, store.find_operations
        self.find_children, self.find_asset_moves = store.find_children, store.find_asset_moves
        self.find_fills = store.find_fills
        self.order_rows, self.table_rows, self.shards = store.order_rows, store.table_rows, store.shards
        self.listed_steps, self.row_of = store.listed_steps, store.row_of

    async def append(self, batch: AppendBatch) -> None:
        """Nothing is written."""

    async def settle(self, batch: AppendBatch) -> bool:  # noqa: ARG002  (there is nothing to settle)
        """There is never anything to settle."""
        return True

    async def project(self, batch: ProjectionBatch) -> None:
        """Nothing is written."""

    async def reset_projections(self, ownership: Ownership) -> None:
        """Nothing is written."""

    async def save_listings(self, listed: Sequence[ListedSteps], at_ns: int) -> None:
        """Nothing is written."""


class SilentAdapter(ExternalAdapter):
    """A session that asks and listens, and sends nothing: what it would have sent goes to ``withheld``."""

    def __init__(self, adapter: ExternalAdapter, withheld: Callable[[str, OrderRef], None]) -> None:
        self.manifest, self.accounts = adapter.manifest, adapter.accounts
        self._adapter, self._withheld = adapter, withheld

    async def connect(self) -> None:
        await self._adapter.connect()

    async def disconnect(self) -> None:
        await self._adapter.disconnect()

    async def listings(self) -> Sequence[Listing]:
        return await self._adapter.listings()

    async def prepare(self, order: VenueOrder, attempt: int, valid_until_ns: int) -> SendPlan:
        return await self._adapter.prepare(order, attempt, valid_until_ns)

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        self._withheld("submit", OrderRef(order.account_id, order.instrument_id, plan.client_order_id, None))
        return Sent()

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        self._withheld("cancel", ref)
        return Sent()

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        return await self._adapter.order(ref)

    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        return await self._adapter.open_orders(account_id)

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        return await self._adapter.fills(account_id, since_ns)

    async def positions(self, account_id: AccountId) -> Snapshot[PositionReport]:
        return await self._adapter.positions(account_id)

    async def balances(self, account_id: AccountId) -> Snapshot[BalanceReport]:
        return await self._adapter.balances(account_id)

    def reports(self) -> AsyncIterator[VenueReport]:
        return self._adapter.reports()


class _TellsTime(SilentAdapter, TellsTime):
    """What is compared depends on how far the venue's clock is off."""

    async def venue_time_ns(self) -> int:
        assert isinstance(self._adapter, TellsTime)
        return await self._adapter.venue_time_ns()


class _Settles(SilentAdapter, Settles):
    """What was settled is part of what an account holds."""

    async def settlements(self, account_id: AccountId, since_ns: int) -> Snapshot[SettlementReport]:
        assert isinstance(self._adapter, Settles)
        return await self._adapter.settlements(account_id, since_ns)


class _TellsTimeAndSettles(_TellsTime, _Settles):
    """Both."""


#: By what of it only asks: whether the venue tells its time, and whether it settles.
_SILENT: Final = {
    (False, False): SilentAdapter,
    (True, False): _TellsTime,
    (False, True): _Settles,
    (True, True): _TellsTimeAndSettles,
}


def silenced(adapter: ExternalAdapter, withheld: Callable[[str, OrderRef], None]) -> SilentAdapter:
    """The adapter, with everything that only asks, and nothing that changes anything at the venue."""
    return _SILENT[isinstance(adapter, TellsTime), isinstance(adapter, Settles)](adapter, withheld)
