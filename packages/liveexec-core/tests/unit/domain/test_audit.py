"""Which events the audit log tells of, and in which words: they are compared with rows that were written long ago."""

from attrs import fields

from liveexec.domain.audit import audit_rows
from liveexec.domain.codec import EVENT_TYPES
from liveexec.domain.record import Record
from support.builders import ALPHA_ACCOUNT, NOW_NS, SPOT
from support.runtime_history import ADOPTED, HISTORY, OTHER_ADOPTED

#: Who asks for an order, or for what changes one, is told by the order; these are no operators' events.
ORDERS_OWN = {"OrderReceived", "CancelRequested", "ReplaceRequested"}

WORDS = [
    ("attribute momentum-btc-v1", ADOPTED, "its client id came late", {}),
    ("attribute momentum-btc-v1", OTHER_ADOPTED, "an operator says so", {}),
    ("resolve CANCELED", OTHER_ADOPTED, "the venue says that it is gone", {}),
    ("state HALTED", f"INSTRUMENT:{SPOT}", "volatile", {}),
    ("clear OVERFILL", f"INSTRUMENT:{SPOT}", "looked at", {}),
    ("clear OVERFILL", f"INSTRUMENT:{SPOT}", "again", {}),
    ("accept drift", "position:a", "known", {"account": ALPHA_ACCOUNT, "theirs": "2"}),
    ("flatten", f"INSTRUMENT:{SPOT}", "", {"account": ALPHA_ACCOUNT}),
    ("flatten", f"INSTRUMENT:{SPOT}", "", {"account": "ALPHA-2"}),
    ("apply config", "abc123", "a higher limit", {}),
    ("state ACTIVE", f"INSTRUMENT:{SPOT}", "calm", {}),
]


def test_what_operators_did_in_a_history_of_every_event_is_told_in_these_words() -> None:
    rows = [
        row
        for position, step in enumerate(HISTORY, 1)
        for row in audit_rows(position, Record(step.stream, 1, step.events, "test", NOW_NS + position))
    ]
    assert [(row.action, row.subject, row.reason, dict(row.details)) for row in rows] == WORDS
    assert {row.principal for row in rows} == {"operator"}
    assert all(row.position is not None and row.at_ns == NOW_NS + row.position for row in rows)


def test_every_event_that_names_who_did_it_is_told() -> None:
    named = {
        name for name, kind in EVENT_TYPES.items() if any(each.name == "principal" for each in fields(kind))
    } - ORDERS_OWN
    told = {
        type(event).__name__
        for step in HISTORY
        for event in step.events
        if audit_rows(1, Record(step.stream, 1, (event,), "test", NOW_NS))
    }
    assert told == named
