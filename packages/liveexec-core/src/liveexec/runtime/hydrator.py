"""Hydration: what left memory comes back from the journal before the engine is asked about it.

Look-ups are batched as writes are: whatever waits while one is under way makes up the next. Reports about the same
order wait behind its look-up, so that their order is kept.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import structlog
from attrs import define

from liveexec.domain.ids import AccountId, OperationId, OrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.order import Order
from liveexec.domain.outcome import CumulativeFill, FillReport, OrderRef, OrderReport
from liveexec.domain.stored import FoundOperation, OperationKey, RefKey
from liveexec.engine.engine import ExecutionEngine
from liveexec.errors import Busy, Halted, LiveExecError, StorageError
from liveexec.runtime.backoff import Backoff
from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.families import fold_family, names_of, read_families
from liveexec.runtime.ports import JournalStore

__all__ = ["Hydrator", "ref_keys", "ref_of_report"]

_log = structlog.get_logger(__name__)

_MAX_KEYS: Final = 256
#: Operation ids that may wait for their look-up; who comes then is refused as busy.
_MAX_OPERATIONS: Final = 10_000
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


@define(eq=False)
class _Held:
    """Who waits for an order that is looked up by any of these names, or by its own id."""

    keys: list[RefKey]
    order_id: OrderId | None
    resume: Callable[[], None]


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
        #: In the order in which they came and are resumed.
        self._held: deque[_Held] = deque()
        self._held_keys: Counter[RefKey] = Counter()
        self._assets: dict[tuple[AccountId, str], list[Callable[[bool], None]]] = {}
        #: Who waits behind movements, each with those that are still looked up.
        self._behind_assets: list[tuple[set[tuple[AccountId, str]], Callable[[], None]]] = []
        self._operations: dict[OperationKey, list[asyncio.Future[FoundOperation | None]]] = {}
        self._futures: set[asyncio.Future[Any]] = set()
        self._wake = asyncio.Event()

    def hold(self, refs: Sequence[OrderRef], resume: Callable[[], None]) -> None:
        """Look orders up, and call ``resume`` once each is in memory or known not to exist, and everything that was
        held before is resumed."""
        keys = [key for ref in refs for key in ref_keys(ref)]
        self._held.append(_Held(keys, None, resume))
        self._held_keys.update(keys)
        self._wake.set()

    @property
    def is_busy(self) -> bool:
        """Whether anybody waits for an order."""
        return bool(self._held)

    @property
    def is_asked(self) -> bool:
        """Whether anything is looked up, or waits to be."""
        return bool(self._held or self._assets or self._operations)

    def is_held(self, ref: OrderRef) -> bool:
        """Whether reports about this order wait for a look-up, so that a further one has to queue behind them."""
        return bool(self._held_keys) and any(key in self._held_keys for key in ref_keys(ref))

    def hold_asset(self, account_id: AccountId, reference: str, resume: Callable[[bool], None]) -> None:
        """Look up whether a movement is recorded already, and call ``resume`` with the answer."""
        self._assets.setdefault((account_id, reference), []).append(resume)
        self._wake.set()

    def is_asset_held(self, account_id: AccountId) -> bool:
        """Whether a movement of one of the account's assets is looked up, and not counted yet."""
        return any(account == account_id for account, _ in self._assets)

    def hold_behind_assets(self, account_id: AccountId, resume: Callable[[], None]) -> None:
        """Call ``resume`` once every movement of the account that is looked up now was resumed; later ones don't
        count."""
        self._behind_assets.append(({key for key in self._assets if key[0] == account_id}, resume))

    async def order(self, order_id: OrderId) -> Mapping[OrderId, Order] | None:
        """Bring an order into memory by its own id: it and its family as they durably stand; ``None`` if there is none.

        What is given stays good when the order leaves memory again, which it may before its caller's next turn.
        """
        if self._engine.orders.get(order_id) is not None:
            return self._durable.orders
        future: asyncio.Future[Mapping[OrderId, Order] | None] = self._future()

        def found() -> None:
            if not future.done():
                future.set_result(self._family(order_id))

        self._held.append(_Held([], order_id, found))
        self._wake.set()
        return await future

    def _family(self, order_id: OrderId) -> Mapping[OrderId, Order] | None:
        orders = self._durable.orders
        order = orders.get(order_id)
        if order is None:
            return None
        return {member: orders[member] for member in (order_id, *(order.children or ())) if member in orders}

    async def operation(self, principal: str, operation_id: OperationId) -> FoundOperation | None:
        """What an operation id was used for before, of what has left memory.

        Raises:
            Busy: too many are being looked up already.
        """
        if len(self._operations) >= _MAX_OPERATIONS:
            raise Busy(f"{_MAX_OPERATIONS} operation ids are being looked up already; try again later")
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
            while self._operations or self._held or self._assets:
                error = await self._look_up()
                if error is not None:
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

    async def _look_up(self) -> StorageError | None:
        """Look up what waits; the error of what failed. None of them keeps the others from being answered."""
        failure = None
        for look_up in (self._look_up_operations, self._look_up_orders, self._look_up_assets):
            try:
                await look_up()
            except StorageError as error:
                failure = error
        return failure

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
        for waits_for, _ in self._behind_assets:
            waits_for.difference_update(keys)
        ready = [go_on for waits_for, go_on in self._behind_assets if not waits_for]
        self._behind_assets = [each for each in self._behind_assets if each[0]]
        for go_on in ready:
            go_on()

    async def _look_up_orders(self) -> None:
        batch = list(islice(self._held, _MAX_KEYS))
        if not batch:
            return
        keys = list(dict.fromkeys(key for held in batch for key in held.keys))
        reach(FailPoint.BEFORE_LOOK_UP)
        found = await self._store.find_refs(self._shard, keys) if keys else {}
        wanted = dict.fromkeys(found.values())
        wanted.update({held.order_id: None for held in batch if held.order_id is not None})
        finished = await self._bring_in_all(wanted)
        reach(FailPoint.BROUGHT_IN)
        for held in batch:
            self._held.popleft()
            self._held_keys.subtract(held.keys)
            held.resume()
        self._held_keys = +self._held_keys
        # Only now, so that whoever waited is served before any of them leaves again.
        if finished:
            self._on_finished(finished)

    async def _bring_in_all(self, wanted: Iterable[OrderId]) -> list[tuple[OrderId, int]]:
        """Have all of these in memory at once: one that was there may leave it while others are read."""
        finished: list[tuple[OrderId, int]] = []
        read: dict[OrderId, None] = {}
        while missing := [each for each in wanted if self._engine.orders.get(each) is None and each not in read]:
            finished += await self._bring_in(missing)
            read.update(dict.fromkeys(missing))
        return finished

    async def _bring_in(self, order_ids: Sequence[OrderId]) -> list[tuple[OrderId, int]]:
        """Orders come back with their whole family, so that a parent's sums stay whole; those of them that have ended
        are returned with their last sequences."""
        streams = await read_families(self._store, self._shard, order_ids)
        names = names_of(streams)
        # Two folds: the engine's own and the durable view's, which change apart from each other.
        self._engine.hydrate(list(fold_family(streams).values()), names)
        orders = fold_family(streams).values()
        for order in orders:
            self._durable.orders.setdefault(order.order_id, order)
        return [(order.order_id, order.last_sequence) for order in orders if not order.is_open]
