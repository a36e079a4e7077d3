"""The same work on NautilusTrader's sandbox: bursts of orders from submit to filled, nothing durable there, all of it
durable here.

NautilusTrader lives in an environment of its own (``LIVEEXEC_PEER_PYTHON`` names its interpreter; without it, one is
made in the temporary folder and kept), so that nothing of it is a dependency of ours. Rounds alternate in one run.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks import worlds
from benchmarks.driver import freeze
from benchmarks.durable import Host, check_tables, hosted
from benchmarks.figures import Figure, Result, spread_of
from benchmarks.options import Options
from benchmarks.postgres import Server, started_server

__all__ = ["run"]

PEER: Final = "nautilus_trader==2.0.0rc7"
RATIO_GOAL: Final = 1.0
_BURST: Final = 2_000
_SCRIPT: Final = Path(__file__).with_name("nautilus_sandbox.py")
_TIMEOUT_S: Final = 120.0


class PeerUnavailable(RuntimeError):
    """The peer can't be run here; the message says why."""


def run(options: Options) -> Result:
    """Compare bursts; without a peer the table says why there is none."""
    orders, rounds = (200, 2) if options.quick else (_BURST, 7)
    try:
        python = _peer_python(options)
        with started_server() as server, asyncio.Runner(loop_factory=worlds.new_event_loop) as runner:
            theirs, ours = runner.run(_measure(server, python, orders, rounds, options))
    except PeerUnavailable as reason:
        return Result("peers", [Figure(PEER, "not measured")], [str(reason)])
    ratios = spread_of([here / there for here, there in zip(ours, theirs, strict=True)])
    return Result(
        "peers",
        [
            Figure(
                "orders/s here, durable ÷ NautilusTrader's sandbox, not durable",
                ratios.text(),
                f"at least {RATIO_GOAL:.0f}",
                ratios.median >= RATIO_GOAL,
            ),
            Figure("orders/s here", spread_of(ours).text(0)),
            Figure(f"orders/s on {PEER}", spread_of(theirs).text(0)),
        ],
        [
            f"bursts of {orders} market-taking orders, from the first submit to the last fill, {rounds} rounds",
            "there: one quote of one venue, its default risk checks, no log; here: every rule, journal and projections",
        ],
    )


async def _measure(
    server: Server, python: Path, orders: int, rounds: int, options: Options
) -> tuple[list[float], list[float]]:
    theirs, ours = [], []
    async with hosted(server) as host:
        await _burst(host, orders)
        freeze()
        for number in range(rounds):
            theirs.append(await _peer_burst(python, orders))
            ours.append(await _burst(host, orders))
            options.say(f"round {number + 1} of {rounds}: {theirs[-1]:.0f}/s there, {ours[-1]:.0f}/s here")
        await check_tables(server, host)
    return theirs, ours


async def _burst(host: Host, orders: int) -> float:
    started_s = time.perf_counter()
    await host.submit_many(orders, orders)
    rate = orders / (time.perf_counter() - started_s)
    await host.orchestrator.synced()
    return rate


async def _peer_burst(python: Path, orders: int) -> float:
    """The second of two bursts in a fresh process: the first one warms it up."""
    process = await asyncio.create_subprocess_exec(
        python, _SCRIPT, "2", str(orders), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await asyncio.wait_for(process.communicate(), _TIMEOUT_S)
    try:
        said = json.loads(output.decode().splitlines()[-1])
    except (IndexError, ValueError):
        said = {}
    if process.returncode != 0 or said.get("filled") != 2 * orders:
        lines = errors.decode().strip().splitlines() or [f"it filled {said.get('filled', 'nothing')}"]
        raise PeerUnavailable(f"{PEER} does not run here: {lines[-1]}")
    return float(said["per_second"][-1])


def _peer_python(options: Options) -> Path:
    named = os.environ.get("LIVEEXEC_PEER_PYTHON")
    if named:
        return Path(named)
    folder = Path(tempfile.gettempdir()) / f"liveexec-peer-{PEER.rpartition('=')[2]}"
    python = folder / "bin" / "python"
    if python.exists():
        return python
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise PeerUnavailable("uv, which makes the peer's environment, is not on the path")
    options.say(f"making an environment for {PEER}")
    try:
        for command in (
            ["venv", "--quiet", "--python", sys.executable, str(folder)],
            ["pip", "install", "--quiet", "--python", str(python), PEER],
        ):
            subprocess.run([uv, *command], check=True, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        detail = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise PeerUnavailable(f"no environment for {PEER}: {detail[-1]}") from error
    return python
