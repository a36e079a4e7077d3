"""``liveexec demo``: the main job, end to end, on paper venues and the PostgreSQL that comes along."""

import secrets
import sys
import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated

from attrs import evolve
from cyclopts import Parameter
from rich.console import Console

from liveexec.cli.demo.run_state import DemoRun, demo_dir, forget_run, only_demo, read_run, write_run
from liveexec.cli.demo.steps import default_orders_dir, load_steps
from liveexec.cli.exit_codes import ExitCode
from liveexec.cli.termination import run_async
from liveexec.errors import Fault, InvalidInput

__all__ = ["demo"]

#: Market seconds per second: two minutes of market in six seconds.
_SPEED = "20"


def demo(
    *,
    market: Annotated[
        Path | None, Parameter(help="Folder of recorded ticks to replay; a seeded synthetic market without it.")
    ] = None,
    speed: Annotated[str, Parameter(help="Market seconds per second.")] = _SPEED,
    seed: Annotated[int, Parameter(help="Seed of the synthetic market.")] = 1,
    orders: Annotated[Path | None, Parameter(help="Folder of the orders; those that come along without it.")] = None,
    keep: Annotated[bool, Parameter(negative=(), help="Keep the database for orders, fills, positions, log.")] = False,
    database: Annotated[str | None, Parameter(help="A PostgreSQL server's URL; the embedded one without it.")] = None,
) -> int:
    """Execute a set of orders on paper venues, show everything, and verify it against the venues' own books.

    A demo that was killed goes on where it stopped when it is started again.
    """
    from liveexec.cli.demo.session import DemoSession  # noqa: PLC0415  (--help must not load the whole library)

    with only_demo():
        run = _run_to_do(market, speed, seed, orders)
        steps = load_steps(Path(run.orders))
        console = Console(highlight=False)
        session = DemoSession(run, steps, console, server_url=database, keep=keep)
        try:
            with session.database() as dsn:
                failed = run_async(partial(session.execute, dsn), use_uvloop=sys.platform != "win32")
        except KeyboardInterrupt:
            # Whoever ends it on purpose wants nothing of it; only a demo that was killed is gone on with.
            run_async(session.end_venues)
            forget_run()
            raise
        forget_run()
        session.finish()
    return ExitCode.FAILURE if failed else ExitCode.OK


def _run_to_do(market: Path | None, speed: str, seed: int, orders: Path | None) -> DemoRun:
    """The run that was interrupted if it was of the same kind, else a new one."""
    asked = DemoRun(
        run_id=secrets.token_hex(4),
        start_ns=time.time_ns(),
        speed=_speed(speed),
        seed=seed,
        market=str(_market(market)) if market is not None else None,
        orders=str((orders or default_orders_dir()).resolve()),
        database="liveexec_demo",
        socket=str(demo_dir() / "venues.sock"),
    )
    begun = read_run()
    if begun is not None and evolve(begun, run_id=asked.run_id, start_ns=asked.start_ns) == asked:
        return begun
    load_steps(Path(asked.orders))
    write_run(asked)
    return asked


def _speed(text: str) -> Decimal:
    try:
        speed = Decimal(text)
    except ArithmeticError:
        raise InvalidInput("--speed", [Fault("", f"{text!r} is not a number")]) from None
    if not speed.is_finite() or not 1 <= speed <= 100:
        raise InvalidInput("--speed", [Fault("", "must lie between 1 and 100")])
    return speed


def _market(path: Path) -> Path:
    if not (path / "raw_tick_data").is_dir():
        raise InvalidInput("--market", [Fault("", f"{path} holds no folder raw_tick_data")])
    return path.resolve()
