"""A small writer for tests of stores: folds events into a ledger, and makes the batches that tell a store of them."""

from collections.abc import Iterable
from decimal import localcontext
from typing import Any

from attrs import define, field

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.audit import audit_rows
from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, OrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import MONEY
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.record import Event, Record
from liveexec.domain.stored import (
    AppendBatch,
    FillRow,
    OperationRow,
    Ownership,
    ProjectionBatch,
    RefKey,
    RefRow,
)
from liveexec.runtime.ports import JournalStore
from support.builders import NOW_NS

__all__ = ["ShardWriter"]


@define(eq=False)
class ShardWriter:
    """Appends and projects for one shard as its owner does, one record after the other."""

    store: JournalStore
    owned: Ownership
    ledger: Ledger = field(factory=Ledger)
    at_ns: int = NOW_NS
    batch: int = field(init=False)
    position: int = field(init=False)
    projected_through: int = 0
    pending: list[tuple[int, Record]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.batch, self.position = self.owned.batch, self.owned.position

    @classmethod
    async def of(cls, store: JournalStore, shard: str = "main", owner: str = "owner-1") -> "ShardWriter":
        """The writer of a shard that it takes over."""
        return cls(store, await store.acquire(shard, owner, 30.0))

    def record(self, stream: str, *events: Event) -> Record:
        """Fold events into the ledger; the record that tells of them."""
        self.at_ns += 1_000_000
        record = Record(stream, self.ledger.next_sequence(stream), events, "test", self.at_ns)
        with localcontext(MONEY):
            self.ledger.apply(record)
        return record

    def batch_of(self, records: Iterable[Record], **changes: Any) -> AppendBatch:
        """The next batch."""
        values: dict[str, Any] = {
            "shard": self.owned.shard,
            "epoch": self.owned.epoch,
            "batch": self.batch + 1,
            "first_position": self.position + 1,
            "records": list(records),
        }
        return AppendBatch(**(values | changes))

    def appended(self, batch: AppendBatch) -> None:
        """Take note that a batch is in the journal."""
        self.batch, self.position = batch.batch, batch.last_position
        self.pending += enumerate(batch.records, start=batch.first_position)

    async def append(self, *records: Record) -> AppendBatch:
        """Append records as one batch."""
        batch = self.batch_of(records)
        await self.store.append(batch)
        self.appended(batch)
        return batch

    async def tell(self, stream: str, *events: Event) -> Record:
        """Fold, append and keep for the next projection one record."""
        record = self.record(stream, *events)
        await self.append(record)
        return record

    def projection(self, **changes: Any) -> ProjectionBatch:
        """Everything that was appended since the last projection."""
        ledger = self.ledger
        values: dict[str, Any] = {
            "shard": self.owned.shard,
            "epoch": self.owned.epoch,
            "after": self.projected_through,
            "through": self.position,
            "orders": [],
            "routes": {},
            "refs": [],
            "operations": [],
            "fills": [],
            "positions": dict(ledger.positions),
            "books": list(ledger.books.values()),
            "asset_moves": [],
            "states": list(ledger.states.values()),
            "latches": list(ledger.latches.values()),
            "cleared_latches": [],
            "audit": [],
            "at_ns": self.at_ns,
            "sequences": dict(ledger.sequences),
            "drifts": list(ledger.drifts.values()),
            "accepted_drifts": [],
            "flattenings": list(ledger.flattenings.values()),
            "ended_flattenings": [],
        }
        refs: dict[RefKey, RefRow] = {}
        touched: dict[OrderId, None] = {}
        for position, record in self.pending:
            values["audit"] += audit_rows(position, record)
            for event in record.events:
                if isinstance(event, OrderEvent):
                    order = ledger.orders[OrderId(record.stream)]
                    touched[order.order_id] = None
                    if order.parent_id is not None:
                        touched[order.parent_id] = None
                    self._note(values, OrderId(record.stream), event, record.at_ns)
                else:
                    _note_account_event(values, event)
        for row in values["refs"]:
            refs[row.key] = row
        values["refs"] = list(refs.values())
        values["orders"] = [ledger.orders[order_id] for order_id in touched]
        return ProjectionBatch(**(values | changes))

    async def project(self, **changes: Any) -> ProjectionBatch:
        """Project everything that was appended since the last time."""
        batch = self.projection(**changes)
        await self.store.project(batch)
        self.projected_through = batch.through
        self.pending.clear()
        return batch

    def _note(self, values: dict[str, Any], order_id: OrderId, event: OrderEvent, at_ns: int) -> None:
        order = self.ledger.orders[order_id]
        strategy_id, account_id = order.strategy_id, order.account_id or AccountId("")
        match event:
            case ev.OrderReceived(parent_order_id=None):
                values["operations"].append(
                    OperationRow(event.principal, event.operation_id, "submit", event.content_hash, order_id, at_ns)
                )
            case ev.Routed():
                values["routes"][order_id] = event
            case ev.SubmitRequested():
                key = (account_id, "client", event.plan.client_order_id)
                values["refs"].append(RefRow(key, order_id, event.attempt))
            case ev.Accepted(venue_order_id=venue_order_id) if venue_order_id is not None:
                values["refs"].append(RefRow((account_id, "venue", venue_order_id), order_id, order.attempt))
            case ev.FillApplied():
                values["fills"].append(FillRow(account_id, strategy_id, order_id, event.fill, False, at_ns))
            case ev.FillBusted():
                self._note_busted(values, order_id, event.fill, at_ns)
            case ev.FillCorrected():
                self._note_busted(values, order_id, event.original, at_ns)
                values["fills"].append(FillRow(account_id, strategy_id, order_id, event.fill, False, at_ns))
            case _:
                pass

    def _note_busted(self, values: dict[str, Any], order_id: OrderId, fill: Fill, at_ns: int) -> None:
        order = self.ledger.orders[order_id]
        values["fills"] = [row for row in values["fills"] if row.fill.key != fill.key]
        row = FillRow(order.account_id or AccountId(""), order.strategy_id, order_id, fill, True, at_ns)
        values["fills"].append(row)


def _note_account_event(values: dict[str, Any], event: Event) -> None:
    match event:
        case acc.AssetMoved():
            values["asset_moves"].append(event)
        case acc.LatchCleared():
            values["cleared_latches"].append((event.scope, event.code))
        case acc.FlattenEnded():
            values["ended_flattenings"].append((event.scope, event.account_id))
        case acc.DriftAccepted():
            values["accepted_drifts"].append((event.account_id, event.subject))
        case _:
            pass
