"""What the journal tells the audit log: one row for each thing that an operator did.

The projector writes these rows, and a verification asks whether they are there, so both ask here. The words are for
good, as the names of events are: rows that were written years ago are compared with what their events give today.
"""

from typing import Final, TypeIs, assert_never, get_args

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.money import canonical
from liveexec.domain.record import Event, Record
from liveexec.domain.stored import AuditRow

__all__ = ["audit_rows"]

_Audited = (
    acc.StateChanged
    | acc.LatchCleared
    | acc.DriftAccepted
    | acc.FlattenRequested
    | acc.ConfigApplied
    | ev.Adjusted
    | ev.Reattributed
)
_AUDITED: Final = frozenset(get_args(_Audited))


def audit_rows(position: int, record: Record) -> list[AuditRow]:
    """The rows of the record at a journal position, in the order of its events; most records have none."""
    return [_row(position, record, event) for event in record.events if _is_audited(event)]


def _is_audited(event: Event) -> TypeIs[_Audited]:
    # Asked of every event that there is, and quicker than isinstance is with so many classes.
    return type(event) in _AUDITED


def _row(position: int, record: Record, event: _Audited) -> AuditRow:
    at_ns, stream = record.at_ns, record.stream
    match event:
        case acc.StateChanged(principal=who, reason=why):
            return AuditRow(at_ns, who, f"state {event.state}", str(event.scope), why, position=position)
        case acc.LatchCleared(principal=who, reason=why):
            return AuditRow(at_ns, who, f"clear {event.code}", str(event.scope), why, position=position)
        case acc.DriftAccepted(principal=who, reason=why):
            details = {"account": event.account_id, "theirs": canonical(event.theirs)}
            return AuditRow(at_ns, who, "accept drift", event.subject, why, details, position)
        case acc.FlattenRequested(principal=who):
            # Why is said once, by the state that the same decision set.
            return AuditRow(at_ns, who, "flatten", str(event.scope), "", {"account": event.account_id}, position)
        case acc.ConfigApplied(principal=who, summary=why):
            return AuditRow(at_ns, who, "apply config", event.config_hash, why, position=position)
        case ev.Adjusted(principal=who, reason=why):
            return AuditRow(at_ns, who, f"resolve {event.resolution}", stream, why, position=position)
        case ev.Reattributed(principal=who, reason=why):
            return AuditRow(at_ns, who, f"attribute {event.strategy_id}", stream, why, position=position)
        case _:
            assert_never(event)
