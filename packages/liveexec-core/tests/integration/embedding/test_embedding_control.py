"""Operators and a running host: seen and stopped over its local socket, with the database down as well."""

import asyncio
import os
import socket
import stat
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from liveexec import LiveExecutionOrchestrator, Operation, OrderIntent, OrderStatus, OrderType, Side
from liveexec.blocking import BlockingOrchestrator
from liveexec.cli.app import run
from liveexec.cli.exit_codes import ExitCode
from liveexec.control.client import ask, asked_of, running_hosts
from liveexec.control.paths import socket_folder, socket_path
from liveexec.domain.ids import EXTERNAL, AccountId, InstrumentId, StrategyId, VenueOrderId
from liveexec.domain.operation import TimeInForce
from liveexec.domain.outcome import OrderReport, PositionReport, Snapshot, VenueOrderStatus
from liveexec.engine.inputs import AccountSnapshot
from liveexec.errors import InvalidInput, LiveExecError, NotFound, OutcomeUnknown
from support.postgres import own_server, run_sql

PAPER: dict[str, Any] = {"mode": "paper", "external_adapters": {"PAPER": {}}, "database": {"url": "memory:"}}


@pytest.fixture(autouse=True)
def runtime_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder of this test's own, short enough for an address."""
    folder = Path(f"/tmp/lx-control-{os.getpid()}-{threading.get_ident() % 10_000}")
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder
    for path in [*(folder / "liveexec").glob("*")]:
        path.unlink()
    if (folder / "liveexec").exists():
        (folder / "liveexec").rmdir()
    folder.rmdir()


def order(**changes: Any) -> OrderIntent:
    values: dict[str, Any] = {
        "operation": Operation.TRADE,
        "quantity": Decimal("0.01"),
        "strategy_id": "mine",
        "instrument_key": "PAPER-A:SPOT_PAIR:BTC-USDT",
        "side": Side.BUY,
    }
    return OrderIntent(**(values | changes))


def resting() -> OrderIntent:
    return order(order_type=OrderType.LIMIT, price=Decimal(50_000))


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[ExitCode, str]:
    code = run(list(words))
    printed = capsys.readouterr()
    return code, printed.out + printed.err


