"""liveexec executes orders live on any kind of venue, and never loses track of one.

What a host needs is here: the orchestrator and how to build one, intents and results, stores and the errors. Names are
loaded when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from liveexec.blocking import BlockingOrchestrator
    from liveexec.composition import LiveExecutionOrchestrator, build
    from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
    from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent
    from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
    from liveexec.domain.order import Order
    from liveexec.domain.order_state import OrderStatus
    from liveexec.domain.position import Position
    from liveexec.domain.result import ExecutionResult
    from liveexec.engine.config import EngineConfig
    from liveexec.engine.inputs import ControlKind
    from liveexec.engine.risk_config import RiskConfig
    from liveexec.engine.router_config import RouterConfig
    from liveexec.errors import InvalidInput, LiveExecError, OutcomeUnknown
    from liveexec.messages import parse_order
    from liveexec.storage.journal_store import PostgresStore
    from liveexec.storage.memory import MemoryStore

__all__ = [
    "BlockingOrchestrator",
    "CancelIntent",
    "ControlKind",
    "ControlScope",
    "EngineConfig",
    "ExecutionResult",
    "InvalidInput",
    "LiveExecError",
    "LiveExecutionOrchestrator",
    "MemoryStore",
    "Operation",
    "Order",
    "OrderIntent",
    "OrderStatus",
    "OrderType",
    "OutcomeUnknown",
    "Position",
    "PostgresStore",
    "ReplaceIntent",
    "RiskConfig",
    "RouterConfig",
    "ScopeKind",
    "Side",
    "TimeInForce",
    "TradingState",
    "build",
    "parse_order",
]

_HOMES: Final = {
    "BlockingOrchestrator": "liveexec.blocking",
    "CancelIntent": "liveexec.domain.intent",
    "ControlKind": "liveexec.engine.inputs",
    "ControlScope": "liveexec.domain.account_event",
    "EngineConfig": "liveexec.engine.config",
    "ExecutionResult": "liveexec.domain.result",
    "InvalidInput": "liveexec.errors",
    "LiveExecError": "liveexec.errors",
    "LiveExecutionOrchestrator": "liveexec.composition",
    "MemoryStore": "liveexec.storage.memory",
    "Operation": "liveexec.domain.operation",
    "Order": "liveexec.domain.order",
    "OrderIntent": "liveexec.domain.intent",
    "OrderStatus": "liveexec.domain.order_state",
    "OrderType": "liveexec.domain.operation",
    "OutcomeUnknown": "liveexec.errors",
    "Position": "liveexec.domain.position",
    "PostgresStore": "liveexec.storage.journal_store",
    "ReplaceIntent": "liveexec.domain.intent",
    "RiskConfig": "liveexec.engine.risk_config",
    "RouterConfig": "liveexec.engine.router_config",
    "ScopeKind": "liveexec.domain.account_event",
    "Side": "liveexec.domain.operation",
    "TimeInForce": "liveexec.domain.operation",
    "TradingState": "liveexec.domain.account_event",
    "build": "liveexec.composition",
    "parse_order": "liveexec.messages",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
