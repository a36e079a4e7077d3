"""Adapters that are wrong on purpose, each in one way that somebody's was. Not collected by itself: its test runs it in
a process of its own, and looks at what fails."""

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any, ClassVar

import msgspec
import pytest
from attrs import evolve

from liveexec.domain.fill import Fill, FillKey
from liveexec.domain.ids import AccountId, ClientOrderId
from liveexec.domain.outcome import (
    Absent,
    Accepted,
    BalanceReport,
    CumulativeFill,
    FillAction,
    FillReport,
    Gap,
    NotKnown,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    Rejected,
    SendOutcome,
    SendPlan,
    Sent,
    SettlementReport,
    Snapshot,
    Unknown,
    VenueReport,
)
from liveexec.domain.secret import Secret
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import ExternalAdapter, Polls, VenueOrder
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec.venues.paper.client import RemotePaperAdapter
from liveexec.venues.paper.protocol import Frame
from liveexec_testkit import AdapterConformance, VenueHarness
from liveexec_testkit.conformance.paper import PaperHarness, PaperServers, RemotePaperHarness
from liveexec_testkit.conformance.paper.in_process import VENUE
from liveexec_testkit.conformance.paper.remote import REMOTE_OPTIONS
from liveexec_testkit.conformance.paper.totals import TotalsAdapter

KEY = "canary-key-4f1c9a7be2"


