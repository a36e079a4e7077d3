"""What operators say of orders that nobody can tell about: how one ended, whose an adopted one is."""

from decimal import Decimal

import pytest

from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import OrderId, StrategyId, VenueOrderId
from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, Unknown, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.adoption import ADOPTED_TWICE
from liveexec.engine.effects import SendCancel
from liveexec.engine.turn import Decision
from liveexec.errors import InvalidInput, NotFound
from support.builders import (
    ALPHA_ACCOUNT,
    SPOT_PRODUCT,
    STRATEGY,
    make_market_intent,
    make_order_id,
    make_order_report,
    parts,
)
from support.engine_harness import EngineHarness
from support.venue_words import fill_of

SAYABLE = (Resolution.CANCELED, Resolution.REJECTED, Resolution.EXPIRED)


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


def resolve(harness: EngineHarness, order_id: OrderId, resolution: Resolution = Resolution.CANCELED) -> Decision:
    return harness.tell(inputs.ResolveOrder(0, order_id, resolution, "operator", "the venue's desk says so"))


def attribute(harness: EngineHarness, order_id: OrderId, strategy_id: str = STRATEGY) -> Decision:
    request = inputs.ReattributeOrder(0, order_id, StrategyId(strategy_id), "operator", "it was sent by hand")
    return harness.tell(request)


def unknown(harness: EngineHarness) -> Order:
    order = harness.submit()
    harness.answer(order, Unknown("timeout"))
    return order


class TestResolve:
    @pytest.mark.parametrize("resolution", SAYABLE)
    def test_an_unknown_order_ends_as_is_said_and_nothing_is_held_for_it(
        self, harness: EngineHarness, resolution: Resolution
    ) -> None:
        order = unknown(harness)
        resolve(harness, order.order_id, resolution)
        assert parts(order, "status message") == (OrderStatus(resolution.value), "the venue's desk says so")
        assert harness.engine.state.exposure.of_product(SPOT_PRODUCT).orders == 0
        assert [send.order for send in harness.effects(SendCancel)] == [order], "should it be there after all"

    @pytest.mark.parametrize("resolution", SAYABLE)
    def test_one_that_its_venue_shows_working_all_the_same_is_canceled_there(
        self, harness: EngineHarness, resolution: Resolution
    ) -> None:
        order = unknown(harness)
        resolve(harness, order.order_id, resolution)
        harness.outbox.clear()
        harness.report(harness.said(order, venue_order_id=VenueOrderId("V-77")))
        assert [send.order for send in harness.effects(SendCancel)] == [order]

    def test_a_fill_that_comes_all_the_same_counts(self, harness: EngineHarness) -> None:
        order = unknown(harness)
        resolve(harness, order.order_id)
        harness.fill(order, "1")
        assert (harness.net(), order.filled_quantity) == (1, 1)

    def test_one_that_was_never_sent_asks_nobody(self, harness: EngineHarness) -> None:
        order = harness.submit(exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "0.4"})
        (child,) = harness.children(order)
        resolve(harness, child.order_id)
        assert not child.is_open

    def test_a_parent_goes_on_without_a_child_that_was_resolved(self, harness: EngineHarness) -> None:
        parent = harness.submit(exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "0.4"})
        (child,) = harness.children(parent)
        harness.answer(child, Unknown("timeout"))
        harness.cancel(parent)
        assert parent.is_open
        resolve(harness, child.order_id)
        assert not parent.is_open

    def test_what_can_not_be_resolved(self, harness: EngineHarness) -> None:
        filled, order = harness.working(), unknown(harness)
        harness.fill(filled, "1")
        parent = harness.submit(exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "0.4"})
        assert isinstance(harness.error(resolve(harness, make_order_id(9_999))), NotFound)
        for order_id, resolution, fault in (
            (filled.order_id, Resolution.CANCELED, "has ended: it is FILLED"),
            (parent.order_id, Resolution.CANCELED, "is a parent"),
            (order.order_id, Resolution.FILLED, "only fills say"),
        ):
            error = harness.error(resolve(harness, order_id, resolution))
            assert isinstance(error, InvalidInput)
            assert fault in str(error)
        assert order.status is OrderStatus.UNKNOWN


class TestAttribute:
    def test_an_adopted_order_and_what_it_filled_is_the_strategys(self, harness: EngineHarness) -> None:
        harness.report(make_order_report())
        (adopted,) = harness.engine.state.ledger.orders.values()
        harness.fill(adopted, "0.5")
        attribute(harness, adopted.order_id)
        harness.fill(adopted, "0.25")
        held = {key[1]: each.quantity for key, each in harness.engine.state.ledger.positions.items()}
        assert held == {"EXTERNAL": 0, STRATEGY: Decimal("-0.75")}
        assert harness.net() == Decimal("-0.75")

    def test_what_the_opening_counts_of_it_does_not_count_again(self, harness: EngineHarness) -> None:
        opened_ns = harness.engine.state.ledger.opened[ALPHA_ACCOUNT]
        harness.report(make_order_report(filled_quantity=Decimal("0.5")))
        (adopted,) = harness.engine.state.ledger.orders.values()
        attribute(harness, adopted.order_id)
        harness.report(fill_of(adopted, "0.5", "45000", 1, opened_ns - 1))
        assert (harness.net(), adopted.filled_quantity) == (0, 0)
        harness.report(fill_of(adopted, "0.25", "45000", 2, opened_ns))
        assert harness.net() == Decimal("-0.25")

    def test_a_strategys_own_order_stays_its_own(self, harness: EngineHarness) -> None:
        order = harness.working()
        error = harness.error(attribute(harness, order.order_id, "another"))
        assert "only an adopted order" in str(error)
        assert isinstance(harness.error(attribute(harness, make_order_id(9_999))), NotFound)


