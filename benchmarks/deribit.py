"""Deribit's adapter: reading what the venue sends, and how long an order takes to the wire and back.

Reading is measured alone: one core, bytes in, reports out. Submits go over real sockets to the loopback venue, which
runs in a process of its own, so that its work is in none of the adapter's figures but the round trip.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import msgspec

from benchmarks.driver import freeze
from benchmarks.figures import Figure, Result, percentile
from benchmarks.options import Options
from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import Accepted, SendPlan, VenueReport
from liveexec.domain.secret import Secret
from liveexec.plugins.adapter import ClientIdRule, VenueOrder
from liveexec.runtime.clock import WallClock
from liveexec.runtime.order_ids import new_order_id
from liveexec_deribit.adapter import DeribitAdapter
from liveexec_deribit.config import DeribitAccount, DeribitSection
from liveexec_deribit.names import DERIBIT
from liveexec_deribit.reading import AccountReader
from liveexec_deribit.rpc import read_frame

__all__ = ["run"]

READ_GOAL: Final = 20_000
WIRE_GOAL_US: Final = 150.0
ACCOUNT: Final = AccountId("BENCH")
PERPETUAL: Final = InstrumentId("DERIBIT:PERPETUAL:BTC-USD@INV")
_VALID_NS: Final = 60 * 1_000_000_000
_LABELS: Final = ClientIdRule()
#: Messages that fill the caches of a fresh process.
_WARM: Final = 500


def run(options: Options) -> Result:
    """Read messages, then place orders one after the other."""
    messages = 2_000 if options.quick else 100_000
    orders = 50 if options.quick else 2_000
    options.say(f"{messages} messages, {orders} orders")
    freeze()
    order_rate = _read_rate(_message(_order()), messages)
    trade_rate = _read_rate(_message(trade=_trade()), messages)
    both_rate = _read_rate(_message(_order(), _trade()), messages // 2) * 2
    wire_us, round_trips_us = asyncio.run(_submits(orders))
    return Result(
        "Deribit",
        [
            _rate("order messages read and mapped", order_rate),
            _rate("trade messages read and mapped", trade_rate),
            _rate("orders and trades, both in a message", both_rate),
            _times("submit to bytes on the wire", wire_us, WIRE_GOAL_US),
            _times("submit to the venue's answer (loopback)", round_trips_us, None),
        ],
        ["reading on one core; the loopback venue in a process of its own on 127.0.0.1"],
    )


def _read_rate(message: bytes, times: int) -> float:
    """How many orders or trades a second are read, each message with one of them (or one of each, counted as one)."""
    count = 0

    def push(_: VenueReport) -> None:
        nonlocal count
        count += 1

    reader = AccountReader(ACCOUNT, DERIBIT, push)
    began_s = 0.0
    for number in range(-_WARM, times):
        if number == 0:
            began_s = time.perf_counter()
        frame = read_frame(message)
        assert frame.params is not None
        assert frame.params.channel is not None
        reader.notified(frame.params.channel, frame.params.data)
    took_s = time.perf_counter() - began_s
    assert count >= times, "not everything was read"
    return times / took_s


async def _submits(orders: int) -> tuple[list[int], list[int]]:
    """Nanoseconds from the call until the bytes are handed to the kernel, and until the answer is there."""
    wire_ns: list[int] = []
    round_trips_ns: list[int] = []
    async with _venue() as (websocket_url, http_url, client_id):
        section = DeribitSection(
            accounts=(DeribitAccount(ACCOUNT, client_id, Secret(f"secret-of-{client_id}")),),
            websocket_url=websocket_url,
            http_url=http_url,
        )
        adapter = DeribitAdapter(section, section.accounts[0])
        await adapter.connect()
        reading = asyncio.create_task(_read_all(adapter))
        session = adapter._session  # noqa: SLF001  (where the bytes leave is nobody's business but ours)
        assert session is not None
        transport = session.connection._websocket.transport  # noqa: SLF001
        write = transport.write
        left_ns = 0

        def noting(data: bytes | bytearray | memoryview) -> None:
            nonlocal left_ns
            write(data)
            left_ns = time.perf_counter_ns()

        transport.write = noting  # type: ignore[method-assign]  # the moment at which the bytes are gone
        for number in range(orders):
            order, plan = _venue_order(number)
            began_ns = time.perf_counter_ns()
            outcome = await adapter.submit(order, plan)
            round_trips_ns.append(time.perf_counter_ns() - began_ns)
            wire_ns.append(left_ns - began_ns)
            assert isinstance(outcome, Accepted), outcome
            # The venue's own limit of requests is not what is measured.
            await asyncio.sleep(0.006)
        reading.cancel()
        await adapter.disconnect()
    warm = orders // 10
    return wire_ns[warm:], round_trips_ns[warm:]


async def _read_all(adapter: DeribitAdapter) -> None:
    async for _ in adapter.reports():
        pass


@asynccontextmanager
async def _venue() -> AsyncIterator[tuple[str, str, str]]:
    """A loopback venue in another process: its addresses and an account's client id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "liveexec_deribit.loopback", stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        said: dict[str, str] = {}
        while "account" not in said:
            name, _, value = (await process.stdout.readline()).decode().strip().partition(" ")
            said[name] = value
        yield said["websocket"], said["http"], said["account"].split()[-1]
    finally:
        process.terminate()
        await process.wait()


