"""Showing a view once, or again and again until the reader has seen enough."""

from collections.abc import Awaitable, Callable

import anyio
from rich.console import Console
from rich.live import Live

from liveexec.cli.options import ListingOptions
from liveexec.cli.output import is_for_people, write_again, write_once
from liveexec.presentation.renderers.terminal import renderable
from liveexec.presentation.table_view import Report, TableView

__all__ = ["Fetch", "show"]

Fetch = Callable[[], Awaitable[TableView | Report]]


async def show(fetch: Fetch, options: ListingOptions) -> None:
    """Show what ``fetch`` brings: once, or with ``--watch`` until Ctrl-C. On a terminal each round replaces the last.

    An error of ``fetch`` ends it in either case: a screen that no longer changes would be taken for the truth.
    """
    interval_s = options.watch_interval_s
    if interval_s is None:
        write_once(await fetch(), options.output)
    elif is_for_people(options.output):
        await _repaint(fetch, interval_s)
    else:
        while True:
            write_again(await fetch(), options.output)
            await anyio.sleep(interval_s)


async def _repaint(fetch: Fetch, interval_s: float) -> None:
    console = Console()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(renderable(await fetch(), console.width), refresh=True)
            await anyio.sleep(interval_s)
