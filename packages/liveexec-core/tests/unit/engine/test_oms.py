"""The order manager's indexes: any name finds its order, no name means two, and operation ids remember what for."""

from collections.abc import Iterator
from decimal import localcontext

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import ClientOrderId, InstrumentId, OperationId, OrderId, VenueOrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import MONEY
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import OrderRef
from liveexec.engine.oms import UnifiedOrderManager, is_own_operation_id, own_operation_id
from liveexec.errors import InvariantViolation
from support.builders import (
    ALPHA_ACCOUNT,
    BETA_ACCOUNT,
    NOW_NS,
    PRINCIPAL,
    SPOT,
    events_to,
    make_adopted,
    make_cancel_requested,
    make_order_id,
    make_order_report,
    make_plan,
    make_received,
    make_replace_requested,
    make_submit_requested,
)


@pytest.fixture(autouse=True)
def exact_money() -> Iterator[None]:
    with localcontext(MONEY):
        yield


@pytest.fixture
def oms() -> UnifiedOrderManager:
    return UnifiedOrderManager(Ledger())


def tell(oms: UnifiedOrderManager, *events: OrderEvent, order_id: OrderId | None = None) -> Order:
    """Fold events of an order and note them, as a turn does."""
    for event in events:
        order = oms.ledger.apply_order_event(order_id or make_order_id(), event, NOW_NS)
        oms.note(order, event)
    return order


def ref(
    client: str | None = None,
    venue: str | None = None,
    refs: dict[str, str] | None = None,
    instrument_id: InstrumentId = SPOT,
) -> OrderRef:
    client_order_id = ClientOrderId(client) if client is not None else None
    venue_order_id = VenueOrderId(venue) if venue is not None else None
    return OrderRef(ALPHA_ACCOUNT, instrument_id, client_order_id, venue_order_id, refs)


class TestNames:
    def test_an_order_is_found_by_each_and_by_all_of_its_names(self, oms: UnifiedOrderManager) -> None:
        order = tell(oms, make_received(), *events_to(OrderStatus.ACCEPTED))
        client = make_plan().client_order_id
        for asked in (ref(client), ref(None, "V-1"), ref(client, "V-1"), ref("web-1", "V-1")):
            assert oms.find(asked) is order

    def test_a_name_is_an_accounts_own(self, oms: UnifiedOrderManager) -> None:
        tell(oms, make_received(), *events_to(OrderStatus.ACCEPTED))
        assert oms.find(OrderRef(BETA_ACCOUNT, SPOT, None, VenueOrderId("V-1"))) is None

    def test_what_is_not_known_is_not_found(self, oms: UnifiedOrderManager) -> None:
        assert oms.find(ref("lx-nobody", "V-nobody")) is None
        tell(oms, make_received(), *events_to(OrderStatus.ACCEPTED))
        assert oms.find(ref("lx-nobody", "V-nobody")) is None
        assert oms.find(ref()) is None

    def test_further_names_are_told_apart_by_their_kind(self, oms: UnifiedOrderManager) -> None:
        plan = make_plan(refs={"nonce": "7"})
        order = tell(oms, make_received(), *events_to(OrderStatus.PENDING), make_submit_requested(plan=plan))
        assert oms.find(ref(refs={"nonce": "7"})) is order
        assert oms.find(ref(refs={"permId": "7"})) is None
        tell(oms, ev.Accepted(VenueOrderId("V-1"), NOW_NS, {"tx_hash": "0xabc"}))
        assert oms.find(ref(refs={"tx_hash": "0xabc"})) is order

    def test_every_name_that_it_had_still_finds_it(self, oms: UnifiedOrderManager) -> None:
        second = make_plan(attempt=2)
        order = tell(
            oms,
            make_received(),
            *events_to(OrderStatus.ACCEPTED),
            make_replace_requested(atomic=False, attempt=2, plan=second),
            make_submit_requested(2, plan=second),
            ev.Accepted(VenueOrderId("V-2"), NOW_NS),
        )
        for asked in (
            ref(make_plan().client_order_id),
            ref(second.client_order_id),
            ref(None, "V-1"),
            ref(None, "V-2"),
        ):
            assert oms.find(asked) is order
        assert oms.is_named(order, "venue", "V-1")
        assert not oms.is_named(order, "venue", "V-3")

    def test_an_adopted_order_is_found_by_the_venues_names(self, oms: UnifiedOrderManager) -> None:
        report = make_order_report(refs={"permId": "P-1"})
        order = tell(oms, make_adopted(report))
        for asked in (ref("web-77"), ref(None, "V-77"), ref(refs={"permId": "P-1"})):
            assert oms.find(asked) is order

    def test_a_name_that_means_two_orders_is_a_broken_invariant(self, oms: UnifiedOrderManager) -> None:
        tell(oms, make_received(), *events_to(OrderStatus.ACCEPTED))
        other = make_order_id(2)
        with pytest.raises(InvariantViolation, match=f"is {make_order_id()}'s"):
            tell(oms, make_received(), *events_to(OrderStatus.ACCEPTED), order_id=other)

    def test_names_of_two_orders_in_one_report_are_one_too(self, oms: UnifiedOrderManager) -> None:
        first = tell(oms, make_received(), *events_to(OrderStatus.SUBMITTED))
        plan = make_plan(client_order_id="other")
        other = (make_received(), *events_to(OrderStatus.PENDING), make_submit_requested(plan=plan))
        tell(oms, *other, ev.Accepted(VenueOrderId("V-2"), NOW_NS), order_id=make_order_id(2))
        with pytest.raises(InvariantViolation, match="names"):
            oms.find(ref(first.client_order_id, "V-2"))

    def test_of_an_order_of_ours_and_an_adopted_one_the_venue_has_the_adopted_one(
        self, oms: UnifiedOrderManager
    ) -> None:
        ours = tell(oms, make_received(), *events_to(OrderStatus.SUBMITTED))
        adopted = tell(oms, make_adopted(), order_id=make_order_id(2))
        assert oms.find(ref(ours.client_order_id, "V-77")) is adopted
        assert oms.adopted_as(ours, "V-77") == adopted.order_id
        assert oms.adopted_as(adopted, "V-77") is None
        assert oms.adopted_as(ours, "V-1") is None

    def test_before_it_was_routed_an_order_has_no_name(self, oms: UnifiedOrderManager) -> None:
        order = tell(oms, make_received())
        with pytest.raises(InvariantViolation, match="before it was routed"):
            oms.name(order, "client", "lx-1")
        assert not oms.is_named(order, "client", "lx-1")


