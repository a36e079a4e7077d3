"""Asking algorithms: their code may come from anywhere, so what it raises ends their own parent and nothing else.

A parent whose algorithm failed is wound down here: its children are cancelled, and once none is open it ends.
"""

from collections.abc import Callable, Sequence
from typing import Final

from liveexec.domain import order_event as ev
from liveexec.domain.ids import OperationId
from liveexec.domain.intent import OrderIntent
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_event import Resolution
from liveexec.engine.algorithm import Action, ExecutionAlgorithm, ParentView
from liveexec.engine.algorithms import family
from liveexec.engine.core import AlgorithmFailure
from liveexec.engine.turn import Turn
from liveexec.errors import Fault, InvalidInput, LiveExecError

__all__ = ["ALGORITHM_FAILED", "Overreach", "Question", "ask", "fail", "read_parameters"]

#: The code of a parent that ended because its algorithm failed.
ALGORITHM_FAILED: Final = "ALGORITHM_FAILED"

#: What an algorithm is asked: one of its methods, given what it sees.
Question = Callable[[ExecutionAlgorithm, ParentView], Sequence[Action]]


class Overreach(LiveExecError):
    """An algorithm asked for what no parent may do."""


def ask(turn: Turn, parent: Order, view: ParentView, question: Question) -> Sequence[Action]:
    """What the parent's algorithm wants; for one that failed, now or before, what winds its parent down."""
    if parent.order_id not in turn.core.failed:
        name = parent.intent.exec_algorithm
        algorithm = turn.core.algorithms.get(name)
        if algorithm is None:
            return fail(turn, parent, view, LookupError(name), f"its algorithm {name} is not registered any more")
        try:
            if parent.order_id not in turn.core.parameters:
                # After a restart they are read from the intent again.
                turn.core.parameters[parent.order_id] = algorithm.parse(
                    parent.intent.exec_algorithm_params, parent.intent
                )
            view.params = turn.core.parameters[parent.order_id]
            return tuple(question(algorithm, view))
        except Exception as error:  # noqa: BLE001 - a plugin's bug ends this parent and stops no other order
            # The type alone: a message may hold addresses, and what is recorded is the same in every run.
            return fail(turn, parent, view, error, f"its algorithm {name} raised {type(error).__name__}")
    return _wound_down(turn, parent, view)


def fail(turn: Turn, parent: Order, view: ParentView, error: Exception, reason: str) -> Sequence[Action]:
    """Record that the algorithm failed, as a cancel that survives a restart, and wind the parent down."""
    turn.core.failed[parent.order_id] = reason
    turn.core.failures.append(AlgorithmFailure(parent.intent.exec_algorithm, parent.order_id, error))
    if parent.cancel is PendingCancel.NONE:
        operation_id = OperationId(f"OP.{parent.order_id[4:]}.failed")
        turn.emit(parent.order_id, ev.CancelRequested(operation_id, "", "engine", reason))
    return _wound_down(turn, parent, view)


def read_parameters(algorithm: ExecutionAlgorithm, intent: OrderIntent) -> object:
    """What the algorithm makes of an intent's parameters.

    Raises:
        InvalidInput: it refuses them, or broke over them.
    """
    try:
        return algorithm.parse(intent.exec_algorithm_params, intent)
    except InvalidInput:
        raise
    except Exception as error:
        fault = Fault("exec_algorithm_params", f"{intent.exec_algorithm} broke over them: {type(error).__name__}")
        raise InvalidInput("order intent", [fault]) from error


def _wound_down(turn: Turn, parent: Order, view: ParentView) -> Sequence[Action]:
    resolution = Resolution.CANCELED if parent.children else Resolution.REJECTED
    return family.wind_down(view, resolution, ALGORITHM_FAILED, turn.core.failed[parent.order_id])
