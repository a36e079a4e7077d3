"""Fitting a table to a width: what is shortened, what is cut and what is left out, in the order the columns state.

The steps, each taken only as far as it is needed: ids and times take their short forms, text is cut down to its
column's minimum, columns are left out; always from the highest priority number to the lowest, and among equals from
the right. A number is never cut. An id is shortened only if the short forms of its column tell all its ids apart.
"""

from attrs import define, frozen
from rich.cells import cell_len, set_cell_size

from liveexec.presentation.cells import Cell
from liveexec.presentation.table_view import ALWAYS, Column, Kind, TableView

__all__ = ["GAP", "Fit", "FittedColumn", "cut", "fit"]

#: Blank characters between two columns.
GAP = 2


@frozen
class FittedColumn:
    """One column as it will be drawn: its place in the view, its width, and whether its short forms are used."""

    index: int
    column: Column
    width: int
    is_short: bool

    def text_of(self, cell: Cell) -> str:
        """The form of the cell that this column shows, before it is cut to the width."""
        return cell.short if self.is_short and cell.short is not None else cell.text


@frozen
class Fit:
    """The columns that are drawn, the titles of those left out, and the day that shortened times belong to."""

    columns: tuple[FittedColumn, ...]
    hidden: tuple[str, ...]
    day: str | None

    @property
    def width(self) -> int:
        return _total([column.width for column in self.columns])


@define
class _Draft:
    """A column while its width is being found."""

    index: int
    column: Column
    full: int
    short: int | None
    width: int
    is_short: bool = False

    @property
    def least(self) -> int:
        if self.column.min_width is None:
            return self.width
        return min(self.width, max(self.column.min_width, cell_len(self.column.title)))

    def reset(self) -> None:
        self.width, self.is_short = self.full, False


def fit(view: TableView, width: int | None) -> Fit | None:
    """Lay the view out in ``width`` characters; ``None`` for as much as it takes.

    Returns ``None`` when not even the columns that always stand fit: then the rows have to be shown one by one.
    """
    day = _only_day(view)
    drafts = [_draft(view, index, day) for index in view.shown()]
    hidden: list[_Draft] = []
    while width is not None and not _squeeze(drafts, width):
        droppable = [draft for draft in drafts if draft.column.priority != ALWAYS]
        if not droppable:
            return None
        dropped = max(droppable, key=lambda draft: (draft.column.priority, draft.index))
        drafts.remove(dropped)
        hidden.append(dropped)
    hidden.sort(key=lambda draft: draft.index)
    return Fit(
        tuple(FittedColumn(draft.index, draft.column, draft.width, draft.is_short) for draft in drafts),
        tuple(draft.column.title for draft in hidden),
        day if any(draft.is_short and draft.column.kind is Kind.TIME for draft in drafts) else None,
    )


def cut(text: str, width: int) -> str:
    """Text in at most ``width`` characters; what was cut off leaves an ellipsis."""
    if cell_len(text) <= width:
        return text
    return f"{set_cell_size(text, width - 1).rstrip()}…" if width > 1 else "…"[:width]


def _only_day(view: TableView) -> str | None:
    """The day that all shown times fall on; without their dates, times of different days would mislead."""
    days = {
        cell.text[:10]
        for index in view.shown()
        if view.columns[index].kind is Kind.TIME
        for cell in view.column_cells(index)
        if not cell.is_empty
    }
    return days.pop() if len(days) == 1 else None


def _draft(view: TableView, index: int, day: str | None) -> _Draft:
    column = view.columns[index]
    cells = list(view.column_cells(index))
    title = cell_len(column.title)
    full = max([title, *(cell_len(cell.text) for cell in cells)])
    short = max([title, *(cell_len(cell.short or cell.text) for cell in cells)])
    usable = short < full and (day is not None if column.kind is Kind.TIME else _tells_apart(cells))
    return _Draft(index, column, full, short if usable else None, full)


def _tells_apart(cells: list[Cell]) -> bool:
    forms = {cell.short or cell.text: cell.text for cell in cells}
    return all(forms[cell.short or cell.text] == cell.text for cell in cells)


def _squeeze(drafts: list[_Draft], width: int) -> bool:
    """Shorten, then cut, until the columns fit; whether they do."""
    for draft in drafts:
        draft.reset()
    by_priority = sorted(drafts, key=lambda draft: (draft.column.priority, draft.index), reverse=True)
    for draft in by_priority:
        if _total([each.width for each in drafts]) <= width:
            return True
        if draft.short is not None:
            draft.width, draft.is_short = draft.short, True
    for draft in by_priority:
        excess = _total([each.width for each in drafts]) - width
        if excess <= 0:
            return True
        draft.width = max(draft.least, draft.width - excess)
    return _total([each.width for each in drafts]) <= width


def _total(widths: list[int]) -> int:
    return sum(widths) + GAP * max(0, len(widths) - 1)
