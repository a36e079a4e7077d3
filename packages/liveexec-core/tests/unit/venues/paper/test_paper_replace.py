"""Replaces: what keeps its place in the queue, what loses it, and that a refused one changes nothing."""

from typing import Any

import pytest

from liveexec.domain.ids import ClientOrderId, VenueOrderId
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import Accepted, OrderReport, Rejected, SendPlan
from liveexec.domain.venue import ReplaceMode
from support.paper import ALICE, BOB, FOREVER_NS, Floor, dec, facts, levels, ref, venue_config

BIDS = levels((99, 10), (98, 20))
ASKS = levels((101, 10), (102, 20))


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.show(BIDS, ASKS)
    return floor


def test_a_lower_quantity_keeps_its_place(floor: Floor) -> None:
    first, second = floor.buy(5, 100), floor.buy(5, 100, account=BOB)
    assert floor.replace(first, Side.BUY, 3, 100) == Accepted(first)
    floor.print_trade(100, 4, Side.SELL)
    assert (floor.filled(first), floor.filled(second)) == (3, 1)


@pytest.mark.parametrize("quantity", [5, 6])
def test_a_higher_quantity_or_a_way_back_to_the_price_joins_the_end(floor: Floor, quantity: int) -> None:
    first, second = floor.buy(5, 100), floor.buy(5, 100, account=BOB)
    if quantity == 5:
        floor.replace(first, Side.BUY, 5, 97)
    floor.replace(first, Side.BUY, quantity, 100)
    floor.print_trade(100, 6, Side.SELL)
    assert (floor.filled(first), floor.filled(second)) == (1, 5)


def test_the_quantity_is_the_total_filled_part_included(floor: Floor) -> None:
    order = floor.buy(10, 100)
    floor.print_trade(100, 4, Side.SELL)
    floor.replace(order, Side.BUY, 6, 100)
    floor.print_trade(100, 100, Side.SELL)
    report = floor.status(order)
    assert facts(report.status, report.quantity, report.filled_quantity) == ("FILLED", 6, 6)


def test_a_price_that_crosses_takes(floor: Floor) -> None:
    order = floor.buy(12, 99)
    floor.replace(order, Side.BUY, 12, 101)
    assert floor.fills_of(order) == [(10, 101)]
    assert floor.status(order).price == 101


def test_what_is_held_follows_the_new_terms(floor: Floor) -> None:
    order = floor.buy(10, 100)
    floor.replace(order, Side.BUY, 5, 90)
    assert floor.balance("USDT")[1] == dec(10_000_000) - dec("450.9")
    floor.cancel(order)
    assert floor.balance("USDT") == (10_000_000, 10_000_000)


def test_what_the_order_holds_already_counts_for_its_new_terms() -> None:
    floor = Floor(venue_config())
    order = floor.sell(10_000, 200)
    assert isinstance(floor.replace(order, Side.SELL, 10_000, 210), Accepted)
    outcome = floor.replace(order, Side.SELL, 10_001, 210)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "INSUFFICIENT_BALANCE"


def test_every_client_id_it_ever_had_finds_the_order(floor: Floor) -> None:
    order = floor.buy(5, 100, client_id="one")
    floor.replace(order, Side.BUY, 4, 100, client_id="two")
    for client_id in ("one", "two"):
        report = floor.exchange.snapshots.order(ref(None, client_id=client_id), floor.now_ns)
        assert isinstance(report, OrderReport)
        assert (report.venue_order_id, report.client_order_id) == (order, "two")


@pytest.mark.parametrize(
    ("code", "quantity", "price", "fields"),
    [
        ("QUANTITY_BELOW_FILLED", 2, 100, {}),
        ("INVALID_QUANTITY", "4.5", 100, {}),
        ("INVALID_PRICE", 5, "99.5", {}),
        ("INVALID_ORDER", 5, None, {"order_type": OrderType.LIMIT}),
        ("INVALID_REPLACE", 5, 99, {"side": Side.SELL}),
        ("INVALID_REPLACE", 5, None, {}),
        ("INVALID_REPLACE", 5, 99, {"time_in_force": TimeInForce.DAY}),
        ("INVALID_REPLACE", 5, 99, {"post_only": True}),
        ("INVALID_REPLACE", 5, 99, {"instrument_id": "PAPER:PERPETUAL:BTC-USDT@LIN"}),
        ("EXPIRED_REQUEST", 4, 100, {"valid_until_ns": 999}),
        ("DUPLICATE_CLIENT_ID", 4, 100, {"client_id": "other"}),
    ],
)
def test_a_refused_replace_leaves_the_order_working_as_it_was(
    floor: Floor, code: str, quantity: Any, price: Any, fields: dict[str, Any]
) -> None:
    floor.buy(1, 90, client_id="other")
    order = floor.buy(5, 100)
    floor.print_trade(100, 2, Side.SELL)
    before = floor.balance("USDT")
    side = fields.pop("side", Side.BUY)
    outcome = floor.replace(order, side, quantity, price, **fields)
    assert isinstance(outcome, Rejected)
    assert outcome.code == code
    report = floor.status(order)
    assert facts(report.status, report.quantity, report.price, report.filled_quantity) == ("WORKING", 5, 100, 2)
    assert floor.balance("USDT") == before


def test_a_post_only_order_can_not_be_moved_across(floor: Floor) -> None:
    order = floor.buy(5, 100, post_only=True)
    outcome = floor.replace(order, Side.BUY, 5, 101, post_only=True)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "POST_ONLY_WOULD_TAKE"
    assert floor.status(order).price == 100


@pytest.mark.parametrize("verb", ["cancel", "replace"])
@pytest.mark.parametrize(("name", "code"), [("closed", "ORDER_CLOSED"), ("missing", "UNKNOWN_ORDER")])
def test_only_open_orders_are_changed(floor: Floor, verb: str, name: str, code: str) -> None:
    closed = floor.buy(1)
    asked = closed if name == "closed" else VenueOrderId("no-such-order")
    outcome = floor.cancel(asked)
    if verb == "replace":
        order = floor.order(Side.BUY, 1, 100)
        plan = SendPlan(ClientOrderId("new"), FOREVER_NS)
        outcome = floor.exchange.replace(ref(asked), order, plan, floor.now_ns)
    assert isinstance(outcome, Rejected)
    assert outcome.code == code


def test_another_accounts_order_is_not_found(floor: Floor) -> None:
    order = floor.buy(1, 100, account=BOB)
    outcome = floor.cancel(order, ALICE)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "UNKNOWN_ORDER"


def test_a_venue_without_replaces_says_so() -> None:
    floor = Floor(venue_config(replace=ReplaceMode.NONE))
    order = floor.buy(5, 100)
    outcome = floor.replace(order, Side.BUY, 4, 100)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "REPLACE_UNSUPPORTED"
    assert floor.status(order).quantity == 5


def test_cancel_all_ends_one_accounts_orders(floor: Floor) -> None:
    mine = [floor.buy(1, 100), floor.sell(1, 105)]
    theirs = floor.buy(1, 100, account=BOB)
    assert floor.exchange.cancel_all(ALICE, floor.now_ns) == Accepted()
    floor.collect()
    assert floor.ends() == [(order, "CANCELED", "CANCEL_REQUESTED") for order in mine]
    assert floor.status(theirs, BOB).status == "WORKING"
