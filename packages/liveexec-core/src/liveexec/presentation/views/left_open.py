"""What a reconciliation leaves open: orders in doubt, and what a dry run would have sent."""

from collections.abc import Iterable
from typing import Final

from liveexec.presentation.table_view import TableView
from liveexec.presentation.views.row_columns import As, PlainRow, column, counted, table_of

__all__ = ["left_open_view"]

_COLUMNS: Final = (
    column("what", "what"),
    column("account_id", "account", As.ID),
    column("instrument_id", "instrument", As.INSTRUMENT),
    column("order", "order", As.ID),
)


def left_open_view(rows: Iterable[PlainRow], *, dry_run: bool) -> TableView:
    """Orders whose fate is unknown, and of a dry run the requests that it held back: what, where, and which order."""
    shown = list(rows)
    title = "Left open, or not sent in this dry run" if dry_run else "Left open"
    footer = counted(len(shown), "order") if shown else None
    return table_of("open", title, _COLUMNS, shown, {}, footer=footer, nothing="nothing is left open")
