"""What lies in the scope of a control."""

from liveexec.domain.account_event import ControlScope, ScopeKind
from liveexec.domain.ids import AccountId, InstrumentId, VenueName, venue_of
from liveexec.domain.order import Order
from liveexec.engine.state import EngineState

__all__ = ["accounts_in", "holds", "in_scope"]


def in_scope(order: Order, scope: ControlScope) -> bool:
    """Whether a control of this scope concerns the order; a routed parent is in its children's venues by them."""
    match scope.kind:
        case ScopeKind.GLOBAL:
            return True
        case ScopeKind.ACCOUNT:
            return order.account_id == scope.name
        case ScopeKind.STRATEGY:
            return order.strategy_id == scope.name
        case ScopeKind.INSTRUMENT:
            return scope.name in (order.instrument_id, order.intent.instrument_key)
        case ScopeKind.VENUE:
            return order.instrument_id is not None and venue_of(order.instrument_id) == scope.name


def accounts_in(state: EngineState, scope: ControlScope) -> list[AccountId]:
    """The accounts that may hold something in the scope, in the order of their ids."""
    match scope.kind:
        case ScopeKind.GLOBAL | ScopeKind.STRATEGY | ScopeKind.ACCOUNT:
            venues = list(state.venue_accounts)
        case ScopeKind.VENUE:
            venues = [VenueName(scope.name)]
        case ScopeKind.INSTRUMENT:
            venues = [venue_of(InstrumentId(scope.name))]
    accounts = sorted(account for venue in venues for account in state.venue_accounts.get(venue, ()))
    return [account for account in accounts if scope.kind is not ScopeKind.ACCOUNT or account == scope.name]


def holds(scope: ControlScope, account_id: AccountId, instrument_id: InstrumentId) -> bool:
    """Whether an account's net position lies in the scope; a strategy's has none, its share of a net is its own."""
    match scope.kind:
        case ScopeKind.GLOBAL:
            return True
        case ScopeKind.ACCOUNT:
            return scope.name == account_id
        case ScopeKind.INSTRUMENT:
            return scope.name == instrument_id
        case ScopeKind.VENUE:
            return scope.name == venue_of(instrument_id)
        case ScopeKind.STRATEGY:
            return False
