"""The example plugin as a stranger gets it: built, installed from wheels into an environment of its own, and used."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.stranger import ROOT, UV, Python, strangers_python

EXAMPLE = ROOT / "examples" / "plugins" / "liveexec-acme"

pytestmark = pytest.mark.skipif(UV is None, reason="uv builds the wheels, and is not on the path")

#: A strategy's script, run where nothing but wheels is installed.
SCRIPT = """
import asyncio, json, sys
from decimal import Decimal
from liveexec import LiveExecutionOrchestrator, Operation, OrderIntent, OrderType, Side

def order(**changes):
    values = {"operation": Operation.TRADE, "quantity": Decimal("0.1"), "strategy_id": "mine",
              "instrument_key": "SPOT_PAIR:BTC-USDT", "side": Side.BUY}
    return OrderIntent(**(values | changes))

async def main():
    told = {}
    async with LiveExecutionOrchestrator.from_config(json.loads(sys.argv[1])) as live:
        routed = await live.submit(order(), wait="terminal", timeout_s=20)
        told["routed"] = [routed.status, routed.rejection_reason, sorted({f.instrument_id for f in routed.fills})]
        if routed.rejection_reason is None:
            ladder = await live.submit(
                order(order_type=OrderType.LIMIT, price=Decimal(100_000), exec_algorithm="LADDER",
                      exec_algorithm_params={"rungs": 4, "step": 5}), wait="terminal", timeout_s=20)
            told["ladder"] = [ladder.status, len(live.orders[ladder.order_id].children)]
    print(json.dumps(told))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Python:
    """The interpreter of an environment that holds the example."""
    return strangers_python(tmp_path_factory.mktemp("stranger"), EXAMPLE)


def config(**sections: Any) -> str:
    least = {
        "mode": "paper",
        "external_adapters": {"PAPER": {}},
        "database": {"url": "memory:"},
        "logging": {"level": "ERROR"},
    }
    return json.dumps(least | sections)


def test_it_comes_from_its_wheel_and_is_listed(python: Python) -> None:
    where = python("-c", "import liveexec, liveexec_acme; print(liveexec.__file__, liveexec_acme.__file__)")
    assert where.count("site-packages") == 2
    listed = json.loads(python("-m", "liveexec", "plugins", "-o", "json"))
    rows = (
        {row["distribution"]: row for row in listed["rows"]}
        if isinstance(listed, dict)
        else {row["distribution"]: row for row in listed}
    )
    acme = rows["liveexec-acme"]
    assert (acme["version"], acme["api"], acme["state"]) == ("1.0.0", "1.0", "loaded")
    for what in (
        "risk rules: curfew",
        "routing policies: deepest",
        "algorithms: LADDER",
        "observers: liveexec_observe",
    ):
        assert what in acme["registers"]


def test_its_policy_its_algorithm_and_its_observer_work(python: Python, tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    told = json.loads(python("-c", SCRIPT, config(router={"policy": "deepest"}), ACME_TAPE=str(tape)))
    # PAPER-B shows the whole market's depth, PAPER-A a part of it.
    assert told["routed"] == ["FILLED", None, ["PAPER-B:SPOT_PAIR:BTC-USDT"]]
    assert told["ladder"] == ["FILLED", 4]
    assert len(tape.read_text().splitlines()) >= 5


def test_its_rule_refuses_outside_of_hours(python: Python) -> None:
    never = {"custom": {"curfew": {"from": "00:00", "until": "00:00"}}}
    told = json.loads(python("-c", SCRIPT, config(risk_engine=never)))
    assert told["routed"][:2] == ["REJECTED", "CURFEW"]


def test_a_configuration_that_its_rule_can_not_read_is_refused_by_its_path(python: Python, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(config(risk_engine={"custom": {"curfew": {"from": "morning"}}}))
    said = python("-c", CHECK, str(path))
    assert "risk_engine.custom.curfew: must give both hours" in said


#: The command, with its exit code as a line of what it says.
CHECK = """
import subprocess, sys
command = [sys.executable, "-m", "liveexec", "config", "check", sys.argv[1]]
done = subprocess.run(command, capture_output=True, text=True)
print(done.returncode, done.stdout, done.stderr)
"""


def test_in_live_mode_it_is_not_imported_unless_it_is_listed(python: Python) -> None:
    source = (
        "import sys; from liveexec.composition import plugins_of; from liveexec.config.loading import load_config\n"
        "found = plugins_of(load_config(sys.argv[1]))\n"
        "print([(each.distribution, each.refused) for each in found.loaded], 'liveexec_acme.plugin' in sys.modules)"
    )
    left_out = python("-c", source, config(mode="live", plugins={"enabled": []}))
    assert "('liveexec-acme', 'not listed under plugins.enabled')" in left_out
    assert left_out.strip().endswith("False")
    listed = python("-c", source, config(mode="live", plugins={"enabled": ["liveexec-acme"]}))
    assert "('liveexec-acme', None)" in listed
