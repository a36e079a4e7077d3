"""Checked with the tables as a whole: fills, operations and controls against the journal's own events.

What folds the journal for the tables also makes what they are verified with, so it is compared here with events that
were noted one by one.
"""

from typing import Any

from attrs import define, field

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import AssetMoved
from liveexec.domain.ids import AccountId, OrderId
from liveexec.domain.order import Order
from liveexec.domain.record import Record
from liveexec.storage.memory import MemoryStore
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.store import at_once

__all__ = ["TableChecks"]


@define(eq=False)
class TableChecks:
    """``before`` is told of each event; ``check`` compares the tables, which must show all of them by then."""

    violations: Violations
    _counts: dict[tuple[AccountId, str], bool] = field(factory=dict)
    _operations: dict[tuple[str, str], tuple[str, OrderId]] = field(factory=dict)
    _references: dict[tuple[AccountId, str], None] = field(factory=dict)

    def before(self, record: Record, order: Order | None, event: Any) -> None:
        """An event is durable."""
        order_id = OrderId(record.stream)
        match event:
            case ev.FillApplied(fill=fill):
                self._note_fill(order, fill.key, counts=True)
            case ev.FillBusted(fill=fill):
                self._note_fill(order, fill.key, counts=False)
            case ev.FillCorrected(original=original, fill=fill):
                self._note_fill(order, original.key, counts=False)
                self._note_fill(order, fill.key, counts=True)
            case ev.OrderReceived(parent_order_id=None):
                self._operations[event.principal, event.operation_id] = ("submit", order_id)
            case ev.CancelRequested():
                self._operations[event.principal, event.operation_id] = ("cancel", order_id)
            case ev.ReplaceRequested():
                self._operations[event.principal, event.operation_id] = ("replace", order_id)
            case AssetMoved(account_id=account_id, reference=reference, kind=kind):
                if (account_id, reference) in self._references:
                    self.violations.add(4, f"{kind} {reference} of {account_id} counts twice")
                self._references[account_id, reference] = None
            case _:
                pass

    def knows(self, account_id: AccountId, reference: str) -> bool:
        """Whether a movement of an asset is recorded."""
        return (account_id, reference) in self._references

    def after_batch(self, epoch: int) -> None:
        """A batch is folded."""

    def check(self, store: MemoryStore, shard: str) -> None:
        """The tables show exactly what was noted."""
        rows = at_once(store.table_rows(shard, "fills"))
        shown = {(row["account_id"], row["fill_key"]): not row["busted"] for row in rows}
        for key, counts in self._counts.items():
            if shown.get(key) is not counts:
                told = {None: "is missing", True: "counts", False: "is taken back"}[shown.get(key)]
                self.violations.add(18, f"fill {key[1]} {told} in the tables")
        rows = at_once(store.table_rows(shard, "operations"))
        kept = {(row["principal"], row["operation_id"]): (row["kind"], row["order_id"]) for row in rows}
        for name, meant in self._operations.items():
            if kept.get(name) != meant:
                self.violations.add(18, f"operation {name[1]} is {kept.get(name)} in the tables, it was {meant}")

    def _note_fill(self, order: Order | None, key: str, *, counts: bool) -> None:
        assert order is not None
        assert order.account_id is not None
        self._counts[order.account_id, key] = counts
