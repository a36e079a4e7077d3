"""What a replay is put together from: an engine's parts, what it is asked for and when, and who writes it down."""

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from liveexec.domain.intent import OrderIntent
from liveexec.domain.market import TradeBar
from liveexec.engine.algorithm import ExecutionAlgorithm
from liveexec.engine.config import EngineConfig
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.risk import RuleFactory
from liveexec.engine.router import RoutingPolicy
from liveexec.engine.turn import Decision
from liveexec.errors import LiveExecError

__all__ = ["EngineParts", "Recorder", "TimedIntent"]


@frozen
class TimedIntent:
    """An order that is asked for at a time (UTC nanoseconds)."""

    at_ns: int
    intent: OrderIntent


@frozen
class EngineParts:
    """What an engine is made of: its configuration, and the rules, policies and algorithms by name."""

    config: EngineConfig
    rules: Mapping[str, RuleFactory]
    policies: Mapping[str, RoutingPolicy]
    algorithms: Mapping[str, ExecutionAlgorithm]


class Recorder(Protocol):
    """Who keeps what becomes true. Every call gives the time, UTC nanoseconds; none of them may change anything."""

    def begun(self, engine: ExecutionEngine, at_ns: int) -> None:
        """The engine is there, empty yet; to be read, and never changed."""
        ...

    def decided(self, decision: Decision, at_ns: int) -> None:
        """The engine decided, and something became true by it."""
        ...

    def refused(self, signal: TimedIntent, number: int, error: LiveExecError, at_ns: int) -> None:
        """A signal could not become an order at all; ``number`` counts signals from 0."""
        ...

    def printed(self, bar: TradeBar) -> None:
        """A listing's market traded for a second. Each of its seconds with trades is told once, in their order."""
        ...

    def marked(self, at_ns: int) -> None:
        """The engine knows the market of this moment: time to note what everything is worth."""
        ...
