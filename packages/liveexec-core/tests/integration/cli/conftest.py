"""A real database with a day's orders in it, and the command as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path

import anyio
import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import OperationId, OrderId, VenueOrderId, child_order_id
from liveexec.domain.outcome import AssetKind
from liveexec.storage.dsn import Dsn
from liveexec.storage.journal_store import PostgresStore
from support.builders import (
    ALPHA_ACCOUNT,
    NOW_NS,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    make_asset_moved,
    make_fill,
    make_intent,
    make_leg,
    make_market_intent,
    make_order_id,
    make_plan,
    make_received,
    make_routed,
    make_submit_requested,
)
from support.journaling import ShardWriter

FILLED, REFUSED, PARENT = make_order_id(1), make_order_id(2), make_order_id(3)
CHILD = child_order_id(PARENT, 1)


def environment(home: Path) -> dict[str, str]:
    """What the command sees: nothing of the caller's own database, state or terminal."""
    dropped = {"DATABASE_URL", "COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "PGPASSWORD"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    own = {"XDG_STATE_HOME": str(home / "state"), "XDG_DATA_HOME": str(home / "data"), "TERM": "xterm-256color"}
    return kept | own


def start(
    arguments: tuple[str, ...], environ: Mapping[str, str], stdout: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    """The command as a process."""
    return subprocess.Popen(
        [sys.executable, "-c", "import sys; from liveexec.cli.app import main; sys.exit(main())", *arguments],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(arguments: tuple[str, ...], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    with start(arguments, environ) as process:
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


async def fill_with_orders(dsn: Dsn) -> None:
    """One order filled in two parts, one refused by risk, one parent with a child that rests, and funding."""
    async with PostgresStore(dsn, allow_unsafe=True) as store:
        writer = await ShardWriter.of(store, "main")
        await _filled(writer)
        await writer.tell(
            REFUSED,
            make_received(make_intent(strategy_id="mean-reversion"), operation_id=OperationId("OP-REFUSED")),
            ev.RiskRefused(
                ev.RiskStage.PARENT, "ORDER_SIZE", "1 is above 0.5", (ev.RuleRefusal("ORDER_SIZE", "1 is above 0.5"),)
            ),
        )
        await _parent_with_child(writer)
        await writer.tell(ALPHA_ACCOUNT, make_asset_moved("-0.25", kind=AssetKind.FUNDING))
        await writer.project()
        await store.release(writer.owned)


async def _filled(writer: ShardWriter) -> None:
    route = ev.Routed(
        "best_price",
        (make_leg(),),
        (
            ev.RouteCandidate(
                SPOT,
                ALPHA_ACCOUNT,
                Decimal(45001),
                Decimal("45.001"),
                Decimal(0),
                Decimal("0.5"),
                Decimal("45046.501"),
            ),
            ev.RouteCandidate(SPOT_AT_BETA, None, None, None, None, None, None, "no account there"),
        ),
    )
    await writer.tell(
        FILLED,
        make_received(make_intent(instrument_key=SPOT_PRODUCT), operation_id=OperationId("OP-FILLED")),
        ev.RiskApproved(ev.RiskStage.PARENT, Decimal(45_000)),
        route,
        make_submit_requested(plan=make_plan(FILLED)),
    )
    await writer.tell(FILLED, ev.Accepted(VenueOrderId("V-1"), NOW_NS))
    await writer.tell(FILLED, ev.FillApplied(make_fill(1)))
    await writer.tell(FILLED, ev.FillApplied(make_fill(2, price=Decimal("45000.5"))))


async def _parent_with_child(writer: ShardWriter) -> None:
    intent = make_market_intent(exec_algorithm="TWAP", exec_algorithm_params={"horizon_secs": 60, "interval_secs": 30})
    await writer.tell(
        PARENT,
        make_received(intent, operation_id=OperationId("OP-TWAP")),
        ev.RiskApproved(ev.RiskStage.PARENT, None),
        ev.ScheduleFixed({"slices": 2}),
        ev.ChildSpawned(CHILD, 1, Decimal("0.5")),
    )
    child = make_intent(quantity=Decimal("0.5"))
    await writer.tell(
        CHILD,
        make_received(child, operation_id=OperationId(CHILD), parent_order_id=PARENT, ordinal=1),
        make_routed(make_leg(quantity="0.5")),
        make_submit_requested(plan=make_plan(CHILD), quantity=Decimal("0.5")),
    )
    await writer.tell(CHILD, ev.Accepted(VenueOrderId("V-2"), NOW_NS))


@pytest.fixture
def orders_dsn(database_dsn: Dsn) -> Dsn:
    """A database with orders, fills, positions and a log."""
    anyio.run(fill_with_orders, database_dsn)
    return database_dsn


@pytest.fixture
def bare_environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a command that knows of no database."""
    return environment(tmp_path)


@pytest.fixture
def environ(bare_environ: dict[str, str], orders_dsn: Dsn) -> dict[str, str]:
    """The environment of a command that reads that database."""
    return bare_environ | {"DATABASE_URL": orders_dsn.url}


@pytest.fixture
def run_in() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command in an environment, to its end."""
    return lambda environ, *arguments: run(arguments, environ)


@pytest.fixture
def start_in() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the command in an environment, and sees to its end."""
    processes: list[subprocess.Popen[str]] = []

    def started(environ: Mapping[str, str], *arguments: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
        processes.append(start(arguments, environ, stdout))
        return processes[-1]

    yield started
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)


@pytest.fixture
def liveexec(environ: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command on that database, its output going into a pipe."""
    return lambda *arguments: run(arguments, environ)


@pytest.fixture
def spawn(
    environ: dict[str, str], start_in: Callable[..., subprocess.Popen[str]]
) -> Callable[..., subprocess.Popen[str]]:
    """Starts the command on that database."""
    return partial(start_in, environ)


@pytest.fixture
def order_ids() -> dict[str, OrderId]:
    """The orders by what became of them."""
    return {"filled": FILLED, "refused": REFUSED, "parent": PARENT, "child": CHILD}
