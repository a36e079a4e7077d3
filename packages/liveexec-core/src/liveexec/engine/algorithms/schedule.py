"""Slices over time: how much has to be out by when, so that the sum is exact and each slice can be traded."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any

from attrs import frozen

from liveexec.domain import money
from liveexec.domain.money import ZERO

__all__ = ["SliceSchedule", "cumulative_targets"]


def cumulative_targets(quantity: Decimal, lot: Decimal, min_quantity: Decimal, weights: Sequence[int]) -> list[int]:
    """How many lots have to be out after each slot, in proportion to the slots' weights.

    Targets never fall and end at the whole quantity. Rounding to lots is done on the cumulative sum, so that it is
    never off by more than one lot. A slot whose slice would be below the minimum repeats the target before it: its
    slice joins a later one. At least the minimum is kept back for the last slice.

    ``quantity`` and ``min_quantity`` are multiples of ``lot``, the quantity at least the minimum; the weights are not
    negative and not all zero.
    """
    lots, least = int(money.divide(quantity, lot)), int(money.divide(min_quantity, lot))
    total = sum(weights)
    targets: list[int] = []
    reached = 0
    for weight in accumulate(weights):
        target = lots * weight // total
        if target < lots:
            target = min(target, lots - least)
        if target - reached >= least:
            reached = target
        targets.append(reached)
    return targets


@frozen
class SliceSchedule:
    """Slots of ``interval_ns`` from ``start_ns``, the last one until ``end_ns``, and the lots due in each of them.

    A slot's slice is due at its beginning; ``targets`` count the lots that have to be out by then, that slice
    included.
    """

    start_ns: int
    end_ns: int
    interval_ns: int
    lot: Decimal
    targets: Sequence[int]

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "SliceSchedule":
        """Read what :meth:`as_json` wrote."""
        return cls(
            start_ns=document["start_ns"],
            end_ns=document["end_ns"],
            interval_ns=document["interval_ns"],
            lot=Decimal(document["lot"]),
            targets=document["targets"],
        )

    def as_json(self) -> dict[str, Any]:
        """The schedule as JSON values."""
        return {
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "interval_ns": self.interval_ns,
            "lot": money.plain(self.lot),
            "targets": list(self.targets),
        }

    @property
    def total(self) -> Decimal:
        """The whole quantity."""
        return self.target(len(self.targets) - 1)

    def slot_at(self, now_ns: int) -> int:
        """The slot that a time lies in: the first before the start, the last after the end."""
        slot = (now_ns - self.start_ns) // self.interval_ns
        return min(max(slot, 0), len(self.targets) - 1)

    def begins_at_ns(self, slot: int) -> int:
        """When a slot begins; the one after the last is the end."""
        return self.start_ns + slot * self.interval_ns if slot < len(self.targets) else self.end_ns

    def target(self, slot: int) -> Decimal:
        """What has to be out by the slot, its slice included; nothing before the first."""
        return self.lot * self.targets[slot] if slot >= 0 else ZERO