class TestCommands:
    def test_a_host_is_seen(self, capsys: pytest.CaptureFixture[str]) -> None:
        with BlockingOrchestrator(PAPER) as live:
            live.submit(resting(), wait="ack", timeout_s=20)
            live.submit(order(), wait="terminal", timeout_s=20)
            capsys.readouterr()
            code, said = command(capsys, "status")
            assert code is ExitCode.OK
            assert "ACTIVE" in said
            assert "WRITING" in said
            code, said = command(capsys, "venues", "-o", "csv")
            assert code is ExitCode.OK
            assert [line.split(",")[:4] for line in said.splitlines()[1:]] == [
                ["PAPER-A", "PAPER-A", "ACTIVE", "ACTIVE"],
                ["PAPER-B", "PAPER-B", "ACTIVE", "ACTIVE"],
            ]
            code, said = command(capsys, "risk")
            assert "nothing is held back" in said
            assert "SPOT_PAIR:BTC-USDT" in said or "BTC-USDT" in said

    def test_it_is_stopped_and_trades_again(self, capsys: pytest.CaptureFixture[str]) -> None:
        with BlockingOrchestrator(PAPER) as live:
            placed = live.submit(resting(), wait="ack", timeout_s=20)
            capsys.readouterr()
            code, said = command(capsys, "kill", "STRATEGY:mine", "--reason", "a test")
            assert (code, said) == (ExitCode.OK, "STRATEGY:mine is stopped (CANCEL_ALL)\n")
            assert live.submit(order(), wait="terminal", timeout_s=20).rejection_reason == "TRADING_STATE"
            assert live.cancel(placed.order_id, wait="terminal", timeout_s=20).status is OrderStatus.CANCELED
            _, said = command(capsys, "risk", "-o", "json")
            assert '"a test"' in said
            code, said = command(capsys, "resume", "STRATEGY:mine", "--reason", "over")
            assert (code, said) == (ExitCode.OK, "STRATEGY:mine: trading is on again\n")
            assert live.submit(order(), wait="terminal", timeout_s=20).status is OrderStatus.FILLED

    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            (("kill", "PLANET:MARS", "--reason", "x"), ExitCode.USAGE, "must begin with one of GLOBAL, ACCOUNT"),
            (("kill", "VENUE", "--reason", "x"), ExitCode.USAGE, "VENUE needs a name, as VENUE:NAME"),
            (("kill", "GLOBAL:x", "--reason", "x"), ExitCode.USAGE, "GLOBAL stands alone"),
            (("kill", "GLOBAL", "--reason", ""), ExitCode.USAGE, "reason: is required"),
            (("kill", "GLOBAL"), ExitCode.USAGE, "--reason"),
            (("kill", "VENUE:PAPER", "--reason", "x"), ExitCode.NOT_FOUND, "there are PAPER-A, PAPER-B"),
            (("kill", "INSTRUMENT:BTC-USDT", "--how", "FLATTEN", "--reason", "x"), ExitCode.USAGE, "must read"),
            (("resume", "GLOBAL", "--latch", "NONE", "--reason", "x"), ExitCode.NOT_FOUND, "no latch NONE is set"),
            (("accept", "PAPER-A", "balance:USDT", "--reason", "x"), ExitCode.NOT_FOUND, "no drift balance:USDT"),
            (("resolve", "ORD-1", "--as", "CANCELED", "--reason", "x"), ExitCode.NOT_FOUND, "there is no order ORD-1"),
            (("resolve", "ORD-1", "--reason", "x"), ExitCode.USAGE, "--as"),
            (("attribute", "ORD-1", "mine", "--reason", "x"), ExitCode.NOT_FOUND, "there is no order 'ORD-1'"),
            (("status", "--shard", "other"), ExitCode.NOT_FOUND, "no host that owns the shard other runs here"),
        ],
    )
    def test_what_can_not_be_done_is_said(
        self, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: ExitCode, said: str
    ) -> None:
        with BlockingOrchestrator(PAPER):
            capsys.readouterr()
            found, printed = command(capsys, *words)
        assert found is code
        assert said in printed

    def test_without_a_host_they_say_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        for words in (("status",), ("venues",), ("risk",), ("kill", "--reason", "x")):
            assert command(capsys, *words) == (ExitCode.NOT_FOUND, "liveexec: no host of this user runs here\n")


