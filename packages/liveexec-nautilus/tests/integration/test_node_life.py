"""The node's process in its venues' service: its death is a gap and nothing more, and what it was told stays secret."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from liveexec.domain.ids import InstrumentId
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import Absent, FillReport, Gap, OrderRef, OrderReport, Rejected, SendPlan, Sent, Unknown
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import VenueOrder
from liveexec.runtime.clock import WallClock
from liveexec.runtime.order_ids import new_order_id
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.adapter import NautilusAdapter
from liveexec_nautilus.live.manifest import manifest_of
from liveexec_nautilus.live.process import LiveTradingNode
from liveexec_nautilus.live.protocol import NodePlan
from liveexec_nautilus.live.settings import VenueSettings
from liveexec_nautilus.loopback.shared.faults import StreamFault
from nautilus_support.flavors import BYBIT
from nautilus_support.harness import ACCOUNT, NodeHarness

pytestmark = pytest.mark.anyio

SUPPORT = str(Path(__file__).parent.parent)
PAIR = InstrumentId("BYBIT:SPOT_PAIR:BTC-USDT")
CLOCK = WallClock()


def order_of(instrument_id: InstrumentId, quantity: str, price: str | None, **changes: Any) -> VenueOrder:
    values: dict[str, Any] = {
        "order_id": new_order_id(CLOCK),
        "account_id": ACCOUNT,
        "instrument_id": instrument_id,
        "operation": Operation.TRADE,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT if price is not None else OrderType.MARKET,
        "time_in_force": TimeInForce.GTC,
        "quantity": Decimal(quantity),
        "price": Decimal(price) if price is not None else None,
    }
    return VenueOrder(**(values | changes))


def plan_of(adapter: NautilusAdapter, order: VenueOrder) -> SendPlan:
    rule = adapter.manifest.client_id
    assert rule is not None
    return SendPlan(rule.client_order_id(order.order_id, 1), CLOCK.now_ns() + 10**10)


@asynccontextmanager
async def simulated(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[NautilusAdapter, LiveTradingNode]]:
    """An adapter over a child whose venue is NautilusTrader's own simulated client."""
    monkeypatch.setenv("PYTHONPATH", SUPPORT)
    node = LiveTradingNode(lambda: NodePlan("SIMULATED-001", (), (), builder="nautilus_support.sandbox:built"))
    adapter = NautilusAdapter(node, VenueSettings(NodeVenue.BYBIT, ACCOUNT), manifest_of(NodeVenue.BYBIT))
    await adapter.connect()
    try:
        yield adapter, node
    finally:
        await adapter.disconnect()


async def first_of(adapter: NautilusAdapter, kind: type[Any]) -> Any:
    """The next report of a kind."""
    async with asyncio.timeout(10):
        async for report in adapter.reports():
            if isinstance(report, kind):
                return report
    raise AssertionError("the stream ended")


def given_to(pid: int | None) -> bytes:
    """A process's arguments and environment."""
    folder = Path(f"/proc/{pid}")
    if not folder.exists():
        pytest.skip("this system shows no process's arguments below /proc")
    return (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()


async def read_out(reports: AsyncIterator[Any]) -> None:
    """Read to the end."""
    async with asyncio.timeout(20):
        async for _ in reports:
            pass


@pytest.mark.parametrize(
    "anyio_backend", [("asyncio", {"use_uvloop": each}) for each in (False, True)], ids=["asyncio", "uvloop"]
)
async def test_orders_changes_and_cancels_go_to_the_child_and_come_back(
    anyio_backend: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with simulated(monkeypatch) as (adapter, node):
        books = adapter.market([PAIR])
        async with asyncio.timeout(10):
            book = await anext(books)
        assert book.instrument_id == PAIR
        order = order_of(PAIR, "0.002", "60000")
        plan = plan_of(adapter, order)
        assert isinstance(await adapter.submit(order, plan), Sent)
        ref = OrderRef(ACCOUNT, PAIR, plan.client_order_id, None)
        changed = order_of(PAIR, "0.003", "60001", order_id=order.order_id)
        assert isinstance(await adapter.replace(ref, changed, plan, Decimal(0)), Sent)
        told = await adapter.order(ref)
        assert isinstance(told, OrderReport)
        assert (told.quantity, told.price) == (Decimal("0.003"), 60_001)
        assert isinstance(await adapter.replace(ref, changed, plan, Decimal(0)), Rejected), "nothing would change"
        assert isinstance(await adapter.cancel(ref), Sent)
        assert (await adapter.open_orders(ACCOUNT)).items == ()
        # The same client id again: the node refuses it, and says that nothing was sent.
        again = await adapter.submit(order, plan)
        assert isinstance(again, Rejected)
        assert again.code == "NOT_SENT"
        odd = order_of(PAIR, "0.0000001", "60000")
        assert isinstance(await adapter.submit(odd, plan_of(adapter, odd)), Rejected)
        unlisted = order_of(InstrumentId("BYBIT:SPOT_PAIR:ETH-USDT"), "1", "1")
        assert isinstance(await adapter.submit(unlisted, plan_of(adapter, unlisted)), Rejected)
        market = order_of(PAIR, "0.001", None)
        assert isinstance(await adapter.submit(market, plan_of(adapter, market)), Sent)
        fill = (await first_of(adapter, FillReport)).fill
        assert (fill.quantity, fill.price, fill.fee_asset) == (Decimal("0.001"), Decimal("61800.01"), "USDT")
        assert [each.fill.key for each in (await adapter.fills(ACCOUNT, 0)).items] == [fill.key]
        assert node.starts == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGABRT])
