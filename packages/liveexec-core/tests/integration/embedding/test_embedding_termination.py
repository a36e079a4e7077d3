"""How a host ends that is told to: cancelled in whatever way, or by SIGTERM, it drains and gives its shard up."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from liveexec import LiveExecutionOrchestrator, Operation, OrderIntent, OrderStatus, OrderType, PostgresStore, Side
from liveexec.domain.stored import ShardStatus
from liveexec.storage.database import Database
from liveexec.storage.dsn import Dsn
from liveexec.storage.queries import Queries

_EXAMPLE = Path(__file__).parents[5] / "examples" / "embedding" / "service.py"
_END_S = 60.0


def _document(dsn: Dsn) -> dict[str, Any]:
    return {
        "mode": "paper",
        "external_adapters": {"PAPER": {"preset": "btc"}},
        "database": {"url": dsn.url},
        "owner": "test",
    }


def _resting() -> OrderIntent:
    return OrderIntent(
        operation=Operation.TRADE,
        quantity=Decimal("0.5"),
        strategy_id="mine",
        instrument_key="PAPER-A:SPOT_PAIR:BTC-USDT",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        price=Decimal(10_000),
    )


async def _shard(dsn: Dsn) -> ShardStatus:
    async with PostgresStore(dsn, allow_unsafe=True) as store:
        (status,) = await store.shards()
    return status


async def _is_given_up(dsn: Dsn, orders: int) -> None:
    """The lease has ended, and the tables show of every order what its venue answered."""
    status = await _shard(dsn)
    assert status.lease_until_ns <= time.time_ns()
    database = Database(dsn, pool_size=1)
    await database.open()
    try:
        rows = await Queries(database).orders()
    finally:
        await database.close()
    assert [row["status"] for row in rows] == [OrderStatus.ACCEPTED] * orders


async def _hosting(dsn: Dsn, began: asyncio.Event) -> None:
    async with LiveExecutionOrchestrator.from_config(_document(dsn)) as live:
        assert (await live.submit(_resting(), wait="ack", timeout_s=20)).status is OrderStatus.ACCEPTED
        # What was asked for last is under way when the end comes.
        asked = asyncio.create_task(live.submit(_resting(), wait="durable"))
        await asyncio.sleep(0)
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.gather(asked, return_exceptions=True)


async def test_a_cancelled_task_leaves_its_orchestrator_cleanly(database_dsn: Dsn) -> None:
    began = asyncio.Event()
    hosting = asyncio.create_task(_hosting(database_dsn, began))
    await began.wait()
    assert (await _shard(database_dsn)).lease_until_ns > time.time_ns()
    hosting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hosting
    await _is_given_up(database_dsn, orders=2)


async def test_a_cancelled_scope_does_not_keep_the_orchestrator_from_draining(database_dsn: Dsn) -> None:
    began = asyncio.Event()
    tasks = asyncio.all_tasks()
    async with anyio.create_task_group() as group:
        group.start_soon(_hosting, database_dsn, began)
        await began.wait()
        group.cancel_scope.cancel()
    await _is_given_up(database_dsn, orders=2)
    assert not {task.get_name() for task in asyncio.all_tasks() - tasks}


async def test_a_host_that_is_cancelled_while_it_starts_gives_up_what_it_has(database_dsn: Dsn) -> None:
    document = _document(database_dsn)
    for step in range(0, 60, 4):
        hosting = asyncio.create_task(_started(document))
        for _ in range(step):
            await asyncio.sleep(0)
        hosting.cancel()
        await asyncio.wait((hosting,))
        assert hosting.cancelled()
    # Another owner does not have to wait for a lease.
    async with LiveExecutionOrchestrator.from_config({**document, "owner": "another"}) as live:
        assert live.open_orders() == []


_BLOCKING = """
import json, signal, sys, threading
from decimal import Decimal
from liveexec import BlockingOrchestrator, Operation, OrderIntent, OrderType, Side
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
order = OrderIntent(
    operation=Operation.TRADE, instrument_key="PAPER-A:SPOT_PAIR:BTC-USDT", side=Side.BUY, quantity=Decimal("0.5"),
    order_type=OrderType.LIMIT, price=Decimal(10_000), strategy_id="mine",
)
with BlockingOrchestrator(json.loads(sys.argv[1])) as live:
    events = live.stream()
    tell = lambda: [print(type(each.event).__name__, flush=True) for each in events]
    threading.Thread(target=tell, daemon=True).start()
    live.submit(order, wait="terminal")
"""


def test_sigterm_ends_a_synchronous_host_that_waits_for_an_order(database_dsn: Dsn, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _BLOCKING, json.dumps(_document(database_dsn))],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, complained = _terminated(process)
    assert "Traceback" not in complained
    assert process.returncode == 143
    anyio.run(_is_given_up, database_dsn, 1)


async def _started(document: dict[str, Any]) -> None:
    async with LiveExecutionOrchestrator.from_config(document):
        await asyncio.Event().wait()


def _service(folder: Path, dsn: Dsn) -> subprocess.Popen[str]:
    """The service of the documentation, on this database."""
    shutil.copy(_EXAMPLE, folder)
    (folder / "paper.json").write_text(json.dumps(_document(dsn)), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(folder / "service.py")],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_sigterm_ends_the_service_of_the_documentation_cleanly(database_dsn: Dsn, tmp_path: Path) -> None:
    process = _service(tmp_path, database_dsn)
    said, complained = _terminated(process)
    assert said.splitlines()[-1] == "terminated: the shard, the venues and the database are given back"
    assert "Traceback" not in complained
    assert process.returncode == 0
    anyio.run(_is_given_up, database_dsn, 1)


def _terminated(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What a host says after SIGTERM, which it gets once its order rests at the venue."""
    assert process.stdout is not None
    try:
        while (line := process.stdout.readline()) and line != "Accepted\n":
            pass
        process.send_signal(signal.SIGTERM)
        return process.communicate(timeout=_END_S)
    finally:
        process.kill()
        process.wait()
