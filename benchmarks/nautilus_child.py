"""What the process boundary costs: an order through NautilusTrader's node in a child, and through one in this process.

Both nodes are made alike, with NautilusTrader's own simulated client as their venue, which fills a market order in the
same turn, so that what is measured is the way there and back and nothing of a network. They take turns, a block of
orders each, in one run.
"""

import asyncio
import os
import sys
import time
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import worlds
from benchmarks.driver import freeze
from benchmarks.figures import Figure, Result, percentile
from benchmarks.options import Options
from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import FillReport, SendPlan
from liveexec.plugins.adapter import VenueOrder
from liveexec.runtime.clock import WallClock
from liveexec.runtime.order_ids import new_order_id
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.adapter import NautilusAdapter
from liveexec_nautilus.live.manifest import manifest_of
from liveexec_nautilus.live.process import LiveTradingNode
from liveexec_nautilus.live.protocol import FillTold, FromChild, NodePlan, QuoteTold, Submit, Watch
from liveexec_nautilus.live.settings import VenueSettings

__all__ = ["run"]

GOAL_US: Final = 150.0
ACCOUNT: Final = AccountId("BENCH")
PAIR: Final = InstrumentId("BYBIT:SPOT_PAIR:BTC-USDT")
SYMBOL: Final = "BTCUSDT-SPOT.BYBIT"
CLIENT: Final = "BYBIT"
#: Where the simulated node is: beside the package's tests, which use it too.
_SUPPORT: Final = Path(__file__).parent.parent / "packages" / "liveexec-nautilus" / "tests"
_BLOCK: Final = 50
_PATIENCE_S: Final = 10.0


def run(options: Options) -> Result:
    """Order after order, block by block."""
    blocks = 2 if options.quick else 40
    options.say(f"{blocks} x {_BLOCK} orders through each node")
    freeze()
    # Both nodes on the same kind of loop, which is the host's: the child has uvloop, too.
    with asyncio.Runner(loop_factory=worlds.new_event_loop) as runner:
        within_us, across_us, adapter_us = runner.run(_measured(blocks))
    added = median(across_us) - median(within_us)
    return Result(
        "NautilusTrader's node in a child process",
        [
            _times("submit to filled, the node in this process", within_us),
            _times("submit to filled, the node in a child", across_us),
            Figure("added by the boundary, median", f"{added:.0f} µs", f"at most {GOAL_US:.0f} µs", added <= GOAL_US),
            _times("submit to a fill report of the adapter", adapter_us),
        ],
        ["the venue is NautilusTrader's simulated client; blocks of orders in turn, one order at a time"],
    )


async def _measured(blocks: int) -> tuple[list[float], list[float], list[float]]:
    sys.path.insert(0, str(_SUPPORT))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_SUPPORT), os.environ.get("PYTHONPATH")]))
    within, across = _Within(), _Across()
    await within.start()
    await across.start()
    taken: tuple[list[float], list[float], list[float]] = ([], [], [])
    try:
        for block in range(blocks + 1):
            for found, send in zip(taken, (within.once, across.once, across.reported), strict=True):
                times = [await send(number) for number in range(_BLOCK)]
                # The first block warms both up.
                if block:
                    found.extend(times)
    finally:
        await across.stop()
        await within.stop()
    return taken


class _Within:
    """The node on this process's own loop."""

    def __init__(self) -> None:
        self._last = 0
        self._filled: asyncio.Future[int]

    async def start(self) -> None:
        from liveexec_nautilus.live.strategy import made_strategy  # noqa: PLC0415  (loads NautilusTrader)
        from nautilus_support.sandbox import built  # noqa: PLC0415  (found once its path is known)

        started = asyncio.Event()
        self._strategy = made_strategy(self._heard, started.set)
        node = built(_plan(), self._strategy).node
        self._handle = node.handle()
        self._running = asyncio.ensure_future(node.run_async())
        await started.wait()
        self._quoted = asyncio.Event()
        self._strategy.watch(Watch(CLIENT, (SYMBOL,)))
        await self._quoted.wait()

    async def once(self, number: int) -> float:
        """Microseconds from the call to the event of the fill."""
        self._filled = asyncio.get_running_loop().create_future()
        self._last += 1
        message = _message(self._last, f"within{self._last}", number)
        began_ns = time.perf_counter_ns()
        self._strategy.submit(message)
        return (await _in_time(self._filled) - began_ns) / 1_000

    async def stop(self) -> None:
        self._handle.stop()
        await self._running

    def _heard(self, message: FromChild) -> None:
        if isinstance(message, FillTold):
            self._filled.set_result(time.perf_counter_ns())
        elif isinstance(message, QuoteTold):
            self._quoted.set()


class _Across(NautilusAdapter):
    """The same node in a child."""

    def __init__(self) -> None:
        self._child = LiveTradingNode(_plan)
        super().__init__(self._child, VenueSettings(NodeVenue.BYBIT, ACCOUNT), manifest_of(NodeVenue.BYBIT))
        self._filled: asyncio.Future[int] | None = None
        self._clock = WallClock()

    async def start(self) -> None:
        await self.connect()
        market = self.market([PAIR])
        await anext(market)

    async def once(self, number: int) -> float:
        """Microseconds from the call to the message of the fill: the way of an order without the adapter's mapping."""
        self._filled = asyncio.get_running_loop().create_future()
        ref = self._child.next_ref()
        message = _message(ref, f"across{ref}", number)
        began_ns = time.perf_counter_ns()
        self._child.send(message)
        return (await _in_time(self._filled) - began_ns) / 1_000

    async def reported(self, number: int) -> float:
        """Microseconds from ``submit`` to the fill's report."""
        self._filled = None
        order = VenueOrder(
            new_order_id(self._clock),
            ACCOUNT,
            PAIR,
            Operation.TRADE,
            (Side.BUY, Side.SELL)[number % 2],
            OrderType.MARKET,
            TimeInForce.GTC,
            quantity=Decimal("0.001"),
            price=None,
        )
        rule = self.manifest.client_id
        assert rule is not None
        plan = SendPlan(rule.client_order_id(order.order_id, 1), self._clock.now_ns() + 10**10)
        began_ns = time.perf_counter_ns()
        sending = asyncio.ensure_future(self.submit(order, plan))
        async for report in self.reports():
            if isinstance(report, FillReport) and report.client_order_id == plan.client_order_id:
                break
        took_us = (time.perf_counter_ns() - began_ns) / 1_000
        await sending
        return took_us

    async def stop(self) -> None:
        await self.disconnect()

    def heard(self, message: FromChild) -> None:
        if self._filled is None:
            super().heard(message)
        elif isinstance(message, FillTold) and not self._filled.done():
            self._filled.set_result(time.perf_counter_ns())


def _plan() -> NodePlan:
    return NodePlan("BENCH-001", (), (), builder="nautilus_support.sandbox:built")


def _message(ref: int, client_order_id: str, number: int) -> Submit:
    return Submit(ref, CLIENT, SYMBOL, client_order_id, ("BUY", "SELL")[number % 2], "MARKET", "GTC", "0.00100")


async def _in_time(filled: asyncio.Future[int]) -> int:
    async with asyncio.timeout(_PATIENCE_S):
        return await filled


def _times(name: str, took_us: list[float]) -> Figure:
    return Figure(name, f"{median(took_us):.0f} µs, p99 {percentile(took_us, 0.99):.0f}")
