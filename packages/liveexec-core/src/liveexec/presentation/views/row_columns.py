"""Columns of views over plain rows: which key a column shows, as what, and what it may lose in narrow places."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, assert_never

from attrs import evolve, frozen

from liveexec.domain.ids import InstrumentId, product_of
from liveexec.presentation import cells
from liveexec.presentation.cells import Cell
from liveexec.presentation.formatting import Places, Precision
from liveexec.presentation.table_view import ALWAYS, Column, Kind, Layout, TableView

__all__ = ["As", "CellMaker", "PlainRow", "RowColumn", "RowPlaces", "column", "counted", "table_of"]

PlainRow = Mapping[str, Any]
CellMaker = Callable[[PlainRow, Places | None], Cell]


class As(StrEnum):
    """What a value is shown as. The amounts differ in the digits that they get."""

    TEXT = "text"
    STATUS = "status"
    ID = "id"
    INSTRUMENT = "instrument"
    AMOUNT = "amount"
    PRICE = "price"
    QUANTITY = "quantity"
    AVERAGE = "average"
    DERIVED = "derived"
    PROFIT = "profit"
    COUNT = "count"
    TIME = "time"
    DOCUMENT = "document"


@frozen
class RowColumn:
    """A column, and how its cell is made from a row and the places of the row's instrument."""

    column: Column
    make: CellMaker

    def listed_as(self, priority: int) -> "RowColumn":
        """The same column, shown to people with a priority of its own."""
        return evolve(self, column=evolve(self.column, listed=True, priority=priority))

    def unlisted(self) -> "RowColumn":
        """The same column, for machine-readable output only."""
        return evolve(self, column=evolve(self.column, listed=False))


class RowPlaces:
    """Finds the places of a row's instrument; a row without one (a parent's) takes those of its product."""

    def __init__(self, precision: Precision) -> None:
        self._instruments = precision
        self._products: dict[str, Places] = {}
        for instrument_id, places in precision.items():
            product_id = product_of(InstrumentId(instrument_id))
            known = self._products.get(product_id, places)
            self._products[product_id] = Places(max(known.price, places.price), max(known.quantity, places.quantity))

    def of(self, row: PlainRow) -> Places | None:
        """The places that the row's amounts are shown with; ``None`` for as many as each amount has."""
        instrument_id = row.get("canonical_id")
        if instrument_id is not None:
            return self._instruments.get(instrument_id)
        product_id = row.get("product_id")
        return self._products.get(product_id) if product_id is not None else None


def column(
    key: str,
    title: str,
    shown_as: As = As.TEXT,
    *,
    priority: int = ALWAYS,
    min_width: int | None = None,
    folds: bool = False,
    listed: bool = True,
) -> RowColumn:
    """The column of the row's ``key``; a row leaves out what is NULL, or holds ``None``."""
    return RowColumn(
        Column(key, title, _KINDS.get(shown_as, Kind.AMOUNT), priority, min_width, folds, listed),
        lambda row, places: _cell(shown_as, row.get(key), places),
    )


def table_of(
    name: str,
    title: str,
    columns: Sequence[RowColumn],
    rows: Iterable[PlainRow],
    precision: Precision,
    *,
    caption: str | None = None,
    footer: str | None = None,
    layout: Layout = Layout.TABLE,
    nothing: str = "nothing to show",
) -> TableView:
    """The view of the rows, in their order."""
    places = RowPlaces(precision)
    made = []
    for row in rows:
        row_places = places.of(row)
        made.append(tuple(each.make(row, row_places) for each in columns))
    return TableView(
        name=name,
        title=title,
        columns=tuple(each.column for each in columns),
        rows=tuple(made),
        caption=caption,
        footer=footer,
        layout=layout,
        nothing=nothing,
    )


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: ``1 order``, ``2 orders``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


_KINDS: Final = {
    As.TEXT: Kind.TEXT,
    As.STATUS: Kind.TEXT,
    As.ID: Kind.ID,
    As.INSTRUMENT: Kind.ID,
    As.COUNT: Kind.COUNT,
    As.TIME: Kind.TIME,
    As.DOCUMENT: Kind.DOCUMENT,
}


def _cell(shown_as: As, value: object, places: Places | None) -> Cell:
    match shown_as:
        case As.TEXT:
            return cells.text(value)
        case As.STATUS:
            return cells.status(value)
        case As.ID:
            return cells.identifier(value)
        case As.INSTRUMENT:
            return cells.instrument(value)
        case As.AMOUNT:
            return cells.amount(value)
        case As.PRICE:
            return cells.amount(value, places.price if places else None)
        case As.QUANTITY:
            return cells.amount(value, places.quantity if places else None)
        case As.AVERAGE:
            return cells.average(value, places)
        case As.DERIVED:
            return cells.derived(value)
        case As.PROFIT:
            return cells.profit(value)
        case As.COUNT:
            return cells.count(value)
        case As.TIME:
            return cells.instant(value)
        case As.DOCUMENT:
            return cells.document(value)
        case _:
            assert_never(shown_as)
