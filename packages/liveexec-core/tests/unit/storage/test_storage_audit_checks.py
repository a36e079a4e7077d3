"""The audit log's chain, and the log against the journal: whatever was changed, taken out or moved is named."""

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.stored import AuditRow
from liveexec.storage.audit import EMPTY_CHAIN, chain_hash, chained_rows
from liveexec.storage.audit_checks import ChainCheck, ChainRow, Finding, Problem, journal_findings, journal_gap

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
ACTIONS = st.builds(
    AuditRow,
    at_ns=st.integers(0, 2**62),
    principal=TEXT,
    action=TEXT,
    subject=TEXT,
    reason=TEXT,
    details=st.dictionaries(TEXT, TEXT, max_size=2),
)


def _placed(drawn: Sequence[tuple[AuditRow, int | None]]) -> list[AuditRow]:
    position, actions = 1, []
    for action, step in drawn:
        position += step or 0
        actions.append(attrs.evolve(action, position=None if step is None else position))
    return actions


#: Some actions have a record of the journal, which may tell of several; others have none.
HISTORIES = st.lists(st.tuples(ACTIONS, st.sampled_from((0, 1, 1, 3, None))), min_size=1, max_size=7).map(_placed)
JOURNALED = st.lists(st.tuples(ACTIONS, st.sampled_from((0, 1, 1, 3))), min_size=1, max_size=7).map(_placed)


def stored(actions: Iterable[AuditRow]) -> list[ChainRow]:
    """The rows of actions, as they are read back."""
    return [
        ChainRow.of(row | {name: bytes.fromhex(str(row[name])) for name in ("previous_hash", "hash")})
        for row in chained_rows(EMPTY_CHAIN, actions)
    ]


def rehashed(rows: Sequence[ChainRow]) -> list[ChainRow]:
    """The same contents as a chain of their own, as somebody who knows how it is made would leave it."""
    previous, made = EMPTY_CHAIN.hash, []
    for sequence, row in enumerate(rows, 1):
        digest = chain_hash(previous, {"sequence": sequence, **row.content})
        made.append(attrs.evolve(row, sequence=sequence, previous_hash=previous, hash=digest))
        previous = digest
    return made


def with_content(row: ChainRow, **changes: object) -> ChainRow:
    content = row.content | changes
    position = content["position"]
    assert position is None or isinstance(position, int)
    return attrs.evolve(row, content=content, position=position)


def chain_findings(rows: Iterable[ChainRow]) -> list[Finding]:
    chain = ChainCheck()
    return [finding for row in sorted(rows, key=lambda row: row.sequence) for finding in chain.check(row)]


def told(findings: Iterable[Finding]) -> list[tuple[str, int | None, int | None]]:
    return [(str(finding.problem), finding.sequence, finding.position) for finding in findings]


def action(number: int, position: int | None = -1, **changes: Any) -> AuditRow:
    values: dict[str, Any] = {"principal": "anna", "action": "kill", "subject": "GLOBAL", "reason": f"why {number}"}
    return AuditRow(number, **(values | changes), position=number if position == -1 else position)


FIVE = [action(number) for number in range(1, 6)]


@given(HISTORIES)
def test_a_chain_as_it_was_written_has_no_finding(actions: list[AuditRow]) -> None:
    rows = stored(actions)
    assert chain_findings(rows) == []
    placed = [each for each in actions if each.position is not None]
    assert list(journal_findings(placed, [row for row in rows if row.position is not None], 10**6)) == []


@given(HISTORIES, st.data())
def test_any_change_of_any_field_of_any_row_is_found_at_that_row(actions: list[AuditRow], data: st.DataObject) -> None:
    rows = stored(actions)
    index = data.draw(st.integers(0, len(rows) - 1))
    row = rows[index]
    name = data.draw(st.sampled_from(("previous_hash", "hash", *row.content)))
    values: dict[str, st.SearchStrategy[Any]] = {
        "previous_hash": st.binary(max_size=40),
        "hash": st.binary(max_size=40),
        "position": st.none() | st.integers(-(2**63), 2**63 - 1),
        "recorded_at": st.integers(-(2**63), 2**63 - 1),
        "details": st.dictionaries(TEXT, TEXT, max_size=2) | st.sampled_from([None, [], {"n": 10**30}, {"a": {}}]),
    }
    before = row.content[name] if name in row.content else getattr(row, name)
    changed = data.draw(values.get(name, TEXT).filter(lambda value: value != before))
    rows[index] = with_content(row, **{name: changed}) if name in row.content else attrs.evolve(row, **{name: changed})
    findings = chain_findings(rows)
    assert (Problem.CHANGED, row.sequence) in {(finding.problem, finding.sequence) for finding in findings}


@given(JOURNALED, st.data())
def test_a_chain_that_was_hashed_anew_after_a_change_is_found_at_that_row(
    actions: list[AuditRow], data: st.DataObject
) -> None:
    rows = stored(actions)
    index = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(("principal", "action", "subject", "reason")))
    changed = data.draw(TEXT.filter(lambda value: value != rows[index].content[name]))
    rows[index] = with_content(rows[index], **{name: changed})
    rows = rehashed(rows)
    assert chain_findings(rows) == []
    found = list(journal_findings(actions, rows, 10**6))
    assert {finding.position for finding in found} == {rows[index].position}


