"""What is compared with the venue's truth where a change of an order is a cancel and another order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from liveexec.domain.order_state import OrderStatus
from liveexec.domain.venue import ReplaceMode
from liveexec_testkit.conformance.hosting import Host, hosted
from liveexec_testkit.conformance.paper import PaperHarness
from liveexec_testkit.conformance.trial import Trial

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def host() -> AsyncIterator[Host]:
    async with PaperHarness(replace=ReplaceMode.NONE) as venue, Trial(venue) as trial, hosted(trial) as running:
        yield running


async def test_an_order_is_its_attempts_together() -> None:
    async with host() as running:
        order_id = await running.working()
        lots = running.live.orders[order_id].quantity
        await running.take(order_id, lots / 2)
        await running.until(order_id, OrderStatus.PARTIALLY_FILLED)
        await running.replace(order_id, quantity=lots * 2)
        await running.settled(order_id)
        changed = running.live.orders[order_id]
        assert (changed.attempt, changed.quantity, changed.filled_quantity) == (2, lots * 2, lots / 2)
        assert len(await running.trial.venue.orders()) == 2
        assert await running.agreement.differences() == []
        await running.take(order_id, lots)
        await running.until(order_id, OrderStatus.PARTIALLY_FILLED)
        await running.agrees()


async def test_what_an_earlier_attempt_filled_is_missed_where_it_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    async with host() as running:
        order_id = await running.working()
        await running.replace(order_id, quantity=running.live.orders[order_id].quantity * 2)
        await running.settled(order_id)
        assert await running.agreement.differences() == []
        first, *others = await running.trial.venue.orders()
        first.filled_quantity += Decimal(1)

        async def orders() -> list[object]:
            return [first, *others]

        monkeypatch.setattr(running.trial.venue, "orders", orders)
        assert any(found.startswith(f"{order_id}: 0 filled here, 1") for found in await running.agreement.differences())
