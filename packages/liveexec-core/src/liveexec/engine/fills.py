"""Fills as venues report them: one by one, or as totals. Each counts once, whatever repeats, reorders or comes late."""

from decimal import Decimal
from typing import Final, assert_never

from liveexec.domain import money
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, LatchSet, ScopeKind
from liveexec.domain.fill import Fill, FillKey, Liquidity, cumulative_fill_key
from liveexec.domain.ids import EXTERNAL, VenueOrderId
from liveexec.domain.money import ZERO
from liveexec.domain.order import Order
from liveexec.domain.outcome import CumulativeFill, FillAction, FillReport
from liveexec.engine.rules.repeated_execution import REPEATED_EXECUTION
from liveexec.engine.turn import Turn

__all__ = [
    "MOST_REMEMBERED",
    "OVERFILL",
    "apply_report",
    "apply_total",
    "note_overfill",
    "remember",
]

#: The latch that an overfill sets on its instrument.
OVERFILL: Final = "OVERFILL"
#: References and early busts that are kept in memory, so that no venue can fill it.
MOST_REMEMBERED: Final = 10_000

#: An average that was rounded by the venue or by us to 18 places is not a correction.
_ROUNDING: Final = money.ONE.scaleb(-8)


def apply_report(turn: Turn, order: Order, said: FillReport) -> bool:
    """A single fill, or what became of one; whether that is news."""
    match said.action:
        case FillAction.TRADE:
            return _trade(turn, order, said)
        case FillAction.BUST:
            return _bust(turn, order, said)
        case FillAction.CORRECTION:
            return _correction(turn, order, said)
        case unknown:
            assert_never(unknown)


def apply_total(turn: Turn, order: Order, said: CumulativeFill, *, earlier: bool) -> bool:
    """A venue that tells only totals: the increment is ours to make, keyed by the total it reaches.

    A total counts what was filled of one attempt: the present one, or one ``earlier``.
    """
    counted = order.fills_of_attempt(earlier=earlier)
    newest_ns = max(counted[-1].venue_time_ns if counted else 0, turn.core.fallen.get(order.order_id, 0))
    if said.venue_time_ns < newest_ns:
        return False
    before = order.last_sequence
    base = ZERO if earlier else order.adopted_filled
    quantity = said.quantity - base
    if sum((fill.quantity for fill in counted), ZERO) > quantity:
        _take_back(turn, order, counted, said, down_to=quantity)
    filled = sum((fill.quantity for fill in counted), ZERO)
    # What was filled before an adoption has no price here, so its increments take the average.
    cost = said.average_price * quantity - sum((fill.quantity * fill.price for fill in counted), ZERO)
    if quantity > filled:
        price = said.average_price if base else money.divide(cost, quantity - filled)
        if price <= 0:
            # No further fill makes this average of those before it: the venue means others.
            _take_back(turn, order, counted, said, down_to=ZERO)
            filled, price = ZERO, said.average_price
        fee = said.fee - sum((fill.fee for fill in counted), ZERO)
        key = _key_of_total(order, said)
        if key not in order.undone_fills:
            fill = Fill(
                key, said.instrument_id, said.side, quantity - filled, price, fee, said.fee_asset, Liquidity.UNKNOWN,
                said.venue_time_ns, estimated=True,
            )  # fmt: skip
            turn.emit(order.order_id, ev.FillApplied(fill))
            _note_execution(turn, order, fill)
    elif counted and not base and abs(cost) > _ROUNDING * filled:
        _correct_average(turn, order, counted, said)
    return order.last_sequence > before


def remember(turn: Turn, said: FillReport) -> None:
    """A bust or a correction overtook its fill, and has to wait for it."""
    early = turn.core.early_undos
    early[said.original_key or said.fill.key] = said
    if len(early) > MOST_REMEMBERED:
        del early[next(iter(early))]


def note_overfill(turn: Turn, order: Order) -> None:
    """More than the order's quantity was filled: recorded like any fill, and its instrument is halted."""
    if not order.is_overfilled or order.strategy_id == EXTERNAL:
        return
    assert order.instrument_id is not None
    scope = ControlScope(ScopeKind.INSTRUMENT, order.instrument_id)
    if (scope, OVERFILL) not in turn.core.state.ledger.latches:
        excess = order.filled_quantity - order.quantity
        turn.emit_control(LatchSet(scope, OVERFILL, f"{order.order_id} was filled {excess} beyond its quantity"))


