"""The dispatcher: carries out effects once they may be, and turns what comes back into inputs.

Requests of different orders run side by side; those of one order (of one account, where the venue needs that) follow
each other (:mod:`~liveexec.runtime.in_flight`). Whatever is not the venue's explicit word is ``Unknown``: a timeout, a
lost connection, an exception.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, Final, assert_never

import structlog

from liveexec.domain.ids import AccountId, OrderId
from liveexec.domain.order import Order
from liveexec.domain.outcome import NotKnown, OrderReportAnswer, Rejected, SendOutcome, SendPlan, Unknown
from liveexec.domain.venue import Ordering
from liveexec.engine.effects import (
    ArmTimer,
    DisarmTimer,
    Effect,
    FetchFills,
    PrepareOrder,
    QueryOrder,
    SendCancel,
    SendReplace,
    SendSubmit,
)
from liveexec.engine.inputs import (
    EngineInput,
    PlanPrepared,
    QueryAnswered,
    Report,
    SendAnswered,
    SendStopped,
    SendVerb,
)
from liveexec.engine.state import EngineState
from liveexec.plugins.adapter import ExternalAdapter, Replaces, VenueOrder
from liveexec.runtime.clock import Clock
from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.in_flight import InFlight
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.send_gate import SendGate
from liveexec.runtime.timers import Timers

__all__ = ["Dispatcher", "venue_order"]

_log = structlog.get_logger(__name__)

#: A venue that has not answered after this long counts as silent: the outcome is unknown. Real seconds.
_ANSWER_TIMEOUT_S: Final = 10.0
#: Fills that an order report is ahead of usually follow within this time; after it they are fetched. Real seconds.
_FILLS_GRACE_S: Final = 0.2


class Dispatcher:
    """Carries out effects. ``adapter_of`` gives the session's adapter of an account, ``None`` while it has none;
    ``tell`` hands an input to the engine; ``slot`` waits for the venue's rate limit.

    The time to answer counts from when a request leaves; waiting for its turn is bounded by the gate's deadline.
    """

    def __init__(
        self,
        state: EngineState,
        gate: SendGate,
        timers: Timers,
        clock: Clock,
        metrics: Metrics,
        *,
        adapter_of: Callable[[AccountId], ExternalAdapter | None],
        slot: Callable[[AccountId, bool], Coroutine[Any, Any, None] | None],
        tell: Callable[[EngineInput], None],
        answer_timeout_s: float = _ANSWER_TIMEOUT_S,
        fills_grace_s: float = _FILLS_GRACE_S,
    ) -> None:
        self._state, self._gate, self._timers, self._clock, self._metrics = state, gate, timers, clock, metrics
        self._adapter_of, self._slot, self._tell = adapter_of, slot, tell
        self._in_flight, self._fills_grace_s = InFlight(answer_timeout_s), fills_grace_s
        #: Of each order whose cancel has not left yet, the one that was asked for last.
        self._canceling: dict[OrderId, SendCancel] = {}
        self._asking: set[OrderId] = set()
        self._fetching: set[OrderId] = set()

    @property
    def in_flight(self) -> int:
        """How many requests have no answer yet."""
        return len(self._in_flight)

    def carry_out(self, effect: Effect) -> None:
        """Do one effect, whose events are durable."""
        match effect:
            case SendSubmit():
                self._in_flight.run_in_sequence(self._sequence_of(effect.order), self._submit(effect))
            case SendCancel():
                self._cancel_once(effect)
            case SendReplace():
                self._in_flight.run_in_sequence(self._sequence_of(effect.order), self._replace(effect))
            case PrepareOrder():
                self._in_flight.run_in_sequence(self._sequence_of(effect.order), self._prepare(effect))
            case QueryOrder():
                if effect.order.order_id not in self._asking:
                    self._asking.add(effect.order.order_id)
                    self._in_flight.run(self._query(effect))
            case FetchFills():
                if effect.order_id not in self._fetching:
                    self._fetching.add(effect.order_id)
                    self._in_flight.run(self._fetch_fills(effect))
            case ArmTimer():
                self._timers.arm(effect.key, effect.at_ns)
            case DisarmTimer():
                self._timers.disarm(effect.key)
            case unknown:
                assert_never(unknown)

    def expire(self) -> None:
        """Give up on requests that were not answered in time. Called a few times a second."""
        self._in_flight.expire()

    async def settle(self, timeout_s: float) -> None:
        """Wait, at most this long, for what is in flight."""
        await self._in_flight.settle(timeout_s)

    def close(self) -> None:
        """Cancel everything that is under way."""
        self._in_flight.close()

    def _sequence_of(self, order: Order) -> str:
        assert order.account_id is not None
        assert order.instrument_id is not None
        listing = self._state.listings.get(order.instrument_id)
        manifest = self._state.manifests.get(listing.venue) if listing is not None else None
        per_account = manifest is not None and manifest.ordering is Ordering.PER_ACCOUNT
        return order.account_id if per_account else order.order_id

    async def _submit(self, effect: SendSubmit) -> None:
        order = effect.order
        if (slot := self._slot_of(order, cancel=False)) is not None:
            await slot
        if (reason := self._gate.stops_submit(effect)) is not None:
            self._stop(order, effect.attempt, SendVerb.SUBMIT, reason)
            return
        adapter = self._session(order)
        asked = venue_order(order, effect.quantity, effect.price)
        reach(FailPoint.BEFORE_SUBMIT)
        outcome = await self._ask(SendVerb.SUBMIT, adapter.submit, asked, effect.plan)
        reach(FailPoint.AFTER_SUBMIT)
        self._tell(SendAnswered(0, order.order_id, effect.attempt, SendVerb.SUBMIT, outcome))

    def _cancel_once(self, effect: SendCancel) -> None:
        """Cancels are repeated until they are answered, and may have to wait for the venue's rate limit: of an order's,
        one waits at a time, or they would pile up, and go out long after they were of use."""
        order_id = effect.order.order_id
        waits = order_id in self._canceling
        self._canceling[order_id] = effect
        if not waits:
            self._in_flight.run_in_sequence(self._sequence_of(effect.order), self._cancel(effect.order))

    async def _cancel(self, order: Order) -> None:
        was_open = order.is_open
        try:
            if (slot := self._slot_of(order, cancel=True)) is not None:
                await slot
        finally:
            effect = self._canceling.pop(order.order_id)
        if was_open and not order.is_open:
            # It ended while its cancel waited.
            return
        if (reason := self._gate.stops_cancel(order)) is not None:
            self._stop(order, order.attempt, SendVerb.CANCEL, reason)
            return
        attempt, adapter = order.attempt, self._session(order)
        reach(FailPoint.BEFORE_CANCEL)
        outcome = await self._ask(SendVerb.CANCEL, adapter.cancel, effect.ref)
        reach(FailPoint.AFTER_CANCEL)
        self._tell(SendAnswered(0, order.order_id, attempt, SendVerb.CANCEL, outcome))

    async def _replace(self, effect: SendReplace) -> None:
        order = effect.order
        if (slot := self._slot_of(order, cancel=False)) is not None:
            await slot
        attempt = order.attempt
        if (reason := self._gate.stops_replace(effect)) is not None:
            self._stop(order, attempt, SendVerb.REPLACE, reason, effect.plan)
            return
        adapter = self._session(order)
        if not isinstance(adapter, Replaces):
            outcome: SendOutcome = Rejected("NO_REPLACE", "the adapter's manifest offers what it can't do")
        else:
            changed = venue_order(order, effect.quantity, effect.price)
            reach(FailPoint.BEFORE_REPLACE)
            outcome = await self._ask(
                SendVerb.REPLACE, adapter.replace, effect.ref, changed, effect.plan, effect.filled_quantity
            )
            reach(FailPoint.AFTER_REPLACE)
        self._tell(SendAnswered(0, order.order_id, attempt, SendVerb.REPLACE, outcome, effect.plan))

    async def _prepare(self, effect: PrepareOrder) -> None:
        order = effect.order
        assert order.account_id is not None
        adapter = self._adapter_of(order.account_id)
        plan, reason = None, "no session with the venue"
        if adapter is not None:
            try:
                wanted = venue_order(order, effect.quantity, effect.price)
                made: object = await self._in_flight.answered(
                    adapter.prepare(wanted, effect.attempt, effect.valid_until_ns)
                )
                plan, reason = (
                    (made, "")
                    if isinstance(made, SendPlan)
                    else (None, f"the adapter answered with {type(made).__name__}")
                )
            except asyncio.CancelledError as error:
                reason = _given_up(error)
            except Exception as error:  # noqa: BLE001  (foreign code; nothing was sent, and the order says why)
                reason = f"{type(error).__name__}: {error}"
        self._tell(PlanPrepared(0, order.order_id, effect.attempt, plan, reason))

    async def _query(self, effect: QueryOrder) -> None:
        order = effect.order
        assert order.account_id is not None
        asked_at_ns = self._clock.now_ns()
        answer: OrderReportAnswer = NotKnown("no session with the venue")
        try:
            if (slot := self._slot_of(order, cancel=False)) is not None:
                await slot
            asked_at_ns = self._clock.now_ns()
            if (adapter := self._adapter_of(order.account_id)) is not None:
                reach(FailPoint.BEFORE_QUERY)
                said: object = await self._in_flight.answered(adapter.order(effect.ref))
                reach(FailPoint.AFTER_QUERY)
                answer = (
                    said
                    if isinstance(said, OrderReportAnswer)
                    else NotKnown(f"the adapter answered with {type(said).__name__}")
                )
        except asyncio.CancelledError as error:
            answer = NotKnown(_given_up(error))
        except Exception as error:  # noqa: BLE001  (foreign code; not knowing is an answer, and it is asked again)
            answer = NotKnown(f"{type(error).__name__}: {error}")
        finally:
            self._asking.discard(order.order_id)
        self._tell(QueryAnswered(0, order.order_id, asked_at_ns, answer))

    async def _fetch_fills(self, effect: FetchFills) -> None:
        try:
            await asyncio.sleep(self._fills_grace_s)
            if (slot := self._slot(effect.account_id, False)) is not None:
                await slot
            order = self._state.ledger.orders.get(effect.order_id)
            adapter = self._adapter_of(effect.account_id)
            if adapter is None or order is None or order.filled_quantity >= effect.filled_quantity:
                return
            found = await self._in_flight.answered(adapter.fills(effect.account_id, effect.since_ns))
            for report in found.items:
                self._tell(Report(0, report))
        except Exception as error:  # noqa: BLE001  (foreign code; the next report or reconciliation asks again)
            _log.warning("fetch_fills_failed", account=effect.account_id, error=str(error))
        finally:
            self._fetching.discard(effect.order_id)

    async def _ask[**P](
        self,
        verb: SendVerb,
        request: Callable[P, Coroutine[Any, Any, SendOutcome]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> SendOutcome:
        started_s = time.perf_counter()
        outcome: SendOutcome
        try:
            said: object = await self._in_flight.answered(request(*args, **kwargs))
            outcome = (
                said if isinstance(said, SendOutcome) else Unknown(f"the adapter answered with {type(said).__name__}")
            )
        except asyncio.CancelledError as error:
            outcome = Unknown(_given_up(error))
        except Exception as error:  # noqa: BLE001  (whatever it was, it proves nothing about the order)
            outcome = Unknown(f"{type(error).__name__}: {error}")
        self._metrics.sent_to_answered.observe(time.perf_counter() - started_s)
        self._metrics.sent(verb, type(outcome).__name__)
        return outcome

    def _stop(self, order: Order, attempt: int, verb: SendVerb, reason: str, plan: SendPlan | None = None) -> None:
        self._metrics.stopped(verb).inc()
        self._tell(SendStopped(0, order.order_id, attempt, verb, reason, plan))

    def _session(self, order: Order) -> ExternalAdapter:
        assert order.account_id is not None
        adapter = self._adapter_of(order.account_id)
        assert adapter is not None, "the gate lets nothing pass without a session"
        return adapter

    def _slot_of(self, order: Order, *, cancel: bool) -> Coroutine[Any, Any, None] | None:
        assert order.account_id is not None
        return self._slot(order.account_id, cancel)


def _given_up(error: asyncio.CancelledError) -> str:
    return str(error) or "given up"


def venue_order(order: Order, quantity: Decimal, price: Decimal | None) -> VenueOrder:
    """What an adapter is asked to send of an order that was routed."""
    intent = order.intent
    assert order.account_id is not None
    assert order.instrument_id is not None
    return VenueOrder(
        order_id=order.order_id,
        account_id=order.account_id,
        instrument_id=order.instrument_id,
        operation=intent.operation,
        side=intent.side,
        order_type=intent.order_type,
        time_in_force=intent.time_in_force,
        quantity=quantity,
        price=price,
        trigger_price=intent.trigger_price,
        expire_at_ns=intent.expire_at_ns,
        post_only=intent.post_only,
        reduce_only=intent.reduce_only,
        # A copy: what an adapter does to it stays with the adapter.
        details=dict(intent.details) if intent.details is not None else None,
    )
