"""``python -m kills``: end hosts and their database at every fail point, and compare every book after it."""

import asyncio
import secrets
import sys

import cyclopts
from rich.console import Console
from rich.table import Table

from kills.campaign import Campaign, Report
from liveexec.runtime.failpoints import FailPoint
from liveexec.runtime.logs import configure_logging


def main(*, kills: int = 500, postmaster: int = 20, seed: int | None = None) -> int:
    """Kill, and print what was killed and what was found.

    Parameters
    ----------
    kills
        How many hosts are killed.
    postmaster
        How many times the database is killed under a host.
    seed
        What the moments are drawn from; another one every time, unless it is given.
    """
    configure_logging("CRITICAL")
    campaign = Campaign(kills, postmaster, seed if seed is not None else secrets.randbelow(1 << 30))
    report = asyncio.run(campaign.run())
    _show(report, Console(width=None if sys.stdout.isatty() else 120))
    return 1 if report.faults else 0


def _show(report: Report, console: Console) -> None:
    table = Table("fail point", "killed at", "missed", title=f"kills, seed {report.seed}")
    for point in FailPoint:
        table.add_row(point, str(report.reached[point]), str(report.missed[point] or ""))
    console.print(table)
    console.print(
        f"{report.kills} process kills ({report.random_kills} at random moments) and {report.postmaster_kills} "
        f"postmaster kills in {report.took_s:.0f} s; {report.lives} lives, {report.operations} answers told, "
        f"{report.comparisons} comparisons with the venues' books: {len(report.faults) or 'no'} faults"
    )
    if report.unreached:
        console.print(f"not killed at: {', '.join(report.unreached)}")
    for fault in report.faults:
        console.print(fault, style="red", markup=False)


if __name__ == "__main__":
    sys.exit(cyclopts.App(default_command=main)())
