"""Lives that are ended one after the other at every fail point, and what stands after them.

A round has a database and venues of its own. Some lives in a row are ended before anybody looks, so that a life that
dies while it recovers leaves that to the next one; then everything is compared.
"""

import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final

import anyio
from attrs import define, evolve, field

from kills.life import ACTIVE, INSIDE, Death, Life
from kills.told import Told, faults_after, told_in
from liveexec import PostgresStore
from liveexec.domain.ids import InstrumentId
from liveexec.domain.operation import Side
from liveexec.errors import LiveExecError
from liveexec.runtime.failpoints import FailPoint
from liveexec.storage.dsn import Dsn
from liveexec.venues.paper.faults import FaultKind, FaultRule, FaultScript, FaultVerb
from support.hosting import PRODUCT, VENUE_A, VENUE_B, Desk, quiet_venue, quiet_world, remote_desk
from support.postgres import TestServer, own_server

__all__ = ["Campaign", "Report"]

_TESTS: Final = Path(__file__).parents[1]
#: Lives of one database and its venues; of them so many in a row before everything is compared.
_ROUND: Final = 24
_IN_A_ROW: Final = 3
#: Operations of a life that is meant to close as it should, and of one that is ended before it comes so far.
_FEW: Final = 30
_MANY: Final = 100_000
#: A life that has not come to its moment after so many operations closes.
_OPERATIONS: Final = 300
_WAIT_S: Final = 30.0
#: Moments that come once in a life, and those that come twice or more.
_ONCE: Final = ("start.", "close.")
_TWICE: Final = ("session.", "reconcile.")


@define
class Report:
    """What was done and found. ``reached`` counts lives that ended at a fail point, ``missed`` those that were meant
    to and closed before they came there."""

    seed: int
    kills: int = 0
    random_kills: int = 0
    postmaster_kills: int = 0
    lives: int = 0
    comparisons: int = 0
    operations: int = 0
    took_s: float = 0.0
    reached: Counter[FailPoint] = field(factory=Counter)
    missed: Counter[FailPoint] = field(factory=Counter)
    faults: list[str] = field(factory=list)

    @property
    def unreached(self) -> list[FailPoint]:
        """Fail points at which no life has ended."""
        return [point for point in FailPoint if not self.reached[point]]


@define(eq=False)
class _Nursery:
    """The process that forks lives, and who waits for their ends."""

    process: asyncio.subprocess.Process
    _pids: "asyncio.Queue[int]" = field(factory=asyncio.Queue)
    _ends: dict[int, "asyncio.Future[int]"] = field(factory=dict)

    async def start(self, life: Life) -> tuple[int, "asyncio.Future[int]"]:
        """Start a life: its process, and a future of its wait status."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{life.to_json()}\n".encode())
        await self.process.stdin.drain()
        pid = await self._pids.get()
        return pid, self._ends[pid]

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            said = json.loads(line)
            if "status" in said:
                self._ends.pop(said["pid"]).set_result(said["status"])
            else:
                self._ends[said["pid"]] = asyncio.get_running_loop().create_future()
                self._pids.put_nowait(said["pid"])


@define(eq=False)
class _World:
    """One round's database and venues, and everything that its lives were told."""

    desk: Desk
    dsn: Dsn
    folder: Path
    told: list[Told] = field(factory=list)

    async def trade(self) -> None:
        """Others go on trading while no host is there: some of what rests is filled."""
        for venue, other in self.desk.others.items():
            await other.rest(InstrumentId(f"{venue}:{PRODUCT}"), Side.BUY, INSIDE, "0.03")


