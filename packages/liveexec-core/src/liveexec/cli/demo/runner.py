"""Runs the demo's steps against an orchestrator, and says of each how it ended and whether that was expected.

Every operation id is fixed, so a run that was killed and begun again asks for the same orders and gets the results
that are recorded. An order that provably never left (``NOT_SENT``) is asked for again under another id.
"""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import anyio
from attrs import evolve, frozen

from liveexec.cli.demo.steps import Action, Expectation, OrderStep, Step
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import OperationId, OrderId, venue_of
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.result import ExecutionResult
from liveexec.errors import Fault, InvalidInput, LiveExecError
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator

__all__ = ["Outcome", "Runner"]

#: How often an order that never left is asked for again.
_ATTEMPTS: Final = 5
_STEP_TIMEOUT_S: Final = 60.0


@frozen
class Outcome:
    """How a step ended. ``difference`` says what was expected instead; ``None`` when it ended as expected."""

    step: Step
    shown: str
    took_s: float
    difference: str | None


class Runner:
    """Executes steps. ``told`` is called as each one begins, ``done`` as it ends."""

    def __init__(
        self,
        live: LiveExecutionOrchestrator,
        *,
        told: Callable[[Step], None],
        done: Callable[[Outcome], None],
    ) -> None:
        self._live, self._told, self._done = live, told, done
        self._orders: dict[str, OrderId] = {}
        self._intents: dict[str, OrderIntent] = {}
        self.outcomes: list[Outcome] = []

    async def run(self, steps: list[Step]) -> None:
        """Run all steps; those in the background go on while the others run, and are waited for."""
        last = [step for step in steps if isinstance(step, Action) and step.action == "cancel_open"]
        async with anyio.create_task_group() as background:
            for step in steps:
                if isinstance(step, OrderStep) and step.background:
                    background.start_soon(self._run_one, step)
            rest = [
                step for step in steps if step not in last and not (isinstance(step, OrderStep) and step.background)
            ]
            for together in _groups(rest):
                async with anyio.create_task_group() as group:
                    for step in together:
                        group.start_soon(self._run_one, step)
        for step in last:
            await self._run_one(step)

    async def _run_one(self, step: Step) -> None:
        self._told(step)
        started_s = time.perf_counter()
        shown, difference = "", None
        try:
            with anyio.fail_after(_STEP_TIMEOUT_S):
                result = await self._submit(step) if isinstance(step, OrderStep) else await self._act(step)
        except LiveExecError as error:
            shown = type(error).__name__
            if step.expect.error != shown:
                difference = f"{shown}: {error}"
        except TimeoutError:
            shown, difference = "no end", f"did not end within {_STEP_TIMEOUT_S:.0f} s"
        else:
            shown = _shown(result)
            difference = _difference(step.expect, result, self._live)
        outcome = Outcome(step, shown, time.perf_counter() - started_s, difference)
        self.outcomes.append(outcome)
        self._done(outcome)

    async def _submit(self, step: OrderStep) -> ExecutionResult:
        if step.burst > 1:
            return await self._burst(step)
        return await self._submit_one(step, step.intent)

    async def _submit_one(self, step: OrderStep, intent: OrderIntent) -> ExecutionResult:
        for attempt in range(1, _ATTEMPTS + 1):
            operation_id = OperationId(f"{intent.operation_id}{f'.{attempt}' if attempt > 1 else ''}")
            asked = evolve(intent, operation_id=operation_id)
            result = await self._live.submit(asked, wait=step.wait, timeout_s=_STEP_TIMEOUT_S)
            if result.status is OrderStatus.UNKNOWN:
                # After a restart: whether it arrived is being found out.
                result = await self._until(result.order_id, lambda order: order.status is not OrderStatus.UNKNOWN)
            self._orders[step.name] = result.order_id
            self._intents[step.name] = asked
            if result.rejection_reason != "NOT_SENT":
                return result
        return result

    async def _until(self, order_id: OrderId, holds: Callable[[Order], bool]) -> ExecutionResult:
        """How an order stands once something holds of it."""
        subscription = self._live.stream()
        try:
            if not holds(self._live.orders[order_id]):
                async for item in subscription:
                    if item.stream == order_id and holds(self._live.orders[order_id]):
                        break
        finally:
            subscription.close()
        return await self._live.result(order_id)

    async def _burst(self, step: OrderStep) -> ExecutionResult:
        """Submit the order several times, at once or one after the other; the last to be refused is the result."""
        lot = Decimal(1).scaleb(_exponent(step.intent.quantity))
        intents = [
            evolve(
                step.intent,
                operation_id=OperationId(f"{step.intent.operation_id}.{number}of{step.burst}"),
                quantity=step.intent.quantity + (0 if step.identical else lot * number),
            )
            for number in range(2 * step.burst if step.sequential else step.burst)
        ]
        results: list[ExecutionResult] = []

        async def one(intent: OrderIntent) -> None:
            results.append(await self._submit_one(step, intent))

        if step.sequential:
            for number, intent in enumerate(intents, 1):
                await one(intent)
                is_refused = any(result.rejection_reason == step.expect.code for result in results)
                # What was executed before a crash is not counted after it, so that it may take some more.
                if number >= step.burst and is_refused:
                    break
        else:
            async with anyio.create_task_group() as group:
                for intent in intents:
                    group.start_soon(one, intent)
        refused = [result for result in results if result.rejection_reason == step.expect.code]
        return refused[-1] if refused else results[-1]

    async def _act(self, step: Action) -> ExecutionResult | None:
        match step.action:
            case "cancel":
                wish = CancelIntent(self._order_of(step), OperationId(f"OP-{step.name}"))
                return await self._live.cancel(wish, wait="terminal", timeout_s=_STEP_TIMEOUT_S)
            case "replace":
                return await self._replace(step)
            case "repeat":
                return await self._live.submit(self._intents[str(step.of)], wait="terminal", timeout_s=_STEP_TIMEOUT_S)
            case "conflict":
                changed = evolve(self._intents[str(step.of)], quantity=Decimal(step.details["quantity"]))
                return await self._live.submit(changed, wait="terminal", timeout_s=_STEP_TIMEOUT_S)
            case "state":
                scope = ControlScope(ScopeKind(step.details["scope"]["kind"]), step.details["scope"]["name"])
                state = TradingState(step.details["state"])
                await self._live.set_trading_state(scope, state, principal="demo", reason=step.title)
                return None
            case "cancel_open":
                return await self._cancel_open()
            case other:
                raise InvalidInput(step.name, [Fault("action", f"{other} is not known")])

    async def _replace(self, step: Action) -> ExecutionResult:
        order_id = self._order_of(step)
        wish = ReplaceIntent(
            order_id,
            Decimal(step.details["quantity"]),
            Decimal(step.details["price"]),
            OperationId(f"OP-{step.name}"),
        )
        asked = await self._live.replace(wish)
        ended = await self._until(order_id, lambda order: order.replace is None)
        return evolve(ended, repeated=asked.repeated)

    async def _cancel_open(self) -> ExecutionResult | None:
        result = None
        for order in self._live.open_orders():
            if order.parent_id is None:
                result = await self._live.cancel(order.order_id, wait="terminal", timeout_s=_STEP_TIMEOUT_S)
        return result

    def _order_of(self, step: Action) -> OrderId:
        return self._orders[str(step.of)]