async def test_its_death_ends_the_session_and_the_next_one_begins_with_a_gap(
    monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    async with simulated(monkeypatch) as (adapter, node):
        reports = adapter.reports()
        pid = node.pid
        assert pid is not None
        os.kill(pid, how)
        with pytest.raises(AdapterError, match="the node's process is gone"):
            async with asyncio.timeout(10):
                await anext(reports)
        order = order_of(PAIR, "0.002", "60000")
        with pytest.raises(AdapterError):
            await adapter.submit(order, plan_of(adapter, order))
        with pytest.raises(AdapterError):
            await adapter.open_orders(ACCOUNT)
        await adapter.connect()
        assert isinstance(await anext(adapter.reports()), Gap)
        assert node.pid != pid
        assert node.starts == 2


async def test_what_was_asked_when_it_died_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulated(monkeypatch) as (adapter, node):
        pid = node.pid
        assert pid is not None
        # Stopped, it takes requests and answers none.
        os.kill(pid, signal.SIGSTOP)
        order = order_of(PAIR, "0.002", "60000")
        sending = asyncio.ensure_future(adapter.submit(order, plan_of(adapter, order)))
        asking = asyncio.ensure_future(adapter.balances(ACCOUNT))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(AdapterError):
            await asking
        with pytest.raises(AdapterError, match="gone"):
            await sending


async def test_a_node_that_can_not_be_made_says_why() -> None:
    node = LiveTradingNode(lambda: NodePlan("NONE-001", (), (), builder="liveexec_nautilus.live.node:nothing"))
    adapter = NautilusAdapter(node, VenueSettings(NodeVenue.OKX, ACCOUNT), manifest_of(NodeVenue.OKX))
    with pytest.raises(AdapterError, match="has no attribute 'nothing'"):
        await adapter.connect()
    await adapter.disconnect()
    assert node.pid is None


async def test_a_message_that_aborts_the_library_is_survived() -> None:
    async with NodeHarness(BYBIT) as venue:
        adapter = venue.adapter()
        assert isinstance(adapter, NautilusAdapter)
        await adapter.connect()
        try:
            traded = venue.instruments[0]
            order = order_of(traded.instrument_id, str(traded.quantity), str(traded.price - 10))
            plan = plan_of(adapter, order)
            assert isinstance(await adapter.submit(order, plan), Sent)
            reports = adapter.reports()
            venue.control.fault(StreamFault(kind="patch", topic="execution*", fields={"feeCurrency": ""}))
            await venue.take(traded.instrument_id, Side.SELL, traded.price - 10, traded.quantity / 2)
            with pytest.raises(AdapterError, match="the node's process is gone"):
                await read_out(reports)
            await adapter.connect()
            assert isinstance(await first_of(adapter, Gap), Gap)
            asked = await adapter.fills(ACCOUNT, 0)
            assert [each.fill.quantity for each in asked.items] == [traded.quantity / 2]
            assert [each.client_order_id for each in asked.items] == [plan.client_order_id]
            ref = OrderRef(ACCOUNT, traded.instrument_id, plan.client_order_id, None)
            # The order of the life before is heard of, and canceled, as if nothing had been.
            await venue.take(traded.instrument_id, Side.SELL, traded.price - 10, traded.quantity / 4)
            assert (await first_of(adapter, FillReport)).fill.quantity == traded.quantity / 4
            assert not isinstance(await adapter.cancel(ref), Rejected | Unknown)
            never = OrderRef(
                ACCOUNT, traded.instrument_id, plan_of(adapter, order_of(PAIR, "1", "1")).client_order_id, None
            )
            assert isinstance(await adapter.order(never), Absent)
        finally:
            await adapter.disconnect()


async def test_keys_are_in_no_argument_and_no_environment_of_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYBIT_API_SECRET", "another-secret-of-canary")
    async with NodeHarness(BYBIT) as venue:
        adapter = venue.adapter()
        assert isinstance(adapter, NautilusAdapter)
        await adapter.connect()
        try:
            shown = given_to(adapter._node.pid)
            assert b"liveexec_nautilus.live.child" in shown
            for secret in (*venue.secrets, "another-secret-of-canary"):
                assert secret.encode() not in shown
        finally:
            await adapter.disconnect()
