"""Submitting: what is recorded and sent, what is refused with a trace and without, what the venue's answers make."""

from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import ProductId, VenueOrderId
from liveexec.domain.operation import Operation, TimeInForce
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, Rejected, Sent, Unknown, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.config import EngineConfig
from liveexec.engine.effects import ArmTimer, QueryOrder, SendCancel, SendSubmit, TimerKind
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.router_config import RouterConfig
from liveexec.errors import InvalidInput, InvariantViolation, OperationConflict
from support.builders import (
    ALPHA_ACCOUNT,
    PRINCIPAL,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    make_cancel,
    make_intent,
    make_market_intent,
    make_order_id,
    parts,
)
from support.engine_harness import EngineHarness, S
from support.venue_words import venue_order_id_of


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


class TestOnItsWay:
    def test_a_plain_order_is_received_routed_approved_and_requested_in_one_record(
        self, harness: EngineHarness
    ) -> None:
        order = harness.submit()
        assert harness.events(order) == ["OrderReceived", "Routed", "RiskApproved", "SubmitRequested"]
        assert [record.stream for record in harness.last.records] == [order.order_id]
        assert parts(order, "status instrument_id account_id attempt") == (
            OrderStatus.SUBMITTED,
            SPOT,
            ALPHA_ACCOUNT,
            1,
        )

    def test_the_send_says_what_was_recorded_and_until_when_it_may_leave(self, harness: EngineHarness) -> None:
        order = harness.submit()
        (send,) = harness.effects(SendSubmit)
        assert parts(send, "attempt quantity price decided_at_ns") == (1, 1, 45_000, harness.now_ns)
        assert send.plan is order.plan
        assert send.plan.valid_until_ns == harness.now_ns + 5 * S
        assert send.plan.client_order_id == f"lx{order.order_id[4:]}"

    def test_a_market_order_says_how_old_the_price_is_that_it_was_decided_on(self, harness: EngineHarness) -> None:
        before_ns = harness.now_ns
        harness.advance(2)
        harness.submit(make_market_intent())
        (send,) = harness.effects(SendSubmit)
        assert (send.book_at_ns, send.price) == (before_ns, None)

    def test_a_product_order_goes_where_it_is_cheaper(self, harness: EngineHarness) -> None:
        harness.market(SPOT_AT_BETA, "44989", "44991")
        order = harness.submit(make_market_intent(instrument_key=SPOT_PRODUCT))
        assert order.instrument_id == SPOT_AT_BETA
        routed = next(event for event in harness.last.records[0].events if isinstance(event, ev.Routed))
        assert [candidate.instrument_id for candidate in routed.candidates] == [SPOT, SPOT_AT_BETA]


class TestRefusedWithATrace:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"instrument_key": "ALPHA:SPOT_PAIR:DOGE-USDT"}, "UNKNOWN_INSTRUMENT"),
            ({"instrument_key": "SPOT_PAIR:DOGE-USDT"}, "UNKNOWN_INSTRUMENT"),
            ({"quantity": Decimal("0.0005")}, "LISTING"),
            ({"price": Decimal("45000.001")}, "LISTING"),
            ({"account_id": "NOBODY-1"}, "NO_ROUTE"),
            ({"quantity": Decimal(9_000)}, "ORDER_SIZE"),
        ],
    )
    def test_an_order_that_may_not_go_is_recorded_with_the_reason(self, changes: dict[str, Any], code: str) -> None:
        risk = RiskConfig(max_order_quantity={"*": Decimal(100)})
        harness = EngineHarness(EngineConfig(risk=risk)).start()
        order = harness.submit(**changes)
        assert parts(order, "status code") == (OrderStatus.REJECTED, code)
        assert harness.effects(SendSubmit) == []

    def test_an_operation_without_instrument_is_offered_by_nobody(self, harness: EngineHarness) -> None:
        order = harness.submit(
            operation=Operation.TRANSFER,
            instrument_key=None,
            side=None,
            order_type=make_market_intent().order_type,
            price=None,
            asset="USDT",
            source_venue="ALPHA",
            target_venue="BETA",
        )
        assert parts(order, "status code") == (OrderStatus.REJECTED, "CAPABILITY")

    def test_a_venue_that_is_down_or_reconciling_takes_nothing(self) -> None:
        harness = EngineHarness().start(ALPHA_ACCOUNT)
        for phase in (inputs.Phase.DOWN, inputs.Phase.RECONCILING):
            harness.phase(phase)
            order = harness.submit()
            assert parts(order, "status code") == (OrderStatus.REJECTED, "NO_ROUTE")

    def test_every_refusal_is_kept_and_the_first_in_precedence_is_the_code(self) -> None:
        limits = RiskConfig(max_order_quantity={"*": Decimal("0.5")}, max_total_notional=Decimal(1))
        harness = EngineHarness(EngineConfig(risk=limits)).start()
        order = harness.submit()
        refused = [event for event in harness.last.records[0].events if isinstance(event, ev.RiskRefused)]
        assert [refusal.code for refusal in refused[0].refusals] == ["ORDER_SIZE", "EXPOSURE_LIMIT"]
        assert order.code == "ORDER_SIZE"


