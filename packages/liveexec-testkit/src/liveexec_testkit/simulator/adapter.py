"""A process's session with a simulated venue: what an adapter does, with questions that may be asked in vain.

Its requests go over a wire of their own (``wire.py``), on which they and their answers are lost and late.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Final

from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import (
    Absent,
    BalanceReport,
    FillReport,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    Rejected,
    SendOutcome,
    SendPlan,
    Snapshot,
    VenueReport,
)
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import ExternalAdapter, Replaces, StreamsMarket, VenueOrder
from liveexec_testkit.simulator.account_history import AccountMoment
from liveexec_testkit.simulator.determinism import WALL_NS
from liveexec_testkit.simulator.faults import Fault
from liveexec_testkit.simulator.stream import Stream
from liveexec_testkit.simulator.venue import SimVenue
from liveexec_testkit.simulator.venue_kind import VISIBILITY_LAG_NS, manifest_of
from liveexec_testkit.simulator.wire import Wire

__all__ = ["CREDENTIAL", "SimAdapter"]

_MS: Final = 1_000_000
#: What a venue's credentials would be; it must not turn up in any trace, log or record.
CREDENTIAL: Final = "sk-7f3a-simulated-credential"
_PAGE: Final = 3
#: How often a change is refused, in a run in which venues refuse anything.
_REFUSED: Final = 0.8
#: Fills younger than this may be missing when fills are asked for.
_FILLS_LAG_NS: Final = 400 * _MS


class SimAdapter(ExternalAdapter, StreamsMarket, Replaces):
    """One process's session. ``left`` is told of every request at the moment it leaves, before anything can fail."""

    def __init__(
        self, venue: SimVenue, process: int, left: Callable[["SimAdapter", str, VenueOrder | OrderRef, SendPlan], None]
    ) -> None:
        self.manifest = manifest_of(venue.kind)
        self.accounts = (venue.account_id,)
        self.venue, self.process = venue, process
        self._left = left
        self._credential = CREDENTIAL
        self._stream: Stream | None = None
        #: What its requests go over.
        self.wire = Wire(venue, process, self._check_session)
        #: When the session began, or last had a gap; whether it was compared with its venue since.
        self.doubted_at_ns = 0
        self.is_compared = False
        self._asked_at_ns = 0
        #: When its process last went on after it was stopped.
        self.frozen_ns = 0
        #: Told of every question at the moment it leaves.
        self.on_question: Callable[[SimAdapter], None] = lambda _: None
        #: Told when a session is about to be opened.
        self.on_connect: Callable[[], None] = lambda: None

    @property
    def is_open(self) -> bool:
        """Whether anything could leave: over a session that is gone nothing does, whoever knows of it by now."""
        return self._stream is not None and self._stream.is_open

    async def connect(self) -> None:
        self.on_connect()
        await self.venue.pause(2)
        if self.venue.faults.fires(Fault.CONNECT_FAILS) or self.venue.is_banned:
            raise AdapterError("the venue does not answer")
        self._stream = self.venue.open_session(self.process)
        self._stream.on_gap(self._doubt)
        self._doubt()
        self.venue.trace.add(self.venue.kind.name, f"process {self.process} connects")

    async def disconnect(self) -> None:
        self.venue.sessions.close(self.process, "disconnected")

    async def listings(self) -> Sequence[Listing]:
        return tuple(self.venue.truth.listings.values())

    async def prepare(self, order: VenueOrder, attempt: int, valid_until_ns: int) -> SendPlan:
        await self.venue.pause(1)
        if self.venue.faults.fires(Fault.ANSWER_LATE):
            await asyncio.sleep(self.venue.faults.between(Fault.ANSWER_LATE, 5 * _MS, 300 * _MS) / 1e9)
        number = f"{order.order_id[-10:].lower()}.{attempt}"
        return SendPlan(ClientOrderId(f"n{number}"), valid_until_ns, {"number": number})

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        self._left(self, "submit", order, plan)
        return await self.wire.request(order.order_id, "submit", plan.valid_until_ns, lambda: self._take(order, plan))

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        self._left(self, "cancel", ref, SendPlan(ref.client_order_id or ClientOrderId(""), 0))
        found = self.venue.truth.find(ref)
        if found is not None:
            found.is_cancel_asked = True
        name = (
            found.order_id or found.venue_order_id if found is not None else ref.venue_order_id or ref.client_order_id
        )
        return await self.wire.request(OrderId(name or ""), "cancel", None, lambda: self.venue.truth.cancel(ref))

    async def replace(
        self,
        ref: OrderRef,
        order: VenueOrder,
        plan: SendPlan,
        filled_quantity: Decimal,  # noqa: ARG002  (only a venue that takes the remaining quantity needs it)
    ) -> SendOutcome:
        self._left(self, "replace", order, plan)
        return await self.wire.request(order.order_id, "replace", plan.valid_until_ns, lambda: self._change(ref, order))

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        await self._question(ref.account_id)
        venue = self.venue
        found = venue.truth.find(ref)
        now_ns = venue.now_ns()
        if found is not None and ref.venue_order_id is not None and venue.faults.fires(Fault.SOURCE_FORGETS):
            # The venue named it before, so this proves only that the source forgets.
            found = None
        if found is not None and venue.hides(found):
            found = None
        answer = venue.truth.report(found) if found is not None else Absent(now_ns)
        await self.venue.pause(1)
        return answer

    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        requested_ns = self._engine_ns()
        self._asked_at_ns = self.venue.loop.now_ns
        await self._question(account_id)
        moment = self._moment()
        reports, as_of_ns, complete = moment.orders, moment.at_ns, True
        if len(reports) > 1 and self.venue.faults.fires(Fault.TRUNCATED_PAGES):
            reports, complete = reports[: len(reports) // 2], False
        await self.venue.pause(1)
        return Snapshot(reports, requested_ns, self._engine_ns(), complete, as_of_ns)

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        requested_ns = self._engine_ns()
        await self._question(account_id)
        executions = self.venue.truth.executions
        if executions and self.venue.faults.fires(Fault.FILLS_SHOWN_LATE):
            executions = [each for each in executions if each[0] < self.venue.now_ns() - _FILLS_LAG_NS]
        found = tuple(report for at_ns, report in executions if at_ns >= since_ns)
        complete = True
        if len(found) > _PAGE and self.venue.faults.fires(Fault.TRUNCATED_PAGES):
            found, complete = found[:_PAGE], False
        as_of_ns = self.venue.now_ns()
        await self.venue.pause(1)
        return Snapshot(found, requested_ns, self._engine_ns(), complete, as_of_ns)

    async def positions(self, account_id: AccountId) -> Snapshot[PositionReport]:
        requested_ns = self._engine_ns()
        await self._question(account_id)
        moment = self._moment()
        held = [(each, net) for each, net in moment.nets.items() if net]
        found = tuple(
            PositionReport(account_id, each, net, moment.averages.get(each), moment.at_ns) for each, net in held
        )
        await self.venue.pause(1)
        return Snapshot(found, requested_ns, self._engine_ns(), as_of_ns=moment.at_ns)

    async def balances(self, account_id: AccountId) -> Snapshot[BalanceReport]:
        requested_ns = self._engine_ns()
        await self._question(account_id)
        moment = self._moment()
        if self._asked_at_ns >= self.doubted_at_ns:
            # The last of a snapshot's questions.
            self.is_compared = True
        funds = tuple(
            BalanceReport(account_id, asset, amount, amount, moment.at_ns) for asset, amount in moment.balances.items()
        )
        return Snapshot(funds, requested_ns, self._engine_ns(), as_of_ns=moment.at_ns)

    async def reports(self) -> AsyncIterator[VenueReport]:
        try:
            async for report in self._opened().reports():
                yield report
        except AdapterError:
            self._doubt()
            raise

    def market(self, instruments: Sequence[InstrumentId]) -> AsyncIterator[Book | TradeBar]:
        return self._opened().books(frozenset(instruments))

    async def recent_trades(self, instrument_id: InstrumentId) -> Sequence[TradeBar]:  # noqa: ARG002  (none traded yet)
        return ()

    def _change(self, ref: OrderRef, order: VenueOrder) -> SendOutcome:
        venue = self.venue
        # Changes are few, so that they are refused more often.
        is_likely = venue.faults.has(Fault.VENUE_REFUSES) and venue.random.random() < _REFUSED
        refuses = venue.faults.fires(Fault.VENUE_REFUSES, surely=is_likely)
        return venue.truth.replace(ref, order, refuses=refuses)

    def _take(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        if self.venue.faults.fires(Fault.VENUE_REFUSES):
            return Rejected("REFUSED", "the venue's own risk check refused it")
        if self.venue.faults.fires(Fault.NOT_FOUND_LAG):
            self.venue.fall_behind(VISIBILITY_LAG_NS - self.venue.random.randrange(VISIBILITY_LAG_NS // 4))
        return self.venue.truth.take(order, plan)

    async def _question(self, account_id: AccountId) -> None:
        if account_id != self.venue.account_id:
            raise AdapterError(f"{account_id} is no account here")
        self._check_session()
        self.on_question(self)
        self.venue.disturb()
        await self.venue.pause(2)
        venue, faults = self.venue, self.venue.faults
        if venue.loop.now_ns < venue.mute_until_ns and not faults.healed:
            raise AdapterError("the venue still answers with errors")
        if faults.fires(Fault.QUERY_FAILS):
            if faults.between(Fault.QUERY_FAILS, 0, 2) == 0:
                # What answers questions is down for a while.
                venue.mute_until_ns = venue.loop.now_ns + faults.between(Fault.QUERY_FAILS, 100 * _MS, 700 * _MS)
            raise AdapterError("the venue answers with an error")
        self._check_session()

    def _doubt(self) -> None:
        self.doubted_at_ns, self.is_compared = self.venue.loop.now_ns, False

    def _moment(self) -> AccountMoment:
        """What a snapshot shows: the present, or a stale past."""
        venue = self.venue
        if venue.faults.fires(Fault.STALE_SNAPSHOT):
            past = venue.history.stale(venue.faults.between(Fault.STALE_SNAPSHOT, 10 * _MS, 400 * _MS))
            if past is not None:
                return past
        return venue.history.now()

    def _opened(self) -> Stream:
        if self._stream is None:
            raise AdapterError("not connected")
        return self._stream

    def _check_session(self) -> None:
        if not self.is_open:
            raise AdapterError("the session is gone")

    def _engine_ns(self) -> int:
        return WALL_NS + self.venue.loop.now_ns
