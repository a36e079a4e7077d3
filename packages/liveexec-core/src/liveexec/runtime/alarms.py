"""What an operator has to look at, in the log as soon as it is known."""

import structlog

from liveexec.domain.account_event import DriftSeen
from liveexec.domain.record import Record
from liveexec.engine.engine import ExecutionEngine
from liveexec.runtime.logs import traceback_of

__all__ = ["alarm_drifts", "alarm_plugins"]

_log = structlog.get_logger(__name__)


def alarm_drifts(record: Record) -> None:
    """A venue says something else than we do of an account, durably."""
    for event in record.events:
        if isinstance(event, DriftSeen):
            # One that healed stays until it is accepted, and is no alarm any more.
            say = _log.error if event.ours != event.theirs else _log.warning
            say(
                "drift", account=event.account_id, subject=event.subject, ours=str(event.ours), theirs=str(event.theirs)
            )


def alarm_plugins(engine: ExecutionEngine) -> None:
    """What rules and algorithms did wrong since this was last asked; the engine itself does no logging."""
    for slow in engine.risk.drain_slow_rules():
        _log.warning("risk_rule_slow", rule=slow.name, order=slow.order_id, took_us=slow.took_ns // 1_000)
    for broken in engine.drain_failures():
        cause = traceback_of(broken.error)
        _log.error("algorithm_failed", algorithm=broken.name, order=broken.order_id, traceback=cause)
    for failure in engine.risk.drain_failures():
        cause = traceback_of(failure.error)
        _log.error("risk_rule_failed", rule=failure.name, order=failure.order_id, traceback=cause)
