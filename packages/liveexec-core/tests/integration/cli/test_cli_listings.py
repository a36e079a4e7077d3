"""The listings, as processes on a real database."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from subprocess import CompletedProcess
from typing import Any

import anyio
import pytest

from liveexec.cli.exit_codes import ExitCode
from liveexec.domain.ids import OrderId
from liveexec.domain.stored import ListedSteps
from liveexec.storage.dsn import Dsn
from liveexec.storage.journal_store import PostgresStore
from support.builders import LINEAR, NOW_NS, SPOT

Run = Callable[..., CompletedProcess[str]]


def rows_of(done: CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == ExitCode.OK, done.stderr
    assert done.stderr == ""
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_orders_are_listed_newest_first_with_every_field(liveexec: Run, order_ids: dict[str, OrderId]) -> None:
    rows = rows_of(liveexec("orders", "-o", "json"))
    assert [row["order_id"] for row in rows] == [order_ids[name] for name in ("child", "parent", "refused", "filled")]
    filled = rows[-1]
    assert filled["operation_id"] == "OP-FILLED"
    assert filled["status"] == "FILLED"
    assert filled["quantity"] == "1"
    assert filled["average_price"] == "45000.25"
    assert filled["created_at_ns"] > NOW_NS
    assert rows[2]["rejection_reason"] == "ORDER_SIZE"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--strategy", "mean-reversion"), ["refused"]),
        (("--venue", "ALPHA"), ["child", "parent", "refused", "filled"]),
        (("--venue", "NOWHERE"), []),
        (("--status", "FILLED"), ["filled"]),
        (("--status", "FILLED", "--status", "REJECTED"), ["refused", "filled"]),
        (("--open",), ["child", "parent"]),
        (("--limit", "1"), ["child"]),
        (("--strategy", "momentum-btc-v1", "--open", "--limit", "1"), ["child"]),
    ],
)
def test_orders_are_filtered(
    liveexec: Run, order_ids: dict[str, OrderId], options: tuple[str, ...], names: list[str]
) -> None:
    rows = rows_of(liveexec("orders", "-o", "json", *options))
    assert [row["order_id"] for row in rows] == [order_ids[name] for name in names]


def test_csv_and_tsv_say_what_json_says(liveexec: Run) -> None:
    of_json = rows_of(liveexec("fills", "-o", "json"))
    of_csv = list(csv.DictReader(io.StringIO(liveexec("fills", "-o", "csv").stdout)))
    head, *lines = liveexec("fills", "-o", "tsv").stdout.splitlines()
    of_tsv = [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]
    assert of_csv == of_tsv
    for one, other in zip(of_json, of_csv, strict=True):
        assert all(one[name] == other[name] for name in ("order_id", "quantity", "price", "fee", "fill_key"))
        assert other["applied_at"][:23] == one["applied_at"][:23]


async def note(dsn: Dsn, *listed: ListedSteps) -> None:
    async with PostgresStore(dsn, allow_unsafe=True) as store:
        await store.save_listings(listed, NOW_NS)


def fields_of(done: CompletedProcess[str], title: str) -> list[str]:
    """What stands under a column's title that is alone on its line, from its right edge on."""
    assert done.returncode == ExitCode.OK, done.stderr
    lines = done.stdout.splitlines()
    head = next(index for index, line in enumerate(lines) if f" {title}" in line)
    end = lines[head].index(f" {title}") + 1 + len(title)
    return [line[:end].split()[-1] for line in lines[head + 1 :] if len(line) > end and line[end - 1].isdigit()]


def test_amounts_have_the_places_of_their_listing_and_never_fewer_than_they_have(
    liveexec: Run, orders_dsn: Dsn
) -> None:
    assert fields_of(liveexec("fills"), "price") == ["45000.5", "45000"]
    anyio.run(note, orders_dsn, ListedSteps(SPOT, Decimal("0.01"), Decimal("0.00010")))
    assert fields_of(liveexec("fills"), "price") == ["45000.50", "45000.00"]
    assert fields_of(liveexec("fills"), "quantity") == ["0.5000", "0.5000"]
    assert "45000.25" in liveexec("orders").stdout
    assert " 45000.00" in liveexec("order", "OP-FILLED").stdout
    assert "@ 45000.50" in liveexec("log").stdout
    # Its tick is coarser than what it was filled at, and another instrument is not listed at all.
    anyio.run(note, orders_dsn, ListedSteps(SPOT, Decimal(5), Decimal(1)), ListedSteps(LINEAR, Decimal(1), Decimal(1)))
    assert fields_of(liveexec("fills"), "price") == ["45000.5", "45000"]


