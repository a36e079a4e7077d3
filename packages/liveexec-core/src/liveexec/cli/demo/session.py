"""One demo session: database and venues up, the steps run, everything shown and verified."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from liveexec.cli.demo.progress import DemoProgress
from liveexec.cli.demo.run_state import DemoRun
from liveexec.cli.demo.runner import Outcome, Runner
from liveexec.cli.demo.scenario import demo_config, demo_world
from liveexec.cli.demo.shown import show_everything
from liveexec.cli.demo.steps import Step
from liveexec.cli.demo.verification import compare_with_venues
from liveexec.cli.precision import precision_in
from liveexec.cli.state_files import forget_current_database, remember_current_database
from liveexec.cli.termination import run_async
from liveexec.composition import build
from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId
from liveexec.errors import AdapterError
from liveexec.presentation.formatting import Precision
from liveexec.presentation.renderers.terminal import print_view
from liveexec.presentation.views.comparisons import Comparison, verification_view
from liveexec.runtime.clock import ScaledClock
from liveexec.runtime.logs import configure_logging
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator
from liveexec.storage import migrate
from liveexec.storage.dsn import Dsn
from liveexec.storage.embedded import EmbeddedPostgres
from liveexec.storage.embedded.databases import MAINTENANCE_DATABASE, drop_database, ensure_database
from liveexec.storage.journal_store import PostgresStore
from liveexec.venues.paper.client import RemotePaperAdapter
from liveexec.venues.paper.hosting import ServerHandle, end_server, server_info, spawn_server
from liveexec.venues.paper.world_config import PaperWorldConfig

__all__ = ["DemoSession"]

_VARIABLE: Final = "DATABASE_URL"
_ACTIVE_TIMEOUT_S: Final = 30.0


class DemoSession:
    """A run of the demo in this process. Use :meth:`database`, then :meth:`execute` inside it, then :meth:`finish`."""

    def __init__(
        self, run: DemoRun, steps: Sequence[Step], console: Console, *, server_url: str | None, keep: bool
    ) -> None:
        self._run, self._steps, self._console, self._keep = run, list(steps), console, keep
        self._server_url = server_url or os.environ.get(_VARIABLE) or None
        self._socket = Path(run.socket)
        market = Path(run.market) if run.market is not None else None
        self._world: PaperWorldConfig = demo_world(
            market=market, start_ns=run.start_ns, speed=run.speed, seed=run.seed, id_prefix=f"{run.run_id}-"
        )
        configure_logging("CRITICAL")

    @contextmanager
    def database(self) -> Iterator[Dsn]:
        """The demo's database, migrated: that of the interrupted run if its venues still know it, else a new one."""
        goes_on = run_async(self._venues_remember)
        if goes_on:
            self._say("an interrupted demo goes on: its venues are still there")
        if self._server_url is not None:
            dsn = Dsn(self._server_url).with_database(self._run.database)
            self._prepare({"dsn": dsn.with_database(MAINTENANCE_DATABASE).url}, goes_on=goes_on)
            self._migrate(dsn)
            yield dsn
            return
        self._say("starting the embedded PostgreSQL")
        with EmbeddedPostgres.start() as server:
            self._prepare(server.connect_kwargs(MAINTENANCE_DATABASE), goes_on=goes_on)
            dsn = Dsn(server.dsn(self._run.database))
            self._migrate(dsn)
            try:
                yield dsn
            except Exception:
                # Left as it is: the next demo goes on with it.
                raise
            except BaseException:
                server.drop_database(self._run.database)
                raise
            if not self._keep:
                server.drop_database(self._run.database)

    async def execute(self, dsn: Dsn) -> bool:
        """Run the steps, show everything, verify it; whether anything was not as expected."""
        venues = await self._open_venues()
        anchor = venues.info.anchor
        clock = ScaledClock(anchor.market_ns, anchor.monotonic_ns, float(self._run.speed))
        adapters = [RemotePaperAdapter(self._socket, self._world, venue.venue) for venue in self._world.venues]
        classes = {venue.venue: venue.venue_class for venue in self._world.venues}
        async with PostgresStore(dsn, venue_classes=classes) as store:
            # The demo's lock says that nobody else is in, so its lease need not be waited for.
            live = build(demo_config(self._run.speed), store, adapters, clock=clock, owner="demo")
            async with live:
                await live.active(_ACTIVE_TIMEOUT_S)
                outcomes = await self._run_steps(live)
                await live.synced()
                compared = await self._compare(live, adapters)
            precision = await precision_in(store.database)
            await show_everything(store, precision, self._console)
        await end_server(self._socket)
        return self._conclude(outcomes, compared, precision)

    async def end_venues(self) -> None:
        """End the venues' process, if it runs."""
        with contextlib.suppress(AdapterError):
            await end_server(self._socket)

    def finish(self) -> None:
        """Say what is left behind."""
        if self._keep:
            if self._server_url is None:
                remember_current_database(self._run.database)
            where = "" if self._server_url is None else f" --database …/{self._run.database}"
            self._say(f"kept: liveexec orders{where} | order ID | fills | positions | log")
        else:
            forget_current_database()

    async def _run_steps(self, live: LiveExecutionOrchestrator) -> list[Outcome]:
        with DemoProgress(self._console) as progress:
            progress.say(
                f"{len(self._steps)} steps on {len(self._world.venues)} venues, market time x{self._run.speed}"
            )
            runner = Runner(live, told=progress.told, done=progress.done)
            await runner.run(self._steps)
        return runner.outcomes

    async def _compare(
        self, live: LiveExecutionOrchestrator, adapters: Sequence[RemotePaperAdapter]
    ) -> list[Comparison]:
        fills: list[tuple[AccountId, Fill]] = [
            (order.account_id, fill)
            for order in live.orders.values()
            if order.account_id is not None
            for fill in (order.fills or {}).values()
        ]
        return await compare_with_venues(adapters, live.accounts, fills, live.open_orders())

    def _conclude(self, outcomes: Sequence[Outcome], compared: Sequence[Comparison], precision: Precision) -> bool:
        print_view(verification_view(compared, precision), self._console)
        different = [each for each in compared if not each.is_equal]
        unexpected = [outcome for outcome in outcomes if outcome.difference is not None]
        counts = {kind: sum(1 for each in compared if each.kind == kind) for kind in ("position", "asset")}
        fills = sum(int(each.ours or 0) for each in compared if each.kind == "fills")
        line = (
            f"verified: {fills} fills, {counts['position']} positions and {counts['asset']} assets "
            f"against the venues' own books: {len(different) or 'no'} difference{'s' if len(different) > 1 else ''}"
        )
        if unexpected:
            line += f"; {len(unexpected)} of {len(outcomes)} steps did not end as expected"
        failed = bool(different or unexpected)
        self._console.print(Text(line, style="bold red" if failed else "bold green"))
        return failed

    async def _venues_remember(self) -> bool:
        """Whether the venues of this very run are still up; others at the same place are ended."""
        try:
            info = await server_info(self._socket)
        except AdapterError:
            return False
        if info.digest == self._world.digest and info.id_prefix == self._world.id_prefix:
            return True
        await end_server(self._socket)
        return False

    async def _open_venues(self) -> ServerHandle:
        try:
            info = await server_info(self._socket)
        except AdapterError:
            return await spawn_server(self._world, self._socket)
        return ServerHandle(self._socket, info)

    def _prepare(self, connect: dict[str, object], *, goes_on: bool) -> None:
        if not goes_on:
            drop_database(connect, self._run.database)
        ensure_database(connect, self._run.database)

    def _migrate(self, dsn: Dsn) -> None:
        self._say("migrating the database")
        migrate.upgrade(dsn)

    def _say(self, text: str) -> None:
        self._console.print(Text(text, style="dim"))
