"""Records as entries of the journal: what both stores keep, and how a batch is compared with what is kept."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from liveexec.domain.codec import decode_events, encode_events
from liveexec.domain.record import Record
from liveexec.domain.stored import AppendBatch, StoredRecord
from liveexec.errors import InvariantViolation

__all__ = ["Entry", "encode_entries", "entries_of", "is_in", "stored_record"]

_ENCODER: Final = msgspec.json.Encoder()
_ESCAPED_NUL: Final = rb"\u0000"
# Not after an odd number of backslashes: then it is a backslash and four zeros.
_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class Entry(msgspec.Struct):
    """A record with its place; named as the columns of ``journal`` are, ``events`` as JSON."""

    position: int
    stream: str
    sequence: int
    recorded_at: int
    cause: str
    events: msgspec.Raw


def entries_of(batch: AppendBatch) -> list[Entry]:
    """The entries that a batch makes.

    Raises:
        InvariantViolation: the batch has no records, or not as many encodings as records.
    """
    records, encoded = batch.records, batch.encoded
    if not records or (encoded is not None and len(encoded) != len(records)):
        raise InvariantViolation(f"shard {batch.shard}: batch {batch.batch} is empty or encoded in part")
    documents = encoded if encoded is not None else [encode_events(record.events) for record in records]
    return [
        Entry(position, record.stream, record.sequence, record.at_ns, record.cause, msgspec.Raw(_storable(document)))
        for position, (record, document) in enumerate(zip(records, documents, strict=True), start=batch.first_position)
    ]


def _storable(events: bytes) -> bytes:
    """Events without the escaped NUL, which PostgreSQL's JSON functions refuse: a venue's words must not stop us."""
    # Most have no backslash at all, which is told ten times as fast.
    return _NUL.sub(rb"\1\\ufffd", events) if b"\\" in events and _ESCAPED_NUL in events else events


def encode_entries(entries: Sequence[Entry]) -> bytes:
    """Entries as the JSON parameter of the append statement."""
    return _ENCODER.encode(entries)


def stored_record(entry: Entry, epoch: int) -> StoredRecord:
    """The record of an entry. Raises ``InvalidInput`` for events that this version of liveexec does not know."""
    events = decode_events(bytes(entry.events))
    return StoredRecord(
        entry.position, epoch, Record(entry.stream, entry.sequence, events, entry.cause, entry.recorded_at)
    )


def is_in(batch: AppendBatch, kept: Sequence[Entry]) -> bool:
    """Whether the entries kept at the batch's positions are the batch's own."""
    asked = entries_of(batch)
    return len(asked) == len(kept) and all(map(_is_same, asked, kept))


def _is_same(one: Entry, other: Entry) -> bool:
    # By value: the database keeps neither the spaces nor the order of keys.
    return (one.position, one.stream, one.sequence, one.recorded_at, one.cause) == (
        other.position,
        other.stream,
        other.sequence,
        other.recorded_at,
        other.cause,
    ) and msgspec.json.decode(one.events) == msgspec.json.decode(other.events)
