"""Parts for tests of the runtime: a store whose calls fail as scripted, a venue that answers when told, a view to fold.

Nothing here decides anything: the store is the one in memory with faults before or after its calls, the venue is a
script, and time passes only where a test moves it.
"""

import asyncio
import copy
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from attrs import define, field

from liveexec.domain.codec import encode_json
from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, InstrumentId, OrderId
from liveexec.domain.instrument import Listing
from liveexec.domain.ledger import Ledger
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.operation import VenueClass
from liveexec.domain.order_event import Routed
from liveexec.domain.outcome import (
    BalanceReport,
    FillReport,
    NotKnown,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    SendOutcome,
    SendPlan,
    Sent,
    Snapshot,
    VenueReport,
)
from liveexec.domain.record import Event
from liveexec.domain.stored import (
    AppendBatch,
    FoundOperation,
    ListedSteps,
    OperationKey,
    Ownership,
    ProjectionBatch,
    RefKey,
    StoredRecord,
)
from liveexec.domain.venue import AdapterManifest
from liveexec.engine.algorithms import BUILTIN_ALGORITHMS
from liveexec.engine.config import EngineConfig
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.policies import BUILTIN_POLICIES
from liveexec.engine.rules import BUILT_IN_RULES
from liveexec.plugins.adapter import ExternalAdapter, Replaces, StreamsMarket, VenueOrder
from liveexec.runtime.durable_view import DurableView
from liveexec.storage.memory import MemoryStore
from support.builders import ALPHA, ALPHA_ACCOUNT, BETA, NOW_NS, SPOT, make_listing, make_manifest
from support.journaling import ShardWriter

__all__ = [
    "Ended",
    "Fault",
    "ScriptedStore",
    "ScriptedVenue",
    "Stream",
    "ViewBench",
    "make_engine",
    "tables_of",
    "turns",
    "until",
    "within",
]

VENUE_CLASSES: Final = {ALPHA: VenueClass.CEFI, BETA: VenueClass.CEFI}
#: No wait of a test takes this long; one that does has failed. Real seconds.
_GUARD_S: Final = 10.0


async def turns(count: int = 10) -> None:
    """Let the event loop go round, so that whatever is ready runs."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop go round until something holds, or fail instead of hanging."""
    async with asyncio.timeout(_GUARD_S):
        while not condition():  # noqa: ASYNC110  (whatever may hold has no event of its own)
            await asyncio.sleep(0)


async def within[T](waited_for: Awaitable[T]) -> T:
    """What is waited for, or a failure instead of a hanging test."""
    async with asyncio.timeout(_GUARD_S):
        return await waited_for


@define(eq=False)
class Fault:
    """What happens to one call: it waits for ``until``, is carried out or not, and then raises ``error``."""

    error: Exception | None = None
    carried_out: bool = False
    until: asyncio.Event | None = None


