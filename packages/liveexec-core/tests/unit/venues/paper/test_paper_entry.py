"""Order entry: every refusal has its code, leaves its trace, and changes nothing."""

from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import Absent, OrderReport, Rejected, Sent
from liveexec.errors import ConfigurationError
from liveexec.venues.paper.config import FeeIn, PaperAccount
from support.paper import ALICE, BOB, INVERSE, LINEAR, SPOT, Floor, dec, facts, instrument, levels, ref, venue_config

BIDS = levels((99, 10), (98, 20))
ASKS = levels((101, 10), (102, 20))


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    for instrument_id in (SPOT, LINEAR, INVERSE):
        floor.show(BIDS, ASKS, instrument_id)
    return floor


@pytest.mark.parametrize(
    ("code", "side", "quantity", "price", "fields"),
    [
        ("UNKNOWN_ACCOUNT", Side.BUY, 1, 100, {"account": "nobody"}),
        ("UNKNOWN_INSTRUMENT", Side.BUY, 1, 100, {"instrument_id": "PAPER:SPOT_PAIR:ETH-USDT"}),
        ("UNSUPPORTED_OPERATION", Side.SUPPLY, 1, None, {"operation": Operation.SUPPLY}),
        ("UNSUPPORTED_OPERATION", None, 1, None, {}),
        ("UNSUPPORTED_ORDER_TYPE", Side.BUY, 1, None, {"order_type": OrderType.STOP_MARKET}),
        ("INVALID_ORDER", Side.BUY, 1, None, {"order_type": OrderType.LIMIT}),
        ("INVALID_ORDER", Side.BUY, 1, 100, {"order_type": OrderType.MARKET}),
        ("INVALID_ORDER", Side.BUY, 1, None, {"post_only": True}),
        ("INVALID_ORDER", Side.BUY, 1, 90, {"post_only": True, "time_in_force": TimeInForce.IOC}),
        ("INVALID_ORDER", Side.BUY, 1, 90, {"trigger_price": Decimal(90)}),
        ("INVALID_ORDER", Side.BUY, 1, 90, {"details": {"peak": 1}}),
        ("INVALID_ORDER", Side.BUY, 1, 90, {"details": {"text": 1}}),
        ("INVALID_ORDER", Side.BUY, 1, 90, {"details": {"text": "x" * 129}}),
        ("INVALID_QUANTITY", Side.BUY, "1.5", 100, {}),
        ("INVALID_QUANTITY", Side.BUY, 0, 100, {}),
        ("INVALID_QUANTITY", Side.BUY, -1, 100, {}),
        ("INVALID_QUANTITY", Side.BUY, "NaN", 100, {}),
        ("INVALID_QUANTITY", Side.BUY, "Infinity", 100, {}),
        ("INVALID_PRICE", Side.BUY, 1, "100.5", {}),
        ("INVALID_PRICE", Side.BUY, 1, 0, {}),
        ("INVALID_PRICE", Side.BUY, 1, "-Infinity", {}),
        ("INVALID_PRICE", Side.BUY, 1, "sNaN", {}),
        ("INVALID_EXPIRY", Side.BUY, 1, 100, {"time_in_force": TimeInForce.GTD}),
        ("INVALID_EXPIRY", Side.BUY, 1, 100, {"time_in_force": TimeInForce.GTD, "expire_at_ns": 1_000}),
        ("EXPIRED_REQUEST", Side.BUY, 1, 100, {"valid_until_ns": 999}),
        ("POST_ONLY_WOULD_TAKE", Side.BUY, 1, 101, {"post_only": True}),
        ("POST_ONLY_WOULD_TAKE", Side.SELL, 1, 98, {"post_only": True}),
        ("REDUCE_ONLY", Side.SELL, 1, 100, {"reduce_only": True}),
        ("INSUFFICIENT_BALANCE", Side.BUY, 100_000, 100, {}),
        ("INSUFFICIENT_BALANCE", Side.SELL, 10_001, 100, {}),
        ("INSUFFICIENT_BALANCE", Side.SELL, 10_001, None, {}),
        ("INSUFFICIENT_BALANCE", Side.BUY, 2_000_000, 100, {"instrument_id": LINEAR}),
        ("INSUFFICIENT_BALANCE", Side.BUY, 100_000, 100, {"instrument_id": INVERSE}),
    ],
)
def test_a_bad_order_is_refused_with_its_code(
    floor: Floor, code: str, side: Side | None, quantity: Any, price: Any, fields: dict[str, Any]
) -> None:
    balances = floor.balance("USDT"), floor.balance("BTC")
    outcome = floor.send(side, quantity, price, **fields)
    assert isinstance(outcome, Rejected)
    assert outcome.code == code
    assert outcome.message
    assert floor.reports == []
    assert (floor.balance("USDT"), floor.balance("BTC")) == balances
    assert floor.exchange.snapshots.open_orders(ALICE, floor.now_ns).items == ()


