"""Owners that are frozen at the worst moments, past their lease, and wake when another one has taken over."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from kills.life import CLOSED, FENCED, Death, Life
from kills.told import faults_after, told_in
from liveexec import OrderStatus, PostgresStore
from liveexec.domain.ids import InstrumentId, OperationId
from liveexec.runtime.failpoints import FailPoint
from liveexec.storage.dsn import Dsn
from support.hosting import HASTY, PRODUCT, Desk, limit, remote_desk

_TESTS = Path(__file__).parents[2]
_WAIT_S = 30.0
_LEASE_S = 0.8


class Owner:
    """A host in a process of its own."""

    def __init__(self, desk: Desk, dsn: Dsn, folder: Path, name: str, death: Death | None = None) -> None:
        self._output = folder / f"{name}.txt"
        life = Life(
            dsn.url, str(desk.socket), str(self._output), name, 100_000, owner=name, lease_s=_LEASE_S, death=death
        )
        command = [sys.executable, "-m", "kills.life", life.to_json()]
        self.process = subprocess.Popen(command, cwd=_TESTS, env={**os.environ, "PYTHONPATH": str(_TESTS)})
        self._seen = psutil.Process(self.process.pid)

    @property
    def text(self) -> str:
        return self._output.read_text(encoding="utf-8") if self._output.exists() else ""

    async def has_told(self, number: int) -> None:
        async with asyncio.timeout(_WAIT_S):
            while len(told_in(self.text)) < number:  # noqa: ASYNC110  (a file of another process)
                await asyncio.sleep(0.01)

    async def is_frozen(self) -> None:
        """Wait until it has stopped itself."""
        async with asyncio.timeout(_WAIT_S):
            while self._seen.status() != psutil.STATUS_STOPPED:
                assert self.process.poll() is None, self.text
                await asyncio.sleep(0.01)

    async def ended(self) -> int:
        async with asyncio.timeout(_WAIT_S):
            while (code := self.process.poll()) is None:  # noqa: ASYNC110  (it is not a child of the loop's)
                await asyncio.sleep(0.01)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


@asynccontextmanager
async def owner(desk: Desk, dsn: Dsn, folder: Path, name: str, death: Death | None = None) -> AsyncIterator[Owner]:
    owner = Owner(desk, dsn, folder, name, death)
    try:
        yield owner
    finally:
        owner.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with remote_desk(tmp_path) as desk:
        for venue, other in desk.others.items():
            for step in range(5):
                await other.quote(InstrumentId(f"{venue}:{PRODUCT}"), f"{60000 - step}", f"{60010 + step}", "50")
        yield desk


@pytest.mark.parametrize(
    "point",
    [
        FailPoint.BEFORE_APPEND,
        FailPoint.AFTER_APPEND,
        # The gate let it pass, and its bytes leave when the owner wakes: long after its deadline.
        FailPoint.BEFORE_SUBMIT,
        FailPoint.BEFORE_REPLACE,
        FailPoint.BEFORE_PROJECT,
    ],
    ids=str,
)
async def test_an_owner_that_is_frozen_and_wakes_after_the_takeover_changes_nothing(
    desk: Desk, postgres: PostgresStore, database_dsn: Dsn, tmp_path: Path, point: FailPoint
) -> None:
    death = Death(point, 5, stops=True)
    async with owner(desk, database_dsn, tmp_path, "first", death) as first:
        await first.is_frozen()
        async with desk.live(postgres, HASTY, owner="second") as live:
            taken_over_at = live.shard.journal.position
            first.process.send_signal(signal.SIGCONT)
            assert await first.ended() == 3
            assert first.text.rstrip().endswith(FENCED), first.text
            intent = limit(price="57000", operation_id=OperationId("of-the-second"))
            assert (await live.submit(intent, wait="ack", timeout_s=10)).status is OrderStatus.ACCEPTED
            records = await postgres.read_after("main", taken_over_at, 10_000)
            assert {stored.epoch for stored in records} == {live.shard.journal.epoch}
    assert await faults_after(desk, postgres, told_in(first.text), "second") == []


async def test_of_two_that_fight_for_a_shard_one_trades_and_each_takes_over_when_it_may(
    desk: Desk, postgres: PostgresStore, database_dsn: Dsn, tmp_path: Path
) -> None:
    async with (
        owner(desk, database_dsn, tmp_path, "first") as first,
        owner(desk, database_dsn, tmp_path, "second") as second,
    ):
        async with asyncio.timeout(_WAIT_S):
            while not (told_in(first.text) or told_in(second.text)):  # noqa: ASYNC110  (files of other processes)
                await asyncio.sleep(0.01)
        winner, loser = (first, second) if told_in(first.text) else (second, first)
        await winner.has_told(20)
        assert told_in(loser.text) == []
        (status,) = await postgres.shards()
        assert (status.owner, status.epoch) == ("first" if winner is first else "second", 1)
        # Frozen past its lease, it wakes to find that it is not the owner any more.
        winner.process.send_signal(signal.SIGSTOP)
        await loser.has_told(20)
        winner.process.send_signal(signal.SIGCONT)
        assert await winner.ended() == 3
        assert CLOSED not in winner.text
        loser.close()
        told = told_in(winner.text) + told_in(loser.text)
    assert await faults_after(desk, postgres, told, "third") == []
