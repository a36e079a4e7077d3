"""Parents driven to their end by a real engine: slices in time and by volume, icebergs, splits, and their bound."""

import json
from decimal import Decimal

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import child_order_id
from liveexec.domain.market import TradeBar
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, Rejected, Unknown, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.config import EngineConfig
from liveexec.engine.effects import SendSubmit
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.router_config import RouterConfig
from support.builders import (
    ALPHA_ACCOUNT,
    BETA,
    BETA_ACCOUNT,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    make_cancel,
    make_intent,
    make_market_intent,
    parts,
)
from support.engine_harness import EngineHarness, S
from support.parent_orders import book_again, fill_slices, iceberg, slices, split, twap
from support.venue_words import fill_of, venue_order_id_of

CANCELED = VenueOrderStatus.CANCELED


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


def fill_slices_but(harness: EngineHarness, parent: Order, left: Order) -> None:
    for child in harness.children(parent):
        if child is not left and child.is_open:
            harness.fill(child, str(child.leaves))


class TestTwap:
    def test_its_schedule_is_fixed_in_the_record_that_spawns_the_first_slice(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        assert harness.events(parent) == ["OrderReceived", "RiskApproved", "ScheduleFixed", "ChildSpawned"]
        (child,) = harness.children(parent)
        assert parts(child, "status quantity parent_id ordinal") == (
            OrderStatus.SUBMITTED,
            Decimal("0.2"),
            parent.order_id,
            1,
        )
        assert child.order_id == child_order_id(parent.order_id, 1)
        assert child.intent.time_in_force is TimeInForce.IOC
        assert [record.stream for record in harness.last.records] == [parent.order_id, child.order_id]

    def test_while_only_another_venue_lists_its_product_it_is_refused_as_a_plain_order_is(self) -> None:
        harness = EngineHarness().start(BETA_ACCOUNT)
        parent, plain = twap(harness), harness.submit()
        assert parts(parent, "status code children") == (OrderStatus.REJECTED, "NO_ROUTE", None)
        assert parts(plain, "status code") == (OrderStatus.REJECTED, "NO_ROUTE")

    def test_filled_slice_by_slice_it_ends_filled(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        for _ in range(5):
            assert parent.is_open
            fill_slices(harness, parent)
            book_again(harness, 10)
        assert slices(harness, parent) == ["0.2"] * 5
        assert parts(parent, "status filled_quantity average_price") == (OrderStatus.FILLED, 1, 45_000)
        assert harness.timers == {}

    def test_what_a_slice_left_unfilled_is_caught_up_with(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        fill_slices(harness, parent, "0.5")
        for _ in range(5):
            book_again(harness, 10)
            fill_slices(harness, parent)
        assert parts(parent, "status filled_quantity") == (OrderStatus.FILLED, 1)
        assert sum(child.filled_quantity for child in harness.children(parent)) == 1

    def test_a_slice_of_unknown_fate_is_not_sliced_again_and_the_end_waits_for_it(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        (first,) = harness.children(parent)
        harness.answer(first, Unknown("timeout"))
        for _ in range(4):
            book_again(harness, 10)
            fill_slices_but(harness, parent, first)
        book_again(harness, 30)
        assert slices(harness, parent) == ["0.2"] * 5
        assert parent.is_open
        harness.query(first)
        book_again(harness, 1)
        assert slices(harness, parent)[5:] == ["0.2"], "proved absent it is made up for"
        fill_slices(harness, parent)
        assert parent.status is OrderStatus.FILLED

    def test_refused_again_and_again_it_gives_up(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        for _ in range(3):
            harness.answer(harness.children(parent)[-1], Rejected("-2010", "insufficient balance"))
            book_again(harness, 1)
        assert parts(parent, "status code") == (OrderStatus.REJECTED, "CHILD_REJECTS")
        assert len(harness.children(parent)) == 3

    def test_slices_refused_by_our_own_rules_count_as_refused(self) -> None:
        limits = RiskConfig(max_open_orders=1)
        harness = EngineHarness(EngineConfig(risk=limits)).start()
        harness.working(price=Decimal(44_000))
        parent = twap(harness)
        book_again(harness, 3)
        assert parts(parent, "status code") == (OrderStatus.REJECTED, "CHILD_REJECTS")
        assert {child.code for child in harness.children(parent)} == {"OPEN_ORDERS"}

    def test_a_limit_is_every_slices_limit(self, harness: EngineHarness) -> None:
        intent = make_intent(
            price=Decimal(45_010),
            exec_algorithm="TWAP",
            exec_algorithm_params={"horizon_secs": 50, "interval_secs": 10},
        )
        parent = harness.submit(intent)
        (send,) = harness.effects(SendSubmit)
        assert parts(send, "price quantity") == (45_010, Decimal("0.2"))
        assert harness.children(parent)[0].intent.order_type is OrderType.LIMIT

    def test_a_quantity_off_the_lot_is_refused_with_a_trace(self, harness: EngineHarness) -> None:
        parent = twap(harness, quantity=Decimal("1.0005"))
        assert parts(parent, "status code children") == (OrderStatus.REJECTED, "LISTING", None)


class TestVwap:
    def test_a_given_profile_is_followed(self, harness: EngineHarness) -> None:
        params = {"horizon_secs": 30, "volume_profile": [1, 3, 1]}
        parent = harness.submit(make_market_intent(exec_algorithm="VWAP", exec_algorithm_params=params))
        for _ in range(3):
            fill_slices(harness, parent)
            book_again(harness, 10)
        assert slices(harness, parent) == ["0.2", "0.6", "0.2"]
        assert parent.status is OrderStatus.FILLED

    def test_without_one_it_is_taken_from_the_trades_before(self, harness: EngineHarness) -> None:
        for second, quantity in enumerate((1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4)):
            start_ns = harness.now_ns + second * S - 20 * S
            bar = TradeBar(SPOT, start_ns, start_ns + S, Decimal(quantity), Decimal(quantity), Decimal(1), 1)
            harness.tell(inputs.MarketUpdate(0, bar))
        params = {"horizon_secs": 20, "intervals": 2}
        parent = harness.submit(make_market_intent(exec_algorithm="VWAP", exec_algorithm_params=params))
        fill_slices(harness, parent)
        book_again(harness, 10)
        assert slices(harness, parent) == ["0.2", "0.8"]

    def test_without_any_it_is_refused_with_a_trace(self, harness: EngineHarness) -> None:
        params = {"horizon_secs": 20, "intervals": 2}
        parent = harness.submit(make_market_intent(exec_algorithm="VWAP", exec_algorithm_params=params))
        assert parts(parent, "status code") == (OrderStatus.REJECTED, "NO_VOLUME_PROFILE")


class TestIceberg:
    def test_one_slice_rests_at_a_time_and_the_next_follows_its_fill_at_once(self, harness: EngineHarness) -> None:
        parent = iceberg(harness)
        for quantity in ("0.4", "0.4", "0.2"):
            child = harness.children(parent)[-1]
            harness.answer(child, Accepted(venue_order_id_of(child)))
            harness.fill(child, str(Decimal(quantity) / 2))
            assert harness.effects(SendSubmit) == []
            harness.fill(child, str(Decimal(quantity) / 2))
        assert slices(harness, parent) == ["0.4", "0.4", "0.2"]
        assert parts(parent, "status filled_quantity") == (OrderStatus.FILLED, 1)

    def test_a_slice_that_somebody_canceled_is_shown_again(self, harness: EngineHarness) -> None:
        parent = iceberg(harness)
        (child,) = harness.children(parent)
        harness.answer(child, Accepted(venue_order_id_of(child)))
        harness.ask(make_cancel(child.order_id))
        harness.fill(child, "0.1")
        harness.report(child, CANCELED)
        assert slices(harness, parent) == ["0.4", "0.4"]
        assert parent.filled_quantity == Decimal("0.1")

    def test_its_slices_are_post_only_if_it_is(self, harness: EngineHarness) -> None:
        parent = iceberg(harness, post_only=True)
        assert harness.children(parent)[0].intent.post_only

    def test_when_its_slice_expires_it_does(self, harness: EngineHarness) -> None:
        parent = iceberg(harness, time_in_force=TimeInForce.DAY)
        harness.report(harness.children(parent)[0], VenueOrderStatus.EXPIRED)
        assert parent.status is OrderStatus.EXPIRED


class TestSplit:
    def test_the_legs_go_out_at_once_as_children(self) -> None:
        harness, order = split()
        assert harness.events(order) == [
            "OrderReceived",
            "Routed",
            "RiskApproved",
            "ChildSpawned",
            "ChildSpawned",
        ]
        assert [child.account_id for child in harness.children(order)] == [ALPHA_ACCOUNT, BETA_ACCOUNT]
        assert order.is_parent
        assert order.status is OrderStatus.ACCEPTED

    def test_filled_at_both_it_is_filled_and_holds_no_position_itself(self) -> None:
        harness, order = split()
        for child in harness.children(order):
            harness.fill(child, str(child.quantity))
        assert parts(order, "status filled_quantity fills") == (OrderStatus.FILLED, 1, None)
        assert harness.net(SPOT) == Decimal("0.6")
        assert harness.net(SPOT_AT_BETA) == Decimal("0.4")

    def test_what_one_leg_leaves_is_not_sent_again(self) -> None:
        harness, order = split()
        first, second = harness.children(order)
        harness.fill(first, "0.1")
        harness.report(first, CANCELED)
        assert order.is_open
        harness.fill(second, "0.4")
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.5"))

    def test_refused_at_both_it_is_refused(self) -> None:
        harness, order = split()
        for child in harness.children(order):
            harness.answer(child, Rejected("-1", "no"))
        assert parts(order, "status code") == (OrderStatus.REJECTED, "CHILD_REJECTS")

    def test_a_leg_that_our_own_rules_refuse_leaves_the_other(self) -> None:
        limits = RiskConfig(max_notional_per_venue={BETA: Decimal(100)})
        harness = EngineHarness(
            EngineConfig(risk=limits, router=RouterConfig(policy="split", min_slice=Decimal(0)))
        ).start()
        harness.market(SPOT, asks=[("45001", "0.6"), ("45100", "5")])
        harness.market(SPOT_AT_BETA, asks=[("45001", "0.4"), ("45100", "5")])
        order = harness.submit(make_market_intent(instrument_key=SPOT_PRODUCT))
        sent, refused = harness.children(order)
        assert (sent.status, refused.status) == (OrderStatus.SUBMITTED, OrderStatus.REJECTED)
        harness.fill(sent, "0.6")
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.6"))

    def test_a_slice_of_an_algorithm_is_split_too(self) -> None:
        harness = EngineHarness(EngineConfig(router=RouterConfig(policy="split", min_slice=Decimal(0)))).start()
        for instrument_id in (SPOT, SPOT_AT_BETA):
            harness.market(instrument_id, asks=[("45001", "0.1"), ("45100", "5")])
        parent = twap(harness, instrument_key=SPOT_PRODUCT)
        assert slices(harness, parent) == ["0.1", "0.1"]

    def test_a_slice_that_may_not_rest_goes_where_all_of_it_can_be_taken(self) -> None:
        # The parent may rest; its slices take what is there and are gone.
        harness = EngineHarness(EngineConfig(router=RouterConfig(policy="best_price"))).start()
        harness.market(SPOT, asks=[("45001", "0.1"), ("45100", "5")])
        harness.market(SPOT_AT_BETA, asks=[("45002", "5")])
        limited = {"order_type": OrderType.LIMIT, "price": Decimal(45_002)}
        (child,) = harness.children(twap(harness, instrument_key=SPOT_PRODUCT, **limited))
        assert (child.instrument_id, child.intent.time_in_force) == (SPOT_AT_BETA, TimeInForce.IOC)


class TestBound:
    def test_children_and_fills_never_exceed_it_whatever_is_asked_of_a_child(self, harness: EngineHarness) -> None:
        parent = iceberg(harness)
        (child,) = harness.children(parent)
        harness.answer(child, Accepted(venue_order_id_of(child)))
        harness.replace(child, "0.3")
        harness.answer(child, Accepted(None), inputs.SendVerb.REPLACE)
        assert child.quantity == Decimal("0.3")
        harness.fill(child, "0.3")
        assert slices(harness, parent) == ["0.3", "0.4"]

    def test_an_overfilled_child_leaves_less_for_the_next_and_latches(self, harness: EngineHarness) -> None:
        parent = iceberg(harness)
        (child,) = harness.children(parent)
        harness.fill(child, "0.9")
        assert harness.events("control:main") == ["LatchSet"]
        assert parent.filled_quantity == Decimal("0.9")
        book_again(harness, 3)
        assert parts(parent, "status") == (OrderStatus.CANCELED,), "the instrument is halted, so it gives up"

    def test_overfilled_as_a_whole_it_is_filled(self, harness: EngineHarness) -> None:
        parent = iceberg(harness)
        harness.fill(harness.children(parent)[0], "1.2")
        assert parts(parent, "status filled_quantity") == (OrderStatus.FILLED, Decimal("1.2"))


class TestSchedule:
    def test_it_is_what_the_journal_holds(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        fixed = [event for event in harness.last.records[0].events if isinstance(event, ev.ScheduleFixed)]
        assert parent.schedule == fixed[0].schedule == json.loads(json.dumps(fixed[0].schedule))

    def test_the_market_moves_no_schedule(self, harness: EngineHarness) -> None:
        twap(harness)
        harness.market(SPOT, "44000", "46000")
        assert (harness.last.records, harness.last.effects) == ((), ())


def test_a_sold_slice_lowers_the_position(harness: EngineHarness) -> None:
    parent = twap(harness, side=Side.SELL)
    (child,) = harness.children(parent)
    harness.report(fill_of(child, "0.2", "45000", 1, harness.now_ns))
    assert parent.filled_quantity == Decimal("0.2")
    assert harness.net() == Decimal("-0.2")