def test_programs_get_exact_amounts_whatever_is_listed(liveexec: Run, orders_dsn: Dsn) -> None:
    before = [liveexec(command, "-o", how).stdout for command in ("orders", "fills") for how in ("json", "csv", "tsv")]
    anyio.run(note, orders_dsn, ListedSteps(SPOT, Decimal("0.0001"), Decimal("0.00000001")))
    after = [liveexec(command, "-o", how).stdout for command in ("orders", "fills") for how in ("json", "csv", "tsv")]
    assert after == before


def test_a_pipe_gets_whole_ids_and_no_colour(liveexec: Run, order_ids: dict[str, OrderId]) -> None:
    done = liveexec("orders")
    assert all(order_id in done.stdout for order_id in order_ids.values())
    assert "\x1b" not in done.stdout
    assert done.stdout.endswith("4 orders, 2 open\n")


def test_fills_are_listed_newest_first(liveexec: Run, order_ids: dict[str, OrderId]) -> None:
    rows = rows_of(liveexec("fills", "-o", "json"))
    assert [row["price"] for row in rows] == ["45000.5", "45000"]
    assert {row["order_id"] for row in rows} == {order_ids["filled"]}
    assert len(rows_of(liveexec("fills", "-o", "json", "--limit", "1"))) == 1
    assert rows_of(liveexec("fills", "-o", "json", "--strategy", "mean-reversion")) == []


def test_positions_add_up_by_product_and_break_down(liveexec: Run) -> None:
    total, part = rows_of(liveexec("positions", "-o", "json"))
    assert (total["product_id"], total["venue"], total["quantity"]) == ("SPOT_PAIR:BTC-USDT", None, "1")
    assert (part["venue"], part["quantity"]) == ("ALPHA", "1")
    for by, key, value in (
        ("venue", "venue", "ALPHA"),
        ("account", "account_id", "ALPHA-1"),
        ("strategy", "strategy_id", "momentum-btc-v1"),
    ):
        (row,) = rows_of(liveexec("positions", "-o", "json", "--by", by))
        assert row[key] == value
        assert row["average_price"] == "45000.25"
        assert row["fees"] == {"USDT": "4.5"}


def test_log_tells_everything_in_order(liveexec: Run, order_ids: dict[str, OrderId]) -> None:
    rows = rows_of(liveexec("log", "-o", "json"))
    times = [row["at_ns"] for row in rows]
    assert times == sorted(times)
    assert rows[0]["event"] == "OrderReceived"
    assert rows[-1]["event"] == "AssetMoved"
    assert {row["stream"] for row in rows} == {*order_ids.values(), "ALPHA-1"}


def test_log_of_one_order_has_all_its_sequences(liveexec: Run, order_ids: dict[str, OrderId]) -> None:
    rows = rows_of(liveexec("log", "-o", "json", "--order", "OP-FILLED"))
    assert [row["sequence"] for row in rows] == list(range(1, 8))
    assert {row["stream"] for row in rows} == {order_ids["filled"]}
    assert rows[-1]["fields"]["fill"]["price"] == "45000.5"


def test_log_is_limited_to_the_last_events_and_to_a_time(liveexec: Run) -> None:
    everything = rows_of(liveexec("log", "-o", "json"))
    assert rows_of(liveexec("log", "-o", "json", "--limit", "3")) == everything[-3:]
    since = everything[-1]["at"]
    found = rows_of(liveexec("log", "-o", "json", "--since", since))
    assert found == [row for row in everything if row["at"] >= since]
    assert rows_of(liveexec("log", "-o", "json", "--since", "2100-01-01")) == []
