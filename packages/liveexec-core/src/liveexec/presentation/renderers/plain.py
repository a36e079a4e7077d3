"""Plain text: what a terminal shows, without colour and, unless a width is asked for, without a limit to its lines.

This is what goes into pipes and files: nothing is shortened there, so that ``grep`` finds whole ids.
"""

import io

from rich.cells import cell_len
from rich.console import Console

from liveexec.presentation.fitting import fit
from liveexec.presentation.renderers import terminal
from liveexec.presentation.table_view import Report, TableView

__all__ = ["plain_text"]


def plain_text(shown: TableView | Report, width: int | None = None) -> str:
    """The view as text, each line without blanks at its end."""
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=width or _natural_width(shown),
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        legacy_windows=False,
    )
    console.print(terminal.renderable(shown, width))
    return "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())


def _natural_width(shown: TableView | Report) -> int:
    if isinstance(shown, Report):
        return max((_natural_width(view) for view in shown.views), default=1)
    fitted = fit(shown, None)
    assert fitted is not None
    texts = [shown.title, shown.caption or "", shown.footer or "", shown.nothing]
    titles = max((cell_len(column.title) for column in shown.columns), default=0)
    values = max((cell_len(cell.text) for row in shown.rows for cell in row), default=0)
    return max(1, fitted.width, titles + 2 + values, *map(cell_len, texts))
