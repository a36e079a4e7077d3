"""Operation ids: the same one with the same content gives the first result, with any other it is an error."""

from decimal import Decimal

import pytest

from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted
from liveexec.engine import inputs
from liveexec.engine.effects import SendCancel, SendReplace, SendSubmit
from liveexec.engine.inputs import SendVerb
from liveexec.engine.oms import own_operation_id
from liveexec.errors import InvalidInput, OperationConflict
from support.builders import PRINCIPAL, make_cancel, make_intent, make_market_intent, make_order_id, make_replace
from support.engine_harness import EngineHarness


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


class TestSubmit:
    def test_again_with_the_same_content_is_the_first_result(self, harness: EngineHarness) -> None:
        order = harness.submit(operation_id="op-1")
        again = harness.ask(make_intent(), operation_id="op-1")
        assert (again.order_id, again.repeated) == (order.order_id, True)
        assert (again.records, again.effects) == ((), ())

    def test_equal_amounts_are_the_same_content(self, harness: EngineHarness) -> None:
        harness.submit(operation_id="op-1")
        assert harness.ask(make_intent(quantity=Decimal("1.000")), operation_id="op-1").repeated

    def test_again_with_other_content_is_an_error_and_leaves_no_trace(self, harness: EngineHarness) -> None:
        order = harness.submit(operation_id="op-1")
        error = harness.error(harness.ask(make_intent(quantity=Decimal(2)), operation_id="op-1"))
        assert isinstance(error, OperationConflict)
        assert order.order_id in str(error)

    def test_as_another_kind_of_request_too(self, harness: EngineHarness) -> None:
        order = harness.working(operation_id="op-1")
        for intent in (make_cancel(order.order_id), make_replace(order.order_id)):
            assert isinstance(harness.error(harness.ask(intent, operation_id="op-1")), OperationConflict)

    def test_another_principals_id_is_another(self, harness: EngineHarness) -> None:
        first = harness.submit(operation_id="op-1")
        second = harness.submit(operation_id="op-1", principal="somebody-else")
        assert first.order_id != second.order_id
        assert second.status is OrderStatus.SUBMITTED

    def test_a_refused_order_is_a_result_as_well(self, harness: EngineHarness) -> None:
        refused = harness.submit(operation_id="op-1", quantity=Decimal("0.0001"))
        again = harness.ask(make_intent(quantity=Decimal("0.0001")), operation_id="op-1")
        assert (again.order_id, again.repeated) == (refused.order_id, True)

    def test_what_left_no_trace_can_be_corrected_under_the_same_id(self, harness: EngineHarness) -> None:
        wrong = harness.ask(make_market_intent(exec_algorithm="SNIPER"), operation_id="op-1")
        assert wrong.error is not None
        assert harness.submit(operation_id="op-1").status is OrderStatus.SUBMITTED

    def test_a_parents_children_take_none(self, harness: EngineHarness) -> None:
        params = {"horizon_secs": 60, "interval_secs": 10}
        intent = make_market_intent(exec_algorithm="TWAP", exec_algorithm_params=params)
        parent = harness.submit(intent, operation_id="op-1")
        assert harness.ask(intent, operation_id="op-1").order_id == parent.order_id
        (child,) = harness.children(parent)
        assert harness.engine.orders.operation(PRINCIPAL, child.operation_id) is None


class TestCancelAndReplace:
    def test_a_repeated_cancel_is_sent_once(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.cancel(order, operation_id="op-2")
        assert harness.effects(SendCancel)
        again = harness.cancel(order, operation_id="op-2")
        assert (again.order_id, again.repeated, again.records) == (order.order_id, True, ())

    def test_a_repeated_replace_is_made_once(self, harness: EngineHarness) -> None:
        order = harness.working()
        intent = make_replace(order.order_id)
        harness.ask(intent, operation_id="op-3")
        assert harness.effects(SendReplace)
        harness.answer(order, Accepted(None), SendVerb.REPLACE)
        again = harness.ask(intent, operation_id="op-3")
        assert (again.order_id, again.repeated, again.records) == (order.order_id, True, ())
        assert isinstance(
            harness.error(harness.ask(make_replace(order.order_id, quantity=Decimal(3)), operation_id="op-3")),
            OperationConflict,
        )

    def test_a_refused_replace_is_a_result_as_well(self, harness: EngineHarness) -> None:
        order = harness.working()
        intent = make_replace(order.order_id, quantity=Decimal("1.0005"))
        harness.ask(intent, operation_id="op-3")
        assert harness.ask(intent, operation_id="op-3").repeated


class TestIdsMadeHere:
    def test_they_need_no_memory(self, harness: EngineHarness) -> None:
        operation_id = own_operation_id(7)
        order = harness.submit(operation_id=operation_id)
        assert order.operation_id == operation_id
        assert harness.engine.orders.operation(PRINCIPAL, operation_id) is None

    def test_a_caller_can_not_pass_one_off_as_his(self, harness: EngineHarness) -> None:
        order = harness.working()
        for intent in (
            make_intent(operation_id="OP.123"),
            make_cancel(order.order_id, operation_id="OP.123"),
            make_replace(order.order_id, operation_id="OP.123"),
        ):
            error = harness.error(harness.ask(intent, operation_id="OP.123"))
            assert isinstance(error, InvalidInput)
            assert [fault.path for fault in error.faults] == ["operation_id"]


class TestMemory:
    def test_finished_orders_take_their_operations_along(self, harness: EngineHarness) -> None:
        order = harness.working(operation_id="op-1")
        harness.fill(order, "1")
        harness.tell(inputs.Forget(0, ((order.order_id, order.last_sequence),)))
        assert harness.engine.orders.operation(PRINCIPAL, order.operation_id) is None


def test_the_same_order_id_is_never_made_twice(harness: EngineHarness) -> None:
    first, second = harness.submit(), harness.submit()
    assert first.order_id == make_order_id(1, harness.now_ns) != second.order_id
    assert [send.plan.client_order_id for send in harness.effects(SendSubmit)] == [f"lx{second.order_id[4:]}"]
