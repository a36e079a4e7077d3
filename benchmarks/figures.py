"""Figures and how they are shown: what was measured beside its goal, and on what kind of machine."""

import os
import platform
import timeit
from collections.abc import Mapping, Sequence
from decimal import Decimal
from statistics import median
from typing import Final

from attrs import frozen
from rich.console import Console
from rich.table import Table

__all__ = ["Figure", "Result", "Spread", "machine_state", "percentile", "show", "spread_of"]

_OPERANDS: Final = {"a": Decimal("0.00123"), "b": Decimal("61800.01"), "c": Decimal(76)}
_VERDICTS: Final = {True: "[green]met[/green]", False: "[red]missed[/red]", None: ""}


@frozen
class Figure:
    """One line of a benchmark's table. ``met`` is ``None`` where there is no goal to meet."""

    name: str
    measured: str
    goal: str = ""
    met: bool | None = None


@frozen
class Result:
    """What one benchmark found; ``notes`` say how it was measured, as far as that is needed to read it."""

    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()


@frozen
class Spread:
    """The median of several measurements, and their range."""

    median: float
    lowest: float
    highest: float

    def text(self, digits: int = 2) -> str:
        """As it is shown: ``3.1 (2.9 to 3.4)``."""
        return f"{self.median:.{digits}f} ({self.lowest:.{digits}f} to {self.highest:.{digits}f})"


def spread_of(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    return Spread(median(values), min(values), max(values))


def percentile(values: Sequence[float], fraction: float) -> float:
    """The value that a fraction of them does not exceed (nearest rank); they need not be sorted."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * fraction))]


def machine_state() -> str:
    """What the figures depend on beside the code: the machine, how busy it is, and how fast it calculates just now."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    product_ns = _fastest_ns("a * b < c", _OPERANDS)
    # How the interpreter was built shows here: profile-guided optimisation saves a fifth.
    call_ns = _fastest_ns("pair(a, b)", {**_OPERANDS, "pair": _pair})
    return (
        f"{os.cpu_count()} cores, load {load}, "
        f"a Decimal product compared in {product_ns:.0f} ns, a call in {call_ns:.0f} ns; "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def _fastest_ns(statement: str, names: Mapping[str, object]) -> float:
    return min(timeit.repeat(statement, globals={**names}, number=10_000, repeat=20)) / 10_000 * 1e9


def _pair(left: object, right: object) -> tuple[object, object]:
    return left, right


def show(console: Console, result: Result) -> None:
    """Print a benchmark's table."""
    table = Table(title=result.title, title_justify="left", title_style="bold")
    table.add_column("figure", overflow="fold")
    for name in ("measured", "goal", ""):
        table.add_column(name, justify="right" if name != "" else "left")
    for figure in result.figures:
        table.add_row(figure.name, figure.measured, figure.goal, _VERDICTS[figure.met])
    console.print()
    console.print(table)
    for note in result.notes:
        console.print(f"  {note}", style="dim")
    console.print(f"  {machine_state()}", style="dim")