class TestOperations:
    def test_each_says_what_it_was_used_for(self, oms: UnifiedOrderManager) -> None:
        order = tell(
            oms,
            make_received(),
            *events_to(OrderStatus.ACCEPTED),
            make_cancel_requested("OP-2"),
            make_replace_requested(),
        )
        digest = make_received().content_hash
        assert oms.operation(PRINCIPAL, OperationId("OP-1")) == ("submit", digest, order.order_id)
        for operation_id, kind in (("OP-2", "cancel"), ("OP-3", "replace")):
            used = oms.operation(PRINCIPAL, OperationId(operation_id))
            assert used is not None
            assert (used[0], used[2]) == (kind, order.order_id)
        assert oms.operation("somebody-else", OperationId("OP-1")) is None

    def test_those_made_here_are_not_kept(self, oms: UnifiedOrderManager) -> None:
        own = own_operation_id(2**128 - 1)
        assert is_own_operation_id(own)
        assert not is_own_operation_id(OperationId("OP-1"))
        tell(oms, make_received(operation_id=own))
        assert oms.operation(PRINCIPAL, own) is None

    def test_a_childs_is_its_parents_affair(self, oms: UnifiedOrderManager) -> None:
        tell(oms, make_received(parent_order_id=make_order_id(9), ordinal=1))
        assert oms.operation(PRINCIPAL, OperationId("OP-1")) is None


class TestOpenOrders:
    def test_they_come_oldest_first_and_of_one_account_if_asked(self, oms: UnifiedOrderManager) -> None:
        first = tell(oms, make_received(), *events_to(OrderStatus.SUBMITTED))
        report = make_order_report(account_id=BETA_ACCOUNT, instrument_id="BETA:SPOT_PAIR:BTC-USDT")
        adopted = tell(oms, make_adopted(report), order_id=make_order_id(2))
        ended = tell(oms, make_received(), ev.RiskRefused(ev.RiskStage.LEG, "X", "x", ()), order_id=make_order_id(3))
        assert list(oms.open_orders()) == [first, adopted]
        assert list(oms.open_orders(BETA_ACCOUNT)) == [adopted]
        assert oms.get(ended.order_id) is ended


class TestMemory:
    def forgotten(self, oms: UnifiedOrderManager) -> bool:
        return not (oms.ledger.orders or any(oms._names.values()) or oms._operations or oms._operations_of) and not (
            oms._earlier_names
        )

    def test_a_forgotten_order_leaves_nothing_behind(self, oms: UnifiedOrderManager) -> None:
        order = tell(
            oms,
            make_received(),
            *events_to(OrderStatus.ACCEPTED),
            make_replace_requested(plan=make_plan(refs={"nonce": "8"})),
            ev.Replaced(make_received().intent.quantity, None, None, VenueOrderId("V-2"), NOW_NS),
            make_cancel_requested(),
            ev.Canceled("requested", NOW_NS),
        )
        oms.forget(order)
        assert self.forgotten(oms)
        assert oms.find(ref(None, "V-1")) is None

    def test_one_that_came_back_is_found_by_what_the_store_gave_and_leaves_again(
        self, oms: UnifiedOrderManager
    ) -> None:
        order = tell(oms, make_received(), *events_to(OrderStatus.CANCELED))
        oms.forget(order)
        oms.ledger.orders[order.order_id] = order
        oms.restore(order, [("client", "lx-old"), ("client", order.client_order_id or ""), ("venue", "V-1")])
        assert oms.find(ref("lx-old")) is order
        oms.forget(order)
        assert self.forgotten(oms)
