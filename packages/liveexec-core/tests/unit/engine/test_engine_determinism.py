"""The same inputs give the same decisions, to the byte: in one process, in others, and whatever seeds their hashes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from liveexec.domain.ledger import Ledger
from support.engine_chaos import Chaos
from support.engine_harness import EngineHarness
from support.engine_invariants import encoded

SEED, STEPS = 20_251_220, 400
TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def played() -> bytes:
    """What the run makes true and asks for, in this process."""
    return b"\n".join(Chaos(SEED, is_checked=False).run(STEPS).harness.trace)


def test_the_run_does_something_worth_comparing(played: bytes) -> None:
    lines = played.split(b"\n")
    assert len(lines) > 700
    for name in (b"FillApplied", b"FillBusted", b"Replaced", b"ScheduleFixed", b"Adopted", b"NotSent", b"StateChanged"):
        assert any(b'"' + name + b'"' in line for line in lines), name


@pytest.mark.parametrize("hash_seed", ["0", "1", "2", "3"])
def test_under_any_hash_seed_records_and_effects_are_the_same_bytes(played: bytes, hash_seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "support.engine_chaos", str(SEED), str(STEPS)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == played


def test_the_records_alone_fold_to_the_same_state() -> None:
    harness = EngineHarness().start()
    for quantity in ("0.25", "0.5"):
        harness.fill(harness.working(), quantity)
    again = Ledger()
    for record in harness.records:
        again.apply(record)
    assert list(again.orders) == list(harness.engine.state.ledger.orders)
    assert [encoded(order) for order in again.orders.values()] == [
        encoded(order) for order in harness.engine.state.ledger.orders.values()
    ]


def test_other_inputs_give_other_bytes() -> None:
    assert Chaos(SEED).run(40).harness.trace != Chaos(SEED + 1).run(40).harness.trace
