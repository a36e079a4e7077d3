"""From a configuration to orders that are executed, and back: what a host writes in ten lines."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from liveexec import LiveExecutionOrchestrator, Operation, OrderIntent, OrderStatus, Side
from liveexec.cli.app import run
from liveexec.cli.exit_codes import ExitCode
from liveexec.domain.account_event import ConfigApplied
from liveexec.errors import ConfigurationError
from liveexec.storage.dsn import Dsn
from support.canaries import canary

PAPER: dict[str, Any] = {
    "mode": "paper",
    "external_adapters": {"PAPER": {"preset": "btc"}},
    "database": {"url": "memory:"},
    "owner": "test",
}


def market(quantity: str = "0.01", **changes: Any) -> OrderIntent:
    values: dict[str, Any] = {
        "operation": Operation.TRADE,
        "quantity": Decimal(quantity),
        "strategy_id": "mine",
        "instrument_key": "SPOT_PAIR:BTC-USDT",
        "side": Side.BUY,
    }
    return OrderIntent(**(values | changes))


async def test_an_order_is_executed_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "paper.json"
    path.write_text(json.dumps(PAPER))
    async with LiveExecutionOrchestrator.from_config(path) as live:
        result = await live.submit(market(), wait="terminal", timeout_s=20)
        assert (result.status, result.filled_quantity) == (OrderStatus.FILLED, Decimal("0.01"))
        assert result.order_id in live.orders
        assert [position.quantity for position in live.positions.values()] == [Decimal("0.01")]


async def test_what_is_recorded_outlives_the_host(empty_database_dsn: Dsn) -> None:
    document = {**PAPER, "database": {"url": empty_database_dsn.url}}
    async with LiveExecutionOrchestrator.from_config(document) as live:
        first = await live.submit(market(operation_id="OP-1"), wait="terminal", timeout_s=20)
        await live.synced()
    async with LiveExecutionOrchestrator.from_config(document) as live:
        again = await live.submit(market(operation_id="OP-1"), wait="terminal", timeout_s=20)
    assert (again.order_id, again.repeated) == (first.order_id, True)


async def test_several_of_them_live_in_one_process() -> None:
    async def one(shard: str) -> OrderStatus:
        async with LiveExecutionOrchestrator.from_config({**PAPER, "shard": shard}) as live:
            return (await live.submit(market(), wait="terminal", timeout_s=20)).status

    assert await asyncio.gather(*(one(f"shard-{number}") for number in range(3))) == [OrderStatus.FILLED] * 3


def test_it_runs_on_anyios_loop() -> None:
    async def main() -> OrderStatus:
        async with LiveExecutionOrchestrator.from_config(PAPER) as live:
            return (await live.submit(market(), wait="terminal", timeout_s=20)).status

    assert anyio.run(main) is OrderStatus.FILLED


async def test_limits_change_while_it_runs_and_that_is_recorded() -> None:
    async with LiveExecutionOrchestrator.from_config(PAPER) as live:
        assert await live.apply_config(PAPER, principal="desk") == ()
        heard: list[object] = []
        subscription = live.stream()
        stricter = {**PAPER, "risk_engine": {"max_order_quantity": {"*": "0.005"}}, "logging": {"level": "WARNING"}}
        changed = await live.apply_config(stricter, principal="desk")
        assert changed == ("risk_engine.max_order_quantity.*", "logging.level")
        assert (await live.submit(market(), wait="terminal", timeout_s=20)).rejection_reason == "ORDER_SIZE"
        async for item in subscription:
            heard.append(item.event)
            if item.order is not None:
                break
        applied = next(event for event in heard if isinstance(event, ConfigApplied))
        assert (applied.principal, len(applied.config_hash)) == ("desk", 64)
        assert "risk_engine.max_order_quantity.*: None -> 0.005" in applied.summary


async def test_what_needs_a_restart_is_refused_whole() -> None:
    async with LiveExecutionOrchestrator.from_config(PAPER) as live:
        other = {**PAPER, "shard": "other", "risk_engine": {"max_loss": 1}, "router": {"policy": "split"}}
        with pytest.raises(ConfigurationError) as raised:
            await live.apply_config(other, principal="desk")
        assert [str(fault) for fault in raised.value.faults] == ["shard: can't change while running; restart with it"]
        assert live.config is not None
        assert live.config.risk_engine.max_loss is None
        with pytest.raises(ConfigurationError, match=r"router\.policy: none is not registered"):
            await live.apply_config({**PAPER, "router": {"policy": "none"}}, principal="desk")


async def test_a_faulty_configuration_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"external_adapters\.NONE: no plugin registers"):
        async with LiveExecutionOrchestrator.from_config({**PAPER, "external_adapters": {"NONE": {}}}):
            pytest.fail("it started")


class TestCommand:
    def test_check_says_good_or_every_fault(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        good, bad = tmp_path / "good.json", tmp_path / "bad.json"
        good.write_text(json.dumps(PAPER))
        bad.write_text(json.dumps({**PAPER, "mode": "live", "router": {"policy": "none"}}))
        assert run(["config", "check", str(good)]) is ExitCode.OK
        assert capsys.readouterr().out == f"{good}: good (paper mode, PAPER)\n"
        assert run(["config", "check", str(bad)]) is ExitCode.USAGE
        said = capsys.readouterr().err.splitlines()
        assert said[0] == f"{bad}: 3 faults"
        assert [line.split(":")[0].strip() for line in said[1:]] == ["plugins.enabled", "database.url", "router.policy"]

    def test_show_masks_secrets(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DB", f"postgresql://user:{canary()}@host/name")
        path = tmp_path / "paper.json"
        path.write_text(json.dumps({**PAPER, "database": {"url": "${DB}"}}))
        assert run(["config", "show", str(path)]) is ExitCode.OK
        printed = capsys.readouterr().out
        assert json.loads(printed)["database"]["url"] == "***"
        assert canary() not in printed

    def test_schema_is_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["config", "schema"]) is ExitCode.OK
        assert "PAPER" in json.loads(capsys.readouterr().out)["properties"]["external_adapters"]["properties"]
