"""Reconciliation at start, after every gap and continuously: the venue's truth is fetched, and becomes ordinary
inputs."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import anyio
import structlog
from attrs import frozen

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId
from liveexec.domain.outcome import (
    BalanceReport,
    FillAction,
    FillReport,
    OrderReport,
    PositionReport,
    Snapshot,
    VenueReport,
)
from liveexec.engine.inputs import AccountSnapshot
from liveexec.errors import AdapterError, StorageError
from liveexec.plugins.adapter import ExternalAdapter, Settles
from liveexec.runtime.failpoints import FailPoint, reach

__all__ = ["Reconciler"]

_log = structlog.get_logger(__name__)

#: Fills are asked for from this long before the account was last trusted: clocks differ, and fills may come late.
_OVERLAP_NS: Final = 60_000_000_000
#: How often a new account is asked what it holds until it holds the same twice.
_STILL_ROUNDS: Final = 10
#: A venue that has not answered one of the questions after this long counts as lost. Real seconds.
_ANSWER_TIMEOUT_S: Final = 60.0


#: What a request has to wait for, ``None`` if it may leave now.
Slot = Callable[[], Coroutine[Any, Any, None] | None]


def _no_limit() -> None:
    """Every request may leave."""


class Reconciler:
    """Fetches an account's fills, orders, positions and balances and tells the engine. Running it twice adds nothing.

    ``trusted_until_ns`` is where an account's fills are known up to when nothing else is known: at start, the time of
    the journal's last record. ``known_fills`` tells which fills the tables hold; those need not be delivered again.
    ``offset_ns`` is how far the venue's clock is ahead of ours.
    """

    def __init__(
        self,
        *,
        now_ns: Callable[[], int],
        is_new: Callable[[AccountId], bool],
        trusted_until_ns: int,
        known_fills: Callable[[AccountId, Sequence[FillKey]], Coroutine[Any, Any, Sequence[FillKey]]],
        tell: Callable[[Any], Coroutine[Any, Any, None]],
        deliver: Callable[[VenueReport], Coroutine[Any, Any, None]],
        offset_ns: Callable[[], int] = lambda: 0,
    ) -> None:
        self._now_ns, self._is_new, self._tell, self._deliver = now_ns, is_new, tell, deliver
        self._start_ns = trusted_until_ns
        self._known_fills, self._offset_ns = known_fills, offset_ns
        self._trusted_until_ns: dict[AccountId, int] = {}

    async def reconcile(self, account_id: AccountId, adapter: ExternalAdapter, slot: Slot = _no_limit) -> None:
        """Compare one account. Returns once everything that was found is durable. ``slot`` says what a request has to
        wait for, ``None`` if it may leave.

        Raises:
            TimeoutError: the venue does not answer.
            AdapterError: the venue does not give all fills or settlements.
        """
        reach(FailPoint.RECONCILING)
        requested_at_ns = self._now_ns()
        # What an account held at its first connection is in its opening position; its earlier fills are not ours.
        is_new = self._is_new(account_id)
        fetched = 0 if is_new else await self._fetch_fills(account_id, adapter, slot)
        if isinstance(adapter, Settles) and not is_new:
            await self._fetch_settlements(account_id, adapter, slot)
        reach(FailPoint.FILLS_FETCHED)
        held = await self._hold(account_id, adapter, slot)
        # Where the venue says that it shows an earlier moment, later changes are none of its word; a clock that is far
        # off must not make all of it worthless.
        shown_ns = min(held.moments(requested_at_ns + self._offset_ns())) - self._offset_ns()
        true_at_ns = max(min(requested_at_ns, shown_ns), requested_at_ns - _OVERLAP_NS)
        if is_new:
            held, true_at_ns = await self._still(account_id, adapter, slot, held)
        reach(FailPoint.SNAPSHOT_FETCHED)
        orders = held.orders
        await self._tell(
            AccountSnapshot(
                0,
                account_id,
                true_at_ns,
                orders.items,
                orders.complete,
                held.positions.items,
                held.balances.items,
                requested_at_ns,
            )
        )
        self._trusted_until_ns[account_id] = requested_at_ns
        reach(FailPoint.RECONCILED)
        _log.info("reconciled", account=account_id, open_orders=len(orders.items), fills=fetched)

    async def _hold(self, account_id: AccountId, adapter: ExternalAdapter, slot: Slot) -> "_Held":
        asked_at_ns = self._now_ns()
        orders = await _answered(slot, adapter.open_orders(account_id))
        positions = await _answered(slot, adapter.positions(account_id))
        balances = await _answered(slot, adapter.balances(account_id))
        return _Held(orders, positions, balances, asked_at_ns, self._now_ns())

    async def _still(
        self, account_id: AccountId, adapter: ExternalAdapter, slot: Slot, held: "_Held"
    ) -> tuple["_Held", int]:
        """What a new account begins with, and a moment at which all of it was true, on the venue's clock.

        No fill before that moment may count, and every later one has to: where the venue cuts its times, the moment is
        one that cutting leaves as it is, so that it cuts no later fill's time to an earlier one.

        Its answers are of different moments, so that a fill between two of them would count twice or not at all. What
        is shown twice alike was true all the while between the two.
        """
        ahead_ns, same = self._offset_ns(), [held]
        step_ns = adapter.manifest.time_resolution_ns
        for _ in range(_STILL_ROUNDS):
            if step_ns > 1:
                # Two looks within one step of the venue's times have no moment between them.
                await asyncio.sleep(step_ns / 1e9)
            held = await self._hold(account_id, adapter, slot)
            same = [*same, held] if held.shows_the_same_as(same[-1]) else [held]
            # Of each of the three: from when on, and until when, it was so.
            since = zip(*(each.moments(each.answered_at_ns + ahead_ns) for each in same), strict=True)
            until = zip(*(each.moments(each.asked_at_ns + ahead_ns) for each in same), strict=True)
            begin_ns = -(-max(min(moments) for moments in since) // step_ns) * step_ns
            if begin_ns <= min(max(moments) for moments in until) and len(same) > 1:
                return held, begin_ns
        # Others trade here all the time. Should a fill have come in between, the next comparisons show a drift.
        _log.warning("account_never_still", account=account_id, rounds=_STILL_ROUNDS)
        return held, min(held.moments(held.asked_at_ns + ahead_ns))

    async def _fetch_settlements(self, account_id: AccountId, adapter: Settles, slot: Slot) -> None:
        """Deliver what was settled since the account was last trusted: after its fills, which are what is settled."""
        settled = await _answered(slot, adapter.settlements(account_id, self._since_ns(account_id)))
        if not settled.complete:
            raise AdapterError(f"{account_id}: the venue does not give all settlements")
        for said in settled.items:
            await self._deliver(said)

    def _since_ns(self, account_id: AccountId) -> int:
        """From when on, on the venue's clock, what happened on an account may be unknown here."""
        trusted_until_ns = self._trusted_until_ns.get(account_id, self._start_ns)
        return max(0, trusted_until_ns - _OVERLAP_NS + self._offset_ns())

    def _within_reach(self, account_id: AccountId, adapter: ExternalAdapter, since_ns: int) -> int:
        """From when on fills can be asked for: a venue keeps them for as long as its manifest says.

        What is older can't be had from it any more. Its positions tell whether something was filled then, and the
        difference shows as a drift.
        """
        kept_ns = adapter.manifest.fills_history_ns
        oldest_ns = self._now_ns() + self._offset_ns() - kept_ns if kept_ns is not None else 0
        if since_ns < oldest_ns:
            _log.error("fills_out_of_reach", account=account_id, wanted_since_ns=since_ns, kept_since_ns=oldest_ns)
        return max(since_ns, oldest_ns)

    async def _fetch_fills(self, account_id: AccountId, adapter: ExternalAdapter, slot: Slot) -> int:
        """Deliver the fills since the account was last trusted, page after page where the venue cuts them off."""
        since_ns = self._within_reach(account_id, adapter, self._since_ns(account_id))
        fetched = 0
        while True:
            fills = await _answered(slot, adapter.fills(account_id, since_ns))
            for fill in await self._unknown(account_id, fills.items):
                await self._deliver(fill)
            fetched += len(fills.items)
            if fills.complete:
                return fetched
            newest_ns = max((fill.fill.venue_time_ns for fill in fills.items), default=since_ns)
            if newest_ns <= since_ns:
                raise AdapterError(
                    f"{account_id}: the venue cuts its fills off at {since_ns}, so some can't be fetched"
                )
            since_ns = newest_ns

    async def _unknown(self, account_id: AccountId, fills: Sequence[FillReport]) -> Sequence[FillReport]:
        """The reports that may be news. Most of what the overlap brings is none, and delivered it would bring its order
        back into memory to find that out."""
        trades = [said.fill.key for said in fills if said.action is FillAction.TRADE]
        if not trades:
            return fills
        try:
            known = frozenset(await self._known_fills(account_id, trades))
        except StorageError as error:
            # Nothing is known then: who looks up the orders waits for the database.
            _log.warning("fills_not_compared", account=account_id, error=str(error))
            return fills
        return [said for said in fills if said.action is not FillAction.TRADE or said.fill.key not in known]