def _groups(steps: list[Step]) -> list[list[Step]]:
    """Steps in their order; those that are sent together in one group."""
    groups: list[list[Step]] = []
    for step in steps:
        if groups and isinstance(step, OrderStep) and step.beside:
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _shown(result: ExecutionResult | None) -> str:
    if result is None:
        return "done"
    text = str(result.status)
    if result.rejection_reason:
        text += f" {result.rejection_reason}"
    if result.filled_quantity:
        price = result.average_price
        text += f" {result.filled_quantity:f} @ {price.quantize(Decimal('0.01')) if price is not None else '?'}"
    return text + (" (repeated)" if result.repeated else "")


def _difference(expect: Expectation, result: ExecutionResult | None, live: LiveExecutionOrchestrator) -> str | None:
    if expect.error is not None:
        return f"expected the error {expect.error}"
    if result is None:
        return None
    faults = []
    # After a restart an order that rested then may have been cancelled already by the step that ends the demo.
    rested = expect.status == OrderStatus.ACCEPTED and result.repeated and result.status is OrderStatus.CANCELED
    if expect.status is not None and result.status != expect.status and not rested:
        faults.append(f"status {expect.status}")
    if expect.code is not None and result.rejection_reason != expect.code:
        faults.append(f"code {expect.code}")
    if expect.repeated and not result.repeated:
        faults.append("the first result again")
    venues = len({venue_of(fill.instrument_id) for fill in result.fills})
    if expect.venues is not None and venues != expect.venues:
        faults.append(f"fills at {expect.venues} venues, not {venues}")
    order = live.orders.get(result.order_id)
    if expect.quantity is not None and (order is None or order.quantity != Decimal(expect.quantity)):
        faults.append(f"quantity {expect.quantity}")
    if expect.price is not None and (order is None or order.price != Decimal(expect.price)):
        faults.append(f"price {expect.price}")
    if not faults:
        return None
    said = f" ({result.rejection_reason}: {result.message})" if result.message else ""
    return f"expected {', '.join(faults)}{said}"
