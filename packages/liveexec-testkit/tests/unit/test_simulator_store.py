"""The simulated store: what is committed when its client is told something else."""

import asyncio
from collections.abc import Coroutine, Iterator
from random import Random
from typing import Any
from unittest.mock import patch

import pytest

from liveexec.domain.ids import AccountId
from liveexec.domain.stored import AppendBatch, Ownership
from liveexec.errors import Fenced, TransientStorageError
from liveexec_testkit.simulator import faults as odds
from liveexec_testkit.simulator.faults import Fault, Faults
from liveexec_testkit.simulator.loop import SimLoop
from liveexec_testkit.simulator.store import SimStore, StoreServer
from liveexec_testkit.simulator.trace import Trace
from support.builders import ALPHA_ACCOUNT, make_asset_moved, make_record


class Desk:
    """A server, connections to it, and what became durable there."""

    def __init__(self, *chosen: Fault) -> None:
        self.loop = SimLoop(Random(1))
        self.faults = Faults(frozenset(chosen), 1)
        self.durable: list[AppendBatch] = []
        self.server = StoreServer(self.loop, self.faults, Trace(self.loop), self.durable.append)
        self.store, self.other = SimStore(self.server, 1), SimStore(self.server, 2)

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        try:
            self.loop.run_until_complete(story)
        finally:
            self.loop.close()

    def batch(self, ownership: Ownership) -> AppendBatch:
        record = make_record(AccountId(ALPHA_ACCOUNT), 1, make_asset_moved())
        return AppendBatch("main", ownership.epoch, ownership.batch + 1, ownership.position + 1, [record])


@pytest.fixture(autouse=True)
def always() -> Iterator[None]:
    """What is chosen strikes every time."""
    with patch.dict(odds._ODDS, dict.fromkeys(Fault, 1.0)):
        yield


def test_a_commit_whose_answer_is_lost_is_there() -> None:
    desk = Desk(Fault.COMMIT_UNKNOWN)

    async def story() -> None:
        batch = desk.batch(await desk.store.acquire("main", "host", 5.0))
        with pytest.raises(TransientStorageError):
            await desk.store.append(batch)
        assert await desk.store.settle(batch)
        assert desk.durable == [batch]

    desk.run(story())


def test_a_late_commit_is_settled_for_good() -> None:
    desk = Desk(Fault.COMMIT_LATE)

    async def story() -> None:
        batch = desk.batch(await desk.store.acquire("main", "host", 5.0))
        with pytest.raises(TransientStorageError):
            await desk.store.append(batch)
        assert desk.durable == []
        is_there = await desk.store.settle(batch)
        await asyncio.sleep(3)
        assert (desk.durable == [batch]) is is_there, "what was settled changed afterwards"

    desk.run(story())


def test_a_late_commit_of_an_owner_that_was_replaced_writes_nothing() -> None:
    desk = Desk(Fault.COMMIT_LATE)

    async def story() -> None:
        batch = desk.batch(await desk.store.acquire("main", "host", 0.0))
        with pytest.raises(TransientStorageError):
            await desk.store.append(batch)
        await desk.other.acquire("main", "other", 5.0)
        await asyncio.sleep(3)
        assert desk.durable == []
        with pytest.raises(Fenced):
            await desk.store.settle(batch)

    desk.run(story())


def test_a_lost_connection_writes_nothing() -> None:
    desk = Desk()

    async def story() -> None:
        ownership = await desk.store.acquire("main", "host", 5.0)
        desk.server.faults = Faults(frozenset({Fault.STORE_LOST}), 1)
        with pytest.raises(TransientStorageError):
            await desk.store.append(desk.batch(ownership))
        assert desk.durable == []

    desk.run(story())