class ScriptedStore(MemoryStore):
    """The store in memory behind a connection that fails as scripted; ``calls`` keeps what was asked, by method."""

    def __init__(self) -> None:
        super().__init__(venue_classes=VENUE_CLASSES)
        self.faults: dict[str, deque[Fault]] = {}
        self.calls: dict[str, list[Any]] = {}
        #: What a batch was when it was first seen: a store encodes it before it waits for anything.
        self._first_seen: list[tuple[ProjectionBatch, ProjectionBatch]] = []

    def fail(self, method: str, *faults: Fault | Exception) -> None:
        """Have the next calls of a method end so; an exception alone means that nothing was carried out."""
        script = self.faults.setdefault(method, deque())
        script.extend(fault if isinstance(fault, Fault) else Fault(fault) for fault in faults)

    def hold(self, method: str) -> asyncio.Event:
        """Have the next call of a method wait until the event is set."""
        released = asyncio.Event()
        self.fail(method, Fault(until=released))
        return released

    async def append(self, batch: AppendBatch) -> None:
        await self._call("append", batch, super().append)

    async def settle(self, batch: AppendBatch) -> bool:
        return await self._call("settle", batch, super().settle)

    async def project(self, batch: ProjectionBatch) -> None:
        encoded = next((kept for given, kept in self._first_seen if given is batch), None)
        if encoded is None:
            # Without a fault to come the batch is written at once.
            encoded = copy.deepcopy(batch) if self.faults.get("project") else batch
            self._first_seen.append((batch, encoded))
        carry_out = super().project
        await self._call("project", batch, lambda _: carry_out(encoded))

    async def renew(self, ownership: Ownership, lease_s: float) -> float:
        carry_out = super().renew
        return await self._call("renew", ownership, lambda _: carry_out(ownership, lease_s))

    async def read_streams(self, shard: str, streams: Sequence[str]) -> Mapping[str, Sequence[StoredRecord]]:
        carry_out = super().read_streams
        return await self._call("read_streams", list(streams), lambda _: carry_out(shard, streams))

    async def find_refs(self, shard: str, keys: Sequence[RefKey]) -> Mapping[RefKey, OrderId]:
        carry_out = super().find_refs
        return await self._call("find_refs", list(keys), lambda _: carry_out(shard, keys))

    async def find_operations(self, shard: str, keys: Sequence[OperationKey]) -> Mapping[OperationKey, FoundOperation]:
        carry_out = super().find_operations
        return await self._call("find_operations", list(keys), lambda _: carry_out(shard, keys))

    async def find_asset_moves(self, keys: Sequence[tuple[AccountId, str]]) -> Sequence[tuple[AccountId, str]]:
        return await self._call("find_asset_moves", list(keys), super().find_asset_moves)

    async def find_fills(self, account_id: AccountId, keys: Sequence[FillKey]) -> Sequence[FillKey]:
        carry_out = super().find_fills
        return await self._call("find_fills", list(keys), lambda _: carry_out(account_id, keys))

    async def save_listings(self, listed: Sequence[ListedSteps], at_ns: int) -> None:
        carry_out = super().save_listings
        await self._call("save_listings", list(listed), lambda _: carry_out(listed, at_ns))

    async def _call[A, R](self, method: str, given: A, carry_out: Callable[[Any], Awaitable[R]]) -> R:
        self.calls.setdefault(method, []).append(given)
        script = self.faults.get(method)
        fault = script.popleft() if script else Fault()
        # Even what succeeds at once is a round trip: whoever calls is not answered in the same turn of the loop.
        await (fault.until.wait() if fault.until is not None else asyncio.sleep(0))
        if fault.error is None:
            return await carry_out(given)
        if fault.carried_out:
            await carry_out(given)
        raise fault.error


def make_engine(ledger: Ledger | None = None) -> ExecutionEngine:
    """An engine for ALPHA and its account, with everything that is built in."""
    return ExecutionEngine(
        EngineConfig(),
        rules=BUILT_IN_RULES,
        policies=BUILTIN_POLICIES,
        algorithms=BUILTIN_ALGORITHMS,
        manifests={ALPHA: make_manifest()},
        venue_accounts={ALPHA: (ALPHA_ACCOUNT,)},
        ledger=ledger,
    )


def tables_of(store: MemoryStore) -> dict[str, dict[tuple[Any, ...], dict[str, object]]]:
    """Every row of every table, by table and key; documents as JSON has them."""
    return {
        name: {
            key: {column: _plain(value) for column, value in row.items() if value is not None}
            for key, row in rows.items()
        }
        for name, rows in store._tables._rows.items()
        if rows
    }


def _plain(value: object) -> object:
    return msgspec.json.decode(encode_json(value)) if isinstance(value, Routed) else value


@define(eq=False)
class ViewBench:
    """A durable view beside the journal that it folds: ``tell`` appends a record and folds it."""

    writer: ShardWriter
    view: DurableView

    @classmethod
    async def of(cls, store: MemoryStore, shard: str = "main") -> "ViewBench":
        """A view of a shard without records."""
        return cls(await ShardWriter.of(store, shard), DurableView(shard, Ledger(), 0, 0))

    @property
    def epoch(self) -> int:
        return self.writer.owned.epoch

    async def tell(self, stream: str, *events: Event) -> int:
        """Append and fold one record; its position."""
        record = await self.writer.tell(stream, *events)
        self.view.apply(self.writer.position, record)
        return self.writer.position

    def take(self, marks: Mapping[InstrumentId, Decimal] | None = None) -> ProjectionBatch:
        """What the view would project now."""
        return self.view.take(self.epoch, NOW_NS, dict(marks or {}))

    async def project(self, marks: Mapping[InstrumentId, Decimal] | None = None) -> ProjectionBatch:
        """Bring the tables up to the view."""
        batch = self.take(marks)
        await self.writer.store.project(batch)
        self.view.projected = batch.through
        return batch


class Ended(Exception):
    """Put on a scripted stream to end it."""


