"""Views on standard output: fitted and coloured on a terminal, whole and plain in a pipe, or in a program's format."""

import sys
from typing import assert_never

from rich.console import Console

from liveexec.cli.options import OutputFormat
from liveexec.presentation.renderers.delimited import csv_text, tsv_text
from liveexec.presentation.renderers.json_text import json_text
from liveexec.presentation.renderers.plain import plain_text
from liveexec.presentation.renderers.terminal import print_view
from liveexec.presentation.table_view import Report, TableView

__all__ = ["is_for_people", "write_again", "write_once"]


def is_for_people(output: OutputFormat) -> bool:
    """Whether somebody looks at a terminal, rather than a program at what we print."""
    return output is OutputFormat.TABLE and sys.stdout.isatty()


def write_once(shown: TableView | Report, output: OutputFormat) -> None:
    """Print the view."""
    if is_for_people(output):
        print_view(shown, Console())
    else:
        _write(_text(shown, output, indent=2))


def write_again(shown: TableView | Report, output: OutputFormat) -> None:
    """Print the view as one of a stream: JSON takes one line for each, after the others stands an empty line."""
    text = _text(shown, output, indent=None)
    _write(text if output is OutputFormat.JSON else f"{text}\n")


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
