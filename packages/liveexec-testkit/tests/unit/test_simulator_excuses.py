"""Excuses: what passes is counted, what passes too often is told, and none of them blinds its check."""

from liveexec_testkit.simulator.invariants.excuses import CEILINGS, Excuse, Excuses
from liveexec_testkit.simulator.swarm import EVERY_FAULT_FROM, SeedReport, Totals, run_seed


def counted(looked_at: int, used: int) -> Excuses:
    excuses = Excuses()
    for number in range(looked_at):
        excuses.look(Excuse.CAME_LATE, fits=number < used)
    return excuses


def totals_of(*excuses: Excuses) -> Totals:
    totals = Totals()
    for number in range(EVERY_FAULT_FROM):
        counts = excuses[number] if number < len(excuses) else Excuses()
        totals.add(SeedReport(number, "", "", 0, 0.0, 0, 0, {}, excuses=counts))
    return totals


def test_what_fits_passes_and_is_counted() -> None:
    excuses = Excuses()
    assert [excuses.look(Excuse.UNTAKEN, fits=fits) for fits in (True, False, False, False)] == [
        True,
        False,
        False,
        False,
    ]
    assert excuses.share(Excuse.UNTAKEN) == 0.25
    assert excuses.share(Excuse.CAUTIOUS) == 0.0, "nothing was looked at"


def test_over_a_swarm_they_add_up_and_too_many_are_told() -> None:
    fine = totals_of(counted(1_000, 1), counted(1_000, 2))
    assert (fine.excuses.looked_at[Excuse.CAME_LATE], fine.excuses.used[Excuse.CAME_LATE]) == (2_000, 3)
    assert fine.excused_too_often == []
    assert totals_of(counted(90, 0), counted(10, 10)).excused_too_often == [Excuse.CAME_LATE]
    assert totals_of(counted(10, 10)).excused_too_often == [], "a share of ten says nothing"


def test_a_small_swarm_is_not_judged() -> None:
    totals = Totals()
    totals.add(SeedReport(1, "", "", 0, 0.0, 0, 0, {}, excuses=counted(10, 10)))
    assert totals.excused_too_often == []


def test_each_has_a_ceiling_that_leaves_most_to_its_check() -> None:
    assert list(CEILINGS) == list(Excuse)
    assert max(CEILINGS.values()) <= 0.1


def test_runs_look_at_much_and_excuse_little() -> None:
    totals = Totals()
    for seed in range(100, 125):
        totals.add(run_seed(seed, orders=30))
    looked_at = totals.excuses.looked_at
    for excuse in (Excuse.SESSION_GONE, Excuse.CANT_WRITE, Excuse.CAME_LATE, Excuse.UNTAKEN, Excuse.UNRESERVED):
        assert looked_at[excuse] > 5 * totals.runs, excuse
    for excuse in Excuse:
        # Three times what a swarm may have: few runs scatter.
        assert totals.excuses.share(excuse) <= 3 * CEILINGS[excuse] or totals.excuses.used[excuse] <= 3, excuse
