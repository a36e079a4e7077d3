"""Settlement: an instrument ends, and with it what every strategy of an account holds of it."""

from typing import Final

from liveexec.domain.account_event import ControlScope, LatchSet, PositionChange, PositionChanged, ScopeKind
from liveexec.domain.instrument import ContractKind, ContractTerms
from liveexec.domain.money import ONE
from liveexec.domain.outcome import SettlementReport
from liveexec.engine.turn import Turn

__all__ = ["BAD_SETTLEMENT", "settle"]

#: What a venue said cannot be: the instrument is halted until somebody has looked.
BAD_SETTLEMENT: Final = "BAD_SETTLEMENT"


def settle(turn: Turn, said: SettlementReport) -> None:
    """Close each strategy's position at the settlement's price. Told again, it finds nothing that is open.

    Fills of before the settlement that arrive after it open what it closed; the venue's next word of it closes them.
    """
    ledger = turn.core.state.ledger
    if turn.core.is_new(said.account_id) or said.venue_time_ns < ledger.opened.get(said.account_id, 0):
        # What the account held when it was opened is what the settlement left.
        return
    held = sorted(
        (strategy_id, position)
        for (account_id, strategy_id, instrument_id), position in ledger.positions.items()
        if account_id == said.account_id
        and instrument_id == said.instrument_id
        and (position.quantity or position.cost)
    )
    if not held:
        return
    fault = _fault(held[0][1].terms, said)
    if fault is not None:
        scope = ControlScope(ScopeKind.INSTRUMENT, said.instrument_id)
        if (scope, BAD_SETTLEMENT) not in ledger.latches:
            turn.emit_control(LatchSet(scope, BAD_SETTLEMENT, fault))
        return
    for strategy_id, position in held:
        turn.emit_account(
            said.account_id,
            PositionChanged(
                said.account_id,
                strategy_id,
                said.instrument_id,
                -position.quantity,
                said.price,
                position.terms,
                PositionChange.SETTLEMENT,
                said.reference,
            ),
        )


def _fault(terms: ContractTerms, said: SettlementReport) -> str | None:
    match terms.kind:
        case ContractKind.SPOT:
            return f"{said.reference}: a spot holding has no settlement"
        case ContractKind.INVERSE if not said.price:
            return f"{said.reference}: an inverse contract has no value at a price of zero"
        case ContractKind.ODDS if said.price > ONE:
            return f"{said.reference}: more than the whole payout ({said.price}) would be paid"
        case _:
            return None
