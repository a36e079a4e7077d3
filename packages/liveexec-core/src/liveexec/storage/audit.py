"""The audit log: operators' actions, one hash chain per shard.

Each row's hash covers its content and the hash before it (SHA-256 over JSON with sorted keys), so that a row that was
changed, taken out or put in between breaks the chain. :mod:`liveexec.storage.audit_checks` has what verifies it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from attrs import frozen

from liveexec.domain.stored import AuditRow
from liveexec.storage.rows import Row, storable_text

__all__ = ["EMPTY_CHAIN", "ChainEnd", "chain_hash", "chained_rows", "content_of"]

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


@frozen
class ChainEnd:
    """The last row of a shard's chain, and the last journal position that the chain tells of."""

    sequence: int
    hash: bytes
    position: int


EMPTY_CHAIN: Final = ChainEnd(0, bytes(32), 0)


def chain_hash(previous: bytes, row: Mapping[str, Any]) -> bytes:
    """The hash of a row (its columns but ``shard`` and the hashes) that follows a row with the hash ``previous``."""
    content = {
        name: row[name]
        for name in ("sequence", "position", "recorded_at", "principal", "action", "subject", "reason", "details")
    }
    return hashlib.sha256(previous + _ENCODER.encode(content)).digest()


def content_of(action: AuditRow) -> Row:
    """What a row of ``audit_log`` says of an action, beside its place in the chain."""
    return {
        "position": action.position,
        "recorded_at": action.at_ns,
        "principal": storable_text(action.principal),
        "action": storable_text(action.action),
        "subject": storable_text(action.subject),
        "reason": storable_text(action.reason),
        "details": {name: storable_text(detail) for name, detail in action.details.items()},
    }


def chained_rows(end: ChainEnd, actions: Iterable[AuditRow]) -> list[Row]:
    """Rows of ``audit_log`` that continue a chain, hashes in hex.

    Actions of journal positions that the chain tells of already are left out: a rebuild writes nothing twice.
    """
    sequence, previous = end.sequence, end.hash
    rows = []
    for action in actions:
        if action.position is not None and action.position <= end.position:
            continue
        sequence += 1
        row: Row = {"sequence": sequence, **content_of(action)}
        hashed = chain_hash(previous, row)
        rows.append({**row, "previous_hash": previous.hex(), "hash": hashed.hex()})
        previous = hashed
    return rows