class TestAdoptedTwice:
    """An answer that comes so late that what it names was adopted as somebody else's."""

    SCOPE = ControlScope(ScopeKind.ACCOUNT, ALPHA_ACCOUNT)

    def adopted(self, harness: EngineHarness) -> tuple[Order, Order]:
        order = harness.submit()
        harness.fill(order, "0.5", client_order_id=None, venue_order_id=VenueOrderId("V-late"))
        harness.advance(61)
        (adopted,) = (each for each in harness.engine.state.ledger.orders.values() if each is not order)
        return order, adopted

    def test_the_late_answer_stops_the_account_and_not_the_shard(self, harness: EngineHarness) -> None:
        order, adopted = self.adopted(harness)
        harness.answer(order, Accepted(VenueOrderId("V-late")))
        assert parts(order, "status venue_order_id filled_quantity") == (OrderStatus.UNKNOWN, None, 0)
        latch = harness.engine.state.ledger.latches[self.SCOPE, ADOPTED_TWICE]
        assert order.order_id in latch.reason
        assert adopted.order_id in latch.reason
        assert harness.submit(make_market_intent()).code == "LATCHED"

    def test_so_does_the_answer_to_a_question(self, harness: EngineHarness) -> None:
        order, _ = self.adopted(harness)
        harness.answer(order, Unknown("timeout"))
        said = harness.said(order, VenueOrderStatus.WORKING, venue_order_id=VenueOrderId("V-late"))
        harness.query(order, said)
        assert (self.SCOPE, ADOPTED_TWICE) in harness.engine.state.ledger.latches
        assert order.status is OrderStatus.UNKNOWN

    def test_what_is_told_by_both_names_is_the_adopted_orders(self, harness: EngineHarness) -> None:
        order, adopted = self.adopted(harness)
        harness.fill(order, "0.25", venue_order_id=VenueOrderId("V-late"))
        assert (order.filled_quantity, adopted.filled_quantity) == (0, Decimal("0.75"))
        assert harness.net() == Decimal("0.75")

    def test_operators_settle_it(self, harness: EngineHarness) -> None:
        order, adopted = self.adopted(harness)
        harness.answer(order, Accepted(VenueOrderId("V-late")))
        resolve(harness, order.order_id, Resolution.REJECTED)
        attribute(harness, adopted.order_id)
        harness.tell(inputs.ClearLatch(0, self.SCOPE, ADOPTED_TWICE, "operator", "settled"))
        held = {key[1]: each.quantity for key, each in harness.engine.state.ledger.positions.items()}
        assert held == {"EXTERNAL": 0, STRATEGY: Decimal("0.5")}
        assert harness.submit(make_market_intent()).is_open


class TestUnclaimed:
    """A report that waits for its order counts as the account's at once."""

    def test_what_may_have_been_sold_can_not_be_sold_again_to_reduce(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        scope = ControlScope(ScopeKind.ACCOUNT, ALPHA_ACCOUNT)
        pending = harness.submit()
        seller = harness.submit(side=Side.SELL, quantity=Decimal("0.001"))
        foreign = harness.filled(seller, "0.75", client_order_id=None, venue_order_id="V-1")
        harness.report(foreign)
        assert harness.engine.state.unclaimed == {(ALPHA_ACCOUNT, pending.instrument_id): (0, Decimal("0.75"))}
        harness.report(foreign)
        assert harness.engine.state.unclaimed == {(ALPHA_ACCOUNT, pending.instrument_id): (0, Decimal("0.75"))}
        harness.set_state(TradingState.REDUCING, scope)
        assert harness.submit(side=Side.SELL, quantity=Decimal("0.5")).code == "TRADING_STATE"
        assert harness.submit(side=Side.SELL, quantity=Decimal("0.2")).is_open

    def test_claimed_or_adopted_it_is_the_orders(self, harness: EngineHarness) -> None:
        order = harness.submit()
        fill = harness.fill(order, "0.5", client_order_id=None)
        harness.answer(order, Accepted(fill.venue_order_id))
        assert harness.engine.state.unclaimed == {}
        harness.fill(harness.submit(), "0.5", client_order_id=None, venue_order_id="V-foreign")
        assert harness.engine.state.unclaimed != {}
        harness.advance(61)
        assert harness.engine.state.unclaimed == {}
