"""Drift: what a venue says that an account holds differs from ours, and keeps differing. Shown, never overwritten.

A difference counts once two snapshots show the same one, the later begun so long (``drift_ns``) after the earlier that
what was on its way then has come: two in quick succession may both be ahead of fills that the venue shows late. It
stays until an operator accepts the venue's word; should it change meanwhile, the newest is shown.
"""

from decimal import Decimal
from typing import Final

from liveexec.domain import money
from liveexec.domain.account_event import (
    AssetMoved,
    ControlScope,
    DriftAccepted,
    DriftSeen,
    PositionChange,
    PositionChanged,
    ScopeKind,
    StateChanged,
    TradingState,
)
from liveexec.domain.ids import EXTERNAL, AccountId, InstrumentId, venue_of
from liveexec.domain.instrument import ContractKind, ContractTerms
from liveexec.domain.money import ONE, ZERO
from liveexec.domain.outcome import AssetKind
from liveexec.domain.position import AccountBook, Position
from liveexec.engine import adoption
from liveexec.engine.inputs import AcceptDrift, AccountSnapshot
from liveexec.engine.turn import Decision, Turn
from liveexec.errors import Fault, InvalidInput, NotFound

__all__ = ["accept", "compare"]

#: Who halts an instrument that drifts.
_RECONCILER: Final = "reconciler"
_POSITION, _BALANCE = "position", "balance"


def compare(turn: Turn, taken: AccountSnapshot) -> None:
    """Compare positions and balances. A position that drifts leaves its instrument reducing only."""
    account_id = taken.account_id
    book = turn.core.state.ledger.books.get(account_id) or AccountBook(account_id)
    theirs = {said.instrument_id: said.quantity for said in taken.positions}
    for instrument_id in sorted({*book.positions, *theirs}):
        position = book.positions.get(instrument_id)
        mine, said = position.quantity if position is not None else ZERO, theirs.get(instrument_id, ZERO)
        key = (account_id, f"{_POSITION}:{instrument_id}")
        has_moved = position is not None and position.updated_at_ns >= taken.requested_at_ns
        # A fill that waits for its order is known, and not counted yet.
        is_told = instrument_id in theirs or _tells_position(turn, instrument_id, position)
        if has_moved or not is_told or adoption.is_filled_meanwhile(turn, account_id, instrument_id):
            turn.core.drifts.pop(key, None)
        elif _drifts(turn, taken, key, mine, said, ZERO):
            _only_reduce(turn, account_id, instrument_id, mine, said)
    has_moved = any(position.updated_at_ns >= taken.requested_at_ns for position in book.positions.values())
    if not has_moved and not adoption.is_filled_meanwhile(turn, account_id):
        _compare_balances(turn, taken, book)


def _tells_position(turn: Turn, instrument_id: InstrumentId, position: Position | None) -> bool:
    """Whether a venue that holds none of it would say so: of spot pairs, many tell balances alone."""
    if position is None or position.terms.kind is not ContractKind.SPOT:
        return True
    manifest = turn.core.state.manifests.get(venue_of(instrument_id))
    return manifest is None or manifest.spot_positions


def accept(turn: Turn, request: AcceptDrift) -> Decision:
    """An operator says that the venue is right: ours becomes what it says; EXTERNAL gets the difference."""
    ledger, key = turn.core.state.ledger, (request.account_id, request.subject)
    drift = ledger.drifts.get(key)
    if drift is None:
        return Decision(error=NotFound(f"no drift {request.subject} is known of {request.account_id}"))
    kind, _, name = request.subject.partition(":")
    terms = _terms(turn, request.account_id, InstrumentId(name)) if kind == _POSITION else None
    if kind == _POSITION and terms is None:
        fault = Fault("subject", f"{name} is not listed now, so what a position in it is worth is not known")
        return Decision(error=InvalidInput("drift", [fault]))
    turn.emit_account(request.account_id, DriftAccepted(*key, drift.theirs, request.principal, request.reason))
    turn.core.drifts.pop(key, None)
    difference = drift.theirs - drift.ours
    reference = f"accepted:{request.subject}:{turn.at_ns}"
    if difference and terms is not None:
        _change_position(turn, request.account_id, InstrumentId(name), terms, difference, reference)
    elif difference:
        moved = AssetMoved(request.account_id, name, difference, AssetKind.OTHER, reference, turn.at_ns)
        turn.emit_account(request.account_id, moved)
    if terms is not None:
        _trade_again(turn, InstrumentId(name), request)
    return Decision()


