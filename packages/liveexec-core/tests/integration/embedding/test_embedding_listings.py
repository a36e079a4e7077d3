"""What a host leaves for readers of its tables: how its venues list instruments, and nothing that could stop it."""

from typing import Any

import anyio
import structlog

from liveexec import LiveExecutionOrchestrator, OrderStatus, PostgresStore
from liveexec.cli.precision import precision_in
from liveexec.storage.dsn import Dsn
from liveexec.tables import precision_of
from support.hosting import VENUE_A, local_desk, market, until
from support.postgres import run_sql

PAPER: dict[str, Any] = {"mode": "paper", "external_adapters": {"PAPER": {"preset": "btc"}}, "owner": "test"}


async def test_the_command_line_shows_the_places_that_the_host_shows(database_dsn: Dsn) -> None:
    document = {**PAPER, "database": {"url": database_dsn.url}}
    async with (
        LiveExecutionOrchestrator.from_config(document) as live,
        PostgresStore(database_dsn, allow_unsafe=True) as store,
    ):
        of_host = precision_of(live.shard.engine.state.listings.values())
        assert of_host
        with anyio.fail_after(20):
            # The host writes them when it comes to it, and nothing tells of that.
            while await precision_in(store.database) != of_host:
                pass


async def test_a_host_that_can_not_note_them_trades_all_the_same_and_says_so(database_dsn: Dsn) -> None:
    run_sql(database_dsn, "ALTER TABLE listings ADD CONSTRAINT refused CHECK (lot < 0)")
    with structlog.testing.capture_logs() as logged:
        async with (
            local_desk() as desk,
            PostgresStore(database_dsn, allow_unsafe=True) as store,
            desk.live(store) as live,
        ):
            await desk.quoted(live)
            result = await live.submit(market(), wait="terminal", timeout_s=10)
            assert result.status is OrderStatus.FILLED
            assert len(await desk.fills_at(VENUE_A)) == len(result.fills)
            await until(lambda: any(each["event"] == "listings_not_saved" for each in logged))
            assert live.error is None
            assert list(await store.listed_steps()) == []
