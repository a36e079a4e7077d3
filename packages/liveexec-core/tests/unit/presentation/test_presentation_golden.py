"""Every view in every format, compared with a file. ``LIVEEXEC_WRITE_GOLDEN=1`` writes the files anew, to be read."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from liveexec.presentation.renderers.delimited import csv_text, tsv_text
from liveexec.presentation.renderers.json_text import json_text
from liveexec.presentation.renderers.plain import plain_text
from liveexec.presentation.renderers.terminal import print_view
from liveexec.presentation.table_view import Report, TableView

GOLDEN = Path(__file__).parent / "golden"
WRITES = os.environ.get("LIVEEXEC_WRITE_GOLDEN") == "1"


def terminal(width: int, *, colour: bool = False) -> Callable[[TableView | Report], str]:
    def render(shown: TableView | Report) -> str:
        buffer = io.StringIO()
        console = Console(
            file=buffer,
            width=width,
            force_terminal=True,
            color_system="standard" if colour else None,
            legacy_windows=False,
            _environ={},
        )
        print_view(shown, console)
        return buffer.getvalue()

    return render


FORMATS: dict[str, Callable[[TableView | Report], str]] = {
    "terminal-24.txt": terminal(24),
    "terminal-80.txt": terminal(80),
    "terminal-140.txt": terminal(140),
    "colour-80.ansi": terminal(80, colour=True),
    "plain.txt": plain_text,
    "csv": csv_text,
    "tsv": tsv_text,
    "json": json_text,
    "html": lambda shown: shown._repr_html_() + "\n",
}


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_view_looks_as_in_its_golden_file(view_name: str, shown: TableView | Report, kind: str) -> None:
    text = FORMATS[kind](shown)
    file = GOLDEN / view_name / kind
    if WRITES:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    assert text == file.read_bytes().decode()


def test_golden_folder_holds_no_file_of_a_view_or_format_that_is_gone(view_name: str) -> None:
    assert {file.name for file in (GOLDEN / view_name).iterdir()} == set(FORMATS)