@frozen
class _Held:
    """What an account has, in the order in which it was asked for, from ``asked_at_ns`` to ``answered_at_ns``."""

    orders: Snapshot[OrderReport]
    positions: Snapshot[PositionReport]
    balances: Snapshot[BalanceReport]
    asked_at_ns: int
    answered_at_ns: int

    def moments(self, unsaid_ns: int) -> list[int]:
        """Of which moments the answers are, by the venue's word; ``unsaid_ns`` where it gives none."""
        told = (each.as_of_ns for each in (self.orders, self.positions, self.balances))
        return [as_of_ns if as_of_ns is not None else unsaid_ns for as_of_ns in told]

    def shows_the_same_as(self, other: "_Held") -> bool:
        """Whether nothing was traded, ordered or paid between the two."""
        return self.amounts == other.amounts

    @property
    def amounts(self) -> tuple[Any, ...]:
        """Everything that a trade, an order or a payment changes."""
        return (
            {(said.venue_order_id, said.client_order_id, said.filled_quantity) for said in self.orders.items},
            {(said.instrument_id, said.quantity) for said in self.positions.items},
            {(said.asset, said.total) for said in self.balances.items},
        )


async def _answered[T](slot: Slot, request: Coroutine[Any, Any, Snapshot[T]]) -> Snapshot[T]:
    with anyio.fail_after(_ANSWER_TIMEOUT_S):
        try:
            if (turn := slot()) is not None:
                await turn
        except BaseException:
            request.close()
            raise
        return await request
