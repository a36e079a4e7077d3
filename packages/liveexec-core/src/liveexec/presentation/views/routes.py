"""Why an order went where it went: every venue that was considered, and what of the order it got."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from liveexec.domain.ids import venue_of
from liveexec.domain.order_event import RouteCandidate, Routed, RouteLeg
from liveexec.presentation.formatting import Precision
from liveexec.presentation.table_view import TableView
from liveexec.presentation.views.row_columns import As, PlainRow, column, counted, table_of

__all__ = ["route_view", "routed_from_document"]

_COLUMNS: Final = (
    column("venue", "venue"),
    column("account_id", "account", As.ID, priority=5, min_width=8),
    column("canonical_id", "instrument", As.INSTRUMENT, listed=False),
    column("sent", "gets", As.QUANTITY),
    column("score", "all in", As.AVERAGE, priority=1),
    column("price", "price", As.AVERAGE, priority=2),
    column("fee", "fee", As.DERIVED, priority=3),
    column("slippage", "slippage", As.DERIVED, priority=3),
    column("latency_penalty", "latency", As.DERIVED, priority=4),
    column("left_out", "left out because", priority=1, min_width=20),
)


def routed_from_document(document: Any) -> Routed:
    """The decision from the ``routing`` column of ``unified_orders``."""
    return msgspec.convert(document, Routed)


def route_view(routed: Routed, precision: Precision) -> TableView:
    """The candidates of a routing decision in the order in which they were considered.

    ``all in`` is the price of a unit with slippage, fee and latency penalty, in quote currency: a buyer seeks the
    lowest, a seller the highest. A leg whose venue was not among the candidates has a line too.
    """
    rows = list(_rows(routed))
    legs = sum(1 for row in rows if row["sent"] is not None)
    return table_of(
        "route",
        "Route",
        _COLUMNS,
        rows,
        precision,
        caption=f"policy {routed.policy}: {counted(legs, 'leg')} of {counted(len(rows), 'candidate')}",
        nothing="not routed",
    )


def _rows(routed: Routed) -> Iterator[PlainRow]:
    sent = {(leg.instrument_id, leg.account_id): leg for leg in routed.legs}
    for candidate in routed.candidates:
        leg = sent.pop((candidate.instrument_id, candidate.account_id), None) if candidate.account_id else None
        yield _row(candidate, leg.quantity if leg is not None else None)
    for leg in sent.values():
        yield _row(_unscored(leg), leg.quantity)


def _unscored(leg: RouteLeg) -> RouteCandidate:
    return RouteCandidate(leg.instrument_id, leg.account_id, None, None, None, None, None)


def _row(candidate: RouteCandidate, sent: Decimal | None) -> PlainRow:
    return {
        "venue": venue_of(candidate.instrument_id),
        "account_id": candidate.account_id,
        "canonical_id": candidate.instrument_id,
        "sent": sent,
        "score": candidate.score,
        "price": candidate.price,
        "fee": candidate.fee,
        "slippage": candidate.slippage,
        "latency_penalty": candidate.latency_penalty,
        "left_out": candidate.left_out,
    }
