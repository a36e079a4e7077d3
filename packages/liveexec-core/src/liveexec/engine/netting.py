"""Whether an order can only reduce what is held, after the open orders of its side."""

from decimal import Decimal

from liveexec.domain.ids import AccountId
from liveexec.engine.holdings import held_between
from liveexec.engine.risk_check import RiskCheck
from liveexec.engine.state import EngineState

__all__ = ["closes", "reduces", "reduces_account", "reduces_strategy"]


def closes(sign: int, low: Decimal, high: Decimal, working: Decimal) -> bool:
    """Whether orders of a side, ``working`` in all, can only bring a net between low and high nearer to zero."""
    return -high >= working if sign > 0 else low >= working


def reduces_account(check: RiskCheck, state: EngineState, account_id: AccountId) -> bool:
    """Whether the order can only reduce what the account holds at the venue, after its open orders of that side."""
    assert check.listing is not None
    instrument_id = check.listing.instrument_id
    low, high = held_between(state, account_id, instrument_id)
    working = state.exposure.of_instrument(account_id, instrument_id).side(check.sign)
    return closes(check.sign, low, high, working + check.added)


def reduces_strategy(check: RiskCheck, state: EngineState, net: Decimal) -> bool:
    """Whether the order can only reduce a strategy's own net, after the strategy's open orders of that side.

    A child's quantity is among its parent's already.
    """
    working = state.exposure.of_strategy(check.order.strategy_id, check.product_id).side(check.sign)
    if check.parent is None:
        working += check.added
    return closes(check.sign, net, net, working)


def reduces(check: RiskCheck, state: EngineState) -> bool:
    """Whether the order can only reduce what its strategy holds, or what its account does, where that is known."""
    account_id = check.account(state) if check.listing is not None else None
    if account_id is not None and reduces_account(check, state, account_id):
        return True
    return reduces_strategy(check, state, check.holdings.net_of(check.order.strategy_id, check.product_id))