class KeyedAdapter(PaperAdapter):
    """The paper adapter with a key, which nothing is wrong with yet."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._key = Secret(KEY)


class Sound(KeyedAdapter):
    """Nothing is wrong with it: whatever fails here is a fault of the kit."""


class TimeoutIsRejection(KeyedAdapter):
    """Takes silence for a refusal (hummingbot #493, ccxt #2599): the order is live, and the caller sends another."""

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        outcome = await super().submit(order, plan)
        return Rejected("TIMEOUT", "no answer") if _is_silence(outcome) else outcome


class GuessesAccepted(KeyedAdapter):
    """Takes an error of the venue's own for a success."""

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        outcome = await super().submit(order, plan)
        return Accepted() if isinstance(outcome, Unknown) and "failed" in outcome.reason else outcome


class SendsAgain(KeyedAdapter):
    """Repeats a submit by itself when no answer came."""

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        outcome = await super().submit(order, plan)
        if not _is_silence(outcome):
            return outcome
        again = await super().submit(order, plan)
        return outcome if isinstance(again, Rejected) else again


class RetriesRateLimit(KeyedAdapter):
    """Hammers on when it was told to stop (hummingbot #1291)."""

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        outcome = await super().submit(order, plan)
        if isinstance(outcome, Rejected) and outcome.code == "RATE_LIMITED":
            return await super().submit(order, plan)
        return outcome


class DropsEqualFills(KeyedAdapter):
    """Deduplicates fills by what they look like, so that the second of two equal ones is lost."""

    def reports(self) -> AsyncIterator[VenueReport]:
        seen: set[tuple[object, ...]] = set()

        def is_new(report: FillReport) -> bool:
            fill = report.fill
            facts = (report.venue_order_id, fill.price, fill.quantity, fill.venue_time_ns)
            is_first = facts not in seen
            seen.add(facts)
            return is_first

        return _filtered(super().reports(), lambda each: not isinstance(each, FillReport) or is_new(each))


class OneFillAtATime(Polls, KeyedAdapter):
    """Streams nothing, and of the fills of one moment tells the first: the rest of a sweep is lost."""

    poll_every_s = 0.02

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        snapshot = await super().fills(account_id, since_ns)
        first = {each.fill.venue_time_ns: each for each in reversed(snapshot.items)}
        return evolve(snapshot, items=tuple(reversed(first.values())))


class LosesFillsInGap(KeyedAdapter):
    """After a reconnect asks for fills from then on (Lean.Brokerages.InteractiveBrokers #249)."""

    _since_ns = -1

    async def connect(self) -> None:
        await super().connect()
        # The first connection begins nothing; each later one begins anew.
        self._since_ns = 0 if self._since_ns < 0 else self.clock.now_ns()

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        return await super().fills(account_id, max(since_ns, self._since_ns))


class HidesGaps(KeyedAdapter):
    """Reconnects and says nothing of it."""

    def reports(self) -> AsyncIterator[VenueReport]:
        return _filtered(super().reports(), lambda each: not isinstance(each, Gap))


class RoundsUpForBuyers(KeyedAdapter):
    """Rounds prices again, to five ticks, up on both sides."""

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        if order.price is not None:
            step = 5 * self._exchange.books[order.instrument_id].listing.ticks.finest
            price = (order.price / step).to_integral_value(ROUND_CEILING) * step
            order = evolve(order, price=price)
        return await super().submit(order, plan)


class LeaksKeyIntoLog(KeyedAdapter):
    """Logs what it logs in with."""

    async def connect(self) -> None:
        logging.getLogger("broken").debug("connecting with %s", self._key.reveal())
        await super().connect()


class LeaksKeyIntoError(KeyedAdapter):
    """Says what it was logged in with when the session is gone."""

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        try:
            return await super().submit(order, plan)
        except AdapterError as error:
            raise AdapterError(f"{error} (key {self._key.reveal()})") from error


class LeaksKeyIntoRepr(KeyedAdapter):
    """Shows everything about itself."""

    def __repr__(self) -> str:
        return f"LeaksKeyIntoRepr({self._key.reveal()})"


class ReusesClientIds(KeyedAdapter):
    """Counts orders from one in every process."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.manifest = evolve(self.manifest, client_id=None)
        self._count = 0

    async def prepare(self, order: VenueOrder, attempt: int, valid_until_ns: int) -> SendPlan:
        self._count += 1
        return SendPlan(ClientOrderId(f"lx{self._count}"), valid_until_ns)


class RenamesOrders(KeyedAdapter):
    """Gives the venue another name than the one that was recorded."""

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        return await super().submit(order, evolve(plan, client_order_id=ClientOrderId(f"x{plan.client_order_id}")))


class BlocksLoop(KeyedAdapter):
    """Makes a blocking call."""

    async def balances(self, account_id: AccountId) -> Any:
        time.sleep(0.4)  # noqa: ASYNC251  (that is what is wrong with it)
        return await super().balances(account_id)


class SwallowsCancellation(KeyedAdapter):
    """Catches everything, its own cancellation too."""

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        try:
            await asyncio.sleep(0)
            return await super().submit(order, plan)
        except BaseException as error:  # noqa: BLE001  (that is what is wrong with it)
            return Unknown(type(error).__name__)


class CallsForgottenAbsent(KeyedAdapter):
    """Takes a list without the order for a proof (ccxt PR #1880)."""

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        told = await super().order(ref)
        return Absent(self.clock.now_ns()) if isinstance(told, NotKnown) else told


class CallsErrorsAbsent(KeyedAdapter):
    """Takes any failure of a question for "there is none"."""

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        try:
            return await super().order(ref)
        except AdapterError:
            return Absent(self.clock.now_ns())


class EmptyOnError(KeyedAdapter):
    """Swallows an error and returns part of the truth."""

    async def open_orders(self, account_id: AccountId) -> Any:
        try:
            return await super().open_orders(account_id)
        except AdapterError:
            return Snapshot((), self.clock.now_ns(), self.clock.now_ns())


class WrongFeeSign(KeyedAdapter):
    """Tells fees as the change of the account, where they are what it pays."""

    def reports(self) -> AsyncIterator[VenueReport]:
        return _changed(super().reports(), lambda fill: evolve(fill, fee=-fill.fee))

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        return _changed_all(await super().fills(account_id, since_ns), lambda fill: evolve(fill, fee=-fill.fee))


class WrongUnits(KeyedAdapter):
    """Tells inverse contracts in their currency, where the listing counts contracts."""

    def reports(self) -> AsyncIterator[VenueReport]:
        return _changed(super().reports(), _in_currency)

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        return _changed_all(await super().fills(account_id, since_ns), _in_currency)


class CumulativeFills(KeyedAdapter):
    """Tells what was filled until then in place of what was filled."""

    def reports(self) -> AsyncIterator[VenueReport]:
        sums: dict[str, Decimal] = {}

        def summed(fill: Fill) -> Fill:
            name = fill.key.rsplit("|", 1)[0]
            sums[name] = sums.get(name, Decimal(0)) + fill.quantity
            return evolve(fill, quantity=sums[name])

        return _changed(super().reports(), summed)


class KeysOfTheDay(KeyedAdapter):
    """Makes keys that the next process makes otherwise (nautilus #3878)."""

    def reports(self) -> AsyncIterator[VenueReport]:
        return _changed(super().reports(), self._renamed)

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        return _changed_all(await super().fills(account_id, since_ns), self._renamed)

    def _renamed(self, fill: Fill) -> Fill:
        return evolve(fill, key=FillKey(f"{fill.key}|{id(self)}"))


class LostCancelIsDone(KeyedAdapter):
    """Takes a cancel without an answer for one that was made."""

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        outcome = await super().cancel(ref)
        return Accepted() if _is_silence(outcome) else outcome


class GoneIsCanceled(KeyedAdapter):
    """Takes "it is not open any more" for a cancel: it was filled."""

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        outcome = await super().cancel(ref)
        return Accepted() if isinstance(outcome, Rejected) and outcome.code == "ORDER_CLOSED" else outcome


class ReplacesLeaves(KeyedAdapter):
    """Sends the quantity that is left where the venue takes the total."""

    async def replace(self, ref: OrderRef, order: VenueOrder, plan: SendPlan, filled_quantity: Decimal) -> SendOutcome:
        order = evolve(order, quantity=order.quantity + filled_quantity)
        return await super().replace(ref, order, plan, filled_quantity)


class StreamWaitsForAnswers(KeyedAdapter):
    """Reads its reports only between requests."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._turn = asyncio.Lock()

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        async with self._turn:
            return await super().submit(order, plan)

    def reports(self) -> AsyncIterator[VenueReport]:
        return self._between(super().reports())

    async def _between(self, reports: AsyncIterator[VenueReport]) -> AsyncIterator[VenueReport]:
        async for report in reports:
            async with self._turn:
                pass
            yield report


class CallsLateAnswersSent(StreamWaitsForAnswers):
    """The same, and says that it has waited for none."""

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        asked_s = asyncio.get_running_loop().time()
        outcome = await super().submit(order, plan)
        is_late = asyncio.get_running_loop().time() - asked_s > 0.3
        return Sent() if is_late and isinstance(outcome, Accepted) else outcome


class TellsWhatItHeard(KeyedAdapter):
    """Answers questions from what its stream told, which may have left something out."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._heard: dict[str, OrderReport] = {}

    def reports(self) -> AsyncIterator[VenueReport]:
        return self._noted(super().reports())

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        told = await super().order(ref)
        return self._heard.setdefault(told.venue_order_id or "", told) if isinstance(told, OrderReport) else told

    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        snapshot = await super().open_orders(account_id)
        items = [self._heard.get(each.venue_order_id or "", each) for each in snapshot.items]
        return evolve(snapshot, items=tuple(items))

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        outcome = await super().submit(order, plan)
        if isinstance(outcome, Accepted) and outcome.venue_order_id is not None:
            ref = OrderRef(order.account_id, order.instrument_id, None, outcome.venue_order_id)
            await self.order(ref)
        return outcome

    async def _noted(self, reports: AsyncIterator[VenueReport]) -> AsyncIterator[VenueReport]:
        async for report in reports:
            if isinstance(report, OrderReport):
                self._heard[report.venue_order_id or ""] = report
            elif isinstance(report, FillReport):
                self._heard.pop(report.venue_order_id or "", None)
            yield report


class UnsignedPositions(KeyedAdapter):
    """Tells how large a position is, and not on which side."""

    async def positions(self, account_id: AccountId) -> Any:
        snapshot = await super().positions(account_id)
        return evolve(snapshot, items=tuple(evolve(each, quantity=abs(each.quantity)) for each in snapshot.items))


class CountsCreditIn(KeyedAdapter):
    """Tells what may be spent with the venue's credit as what is held."""

    async def balances(self, account_id: AccountId) -> Any:
        snapshot = await super().balances(account_id)
        return evolve(snapshot, items=tuple(evolve(each, total=each.total + 1_000) for each in snapshot.items))


class TellsOldBalances(KeyedAdapter):
    """Tells each balance as the message before said it."""

    async def reports(self) -> AsyncIterator[VenueReport]:
        last: dict[str, BalanceReport] = {}
        async for report in super().reports():
            if not isinstance(report, BalanceReport):
                yield report
                continue
            before, last[report.asset] = last.get(report.asset), report
            if before is not None:
                yield evolve(before, venue_time_ns=report.venue_time_ns)


class ForgetsDetails(KeyedAdapter):
    """Sends an order without the details that it was given."""

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        return await super().submit(evolve(order, details=None), plan)


class SettlesAtMark(KeyedAdapter):
    """Tells the price that an instrument was last worth for the one that it ended at."""

    async def settlements(self, account_id: AccountId, since_ns: int) -> Snapshot[SettlementReport]:
        snapshot = await super().settlements(account_id, since_ns)
        return evolve(snapshot, items=tuple(evolve(each, price=each.price - 1_000) for each in snapshot.items))

    def reports(self) -> AsyncIterator[VenueReport]:
        return _filtered(super().reports(), lambda each: not isinstance(each, SettlementReport))


class HidesBusts(KeyedAdapter):
    """Knows trades alone, and leaves out what becomes of them."""

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        snapshot = await super().fills(account_id, since_ns)
        return evolve(snapshot, items=tuple(each for each in snapshot.items if each.action is FillAction.TRADE))

    def reports(self) -> AsyncIterator[VenueReport]:
        return _filtered(
            super().reports(), lambda each: not isinstance(each, FillReport) or each.action is FillAction.TRADE
        )


class TellsStepsAsTotals(TotalsAdapter):
    """Tells what was filled last as what is filled in all."""

    def total(self, fills: list[FillReport]) -> CumulativeFill:
        return super().total(fills[-1:])


class TellsFillsOnce(Polls, KeyedAdapter):
    """Streams nothing, and counts what it told as known: whoever lost an answer never hears of those fills."""

    poll_every_s = 0.02

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._told: set[FillKey] = set()

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        snapshot = await super().fills(account_id, since_ns)
        news = tuple(each for each in snapshot.items if each.fill.key not in self._told)
        self._told.update(each.fill.key for each in news)
        return evolve(snapshot, items=news)


class FirstPageOnly(RemotePaperAdapter):
    """Reads the first page of a long answer and calls it everything."""

    async def _items(self, method: str, arguments: object, kind: type[Any]) -> tuple[tuple[Any, ...], msgspec.Raw]:
        parts, end = await self._wire().call_parts(method, arguments, timeout_s=self._timeout_s)
        items: list[Any] = []
        for part in parts[:1]:
            items += msgspec.json.decode(part, type=list[kind])  # type: ignore[valid-type]  # a type made at run time
        return tuple(items), end


class DropsUnreadable(RemotePaperAdapter):
    """Skips what it can't read, and goes on."""

    async def connect(self) -> None:
        await super().connect()
        wire = self._wire()
        take = wire._take

        def suppressed(frame: Frame) -> None:
            with contextlib.suppress(AdapterError):
                take(frame)

        wire._take = suppressed  # type: ignore[method-assign]


class StrictFields(RemotePaperAdapter):
    """Refuses what has a field that it does not know."""

    async def connect(self) -> None:
        await super().connect()
        wire = self._wire()
        take = wire._take

        def checked(frame: Frame) -> None:
            if b"new_since_today" in bytes(frame.body):
                raise AdapterError("there is a field that nobody knows")
            take(frame)

        wire._take = checked  # type: ignore[method-assign]


class KeepsToken(RemotePaperAdapter):
    """Reads its token once, and logs in with it for ever."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # What the path holds now is what is used from now on.
        kept = self._socket.with_name(f"{self._socket.name}-{id(self)}")
        shutil.copy(self._socket, kept)
        self._socket = kept


#: Each adapter, and the cases that have to fail with it, the one that is meant for it first: no other may.
BROKEN: dict[type[ExternalAdapter], tuple[str, ...]] = {
    Sound: (),
    TimeoutIsRejection: ("LX-060", "LX-061"),
    GuessesAccepted: ("LX-057", "LX-058"),
    SendsAgain: ("LX-060", "LX-061"),
    RetriesRateLimit: ("LX-059",),
    DropsEqualFills: ("LX-051",),
    OneFillAtATime: ("LX-051",),
    LosesFillsInGap: ("LX-072",),
    HidesGaps: ("LX-071",),
    RoundsUpForBuyers: ("LX-012", "LX-015"),
    LeaksKeyIntoLog: ("LX-099",),
    LeaksKeyIntoError: ("LX-100",),
    LeaksKeyIntoRepr: ("LX-101",),
    ReusesClientIds: ("LX-093",),
    RenamesOrders: ("LX-095", "LX-026", "LX-031", "LX-057", "LX-060", "LX-065", "LX-088"),
    BlocksLoop: ("LX-097",),
    SwallowsCancellation: ("LX-098",),
    CallsForgottenAbsent: ("LX-082",),
    CallsErrorsAbsent: ("LX-084", "LX-087", "LX-134"),
    EmptyOnError: ("LX-086",),
    WrongFeeSign: ("LX-047",),
    WrongUnits: ("LX-047",),
    CumulativeFills: ("LX-046", "LX-047", "LX-048", "LX-068", "LX-069"),
    KeysOfTheDay: ("LX-050", "LX-142"),
    LostCancelIsDone: ("LX-036",),
    GoneIsCanceled: ("LX-032",),
    ReplacesLeaves: ("LX-041",),
    StreamWaitsForAnswers: ("LX-070",),
    CallsLateAnswersSent: ("LX-070",),
    TellsWhatItHeard: ("LX-073", "LX-040", "LX-043"),
    UnsignedPositions: ("LX-078",),
    CountsCreditIn: ("LX-079",),
    TellsOldBalances: ("LX-136",),
    ForgetsDetails: ("LX-138",),
    SettlesAtMark: ("LX-140",),
    HidesBusts: ("LX-142",),
    TellsStepsAsTotals: ("LX-144",),
    TellsFillsOnce: ("LX-049", "LX-050", "LX-051", "LX-142"),
    FirstPageOnly: ("LX-053",),
    DropsUnreadable: ("LX-075",),
    StrictFields: ("LX-074",),
    KeepsToken: ("LX-089",),
}


class BrokenHarness(PaperHarness):
    """The paper venue in this process with one of these adapters."""

    patience_s: ClassVar[float] = 1.0

    def __init__(self, kind: type[PaperAdapter]) -> None:
        super().__init__()
        self._kind = kind

    def adapter(self) -> ExternalAdapter:
        return self._kind(self.driver, self.desk.exchange.config.venue, (self.account_id,))

    @property
    def secrets(self) -> Sequence[str]:
        return (KEY,)


class BrokenTotalsHarness(BrokenHarness):
    """The same, of adapters that tell totals."""

    tells_single_fills: ClassVar[bool] = False


class BrokenServedHarness(RemotePaperHarness):
    """The served paper venue with one of these adapters."""

    def __init__(self, servers: PaperServers, kind: type[RemotePaperAdapter]) -> None:
        super().__init__(servers)
        self._kind = kind

    def adapter(self) -> ExternalAdapter:
        return self._kind(self._path, self._servers.world, VENUE, (self.account_id,), **REMOTE_OPTIONS)


@pytest.fixture(scope="module")
def servers() -> Iterator[PaperServers]:
    with PaperServers() as served:
        yield served


class _Broken(AdapterConformance):
    kind: ClassVar[type[Any]]

    @pytest.fixture
    async def venue(self) -> AsyncIterator[VenueHarness]:
        async with BrokenHarness(self.kind) as venue:
            yield venue


class _BrokenServed(AdapterConformance):
    kind: ClassVar[type[Any]]

    @pytest.fixture
    async def venue(self, servers: PaperServers) -> AsyncIterator[VenueHarness]:
        async with BrokenServedHarness(servers, self.kind) as venue:
            yield venue


class _BrokenTotals(AdapterConformance):
    kind: ClassVar[type[Any]]

    @pytest.fixture
    async def venue(self) -> AsyncIterator[VenueHarness]:
        async with BrokenTotalsHarness(self.kind) as venue:
            yield venue


def _base_of(kind: type[ExternalAdapter]) -> type[AdapterConformance]:
    if issubclass(kind, RemotePaperAdapter):
        return _BrokenServed
    return _BrokenTotals if issubclass(kind, TotalsAdapter) else _Broken


for _kind in BROKEN:
    _base = _base_of(_kind)
    globals()[f"Test{_kind.__name__}"] = type(f"Test{_kind.__name__}", (_base,), {"kind": _kind})


def _is_silence(outcome: SendOutcome) -> bool:
    return isinstance(outcome, Unknown) and "lost" in outcome.reason


def _in_currency(fill: Fill) -> Fill:
    return evolve(fill, quantity=fill.quantity * 100) if fill.instrument_id.endswith("@INV") else fill


async def _filtered(reports: AsyncIterator[VenueReport], keeps: Any) -> AsyncIterator[VenueReport]:
    async for report in reports:
        if keeps(report):
            yield report


async def _changed(reports: AsyncIterator[VenueReport], change: Any) -> AsyncIterator[VenueReport]:
    async for report in reports:
        yield evolve(report, fill=change(report.fill)) if isinstance(report, FillReport) else report


def _changed_all(snapshot: Snapshot[FillReport], change: Any) -> Snapshot[FillReport]:
    return evolve(snapshot, items=tuple(evolve(each, fill=change(each.fill)) for each in snapshot.items))
