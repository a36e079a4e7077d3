"""HTML for notebooks: a table with everything escaped and no style sheet needed."""

from html import escape
from typing import TYPE_CHECKING, Final

from liveexec.presentation.cells import Cell, Tone
from liveexec.presentation.formatting import single_line

if TYPE_CHECKING:  # a TableView shows itself through this module
    from liveexec.presentation.table_view import Column, TableView

__all__ = ["table_html"]

_TONE_STYLES: Final = {
    Tone.PLAIN: "",
    Tone.GOOD: "color:#1a7f37",
    Tone.BAD: "color:#cf222e",
    Tone.WARNING: "color:#9a6700;font-weight:bold",
    Tone.MUTED: "opacity:0.65",
}


def table_html(view: "TableView") -> str:
    """The view as one ``<table>``: the columns that people see, and the exact value as a tool tip where it differs."""
    shown = view.shown()
    head = "".join(_head(view.columns[index]) for index in shown)
    body = "\n".join(
        f"<tr>{''.join(_data(view.columns[index], row[index]) for index in shown)}</tr>" for row in view.rows
    )
    if not view.rows:
        body = f'<tr><td colspan="{max(1, len(shown))}">{escape(view.nothing)}</td></tr>'
    caption = " — ".join(filter(None, (view.title, view.caption)))
    footer = (
        f'\n<tfoot><tr><td colspan="{max(1, len(shown))}">{escape(view.footer)}</td></tr></tfoot>'
        if view.footer
        else ""
    )
    return (
        f'<table class="liveexec liveexec-{escape(view.name)}">\n<caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>{footer}\n</table>"
    )


def _head(column: "Column") -> str:
    return f'<th scope="col" style="text-align:{column.align}">{escape(column.title)}</th>'


def _data(column: "Column", cell: Cell) -> str:
    style = ";".join(filter(None, (f"text-align:{column.align}", _TONE_STYLES[cell.tone])))
    exact = single_line(cell.exact)
    tip = f' title="{escape(exact)}"' if cell.text and exact != cell.text else ""
    return f'<td style="{style}"{tip}>{escape(cell.text)}</td>'
