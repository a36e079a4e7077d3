"""What holds for every table at every width, whatever is in it."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from liveexec.presentation import cells
from liveexec.presentation.cells import Cell
from liveexec.presentation.fitting import cut, fit
from liveexec.presentation.renderers.delimited import csv_text, tsv_text
from liveexec.presentation.renderers.html import table_html
from liveexec.presentation.renderers.json_text import json_text
from liveexec.presentation.renderers.plain import plain_text
from liveexec.presentation.renderers.terminal import print_view
from liveexec.presentation.table_view import Align, Column, Kind, Layout, Report, TableView

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**17), max_value=10**17, places=9)
TEXTS = st.text(max_size=40) | st.text("漢字🙂e\u0301 \t\n\r\\\"',;<&>\x1b[31m", max_size=30)
CELLS: dict[Kind, st.SearchStrategy[Cell]] = {
    Kind.TEXT: st.builds(cells.text, TEXTS | st.none()),
    Kind.ID: st.builds(cells.identifier, TEXTS | st.just("ORD-01KBYR5M5VEX7R00013XRZP16B") | st.none()),
    Kind.AMOUNT: st.builds(cells.amount, AMOUNTS | st.none(), st.none() | st.integers(0, 9)),
    Kind.COUNT: st.builds(cells.count, st.integers(-(10**12), 10**12) | st.none()),
    Kind.TIME: st.builds(cells.instant, st.integers(0, 2**62) | st.none()),
    Kind.FLAG: st.builds(cells.flag, st.booleans() | st.none(), st.just("yes")),
    Kind.DOCUMENT: st.builds(cells.document, st.dictionaries(TEXTS, TEXTS | AMOUNTS, max_size=3) | st.none()),
}


@st.composite
def columns(draw: st.DrawFn, number: int) -> Column:
    kind = draw(st.sampled_from(list(Kind)))
    is_text = kind in (Kind.TEXT, Kind.ID)
    return Column(
        id=f"column_{number}",
        title=draw(st.text("abcdefgh ()", min_size=1, max_size=14)),
        kind=kind,
        priority=draw(st.integers(0, 4)),
        min_width=draw(st.none() | st.integers(1, 12)) if is_text else None,
        folds=is_text and draw(st.booleans()),
        listed=draw(st.integers(0, 5)) > 0,
    )


@st.composite
def table_views(draw: st.DrawFn) -> TableView:
    made = [draw(columns(number)) for number in range(draw(st.integers(1, 6)))]
    rows = [tuple(draw(CELLS[column.kind]) for column in made) for _ in range(draw(st.integers(0, 4)))]
    return TableView(
        name="any",
        title=draw(TEXTS),
        columns=tuple(made),
        rows=tuple(rows),
        caption=draw(st.none() | TEXTS),
        footer=draw(st.none() | TEXTS),
        layout=draw(st.sampled_from(Layout)),
    )


def printed(shown: TableView | Report, width: int) -> list[str]:
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, color_system=None, legacy_windows=False, _environ={})
    print_view(shown, console)
    return buffer.getvalue().split("\n")


@given(table_views(), st.integers(1, 160))
def test_no_line_is_longer_than_the_console(view: TableView, width: int) -> None:
    # A character that takes two columns can't be shown in one.
    assert max(map(cell_len, printed(view, width))) <= max(width, 2)


@given(table_views(), st.integers(1, 160))
def test_numbers_are_shown_whole_or_not_at_all(view: TableView, width: int) -> None:
    words = set(" ".join(printed(view, width)).split())
    fitted = None if view.layout is Layout.RECORD else fit(view, width)
    kinds = (Kind.AMOUNT, Kind.COUNT)
    indexes = [each.index for each in fitted.columns] if fitted else view.shown()
    for index in indexes:
        if view.columns[index].kind in kinds:
            for cell in view.column_cells(index):
                assert cell.is_empty or cell.text in words or "#" * width in words


@given(table_views(), st.integers(1, 160))
def test_terminal_output_holds_no_control_character(view: TableView, width: int) -> None:
    assert all(line.isprintable() for line in printed(view, width))


@given(table_views(), st.integers(1, 200))
def test_fitted_table_keeps_its_main_columns_and_drops_the_last_ones_first(view: TableView, width: int) -> None:
    fitted = fit(view, width)
    if fitted is None:
        return
    assert fitted.width <= width
    kept = {each.index for each in fitted.columns}
    hidden = [index for index in view.shown() if index not in kept]
    assert [view.columns[index].title for index in hidden] == list(fitted.hidden)
    if hidden:
        best_hidden = min((view.columns[index].priority, index) for index in hidden)
        droppable = [(view.columns[index].priority, index) for index in kept if view.columns[index].priority > 0]
        assert best_hidden[0] > 0
        assert all(each < best_hidden for each in droppable)


@given(table_views())
def test_csv_reads_back_as_the_exact_values(view: TableView) -> None:
    read = list(csv.reader(io.StringIO(csv_text(view), newline="")))
    assert read == [
        [column.id for column in view.columns],
        *[[cell.exact for cell in row] for row in view.rows],
    ]


@given(table_views())
def test_tsv_has_one_line_per_row_and_reads_back_as_the_exact_values(view: TableView) -> None:
    head, *lines = tsv_text(view).removesuffix("\n").split("\n")
    assert head.split("\t") == [column.id for column in view.columns]
    unescaped = [[_unescaped(field) for field in line.split("\t")] for line in lines]
    assert unescaped == [[cell.exact for cell in row] for row in view.rows]


def _unescaped(field: str) -> str:
    escapes = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    characters = iter(field)
    return "".join(escapes[next(characters)] if each == "\\" else each for each in characters)


@given(table_views())
def test_json_has_every_key_in_every_row_and_no_float(view: TableView) -> None:
    def refuse(number: str) -> float:
        raise AssertionError(f"{number} would be read as a float")

    text = json_text(view)
    assert text.isascii()
    document: Any = json.loads(text, parse_float=refuse)
    objects = document if isinstance(document, list) else [document]
    times = {f"{column.id}_ns" for column in view.columns if column.kind is Kind.TIME}
    for each, row in zip(objects, view.rows, strict=True):
        assert each.keys() == {column.id for column in view.columns} | times
        for column, cell in zip(view.columns, row, strict=True):
            if column.kind is Kind.AMOUNT and cell.value is not None:
                assert Decimal(each[column.id]) == cell.value
            if column.kind is Kind.TIME:
                assert each[f"{column.id}_ns"] == cell.value


class _Reader(HTMLParser):
    """Collects the text of the cells, and refuses any element that a table does not have."""

    ELEMENTS = frozenset({"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"})

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.ELEMENTS
        assert {name for name, _ in attrs} <= {"class", "style", "title", "scope", "colspan"}
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.replace("\n", "")


@given(table_views())
def test_html_escapes_everything_and_shows_the_text_of_the_cells(view: TableView) -> None:
    reader = _Reader()
    reader.feed(table_html(view))
    reader.close()
    shown = view.shown()
    assert reader.rows[0] == [view.columns[index].title for index in shown]
    body = reader.rows[1 : 1 + len(view.rows)] if view.rows else []
    assert body == [[row[index].text for index in shown] for row in view.rows]


@given(table_views())
def test_plain_text_shortens_nothing(view: TableView) -> None:
    text = plain_text(view)
    assert all(line == line.rstrip() for line in text.split("\n"))
    folding = {index for index, column in enumerate(view.columns) if column.folds}
    for row in view.rows:
        for index in set(view.shown()) - folding:
            assert row[index].text.rstrip() in text


@given(table_views(), st.integers(1, 80))
def test_rendering_twice_gives_the_same(view: TableView, width: int) -> None:
    assert printed(view, width) == printed(view, width)


@given(TEXTS, st.integers(0, 20))
def test_cut_text_is_no_wider_than_asked_and_says_that_it_was_cut(text: str, width: int) -> None:
    made = cut(text, width)
    assert cell_len(made) <= width
    assert made == text or made.endswith("…"[:width])


def test_ids_stay_whole_where_their_short_forms_would_look_alike() -> None:
    ids = ["ALPHA:SPOT_PAIR:BTC-USDT", "BETA:SPOT_PAIR:BTC-USDT"]
    column = Column("instrument", "instrument", Kind.ID)
    same_payload = TableView("any", "", (column,), tuple((cells.instrument(each),) for each in ids))
    assert fit(same_payload, 20) is None
    other_payload = TableView("any", "", (column,), ((cells.instrument(ids[0]),),))
    fitted = fit(other_payload, 20)
    assert fitted is not None
    assert fitted.columns[0].is_short


def test_times_of_several_days_keep_their_dates() -> None:
    column = Column("at", "at", Kind.TIME)
    day_ns = 86_400_000_000_000
    view = TableView("any", "", (column,), ((cells.instant(0),), (cells.instant(day_ns),)))
    assert fit(view, 20) is None
    one_day = TableView("any", "", (column,), ((cells.instant(0),), (cells.instant(day_ns - 1),)))
    fitted = fit(one_day, 20)
    assert fitted is not None
    assert fitted.day == "1970-01-01"


def test_sorting_goes_by_value_and_leaves_empty_cells_last() -> None:
    column = Column("amount", "amount", Kind.AMOUNT)
    amounts = [Decimal(10), None, Decimal(9), Decimal(-1)]
    view = TableView("any", "", (column,), tuple((cells.amount(each),) for each in amounts))
    up = [row[0].value for row in view.sorted_by("amount").rows]
    down = [row[0].value for row in view.sorted_by("amount", descending=True).rows]
    assert up == [Decimal(-1), Decimal(9), Decimal(10), None]
    assert down == [Decimal(10), Decimal(9), Decimal(-1), None]
    with pytest.raises(KeyError, match="no column 'price'"):
        view.sorted_by("price")


def test_rows_must_fit_their_columns_and_report_names_be_unique() -> None:
    column = Column("a", "a")
    with pytest.raises(ValueError, match="2 cells for 1 columns"):
        TableView("any", "", (column,), ((cells.EMPTY, cells.EMPTY),))
    view = TableView("any", "", (column,), ())
    with pytest.raises(ValueError, match="two tables have one name"):
        Report.of("both", [view, view])


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (cells.amount, 1.5),
        (cells.amount, "1.5"),
        (cells.instant, "2025-12-08"),
        (cells.text, 5),
        (cells.document, "{}"),
        (cells.count, Decimal(1)),
    ],
)
def test_a_value_of_another_type_is_refused_and_not_guessed(make: Callable[[object], Cell], wrong: object) -> None:
    with pytest.raises(TypeError, match="is shown"):
        make(wrong)


def test_numbers_stand_right_and_words_left() -> None:
    assert Column("a", "a", Kind.AMOUNT).align is Align.RIGHT
    assert Column("a", "a", Kind.COUNT).align is Align.RIGHT
    assert Column("a", "a", Kind.ID).align is Align.LEFT
