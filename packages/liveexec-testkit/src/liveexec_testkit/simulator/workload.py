"""What the host does in a run: orders of every kind, cancels, changes, repeated requests, kills.

Each operation draws its details from its own seed and from the orders that are known when it runs, so that taking
another one out of the plan changes as little as possible.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Final, assert_never

import attrs
from attrs import define, evolve, field

from liveexec.domain.ids import OperationId, OrderId
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.result import ExecutionResult
from liveexec.errors import (
    Busy,
    Draining,
    Fenced,
    Halted,
    InvalidInput,
    LiveExecError,
    NotFound,
    OperationConflict,
    OutcomeUnknown,
    StorageError,
)
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator, Wait
from liveexec_testkit.simulator.defects import PlantedDefect
from liveexec_testkit.simulator.determinism import WALL_NS
from liveexec_testkit.simulator.intents import any_intent
from liveexec_testkit.simulator.kill_switch import KillSwitch
from liveexec_testkit.simulator.loop import SimLoop
from liveexec_testkit.simulator.market import LOT, TICK
from liveexec_testkit.simulator.operators import Operators
from liveexec_testkit.simulator.plan import Operation, OperationKind
from liveexec_testkit.simulator.trace import Trace
from liveexec_testkit.simulator.venue import SimVenue

__all__ = ["Workload"]

#: What a caller may be told instead of a result.
_EXPECTED: Final = (Busy, Draining, Fenced, Halted, InvalidInput, NotFound, OutcomeUnknown, StorageError)
#: How often an order is cancelled as soon as it is recorded.
_AT_ONCE: Final = 0.1
#: How often an order is changed as soon as its venue has it.
_CHANGED: Final = 0.2
#: How often whoever was told of an order looks it up in the tables at once.
_SYNCED: Final = 0.1
_WORKING: Final = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)
_WAITS: Final[tuple[Wait, ...]] = ("durable", "durable", "ack", "terminal")


@define(eq=False)
class Workload:
    """Carries out operations. ``told`` hears every result that a caller got, ``failed`` every error that it should not;
    ``violate`` takes what a caller sees to be wrong."""

    loop: SimLoop
    trace: Trace
    venues: list[SimVenue]
    kill_switch: KillSwitch
    told: Callable[[ExecutionResult], None]
    failed: Callable[[Operation, Exception], None]
    violate: Callable[[int, str], None]
    #: Orders whose cancel a caller asked for.
    cancelled: dict[OrderId, None] = field(factory=dict)
    #: Orders by the operation id that a caller was told of them for.
    by_operation: dict[OperationId, OrderId] = field(factory=dict)
    #: Orchestrators that a host closes.
    closing: list[LiveExecutionOrchestrator] = field(factory=list)
    #: Orders that callers know of, oldest first.
    known: list[OrderId] = field(factory=list)
    #: Intents with an operation id of their own, which may be sent again.
    repeatable: list[OrderIntent] = field(factory=list)
    on_closed: Callable[[LiveExecutionOrchestrator], None] = lambda _: None
    #: How far the tables go.
    projected: Callable[[], int] = lambda: 0
    #: Whether an orchestrator's journal has waited too long for its store.
    is_stalled: Callable[[LiveExecutionOrchestrator], bool] = lambda _: False
    operators: Operators = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.operators = Operators(self.trace, self.violate)

    async def perform(self, operation: Operation, live: LiveExecutionOrchestrator) -> None:
        """Do one operation on a process's orchestrator."""
        random = Random(operation.seed)
        try:
            await self._perform(operation, random, live)
        except _EXPECTED as error:
            self.trace.add("host", f"{operation.kind} failed: {type(error).__name__}: {error}")
        except PlantedDefect as error:
            self.trace.add("host", f"{operation.kind} met {error}")
        except LiveExecError as error:
            # Before the first life of a shard there is nothing to ask; a defect that was planted is told as such.
            if "not running" not in str(error) and "the engine failed, and nothing was recorded" not in str(error):
                self.failed(operation, error)
        except Exception as error:  # noqa: BLE001  (whatever else a host gets to see is a finding)
            self.failed(operation, error)

    async def _perform(self, operation: Operation, random: Random, live: LiveExecutionOrchestrator) -> None:
        match operation.kind:
            case OperationKind.SUBMIT:
                await self._submit(self._intent(random, operation.seed), random, live)
            case OperationKind.REPEAT:
                if self.repeatable:
                    await self._submit(random.choice(self.repeatable), random, live)
            case OperationKind.CANCEL:
                if self.known:
                    order_id = self._some_open_order(random, live)
                    self.trace.add("host", f"cancel {order_id}")
                    self.cancelled[order_id] = None
                    self._take(await live.cancel(CancelIntent(order_id), wait=random.choice(_WAITS), timeout_s=0.5))
            case OperationKind.REPLACE:
                await self._replace(random, live)
            case OperationKind.RESULT:
                if self.known:
                    self._take(await live.result(self._some_order(random)))
            case OperationKind.KILL:
                await self.kill_switch.pull(random, live)
            case OperationKind.RELEASE:
                await self.kill_switch.release(live)
            case OperationKind.REDUCE:
                await self.kill_switch.reduce(random, live)
            case OperationKind.CONFLICT:
                await self._contradict(random, live)
            case OperationKind.SYNC:
                await self._sync(live)
            case OperationKind.MALFORMED:
                self._malform(random)
            case OperationKind.RESOLVE:
                await self.operators.resolve(random, live)
            case OperationKind.ACCEPT_DRIFT:
                await self.operators.accept_drift(random, live)
            case OperationKind.STOP_STRANGER:
                await self.operators.stop_a_stranger(random, live)
            case OperationKind.CLOSE:
                self.trace.add("host", "close")
                self.closing.append(live)
                late = Operation(0, OperationKind.REPLACE, random.getrandbits(32))
                asked = asyncio.create_task(self.perform(late, live))
                await live.close(timeout_s=random.choice((0.05, 1.0)))
                await asked
                self.on_closed(live)
            case unknown:
                assert_never(unknown)

    async def _submit(self, intent: OrderIntent, random: Random, live: LiveExecutionOrchestrator) -> None:
        if intent.operation_id is not None and intent not in self.repeatable:
            self.repeatable.append(intent)
        self.trace.add(
            "host",
            f"submit {intent.side} {intent.quantity} {intent.instrument_key} {intent.order_type} {intent.price or ''} "
            f"{intent.time_in_force} {intent.exec_algorithm}",
        )
        was_closing, could_not_write = live in self.closing, self.is_stalled(live)
        is_changed = random.random() < _CHANGED
        wait: Wait = "ack" if is_changed else random.choice(_WAITS)
        result = await live.submit(intent, wait=wait, timeout_s=random.random())
        if was_closing:
            self.violate(26, f"{result.order_id} was taken by a host that closes")
        if could_not_write:
            self.violate(23, f"{result.order_id} was taken while the journal could not write")
        if intent.operation_id is not None:
            known = self.by_operation.setdefault(intent.operation_id, result.order_id)
            if known != result.order_id:
                self.violate(26, f"{intent.operation_id} is {known}, and {result.order_id} as well")
        self._take(result)
        if random.random() < _SYNCED:
            await self._sync(live)
        if random.random() < _AT_ONCE:
            # Before the venue has answered, mostly.
            self.trace.add("host", f"cancel {result.order_id} at once")
            self.cancelled[result.order_id] = None
            self._take(await live.cancel(CancelIntent(result.order_id), wait="durable"))
        elif is_changed:
            await self._change(result.order_id, random, live)

    async def _contradict(self, random: Random, live: LiveExecutionOrchestrator) -> None:
        """An operation id that was used, with another content."""
        used = [intent for intent in self.repeatable if intent.operation_id in self.by_operation]
        if not used:
            return
        intent = random.choice(used)
        try:
            result = await live.submit(evolve(intent, quantity=intent.quantity + LOT))
        except OperationConflict:
            return
        self.violate(26, f"{intent.operation_id} has another content, and gave {result.order_id}")

    async def _sync(self, live: LiveExecutionOrchestrator) -> None:
        """Whoever waits for the tables finds in them what he could see."""
        position = live.shard.view.position
        await live.synced()
        if (shown := self.projected()) < position:
            self.violate(18, f"the tables stand at {shown}, and who waited for {position} was let in")

    def _malform(self, random: Random) -> None:
        """An order that is none: it is refused where it is built."""
        values = attrs.asdict(self._intent(random, random.getrandbits(32)), recurse=False)
        name, wrong = random.choice(
            (
                ("quantity", Decimal("0.1000000000000000001")),
                ("quantity", Decimal("NaN")),
                ("quantity", Decimal(-1)),
                ("price", Decimal("1.0000000000000000001")),
                ("side", None),
            )
        )
        try:
            OrderIntent(**(values | {name: wrong}))
        except InvalidInput:
            return
        self.violate(26, f"an order with {name} {wrong} was built")

    async def _replace(self, random: Random, live: LiveExecutionOrchestrator) -> None:
        if not self.known:
            return
        await self._change(self._some_working_order(random, live), random, live)

    async def _change(self, order_id: OrderId, random: Random, live: LiveExecutionOrchestrator) -> None:
        order = live.orders.get(order_id)
        if order is not None and order.children and random.random() < 0.8:
            # A child can be changed like any other order, within what its parent gave it.
            order_id = order.children[-1]
            order = live.orders.get(order_id)
        if order is None or order.price is None:
            return
        quantity = max(LOT, order.quantity + LOT * random.randrange(-10, 11)) if random.random() < 0.7 else None
        price = order.price + TICK * random.randrange(-4, 5) if quantity is None or random.random() < 0.5 else None
        self.trace.add("host", f"replace {order_id} to {quantity} @ {price}")
        intent = ReplaceIntent(order_id, quantity, price)
        was_closing = live in self.closing
        result = await live.replace(intent, wait=random.choice(_WAITS), timeout_s=0.5)
        if was_closing:
            self.violate(26, f"{order_id} was changed by a host that closes")
        self._take(result)

    def _take(self, result: ExecutionResult) -> None:
        if result.order_id not in self.known:
            self.known.append(result.order_id)
        self.trace.add("host", f"told: {result.order_id} is {result.status}, {result.filled_quantity} filled")
        self.told(result)

    def _some_order(self, random: Random) -> OrderId:
        # Mostly a young one: those still live.
        known = self.known
        return known[-1 - min(int(random.expovariate(0.25)), len(known) - 1)]

    def _some_open_order(self, random: Random, live: LiveExecutionOrchestrator) -> OrderId:
        """Mostly one that a change or a cancel still does something to."""
        orders = live.orders
        still_open = [each for each in self.known[-20:] if (order := orders.get(each)) is not None and order.is_open]
        if still_open and random.random() < 0.75:
            return random.choice(still_open)
        return self._some_order(random)

    def _some_working_order(self, random: Random, live: LiveExecutionOrchestrator) -> OrderId:
        """Mostly one that its venue works, or a parent of such ones: others can't be changed."""
        orders = live.orders
        working = [
            each
            for each in self.known[-20:]
            if (order := orders.get(each)) is not None
            and (order.status in _WORKING or (order.is_open and order.children))
        ]
        if working and random.random() < 0.85:
            return random.choice(working)
        return self._some_open_order(random, live)

    def _intent(self, random: Random, seed: int) -> OrderIntent:
        return any_intent(random, seed, self.venues, WALL_NS + self.loop.now_ns)
