"""What a host may tell a store, drawn at random: new orders, what befalls accounts, and rows that contradict others."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random
from typing import Any, Final

import attrs

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import AccountId, OperationId, child_order_id
from liveexec.domain.order import Order
from liveexec.domain.record import Event, Record
from liveexec.domain.stored import AuditRow, FillRow, OperationRow, ProjectionBatch, RefRow
from support.builders import (
    ALPHA_ACCOUNT,
    PRINCIPAL,
    STRATEGY,
    make_asset_moved,
    make_bet_intent,
    make_fill,
    make_intent,
    make_leg,
    make_order_id,
    make_plan,
    make_received,
    make_routed,
    make_submit_requested,
)
from support.journaling import ShardWriter

__all__ = [
    "ACCOUNTS",
    "CONTRADICTIONS",
    "HAPPENINGS",
    "MAIN",
    "SIDE",
    "STRAY",
    "THIRD",
    "contradiction",
    "happening",
    "projection_of",
    "received",
]

MAIN, SIDE, THIRD = "main", "side", "third"
#: Each shard's account: one account belongs to one shard.
ACCOUNTS: Final = {MAIN: ALPHA_ACCOUNT, SIDE: AccountId("ALPHA-2"), THIRD: AccountId("ALPHA-3")}
#: How the names of streams begin that belong to no order that anybody folds.
STRAY: Final = "stray-"
HAPPENINGS: Final = 9
CONTRADICTIONS: Final = 10


def received(writer: ShardWriter, number: int, random: Random) -> Iterator[Record]:
    """The first records of the n-th order: a plain one, one that was sent, a bet, or a parent with its children."""
    order_id, operation_id = make_order_id(number), OperationId(f"OP-{number}")
    routed = make_routed(make_leg(account_id=ACCOUNTS[writer.owned.shard]))
    kind = random.choice(["plain", "sent", "sent", "bet", "parent"])
    quantity, metadata = (
        Decimal(random.randint(1, 300)) / 100,
        {"nested": {"b": [1, 1e22, None], "a": True}, "ö": "\"'"},
    )
    intent = make_intent(quantity=quantity, metadata=metadata)
    if kind == "bet":
        intent = make_bet_intent()
    if kind == "parent":
        intent = make_intent(exec_algorithm="TWAP", exec_algorithm_params={"horizon_s": 60, "slices": 2})
    yield writer.record(order_id, make_received(intent, operation_id=operation_id))
    if kind == "sent":
        yield writer.record(order_id, routed, make_submit_requested(plan=make_plan(order_id)))
    for ordinal in (2, 1) if kind == "parent" else ():
        child, slice_intent = child_order_id(order_id, ordinal), make_intent(quantity=Decimal("0.5"))
        yield writer.record(order_id, ev.ChildSpawned(child, ordinal, Decimal("0.5")))
        slice_id = OperationId(f"{operation_id}/{ordinal}")
        told = make_received(slice_intent, parent_order_id=order_id, ordinal=ordinal, operation_id=slice_id)
        yield writer.record(child, told, routed)


def happening(writer: ShardWriter, choice: int, number: int, *, wide: bool) -> Record:
    """One of the :data:`HAPPENINGS`: what befalls an account, or what an operator does."""
    scope = ControlScope(ScopeKind.GLOBAL) if wide else ControlScope(ScopeKind.STRATEGY, STRATEGY)
    state = TradingState.HALTED if wide else TradingState.ACTIVE
    account, code, control = ACCOUNTS[writer.owned.shard], f"CODE-{number}", f"control:{writer.owned.shard}"
    told: tuple[tuple[str, Event], ...] = (
        (account, make_asset_moved(str(number), account_id=account, reference=f"move-{writer.at_ns}")),
        (account, acc.DriftSeen(account, code, Decimal(number), Decimal("0.5"))),
        (account, acc.DriftAccepted(account, code, Decimal(number), "anna", "theirs is right")),
        (control, acc.StateChanged(scope, state, "anna", "a \0 drill")),
        (control, acc.LatchSet(scope, code, "too often")),
        (control, acc.LatchCleared(scope, code, "anna", "looked at")),
        (control, acc.ConfigApplied(code, "anna", "a new limit")),
        (control, acc.FlattenRequested(scope, account, make_order_id(number), "anna")),
        (control, acc.FlattenEnded(scope, account, "it is being closed")),
    )
    return writer.record(told[choice][0], told[choice][1])


def projection_of(writer: ShardWriter, **changes: Any) -> ProjectionBatch:
    """All that the writer did not project yet, strays left out, and nothing both set and cleared."""
    pending = writer.pending
    writer.pending = [entry for entry in pending if not entry[1].stream.startswith(STRAY)]
    batch = writer.projection(**changes)
    writer.pending = pending
    batch.cleared_latches = [latch for latch in batch.cleared_latches if latch not in writer.ledger.latches]
    waiting = writer.ledger.flattenings
    batch.ended_flattenings = [each for each in batch.ended_flattenings if each not in waiting]
    batch.accepted_drifts = [drift for drift in batch.accepted_drifts if drift not in writer.ledger.drifts]
    return batch


def contradiction(writer: ShardWriter, orders: Sequence[Order], choice: int, random: Random) -> ProjectionBatch:
    """A projection with one of the :data:`CONTRADICTIONS`: rows that may be there for something else, or don't fit.

    ``orders`` are those of every shard, at least one.
    """
    account, order, other = ACCOUNTS[writer.owned.shard], random.choice(orders), random.choice(orders)
    fill = random.choice([*(order.fills or {}).values(), make_fill(key="some key")])
    fill_of = FillRow(account, STRATEGY, other.order_id, fill, True, 7)
    client = (account, "client", make_plan(order.order_id).client_order_id)
    book = attrs.evolve(writer.ledger.book(account), assets={"USDT": Decimal(10) ** 18})
    changes: tuple[dict[str, Any], ...] = (
        {"fills": [fill_of]},
        {"fills": [fill_of, fill_of]},
        {"refs": [RefRow(client, other.order_id, 9)]},
        {"operations": [OperationRow(PRINCIPAL, OperationId("OP-1"), "submit", "content", order.order_id, 7)]},
        {"asset_moves": [make_asset_moved("1", account_id=account, reference="twice")]},
        {"asset_moves": [make_asset_moved("1", account_id=ALPHA_ACCOUNT, reference="twice")]},
        {"orders": [order, order]},
        {"orders": [order]},
        {"books": [book]},
        {"audit": [AuditRow(7, "anna", "kill", MAIN, "no \0 reason", {"why": "\0"})]},
    )
    return attrs.evolve(projection_of(writer), **changes[choice])
