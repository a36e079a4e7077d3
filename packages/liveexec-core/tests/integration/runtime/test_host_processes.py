"""Hosts as real processes: killed under load at any moment, frozen past their lease, taken over by another."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from liveexec import OrderStatus, PostgresStore
from liveexec.domain.ids import InstrumentId, OperationId, OrderId
from liveexec.domain.order_state import TERMINAL_STATUSES
from liveexec.errors import Fenced
from liveexec.storage.dsn import Dsn
from support.hosting import PRODUCT, Desk, differences, fills_in_journal, limit, remote_desk, until

_TESTS = Path(__file__).parents[2]
_WAIT_S = 30.0
_KILLS = 5


class Host:
    """A process that trades without end, and what it said so far."""

    def __init__(self, desk: Desk, dsn: Dsn, folder: Path, owner: str, prefix: str, lease_s: float = 10.0) -> None:
        assert desk.socket is not None
        self._output = folder / f"{prefix}.txt"
        command = [sys.executable, "-m", "support.host_process"]
        command += [dsn.url, str(desk.socket), owner, str(lease_s), prefix]
        with self._output.open("wb") as file:
            self.process = subprocess.Popen(
                command, cwd=_TESTS, env={**os.environ, "PYTHONPATH": str(_TESTS)}, stdout=file, stderr=file
            )

    @property
    def lines(self) -> list[str]:
        """Whole lines only: the last one may have been cut by a kill."""
        return self.text.split("\n")[:-1]

    @property
    def text(self) -> str:
        return self._output.read_text(encoding="utf-8")

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    async def has_told(self, number: int) -> None:
        """Wait until it reported so many results."""

        def has() -> bool:
            assert self.process.poll() is None, self._output.read_text(encoding="utf-8")[-3_000:]
            return len(self.told) >= number

        await until(has, _WAIT_S)

    def send(self, what: signal.Signals) -> None:
        self.process.send_signal(what)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with remote_desk(tmp_path) as desk:
        for venue, other in desk.others.items():
            for step in range(20):
                await other.quote(InstrumentId(f"{venue}:{PRODUCT}"), f"{60000 - step}", f"{60010 + step}", "50")
        yield desk


async def _all_is_as_told(desk: Desk, store: PostgresStore, hosts: list[Host], owner: str) -> None:
    """Start again: every result that was told holds, nothing is there twice, and both sides agree."""
    async with desk.live(store, owner=owner) as live:
        for order in live.open_orders():
            await live.cancel(order.order_id, wait="terminal", timeout_s=10)
        assert live.open_orders() == []
        orders: dict[str, str] = {}
        for told in (told for host in hosts for told in host.told):
            assert orders.setdefault(told["operation"], told["order"]) == told["order"]
            result = await live.result(OrderId(told["order"]))
            assert result.operation_id == told["operation"]
            assert result.filled_quantity >= Decimal(told["filled"])
            if told["status"] in TERMINAL_STATUSES and told["status"] != OrderStatus.CANCELED:
                assert result.status == told["status"]
        assert len(set(orders.values())) == len(orders)
        assert orders
        assert await differences(live, store, desk) == []


async def test_a_host_that_is_killed_under_load_loses_and_doubles_nothing(
    desk: Desk, postgres: PostgresStore, database_dsn: Dsn, tmp_path: Path
) -> None:
    seed = int(os.environ.get("LIVEEXEC_CRASH_SEED", random.SystemRandom().randrange(1_000_000)))
    print(f"LIVEEXEC_CRASH_SEED={seed}")
    moments = random.Random(seed)
    hosts: list[Host] = []
    for number in range(_KILLS):
        hosts.append(host := Host(desk, database_dsn, tmp_path, "host", f"life{number}"))
        try:
            await host.has_told(moments.randint(1, 40))
            # Anywhere within a batch, a request, an answer: the next few milliseconds hold many of each.
            await anyio.sleep(moments.uniform(0, 0.02))
        finally:
            host.kill()
    await _all_is_as_told(desk, postgres, hosts, "host")


async def test_the_next_in_line_waits_for_the_lease_and_takes_over_from_a_killed_owner(
    desk: Desk, postgres: PostgresStore, database_dsn: Dsn, tmp_path: Path
) -> None:
    first = Host(desk, database_dsn, tmp_path, "first", "first", lease_s=1.5)
    second = None
    try:
        await first.has_told(5)
        with pytest.raises(Fenced):
            await postgres.acquire("main", "somebody else", 1.0)
        second = Host(desk, database_dsn, tmp_path, "second", "second")
        await first.has_told(len(first.told) + 20)
        assert second.lines == []
        first.kill()
        await second.has_told(10)
    finally:
        for host in (first, second):
            if host is not None:
                host.kill()
    (status,) = await postgres.shards()
    assert (status.owner, status.epoch) == ("second", 2)
    await _all_is_as_told(desk, postgres, [first, second], "second")


async def test_an_owner_that_slept_past_its_lease_writes_and_sends_nothing_any_more(
    desk: Desk, postgres: PostgresStore, database_dsn: Dsn, tmp_path: Path
) -> None:
    first = Host(desk, database_dsn, tmp_path, "first", "first", lease_s=1.0)
    try:
        await first.has_told(10)
        first.send(signal.SIGSTOP)
        async with desk.live(postgres, owner="second") as live:
            after = live.shard.journal.position
            first.send(signal.SIGCONT)
            assert await anyio.to_thread.run_sync(first.process.wait, _WAIT_S) == 3
            assert [line for line in first.lines if not line.startswith("{")] == ["active", "ended: Fenced"], first.text
            placed = await live.submit(limit(price="57000", operation_id=OperationId("of-the-second")), wait="ack")
            assert placed.status is OrderStatus.ACCEPTED
            await live.synced()
            records = await postgres.read_after("main", after, 10_000)
            assert {stored.epoch for stored in records} == {live.shard.journal.epoch}
            # Whatever the first one had on the wire is in the journal too: fills of unknown orders would be missing.
            assert len(await fills_in_journal(postgres)) == sum(
                [len(await desk.fills_at(venue)) for venue in desk.watchers]
            )
    finally:
        first.send(signal.SIGCONT)
        first.kill()
    await _all_is_as_told(desk, postgres, [first], "second")
