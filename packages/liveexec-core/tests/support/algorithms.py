"""A deterministic engine in miniature for algorithm tests: one parent, its children, its timer, and a script for them.

The parent is a real :class:`Order`, folded from real events, so that whatever an algorithm does can be journaled. Each
spawn is checked against what the engine demands. ``restart`` forgets the algorithm and rebuilds everything from what a
journal would hold.

from support.algorithms import Bench
"""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal

from attrs import define, field

from liveexec.domain import money
from liveexec.domain import order_event as ev
from liveexec.domain.ids import child_order_id
from liveexec.domain.intent import OrderIntent
from liveexec.domain.market import TradeBar
from liveexec.domain.order import Order
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_fold import apply_event, settle_family
from liveexec.domain.order_state import OPEN_STATUSES, OrderStatus
from liveexec.engine.algorithm import (
    Action,
    CancelChild,
    ChildView,
    ExecutionAlgorithm,
    Finish,
    FixSchedule,
    ParentView,
    Spawn,
    WakeAt,
)
from support.builders import NOW_NS, make_cancel_requested, make_order, make_order_id

__all__ = ["MS", "Bench", "Child", "S", "fill_all", "fill_none", "fill_part", "leave_open", "refuse"]

MS = 1_000_000
S = 1_000_000_000


@define(eq=False)
class Child:
    """A child as the miniature engine keeps it."""

    ordinal: int
    spawn: Spawn
    created_at_ns: int
    status: OrderStatus = OrderStatus.ACCEPTED
    filled: Decimal = Decimal(0)
    is_canceling: bool = False
    code: str | None = None

    @property
    def quantity(self) -> Decimal:
        return self.spawn.quantity

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled if self.is_open else Decimal(0)


#: What becomes of a child as soon as it is spawned.
Script = Callable[["Bench", Child], None]


def fill_all(bench: "Bench", child: Child) -> None:
    """It fills at once."""
    bench.fill(child)


def fill_none(bench: "Bench", child: Child) -> None:
    """An order that takes found nothing."""
    bench.end(child, OrderStatus.CANCELED)


def fill_part(fraction: str) -> Script:
    """It fills in part, and what is left is gone."""

    def script(bench: "Bench", child: Child) -> None:
        bench.fill(child, money.floor_to(child.quantity * Decimal(fraction), bench.lot))
        if child.is_open:
            bench.end(child, OrderStatus.CANCELED)

    return script


def leave_open(_bench: "Bench", _child: Child) -> None:
    """Nothing happens for now."""


def refuse(bench: "Bench", child: Child) -> None:
    """Risk or the venue refuses it."""
    child.code = "PRICE_TOLERANCE"
    bench.end(child, OrderStatus.REJECTED)