def _trade(turn: Turn, order: Order, said: FillReport) -> bool:
    if said.fill.key in (order.fills or {}) or said.fill.key in order.undone_fills:
        return False
    was_open = order.is_open
    turn.emit(order.order_id, ev.FillApplied(said.fill))
    _note_execution(turn, order, said.fill)
    _undo_early(turn, order, said.fill.key, was_open=was_open)
    return True


def _bust(turn: Turn, order: Order, said: FillReport, *, overtook: bool = False) -> bool:
    key = said.original_key or said.fill.key
    original = (order.fills or {}).get(key)
    if original is None:
        if key not in order.undone_fills:
            remember(turn, said)
        return False
    turn.emit(order.order_id, ev.FillBusted(original, "busted by the venue", overtook))
    return True


def _correction(turn: Turn, order: Order, said: FillReport) -> bool:
    fills, key, fill = order.fills or {}, said.original_key or said.fill.key, said.fill
    original = fills.get(key)
    if original is None:
        if key not in order.undone_fills:
            remember(turn, said)
        return False
    if fill.key == key:
        # The venue keeps the id: older words and repeated ones tell nothing new.
        same = (fill.quantity, fill.price, fill.fee) == (original.quantity, original.price, original.fee)
        if same or fill.venue_time_ns < original.venue_time_ns:
            return False
    elif fill.key in fills or fill.key in order.undone_fills:
        return False
    was_open = order.is_open
    turn.emit(order.order_id, ev.FillCorrected(original, fill))
    _undo_early(turn, order, fill.key, was_open=was_open)
    return True


def _undo_early(turn: Turn, order: Order, key: FillKey, *, was_open: bool) -> None:
    """What became of the fill was told before it: ``was_open`` says how the order stood then."""
    early = turn.core.early_undos.pop(key, None)
    if early is not None and early.action is FillAction.BUST:
        _bust(turn, order, early, overtook=was_open)
    elif early is not None:
        apply_report(turn, order, early)


def _take_back(turn: Turn, order: Order, counted: list[Fill], said: CumulativeFill, *, down_to: Decimal) -> None:
    """Bust the newest of the counted fills until no more than this is left of them."""
    while counted and sum((fill.quantity for fill in counted), ZERO) > down_to:
        turn.emit(order.order_id, ev.FillBusted(counted.pop(), "the venue's cumulative fill contradicts it"))
    fallen = turn.core.fallen
    fallen[order.order_id] = said.venue_time_ns
    if len(fallen) > MOST_REMEMBERED:
        del fallen[next(iter(fallen))]


def _key_of_total(order: Order, said: CumulativeFill, price: Decimal | None = None) -> FillKey:
    """The total reached names an increment; the venue's time tells one that is reached again from one taken back."""
    name = said.venue_order_id or said.client_order_id or ""
    if price is not None:
        name = f"{name}@{money.canonical(price)}"
    key = cumulative_fill_key(said.instrument_id, VenueOrderId(name), said.side, said.quantity)
    if key in order.undone_fills or key in (order.fills or {}):
        return FillKey(f"{key}@{said.venue_time_ns}")
    return key


def _correct_average(turn: Turn, order: Order, counted: list[Fill], said: CumulativeFill) -> None:
    """The same total at another average: the newest increment had another price."""
    last = counted[-1]
    others = sum((fill.quantity * fill.price for fill in counted[:-1]), ZERO)
    price = money.divide(said.average_price * said.quantity - others, last.quantity)
    key = _key_of_total(order, said, price)
    if price <= 0 or key in order.undone_fills:
        return
    fill = Fill(
        key, last.instrument_id, last.side, last.quantity, price, last.fee, last.fee_asset, last.liquidity,
        said.venue_time_ns, estimated=True,
    )  # fmt: skip
    turn.emit(order.order_id, ev.FillCorrected(last, fill))


def _note_execution(turn: Turn, order: Order, fill: Fill) -> None:
    """A strategy that executes the same again and again is stopped until an operator looks at it."""
    asked = turn.core.oms.get(order.parent_id) if order.parent_id is not None else order
    if asked is None or not turn.core.state.activity.note_execution(asked, fill, turn.at_ns):
        return
    scope = ControlScope(ScopeKind.STRATEGY, asked.strategy_id)
    if (scope, REPEATED_EXECUTION) not in turn.core.state.ledger.latches:
        reason = f"{asked.intent.side} {asked.intent.instrument_key} was executed too often, last by {asked.order_id}"
        turn.emit_control(LatchSet(scope, REPEATED_EXECUTION, reason))