class TestRefusedWithoutATrace:
    def test_an_unknown_algorithm_names_those_there_are(self, harness: EngineHarness) -> None:
        error = harness.error(harness.ask(make_market_intent(exec_algorithm="SNIPER")))
        assert isinstance(error, InvalidInput)
        assert str(error.faults[0]) == (
            "exec_algorithm: SNIPER is not registered; there are NORMAL, ICEBERG, TWAP, VWAP"
        )

    def test_bad_parameters_are_all_named(self, harness: EngineHarness) -> None:
        params = {"horizon_secs": -1, "interval_secs": "x", "surprise": 1}
        error = harness.error(harness.ask(make_market_intent(exec_algorithm="TWAP", exec_algorithm_params=params)))
        assert isinstance(error, InvalidInput)
        assert {fault.path.rpartition(".")[2] for fault in error.faults} == set(params)

    def test_a_plain_order_takes_no_parameters(self, harness: EngineHarness) -> None:
        error = harness.error(harness.ask(make_intent(exec_algorithm_params={"horizon_secs": 1})))
        assert isinstance(error, InvalidInput)
        assert [fault.path for fault in error.faults] == ["exec_algorithm_params"]

    def test_time_does_not_run_backwards(self, harness: EngineHarness) -> None:
        given = inputs.Recovered(0)
        harness.now_ns -= 1
        with pytest.raises(InvariantViolation, match="time runs backwards"):
            harness.tell(given)


