"""VELOCITY: how fast orders and messages may follow each other."""

from typing import ClassVar

from attrs import define

from liveexec.domain.order_event import RiskStage
from liveexec.engine.activity import MINUTE_NS, SECOND_NS, Recent
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["VelocityRule", "make_velocity"]

#: (at most this many, within this many nanoseconds)
_Limit = tuple[int, int]


@define(eq=False)
class VelocityRule:
    """Compares how many orders callers gave within the last second and minute, in all and per strategy, and how many
    requests went to venues within the last second, with their limits; orders that were refused count. The maximum
    messages limit of MiFID II RTS 6 Art. 15(1)(d), and the short-period parameter of SEC 15c3-5(c)(1)(ii)."""

    overall: tuple[_Limit, ...]
    per_strategy: tuple[_Limit, ...]
    messages: int | None

    name: ClassVar[str] = "velocity"
    code: ClassVar[str] = "VELOCITY"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        activity, now_ns = state.activity, state.now_ns
        if check.stage is RiskStage.LEG:
            recent = activity.messages
            if self.messages is None or recent is None or not recent.reaches(self.messages, SECOND_NS, now_ns):
                return None
            return f"{self.messages} messages went out within the last second"
        if check.replaces is not None:
            return None
        message = _reached(self.overall, activity.orders, now_ns)
        if message is None and self.per_strategy:
            message = _reached(self.per_strategy, activity.orders_of(check.order.strategy_id), now_ns)
            message = f"{message} from {check.order.strategy_id}" if message is not None else None
        return message


def _reached(limits: tuple[_Limit, ...], recent: Recent | None, now_ns: int) -> str | None:
    if recent is not None:
        noted = len(recent.times)
        for limit, window_ns in limits:
            if noted >= limit and recent.reaches(limit, window_ns, now_ns):
                return f"{limit} orders came within the last {window_ns // SECOND_NS} s"
    return None


def make_velocity(config: RiskConfig) -> VelocityRule | None:
    """The rule, if anything is limited by time."""
    overall = _limits(config.max_orders_per_second, config.max_orders_per_minute)
    per_strategy = _limits(config.max_orders_per_second_per_strategy, config.max_orders_per_minute_per_strategy)
    if not overall and not per_strategy and config.max_messages_per_second is None:
        return None
    return VelocityRule(overall, per_strategy, config.max_messages_per_second)


def _limits(per_second: int | None, per_minute: int | None) -> tuple[_Limit, ...]:
    pairs = ((per_second, SECOND_NS), (per_minute, MINUTE_NS))
    return tuple((limit, window_ns) for limit, window_ns in pairs if limit is not None)