@define(eq=False)
class Bench:
    """One parent on its way. ``script`` says what becomes of each child; a test can change it, and drive children."""

    algorithm: ExecutionAlgorithm
    intent: OrderIntent
    lot: Decimal = Decimal("0.001")
    min_quantity: Decimal = Decimal("0.001")
    script: Script = fill_all
    bars: Sequence[TradeBar] = ()
    now_ns: int = NOW_NS
    restart_always: bool = False
    parent: Order = field(init=False)
    children: list[Child] = field(init=False, factory=list)
    timer_ns: int | None = field(init=False, default=None)
    finish: Finish | None = field(init=False, default=None)
    params: object = field(init=False, default=None)
    _pending: list[int] = field(init=False, factory=list)
    _busy: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.parent = make_order(intent=self.intent, order_id=make_order_id(7))
        self.params = self.algorithm.parse(self.intent.exec_algorithm_params, self.intent)

    @property
    def slices(self) -> list[str]:
        """The quantities spawned so far, in order."""
        return [money.plain(child.quantity.normalize()) for child in self.children]

    @property
    def times_s(self) -> list[float]:
        """When the children were spawned, in seconds after the start."""
        return [(child.created_at_ns - NOW_NS) / S for child in self.children]

    @property
    def filled(self) -> Decimal:
        return self.parent.filled_quantity

    def start(self) -> "Bench":
        """The parent was approved."""
        self._perform(self.algorithm.start(self.view()))
        return self

    def run_until(self, seconds: float) -> "Bench":
        """Let time pass to so many seconds after the start, ringing every timer that comes due."""
        until_ns = NOW_NS + round(seconds * S)
        while self.finish is None and self.timer_ns is not None and self.timer_ns <= until_ns:
            self.now_ns, self.timer_ns = max(self.now_ns, self.timer_ns), None
            self.ring()
        self.now_ns = max(self.now_ns, until_ns)
        return self

    def ring(self) -> None:
        """The timer rings now."""
        if self.restart_always:
            self.restart()
        else:
            self._perform(self.algorithm.on_timer(self.view()))

    def skip_to(self, seconds: float) -> "Bench":
        """The process is down until so many seconds after the start: no timer rings."""
        self.now_ns, self.timer_ns = NOW_NS + round(seconds * S), None
        return self

    def restart(self) -> "Bench":
        """A new process: everything is rebuilt from what is journaled, and goes on."""
        self.algorithm = type(self.algorithm)()
        document = json.loads(json.dumps(self.intent.exec_algorithm_params))
        self.params = self.algorithm.parse(document, self.intent)
        self.parent.schedule = json.loads(json.dumps(self.parent.schedule))
        self.timer_ns = None
        if self.finish is None:
            self._perform(self.algorithm.on_timer(self.view()))
        return self

    def fill(self, child: Child, quantity: Decimal | None = None) -> None:
        """The child fills, wholly if nothing else is said."""
        quantity = child.quantity - child.filled if quantity is None else quantity
        child.filled += quantity
        settle_family(self.parent, quantity, quantity * 100, self.now_ns)
        if child.is_open and child.filled:
            done = child.filled >= child.quantity
            child.status = OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED
        self._stir(child)

    def end(self, child: Child, status: OrderStatus) -> None:
        """The child ends, or nobody knows."""
        child.status = status
        self._stir(child)

    def cancel(self) -> None:
        """Somebody wants the parent gone."""
        apply_event(self.parent, make_cancel_requested(), self.now_ns)
        self._perform(self.algorithm.on_cancel(self.view()))

    def view(self) -> ParentView:
        """The parent as its algorithm sees it."""
        side = self.intent.side
        assert side is not None
        return ParentView(
            order=self.parent,
            side=side,
            quantity=self.parent.quantity,
            limit_price=self.parent.price,
            params=self.params,
            schedule=self.parent.schedule,
            children=[_view_of(self.parent, child) for child in self.children],
            now_ns=self.now_ns,
            started_at_ns=self.parent.created_at_ns,
            lot=self.lot,
            min_quantity=self.min_quantity,
            book=None,
            bars=self.bars,
        )

    def _stir(self, child: Child) -> None:
        # As in the engine, what a child leads to is asked after what is under way.
        self._pending.append(child.ordinal)
        if not self._busy:
            self._settle()

    def _settle(self) -> None:
        while self._pending and self.finish is None:
            child = self.children[self._pending.pop(0) - 1]
            view = self.view()
            stirred = next(found for found in view.children if found.ordinal == child.ordinal)
            self._perform(
                self.algorithm.on_cancel(view) if view.is_canceling else self.algorithm.on_child(view, stirred)
            )

    def _perform(self, actions: Sequence[Action]) -> None:
        assert self.finish is None or not actions, "a finished parent does nothing more"
        outer, self._busy = self._busy, True
        for action in actions:
            self._do(action)
        self._busy = outer
        if not self._busy:
            self._settle()

    def _do(self, action: Action) -> None:
        match action:
            case FixSchedule(schedule):
                apply_event(self.parent, ev.ScheduleFixed(json.loads(json.dumps(schedule))), self.now_ns)
            case Spawn():
                self._spawn(action)
            case CancelChild(ordinal):
                child = self.children[ordinal - 1]
                assert child.is_open
                assert not child.is_canceling, "a cancel is asked for once"
                child.is_canceling = True
            case WakeAt(at_ns):
                assert at_ns > self.now_ns, "a timer in the past would ring for ever"
                self.timer_ns = at_ns
            case Finish(resolution, code, reason):
                assert not any(child.is_open for child in self.children), "a child is open"
                apply_event(self.parent, ev.ParentFinished(resolution, code, reason), self.now_ns)
                self.finish, self.timer_ns = action, None

    def _spawn(self, action: Spawn) -> None:
        live = sum((child.leaves for child in self.children), Decimal(0))
        assert money.is_multiple(action.quantity, self.lot), f"{action.quantity} is off the lot"
        assert action.quantity >= self.min_quantity, f"{action.quantity} is below the minimum"
        assert self.filled + live + action.quantity <= self.parent.quantity, "more than the parent"
        child = Child(len(self.children) + 1, action, self.now_ns)
        self.children.append(child)
        apply_event(
            self.parent,
            ev.ChildSpawned(child_order_id(self.parent.order_id, child.ordinal), child.ordinal, action.quantity),
            self.now_ns,
        )
        self.script(self, child)

    @property
    def outcome(self) -> tuple[Resolution, str | None] | None:
        """How the parent finished, if it did."""
        return (self.finish.resolution, self.finish.code) if self.finish is not None else None


def _view_of(parent: Order, child: Child) -> ChildView:
    return ChildView(
        ordinal=child.ordinal,
        quantity=child.quantity,
        filled_quantity=child.filled,
        leaves=child.leaves,
        is_open=child.is_open,
        order_id=child_order_id(parent.order_id, child.ordinal),
        status=child.status,
        created_at_ns=child.created_at_ns,
        is_canceling=child.is_canceling,
        code=child.code,
    )
