"""What a host holds, as tables: the views that listings show, made of memory instead of rows that were read.

In a notebook results, orders and what is made of them render as such tables (:func:`install_in_notebook`).
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from decimal import localcontext
from types import MappingProxyType
from typing import Any, Final

from liveexec.domain.instrument import Listing
from liveexec.domain.ledger import PositionKey
from liveexec.domain.money import MONEY
from liveexec.domain.order import Order
from liveexec.domain.position import Position
from liveexec.domain.result import ExecutionResult
from liveexec.domain.stored import FillRow
from liveexec.presentation.formatting import Places, Precision
from liveexec.presentation.renderers.html import table_html
from liveexec.presentation.renderers.plain import plain_text
from liveexec.presentation.table_view import Report, TableView
from liveexec.presentation.views.fills import fills_view
from liveexec.presentation.views.orders import order_view, orders_view
from liveexec.presentation.views.positions import PositionsBy, positions_by_view
from liveexec.presentation.views.results import result_view
from liveexec.storage.rows import fill_row, position_row, row_of

__all__ = ["install_in_notebook", "orders_table", "positions_table", "precision_of"]

_ANY: Final[Precision] = {}


def precision_of(listings: Iterable[Listing]) -> Precision:
    """The places that each instrument's amounts are shown with, as its venue lists it."""
    return {each.instrument_id: Places.of(each.ticks.finest, each.lot) for each in listings}


def orders_table(orders: Iterable[Order], precision: Precision = _ANY) -> TableView:
    """Orders, newest first."""
    rows = sorted(map(row_of, orders), key=lambda row: (row["created_at"], row["order_id"]), reverse=True)
    return orders_view(rows, precision)


def positions_table(
    positions: Mapping[PositionKey, Position], precision: Precision = _ANY, by: PositionsBy = PositionsBy.STRATEGY
) -> TableView:
    """Positions by strategy, unless told otherwise; without a market they have no price."""
    with localcontext(MONEY):
        rows = [
            position_row(account_id, strategy_id, position, None)
            for (account_id, strategy_id, _), position in positions.items()
        ]
    return positions_by_view(rows, by, precision)


def install_in_notebook() -> bool:
    """Have the notebook that this runs in render what a host hands out; whether there is one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    formatters = getattr(getattr(shell, "display_formatter", None), "formatters", None)
    if formatters is None:
        return False
    for kind, view in _VIEWS.items():
        formatters["text/html"].for_type(kind, _html_of(view))
        formatters["text/plain"].for_type(kind, _plain_of(view))
    return True


def _order_report(order: Order) -> Report:
    fills = [
        fill_row(FillRow(order.account_id, order.strategy_id, order.order_id, fill, False, fill.venue_time_ns))
        for fill in (order.fills or {}).values()
        if order.account_id is not None
    ]
    return Report.of("order", [order_view(row_of(order), _ANY), fills_view(fills, _ANY)])


def _mapping_view(values: Mapping[Any, Any]) -> TableView | None:
    """What ``live.orders`` and ``live.positions`` hold; nothing of any other read-only mapping."""
    found = list(values.values())
    if found and all(isinstance(each, Order) for each in found):
        return orders_table(found)
    if found and all(isinstance(each, Position) for each in found):
        return positions_table(values)
    return None


#: How each kind of thing is shown; ``None`` leaves it to its repr.
_VIEWS: Final[Mapping[type[Any], Callable[[Any], TableView | Report | None]]] = {
    ExecutionResult: result_view,
    Order: _order_report,
    MappingProxyType: _mapping_view,
    TableView: lambda view: view,
    Report: lambda report: report,
}


def _html_of(view: Callable[[Any], TableView | Report | None]) -> Callable[[Any], str | None]:
    def html(value: Any) -> str | None:
        shown = view(value)
        if shown is None:
            return None
        views = shown.views if isinstance(shown, Report) else (shown,)
        return "\n".join(table_html(each) for each in views)

    return html


def _plain_of(view: Callable[[Any], TableView | Report | None]) -> Callable[[Any, Any, bool], None]:
    def pretty(value: Any, printer: Any, cycle: bool) -> None:
        shown = view(value) if not cycle else None
        printer.text(plain_text(shown) if shown is not None else repr(value))

    return pretty