def test_every_fault_of_the_numbers_is_named(floor: Floor) -> None:
    outcome = floor.send(Side.BUY, "0.5", "100.5")
    assert isinstance(outcome, Rejected)
    assert "lot" in outcome.message
    assert "minimum" in outcome.message
    assert "tick" in outcome.message


def test_a_request_is_in_time_up_to_its_deadline(floor: Floor) -> None:
    floor.buy(1, 100, valid_until_ns=1_000)
    assert floor.status(floor.buy(1, 100)).status == "WORKING"


def test_a_client_id_is_used_once_whatever_became_of_its_order(floor: Floor) -> None:
    floor.buy(1, 100, client_id="mine")
    floor.send(Side.BUY, 0, 100, client_id="refused")
    for client_id in ("mine", "refused"):
        again = floor.send(Side.BUY, 1, 100, client_id=client_id)
        assert isinstance(again, Rejected)
        assert again.code == "DUPLICATE_CLIENT_ID"
    floor.buy(1, 100, client_id="mine", account=BOB)


def test_a_duplicate_leaves_the_first_order_as_it_was(floor: Floor) -> None:
    order = floor.buy(1, 100, client_id="mine")
    floor.send(Side.SELL, 9, 200, client_id="mine")
    report = floor.exchange.snapshots.order(ref(None, client_id="mine"), floor.now_ns)
    assert isinstance(report, OrderReport)
    assert facts(report.venue_order_id, report.quantity, report.status) == (order, 1, "WORKING")


def test_a_refused_order_can_be_asked_about(floor: Floor) -> None:
    floor.send(Side.BUY, 1, 101, client_id="mine", post_only=True)
    report = floor.exchange.snapshots.order(ref(None, client_id="mine"), floor.now_ns)
    assert isinstance(report, OrderReport)
    assert (report.status, report.code, report.venue_order_id) == ("REJECTED", "POST_ONLY_WOULD_TAKE", None)


def test_an_order_that_never_came_is_proved_absent(floor: Floor) -> None:
    answer = floor.exchange.snapshots.order(ref(None, client_id="never"), 7_000)
    assert answer == Absent(7_000)


def test_verdicts_can_come_as_reports() -> None:
    floor = Floor(venue_config(ack_by_report=True))
    floor.show(BIDS, ASKS)
    assert floor.send(Side.BUY, 12, 101) == Sent()
    assert floor.send(Side.BUY, 0, 101) == Sent()
    kinds = [report.status.value if isinstance(report, OrderReport) else "fill" for report in floor.reports]
    assert kinds == ["WORKING", "fill", "REJECTED"]


def test_a_post_only_order_joins_the_book(floor: Floor) -> None:
    order = floor.buy(1, 100, post_only=True)
    assert floor.status(order).status == "WORKING"


def test_a_post_only_order_that_would_meet_another_accounts_order_is_refused(floor: Floor) -> None:
    floor.sell(1, 100, account=BOB)
    outcome = floor.send(Side.BUY, 1, 100, post_only=True)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "POST_ONLY_WOULD_TAKE"


