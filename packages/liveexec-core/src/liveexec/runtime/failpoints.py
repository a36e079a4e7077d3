"""Fail points: the named moments at which a test may end or stop this process, to see what the next one makes of it.

Nothing is armed unless somebody calls :func:`arm`; then a moment costs one comparison. No setting and no variable of
the environment arms one by itself. The engine has none: it knows no process that could end.
"""

import os
import signal
import threading
from collections.abc import Callable
from enum import StrEnum

from attrs import define

__all__ = ["Action", "FailPoint", "arm", "disarm", "kill", "kill_after", "reach", "stop"]

#: What happens to the process that reaches the moment.
Action = Callable[[], None]


class FailPoint(StrEnum):
    """The moments, in the order of a life and then of an order."""

    ACQUIRED = "start.acquired"
    LOADED = "start.loaded"
    RECOVERED = "start.recovered"
    STARTED = "start.started"
    CONNECTED = "session.connected"
    TRUSTED = "session.trusted"
    LOST = "session.lost"
    RECONCILING = "reconcile.begins"
    FILLS_FETCHED = "reconcile.fills_fetched"
    SNAPSHOT_FETCHED = "reconcile.snapshot_fetched"
    RECONCILED = "reconcile.ended"
    SUBMIT_ASKED = "ask.submit"
    CHANGE_ASKED = "ask.change"
    KILL_LATCHED = "ask.kill_latched"
    DECIDED = "engine.decided"
    TOLD = "engine.told"
    BEFORE_APPEND = "journal.before_append"
    AFTER_APPEND = "journal.after_append"
    BATCH_TOLD = "journal.batch_told"
    BEFORE_EFFECTS = "effects.before"
    AFTER_EFFECTS = "effects.after"
    BEFORE_SUBMIT = "submit.before_send"
    AFTER_SUBMIT = "submit.answered"
    BEFORE_CANCEL = "cancel.before_send"
    AFTER_CANCEL = "cancel.answered"
    BEFORE_REPLACE = "replace.before_send"
    AFTER_REPLACE = "replace.answered"
    IN_FLIGHT = "request.in_flight"
    BEFORE_QUERY = "query.before_send"
    AFTER_QUERY = "query.answered"
    BEFORE_PROJECT = "projector.before_commit"
    AFTER_PROJECT = "projector.after_commit"
    BEFORE_LOOK_UP = "hydrator.before_look_up"
    BROUGHT_IN = "hydrator.brought_in"
    FORGOTTEN = "memory.forgotten"
    TIMER_RANG = "timer.rang"
    BEFORE_RENEW = "lease.before_renewal"
    AFTER_RENEW = "lease.after_renewal"
    CLOSING = "close.begins"
    DRAINED = "close.drained"
    BEFORE_RELEASE = "close.before_release"
    AFTER_RELEASE = "close.after_release"


@define
class _Armed:
    point: FailPoint
    hits_left: int
    action: Action


#: What is armed in this process: one moment at most.
_armed: _Armed | None = None


def arm(point: FailPoint, *, hit: int = 1, action: Action | None = None) -> None:
    """Have the ``hit``-th time that the moment is reached end this process (or do something else); replaces what was
    armed before."""
    if hit < 1:
        raise ValueError(f"hit must be at least 1, not {hit}")
    global _armed  # noqa: PLW0603  (a process ends as a whole, and an object around it would cost every moment)
    _armed = _Armed(point, hit, action if action is not None else kill)


def disarm() -> None:
    """Have nothing happen at any moment."""
    global _armed  # noqa: PLW0603  (as above)
    _armed = None


def reach(point: FailPoint) -> None:
    """The process is at this moment."""
    if _armed is None or _armed.point is not point:
        return
    _armed.hits_left -= 1
    if _armed.hits_left == 0:
        action = _armed.action
        disarm()
        action()


def kill() -> None:
    """End this process at once, without any chance to tidy up."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_after(delay_s: float) -> Action:
    """End this process that much later, wherever it is by then: in the middle of a commit, say."""

    def later() -> None:
        threading.Timer(delay_s, kill).start()

    return later


def stop() -> None:
    """Stop this process where it is, until somebody sends it SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)
