"""Schedules: cumulative targets are exact, on the lot, monotone, and respect the minimum quantity."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.engine.algorithms.schedule import SliceSchedule, cumulative_targets

S = 1_000_000_000


def slices(targets: list[int]) -> list[int]:
    return [after - before for before, after in zip([0, *targets], targets, strict=False)]


@pytest.mark.parametrize(
    ("quantity", "lot", "minimum", "weights", "expected"),
    [
        ("1", "0.1", "0.1", [1] * 5, [2, 2, 2, 2, 2]),
        # Lots that don't divide are spread, never off by more than one.
        ("1", "0.1", "0.1", [1] * 3, [3, 3, 4]),
        ("0.7", "0.1", "0.1", [1] * 4, [1, 2, 2, 2]),
        # In proportion to the weights; a slot without weight gets nothing.
        ("1", "0.1", "0.1", [3, 0, 5, 2], [3, 0, 5, 2]),
        # Fewer lots than slots.
        ("0.2", "0.1", "0.1", [1] * 5, [0, 0, 1, 0, 1]),
        # Slices below the minimum join the next one.
        ("1", "0.1", "0.3", [1] * 5, [0, 4, 0, 3, 3]),
        ("1", "0.1", "1", [1] * 5, [0, 0, 0, 0, 10]),
        # What is left for the last slice is never below the minimum.
        ("1", "0.1", "0.3", [8, 1, 1], [7, 0, 3]),
        ("0.5", "0.1", "0.3", [1, 1], [0, 5]),
    ],
)
def test_slices_by_example(quantity: str, lot: str, minimum: str, weights: list[int], expected: list[int]) -> None:
    assert slices(cumulative_targets(Decimal(quantity), Decimal(lot), Decimal(minimum), weights)) == expected


@given(
    st.integers(1, 10_000),
    st.integers(1, 50),
    st.integers(0, 8),
    st.lists(st.integers(0, 10**20), min_size=1, max_size=60).filter(any),
)
def test_slices_are_exact_monotone_and_tradable(lots: int, least: int, places: int, weights: list[int]) -> None:
    least = min(least, lots)
    lot = Decimal(3).scaleb(-places)
    targets = cumulative_targets(lot * lots, lot, lot * least, weights)
    assert len(targets) == len(weights)
    assert targets[-1] == lots
    for part in slices(targets):
        assert part == 0 or part >= least
    assert lots - max([target for target in targets if target < lots], default=0) >= least
    total, reached = sum(weights), 0
    for target, weight in zip(targets, weights, strict=True):
        reached += weight
        # Never ahead of the weights, and behind them by less than a lot unless the minimum holds it back.
        assert target * total <= lots * reached
        if least == 1:
            assert (lots * reached - target * total) < total


@given(st.integers(1, 500), st.integers(1, 60))
def test_equal_weights_differ_by_one_lot_at_most(lots: int, count: int) -> None:
    parts = slices(cumulative_targets(Decimal(lots), Decimal(1), Decimal(1), [1] * count))
    assert max(parts) - min(parts) <= 1


def schedule() -> SliceSchedule:
    return SliceSchedule(100 * S, 135 * S, 10 * S, Decimal("0.1"), [2, 2, 5, 9])


@pytest.mark.parametrize(
    ("at_s", "slot"), [(0, 0), (100, 0), (109.999, 0), (110, 1), (129, 2), (130, 3), (135, 3), (999, 3)]
)
def test_a_time_lies_in_one_slot(at_s: float, slot: int) -> None:
    assert schedule().slot_at(round(at_s * S)) == slot


def test_slots_begin_at_their_interval_and_the_last_ends_with_the_horizon() -> None:
    assert [schedule().begins_at_ns(slot) // S for slot in range(5)] == [100, 110, 120, 130, 135]


def test_targets_are_quantities() -> None:
    assert [schedule().target(slot) for slot in (-1, 0, 1, 2, 3)] == [
        Decimal(0),
        Decimal("0.2"),
        Decimal("0.2"),
        Decimal("0.5"),
        Decimal("0.9"),
    ]
    assert schedule().total == Decimal("0.9")


def test_a_schedule_survives_its_json() -> None:
    again = SliceSchedule.from_json(json.loads(json.dumps(schedule().as_json())))
    assert again == schedule()
