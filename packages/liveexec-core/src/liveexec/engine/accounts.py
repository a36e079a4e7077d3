"""Accounts and their venues: sessions, snapshots, balances, and the comparison of the venue's truth with ours."""

from typing import Final

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import (
    AccountOpened,
    AssetMoved,
    PositionChange,
    PositionChanged,
)
from liveexec.domain.ids import EXTERNAL, InstrumentId
from liveexec.domain.money import ONE
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import AssetKind
from liveexec.engine import balances, drift, parents, reports, requests
from liveexec.engine.inputs import (
    AccountPhase,
    AccountSnapshot,
    ListingsUpdate,
    Phase,
    Report,
)
from liveexec.engine.turn import Turn

__all__ = ["account_phase", "listings_update", "recovered", "snapshot"]

#: References of what an account held before its first event, so that it is counted once.
_OPENING: Final = "opening"


def listings_update(turn: Turn, update: ListingsUpdate) -> None:
    """A venue lists something else, or for the first time."""
    state = turn.core.state
    for instrument_id in [known for known, listing in state.listings.items() if listing.venue == update.venue]:
        del state.listings[instrument_id]
    for listing in update.listings:
        state.listings[listing.instrument_id] = listing
    by_product: dict[str, list[InstrumentId]] = {}
    for listing in state.listings.values():
        by_product.setdefault(listing.product_id, []).append(listing.instrument_id)
    state.products = {
        listing.product_id: tuple(sorted(by_product[listing.product_id])) for listing in state.listings.values()
    }


def account_phase(turn: Turn, change: AccountPhase) -> None:
    """An account's session changed. Once it is trusted again, what waited for it goes on."""
    state = turn.core.state
    state.phases[change.account_id] = change.phase
    if change.phase is not Phase.ACTIVE:
        return
    for order in turn.core.oms.open_orders(change.account_id):
        is_emulated = order.replace is not None and not order.replace.atomic
        if order.status is OrderStatus.UNKNOWN:
            requests.ask_about(turn, order)
        elif order.attempt == 0 or order.status is OrderStatus.SUBMITTED:
            continue
        elif order.cancel is not PendingCancel.NONE or is_emulated:
            requests.send_cancel(turn, order)
        elif order.replace_unknown:
            requests.ask_about(turn, order)
    parents.resume(turn)


def recovered(turn: Turn) -> None:
    """The engine was rebuilt: what was in flight is unknown, and what never left is proved not sent."""
    for order in turn.core.oms.open_orders():
        if order.is_parent:
            continue
        if order.status is OrderStatus.SUBMITTED:
            turn.emit(order.order_id, ev.SubmitUnknown(order.attempt, "the process stopped while it was in flight"))
        elif order.status is OrderStatus.PENDING:
            turn.emit(order.order_id, ev.NotSent(order.attempt + 1, "the process stopped before it was prepared"))
        if order.replace is not None and order.replace.atomic and not order.replace_unknown:
            turn.emit(order.order_id, ev.ReplaceUnknown("the process stopped while it was in flight"))
    # Parents are asked when their accounts are trusted again, not by what the lines above stirred.
    turn.stirred.clear()


def snapshot(turn: Turn, taken: AccountSnapshot) -> None:
    """The venue's truth of one account against ours. Evidence becomes ordinary reports; nothing is overwritten."""
    account_id = taken.account_id
    balances.shown(turn, taken.balances, taken.requested_at_ns)
    if turn.core.is_new(account_id):
        _open_account(turn, taken)
    for said in taken.open_orders:
        reports.report(turn, Report(turn.at_ns, said))
        reports.shown_open(turn, said, taken.requested_at_ns)
    seen_client = {said.client_order_id: None for said in taken.open_orders if said.client_order_id is not None}
    seen_venue = {said.venue_order_id: None for said in taken.open_orders if said.venue_order_id is not None}
    # By our own clock, too: the venue's may be behind it, or its answer old.
    asked_at_ns = max(taken.requested_at_ns, taken.began_at_ns)
    for order in turn.core.oms.open_orders(account_id):
        # A snapshot says nothing of what was sent after it was asked for. What only changed since is asked about all
        # the same: the change may be a fill that this very reconciliation fetched, and asking proves nothing wrong.
        if order.is_parent or order.attempt == 0 or _sent_at_ns(turn, order) >= asked_at_ns:
            continue
        if order.client_order_id in seen_client or order.venue_order_id in seen_venue:
            continue
        requests.ask_about(turn, order)
    drift.compare(turn, taken)


def _sent_at_ns(turn: Turn, order: Order) -> int:
    """When the order's present attempt, or its change, was decided; for one that others sent, when it was met."""
    plan = order.replace.plan if order.replace is not None and order.replace.atomic else order.plan
    if plan is None:
        return order.created_at_ns
    return plan.valid_until_ns - turn.core.state.config.timing.send_deadline_ns


def _open_account(turn: Turn, taken: AccountSnapshot) -> None:
    """The account's first connection: what it holds already belongs to nobody here, so to EXTERNAL."""
    turn.emit_account(taken.account_id, AccountOpened(taken.account_id, taken.requested_at_ns))
    for said in taken.balances:
        if said.total:
            turn.emit_account(
                said.account_id,
                AssetMoved(
                    said.account_id,
                    said.asset,
                    said.total,
                    AssetKind.DEPOSIT,
                    f"{_OPENING}:{said.asset}",
                    said.venue_time_ns,
                ),
            )
    for position in taken.positions:
        listing = turn.core.state.listings.get(position.instrument_id)
        if listing is None or not position.quantity:
            continue
        price = position.average_price or turn.core.state.market.mark_price(position.instrument_id) or ONE
        turn.emit_account(
            position.account_id,
            PositionChanged(
                position.account_id,
                EXTERNAL,
                position.instrument_id,
                position.quantity,
                price,
                listing.terms,
                PositionChange.OPENING,
                f"{_OPENING}:{position.instrument_id}",
            ),
        )
