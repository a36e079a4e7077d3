"""Trading states, latches, drifts and flattenings as rows of ``control_state``, and back."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, assert_never

from liveexec.domain.account_event import (
    ControlScope,
    DriftSeen,
    FlattenRequested,
    LatchSet,
    ScopeKind,
    StateChanged,
    TradingState,
)
from liveexec.domain.ids import AccountId, OrderId
from liveexec.domain.money import shortest
from liveexec.domain.stored import ProjectionBatch
from liveexec.errors import InvariantViolation
from liveexec.storage.rows import Row, storable_text

__all__ = ["Control", "ControlKey", "ControlKind", "cleared_rows", "control_key", "control_of", "control_rows"]

Control = StateChanged | LatchSet | DriftSeen | FlattenRequested
#: What tells one row from another within a shard: kind, scope kind, scope name, code.
ControlKey = tuple[str, str, str, str]


class ControlKind(StrEnum):
    """What a row of ``control_state`` is. The code is empty, the latch's code, the drift's subject, or the account that
    is to be flattened; the state of that last one is the seed of its orders' ids."""

    STATE = "STATE"
    LATCH = "LATCH"
    DRIFT = "DRIFT"
    FLATTEN = "FLATTEN"


def control_rows(batch: ProjectionBatch) -> list[Row]:
    """What the batch sets."""
    return [
        *(_state_row(event, batch.at_ns) for event in batch.states),
        *(_latch_row(event, batch.at_ns) for event in batch.latches),
        *(_drift_row(event, batch.at_ns) for event in batch.drifts),
        *(_flatten_row(event, batch.at_ns) for event in batch.flattenings),
    ]


def cleared_rows(batch: ProjectionBatch) -> list[Row]:
    """Which rows the batch clears.

    Raises:
        InvariantViolation: the batch sets one of them too, so that the latest state is not said.
    """
    cleared = [
        *(_columns(ControlKind.LATCH, scope, code) for scope, code in batch.cleared_latches),
        *(_columns(ControlKind.DRIFT, _scope_of(account), subject) for account, subject in batch.accepted_drifts),
        *(_columns(ControlKind.FLATTEN, scope, account) for scope, account in batch.ended_flattenings),
    ]
    both = {control_key(row) for row in control_rows(batch)} & {control_key(row) for row in cleared}
    if both:
        raise InvariantViolation(f"one batch both sets and clears {', '.join(map(str, sorted(both)))}")
    return cleared


def control_key(row: Mapping[str, Any]) -> ControlKey:
    """What tells the row from the shard's others."""
    return str(row["kind"]), str(row["scope_kind"]), row["scope_name"], row["code"]


def control_of(row: Mapping[str, Any]) -> Control:
    """The event that a row was made of."""
    scope = ControlScope(ScopeKind(row["scope_kind"]), row["scope_name"])
    kind = ControlKind(row["kind"])
    match kind:
        case ControlKind.STATE:
            return StateChanged(scope, TradingState(row["state"]), row["principal"], row["reason"])
        case ControlKind.LATCH:
            return LatchSet(scope, row["code"], row["reason"])
        case ControlKind.DRIFT:
            return DriftSeen(AccountId(scope.name), row["code"], shortest(row["ours"]), shortest(row["theirs"]))
        case ControlKind.FLATTEN:
            return FlattenRequested(scope, AccountId(row["code"]), OrderId(row["state"]), row["principal"])
        case _:
            assert_never(kind)


def _state_row(event: StateChanged, at_ns: int) -> Row:
    return {
        **_columns(ControlKind.STATE, event.scope, ""),
        "state": event.state,
        "principal": event.principal,
        "reason": storable_text(event.reason),
        "updated_at": at_ns,
    }


def _latch_row(event: LatchSet, at_ns: int) -> Row:
    return {
        **_columns(ControlKind.LATCH, event.scope, event.code),
        "reason": storable_text(event.reason),
        "updated_at": at_ns,
    }


def _drift_row(event: DriftSeen, at_ns: int) -> Row:
    return {
        **_columns(ControlKind.DRIFT, _scope_of(event.account_id), event.subject),
        "ours": event.ours,
        "theirs": event.theirs,
        "updated_at": at_ns,
    }


def _flatten_row(event: FlattenRequested, at_ns: int) -> Row:
    return {
        **_columns(ControlKind.FLATTEN, event.scope, event.account_id),
        "state": event.seed,
        "principal": event.principal,
        "updated_at": at_ns,
    }


def _scope_of(account_id: AccountId) -> ControlScope:
    return ControlScope(ScopeKind.ACCOUNT, account_id)


def _columns(kind: ControlKind, scope: ControlScope, code: str) -> Row:
    return {"kind": kind, "scope_kind": scope.kind, "scope_name": scope.name, "code": code}
