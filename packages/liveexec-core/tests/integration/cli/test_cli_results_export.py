"""``liveexec results export``: what a live host did, from its database, in the files of a run."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from liveexec.domain.ids import OrderId
from liveexec.storage.objects.opening import open_store
from liveexec.storage.results.archive import RunArchive
from liveexec.storage.results.summary import RunKind

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_a_live_range_is_published_as_a_run(liveexec: Command, runs: Path, order_ids: dict[str, OrderId]) -> None:
    done = liveexec(
        "results", "export", str(runs), "--since", "2020-01-01", "--name", "desk one", "--initial-value", "1000"
    )
    assert done.returncode == 0, done.stderr
    run_id = done.stdout.strip()
    assert "-desk-one-" in run_id
    found = RunArchive(open_store(runs.as_uri())).load(run_id)
    assert found.summary.kind is RunKind.LIVE
    by_id = {order.id: order for order in found.orders}
    assert set(by_id) == set(order_ids.values())
    filled = by_id[order_ids["filled"]]
    assert (filled.status, filled.filled_amount) == ("FILLED", Decimal(1))
    assert (by_id[order_ids["refused"]].rejection_reason, by_id[order_ids["refused"]].status) == (
        "ORDER_SIZE",
        "REJECTED",
    )
    assert by_id[order_ids["child"]].parent_id == order_ids["parent"]
    assert [fill.order_id for fill in found.fills] == [order_ids["filled"]] * 2
    position = found.positions[-1]
    assert (position.quantity, position.avg_entry_price) == (Decimal(1), Decimal("45000.25"))
    point = found.equity_curve[-1]
    assert (point.fees, point.unrealized_pnl) == (Decimal("4.5"), Decimal("0.25"))
    assert found.summary.final_value == Decimal("995.75")
    assert found.summary.notes == ()
    assert "OrderReceived" in found.log


def test_a_range_begins_with_the_positions_of_what_was_before(liveexec: Command, runs: Path) -> None:
    done = liveexec("results", "export", str(runs), "--since", "0s")
    assert done.returncode == 0, done.stderr
    found = RunArchive(open_store(runs.as_uri())).load(done.stdout.strip())
    assert (found.orders, found.fills, found.equity_curve) == ([], [], [])
    assert [row.quantity for row in found.positions] == [Decimal(1)]


def test_what_can_not_be_exported_is_said_in_one_line(liveexec: Command, runs: Path) -> None:
    for words, says in (
        (("--since", "2020-01-01", "--currency", "EUR"), "USDT: has no rate in EUR"),
        (("--since", "2020-01-01", "--until", "2019-01-01"), "must be after since"),
        (("--since", "2020-01-01", "--rate", "BTC"), "does not read like BTC=60000"),
    ):
        done = liveexec("results", "export", str(runs), *words)
        assert done.returncode == 2
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
    assert not runs.exists()
