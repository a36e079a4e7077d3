"""One order in full, however it is named."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from liveexec.cli.exit_codes import ExitCode
from liveexec.domain.ids import OrderId
from liveexec.presentation.formatting import short_id

Run = Callable[..., CompletedProcess[str]]


def test_order_shows_fields_route_fills_and_timeline(liveexec: Run, order_ids: dict[str, OrderId]) -> None:
    done = liveexec("order", order_ids["filled"], "-o", "json")
    assert done.returncode == ExitCode.OK, done.stderr
    report = json.loads(done.stdout)
    assert list(report) == ["order", "route", "fills", "timeline"]
    assert report["order"]["status"] == "FILLED"
    assert [(row["venue"], row["sent"], row["left_out"]) for row in report["route"]] == [
        ("ALPHA", "1", None),
        ("BETA", None, "no account there"),
    ]
    assert [row["quantity"] for row in report["fills"]] == ["0.5", "0.5"]
    assert [row["event"] for row in report["timeline"]][-1] == "FillApplied"


def test_parent_shows_its_children(liveexec: Run, order_ids: dict[str, OrderId]) -> None:
    report = json.loads(liveexec("order", "OP-TWAP", "-o", "json").stdout)
    assert report["order"]["order_id"] == order_ids["parent"]
    assert [row["order_id"] for row in report["children"]] == [order_ids["child"]]
    shown = liveexec("order", "OP-TWAP").stdout
    for title in ("Order ORD-", "Children", "Fills", "Timeline"):
        assert f"\n{title}" in f"\n{shown}"


def test_order_is_found_by_whatever_names_it(liveexec: Run, order_ids: dict[str, OrderId]) -> None:
    wanted = order_ids["child"]
    for name in (wanted, wanted.lower(), wanted[:-4], wanted[4:], short_id(wanted), short_id(wanted)[1:]):
        done = liveexec("order", name, "-o", "json")
        assert done.returncode == ExitCode.OK, (name, done.stderr)
        assert json.loads(done.stdout)["order"]["order_id"] == wanted


def test_a_beginning_of_several_ids_lists_them_and_shows_none(liveexec: Run, order_ids: dict[str, OrderId]) -> None:
    done = liveexec("order", "ORD-01")
    assert done.returncode == ExitCode.USAGE
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert all(order_id in done.stderr for order_id in order_ids.values())


@pytest.mark.parametrize(
    "name", ["ORD-7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "OP-NOBODY", "%", "ORD-", "'; DROP TABLE journal --"]
)
def test_an_order_that_is_not_there_is_not_found(liveexec: Run, name: str) -> None:
    done = liveexec("order", name)
    assert done.returncode == ExitCode.NOT_FOUND
    assert done.stdout == ""
    assert done.stderr.startswith("liveexec: there is no order ")
    assert done.stderr.count("\n") == 1
