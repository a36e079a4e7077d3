"""Hydration: what left memory comes back from the journal before the engine is asked about it.

Look-ups are batched as writes are: whatever waits while one is under way makes up the next. Reports about the same
order wait behind its look-up, so that their order is kept.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import localcontext
from typing import Any, Final

import structlog
from attrs import define, field

from liveexec.domain import order_event as ev
from liveexec.domain.ids import AccountId, OperationId, OrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import MONEY
from liveexec.domain.order import Order, apply_event, new_order, settle_family
from liveexec.domain.outcome import CumulativeFill, FillReport, OrderRef, OrderReport
from liveexec.domain.stored import FoundOperation, OperationKey, RefKey, StoredRecord
from liveexec.engine.engine import ExecutionEngine
from liveexec.errors import Halted, InvariantViolation, LiveExecError, StorageError
from liveexec.runtime.backoff import Backoff
from liveexec.runtime.ports import JournalStore

__all__ = ["Hydrator", "fold_family", "names_of", "ref_keys", "ref_of_report"]

_log = structlog.get_logger(__name__)

_MAX_KEYS = 256
#: How long a caller's look-up may go on failing. Real seconds.
_PATIENCE_S: Final = 1.0


def ref_of_report(report: OrderReport | FillReport | CumulativeFill) -> OrderRef:
    """Every name by which a report calls its order."""
    if isinstance(report, FillReport):
        return OrderRef(report.account_id, report.fill.instrument_id, report.client_order_id, report.venue_order_id)
    refs = report.refs if isinstance(report, OrderReport) else None
    return OrderRef(report.account_id, report.instrument_id, report.client_order_id, report.venue_order_id, refs)


def ref_keys(ref: OrderRef) -> list[RefKey]:
    """The same as keys of the store."""
    names: dict[str, str | None] = {"client": ref.client_order_id, "venue": ref.venue_order_id, **(ref.refs or {})}
    return [(ref.account_id, kind, value) for kind, value in names.items() if value is not None]


def fold_family(streams: Mapping[str, Sequence[StoredRecord]]) -> dict[OrderId, Order]:
    """Orders from their journal streams; a child whose parent is among them adds to it what it filled."""
    with localcontext(MONEY):
        return _fold(streams)


def _fold(streams: Mapping[str, Sequence[StoredRecord]]) -> dict[OrderId, Order]:
    orders: dict[OrderId, Order] = {}
    for stream, records in streams.items():
        order: Order | None = None
        for stored in records:
            for event in stored.record.events:
                if order is None:
                    if not isinstance(event, ev.OrderReceived | ev.Adopted):
                        raise InvariantViolation(f"{stream}: its journal starts with {type(event).__name__}")
                    order = new_order(OrderId(stream), event, stored.record.at_ns)
                else:
                    apply_event(order, event, stored.record.at_ns)  # type: ignore[arg-type]  # order streams hold no account events
        if order is not None:
            orders[order.order_id] = order
    for order in orders.values():
        parent = orders.get(order.parent_id) if order.parent_id is not None else None
        if parent is not None and order.fills:
            settle_family(
                parent, order.filled_quantity, order.filled_cost, max(parent.updated_at_ns, order.updated_at_ns)
            )
    return orders


def names_of(streams: Mapping[str, Sequence[StoredRecord]]) -> dict[OrderId, list[tuple[str, str]]]:
    """Every name that the orders of these streams ever had at their venues, as (kind, reference)."""
    return {
        OrderId(stream): [name for stored in records for event in stored.record.events for name in _names_in(event)]
        for stream, records in streams.items()
    }


def _names_in(event: object) -> Iterable[tuple[str, str]]:
    names: dict[str, str | None] = {}
    match event:
        case ev.SubmitRequested() | ev.ReplaceRequested():
            names = {"client": event.plan.client_order_id, **(event.plan.refs or {})}
        case ev.Accepted():
            names = {"venue": event.venue_order_id, **(event.refs or {})}
        case ev.Replaced():
            names = {"venue": event.venue_order_id}
        case ev.Adopted():
            report = event.report
            names = {"client": report.client_order_id, "venue": report.venue_order_id, **(report.refs or {})}
        case _:
            pass
    return [(kind, value) for kind, value in names.items() if value is not None]


@define(eq=False)
class _Waiting:
    keys: list[RefKey]
    order_id: OrderId | None
    resume: list[Callable[[], None]] = field(factory=list)


class Hydrator:
    """Brings orders back into the engine and the durable view, and answers what operation ids were used for."""

    def __init__(
        self,
        store: JournalStore,
        shard: str,
        engine: ExecutionEngine,
        durable: Ledger,
        *,
        on_finished: Callable[[list[tuple[OrderId, int]]], None] = lambda _: None,
    ) -> None:
        self._store, self._shard, self._engine, self._durable = store, shard, engine, durable
        self._on_finished = on_finished
        self._stopped: LiveExecError | None = None
        self._waiting: dict[RefKey | OrderId, _Waiting] = {}
        self._assets: dict[tuple[AccountId, str], list[Callable[[bool], None]]] = {}
        self._operations: dict[OperationKey, list[asyncio.Future[FoundOperation | None]]] = {}
        self._futures: set[asyncio.Future[Any]] = set()
        self._wake = asyncio.Event()

    def hold(self, ref: OrderRef, resume: Callable[[], None]) -> None:
        """Look the order of a report up, and call ``resume`` once it is in memory or known not to exist."""
        keys = ref_keys(ref)
        for key in keys:
            if (waiting := self._waiting.get(key)) is not None:
                waiting.resume.append(resume)
                return
        waiting = _Waiting(keys, None, [resume])
        for key in keys:
            self._waiting[key] = waiting
        self._wake.set()

    def is_held(self, ref: OrderRef) -> bool:
        """Whether reports about this order wait for a look-up, so that a further one has to queue behind them."""
        return bool(self._waiting) and any(key in self._waiting for key in ref_keys(ref))

    def hold_asset(self, account_id: AccountId, reference: str, resume: Callable[[bool], None]) -> None:
        """Look up whether a movement is recorded already, and call ``resume`` with the answer."""
        self._assets.setdefault((account_id, reference), []).append(resume)
        self._wake.set()

    async def order(self, order_id: OrderId) -> bool:
        """Bring an order into memory by its own id; whether there is one."""
        if self._engine.orders.get(order_id) is not None:
            return True
        future: asyncio.Future[None] = self._future()
        waiting = self._waiting.get(order_id)
        if waiting is None:
            waiting = self._waiting[order_id] = _Waiting([], order_id)
        waiting.resume.append(lambda: None if future.done() else future.set_result(None))
        self._wake.set()
        await future
        return self._engine.orders.get(order_id) is not None

    async def operation(self, principal: str, operation_id: OperationId) -> FoundOperation | None:
        """What an operation id was used for before, of what has left memory."""
        future: asyncio.Future[FoundOperation | None] = self._future()
        self._operations.setdefault((principal, operation_id), []).append(future)
        self._wake.set()
        return await future

    def fail_all(self, error: LiveExecError) -> None:
        """Nothing is looked up any more: callers who wait get the error, held reports are forgotten with the engine."""
        self._stopped = error
        self._refuse(error)

    def _refuse(self, error: LiveExecError) -> None:
        for future in list(self._futures):
            if not future.done():
                future.set_exception(error)

    def _future[T](self) -> asyncio.Future[T]:
        if self._stopped is not None:
            raise self._stopped
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    async def run(self) -> None:
        """Answer look-ups until cancelled; a store that fails is asked again.

        Reports wait as long as it takes. Callers don't: after a moment they get ``Halted``, and nothing was done.
        """
        backoff = Backoff(0.05, 1.0)
        failing_since_s: float | None = None
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._operations or self._waiting or self._assets:
                try:
                    await self._look_up_operations()
                    await self._look_up_orders()
                    await self._look_up_assets()
                except StorageError as error:
                    now_s = time.monotonic()
                    if failing_since_s is None:
                        failing_since_s = now_s
                        _log.error("look_up_failed", shard=self._shard, error=str(error))
                    elif now_s - failing_since_s >= _PATIENCE_S:
                        self._operations.clear()
                        self._refuse(Halted(f"the database can't be read now, so nothing was done: {error}"))
                    await asyncio.sleep(backoff.next_s())
                else:
                    failing_since_s = None
                    backoff.reset()

    async def _look_up_operations(self) -> None:
        keys = list(self._operations)[:_MAX_KEYS]
        if not keys:
            return
        found = await self._store.find_operations(self._shard, keys)
        for key in keys:
            for future in self._operations.pop(key):
                if not future.done():
                    future.set_result(found.get(key))

    async def _look_up_assets(self) -> None:
        keys = list(self._assets)[:_MAX_KEYS]
        if not keys:
            return
        known = dict.fromkeys(await self._store.find_asset_moves(keys))
        for key in keys:
            for resume in self._assets.pop(key):
                resume(key in known)

    async def _look_up_orders(self) -> None:
        batch = list({id(waiting): waiting for waiting in self._waiting.values()}.values())[:_MAX_KEYS]
        if not batch:
            return
        keys = [name for waiting in batch for name in waiting.keys]
        found = await self._store.find_refs(self._shard, keys) if keys else {}
        wanted = dict.fromkeys(found.values())
        wanted.update({waiting.order_id: None for waiting in batch if waiting.order_id is not None})
        finished = await self._bring_in(list(wanted)) if wanted else []
        for waiting in batch:
            own: list[RefKey | OrderId] = [*waiting.keys]
            if waiting.order_id is not None:
                own.append(waiting.order_id)
            for key in own:
                if self._waiting.get(key) is waiting:
                    del self._waiting[key]
            for resume in waiting.resume:
                resume()
        # Only now, so that whoever waited is served before any of them leaves again.
        if finished:
            self._on_finished(finished)

    async def _bring_in(self, order_ids: Sequence[OrderId]) -> list[tuple[OrderId, int]]:
        """Orders come back with their whole family, so that a parent's sums stay whole; those of them that have ended
        are returned with their last sequences."""
        streams = dict(await self._store.read_streams(self._shard, order_ids))
        parents = {
            order.parent_id or order.order_id: None
            for order in fold_family(streams).values()
            if order.parent_id is not None or order.is_parent
        }
        if parents:
            children = await self._store.find_children(self._shard, list(parents))
            family = [*parents, *(child for members in children.values() for child in members)]
            missing = [member for member in family if member not in streams]
            if missing:
                streams.update(await self._store.read_streams(self._shard, missing))
        names = names_of(streams)
        # Two folds: the engine's own and the durable view's, which change apart from each other.
        self._engine.hydrate(list(fold_family(streams).values()), names)
        orders = fold_family(streams).values()
        for order in orders:
            self._durable.orders.setdefault(order.order_id, order)
        return [(order.order_id, order.last_sequence) for order in orders if not order.is_open]
