"""Terminals: a rich table fitted to the width, or, where even its main columns don't fit, one row after the other.

Whatever the width, no line is longer than it, and no number is cut or wrapped: one that is wider than the whole
terminal is shown as ``###``, as spreadsheets do.
"""

from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from liveexec.presentation.cells import Cell, Tone
from liveexec.presentation.fitting import GAP, Fit, cut, fit
from liveexec.presentation.table_view import Column, Kind, Layout, Report, TableView

__all__ = ["STYLES", "print_view", "renderable"]

STYLES: Final = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.BAD: "red",
    Tone.WARNING: "bold yellow",
    Tone.MUTED: "dim",
}
_TITLE: Final = "bold"
_HEAD: Final = "bold dim"
_NOTE: Final = "dim"
_WHOLE: Final = frozenset({Kind.AMOUNT, Kind.COUNT, Kind.TIME})
#: Fields stand beside their titles while their text has this much room, else below them.
_ROOM: Final = 16


def print_view(shown: TableView | Report, console: Console) -> None:
    """Print the view, fitted to the console."""
    console.print(renderable(shown, console.width), overflow="fold")


def renderable(shown: TableView | Report, width: int | None) -> RenderableType:
    """The view in ``width`` characters (``None``: in as many as it takes), to be printed or kept up to date by rich."""
    if isinstance(shown, Report):
        parts = [renderable(view, width) for view in shown.views]
        return Group(*[part for pair in zip(parts, [Text()] * len(parts), strict=True) for part in pair][:-1])
    return Group(*_lines(shown, width))


def _lines(view: TableView, width: int | None) -> Iterator[RenderableType]:
    if view.title:
        yield _folding(view.title, _TITLE)
    if view.caption:
        yield _folding(view.caption, _NOTE)
    if not view.rows:
        yield _folding(view.nothing, _NOTE)
    elif view.layout is Layout.RECORD:
        yield from _records(view, width)
    else:
        fitted = fit(view, width)
        if fitted is None:
            yield from _records(view, width)
        else:
            yield _table(view, fitted)
            yield from _notes(fitted)
    if view.footer:
        yield _folding(view.footer, "")


def _table(view: TableView, fitted: Fit) -> Table:
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, GAP, 0, 0), header_style=_HEAD)
    for each in fitted.columns:
        table.add_column(
            Text(each.column.title),
            width=each.width,
            justify=each.column.align.value,
            no_wrap=not each.column.folds,
            overflow="fold",
        )
    for row in view.rows:
        cells = []
        for each in fitted.columns:
            text = each.text_of(row[each.index])
            style = STYLES[row[each.index].tone]
            cells.append(Text(text if each.column.folds else cut(text, each.width), style))
        table.add_row(*cells)
    return table


def _notes(fitted: Fit) -> Iterator[Text]:
    if fitted.day is not None:
        yield _folding(f"times are UTC, on {fitted.day}", _NOTE)
    if fitted.hidden:
        yield _folding(f"not shown for want of room: {', '.join(fitted.hidden)}", _NOTE)


def _records(view: TableView, width: int | None) -> Iterator[RenderableType]:
    for number, row in enumerate(view.rows):
        if number:
            yield Text()
        fields = [
            (column, cell)
            for column, cell in zip(view.columns, row, strict=True)
            if column.listed and not cell.is_empty
        ]
        titles = max((cell_len(column.title) for column, _ in fields), default=0)
        room = None if width is None else width - titles - GAP
        needed = max((cell_len(cell.text) for column, cell in fields if column.kind in _WHOLE), default=0)
        if room is None or room >= max(needed, _ROOM):
            yield _beside(fields, titles, room)
        else:
            assert width is not None
            yield from _below(fields, width)


def _beside(fields: list[tuple[Column, Cell]], titles: int, room: int | None) -> Table:
    grid = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
    grid.add_column(width=titles, no_wrap=True)
    grid.add_column(width=room or max((cell_len(cell.text) for _, cell in fields), default=0), overflow="fold")
    for column, cell in fields:
        grid.add_row(Text(column.title, _HEAD), Text(cell.text, STYLES[cell.tone]))
    return grid


def _below(fields: list[tuple[Column, Cell]], width: int) -> Iterator[RenderableType]:
    for column, cell in fields:
        yield _folding(column.title, _HEAD)
        if column.kind not in _WHOLE or cell_len(cell.text) <= width - GAP:
            yield Padding(_folding(cell.text, STYLES[cell.tone]), (0, 0, 0, min(GAP, width - 1)))
        elif cell_len(cell.text) <= width:
            yield Text(cell.text, STYLES[cell.tone])
        else:
            yield Text("#" * width)


def _folding(text: str, style: str) -> Text:
    return Text(text, style, overflow="fold")