def _venue_order(number: int) -> tuple[VenueOrder, SendPlan]:
    clock = WallClock()
    order = VenueOrder(
        order_id=new_order_id(clock),
        account_id=ACCOUNT,
        instrument_id=PERPETUAL,
        operation=Operation.TRADE,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal(10),
        price=Decimal(60_000) + number % 100,
    )
    plan = SendPlan(_LABELS.client_order_id(order.order_id, 1), clock.now_ns() + _VALID_NS)
    return order, plan


def _rate(name: str, rate: float) -> Figure:
    return Figure(name, f"{rate:,.0f} /s", f"at least {READ_GOAL:,} /s", rate >= READ_GOAL)


def _times(name: str, took_ns: list[int], goal_us: float | None) -> Figure:
    middle, most = percentile(took_ns, 0.5) / 1_000, percentile(took_ns, 0.99) / 1_000
    goal = f"median at most {goal_us:.0f} µs" if goal_us is not None else ""
    return Figure(name, f"{middle:.0f} µs, p99 {most:.0f}", goal, middle <= goal_us if goal_us is not None else None)


def _message(order: dict[str, Any] | None = None, trade: dict[str, Any] | None = None) -> bytes:
    """A user.changes notification."""
    data = {
        "instrument_name": "BTC-PERPETUAL",
        "orders": [order] if order is not None else [],
        "trades": [trade] if trade is not None else [],
        "positions": [],
    }
    params = {"channel": "user.changes.any.any.raw", "data": data}
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "subscription", "params": params})


def _order() -> dict[str, Any]:
    return {
        "order_id": "104819327443",
        "order_state": "open",
        "order_type": "limit",
        "instrument_name": "BTC-PERPETUAL",
        "direction": "buy",
        "price": 62000.5,
        "amount": 100.0,
        "filled_amount": 40.0,
        "average_price": 62000.5,
        "contracts": 10.0,
        "time_in_force": "good_til_cancelled",
        "label": "lx01K00000000000000000000000",
        "creation_timestamp": 1767978363493,
        "last_update_timestamp": 1767978363500,
        "post_only": False,
        "reject_post_only": False,
        "reduce_only": False,
        "replaced": False,
        "risk_reducing": False,
        "is_liquidation": False,
        "mmp": False,
        "api": True,
        "web": False,
        "user_id": 96103,
    }


def _trade() -> dict[str, Any]:
    return {
        "trade_id": "403691824",
        "trade_seq": 271252854,
        "instrument_name": "BTC-PERPETUAL",
        "timestamp": 1767978363502,
        "order_id": "104819327443",
        "order_type": "limit",
        "matching_id": None,
        "direction": "buy",
        "tick_direction": 1,
        "index_price": 62001.11,
        "mark_price": 62000.9,
        "price": 62000.5,
        "amount": 40.0,
        "contracts": 4.0,
        "fee": 3.2e-7,
        "fee_currency": "BTC",
        "liquidity": "T",
        "label": "lx01K00000000000000000000000",
        "state": "open",
        "user_id": 96103,
        "self_trade": False,
        "api": True,
    }
