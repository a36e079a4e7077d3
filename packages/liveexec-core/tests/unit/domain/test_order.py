"""What each event changes in an order, beside its status."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain import order_event as ev
from liveexec.domain.fill import FillKey
from liveexec.domain.ids import ClientOrderId, StrategyId, VenueOrderId
from liveexec.domain.operation import Side, TimeInForce
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_fold import apply_event, new_order, settle_family
from liveexec.domain.order_state import TERMINAL_STATUSES, OrderStatus
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.errors import InvariantViolation, TransitionError
from support.builders import (
    ALPHA_ACCOUNT,
    NOW_NS,
    ODDS,
    SPOT,
    SPOT_AT_BETA,
    SPOT_TERMS,
    events_to,
    make_adopted,
    make_bet_intent,
    make_cancel_requested,
    make_fill,
    make_intent,
    make_leg,
    make_market_intent,
    make_order,
    make_order_id,
    make_order_in,
    make_order_report,
    make_plan,
    make_received,
    make_replace_requested,
    make_routed,
    make_submit_requested,
    parts,
)
from support.strategies import amounts

LATE_NS = NOW_NS + 60_000_000_000


def fill_of(quantity: str, number: int, price: str = "45000") -> ev.FillApplied:
    return ev.FillApplied(make_fill(number, quantity=Decimal(quantity), price=Decimal(price)))


class TestBeginning:
    def test_a_received_order_is_what_its_intent_says(self) -> None:
        intent = make_intent(account_id=ALPHA_ACCOUNT)
        order = new_order(make_order_id(), make_received(intent), NOW_NS)
        assert parts(order, "quantity price side") == (intent.quantity, intent.price, Side.BUY)
        assert parts(order, "account_id instrument_id terms") == (ALPHA_ACCOUNT, None, None)
        assert parts(order, "status last_sequence attempt") == (OrderStatus.PENDING, 1, 0)
        assert parts(order, "is_parent is_open is_at_venue") == (False, True, False)
        assert order.content_hash == intent.content_hash()

    def test_a_bets_price_is_its_odds(self) -> None:
        assert make_order(intent=make_bet_intent()).price == Decimal("3.5")

    def test_an_algorithm_makes_a_parent_but_its_child_is_a_leaf(self) -> None:
        twap = make_market_intent(exec_algorithm="TWAP")
        assert make_order(intent=twap).is_parent
        child = make_received(twap, parent_order_id=make_order_id(1), ordinal=3)
        order = new_order(make_order_id(2), child, NOW_NS)
        assert parts(order, "is_parent parent_id ordinal") == (False, make_order_id(1), 3)

    def test_an_adopted_order_is_what_the_venue_says_less_what_it_had_filled(self) -> None:
        report = make_order_report(filled_quantity=Decimal("0.5"), time_in_force=TimeInForce.DAY)
        order = new_order(make_order_id(), make_adopted(report), NOW_NS)
        assert parts(order, "quantity filled_quantity leaves") == (Decimal("1.5"), 0, Decimal("1.5"))
        assert (order.price, order.side, order.intent.time_in_force) == (report.price, Side.SELL, TimeInForce.DAY)
        assert parts(order, "account_id instrument_id terms") == (ALPHA_ACCOUNT, SPOT, SPOT_TERMS)
        assert order.is_at_venue
        assert order.intent.operation == "trade"

    def test_an_adopted_bet_and_an_order_whose_conditions_cannot_be_stated(self) -> None:
        bet = make_order_report(instrument_id=ODDS, side=Side.LAY, price=Decimal("3.5"), client_order_id=None)
        order = new_order(make_order_id(), make_adopted(bet), NOW_NS)
        assert (order.intent.operation, order.intent.odds, order.client_order_id) == ("bet", Decimal("3.5"), None)
        spread = make_order_report(price=Decimal("-1.25"))
        order = new_order(make_order_id(), make_adopted(spread), NOW_NS)
        assert parts(order, "price leaves") == (Decimal("-1.25"), 2)
        dated = make_order_report(time_in_force=TimeInForce.GTD, price=None)
        order = new_order(make_order_id(), make_adopted(dated), NOW_NS)
        assert (order.intent.time_in_force, order.intent.order_type) == (TimeInForce.GTC, "MARKET")

    def test_a_finished_order_that_is_adopted_has_nothing_left(self) -> None:
        report = make_order_report(VenueOrderStatus.FILLED, filled_quantity=Decimal(2))
        order = new_order(make_order_id(), make_adopted(report), NOW_NS)
        assert parts(order, "leaves is_open") == (0, False)


class TestOnTheWay:
    def test_approval_keeps_what_was_reserved(self) -> None:
        order = make_order(ev.RiskApproved(ev.RiskStage.LEG, Decimal(46_000)))
        assert parts(order, "approved reserve_price") == (True, 46_000)

    def test_a_refusal_keeps_its_code(self) -> None:
        order = make_order(ev.RiskRefused(ev.RiskStage.PARENT, "MAX_ORDER_SIZE", "1 > 0.5", ()))
        assert parts(order, "code message leaves") == ("MAX_ORDER_SIZE", "1 > 0.5", 0)

    def test_one_leg_names_the_orders_own_place(self) -> None:
        order = make_order(make_routed(make_leg(SPOT_AT_BETA)))
        assert parts(order, "instrument_id account_id terms") == (SPOT_AT_BETA, ALPHA_ACCOUNT, SPOT_TERMS)
        assert not order.is_parent

    def test_several_legs_make_a_parent_without_a_place_and_none_leave_it_as_it_was(self) -> None:
        split = make_order(make_routed(make_leg(), make_leg(SPOT_AT_BETA)))
        assert parts(split, "is_parent instrument_id") == (True, None)
        unplaced = make_order(ev.Routed("best_price", (), ()))
        assert parts(unplaced, "is_parent instrument_id") == (False, None)

    def test_a_child_is_not_split_again(self) -> None:
        child = new_order(make_order_id(2), make_received(parent_order_id=make_order_id(1), ordinal=1), NOW_NS)
        with pytest.raises(InvariantViolation, match="not split again"):
            apply_event(child, make_routed(make_leg(), make_leg(SPOT_AT_BETA)), NOW_NS)
        assert not child.is_parent

    def test_a_schedule_and_children_are_kept_in_their_order(self) -> None:
        ids = [make_order_id(number) for number in (2, 3)]
        spawned = [ev.ChildSpawned(child, ordinal, Decimal("0.5")) for ordinal, child in enumerate(ids, 1)]
        parent = make_order(ev.ScheduleFixed({"slices": [1, 2]}), *spawned)
        assert parts(parent, "schedule children") == ({"slices": [1, 2]}, ids)

    def test_a_requested_submit_fixes_what_names_it_at_the_venue(self) -> None:
        order = make_order_in(OrderStatus.SUBMITTED)
        assert parts(order, "attempt client_order_id") == (1, make_plan().client_order_id)
        assert order.is_at_venue

    def test_an_acceptance_brings_the_venues_id_and_one_without_it_takes_none_away(self) -> None:
        order = make_order_in(OrderStatus.ACCEPTED)
        assert order.venue_order_id == "V-1"
        apply_event(order, ev.Accepted(None, None), NOW_NS)
        assert order.venue_order_id == "V-1"

    def test_a_late_acceptance_after_a_fill_that_came_first_keeps_the_fill(self) -> None:
        order = make_order_in(OrderStatus.SUBMITTED)
        apply_event(order, fill_of("0.5", 1), NOW_NS)
        apply_event(order, ev.Accepted(VenueOrderId("V-1"), NOW_NS), NOW_NS)
        assert parts(order, "status filled_quantity") == (OrderStatus.PARTIALLY_FILLED, Decimal("0.5"))
        unknown = make_order_in(OrderStatus.UNKNOWN)
        apply_event(unknown, ev.Accepted(VenueOrderId("V-1"), NOW_NS), NOW_NS)
        assert parts(unknown, "status venue_order_id") == (OrderStatus.ACCEPTED, "V-1")

    def test_refusals_on_the_way_keep_the_venues_words_and_ours_say_not_sent(self) -> None:
        assert make_order_in(OrderStatus.REJECTED).message == "insufficient balance"
        order = make_order(*events_to(OrderStatus.SUBMITTED), ev.NotSent(1, "the deadline had passed"))
        assert parts(order, "code message") == ("NOT_SENT", "the deadline had passed")

    def test_what_is_filled_before_its_change_is_sent_is_filled(self) -> None:
        order = make_order_in(OrderStatus.ACCEPTED)
        apply_event(order, make_replace_requested(quantity=order.quantity * 2, atomic=False, attempt=2), NOW_NS)
        apply_event(order, ev.FillApplied(make_fill(quantity=order.quantity)), NOW_NS)
        assert order.status is OrderStatus.PARTIALLY_FILLED
        apply_event(order, ev.NotSent(2, "not prepared"), NOW_NS)
        assert parts(order, "status leaves") == (OrderStatus.FILLED, 0)

    @pytest.mark.parametrize("status", [OrderStatus.CANCELED, OrderStatus.EXPIRED])
    def test_an_end_keeps_its_reason(self, status: OrderStatus) -> None:
        assert make_order_in(status).message in ("requested", "end of day")

    def test_a_new_owner_is_another_strategy(self) -> None:
        order = make_order_in(OrderStatus.FILLED)
        apply_event(order, ev.Reattributed(StrategyId("mine"), "operator", "late"), NOW_NS)
        assert parts(order, "strategy_id status") == ("mine", OrderStatus.FILLED)


class TestCancel:
    def test_a_wish_is_a_flag_beside_the_status_and_outlives_a_refusal(self) -> None:
        order = make_order_in(OrderStatus.ACCEPTED)
        assert parts(order, "cancel") == (PendingCancel.NONE,)
        apply_event(order, make_cancel_requested(), NOW_NS)
        assert parts(order, "cancel status") == (PendingCancel.REQUESTED, OrderStatus.ACCEPTED)
        apply_event(order, ev.CancelUnknown("timeout"), NOW_NS)
        assert parts(order, "cancel") == (PendingCancel.UNKNOWN,)
        apply_event(order, ev.CancelRejected("-2", "too late"), NOW_NS)
        assert order.cancel is not PendingCancel.NONE

    def test_a_cancel_that_meets_a_fill_is_no_error(self) -> None:
        order = make_order(*events_to(OrderStatus.ACCEPTED), make_cancel_requested())
        apply_event(order, fill_of("1", 1), NOW_NS)
        apply_event(order, ev.CancelRejected("-2", "unknown order"), NOW_NS)
        assert parts(order, "status leaves") == (OrderStatus.FILLED, 0)


class TestReplace:
    def test_while_it_is_under_way_the_worse_of_both_quantities_counts(self) -> None:
        order = make_order(*events_to(OrderStatus.PARTIALLY_FILLED), make_replace_requested(quantity=Decimal(3)))
        assert parts(order, "leaves worst_leaves") == (Decimal("0.5"), Decimal("2.5"))
        smaller = make_order(*events_to(OrderStatus.PARTIALLY_FILLED), make_replace_requested(quantity=Decimal("0.6")))
        assert parts(smaller, "leaves worst_leaves") == (Decimal("0.5"), Decimal("0.5"))

    def test_done_it_changes_terms_and_names_filled_part_included(self) -> None:
        plan = make_plan(attempt=2)
        order = make_order(*events_to(OrderStatus.PARTIALLY_FILLED), make_replace_requested(plan=plan, attempt=2))
        apply_event(order, ev.Replaced(Decimal(2), Decimal(44_000), None, VenueOrderId("V-2"), NOW_NS), NOW_NS)
        assert parts(order, "quantity price leaves") == (2, 44_000, Decimal("1.5"))
        assert parts(order, "replace client_order_id venue_order_id") == (None, plan.client_order_id, "V-2")
        assert order.status is OrderStatus.PARTIALLY_FILLED

    def test_down_to_what_is_filled_it_ends_the_order(self) -> None:
        order = make_order(*events_to(OrderStatus.PARTIALLY_FILLED), make_replace_requested(quantity=Decimal("0.5")))
        apply_event(order, ev.Replaced(Decimal("0.5"), None, None, None, NOW_NS), NOW_NS)
        assert order.status is OrderStatus.FILLED

    def test_refused_the_order_works_on_as_it_was(self) -> None:
        order = make_order(*events_to(OrderStatus.ACCEPTED), make_replace_requested(), ev.ReplaceUnknown("timeout"))
        assert order.replace_unknown
        apply_event(order, ev.ReplaceRejected("-3", "too late"), NOW_NS)
        assert parts(order, "quantity price replace replace_unknown") == (1, 45_000, None, False)
        assert order.status is OrderStatus.ACCEPTED

    def test_unasked_by_us_it_still_is_the_truth(self) -> None:
        order = make_order_in(OrderStatus.ACCEPTED)
        apply_event(order, ev.Replaced(Decimal(4), Decimal(43_000), None, None, NOW_NS), NOW_NS)
        assert parts(order, "quantity price client_order_id") == (4, 43_000, make_plan().client_order_id)

    def test_emulated_it_ends_in_a_new_attempt_of_the_same_order_with_the_new_terms(self) -> None:
        order = make_order(
            *events_to(OrderStatus.PARTIALLY_FILLED),
            make_replace_requested(atomic=False, attempt=2, plan=make_plan(attempt=2)),
            make_submit_requested(2, quantity=Decimal("1.5"), price=Decimal(44_000)),
        )
        assert parts(order, "status attempt venue_order_id") == (OrderStatus.SUBMITTED, 2, None)
        assert parts(order, "quantity filled_quantity leaves") == (2, Decimal("0.5"), Decimal("1.5"))
        assert parts(order, "replace price") == (None, 44_000)
        apply_event(order, ev.Accepted(VenueOrderId("V-2"), NOW_NS), NOW_NS)
        assert order.status is OrderStatus.PARTIALLY_FILLED


class TestFills:
    def test_fills_add_up_to_an_average(self) -> None:
        order = make_order(*events_to(OrderStatus.ACCEPTED), fill_of("0.25", 1, "44000"), fill_of("0.5", 2, "45000"))
        assert parts(order, "filled_quantity filled_cost") == (Decimal("0.75"), 33_500)
        assert order.average_price == Decimal("44666.666666666666666667")
        assert parts(order, "leaves status") == (Decimal("0.25"), OrderStatus.PARTIALLY_FILLED)
        apply_event(order, fill_of("0.25", 3), LATE_NS)
        assert parts(order, "leaves status updated_at_ns") == (0, OrderStatus.FILLED, LATE_NS)

    def test_before_any_there_is_no_average(self) -> None:
        order = make_order()
        assert parts(order, "average_price fills") == (None, None)

    @pytest.mark.parametrize("status", OrderStatus)
    def test_the_same_key_never_counts_twice(self, status: OrderStatus) -> None:
        if status is OrderStatus.PENDING:
            with pytest.raises(TransitionError):
                apply_event(make_order_in(status), fill_of("0.25", 5), NOW_NS)
            return
        order = make_order_in(status)
        apply_event(order, fill_of("0.25", 5), NOW_NS)
        before = (order.filled_quantity, order.filled_cost, order.last_sequence, order.status)
        with pytest.raises(InvariantViolation, match="counts already"):
            apply_event(order, fill_of("0.25", 5), NOW_NS)
        assert (order.filled_quantity, order.filled_cost, order.last_sequence, order.status) == before

    @pytest.mark.parametrize("status", sorted(TERMINAL_STATUSES))
    def test_terminal_is_not_deaf(self, status: OrderStatus) -> None:
        order = make_order_in(status)
        filled = order.filled_quantity
        apply_event(order, fill_of("0.25", 5), LATE_NS)
        assert order.filled_quantity == filled + Decimal("0.25")
        assert parts(order, "status leaves") == (status, 0)
        if status is not OrderStatus.FILLED:
            apply_event(order, fill_of("0.75", 6), LATE_NS)
            assert order.status is OrderStatus.FILLED

    def test_an_overfill_is_recorded_and_flagged(self) -> None:
        order = make_order_in(OrderStatus.ACCEPTED)
        apply_event(order, fill_of("1.5", 1), NOW_NS)
        assert parts(order, "status is_overfilled leaves") == (OrderStatus.FILLED, True, 0)
        apply_event(order, fill_of("1", 2), NOW_NS)
        assert parts(order, "filled_quantity leaves") == (Decimal("2.5"), 0)
        busted = ev.FillBusted(make_fill(2, quantity=Decimal(1)), "error")
        apply_event(order, busted, NOW_NS)
        assert parts(order, "filled_quantity status is_overfilled") == (Decimal("1.5"), OrderStatus.FILLED, True)

    def test_a_bust_takes_one_back_and_its_key_stays_known(self) -> None:
        order = make_order(*events_to(OrderStatus.ACCEPTED), fill_of("0.25", 1), fill_of("0.5", 2, "44000"))
        apply_event(order, ev.FillBusted(make_fill(1, quantity=Decimal("0.25")), "error"), NOW_NS)
        assert parts(order, "filled_quantity filled_cost") == (Decimal("0.5"), 22_000)
        assert list(order.fills or {}) == [make_fill(2).key]
        assert order.undone_fills == {make_fill(1).key}
        apply_event(order, ev.FillBusted(make_fill(2, quantity=Decimal("0.5"), price=Decimal(44_000)), "error"), NOW_NS)
        assert parts(order, "filled_quantity status leaves") == (0, OrderStatus.ACCEPTED, 1)

    def test_a_bust_after_the_end_leaves_an_order_that_nobody_works(self) -> None:
        order = make_order_in(OrderStatus.FILLED)
        apply_event(order, ev.FillBusted(make_fill(quantity=Decimal("1.0")), "error"), LATE_NS)
        assert parts(order, "status filled_quantity leaves") == (OrderStatus.CANCELED, 0, 0)

    def test_a_correction_counts_in_place_of_the_original(self) -> None:
        order = make_order(*events_to(OrderStatus.ACCEPTED), fill_of("0.5", 1), fill_of("0.25", 2))
        corrected = make_fill(3, quantity=Decimal("0.75"), price=Decimal(44_000))
        apply_event(order, ev.FillCorrected(make_fill(1), corrected), NOW_NS)
        assert parts(order, "filled_quantity filled_cost") == (1, Decimal("0.75") * 44_000 + Decimal("0.25") * 45_000)
        assert order.status is OrderStatus.FILLED
        assert set(order.fills or {}) == {make_fill(2).key, make_fill(3).key}

    def test_a_correction_may_keep_the_key_and_be_corrected_again(self) -> None:
        order = make_order(*events_to(OrderStatus.ACCEPTED), fill_of("0.5", 1))
        for price in (44_000, 43_000):
            current = (order.fills or {})[make_fill(1).key]
            apply_event(order, ev.FillCorrected(current, make_fill(1, price=Decimal(price))), NOW_NS)
        assert parts(order, "filled_quantity filled_cost") == (Decimal("0.5"), 21_500)

    @pytest.mark.parametrize(
        "event",
        [
            ev.FillBusted(make_fill(7), "error"),
            ev.FillBusted(make_fill(1, quantity=Decimal("0.4")), "error"),
            ev.FillBusted(make_fill(1, price=Decimal(1)), "error"),
            ev.FillBusted(make_fill(1, fee=Decimal(0)), "error"),
            ev.FillCorrected(make_fill(7), make_fill(8)),
            ev.FillCorrected(make_fill(1), make_fill(2, quantity=Decimal("0.1"))),
            ev.FillCorrected(make_fill(1, price=Decimal(1)), make_fill(8)),
        ],
    )
    def test_what_contradicts_the_fills_raises_and_changes_nothing(
        self, event: ev.FillBusted | ev.FillCorrected
    ) -> None:
        order = make_order(*events_to(OrderStatus.ACCEPTED), fill_of("0.5", 1), fill_of("0.25", 2))
        with pytest.raises(InvariantViolation):
            apply_event(order, event, LATE_NS)
        assert (order.filled_quantity, list(order.fills or {}), order.undone_fills) == (
            Decimal("0.75"),
            [make_fill(1).key, make_fill(2).key],
            frozenset(),
        )
        assert parts(order, "last_sequence updated_at_ns") == (7, NOW_NS)

    @given(
        st.lists(st.tuples(amounts(places=4, highest=2), amounts(places=2, highest=99_999)), max_size=8), st.randoms()
    )
    def test_filled_is_the_sum_of_what_counts_whatever_was_busted_between(
        self, fills: list[tuple[Decimal, Decimal]], random: Random
    ) -> None:
        order = make_order_in(OrderStatus.ACCEPTED)
        made = [make_fill(n, quantity=quantity, price=price) for n, (quantity, price) in enumerate(fills)]
        for fill in made:
            apply_event(order, ev.FillApplied(fill), NOW_NS)
        busted = random.sample(made, len(made) // 2)
        for fill in busted:
            apply_event(order, ev.FillBusted(fill, "error"), NOW_NS)
        left = [fill for fill in made if fill not in busted]
        assert order.filled_quantity == sum(fill.quantity for fill in left)
        assert order.filled_cost == sum(fill.quantity * fill.price for fill in left)
        assert order.leaves == (max(Decimal(0), order.quantity - order.filled_quantity) if order.is_open else 0)
        assert order.undone_fills == {fill.key for fill in busted}


class TestFamily:
    def parent(self) -> Order:
        return make_order(ev.ScheduleFixed({}), intent=make_market_intent(exec_algorithm="TWAP", quantity=Decimal(3)))

    def test_a_parent_is_as_filled_as_its_children(self) -> None:
        parent = self.parent()
        settle_family(parent, Decimal(1), Decimal(45_000), LATE_NS)
        assert parts(parent, "status filled_quantity leaves") == (OrderStatus.PARTIALLY_FILLED, 1, 2)
        settle_family(parent, Decimal(-1), Decimal(-45_000), LATE_NS)
        assert parts(parent, "status filled_quantity filled_cost") == (OrderStatus.ACCEPTED, 0, 0)

    def test_it_finishes_by_its_own_event_and_hears_its_children_after_that(self) -> None:
        parent = self.parent()
        settle_family(parent, Decimal(3), Decimal(135_000), LATE_NS)
        assert parts(parent, "status") == (OrderStatus.PARTIALLY_FILLED,)
        apply_event(parent, ev.ParentFinished(ev.Resolution.FILLED, None, "complete"), LATE_NS)
        settle_family(parent, Decimal(-1), Decimal(-45_000), LATE_NS)
        assert parts(parent, "status") == (OrderStatus.CANCELED,)
        settle_family(parent, Decimal(1), Decimal(45_000), LATE_NS)
        assert parent.status is OrderStatus.FILLED

    def test_a_late_fill_on_a_canceled_parent_counts(self) -> None:
        parent = self.parent()
        apply_event(parent, ev.ParentFinished(ev.Resolution.CANCELED, None, "canceled"), LATE_NS)
        settle_family(parent, Decimal(1), Decimal(45_000), LATE_NS)
        assert parts(parent, "status filled_quantity") == (OrderStatus.CANCELED, 1)


def test_names_of_clients_and_keys_are_text() -> None:
    assert make_plan().client_order_id == ClientOrderId(f"lx{make_order_id()[4:]}")
    assert make_fill().key == FillKey("ALPHA:SPOT_PAIR:BTC-USDT|V-1|BUY|T-1")
