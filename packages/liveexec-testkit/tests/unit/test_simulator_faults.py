"""Faults: which a run has, that each has its own chance, and that they heal."""

from liveexec_testkit.simulator.faults import Fault, Faults


def struck(faults: Faults, fault: Fault, times: int = 400) -> list[bool]:
    return [faults.fires(fault) for _ in range(times)]


def test_only_what_was_chosen_strikes() -> None:
    faults = Faults(frozenset({Fault.REPORT_LATE}), 3)
    assert any(struck(faults, Fault.REPORT_LATE))
    assert not any(struck(faults, Fault.REPORT_LOST))
    assert list(faults.fired) == [Fault.REPORT_LATE]


def test_taking_one_away_leaves_the_others_as_they_were() -> None:
    both = Faults(frozenset({Fault.REPORT_LATE, Fault.REPORT_LOST}), 3)
    alone = Faults(frozenset({Fault.REPORT_LATE}), 3)
    struck(both, Fault.REPORT_LOST)
    assert struck(both, Fault.REPORT_LATE) == struck(alone, Fault.REPORT_LATE)


def test_nothing_strikes_once_they_are_healed() -> None:
    faults = Faults(frozenset(Fault), 3)
    faults.heal()
    assert not any(fires for fault in Fault for fires in struck(faults, fault, 50))
    assert not faults.has(Fault.STALE_SNAPSHOT)


def test_every_fault_can_strike() -> None:
    faults = Faults(frozenset(Fault), 3)
    for fault in Fault:
        struck(faults, fault, 3_000)
    assert set(faults.fired) == set(Fault)
