"""Several orchestrators in one process, and the library under every loop that a host may run it on."""

import asyncio
import subprocess
import sys
from decimal import Decimal

import pytest

from liveexec import EngineConfig, MemoryStore, OrderStatus, PostgresStore
from liveexec.domain.ids import InstrumentId
from liveexec.errors import Fenced
from liveexec.runtime.rebuild import verify_tables
from support.hosting import PATIENT, PRODUCT, SPOT_A, VENUE_A, VENUE_B, local_desk, market

_PROGRAM = """
import asyncio, sys
from decimal import Decimal

import anyio

from liveexec import EngineConfig, MemoryStore, Operation, OrderIntent, Side, build
from liveexec.venues.paper.adapter import paper_adapters
from liveexec.venues.paper.presets import btc_world


async def main() -> None:
    venues = list(paper_adapters(btc_world(market=None, start_ns=1_723_161_600_000_000_000)).values())
    async with build(EngineConfig(), MemoryStore(), venues, clock=venues[0].clock) as live:
        await live.active(timeout_s=10)
        intent = OrderIntent(
            operation=Operation.TRADE,
            instrument_key="SPOT_PAIR:BTC-USDT",
            side=Side.BUY,
            quantity=Decimal("0.5"),
            strategy_id="loops",
        )
        result = await live.submit(intent, wait="terminal", timeout_s=10)
        twap = OrderIntent(
            operation=Operation.TRADE,
            instrument_key="SPOT_PAIR:BTC-USDT",
            side=Side.SELL,
            quantity=Decimal("0.5"),
            strategy_id="loops",
            exec_algorithm="TWAP",
            exec_algorithm_params={"horizon_secs": 0.2, "interval_secs": 0.1},
        )
        sliced = await live.submit(twap, wait="terminal", timeout_s=10)
        print(type(asyncio.get_running_loop()).__module__.split(".")[0], result.status, sliced.status)
"""
_WAYS = {
    "asyncio": ("asyncio.run(main())", "asyncio"),
    "asyncio with uvloop": ("import uvloop; asyncio.run(main(), loop_factory=uvloop.new_event_loop)", "uvloop"),
    "anyio": ("anyio.run(main)", "asyncio"),
    "anyio with uvloop": ("anyio.run(main, backend_options={'use_uvloop': True})", "uvloop"),
}


@pytest.mark.parametrize("way", _WAYS)
def test_a_host_may_run_any_loop(way: str) -> None:
    call, loop = _WAYS[way]
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", _PROGRAM + call]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1] == f"{loop} FILLED FILLED", ended.stdout + ended.stderr
    assert "never retrieved" not in ended.stderr
    assert "never awaited" not in ended.stderr
    assert "ResourceWarning" not in ended.stderr


async def test_several_shards_share_a_process_and_a_store_and_stay_apart(postgres: PostgresStore) -> None:
    async with local_desk() as desk:
        lives = {
            venue: desk.orchestrator(
                postgres, EngineConfig(shard=venue.lower(), timing=PATIENT), adapters={venue: desk.adapters[venue]}
            )
            for venue in (VENUE_A, VENUE_B)
        }
        async with lives[VENUE_A] as first, lives[VENUE_B] as second:
            for venue, live in lives.items():
                await live.active(10)
                instrument = InstrumentId(f"{venue}:{PRODUCT}")
                await desk.others[venue].quote(instrument, "60000", "60010")
                await desk.seen(live, [instrument])
            intents = [
                market(quantity="0.01", instrument_key=f"{venue}:{PRODUCT}", operation_id=f"OP-{number}")
                for number in range(20)
                for venue in (VENUE_A, VENUE_B)
            ]
            results = await asyncio.gather(
                *(
                    lives[VENUE_A if intent.instrument_key == SPOT_A else VENUE_B].submit(
                        intent, wait="terminal", timeout_s=20
                    )
                    for intent in intents
                )
            )
            assert {result.status for result in results} == {OrderStatus.FILLED}
            assert not any(result.repeated for result in results)
            for live in (first, second):
                await live.synced()
                (position,) = live.positions.values()
                assert position.quantity == Decimal("0.2")
                assert len(live.orders) == 20
            elsewhere = await first.submit(market(instrument_key=f"{VENUE_B}:{PRODUCT}"), wait="terminal", timeout_s=5)
            assert elsewhere.status is OrderStatus.REJECTED
            await first.synced()
        for shard in ("paper-a", "paper-b"):
            assert await verify_tables(postgres, shard) == []


async def test_a_second_orchestrator_of_a_shard_waits_and_takes_over_when_the_first_closes() -> None:
    store = MemoryStore()
    async with local_desk() as desk:
        first = desk.orchestrator(store, owner="first")
        await first.start()
        second = desk.orchestrator(store, owner="second")
        starting = asyncio.create_task(second.start())
        await asyncio.sleep(0)
        with pytest.raises(Fenced):
            await store.acquire("main", "third", 1)
        assert not starting.done()
        await first.close()
        await starting
        await second.active(10)
        await second.close()