@given(HISTORIES, st.data())
def test_rows_taken_out_are_found_by_the_chain_but_at_its_end(actions: list[AuditRow], data: st.DataObject) -> None:
    rows = stored(actions)
    kept = data.draw(st.sets(st.sampled_from(range(len(rows))), min_size=1))
    last = max(kept)
    findings = chain_findings(rows[index] for index in kept)
    missing = {finding.sequence for finding in findings if finding.problem is Problem.MISSING}
    gone = {index + 1 for index in range(last) if index not in kept}
    # A run of missing rows is one finding, named by its first.
    assert missing == {number for number in gone if number - 1 not in gone}


def test_one_changed_row_is_one_finding() -> None:
    rows = stored(FIVE)
    rows[1] = with_content(rows[1], reason="another")
    assert told(chain_findings(rows)) == [("changed", 2, 2)]
    (finding,) = journal_findings(FIVE, rows, 5)
    assert finding == Finding(Problem.CHANGED, 2, 2, "reason is 'another', the journal has 'why 2'")


def test_a_changed_row_with_a_hash_of_its_own_breaks_the_link_of_the_next() -> None:
    rows = stored(FIVE)
    rows[:2] = rehashed([rows[0], with_content(rows[1], reason="another")])
    assert told(chain_findings(rows)) == [("not linked", 3, 3)]


def test_a_first_row_follows_nothing() -> None:
    (row,) = stored([action(1)])
    content: dict[str, object] = {"sequence": 1, **row.content}
    other = attrs.evolve(row, previous_hash=b"\1" * 32, hash=chain_hash(b"\1" * 32, content))
    assert [finding.detail for finding in chain_findings([other])] == ["it does not name the hash of an empty chain"]


@pytest.mark.parametrize(
    ("order", "odd"),
    [
        ([1, 3, 2, 4, 5], [2]),
        ([5, 1, 2, 3, 4], [1]),
        ([2, 3, 4, 5, 1], [5]),
        ([1, 5, 3, 4, 2], [2, 5]),
    ],
)
def test_rows_that_were_moved_in_a_chain_that_was_hashed_anew_are_named(order: list[int], odd: list[int]) -> None:
    rows = stored(FIVE)
    moved = rehashed([rows[number - 1] for number in order])
    assert told(chain_findings(moved)) == [("out of order", sequence, order[sequence - 1]) for sequence in odd]
    assert list(journal_findings(FIVE, sorted(moved, key=lambda row: row.position or 0), 5)) == []


def test_rows_that_changed_places_are_found() -> None:
    rows = stored(FIVE)
    rows[1], rows[2] = attrs.evolve(rows[1], sequence=3), attrs.evolve(rows[2], sequence=2)
    assert told(chain_findings(rows)) == [
        ("changed", 2, 3), ("changed", 3, 2), ("out of order", 2, 3), ("not linked", 4, 4),
    ]  # fmt: skip


def test_rows_before_the_first_are_out_of_order() -> None:
    rows = stored(FIVE)
    odd = [attrs.evolve(rows[0], sequence=0), attrs.evolve(rows[0], sequence=-(2**63))]
    assert told(chain_findings([*rows, *odd])) == [("out of order", -(2**63), 1), ("out of order", 0, 1)]


def test_a_run_of_missing_rows_is_one_finding() -> None:
    rows = stored(FIVE)
    assert [(finding.sequence, finding.detail) for finding in chain_findings([rows[1], rows[4]])] == [
        (1, "row 1 is not there"),
        (3, "rows 3 to 4 are not there"),
    ]


def test_what_the_journal_tells_of_must_have_its_row_once_it_is_projected() -> None:
    rows = stored(FIVE)
    found = list(journal_findings(FIVE, rows[:2], 4))
    assert found == [
        Finding(Problem.MISSING, None, 3, "anna: kill GLOBAL"),
        Finding(Problem.MISSING, None, 4, "anna: kill GLOBAL"),
    ]


def test_a_row_must_have_its_event_even_where_nothing_is_projected() -> None:
    assert told(journal_findings(FIVE[:3], stored(FIVE), 0)) == [
        ("not in the journal", 4, 4), ("not in the journal", 5, 5),
    ]  # fmt: skip


RECORD = [action(number, 7) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("order", "findings"),
    [
        ([1, 2, 3], []),
        ([1, 3], [("missing", None, 7)]),
        ([], [("missing", None, 7)] * 3),
        ([1, 2, 3, 3], [("not in the journal", 4, 7)]),
        ([1, 3, 2], [("out of order", 2, 7), ("out of order", 3, 7)]),
        ([1, 9, 3], [("changed", 2, 7)]),
        ([9, 1, 2, 3], [("not in the journal", 1, 7)]),
    ],
)
def test_several_actions_of_one_record_are_told_apart(
    order: list[int], findings: list[tuple[str, int | None, int]]
) -> None:
    rows = stored([action(number, 7) for number in order])
    assert chain_findings(rows) == []
    assert told(journal_findings(RECORD, rows, 7)) == findings


def test_a_gap_of_the_journal_is_told() -> None:
    assert list(journal_gap(3, 4)) == []
    assert list(journal_gap(3, 5)) == [Finding(Problem.JOURNAL_GAP, None, 4, "record 4 is not there")]
    assert list(journal_gap(0, 4)) == [Finding(Problem.JOURNAL_GAP, None, 1, "records 1 to 3 are not there")]
