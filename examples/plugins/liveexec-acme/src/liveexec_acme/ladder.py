"""LADDER: the order rests on several prices at once, an equal part on each."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from attrs import frozen

from liveexec.domain.intent import OrderIntent
from liveexec.domain.money import parse_decimal
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order_event import Resolution
from liveexec.engine.algorithm import Action, CancelChild, ChildView, Finish, ParentView, Spawn
from liveexec.errors import Fault, InvalidInput


@frozen
class LadderParameters:
    """How many prices, and how far apart they are, away from the market."""

    rungs: int
    step: Decimal


class Ladder:
    """Stateless: everything follows from the view, so a restart changes nothing."""

    name = "LADDER"
    wants_market = False

    def parse(self, params: Mapping[str, Any] | None, intent: OrderIntent) -> LadderParameters:
        """Check the parameters.

        Raises:
            InvalidInput: with every fault.
        """
        given, faults = dict(params or {}), []
        rungs, step = given.pop("rungs", None), given.pop("step", None)
        if not isinstance(rungs, int) or not 2 <= rungs <= 20:
            faults.append(Fault("exec_algorithm_params.rungs", "must be a whole number from 2 to 20"))
        distance = _number(step)
        if distance is None or distance <= 0:
            faults.append(Fault("exec_algorithm_params.step", "must be a number above zero"))
        if intent.order_type is not OrderType.LIMIT:
            faults.append(Fault("order_type", "LADDER takes LIMIT orders: the limit is its first rung"))
        faults += [Fault(f"exec_algorithm_params.{name}", "is not known") for name in given]
        if faults or rungs is None or distance is None:
            raise InvalidInput("order intent", faults)
        return LadderParameters(rungs, distance)

    def start(self, view: ParentView) -> Sequence[Action]:
        """Every rung at once; what the lots leave over goes to the first."""
        parameters = view.params
        assert isinstance(parameters, LadderParameters)
        assert view.limit_price is not None
        part = view.quantity / parameters.rungs // view.lot * view.lot
        if part < view.min_quantity:
            return [Finish(Resolution.REJECTED, "TOO_SMALL", f"{parameters.rungs} rungs would be below the minimum")]
        first = view.quantity - part * (parameters.rungs - 1)
        return [
            Spawn(
                first if rung == 0 else part,
                OrderType.LIMIT,
                view.limit_price - parameters.step * rung * view.side.sign,
                TimeInForce.GTC,
            )
            for rung in range(parameters.rungs)
        ]

    def on_timer(self, view: ParentView) -> Sequence[Action]:
        """After a restart: rungs that are out stay out, and what has ended may end the parent."""
        return self._ended(view) if view.children else self.start(view)

    def on_child(self, view: ParentView, _child: ChildView) -> Sequence[Action]:
        """A rung filled, or was refused."""
        return self._ended(view)

    def on_market(self, _view: ParentView) -> Sequence[Action]:
        """It does not follow the market."""
        return ()

    def on_cancel(self, view: ParentView) -> Sequence[Action]:
        """Take the rungs down; the parent ends when they are gone."""
        live = [CancelChild(child.ordinal) for child in view.children if child.is_open and not child.is_canceling]
        return live or self._ended(view)

    def _ended(self, view: ParentView) -> Sequence[Action]:
        if any(child.is_open for child in view.children):
            return ()
        resolution = Resolution.FILLED if view.filled >= view.quantity else Resolution.CANCELED
        return [Finish(resolution, None, f"{view.filled} of {view.quantity} filled on {len(view.children)} rungs")]


def _number(written: object) -> Decimal | None:
    try:
        return parse_decimal(str(written))
    except ValueError:
        return None
