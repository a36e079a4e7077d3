"""TRADING_STATE: whether trading is allowed where the order lies, and if only to reduce, whether it does."""

from typing import ClassVar

from attrs import define

from liveexec.domain.account_event import ScopeKind, TradingState
from liveexec.domain.money import ZERO
from liveexec.domain.order_event import RiskStage
from liveexec.engine.netting import reduces_account, reduces_strategy
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["TradingStateRule", "make_trading_state"]


@define(eq=False)
class TradingStateRule:
    """Compares the strictest trading state of the order's scopes (global, account, strategy, venue, instrument).

    HALTED refuses. REDUCING is decided at the leg: it lets pass what can only reduce the account's net at the venue,
    open orders of the same side counted first; where the strategy's own scope asks for it, the strategy's net. Meets
    the kill functionality of MiFID II RTS 6 Art. 12 and the blocking of orders of Art. 15(5).
    """

    name: ClassVar[str] = "trading_state"
    code: ClassVar[str] = "TRADING_STATE"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        if not state.ledger.states:
            return None
        listing = check.listing
        trading, scope = state.trading_state(
            account_id=check.account_id,
            strategy_id=check.order.strategy_id,
            venue=listing.venue if listing is not None else None,
            instrument_id=listing.instrument_id if listing is not None else None,
        )
        if trading is TradingState.ACTIVE:
            return None
        if trading is TradingState.HALTED:
            return f"trading is halted ({scope})"
        if check.stage is RiskStage.PARENT or _reduces(check, state, of_strategy=scope.kind is ScopeKind.STRATEGY):
            return None
        return f"only reducing orders are allowed ({scope}), and this one is not"


def _reduces(check: RiskCheck, state: EngineState, *, of_strategy: bool) -> bool:
    listing, account_id = check.where()
    if not of_strategy:
        return reduces_account(check, state, account_id)
    key = (account_id, check.order.strategy_id, listing.instrument_id)
    position = state.ledger.positions.get(key)
    return reduces_strategy(check, state, position.quantity if position is not None else ZERO)


def make_trading_state(_: RiskConfig) -> TradingStateRule:
    """Always there: states are set by operators, not by the configuration."""
    return TradingStateRule()