class TestCorrections:
    """What no evidence decides, an operator does, and the audit log keeps it."""

    SPOT = InstrumentId("PAPER-A:SPOT_PAIR:BTC-USDT")
    ACCOUNT = AccountId("PAPER-A")

    async def differing(self, live: LiveExecutionOrchestrator) -> None:
        async with asyncio.timeout(20):
            # A difference has to last for a while.
            while not live.shard.view.ledger.drifts:
                now_ns = time.time_ns()
                held = [PositionReport(self.ACCOUNT, self.SPOT, Decimal("0.5"), None, now_ns)]
                await live.shard.tell(AccountSnapshot(0, self.ACCOUNT, now_ns, [], True, held, []))

    async def test_a_drift_is_accepted(self, capsys: pytest.CaptureFixture[str]) -> None:
        async with LiveExecutionOrchestrator.from_config(PAPER) as live:
            await self.differing(live)
            assert (await live.submit(order())).rejection_reason == "TRADING_STATE"
            capsys.readouterr()
            words = ("accept", self.ACCOUNT, f"position:{self.SPOT}", "--reason", "bought by hand")
            code, said = await asyncio.to_thread(command, capsys, *words)
            assert (code, said) == (ExitCode.OK, f"PAPER-A: the venue's position:{self.SPOT} is accepted\n")
            assert live.positions[self.ACCOUNT, EXTERNAL, self.SPOT].quantity == Decimal("0.5")
            assert (await live.submit(order(), wait="terminal", timeout_s=20)).status is OrderStatus.FILLED
            code, said = await asyncio.to_thread(command, capsys, *words)
            assert code is ExitCode.NOT_FOUND
            assert "no drift" in said

    async def test_an_order_is_resolved_and_its_cancel_reaches_the_venue(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with LiveExecutionOrchestrator.from_config(PAPER) as live:
            placed = await live.submit(resting(), wait="ack", timeout_s=20)
            capsys.readouterr()
            words = ("resolve", placed.order_id, "--as", "CANCELED", "--reason", "the desk says so")
            code, said = await asyncio.to_thread(command, capsys, *words)
            assert (code, said) == (ExitCode.OK, f"{placed.order_id} is CANCELED\n")
            assert live.orders[placed.order_id].status is OrderStatus.CANCELED
            (session,) = (each for each in live.shard.sessions if self.ACCOUNT in each.accounts)
            await until_empty(session.adapter.open_orders, self.ACCOUNT)
            code, said = await asyncio.to_thread(command, capsys, *words)
            assert code is ExitCode.USAGE
            assert "has ended: it is CANCELED" in said

    async def test_an_adopted_order_is_given_to_its_strategy(self, capsys: pytest.CaptureFixture[str]) -> None:
        async with LiveExecutionOrchestrator.from_config(PAPER) as live:
            now_ns = time.time_ns()
            foreign = OrderReport(
                self.ACCOUNT, self.SPOT, None, VenueOrderId("web-1"), VenueOrderStatus.WORKING, Side.BUY,
                OrderType.LIMIT, TimeInForce.GTC, Decimal("0.01"), Decimal(50_000), Decimal(0), now_ns,
            )  # fmt: skip
            await live.shard.tell(AccountSnapshot(0, self.ACCOUNT, now_ns, [foreign], True, [], []))
            (adopted,) = live.open_orders(EXTERNAL)
            capsys.readouterr()
            words = ("attribute", adopted.order_id, "mine", "--reason", "sent by hand")
            code, said = await asyncio.to_thread(command, capsys, *words)
            assert (code, said) == (ExitCode.OK, f"{adopted.order_id} is mine's\n")
            assert [each.order_id for each in live.open_orders(StrategyId("mine"))] == [adopted.order_id]
            code, said = await asyncio.to_thread(command, capsys, *words)
            assert code is ExitCode.USAGE
            assert "only an adopted order" in said


async def until_empty(ask_for: Callable[[AccountId], Awaitable[Snapshot[OrderReport]]], account_id: AccountId) -> None:
    """Ask until the venue shows nothing."""
    async with asyncio.timeout(20):
        while (await ask_for(account_id)).items:  # noqa: ASYNC110  (a venue announces no order that is gone)
            await asyncio.sleep(0)


class TestSeveralHosts:
    async def test_one_is_named_by_its_shard(self) -> None:
        async with LiveExecutionOrchestrator.from_config({**PAPER, "shard": "one"}):
            async with LiveExecutionOrchestrator.from_config({**PAPER, "shard": "two"}):
                with pytest.raises(InvalidInput, match=r"several hosts run, name one: one \(pid \d+\), two"):
                    await asyncio.to_thread(asked_of, None, {"do": "status"})
                found = await asyncio.to_thread(asked_of, "two", {"do": "status"})
                assert found["shard"] == "two"
            assert len(await asyncio.to_thread(running_hosts)) == 1

    def test_the_socket_of_a_host_that_died_is_removed(self) -> None:
        path = socket_folder() / "dead-1.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
        with pytest.raises(NotFound):
            asked_of(None, {"do": "status"})
        assert not path.exists()


class TestSocket:
    async def test_only_its_user_may_use_it_and_it_goes_with_its_host(self) -> None:
        async with LiveExecutionOrchestrator.from_config(PAPER):
            path = socket_path("main")
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert not path.exists()

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (b"nonsense\n", "must be a JSON object"),
            (b"[]\n", "must be a JSON object"),
            (b'{"do": "dance"}\n', "do: must be one of"),
        ],
    )
    async def test_nonsense_is_refused_and_the_next_is_answered(self, line: bytes, said: str) -> None:
        async with LiveExecutionOrchestrator.from_config(PAPER):
            reader, writer = await asyncio.open_unix_connection(socket_path("main"))
            writer.write(line + b'{"do": "status"}\n')
            assert said in (await reader.readline()).decode()
            assert b'"shard":"main"' in await reader.readline()
            writer.close()

    async def test_a_line_without_end_is_hung_up_on(self) -> None:
        async with LiveExecutionOrchestrator.from_config(PAPER):
            reader, writer = await asyncio.open_unix_connection(socket_path("main"))
            with pytest.raises(ConnectionError):  # noqa: PT012 - wherever the other end stops to read
                for _ in range(20):
                    writer.write(b"x" * 1_000_000)
                    await writer.drain()
                if not await reader.read():
                    raise ConnectionResetError
            writer.close()
            assert (await asyncio.to_thread(ask, socket_path("main"), {"do": "status"}))["shard"] == "main"

    def test_a_folder_that_others_may_enter_is_not_used(self, runtime_dir: Path) -> None:
        (runtime_dir / "liveexec").mkdir(mode=0o755)
        with pytest.raises(LiveExecError, match="nobody else may enter"):
            socket_folder()

    def test_a_long_name_still_makes_an_address(self) -> None:
        assert len(os.fsencode(socket_path("x" * 120))) <= 103
        assert socket_path("x" * 120) != socket_path("x" * 119 + "y")


