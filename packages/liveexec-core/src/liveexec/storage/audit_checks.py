"""What is wrong with an audit log: its chain walked row by row, and its rows held against the journal's events.

The chain finds what was changed, moved or taken out in its middle by whoever did not hash all that follows anew. The
journal finds the rest: a tail that was cut off, a log that was emptied, a chain that was hashed anew. No I/O here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from attrs import define, frozen

from liveexec.domain.stored import AuditRow
from liveexec.storage.audit import EMPTY_CHAIN, chain_hash, content_of
from liveexec.storage.rows import Row

__all__ = ["ChainCheck", "ChainRow", "Finding", "Problem", "journal_findings", "journal_gap"]


class Problem(StrEnum):
    """What is wrong with a row, or with the place where one should be."""

    CHANGED = "changed"
    MISSING = "missing"
    OUT_OF_ORDER = "out of order"
    NOT_LINKED = "not linked"
    NOT_IN_JOURNAL = "not in the journal"
    #: The journal itself lacks records, so that nobody can say what the audit log has to tell there.
    JOURNAL_GAP = "gap in the journal"


@frozen
class Finding:
    """One thing that is wrong: at which row of the chain, at which position of the journal, as far as each is known."""

    problem: Problem
    sequence: int | None
    position: int | None
    detail: str


@frozen
class ChainRow:
    """A row of ``audit_log`` as it is stored, whatever somebody made of it; ``content`` is what it says of an action,
    in the form of :func:`liveexec.storage.audit.content_of`."""

    sequence: int
    position: int | None
    content: Row
    previous_hash: bytes
    hash: bytes

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "ChainRow":
        """The row of its columns; a position may be left out."""
        content = {"position": row.get("position"), **{name: row[name] for name in _SAID}}
        return cls(row["sequence"], content["position"], content, row["previous_hash"], row["hash"])

    @property
    def has_its_hash(self) -> bool:
        """Whether the hash is that of what the row says."""
        details = self.content["details"]
        # Ours hold text alone; what else somebody may write there need not even have a form that could be hashed.
        if not isinstance(details, dict) or not all(isinstance(each, str) for each in details.values()):
            return False
        return chain_hash(self.previous_hash, {"sequence": self.sequence, **self.content}) == self.hash


_SAID: Final = ("recorded_at", "principal", "action", "subject", "reason", "details")


@frozen
class _Place:
    sequence: int
    position: int


_START: Final = _Place(0, 0)


@define(eq=False)
class ChainCheck:
    """Walks one chain from its beginning; rows are handed in by rising sequence. ``rows`` counts them.

    Each row is checked against the stored hash before it and not against a computed one, so that one row that was
    changed is one finding, and the rows after it are not blamed.
    """

    rows: int = 0
    _sequence: int = 0
    #: The hash that the next row has to name; ``None`` after rows that are missing.
    _hash: bytes | None = EMPTY_CHAIN.hash
    #: The last two rows whose positions rise.
    _before: _Place = _START
    _last: _Place = _START

    def check(self, row: ChainRow) -> Iterator[Finding]:
        """What is wrong with the next row, and with what should stand between it and the one before."""
        self.rows += 1
        sequence, position = row.sequence, row.position
        if sequence < 1:
            yield Finding(Problem.OUT_OF_ORDER, sequence, position, "a chain begins with row 1")
            return
        if sequence > self._sequence + 1:
            yield _missing_rows(self._sequence + 1, sequence - 1)
            self._hash = None
        if not row.has_its_hash:
            yield Finding(Problem.CHANGED, sequence, position, "its hash is not that of what it says")
        elif self._hash is not None and row.previous_hash != self._hash:
            before = f"row {sequence - 1}" if sequence > 1 else "an empty chain"
            yield Finding(Problem.NOT_LINKED, sequence, position, f"it does not name the hash of {before}")
        if position is not None:
            yield from self._order(_Place(sequence, position))
        self._sequence, self._hash = sequence, row.hash

    def _order(self, place: _Place) -> Iterator[Finding]:
        """Positions rise along a chain. Where they fall, the odd row is the one without which they rise: the one
        before, which came too soon, else this one, which came too late."""
        if place.position >= self._last.position:
            self._before, self._last = self._last, place
            return
        odd, kept = (self._last, place) if place.position >= self._before.position else (place, self._last)
        detail = f"row {place.sequence} tells of an earlier position than row {self._last.sequence}"
        yield Finding(Problem.OUT_OF_ORDER, odd.sequence, odd.position, detail)
        self._last = kept


def _missing_rows(first: int, last: int) -> Finding:
    which = f"row {first} is" if first == last else f"rows {first} to {last} are"
    return Finding(Problem.MISSING, first, None, f"{which} not there")


def journal_gap(after: int, before: int) -> Iterator[Finding]:
    """What to say of a journal that has no record between two positions; nothing where they follow each other."""
    first, last = after + 1, before - 1
    if first <= last:
        which = f"record {first} is" if first == last else f"records {first} to {last} are"
        yield Finding(Problem.JOURNAL_GAP, None, first, f"{which} not there")


def journal_findings(
    actions: Iterable[AuditRow], rows: Iterable[ChainRow], projected_through: int
) -> Iterator[Finding]:
    """Rows of the log against what the journal tells of the same range of positions; all of them have a position.

    What is not projected yet need not have its row, but a row must have its event in any case.
    """
    told: dict[int, list[AuditRow]] = {}
    for action in actions:
        assert action.position is not None
        told.setdefault(action.position, []).append(action)
    stored: dict[int, list[ChainRow]] = {}
    for row in rows:
        assert row.position is not None
        stored.setdefault(row.position, []).append(row)
    for position in sorted({*told, *stored}):
        for finding in _compare(position, told.get(position, []), stored.get(position, [])):
            if finding.problem is not Problem.MISSING or position <= projected_through:
                yield finding


def _compare(position: int, actions: Sequence[AuditRow], rows: Sequence[ChainRow]) -> Iterator[Finding]:
    """The rows of one journal record, which may tell of several actions, against the record."""
    wanted = [content_of(action) for action in actions]
    if [row.content for row in rows] == wanted:
        return
    # What is there as it should be is no part of the trouble, wherever among these rows it stands.
    lacking, odd = list(wanted), []
    for row in rows:
        if row.content in lacking:
            lacking.remove(row.content)
        else:
            odd.append(row)
    if not odd and not lacking:
        for row, expected in zip(rows, wanted, strict=True):
            if row.content != expected:
                detail = f"here the journal has {_told(expected)}"
                yield Finding(Problem.OUT_OF_ORDER, row.sequence, position, detail)
    for row, expected in zip(odd, lacking, strict=False):
        yield Finding(Problem.CHANGED, row.sequence, position, _differences(row.content, expected))
    for row in odd[len(lacking) :]:
        yield Finding(Problem.NOT_IN_JOURNAL, row.sequence, position, _told(row.content))
    for expected in lacking[len(odd) :]:
        yield Finding(Problem.MISSING, None, position, _told(expected))


def _differences(content: Row, expected: Row) -> str:
    return "; ".join(
        f"{name} is {_shown(content[name])}, the journal has {_shown(value)}"
        for name, value in expected.items()
        if content[name] != value
    )


def _told(content: Row) -> str:
    return f"{content['principal']}: {content['action']} {content['subject']}"


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)
