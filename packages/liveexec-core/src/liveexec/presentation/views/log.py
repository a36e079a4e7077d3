"""What happened, in order: one line per event, and the timeline of a single order."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from attrs import define

from liveexec.domain.codec import encode_json
from liveexec.domain.record import Event, Record
from liveexec.presentation import cells
from liveexec.presentation.cells import Cell
from liveexec.presentation.event_summary import summary_of, tone_of
from liveexec.presentation.formatting import Precision
from liveexec.presentation.table_view import ALWAYS, Column, Kind, Row, TableView
from liveexec.presentation.views.row_columns import counted

__all__ = ["LoggedEvent", "log_view", "logged_events", "timeline_view"]


@define(eq=False)
class LoggedEvent:
    """An event with where and when it was recorded: its stream (an order's or account's id), the sequence in it, the
    time in UTC nanoseconds, and the input that caused it."""

    stream: str
    sequence: int
    at_ns: int
    cause: str
    event: Event


_COLUMNS: Final = (
    Column("at", "time (UTC)", Kind.TIME),
    Column("stream", "subject", Kind.ID, priority=1, min_width=13),
    Column("sequence", "no.", Kind.COUNT, priority=3),
    Column("event", "event", priority=2),
    Column("summary", "what", min_width=40),
    Column("cause", "cause", Kind.ID, listed=False),
    Column("fields", "fields", Kind.DOCUMENT, listed=False),
)


def logged_events(record: Record) -> Iterator[LoggedEvent]:
    """The events of a record, each with its own sequence."""
    for offset, event in enumerate(record.events):
        yield LoggedEvent(record.stream, record.sequence + offset, record.at_ns, record.cause, event)


def log_view(events: Iterable[LoggedEvent], precision: Precision) -> TableView:
    """Events in the order in which they are handed in, which is that of the journal."""
    rows = [_row(each, precision) for each in events]
    return TableView(
        name="log",
        title="Log",
        columns=_COLUMNS,
        rows=tuple(rows),
        footer=counted(len(rows), "event") if rows else None,
        nothing="nothing happened",
    )


def timeline_view(events: Iterable[LoggedEvent], precision: Precision) -> TableView:
    """The events of one order; what happened goes on in the next line where it is long."""
    columns = {
        "at": Column("at", "time (UTC)", Kind.TIME),
        "stream": Column("stream", "order", Kind.ID, listed=False),
        "sequence": Column("sequence", "no.", Kind.COUNT, priority=3),
        "event": Column("event", "event", priority=2),
        "summary": Column("summary", "what", priority=ALWAYS, min_width=40, folds=True),
    }
    return TableView(
        name="timeline",
        title="Timeline",
        columns=tuple(columns.get(column.id, column) for column in _COLUMNS),
        rows=tuple(_row(each, precision) for each in events),
        nothing="nothing happened",
    )


def _row(logged: LoggedEvent, precision: Precision) -> Row:
    event = logged.event
    fields: dict[str, Any] = msgspec.json.decode(encode_json(event))
    said = summary_of(event, precision)
    return (
        cells.instant(logged.at_ns),
        cells.identifier(logged.stream),
        cells.count(logged.sequence),
        cells.text(type(event).__name__),
        Cell(said, said, said, tone=tone_of(event)),
        cells.identifier(logged.cause),
        cells.document(fields),
    )
