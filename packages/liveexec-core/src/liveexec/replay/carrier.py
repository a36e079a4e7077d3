"""Carries out what the engine of a replay asks for: requests through the send gate to the venues, questions, timers."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, assert_never

from liveexec.domain.ids import AccountId, OrderId, VenueName
from liveexec.domain.order import Order
from liveexec.domain.outcome import OrderReportAnswer, SendOutcome, SendPlan
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
    TimerKey,
)
from liveexec.engine.inputs import (
    EngineInput,
    QueryAnswered,
    Report,
    SendAnswered,
    SendStopped,
    SendVerb,
    TimerRang,
)
from liveexec.replay.agenda import Agenda, Rank
from liveexec.replay.ports import ReplayVenues
from liveexec.replay.travel import Travel
from liveexec.runtime.dispatcher import venue_order
from liveexec.runtime.send_gate import SendGate

__all__ = ["Carrier"]

#: Fills that an order report is ahead of usually follow within this time; after it they are fetched.
_FILLS_GRACE_NS: Final = 200_000_000


class Carrier:
    """What the dispatcher is live. Everything that comes of an effect is handed over as an input of the engine."""

    def __init__(
        self,
        venues: ReplayVenues,
        venue_of: Mapping[AccountId, VenueName],
        gate: SendGate,
        agenda: Agenda,
        travel: Travel,
        order: Callable[[OrderId], Order | None],
        hand_over: Callable[[EngineInput], None],
    ) -> None:
        self._venues, self._venue_of = venues, venue_of
        self._gate, self._agenda, self._travel = gate, agenda, travel
        self._order, self._hand_over = order, hand_over
        self._asking: set[OrderId] = set()
        self._fetching: set[OrderId] = set()

    def carry_out(self, effect: Effect, now_ns: int) -> None:
        """Do what the engine asked for; what comes of it is handed over as inputs."""
        match effect:
            case SendSubmit():
                self._submit(effect, now_ns)
            case SendCancel():
                self._cancel(effect, now_ns)
            case SendReplace():
                self._replace(effect, now_ns)
            case QueryOrder():
                self._query(effect, now_ns)
            case FetchFills():
                self._fetch_fills(effect, now_ns)
            case ArmTimer(key, at_ns):
                self._agenda.arm(key, at_ns, partial(self._ring, key))
            case DisarmTimer(key):
                self._agenda.disarm(key)
            case PrepareOrder():
                raise AssertionError("every venue here derives its client ids")
            case unknown:
                assert_never(unknown)

    def _ring(self, key: TimerKey, now_ns: int) -> None:
        self._hand_over(TimerRang(now_ns, key))

    def _submit(self, effect: SendSubmit, now_ns: int) -> None:
        order, attempt, plan = effect.order, effect.attempt, effect.plan
        if (reason := self._gate.stops_submit(effect)) is not None:
            self._hand_over(SendStopped(now_ns, order.order_id, attempt, SendVerb.SUBMIT, reason))
            return
        sent = venue_order(order, effect.quantity, effect.price)
        self._request(
            order, attempt, SendVerb.SUBMIT, None, lambda at_ns: self._venues.submit(sent, plan, at_ns), now_ns
        )

    def _cancel(self, effect: SendCancel, now_ns: int) -> None:
        order, ref = effect.order, effect.ref
        if (reason := self._gate.stops_cancel(order)) is not None:
            self._hand_over(SendStopped(now_ns, order.order_id, order.attempt, SendVerb.CANCEL, reason))
            return
        self._request(
            order, order.attempt, SendVerb.CANCEL, None, lambda at_ns: self._venues.cancel(ref, at_ns), now_ns
        )

    def _replace(self, effect: SendReplace, now_ns: int) -> None:
        order, ref, plan, filled = effect.order, effect.ref, effect.plan, effect.filled_quantity
        if (reason := self._gate.stops_replace(effect)) is not None:
            stopped = SendStopped(now_ns, order.order_id, order.attempt, SendVerb.REPLACE, reason, plan)
            self._hand_over(stopped)
            return
        sent = venue_order(order, effect.quantity, effect.price)
        self._request(
            order,
            order.attempt,
            SendVerb.REPLACE,
            plan,
            lambda at_ns: self._venues.replace(ref, sent, plan, filled, at_ns),
            now_ns,
        )

    def _request(
        self,
        order: Order,
        attempt: int,
        verb: SendVerb,
        plan: SendPlan | None,
        ask: Callable[[int], SendOutcome | None],
        now_ns: int,
    ) -> None:
        """Let a request travel to its venue, and its answer back. Reports that come with it are told first."""

        def answer(outcome: SendOutcome | None, at_ns: int) -> None:
            # Without one, the host answers later.
            if outcome is not None:
                self._hand_over(SendAnswered(at_ns, order.order_id, attempt, verb, outcome, plan))

        self._travel.ask(self._venue(order), ask, answer, now_ns)

    def _query(self, effect: QueryOrder, now_ns: int) -> None:
        order_id, ref = effect.order.order_id, effect.ref
        if order_id in self._asking:
            return
        self._asking.add(order_id)

        def answer(said: OrderReportAnswer, at_ns: int) -> None:
            self._asking.discard(order_id)
            self._hand_over(QueryAnswered(at_ns, order_id, now_ns, said))

        self._travel.ask(self._venue(effect.order), lambda at_ns: self._venues.order(ref, at_ns), answer, now_ns)

    def _fetch_fills(self, effect: FetchFills, now_ns: int) -> None:
        if effect.order_id in self._fetching:
            return
        self._fetching.add(effect.order_id)

        def fetch(at_ns: int) -> None:
            self._fetching.discard(effect.order_id)
            order = self._order(effect.order_id)
            if order is None or order.filled_quantity >= effect.filled_quantity:
                return
            for report in self._venues.fills(effect.account_id, effect.since_ns, at_ns):
                self._hand_over(Report(at_ns, report))

        self._agenda.plan(now_ns + _FILLS_GRACE_NS, Rank.RETURN, fetch)

    def _venue(self, order: Order) -> VenueName:
        assert order.account_id is not None
        return self._venue_of[order.account_id]
