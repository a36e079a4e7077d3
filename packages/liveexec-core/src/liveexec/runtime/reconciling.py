"""Reconciling a shard by itself: its accounts are compared with their venues, and nothing that adds risk is sent.

The shard is owned meanwhile, so nobody trades on it. A dry run goes the same way on a store that writes nothing and
adapters that send nothing, and tells what would have become true.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from attrs import define, evolve, field

from liveexec.domain.account_event import DriftSeen
from liveexec.domain.instrument import Listing
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import OrderRef
from liveexec.errors import AdapterError
from liveexec.runtime.dry_run import SilentStore, silenced
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator
from liveexec.runtime.shard_parts import ShardParts
from liveexec.runtime.streams import StreamItem

__all__ = ["Reconciliation", "reconcile"]

#: A difference counts once a look shows it again that comes later than what was on its way. Real seconds between two.
_AGAIN_S: Final = 1.5
_LOOKS: Final = 2
#: How long a lease that still holds is waited for. Real seconds.
_OWNED_S: Final = 2.0
#: Everything that becomes true is kept to be shown.
_BUFFER: Final = 1_000_000
#: Nothing leaves memory, since a dry run could not look it up again.
_KEPT: Final = 1_000_000


@define(eq=False)
class Reconciliation:
    """What was found: everything that became true (in a dry run: would have), drifts that stand, orders of which it is
    still unknown what became of them, and requests that a dry run did not send (which, and for which order).

    ``listings`` is what the venues list meanwhile, by which amounts are shown.
    """

    happened: Sequence[StreamItem] = ()
    drifts: Sequence[DriftSeen] = ()
    in_doubt: Sequence[Order] = ()
    withheld: list[tuple[str, OrderRef]] = field(factory=list)
    listings: Sequence[Listing] = ()

    @property
    def is_clean(self) -> bool:
        """Whether there was nothing to find."""
        return not (self.happened or self.drifts or self.in_doubt or self.withheld)


async def reconcile(parts: ShardParts, *, dry_run: bool, timeout_s: float) -> Reconciliation:
    """Compare all accounts of a shard with their venues, twice, and settle what is unknown as far as that goes.

    Raises:
        Fenced: another process owns the shard.
        AdapterError: a venue could not be compared with within ``timeout_s``; the message says why.
        StorageError: the database can't be used.
    """
    found = Reconciliation()
    if dry_run:
        parts = evolve(
            parts,
            store=SilentStore(parts.store),
            adapters=[
                silenced(adapter, lambda what, ref: found.withheld.append((what, ref))) for adapter in parts.adapters
            ],
        )
    parts = evolve(
        parts,
        config=evolve(parts.config, finished_orders_kept=_KEPT),
        reconcile_every_s=_AGAIN_S,
        only_reconciles=True,
        # Prices are asked for nothing here.
        instruments=(),
    )
    # A live owner is not waited for: it reconciles by itself.
    live = LiveExecutionOrchestrator(parts, takeover_timeout_s=_OWNED_S)
    heard = live.stream(_BUFFER)
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    async with live:
        await _compared(live, timeout_s)
        # What is still unknown then is told as such.
        while (doubtful := _in_doubt(live)) and asyncio.get_running_loop().time() < deadline_s:  # noqa: ASYNC110  (orders have no event)
            await asyncio.sleep(_AGAIN_S / 10)
        found.in_doubt = doubtful
        found.drifts = list(live.shard.view.ledger.drifts.values())
        found.listings = list(live.shard.engine.state.listings.values())
    found.happened = [item async for item in heard]
    return found


async def _compared(live: LiveExecutionOrchestrator, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await live.compared(_LOOKS)
    except TimeoutError:
        sessions = [each for each in live.shard.sessions if each.rounds < _LOOKS]
        faults = [f"{each.venue} ({each.last_error or each.state})" for each in sessions]
        raise AdapterError(f"not compared within {timeout_s:g} s: {', '.join(faults)}") from None


def _in_doubt(live: LiveExecutionOrchestrator) -> list[Order]:
    return [
        order
        for order in live.open_orders()
        if not order.is_parent
        and (order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN) or order.replace_unknown)
    ]
