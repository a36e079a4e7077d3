"""Venues whose names for an order can't be derived from ours: the adapter makes the plan, then the send is recorded."""

import pytest

from liveexec.domain.ids import ClientOrderId
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, SendPlan, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.effects import PrepareOrder, SendSubmit
from support.builders import ALPHA, make_intent, make_manifest, make_order_id, parts
from support.engine_harness import EngineHarness, S


@pytest.fixture
def harness() -> EngineHarness:
    manifests = EngineHarness().manifests | {ALPHA: make_manifest(client_id=None)}
    return EngineHarness(manifests=manifests).start()


def prepare(harness: EngineHarness, order: Order, number: int = 7, attempt: int = 1) -> None:
    """The adapter made the plan: an order number, a nonce and the signed bytes."""
    refs = {"nonce": str(number), "permId": f"P-{number}"}
    plan = SendPlan(ClientOrderId(f"TWS-{number}"), harness.now_ns + 5 * S, refs, "c2lnbmVk")
    harness.tell(inputs.PlanPrepared(0, order.order_id, attempt, plan))


class TestPrepared:
    def test_nothing_is_sent_before_the_plan_is_there(self, harness: EngineHarness) -> None:
        order = harness.submit()
        assert order.status is OrderStatus.PENDING
        assert harness.effects(SendSubmit) == []
        (request,) = harness.effects(PrepareOrder)
        assert parts(request, "attempt quantity price valid_until_ns") == (1, 1, 45_000, harness.now_ns + 5 * S)

    def test_the_reservation_holds_while_it_is_made(self, harness: EngineHarness) -> None:
        harness.submit()
        assert harness.engine.state.exposure.open_orders == 1

    def test_then_it_is_recorded_with_everything_that_names_the_order(self, harness: EngineHarness) -> None:
        order = harness.submit()
        prepare(harness, order)
        assert harness.new_events(order) == ["SubmitRequested"]
        (send,) = harness.effects(SendSubmit)
        assert send.plan.payload == "c2lnbmVk"
        assert order.client_order_id == "TWS-7"

    def test_any_of_those_names_finds_it(self, harness: EngineHarness) -> None:
        order = harness.submit()
        prepare(harness, order)
        said = harness.said(order, client_order_id=None, venue_order_id=None, refs={"permId": "P-7"})
        harness.report(said)
        assert order.status is OrderStatus.ACCEPTED

    def test_one_that_could_not_be_made_was_not_sent(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.tell(inputs.PlanPrepared(0, order.order_id, 1, None, "no gas price"))
        assert parts(order, "status code message") == (
            OrderStatus.REJECTED,
            "NOT_SENT",
            "not prepared: no gas price",
        )
        assert harness.engine.state.exposure.open_orders == 0

    def test_canceled_meanwhile_the_plan_is_not_used(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        assert order.status is OrderStatus.CANCELED
        prepare(harness, order)
        assert (harness.last.records, harness.last.effects) == ((), ())

    def test_a_plan_for_another_attempt_is_not_this_ones(self, harness: EngineHarness) -> None:
        order = harness.submit()
        prepare(harness, order, attempt=2)
        assert order.status is OrderStatus.PENDING
        prepare(harness, order)
        assert order.status is OrderStatus.SUBMITTED
        prepare(harness, order, number=8)
        assert harness.last.records == (), "it comes once"

    def test_a_plan_for_nobody_is_dropped(self, harness: EngineHarness) -> None:
        harness.tell(inputs.PlanPrepared(0, make_order_id(99), 1, None, "?"))
        assert (harness.last.records, harness.last.effects) == ((), ())

    def test_after_a_restart_what_was_not_prepared_was_not_sent(self, harness: EngineHarness) -> None:
        order = harness.submit()
        again = harness.restart()
        same = again.engine.state.ledger.orders[order.order_id]
        assert parts(same, "status code") == (OrderStatus.REJECTED, "NOT_SENT")

    def test_children_are_prepared_one_by_one(self, harness: EngineHarness) -> None:
        parent = harness.submit(
            make_intent(exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "0.6"})
        )
        (first,) = harness.children(parent)
        prepare(harness, first, 1)
        harness.answer(first, Accepted(None))
        harness.fill(first, "0.6")
        assert [request.order.ordinal for request in harness.effects(PrepareOrder)] == [2]
        prepare(harness, harness.children(parent)[1], 2)
        harness.fill(harness.children(parent)[1], "0.4")
        assert parent.status is OrderStatus.FILLED

    def test_a_plan_that_comes_when_the_order_is_complete_is_not_used(self) -> None:
        manifests = EngineHarness().manifests
        manifests["BETA"] = make_manifest("BETA", client_id=None, replace="none")  # type: ignore[index, arg-type]  # plain names will do
        harness = EngineHarness(manifests=manifests).start()
        order = harness.submit(instrument_key="BETA:SPOT_PAIR:BTC-USDT")
        prepare(harness, order)
        harness.report(order)
        late = harness.filled(order, "1.5")
        harness.replace(order, "1.5")
        harness.report(order, VenueOrderStatus.CANCELED)
        harness.report(late)
        assert order.status is OrderStatus.FILLED
        prepare(harness, order, 8, attempt=2)
        assert (harness.last.records, harness.last.effects) == ((), ())
