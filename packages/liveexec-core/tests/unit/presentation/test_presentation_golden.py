"""Every view in every format, compared with a file.

``LIVEEXEC_WRITE_GOLDEN=1 uv run pytest packages/liveexec-core/tests/unit/presentation/test_presentation_golden.py``
writes the files anew, and removes those of views and formats that are gone; ``git diff`` shows what changed, and that
is to be read.
"""

import importlib
import inspect
import io
import os
import pkgutil
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Final, get_type_hints

import pytest
from attrs import frozen
from rich.console import Console

from liveexec.cli.options import OutputFormat
from liveexec.presentation import renderers, views
from liveexec.presentation.renderers.delimited import csv_text, tsv_text
from liveexec.presentation.renderers.html import table_html
from liveexec.presentation.renderers.json_text import json_text
from liveexec.presentation.renderers.plain import plain_text
from liveexec.presentation.renderers.terminal import print_view, renderable
from liveexec.presentation.table_view import Report, TableView
from liveexec.presentation.views import row_columns
from support.presented_views import HOSTILE, VIEWS

GOLDEN = Path(__file__).parent / "golden"
WRITES = os.environ.get("LIVEEXEC_WRITE_GOLDEN") == "1"
Shown = TableView | Report


def terminal(shown: Shown, width: int, *, colour: bool = False) -> str:
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


def html(shown: Shown) -> str:
    return shown._repr_html_() + "\n"


@frozen
class Format:
    """A golden file's format: how it is made, and by which of the renderers' functions."""

    render: Callable[[Shown], str]
    by: tuple[Callable[..., object], ...]


_TERMINAL: Final = (print_view, renderable)
FORMATS: Final[dict[str, Format]] = {
    "terminal-24.txt": Format(partial(terminal, width=24), _TERMINAL),
    "terminal-80.txt": Format(partial(terminal, width=80), _TERMINAL),
    "terminal-140.txt": Format(partial(terminal, width=140), _TERMINAL),
    "colour-80.ansi": Format(partial(terminal, width=80, colour=True), _TERMINAL),
    "plain.txt": Format(plain_text, (plain_text,)),
    "csv": Format(csv_text, (csv_text,)),
    "tsv": Format(tsv_text, (tsv_text,)),
    "json": Format(json_text, (json_text,)),
    "html": Format(html, (table_html,)),
}
#: What the command line's ``-o`` prints, in a pipe and on a terminal.
OF_OPTION: Final = {
    OutputFormat.TABLE: {"plain.txt", "terminal-80.txt"},
    OutputFormat.CSV: {"csv"},
    OutputFormat.TSV: {"tsv"},
    OutputFormat.JSON: {"json"},
}


def public_functions(package: ModuleType) -> Iterator[Callable[..., object]]:
    """The functions that the modules of a package offer."""
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        if module is row_columns:
            continue  # what views are made with
        offered = [getattr(module, name) for name in module.__all__]
        yield from (each for each in offered if inspect.isfunction(each))


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_view_looks_as_in_its_golden_file(view_name: str, shown: Shown, kind: str) -> None:
    text = FORMATS[kind].render(shown)
    file = GOLDEN / view_name / kind
    if WRITES:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    assert text == file.read_bytes().decode()


def test_golden_folder_holds_no_file_of_a_view_or_format_that_is_gone() -> None:
    wanted = {GOLDEN / view / kind for view in VIEWS for kind in FORMATS}
    gone = {file for file in GOLDEN.rglob("*") if file.is_file()} - wanted
    if WRITES:
        for file in gone:
            file.unlink()
        for folder in set(GOLDEN.iterdir()) - {GOLDEN / view for view in VIEWS}:
            shutil.rmtree(folder)
        gone = set()
    assert not gone
    assert {folder.name for folder in GOLDEN.iterdir()} == VIEWS.keys()


def test_every_view_has_golden_files_of_usual_and_of_hostile_rows() -> None:
    functions = {each for each in public_functions(views) if get_type_hints(each).get("return") in (TableView, Report)}
    assert functions
    assert functions <= {view.func for name, view in VIEWS.items() if name not in HOSTILE}
    assert functions == {view.func for view in HOSTILE.values()}


def test_every_format_has_golden_files() -> None:
    assert set(public_functions(renderers)) == {function for each in FORMATS.values() for function in each.by}
    assert OF_OPTION.keys() == set(OutputFormat)
    assert {kind for kinds in OF_OPTION.values() for kind in kinds} <= FORMATS.keys()


@pytest.mark.parametrize("kind", ["terminal-24.txt", "terminal-140.txt", "plain.txt", "html", "json"])
def test_nothing_in_a_row_steers_a_terminal_or_a_browser(view_name: str, shown: Shown, kind: str) -> None:
    text = FORMATS[kind].render(shown)
    assert all(line.isprintable() for line in text.split("\n"))
    if kind == "html":
        assert "<script" not in text
        assert "<b>" not in text