def _compare_balances(turn: Turn, taken: AccountSnapshot, book: AccountBook) -> None:
    """Only assets that the venue names: one that leaves an empty balance out looks like one that tells none.

    Nor those that an open position settles in: how much of its result is realised depends on the order in which its
    fills were counted, and is the same in every order once it is closed.
    """
    tolerance = turn.core.state.config.balance_tolerance
    theirs = {said.asset: said for said in taken.balances}
    unsettled = {
        position.terms.settlement_asset
        for position in book.positions.values()
        if position.quantity and position.terms.kind is not ContractKind.SPOT
    }
    for asset in sorted(theirs):
        key = (book.account_id, f"{_BALANCE}:{asset}")
        if asset in unsettled:
            turn.core.drifts.pop(key, None)
            continue
        mine, said = book.assets.get(asset, ZERO), theirs[asset].total
        # Venues round each amount that they book, and we add up exactly.
        _drifts(turn, taken, key, mine, said, max(abs(said), abs(mine)) * tolerance)


def _drifts(
    turn: Turn, taken: AccountSnapshot, key: tuple[AccountId, str], mine: Decimal, said: Decimal, allowed: Decimal
) -> bool:
    """Whether the two have differed otherwise than is known for long enough; recorded if so."""
    core = turn.core
    known = core.state.ledger.drifts.get(key)
    difference = said - mine
    expected = known.theirs - known.ours if known is not None else ZERO
    if abs(difference - expected) <= allowed:
        core.drifts.pop(key, None)
        return False
    before = core.drifts.get(key)
    if before is None or abs(difference - before[0]) > allowed:
        core.drifts[key] = (difference, turn.at_ns)
        return False
    if (taken.began_at_ns or taken.requested_at_ns) - before[1] < core.state.config.timing.drift_ns:
        return False
    del core.drifts[key]
    turn.emit_account(key[0], DriftSeen(*key, mine, said))
    return True


def _only_reduce(turn: Turn, account_id: AccountId, instrument_id: InstrumentId, mine: Decimal, said: Decimal) -> None:
    scope = ControlScope(ScopeKind.INSTRUMENT, instrument_id)
    if turn.core.state.ledger.state_of(scope) is TradingState.ACTIVE:
        reason = f"{account_id}: {money.plain(mine)} here, {money.plain(said)} at the venue"
        turn.emit_control(StateChanged(scope, TradingState.REDUCING, _RECONCILER, reason))


def _trade_again(turn: Turn, instrument_id: InstrumentId, request: AcceptDrift) -> None:
    """What the drift stopped goes on, unless another account's drift or an operator holds it."""
    ledger, scope = turn.core.state.ledger, ControlScope(ScopeKind.INSTRUMENT, instrument_id)
    stopped = ledger.states.get(scope)
    if stopped is None or stopped.state is not TradingState.REDUCING or stopped.principal != _RECONCILER:
        return
    if not any(subject == request.subject for _, subject in ledger.drifts):
        reason = f"the drift of {request.account_id} was accepted: {request.reason}"
        turn.emit_control(StateChanged(scope, TradingState.ACTIVE, request.principal, reason))


def _net(turn: Turn, account_id: AccountId, instrument_id: InstrumentId) -> Position | None:
    book = turn.core.state.ledger.books.get(account_id)
    return book.positions.get(instrument_id) if book is not None else None


def _terms(turn: Turn, account_id: AccountId, instrument_id: InstrumentId) -> ContractTerms | None:
    position = _net(turn, account_id, instrument_id)
    if position is not None:
        return position.terms
    listing = turn.core.state.listings.get(instrument_id)
    return listing.terms if listing is not None else None


def _change_position(
    turn: Turn,
    account_id: AccountId,
    instrument_id: InstrumentId,
    terms: ContractTerms,
    difference: Decimal,
    reference: str,
) -> None:
    position = _net(turn, account_id, instrument_id)
    # At our own average no profit comes of it: whatever the venue booked for it shows in the balances.
    average = position.average_price if position is not None else None
    price = average or turn.core.state.market.mark_price(instrument_id) or ONE
    turn.emit_account(
        account_id,
        PositionChanged(
            account_id, EXTERNAL, instrument_id, difference, price, terms, PositionChange.ACCEPTED, reference
        ),
    )
