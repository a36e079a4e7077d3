"""A running host as its operator sees it: how it stands, its venues, and what holds orders back."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from liveexec.presentation import cells
from liveexec.presentation.cells import Cell, Tone
from liveexec.presentation.formatting import Places
from liveexec.presentation.table_view import Column, Layout, Report, TableView
from liveexec.presentation.views.row_columns import As, PlainRow, RowColumn, column, table_of

__all__ = ["risk_report", "status_view", "venues_view"]

_TONES: Final = {
    "ACTIVE": Tone.GOOD,
    "WRITING": Tone.GOOD,
    "RECONCILING": Tone.WARNING,
    "CONNECTING": Tone.WARNING,
    "REDUCING": Tone.WARNING,
}


def _state(key: str, title: str) -> RowColumn:
    def make(row: PlainRow, _: Places | None) -> Cell:
        value = row.get(key)
        return cells.text(value, _TONES.get(str(value), Tone.BAD) if value else Tone.PLAIN)

    return RowColumn(Column(key, title), make)


_STATUS: Final = (
    column("shard", "shard", As.ID),
    column("pid", "process", As.COUNT),
    column("mode", "mode"),
    _state("trading", "trading"),
    _state("journal", "journal"),
    column("position", "records", As.COUNT),
    column("behind", "tables behind", As.COUNT),
    column("in_flight", "requests in flight", As.COUNT),
    column("orders", "orders in memory", As.COUNT),
    column("open", "open", As.COUNT),
    column("unknown", "of unknown fate", As.COUNT),
    column("latches", "latches", As.COUNT),
    column("drifts", "drifts", As.COUNT),
    column("venues", "sessions"),
    column("error", "error", folds=True),
)
_VENUES: Final = (
    column("venue", "venue"),
    column("account_id", "account", As.ID),
    _state("session", "session"),
    _state("phase", "account is"),
    column("listings", "listings", As.COUNT, priority=2),
    column("open", "open orders", As.COUNT),
    column("unknown", "of unknown fate", As.COUNT, priority=1),
    column("error", "last error", priority=3, folds=True),
)
_HELD: Final = (
    column("scope", "scope", As.ID),
    column("what", "what holds"),
    column("by", "set by", priority=1),
    column("reason", "reason", folds=True),
)
_EXPOSURE: Final = (
    column("product_id", "product", As.INSTRUMENT),
    column("net", "net", As.AMOUNT),
    column("working_buys", "working buys", As.AMOUNT),
    column("working_sells", "working sells", As.AMOUNT),
    column("orders", "orders", As.COUNT),
)


def status_view(status: Mapping[str, Any]) -> TableView:
    """A host's status as a record."""
    return table_of("status", "Host", _STATUS, [status], {}, layout=Layout.RECORD)


def venues_view(venues: Iterable[Mapping[str, Any]]) -> TableView:
    """A host's venues and accounts."""
    return table_of("venues", "Venues", _VENUES, venues, {}, nothing="no venues")


def risk_report(risk: Mapping[str, Any]) -> Report:
    """What holds orders back, and what is held and works by product."""
    held = table_of("held", "Held back", _HELD, risk["held"], {}, nothing="nothing is held back")
    exposure = [{**row, **{key: _amount(row[key]) for key in _AMOUNTS}} for row in risk["exposure"]]
    return Report.of("risk", [held, table_of("exposure", "Exposure", _EXPOSURE, exposure, {}, nothing="no exposure")])


_AMOUNTS: Final = ("net", "working_buys", "working_sells")


def _amount(text: str) -> Decimal:

    return Decimal(text)