def test_open_orders_hold_what_they_may_cost(floor: Floor) -> None:
    floor.buy(10, 100)
    # Ten at a hundred, and the higher of both fees on it.
    assert floor.balance("USDT") == (10_000_000, dec("9998998"))
    order = floor.sell(10, 110)
    assert floor.balance("BTC") == (10_000, 9_990)
    floor.cancel(order)
    assert floor.balance("BTC") == (10_000, 10_000)


def test_a_partial_fill_gives_back_its_part_of_what_is_held(floor: Floor) -> None:
    floor.buy(10, 100)
    floor.print_trade(100, 4, Side.SELL)
    # Four were paid with the maker's fee; six are held at the higher fee.
    assert floor.balance("USDT") == (dec("9999599.6"), dec("9999599.6") - dec("601.2"))


def test_what_is_held_can_not_be_spent_again() -> None:
    poor = PaperAccount(ALICE, {"USDT": dec(1_500)})
    floor = Floor(venue_config(accounts=(poor,)))
    floor.show(BIDS, ASKS)
    floor.buy(10, 100)
    outcome = floor.send(Side.BUY, 5, 101, time_in_force=TimeInForce.IOC)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "INSUFFICIENT_BALANCE"


def test_derivatives_need_their_initial_margin_and_closing_needs_none() -> None:
    poor = PaperAccount(ALICE, {"USDT": dec(110)})
    floor = Floor(venue_config(accounts=(poor,)))
    floor.show(levels((99, 50)), levels((100, 50)), LINEAR)
    floor.buy(10, 100, instrument_id=LINEAR)
    assert floor.position(ALICE, LINEAR) == 10
    refused = floor.send(Side.BUY, 1, 100, instrument_id=LINEAR)
    assert isinstance(refused, Rejected)
    floor.sell(10, None, instrument_id=LINEAR)
    assert floor.position(ALICE, LINEAR) == 0
    # The loss of ten and both fees.
    assert floor.balance("USDT") == (dec("96.02"), dec("96.02"))


def test_a_flip_needs_margin_for_what_opens_only() -> None:
    poor = PaperAccount(ALICE, {"USDT": dec(120)})
    floor = Floor(venue_config(accounts=(poor,)))
    floor.show(levels((100, 50)), levels((100, 50)), LINEAR)
    floor.buy(10, 100, instrument_id=LINEAR)
    floor.sell(11, 100, instrument_id=LINEAR)
    assert floor.position(ALICE, LINEAR) == -1


def test_a_spot_buyer_can_pay_the_fee_in_what_was_bought() -> None:
    floor = Floor(venue_config(fee_in=FeeIn.RECEIVED))
    floor.show(BIDS, ASKS)
    floor.buy(10, 101)
    floor.sell(10, 99)
    bought, sold = floor.fills
    assert (bought.fee, bought.fee_asset) == (dec("0.02"), "BTC")
    assert (sold.fee, sold.fee_asset) == (dec("1.98"), "USDT")
    assert floor.balance("BTC")[0] == dec("9999.98")


def test_inverse_contracts_settle_in_the_base_asset(floor: Floor) -> None:
    floor.buy(10, 101, instrument_id=INVERSE)
    floor.show(levels((202, 50)), levels((203, 50)), INVERSE)
    floor.sell(10, None, instrument_id=INVERSE)
    # Ten contracts of a hundred: 9.9 BTC at entry, 4.95 at exit; the long earns the difference less its fees.
    total = floor.balance("BTC")[0]
    entry, exit_ = Decimal(1000) / 101, Decimal(1000) / 202
    assert abs(total - (10_000 + entry - exit_ - (entry + exit_) * Decimal("0.002"))) < Decimal("1e-15")


def test_a_listing_without_exact_fees_is_refused() -> None:
    fine = instrument(SPOT, tick=dec("0.000000001"), lot=dec("0.000000001"), min_quantity=dec("0.000000001"))
    with pytest.raises(ConfigurationError, match="not exact"):
        venue_config(instruments=(fine,))
