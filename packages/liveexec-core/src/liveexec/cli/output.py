"""Views on standard output, once or again and again.

On a terminal they are fitted and coloured, in a pipe whole and plain, or in a program's format.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import assert_never

import anyio
from rich.console import Console
from rich.live import Live

from liveexec.cli.options import ListingOptions, OutputFormat
from liveexec.presentation.renderers.delimited import csv_text, tsv_text
from liveexec.presentation.renderers.json_text import json_text
from liveexec.presentation.renderers.plain import plain_text
from liveexec.presentation.renderers.terminal import print_view, renderable
from liveexec.presentation.table_view import Report, TableView

__all__ = ["Fetch", "show", "write_once"]

Fetch = Callable[[], Awaitable[TableView | Report]]


async def show(fetch: Fetch, options: ListingOptions) -> None:
    """Show what ``fetch`` brings: once, or with ``--watch`` until Ctrl-C or SIGTERM. On a terminal each round replaces
    the last.

    An error of ``fetch`` ends it in either case: a screen that no longer changes would be taken for the truth.
    """
    interval_s = options.watch_interval_s
    if interval_s is None:
        write_once(await fetch(), options.output)
    elif _is_for_people(options.output):
        await _repaint(fetch, interval_s)
    else:
        while True:
            _write_again(await fetch(), options.output)
            await anyio.sleep(interval_s)


async def _repaint(fetch: Fetch, interval_s: float) -> None:
    console = Console()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(renderable(await fetch(), console.width), refresh=True)
            await anyio.sleep(interval_s)


def write_once(shown: TableView | Report, output: OutputFormat) -> None:
    """Print the view."""
    if _is_for_people(output):
        print_view(shown, Console())
    else:
        _write(_text(shown, output, indent=2))


def _write_again(shown: TableView | Report, output: OutputFormat) -> None:
    """Print the view as one of a stream: JSON takes one line for each, after the others stands an empty line."""
    text = _text(shown, output, indent=None)
    _write(text if output is OutputFormat.JSON else f"{text}\n")


def _is_for_people(output: OutputFormat) -> bool:
    """Whether somebody looks at a terminal, rather than a program at what we print."""
    return output is OutputFormat.TABLE and sys.stdout.isatty()


def _text(shown: TableView | Report, output: OutputFormat, *, indent: int | None) -> str:
    match output:
        case OutputFormat.TABLE:
            return plain_text(shown)
        case OutputFormat.JSON:
            return json_text(shown, indent=indent)
        case OutputFormat.CSV:
            return csv_text(shown)
        case OutputFormat.TSV:
            return tsv_text(shown)
        case _:
            assert_never(output)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