class TestAnswers:
    def test_accepted_it_works_under_the_venues_id(self, harness: EngineHarness) -> None:
        order = harness.working()
        assert parts(order, "status venue_order_id") == (OrderStatus.ACCEPTED, venue_order_id_of(order))

    def test_rejected_it_ends_in_the_venues_words(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.answer(order, Rejected("-2010", "insufficient balance"))
        assert parts(order, "status code message") == (OrderStatus.REJECTED, "-2010", "insufficient balance")

    def test_sent_waits_for_a_report_and_asks_if_none_comes(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.answer(order, Sent())
        assert order.status is OrderStatus.SUBMITTED
        assert harness.is_armed(TimerKind.ANSWER, order)
        harness.advance(10)
        assert order.status is OrderStatus.UNKNOWN
        assert [query.order for query in harness.effects(QueryOrder)] == [order]

    def test_an_order_that_was_heard_of_is_not_asked_about_when_its_answer_was_due(
        self, harness: EngineHarness
    ) -> None:
        order = harness.submit()
        harness.answer(order, Sent())
        harness.report(order)
        assert order.status is OrderStatus.ACCEPTED
        harness.advance(10)
        assert harness.effects(QueryOrder) == []

    def test_incident_1_a_timeout_is_unknown_and_nothing_is_sent_again(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.answer(order, Unknown("timeout"))
        assert order.status is OrderStatus.UNKNOWN
        harness.advance(60)
        assert harness.events(order).count("SubmitRequested") == 1
        assert order.status is OrderStatus.UNKNOWN

    def test_incident_3_an_unknown_order_keeps_its_reservation(self) -> None:
        limits = RiskConfig(max_position_per_instrument={SPOT: Decimal(1)})
        harness = EngineHarness(EngineConfig(risk=limits)).start()
        order = harness.submit()
        harness.answer(order, Unknown("connection reset"))
        assert harness.submit().code == "POSITION_LIMIT"
        harness.advance(60)
        assert harness.submit().code == "POSITION_LIMIT"
        harness.query(order)
        assert order.status is OrderStatus.REJECTED
        assert harness.submit().status is OrderStatus.SUBMITTED

    @pytest.mark.parametrize("outcome", [Unknown("late"), Sent(), Rejected("-1", "no"), Accepted(None)])
    def test_a_late_answer_to_an_order_that_works_changes_no_status(
        self, harness: EngineHarness, outcome: Accepted | Rejected | Sent | Unknown
    ) -> None:
        order = harness.submit()
        harness.report(order)
        harness.answer(order, outcome)
        assert order.status is OrderStatus.ACCEPTED
        if isinstance(outcome, Rejected):
            assert harness.effects(QueryOrder), "a contradiction is asked about"

    def test_a_rejection_after_unknown_is_the_venues_word(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.answer(order, Unknown("timeout"))
        harness.answer(order, Rejected("-1", "no"))
        assert order.status is OrderStatus.REJECTED

    def test_an_answer_to_another_attempt_is_nobodys(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.answer(order, Rejected("-1", "no"), attempt=2)
        assert order.status is OrderStatus.SUBMITTED
        assert harness.last.records == ()

    def test_an_answer_about_an_order_that_is_not_here_is_nobodys(self, harness: EngineHarness) -> None:
        harness.tell(inputs.SendAnswered(0, make_order_id(99), 1, inputs.SendVerb.SUBMIT, Accepted(None)))
        assert (harness.last.records, harness.last.effects) == ((), ())

    @pytest.mark.parametrize("end", ["filled", "canceled", "rejected", "expired", "not sent"])
    @pytest.mark.parametrize(
        "outcome", [Accepted(VenueOrderId("V-9")), Accepted(None), Rejected("-1", "no"), Unknown("?"), Sent()]
    )
    def test_whatever_is_answered_after_the_end_the_engine_goes_on(
        self, harness: EngineHarness, end: str, outcome: Accepted | Rejected | Sent | Unknown
    ) -> None:
        order = harness.submit()
        match end:
            case "filled":
                harness.fill(order, "1", venue_order_id=None)
            case "canceled":
                harness.report(order, VenueOrderStatus.CANCELED, venue_order_id=None)
            case "rejected":
                harness.report(order, VenueOrderStatus.REJECTED, venue_order_id=None)
            case "expired":
                harness.report(order, VenueOrderStatus.EXPIRED, venue_order_id=None)
            case _:
                harness.stop(order)
        ended = order.status
        assert not order.is_open
        harness.answer(order, outcome)
        assert order.status is ended
        if isinstance(outcome, Accepted) and outcome.venue_order_id is not None:
            harness.fill(order, "0.25", client_order_id=None, venue_order_id=outcome.venue_order_id)
            assert order.filled_quantity in (Decimal("0.25"), Decimal("1.25")), "its late name finds it"


class TestSendGate:
    def test_what_it_stops_is_proved_not_sent_and_gives_its_reservation_back(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.stop(order)
        assert parts(order, "status code message") == (OrderStatus.REJECTED, "NOT_SENT", "the gate is shut")
        assert harness.engine.state.exposure.open_orders == 0

    def test_a_stop_of_another_attempt_proves_nothing(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.tell(inputs.SendStopped(0, order.order_id, 2, inputs.SendVerb.SUBMIT, "?"))
        assert order.status is OrderStatus.SUBMITTED

    def test_a_stop_of_an_order_that_was_heard_of_is_ignored(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.stop(order)
        assert order.status is OrderStatus.ACCEPTED


class TestReportBeforeResponse:
    def test_a_report_accepts_and_the_response_repeats_nothing(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.report(order)
        harness.answer(order, Accepted(order.venue_order_id))
        assert harness.events(order)[4:] == ["Accepted"]

    def test_a_fill_before_any_word_is_a_sign_of_life_and_names_the_order(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.fill(order, "0.25")
        assert order.status is OrderStatus.PARTIALLY_FILLED
        assert order.venue_order_id == venue_order_id_of(order)
        harness.fill(order, "0.75", client_order_id=None)
        assert order.status is OrderStatus.FILLED

    def test_a_fill_that_names_only_an_id_that_the_response_brings_later_is_counted_when_it_does(
        self, harness: EngineHarness
    ) -> None:
        order = harness.submit()
        fill = harness.fill(order, "0.25", client_order_id=None)
        assert order.filled_quantity == 0
        harness.answer(order, Accepted(fill.venue_order_id))
        harness.advance(5)
        assert parts(order, "status filled_quantity") == (OrderStatus.PARTIALLY_FILLED, Decimal("0.25"))
        assert list(harness.engine.state.ledger.orders) == [order.order_id], "nothing was adopted"

    def test_an_immediate_order_that_ended_before_its_response_stays_ended(self, harness: EngineHarness) -> None:
        order = harness.submit(time_in_force=TimeInForce.IOC)
        harness.fill(order, "0.5")
        harness.report(order, VenueOrderStatus.CANCELED)
        assert order.status is OrderStatus.CANCELED
        harness.answer(order, Accepted(order.venue_order_id))
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.5"))
        assert harness.effects(SendCancel) == []


class TestReservation:
    def test_limits_count_what_is_open_and_give_back_what_ended(self) -> None:
        limits = RiskConfig(max_open_orders=2)
        harness = EngineHarness(EngineConfig(risk=limits)).start()
        first, second = harness.submit(), harness.submit()
        assert harness.submit().code == "OPEN_ORDERS"
        harness.answer(first, Rejected("-1", "no"))
        assert harness.submit().status is OrderStatus.SUBMITTED
        harness.fill(second, "1")
        assert harness.submit().status is OrderStatus.SUBMITTED

    def test_two_accounts_at_one_venue_need_a_choice(self) -> None:
        harness = EngineHarness().start()
        harness.engine.state.venue_accounts["ALPHA"] = (ALPHA_ACCOUNT, "ALPHA-2")  # type: ignore[index, assignment]  # plain names will do
        assert harness.submit().code == "NO_ROUTE"
        assert harness.submit(account_id="ALPHA-1").status is OrderStatus.SUBMITTED


class TestConfiguration:
    def test_new_limits_hold_from_the_next_order_on_and_are_recorded(self, harness: EngineHarness) -> None:
        limits = EngineConfig(risk=RiskConfig(max_order_quantity={"*": Decimal("0.5")}))
        harness.tell(inputs.ConfigUpdate(0, limits, "hash-1", "operator", "smaller orders"))
        assert harness.new_events("control:main") == ["ConfigApplied"]
        assert harness.submit().code == "ORDER_SIZE"

    def test_one_that_cant_be_used_is_refused_and_changes_nothing(self, harness: EngineHarness) -> None:
        broken = EngineConfig(router=RouterConfig(policy="astrology"))
        decision = harness.tell(inputs.ConfigUpdate(0, broken, "hash-2", "operator", "a typo"))
        assert "astrology is not registered" in str(harness.error(decision))
        assert harness.submit(instrument_key=SPOT_PRODUCT).status is OrderStatus.SUBMITTED


class TestWithoutVenues:
    def test_nothing_is_listed_before_the_first_connection(self) -> None:
        order = EngineHarness().submit()
        assert parts(order, "status code") == (OrderStatus.REJECTED, "UNKNOWN_INSTRUMENT")

    def test_no_book_no_market_order_across_venues(self) -> None:
        harness = EngineHarness()
        for venue in harness.manifests:
            harness.connect(venue)
        order = harness.submit(make_market_intent(instrument_key=ProductId(SPOT_PRODUCT)))
        assert parts(order, "status code") == (OrderStatus.REJECTED, "NO_ROUTE")


def test_the_operation_is_kept_whatever_becomes_of_the_order(harness: EngineHarness) -> None:
    refused = harness.submit(operation_id="op-1", quantity=Decimal("0.0005"))
    again = harness.ask(make_intent(quantity=Decimal("0.0005")), operation_id="op-1")
    assert (again.order_id, again.repeated, again.records) == (refused.order_id, True, ())
    conflict = harness.ask(make_cancel(refused.order_id), operation_id="op-1", principal=PRINCIPAL)
    assert isinstance(conflict.error, OperationConflict)


def test_an_answer_timer_is_armed_only_when_the_venue_will_answer_by_report(harness: EngineHarness) -> None:
    order = harness.submit()
    harness.answer(order, Accepted(VenueOrderId("V-1")))
    assert harness.effects(ArmTimer) == []


def test_an_order_that_is_good_until_a_time_gone_by_is_refused(harness: EngineHarness) -> None:
    for expires_ns in (harness.now_ns, harness.now_ns - 1):
        decision = harness.ask(make_intent(time_in_force=TimeInForce.GTD, expire_at_ns=expires_ns))
        assert str(decision.error) == "order intent: expire_at_ns: has passed already"
    assert harness.engine.state.ledger.orders == {}
    good = harness.submit(time_in_force=TimeInForce.GTD, expire_at_ns=harness.now_ns + 1)
    assert good.status is OrderStatus.SUBMITTED
