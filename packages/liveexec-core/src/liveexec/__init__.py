"""liveexec executes orders live on any kind of venue, and never loses track of one.

What a host needs is here: the orchestrator and how to build one, intents and results, and the errors.
"""

from liveexec.build import build
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
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator
from liveexec.storage.memory import MemoryStore

__all__ = [
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