def test_with_the_database_down_a_host_is_seen_and_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    with own_server() as server:
        document = {**PAPER, "database": {"url": server.create_database().url}}
        with BlockingOrchestrator(document) as live:
            live.submit(order(), wait="terminal", timeout_s=20)
            live.synced()
            server.kill_all()
            code, said = command(capsys, "status", "-o", "json")
            assert '"shard"' in said
            code, said = command(capsys, "kill", "--how", "BLOCK", "--reason", "the database is gone")
            assert code is ExitCode.OK
            assert "GLOBAL is stopped (BLOCK)" in said
            server.restart()
            deadline = time.monotonic() + 60
            while asked_of(None, {"do": "status"})["journal"] != "WRITING":
                assert time.monotonic() < deadline
                threading.Event().wait(0.05)
            after = live.submit(order(operation_id="after"), wait="terminal", timeout_s=30)
            assert after.rejection_reason == "TRADING_STATE"


def test_a_host_whose_database_failed_for_good_is_seen_and_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    with own_server() as server:
        dsn = server.create_database()
        with BlockingOrchestrator({**PAPER, "database": {"url": dsn.url}}) as live:
            live.submit(order(), wait="terminal", timeout_s=20)
            run_sql(dsn, "ALTER TABLE journal RENAME TO journal_taken_away")
            with pytest.raises(OutcomeUnknown):
                live.submit(order(), timeout_s=20)
            deadline = time.monotonic() + 60
            while asked_of(None, {"do": "status"})["error"] is None:
                assert time.monotonic() < deadline
                threading.Event().wait(0.05)
            code, said = command(capsys, "status")
            assert code is ExitCode.FAILURE
            assert "Halted: the database failed" in said
            code, said = command(capsys, "kill", "STRATEGY:mine", "--how", "BLOCK", "--reason", "what is this?")
            assert code is ExitCode.OK
            assert "STRATEGY:mine is stopped (BLOCK); it will be recorded once the database can be written\n" in said
            run_sql(dsn, "ALTER TABLE journal_taken_away RENAME TO journal")
            while (found := asked_of(None, {"do": "status"}))["error"] or found["trading"] != "ACTIVE":
                assert time.monotonic() < deadline
                threading.Event().wait(0.05)
            after = live.submit(order(operation_id="after"), wait="terminal", timeout_s=30)
            assert after.rejection_reason == "TRADING_STATE"