@define(eq=False)
class Stream:
    """A venue's stream: what a test puts is delivered; an exception is raised, :class:`Ended` ends it."""

    _items: "asyncio.Queue[Any]" = field(factory=asyncio.Queue)

    def put(self, *items: Any) -> None:
        """Deliver these next."""
        for item in items:
            self._items.put_nowait(item)

    async def read(self) -> AsyncIterator[Any]:
        """What was put, as it comes."""
        while True:
            item = await self._items.get()
            if isinstance(item, Ended):
                return
            if isinstance(item, BaseException):
                raise item
            yield item


@define(eq=False)
class ScriptedVenue(ExternalAdapter, Replaces, StreamsMarket):
    """A venue that does what a test says. ``answers`` are given in turn to requests of each method: an outcome, an
    exception to raise, or a future to wait for; without any, ``Sent``. ``asked`` is what was asked, in order."""

    manifest: AdapterManifest = field(factory=make_manifest)
    accounts: tuple[AccountId, ...] = (ALPHA_ACCOUNT,)
    listed: Sequence[Listing] = field(factory=lambda: (make_listing(SPOT),))
    answers: dict[str, deque[Any]] = field(factory=dict)
    asked: list[tuple[str, Any]] = field(factory=list)
    told: Stream = field(factory=Stream)
    quotes: Stream = field(factory=Stream)
    past_trades: Sequence[TradeBar] = ()
    is_open: bool = False

    def answer(self, method: str, *answers: Any) -> None:
        """Give these answers next."""
        self.answers.setdefault(method, deque()).extend(answers)

    def wait_with(self, method: str) -> "asyncio.Future[Any]":
        """Leave the next request of a method unanswered until the future is."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.answer(method, future)
        return future

    def count(self, method: str) -> int:
        """How often a method was asked."""
        return sum(1 for name, _ in self.asked if name == method)

    async def connect(self) -> None:
        await self._answer("connect", None, None)
        self.is_open = True

    async def disconnect(self) -> None:
        self.is_open = False
        await self._answer("disconnect", None, None)

    async def listings(self) -> Sequence[Listing]:
        found: Sequence[Listing] = await self._answer("listings", None, self.listed)
        return found

    async def prepare(self, order: VenueOrder, attempt: int, valid_until_ns: int) -> SendPlan:
        if "prepare" not in self.answers:
            return await super().prepare(order, attempt, valid_until_ns)
        plan: SendPlan = await self._answer("prepare", order, None)
        return plan

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        return await self._outcome("submit", (order, plan))

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        return await self._outcome("cancel", ref)

    async def replace(self, ref: OrderRef, order: VenueOrder, plan: SendPlan, filled_quantity: Decimal) -> SendOutcome:
        return await self._outcome("replace", (ref, order, plan, filled_quantity))

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        answer: OrderReportAnswer = await self._answer("order", ref, NotKnown())
        return answer

    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        return await self._snapshot("open_orders", account_id)

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        return await self._snapshot("fills", (account_id, since_ns))

    async def positions(self, account_id: AccountId) -> Snapshot[PositionReport]:
        return await self._snapshot("positions", account_id)

    async def balances(self, account_id: AccountId) -> Snapshot[BalanceReport]:
        return await self._snapshot("balances", account_id)

    def reports(self) -> AsyncIterator[VenueReport]:
        return self.told.read()

    def market(self, instruments: Sequence[InstrumentId]) -> AsyncIterator[Book | TradeBar]:
        self.asked.append(("market", tuple(instruments)))
        return self.quotes.read()

    async def recent_trades(self, instrument_id: InstrumentId) -> Sequence[TradeBar]:
        found: Sequence[TradeBar] = await self._answer("recent_trades", instrument_id, self.past_trades)
        return found

    async def _outcome(self, method: str, given: Any) -> SendOutcome:
        outcome: SendOutcome = await self._answer(method, given, Sent())
        return outcome

    async def _snapshot(self, method: str, given: Any) -> Snapshot[Any]:
        found = await self._answer(method, given, ())
        return found if isinstance(found, Snapshot) else Snapshot(tuple(found), NOW_NS, NOW_NS)

    async def _answer(self, method: str, given: Any, otherwise: Any) -> Any:
        self.asked.append((method, given))
        script = self.answers.get(method)
        answer = script.popleft() if script else otherwise
        if isinstance(answer, asyncio.Future):
            answer = await answer
        if isinstance(answer, BaseException):
            raise answer
        return answer