@define(eq=False)
class Campaign:
    """Ends ``kills`` lives at fail points and ``postmaster_kills`` times the database under one; ``points`` are the
    moments that are gone through in turn."""

    kills: int
    postmaster_kills: int
    seed: int
    points: tuple[FailPoint, ...] = tuple(FailPoint)
    _random: random.Random = field(init=False)
    _names: "count[int]" = field(factory=lambda: count(1))

    def __attrs_post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def run(self) -> Report:
        """Run it; what is wrong is in the report."""
        report = Report(self.seed)
        started_s = time.monotonic()
        deaths = self._deaths()
        async with AsyncExitStack() as stack:
            server = stack.enter_context(own_server())
            nursery = await stack.enter_async_context(_nursery())
            while report.kills < self.kills and not report.faults:
                async with _world(server, self._random.randrange(1 << 30)) as world:
                    await self._round(nursery, world, deaths, report)
            if self.postmaster_kills and not report.faults:
                async with _world(server, self._random.randrange(1 << 30)) as world:
                    await self._outlive(nursery, server, world, report)
        report.took_s = time.monotonic() - started_s
        return report

    async def _round(self, nursery: _Nursery, world: _World, deaths: Iterator[Death | None], report: Report) -> None:
        until = min(self.kills, report.kills + _ROUND)
        while report.kills < until and not report.faults:
            ended: list[str] = []
            while report.kills < until and len(ended) < _IN_A_ROW:
                ended.append(await self._life(nursery, world, next(deaths), report))
                await world.trade()
            await _compare(world, ", then ".join(ended), report)

    async def _life(self, nursery: _Nursery, world: _World, death: Death | None, report: Report) -> str:
        """One life up to its end; how it ended."""
        name = f"life{next(self._names)}"
        life = _life(world, name, death)
        pid, ended = await nursery.start(life)
        if death is None:
            await _until_told(life, 1)
            await asyncio.sleep(self._random.uniform(0, 0.3))
            _kill(pid, ended)
        try:
            async with asyncio.timeout(_WAIT_S):
                status = await ended
        except TimeoutError:
            _kill(pid, ended)
            report.faults.append(f"{name} ({death}) neither reached its end nor closed: {_text(life)[-2_000:]}")
            status = await ended
        told = told_in(_text(life))
        world.told += told
        report.lives += 1
        report.operations += len(told)
        if os.WIFSIGNALED(status):
            report.kills += 1
            if death is None:
                report.random_kills += 1
                return "a random moment"
            report.reached[death.point] += 1
        elif os.waitstatus_to_exitcode(status) == 0 and death is not None:
            report.missed[death.point] += 1
        else:
            report.faults.append(f"{name} ({death}) failed: {_text(life)[-2_000:]}")
        return str(death)

    async def _outlive(self, nursery: _Nursery, server: TestServer, world: _World, report: Report) -> None:
        """A life goes on by itself each time that its database is killed and comes back."""
        for _ in range(self.postmaster_kills):
            life = _life(world, f"life{next(self._names)}", None)
            pid, ended = await nursery.start(life)
            await _until_told(life, 20)
            await asyncio.sleep(self._random.uniform(0, 0.05))
            whole = self._random.random() < 0.5
            (server.kill_all if whole else server.kill)()
            await anyio.to_thread.run_sync(server.restart)
            try:
                await _until_told(life, len(told_in(_text(life))) + 20)
            except TimeoutError:
                report.faults.append(f"it did not go on after the database was killed: {_text(life)[-2_000:]}")
            _kill(pid, ended)
            await ended
            world.told += told_in(_text(life))
            report.postmaster_kills += 1
            await _compare(world, f"{'every process of the server' if whole else 'the postmaster'} killed", report)

    def _deaths(self) -> Iterator[Death | None]:
        """Every point in turn, and a random moment (``None``) after each fourth. The first time a point is met at
        once, later at any of its times or a moment after one."""
        for number in count():
            point = self.points[number % len(self.points)]
            if number < len(self.points):
                yield Death(point)
            else:
                most = 1 if point.startswith(_ONCE) else 2 if point.startswith(_TWICE) else 12
                delay_s = self._random.uniform(0, 0.003) if self._random.random() < 1 / 3 else 0.0
                yield Death(point, self._random.randint(1, most), delay_s)
            if number % 4 == 3:
                yield None


def _life(world: _World, name: str, death: Death | None) -> Life:
    operations = _MANY if death is None else _FEW if death.point.startswith("close.") else _OPERATIONS
    return Life(
        database=world.dsn.url,
        socket=str(world.desk.socket),
        output=str(world.folder / f"{name}.txt"),
        prefix=name,
        operations=operations,
        death=death,
    )


def _text(life: Life) -> str:
    path = Path(life.output)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _kill(pid: int, ended: "asyncio.Future[int]") -> None:
    # Its number may be another process's once it has ended.
    if not ended.done():
        os.kill(pid, signal.SIGKILL)


async def _until_told(life: Life, number: int) -> None:
    async with asyncio.timeout(_WAIT_S):
        while ACTIVE not in _text(life) or len(told_in(_text(life))) < number:  # noqa: ASYNC110  (a file of another process has no event)
            await asyncio.sleep(0.01)


async def _compare(world: _World, after: str, report: Report) -> None:
    async with PostgresStore(world.dsn) as store:
        try:
            faults = await faults_after(world.desk, store, world.told)
        except (LiveExecError, TimeoutError, AssertionError) as error:
            faults = [f"the next life failed: {type(error).__name__}: {error}"]
    report.comparisons += 1
    report.faults += [f"after {after}: {fault}" for fault in faults]


@asynccontextmanager
async def _nursery() -> AsyncIterator[_Nursery]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kills.nursery", cwd=_TESTS, env={**os.environ, "PYTHONPATH": str(_TESTS)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    nursery = _Nursery(process)
    listening = asyncio.create_task(nursery.listen())
    try:
        yield nursery
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await listening


@asynccontextmanager
async def _world(server: TestServer, seed: int) -> AsyncIterator[_World]:
    """Venues that now and then lose an answer or a session, quoted deep enough that no life runs out of them."""
    script = FaultScript(
        (
            FaultRule(FaultKind.LOST_ACK, FaultVerb.SUBMIT, client_ids="(?!cp).*", probability=0.03),
            FaultRule(FaultKind.LOST_ACK, FaultVerb.SUBMIT, client_ids="(?!cp).*", probability=0.03, placed=False),
            FaultRule(FaultKind.LOST_ACK, FaultVerb.CANCEL, client_ids="(?!cp).*", probability=0.03),
            FaultRule(FaultKind.DISCONNECT, FaultVerb.SUBMIT, client_ids="(?!cp).*", probability=0.01),
        ),
        seed=seed,
    )
    dsn = await anyio.to_thread.run_sync(server.create_migrated_database)
    with tempfile.TemporaryDirectory(prefix="lxk-") as folder:
        venues = [evolve(quiet_venue(name), faults=script) for name in (VENUE_A, VENUE_B)]
        async with remote_desk(Path(folder), quiet_world(*venues)) as desk:
            for venue, other in desk.others.items():
                for step in range(10):
                    await other.quote(InstrumentId(f"{venue}:{PRODUCT}"), f"{60000 - step}", f"{60010 + step}", "80")
            yield _World(desk, dsn, Path(folder))
    await anyio.to_thread.run_sync(server.drop_database, dsn)
