"""``python -m benchmarks``: run all benchmarks, or those that are named, each in a process of its own."""

import sys
from typing import Final, Literal

import cyclopts
from rich.console import Console

from benchmarks.figures import show
from benchmarks.isolation import run_apart
from benchmarks.options import Options

Name = Literal[
    "engine",
    "durable",
    "memory",
    "scaling",
    "restart",
    "embedding",
    "deribit",
    "ticks",
    "replay",
    "nautilus_replay",
    "peers",
]
#: Those that need nothing but this environment; ``peers`` makes another one. ``replay`` has nothing to compare with
#: where the group ``nautilus`` is not installed, and ``nautilus_replay`` nothing to run.
_DEFAULT: Final[tuple[Name, ...]] = (
    "engine",
    "durable",
    "memory",
    "scaling",
    "restart",
    "embedding",
    "deribit",
    "ticks",
    "replay",
)


def main(*names: Name, quick: bool = False, orders: int | None = None) -> int:
    """Measure, and print a table per benchmark.

    Parameters
    ----------
    names
        Which benchmarks to run.
    quick
        Small sizes: proves that they run, measures nothing much.
    orders
        How many orders the soak of ``memory`` and the journal of ``scaling`` hold.
    """
    console = Console(width=None if sys.stdout.isatty() else 140)
    options = Options(quick=quick, orders=orders)
    for name in names or _DEFAULT:
        show(console, run_apart(name, options))
    return 0


if __name__ == "__main__":
    sys.exit(cyclopts.App(default_command=main)())
