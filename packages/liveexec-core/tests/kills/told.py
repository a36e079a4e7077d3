"""Whether everything is as lives were told: nothing lost, nothing twice, and every book agrees with every other."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from liveexec import LiveExecutionOrchestrator, OrderStatus
from liveexec.domain import order_event as ev
from liveexec.domain.ids import OrderId
from liveexec.domain.order_state import TERMINAL_STATUSES
from liveexec.errors import NotFound
from liveexec.runtime.ports import JournalStore
from support.hosting import HASTY, Desk, differences

__all__ = ["faults_after", "told_in"]

#: What a caller was told of an operation: its id, its order's, the status and the filled quantity then.
Told = dict[str, Any]


def told_in(text: str) -> list[Told]:
    """What a life was told, from its output; the last line may have been cut by its end."""
    return [json.loads(line) for line in text.split("\n")[:-1] if line.startswith("{")]


async def faults_after(desk: Desk, store: JournalStore, told: Iterable[Told], owner: str = "host") -> list[str]:
    """Start again, reconcile, cancel what is open, and name everything that is not as it was told, or that journal,
    tables and venues do not agree on."""
    async with desk.live(store, HASTY, owner=owner) as live:
        for order in live.open_orders():
            await live.cancel(order.order_id, wait="terminal", timeout_s=20)
        faults = [f"{order.order_id} can't be canceled: {order.status}" for order in live.open_orders()]
        faults += await _broken_words(live, told)
        faults += await _journal_faults(store)
        return faults + await differences(live, store, desk)


async def _broken_words(live: LiveExecutionOrchestrator, told: Iterable[Told]) -> list[str]:
    faults: list[str] = []
    orders: dict[str, str] = {}
    for word in told:
        if orders.setdefault(word["operation"], word["order"]) != word["order"]:
            faults.append(f"{word['operation']} was told two orders: {orders[word['operation']]} and {word['order']}")
        try:
            result = await live.result(OrderId(word["order"]))
        except NotFound:
            faults.append(f"{word['order']} was told and is not there")
            continue
        if result.operation_id != word["operation"]:
            faults.append(f"{word['order']} belongs to {result.operation_id}, not to {word['operation']}")
        if result.filled_quantity < Decimal(word["filled"]):
            faults.append(f"{word['order']} was told {word['filled']} filled, and has {result.filled_quantity}")
        ended = word["status"] in TERMINAL_STATUSES and word["status"] != OrderStatus.CANCELED
        if ended and result.status != word["status"]:
            faults.append(f"{word['order']} was told {word['status']}, and is {result.status}")
    if len(set(orders.values())) != len(orders):
        faults.append("two operations were told the same order")
    return faults


async def _journal_faults(store: JournalStore) -> list[str]:
    """What no journal of these lives may hold: an order of ours that nobody here knew (so it left before it was
    recorded, or was forgotten), an absence that was believed before the request could be gone, a dead owner's words."""
    faults: list[str] = []
    position, epoch = 0, 0
    deadlines: dict[str, int] = {}
    while page := await store.read_after("main", position, 1_000):
        for stored in page:
            if stored.epoch < epoch:
                faults.append(f"position {stored.position} was written in epoch {stored.epoch}, after {epoch}")
            epoch = stored.epoch
            stream, at_ns = stored.record.stream, stored.record.at_ns
            for event in stored.record.events:
                match event:
                    case ev.Adopted():
                        faults.append(f"{stream} was adopted, and nobody else trades here: {event.report}")
                    case ev.SubmitRequested(plan=plan):
                        deadlines[stream] = plan.valid_until_ns + HASTY.timing.clock_skew_ns
                    case ev.NotSent(reason=reason) if "proved" in reason and at_ns < deadlines[stream]:
                        faults.append(f"{stream} was taken for absent {deadlines[stream] - at_ns} ns too early")
                    case _:
                        pass
        position = page[-1].position
    return faults
