"""Restarts: what was in flight is unknown, what never left was not sent, and memory holds what it needs and no more."""

import copy
from decimal import Decimal

import pytest

from liveexec.domain.ids import VenueOrderId
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, OrderRef, Unknown, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.config import EngineConfig
from liveexec.engine.effects import QueryOrder, SendSubmit
from liveexec.engine.inputs import Phase, SendVerb
from liveexec.engine.risk_config import RiskConfig
from support.builders import ALPHA, ALPHA_ACCOUNT, SPOT, SPOT_AT_BETA, make_intent, make_market_intent, parts
from support.engine_harness import EngineHarness
from support.venue_words import busted, venue_order_id_of


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


def same(harness: EngineHarness, order: Order) -> Order:
    return harness.engine.state.ledger.orders[order.order_id]


def forget(harness: EngineHarness, *orders: Order) -> None:
    harness.tell(inputs.Forget(0, tuple((order.order_id, order.last_sequence) for order in orders)))


def names(order: Order) -> OrderRef:
    return OrderRef(ALPHA_ACCOUNT, SPOT, order.client_order_id, order.venue_order_id)


class TestRecovered:
    def test_what_was_in_flight_is_unknown_and_nothing_is_sent(self, harness: EngineHarness) -> None:
        order = harness.submit()
        again = harness.restart()
        assert again.new_events(order) == ["SubmitUnknown"]
        assert same(again, order).status is OrderStatus.UNKNOWN
        assert again.last.effects == ()

    def test_what_worked_works_and_what_ended_has_ended(self, harness: EngineHarness) -> None:
        working, filled, unknown = harness.working(), harness.working(), harness.submit()
        harness.fill(filled, "1")
        harness.answer(unknown, Unknown("timeout"))
        again = harness.restart()
        assert again.last.records == ()
        statuses = [same(again, order).status for order in (working, filled, unknown)]
        assert statuses == [OrderStatus.ACCEPTED, OrderStatus.FILLED, OrderStatus.UNKNOWN]

    def test_twice_it_changes_nothing(self, harness: EngineHarness) -> None:
        harness.submit()
        again = harness.restart()
        once_more = again.restart()
        assert once_more.last.records == ()

    def test_reservations_hold_again(self) -> None:
        limits = RiskConfig(max_position_per_instrument={SPOT: Decimal(1)})
        harness = EngineHarness(EngineConfig(risk=limits)).start()
        harness.working()
        again = harness.restart()
        again.connect()
        assert again.submit().code == "POSITION_LIMIT"

    def test_an_atomic_change_in_flight_is_unknown(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.replace(order, "2")
        again = harness.restart()
        assert again.new_events(order) == ["ReplaceUnknown"]
        again.answer(same(again, order), Accepted(None), SendVerb.REPLACE)
        assert parts(same(again, order), "quantity replace_unknown") == (2, False)

    def test_nothing_that_adds_risk_goes_out_before_the_account_is_trusted(self, harness: EngineHarness) -> None:
        again = harness.restart()
        again.tell(inputs.ListingsUpdate(0, ALPHA, (again.listing(SPOT),)))
        again.phase(Phase.RECONCILING)
        assert again.submit().code == "NO_ROUTE"
        again.phase(Phase.ACTIVE)
        assert again.submit().is_open

    def test_unknown_orders_are_asked_about_when_their_account_comes_up(self, harness: EngineHarness) -> None:
        order, other = harness.submit(), harness.submit(instrument_key=SPOT_AT_BETA)
        again = harness.restart()
        again.connect()
        assert [query.order for query in again.effects(QueryOrder)] == [same(again, order)]
        assert same(again, other).status is OrderStatus.UNKNOWN

    def test_controls_and_latches_hold_again(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1.5")
        again = harness.restart()
        again.connect(positions={SPOT: "1.5"})
        assert again.submit().code == "LATCHED"

    def test_incident_11_what_was_made_up_here_has_the_same_name_in_every_process(self) -> None:
        first, second = EngineHarness().start(), EngineHarness().start()
        second.now_ns += 77
        found = []
        for harness in (first, second):
            known = harness.submit()
            harness.report(harness.said(known, client_order_id=None, venue_order_id=VenueOrderId("V-web")))
            harness.advance(5)
            found.append(list(harness.engine.state.ledger.orders)[-1])
        assert found[0] == found[1]


class TestNames:
    def test_every_name_that_an_order_had_finds_it_after_a_restart(self, harness: EngineHarness) -> None:
        order = harness.working(instrument_key=SPOT_AT_BETA)
        first = harness.filled(order, "0.1", client_order_id=None)
        harness.replace(order, "2")
        harness.report(order, VenueOrderStatus.CANCELED)
        harness.answer(order, Accepted(venue_order_id_of(order)))
        again = harness.restart()
        again.report(first)
        assert same(again, order).filled_quantity == Decimal("0.1")

    def test_a_report_about_the_attempt_before_is_one_after_a_restart_too(self, harness: EngineHarness) -> None:
        order = harness.working(instrument_key=SPOT_AT_BETA)
        gone = harness.said(order, VenueOrderStatus.CANCELED)
        harness.replace(order, "2")
        harness.report(gone)
        harness.answer(order, Accepted(venue_order_id_of(order)))
        again = harness.restart()
        again.report(gone)
        assert same(again, order).status is OrderStatus.ACCEPTED


class TestForget:
    def test_a_finished_order_leaves_with_all_its_names(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "1")
        ref = names(order)
        forget(harness, order)
        assert harness.engine.orders.get(order.order_id) is None
        assert not harness.engine.knows(ref)
        assert not any(harness.engine.orders._names.values())

    @pytest.mark.parametrize("instrument_id", [SPOT, SPOT_AT_BETA])
    def test_also_with_those_that_a_change_gave_it(self, harness: EngineHarness, instrument_id: str) -> None:
        order = harness.working(instrument_key=instrument_id)
        early = harness.said(order)
        harness.replace(order, "2")
        if instrument_id == SPOT:
            harness.answer(order, Accepted(VenueOrderId("V-new")), SendVerb.REPLACE)
        else:
            harness.report(order, VenueOrderStatus.CANCELED)
            harness.answer(order, Accepted(venue_order_id_of(order)))
        harness.report(order, VenueOrderStatus.CANCELED)
        assert order.status is OrderStatus.CANCELED
        forget(harness, order)
        assert not any(harness.engine.orders._names.values())
        early.status = VenueOrderStatus.CANCELED
        harness.report(early)
        assert harness.last.records == ()

    def test_an_open_order_stays(self, harness: EngineHarness) -> None:
        order = harness.working()
        forget(harness, order)
        assert harness.engine.orders.get(order.order_id) is order

    def test_one_to_which_something_happened_since_stays(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.report(order, VenueOrderStatus.CANCELED)
        sequence = order.last_sequence
        harness.fill(order, "0.5")
        harness.tell(inputs.Forget(0, ((order.order_id, sequence),)))
        assert harness.engine.orders.get(order.order_id) is order

    def test_one_that_is_gone_already_is_no_error(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "1")
        forget(harness, order)
        forget(harness, order)
        assert harness.last.records == ()

    def test_a_child_stays_while_its_parent_works(self, harness: EngineHarness) -> None:
        parent = harness.submit(exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "0.5"})
        first = harness.children(parent)[0]
        harness.fill(first, "0.5")
        forget(harness, first)
        assert harness.engine.orders.get(first.order_id) is first
        harness.fill(harness.children(parent)[1], "0.5")
        forget(harness, parent, *harness.children(parent))
        assert not harness.engine.state.ledger.orders

    def test_a_parent_stays_while_a_child_does(self, harness: EngineHarness) -> None:
        parent = harness.submit(exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "1"})
        (child,) = harness.children(parent)
        harness.fill(child, "0.6")
        harness.cancel(parent)
        harness.report(child, VenueOrderStatus.CANCELED)
        forget(harness, parent)
        assert harness.engine.orders.get(parent.order_id) is parent
        harness.fill(child, "0.4")
        assert parent.filled_quantity == 1


class TestHydrate:
    def test_an_order_that_left_memory_comes_back_for_its_late_fill(self, harness: EngineHarness) -> None:
        order = harness.working()
        late = harness.filled(order, "0.5")
        harness.report(order, VenueOrderStatus.CANCELED)
        known, stored = harness.names(), copy.deepcopy(order)
        forget(harness, order)
        assert not harness.engine.knows(names(order))
        harness.engine.hydrate([order], known)
        harness.invariants.mirror.orders[order.order_id] = stored
        assert harness.engine.knows(names(order))
        harness.report(late)
        assert parts(same(harness, order), "filled_quantity status") == (Decimal("0.5"), OrderStatus.CANCELED)

    def test_one_that_is_here_stays_as_it_is(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "0.5")
        stale = EngineHarness().start().working()
        assert stale.order_id == order.order_id
        harness.engine.hydrate([stale], {})
        assert same(harness, order) is order

    def test_a_bust_of_a_fill_that_left_memory_is_taken_back_once(self, harness: EngineHarness) -> None:
        order = harness.working()
        fill = harness.fill(order, "1")
        again = harness.restart()
        again.connect(positions={SPOT: "1"})
        for _ in range(2):
            again.report(busted(fill))
        assert again.net() == 0


def test_a_restart_between_any_two_steps_ends_the_same_way() -> None:
    """One order's whole life, stopped after every step: the venue's evidence leads to the same end."""
    for stop_after in range(6):
        harness = EngineHarness().start()
        order_id = harness.submit(make_intent()).order_id
        for step in range(6):
            order = harness.engine.state.ledger.orders[order_id]
            match step:
                case 0:
                    harness.answer(order, Accepted(venue_order_id_of(order)))
                case 1:
                    harness.fill(order, "0.25")
                case 2:
                    harness.replace(order, "0.5", "44990")
                case 3:
                    harness.report(order, quantity=Decimal("0.5"), price=Decimal(44_990))
                case 4:
                    harness.cancel(order)
                case _:
                    harness.report(order, VenueOrderStatus.CANCELED)
            if step == stop_after:
                said = [harness.said(order)] if order.is_open else []
                harness = harness.restart()
                harness.connect(orders=said, positions={SPOT: str(order.filled_quantity)})
        order = harness.engine.state.ledger.orders[order_id]
        assert parts(order, "status filled_quantity quantity") == (
            OrderStatus.CANCELED,
            Decimal("0.25"),
            Decimal("0.5"),
        ), f"stopped after step {stop_after}"


def test_a_restart_sends_nothing_that_was_sent(harness: EngineHarness) -> None:
    orders = [harness.submit(make_market_intent()) for _ in range(3)]
    sent = len(harness.invariants.sent)
    again = harness.restart()
    again.connect()
    again.market()
    again.advance(60)
    assert len(again.invariants.sent) == sent == len(orders)
    assert again.effects(SendSubmit) == []
