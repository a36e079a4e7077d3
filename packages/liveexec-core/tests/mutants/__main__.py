"""``python -m mutants``: plant bugs one at a time, and see which tests, and which simulations, notice them."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Annotated, Final

import cyclopts
from attrs import frozen
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mutants.catalogue import MUTANTS
from mutants.mutant import Mutant, faults_of
from mutants.workshop import Ending, Finding, Workshop

#: The least share of bugs that has to be caught.
_LEAST_CAUGHT: Final = 0.95
#: So many seeds have to hold as long as no bug is planted.
_SOUND_SEEDS: Final = 50


@frozen
class _Verdict:
    mutant: Mutant
    tests: Finding | None
    simulation: Finding | None

    @property
    def findings(self) -> list[Finding]:
        return [finding for finding in (self.tests, self.simulation) if finding is not None]

    @property
    def is_caught(self) -> bool:
        return any(finding.is_caught for finding in self.findings)

    @property
    def is_broken(self) -> bool:
        return any(finding.ending == Ending.BROKEN for finding in self.findings)

    def __str__(self) -> str:
        outcome = "BROKEN" if self.is_broken else "caught" if self.is_caught else "SURVIVED"
        by = "; ".join(finding.by for finding in self.findings if finding.by)
        return f"{outcome}: {self.mutant.bug} ({by})" if by else f"{outcome}: {self.mutant.bug}"


def main(
    *,
    only: str = "",
    jobs: int | None = None,
    tests: bool = True,
    sound: bool = True,
    with_simulator: int = 0,
    first: Annotated[int, Parameter(name="--from")] = 0,
) -> int:
    """Plant every bug, and print who noticed it. Exits with 1 when fewer than 95 % were caught.

    Parameters
    ----------
    only
        Plant the bugs whose description or file holds this text.
    jobs
        Bugs to look at at once, each in a copy of its own; as many as there are cores, unless it is given.
    tests
        Run the tests that belong to each bug.
    sound
        Make sure first that everything passes without a bug.
    with_simulator
        Simulate so many seeds against each bug as well, up to the first that fails.
    first
        The first of these seeds.
    """
    console = Console(width=None if sys.stdout.isatty() else 240, highlight=False)
    chosen = tuple(mutant for mutant in MUTANTS if only in mutant.bug or only in mutant.file)
    if faults := faults_of(MUTANTS):
        console.print("\n".join(faults), markup=False)
        return 1
    if sound and (failing := _without_bugs(chosen, with_simulator, first, tests=tests)):
        console.print(failing, markup=False)
        return 1
    unseen = [mutant for mutant in chosen if not mutant.is_simulated]
    if not tests:
        chosen = tuple(mutant for mutant in chosen if mutant.is_simulated)
    started_s = time.monotonic()
    verdicts = []
    for verdict in _verdicts(chosen, jobs or os.cpu_count() or 1, seeds=with_simulator, first=first, tests=tests):
        verdicts.append(verdict)
        console.print(f"{len(verdicts):>4}/{len(chosen)}  {verdict}", markup=False, soft_wrap=True)
    _show(verdicts, console, time.monotonic() - started_s)
    if with_simulator:
        _tell_unseen(unseen, console)
    caught = sum(verdict.is_caught for verdict in verdicts)
    return 1 if caught < _LEAST_CAUGHT * len(verdicts) or any(verdict.is_broken for verdict in verdicts) else 0


def _without_bugs(chosen: Sequence[Mutant], seeds: int, first: int, *, tests: bool) -> str:
    """What fails as long as nothing is planted: a failure with a bug would say nothing then. Empty if all holds."""
    by_selection: dict[str, dict[str, None]] = {}
    for mutant in chosen if tests else ():
        by_selection.setdefault(mutant.selection, {}).update(dict.fromkeys(mutant.tests))
    with Workshop() as workshop:
        findings = {
            selection or "all tests": workshop.test(list(files), selection) for selection, files in by_selection.items()
        }
        if seeds:
            findings["the simulator"] = workshop.simulate(min(seeds, _SOUND_SEEDS), first)
    return "\n".join(
        f"without any bug, {name}: {finding.ending}, {finding.by}"
        for name, finding in findings.items()
        if finding.ending != Ending.SURVIVED
    )


def _verdicts(chosen: Sequence[Mutant], jobs: int, *, seeds: int, first: int, tests: bool) -> Iterator[_Verdict]:
    free: SimpleQueue[Workshop] = SimpleQueue()

    def judge(mutant: Mutant) -> _Verdict:
        workshop = free.get()
        try:
            with workshop.planted(mutant):
                found = workshop.test(mutant.tests, mutant.selection) if tests else None
                simulated = workshop.simulate(seeds, first) if seeds and mutant.is_simulated else None
        finally:
            free.put(workshop)
        return _Verdict(mutant, found, simulated)

    with ExitStack() as workshops, ThreadPoolExecutor(jobs) as pool:
        for _ in range(jobs):
            free.put(workshops.enter_context(Workshop()))
        try:
            yield from pool.map(judge, chosen)
        finally:
            # Who is interrupted waits for what is under way, not for what is still to come.
            pool.shutdown(cancel_futures=True)


def _show(verdicts: Sequence[_Verdict], console: Console, took_s: float) -> None:
    table = Table("bug", "where", "incident", title="planted bugs")
    for name in ("tests", "simulator"):
        table.add_column(name, overflow="fold")
    for verdict in verdicts:
        mutant = verdict.mutant
        incident = str(mutant.incident) if mutant.incident is not None else ""
        table.add_row(mutant.bug, mutant.file, incident, _cell(verdict.tests), _cell(verdict.simulation))
    console.print(table)
    for name, findings in (
        ("tests", [verdict.tests for verdict in verdicts if verdict.tests is not None]),
        ("the simulator", [verdict.simulation for verdict in verdicts if verdict.simulation is not None]),
    ):
        if findings:
            caught = sum(finding.is_caught for finding in findings)
            share = caught / len(findings)
            console.print(f"{caught} of {len(findings)} ({share:.1%}) caught by {name}")
    caught = sum(verdict.is_caught for verdict in verdicts)
    console.print(f"{len(verdicts)} planted, {caught} caught, {len(verdicts) - caught} survived; {took_s:.0f} s")


def _tell_unseen(unseen: Sequence[Mutant], console: Console) -> None:
    console.print(f"{len(unseen)} that no simulation can show")
    reasons: dict[str, list[str]] = {}
    for mutant in unseen:
        reasons.setdefault(mutant.why_unseen, []).append(mutant.bug)
    for reason, bugs in reasons.items():
        console.print(f"  {reason}: {'; '.join(bugs)}", markup=False, soft_wrap=True)


def _cell(finding: Finding | None) -> Text:
    if finding is None:
        return Text("-")
    told = finding.by if finding.ending == Ending.CAUGHT else f"{finding.ending.upper()} {finding.by[:60]}".strip()
    return Text(told)


if __name__ == "__main__":
    sys.exit(cyclopts.App(default_command=main)())
