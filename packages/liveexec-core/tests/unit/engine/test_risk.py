"""PreTradeRiskEngine: stages, precedence, failing closed, and what only it can make."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from attrs import define, field

from liveexec.domain import order_event as ev
from liveexec.domain.ids import VenueOrderId
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import (
    BOTH_STAGES,
    LEG_STAGE,
    PARENT_STAGE,
    RULE_FAILED,
    Approval,
    PreTradeRiskEngine,
    Refusal,
    RiskCheck,
    RiskRule,
    RuleFactory,
)
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.rules import BUILT_IN_RULES
from liveexec.engine.state import EngineState
from liveexec.engine.valuation import MissingInput
from liveexec.errors import InvariantViolation
from support.builders import (
    ALPHA_ACCOUNT,
    NOW_NS,
    ODDS,
    SPOT,
    SPOT_PRODUCT,
    make_bet_intent,
    make_intent,
    make_market_intent,
    make_replace_requested,
)
from support.risk_world import RiskWorld, codes_of


@define(eq=False)
class Says:
    """A rule that answers what it was told to."""

    name: str
    answer: Callable[[], str | None]
    stages: frozenset[RiskStage] = BOTH_STAGES
    asked: list[RiskStage] = field(factory=list)

    @property
    def code(self) -> str:
        return self.name.upper()

    def __call__(self, check: RiskCheck, _: EngineState) -> str | None:
        self.asked.append(check.stage)
        return self.answer()


@define(eq=False)
class SaysOfSome(Says):
    """One that looks at some operations only."""

    operations: frozenset[Operation] = frozenset()


def fails() -> str | None:
    raise ZeroDivisionError("at 0x7f00")


def misses() -> str | None:
    raise MissingInput("no rate of XYZ in USD is known")


def engine_of(
    *rules: RiskRule, config: RiskConfig | None = None, timer: Callable[[], int] | None = None
) -> PreTradeRiskEngine:
    factories: dict[str, RuleFactory] = {}
    for rule in rules:
        factories[rule.name] = _always(rule)
    return PreTradeRiskEngine(config or RiskConfig(), factories, timer)


def _always(rule: RiskRule) -> RuleFactory:
    return lambda _: rule


def ask(engine: PreTradeRiskEngine, stage: RiskStage = RiskStage.PARENT) -> Approval | Refusal:
    world = RiskWorld()
    return engine.check(world.check_of(stage, make_intent()), world.state)


class TestVerdicts:
    def test_an_order_that_no_rule_refuses_is_approved_with_the_price_to_reserve_at(self) -> None:
        verdict = ask(engine_of(Says("quiet", lambda: None)))
        assert isinstance(verdict, Approval)
        assert verdict.reserve_price == Decimal(45_000)

    def test_the_first_refusal_in_precedence_is_the_code_and_all_are_kept(self) -> None:
        verdict = ask(
            engine_of(
                Says("first", lambda: None),
                Says("second", lambda: "two"),
                fail := Says("third", fails),
                Says("fourth", lambda: "four"),
            )
        )
        assert isinstance(verdict, Refusal)
        assert (verdict.code, verdict.message) == ("SECOND", "two")
        assert [(each.code, each.message) for each in verdict.refusals] == [
            ("SECOND", "two"),
            (RULE_FAILED, "rule third raised ZeroDivisionError"),
            ("FOURTH", "four"),
        ]
        assert fail.asked == [RiskStage.PARENT]

    def test_rules_are_asked_at_their_stages_only(self) -> None:
        of_parent, of_leg, of_both = (
            Says("of_parent", lambda: None, PARENT_STAGE),
            Says("of_leg", lambda: None, LEG_STAGE),
            Says("of_both", lambda: None),
        )
        engine = engine_of(of_parent, of_leg, of_both)
        ask(engine, RiskStage.PARENT)
        ask(engine, RiskStage.LEG)
        assert of_parent.asked == [RiskStage.PARENT]
        assert of_leg.asked == [RiskStage.LEG]
        assert of_both.asked == [RiskStage.PARENT, RiskStage.LEG]

    def test_a_rule_that_names_its_operations_is_asked_about_those_only(self) -> None:
        of_trades = SaysOfSome("of_trades", lambda: None, operations=frozenset({Operation.TRADE}))
        of_swaps = SaysOfSome("of_swaps", lambda: "no", operations=frozenset({Operation.SWAP}))
        assert isinstance(ask(engine_of(of_trades, of_swaps)), Approval)
        assert (of_trades.asked, of_swaps.asked) == ([RiskStage.PARENT], [])

    def test_a_refusal_of_the_engines_own_carries_itself(self) -> None:
        refusal = engine_of().refuse("REPLACE_FILLED", "nothing is left")
        assert (refusal.code, refusal.message) == ("REPLACE_FILLED", "nothing is left")
        assert codes_of(refusal) == ["REPLACE_FILLED"]

    def test_only_the_risk_engine_can_make_an_approval(self) -> None:
        with pytest.raises(InvariantViolation, match="only come from the risk engine"):
            Approval(Decimal(1))
        with pytest.raises(InvariantViolation, match="only come from the risk engine"):
            Approval(Decimal(1), object())


class TestFailingClosed:
    def test_a_rule_that_raises_refuses_under_a_code_of_its_own(self) -> None:
        engine = engine_of(Says("broken", fails))
        verdict = ask(engine)
        assert isinstance(verdict, Refusal)
        assert (verdict.code, verdict.message) == (RULE_FAILED, "rule broken raised ZeroDivisionError")
        (failure,) = engine.drain_failures()
        assert (failure.name, str(failure.error)) == ("broken", "at 0x7f00")
        assert engine.drain_failures() == ()

    def test_a_rule_that_lacks_something_refuses_under_its_code_and_is_no_failure(self) -> None:
        engine = engine_of(Says("needy", misses))
        verdict = ask(engine)
        assert isinstance(verdict, Refusal)
        assert (verdict.code, verdict.message) == ("NEEDY", "no rate of XYZ in USD is known")
        assert engine.drain_failures() == ()

    def test_a_book_of_nonsense_refuses_where_it_is_needed_and_stops_nothing(self) -> None:
        config = RiskConfig(price_tolerance=Decimal("0.1"), self_match=True, max_order_notional={"*": Decimal(10**9)})
        world = RiskWorld(config)
        world.works(side=Side.SELL, price=Decimal(46_000))
        world.book(SPOT, bids=[("NaN", "5")], asks=[("NaN", "NaN")])
        assert "STALE_MARKET" in codes_of(world.leg(make_market_intent()))
        assert "STALE_MARKET" in codes_of(world.leg(make_market_intent(side=Side.SELL)))

    @pytest.mark.parametrize("price", ["NaN", "sNaN", "Infinity", "0", "-1"])
    def test_nothing_is_reserved_at_an_absurd_price(self, price: str) -> None:
        world = RiskWorld()
        world.book(SPOT, bids=[(price, "5")], asks=[(price, "5")])
        for side in (Side.BUY, Side.SELL):
            verdict = world.leg(make_market_intent(side=side))
            assert isinstance(verdict, Approval)
            assert verdict.reserve_price is None
        resting = world.leg(make_intent(side=Side.SELL))
        assert isinstance(resting, Approval)
        assert resting.reserve_price == 45_000

    def test_what_goes_wrong_before_the_rules_is_a_refusal_too(self) -> None:
        world = RiskWorld()
        world.hold(SPOT, "1")
        world.risk.check(world.check_of(RiskStage.PARENT, make_intent()), world.state)
        (position,) = world.state.ledger.books[ALPHA_ACCOUNT].positions.values()
        quantity, position.quantity = position.quantity, Decimal("sNaN")
        world.deposit("1")
        assert codes_of(world.parent(make_intent())) == [RULE_FAILED]
        (failure,) = world.risk.drain_failures()
        assert failure.name == ""
        position.quantity = quantity
        assert codes_of(world.parent(make_intent())) == []

    def test_what_the_shell_does_not_drain_stays_bounded(self) -> None:
        engine = engine_of(Says("broken", fails))
        world = RiskWorld()
        for _ in range(1_000):
            engine.check(world.check_of(RiskStage.PARENT, make_intent()), world.state)
        assert len(engine.drain_failures()) == 256


class TestBudget:
    def test_a_rule_over_its_budget_is_reported_with_what_it_took(self) -> None:
        # The timer is read around a whole stage; after one that took too long, when its rules begin and after each.
        ticks = iter([0, 520, 1_000, 1_010, 1_500, 1_520])
        rules = [Says("quick", lambda: None), Says("slow", lambda: None), Says("last", lambda: None)]
        engine = engine_of(*rules, config=RiskConfig(rule_budget_ns=100), timer=lambda: next(ticks))
        ask(engine)
        assert [(slow.name, slow.took_ns) for slow in engine.drain_slow_rules()] == [("", 520)]
        ask(engine)
        assert [(slow.name, slow.took_ns) for slow in engine.drain_slow_rules()] == [("slow", 490)]
        assert engine.drain_slow_rules() == ()

    def test_while_rules_are_measured_they_refuse_as_ever(self) -> None:
        ticks = iter([0, 520, 1_000, 1_010, 1_020, 1_030])
        rules = [Says("broken", fails), Says("lacking", misses), Says("says", lambda: "no")]
        engine = engine_of(*rules, config=RiskConfig(rule_budget_ns=100), timer=lambda: next(ticks))
        unmeasured, measured = ask(engine), ask(engine)
        assert isinstance(unmeasured, Refusal)
        assert isinstance(measured, Refusal)
        assert [(each.code, each.message) for each in measured.refusals] == [
            (each.code, each.message) for each in unmeasured.refusals
        ]
        assert [each.code for each in measured.refusals] == [RULE_FAILED, "LACKING", "SAYS"]
        assert next(ticks, None) is None

    def test_a_rule_within_its_budget_is_not(self) -> None:
        ticks = iter([0, 100])
        engine = engine_of(
            Says("exact", lambda: None), config=RiskConfig(rule_budget_ns=100), timer=lambda: next(ticks)
        )
        ask(engine)
        assert engine.drain_slow_rules() == ()


class TestConfiguration:
    def test_the_default_takes_ordinary_orders(self) -> None:
        world = RiskWorld()
        assert world.codes(make_intent()) == []
        assert world.codes(make_market_intent()) == []
        routed = make_intent(instrument_key=SPOT_PRODUCT)
        assert codes_of(world.parent(routed)) == []
        assert codes_of(world.leg(routed, listing=world.state.listings[SPOT])) == []

    def test_rules_that_the_configuration_does_not_ask_for_are_not_made(self) -> None:
        made = [name for name, factory in BUILT_IN_RULES.items() if factory(RiskConfig()) is not None]
        assert made == ["trading_state", "latched", "listing", "reduce_only"]

    def test_every_built_in_rule_goes_by_its_registered_name_and_an_upper_case_code(self) -> None:
        config = RiskConfig(
            allowed_instruments=frozenset({SPOT}),
            max_order_quantity={"*": Decimal(1)},
            max_order_notional={"*": Decimal(1)},
            price_tolerance=Decimal("0.1"),
            max_position_per_instrument={"*": Decimal(1)},
            max_total_notional=Decimal(1),
            max_orders_per_second=1,
            max_open_orders=1,
            duplicate_window_ns=1,
            repeated_execution_count=1,
            repeated_execution_window_ns=1,
            max_loss=Decimal(1),
            check_balance=True,
            self_match=True,
            max_slippage=Decimal("0.1"),
            max_gas_price_gwei=Decimal(1),
            max_liability=Decimal(1),
        )
        rules = {name: factory(config) for name, factory in BUILT_IN_RULES.items()}
        assert len(rules) == 21
        for name, rule in rules.items():
            assert rule is not None
            assert (rule.name, rule.code) == (name, name.upper())
            assert rule.stages

    def test_other_limits_hold_from_the_next_order_on(self) -> None:
        world = RiskWorld()
        assert world.codes(make_intent(quantity=Decimal(5))) == []
        world.configure(RiskConfig(max_order_quantity={"*": Decimal(1)}))
        assert world.codes(make_intent(quantity=Decimal(5))) == ["ORDER_SIZE"]
        world.configure(RiskConfig())
        assert world.codes(make_intent(quantity=Decimal(5))) == []

    def test_risk_that_is_switched_off_approves_and_still_values(self) -> None:
        world = RiskWorld(RiskConfig(enabled=False, max_order_quantity={"*": Decimal(1)}))
        verdict = world.parent(make_intent(quantity=Decimal(5)))
        assert isinstance(verdict, Approval)
        assert verdict.reserve_price == Decimal(45_000)

    def test_the_order_of_precedence_is_that_of_the_factories(self) -> None:
        world = RiskWorld(
            RiskConfig(
                allowed_instruments=frozenset(),
                max_order_quantity={"*": Decimal(1)},
                max_order_notional={"*": Decimal(1)},
                max_position_per_strategy=Decimal(1),
                max_total_notional=Decimal(1),
            )
        )
        assert codes_of(world.parent(make_intent(quantity=Decimal(2)))) == [
            "ALLOWED_INSTRUMENT",
            "ORDER_SIZE",
            "ORDER_VALUE",
            "POSITION_LIMIT",
            "EXPOSURE_LIMIT",
        ]


class TestWorstPrice:
    def reserve(self, world: RiskWorld, check: RiskCheck) -> Decimal | None:
        verdict = world.verdict(check)
        assert isinstance(verdict, Approval)
        return verdict.reserve_price

    @pytest.mark.parametrize(
        ("intent", "expected"),
        [
            pytest.param(make_intent(price=Decimal(44_000)), 44_000, id="a buy is worth its limit at most"),
            pytest.param(make_intent(price=Decimal(46_000)), 46_000, id="a crossing buy as well"),
            pytest.param(
                make_intent(side=Side.SELL, price=Decimal(46_000)), 46_000, id="a resting sale is worth its limit"
            ),
            pytest.param(make_intent(side=Side.SELL, price=Decimal(44_000)), 44_999, id="a crossing sale the touch"),
            pytest.param(make_market_intent(quantity=Decimal(5)), 45_001, id="a market buy that the touch covers"),
            pytest.param(make_market_intent(quantity=Decimal(7)), 45_010, id="a market buy that goes deeper"),
            pytest.param(make_market_intent(side=Side.SELL, quantity=Decimal(7)), 44_999, id="a market sale the touch"),
            pytest.param(
                make_market_intent(order_type=OrderType.STOP_MARKET, trigger_price=Decimal(47_000)),
                47_000,
                id="a stop its trigger",
            ),
        ],
    )
    def test_is_what_the_order_may_cost(self, intent: OrderIntent, expected: int) -> None:
        world = RiskWorld()
        world.book(SPOT, bids=[("44999", "5"), ("44990", "5")], asks=[("45001", "5"), ("45010", "5")])
        assert self.reserve(world, world.check_of(RiskStage.LEG, intent)) == expected

    def test_is_a_layers_limit_whatever_the_market_asks(self) -> None:
        world = RiskWorld()
        world.book(ODDS, "3.45", "3.5")
        laid = make_bet_intent(side=Side.LAY, odds=Decimal(3))
        assert self.reserve(world, world.check_of(RiskStage.LEG, laid)) == 3

    def test_is_the_touch_for_a_market_order_that_is_not_routed_yet(self) -> None:
        world = RiskWorld()
        check = world.check_of(
            RiskStage.PARENT, make_market_intent(instrument_key=SPOT_PRODUCT), reference_price=Decimal(45_001)
        )
        assert self.reserve(world, check) == 45_001

    def test_is_not_known_for_a_market_order_without_a_market(self) -> None:
        world = RiskWorld()
        world.state.market.books.clear()
        assert self.reserve(world, world.check_of(RiskStage.LEG, make_market_intent())) is None


class TestReplaces:
    def test_only_what_comes_on_top_of_the_reservation_is_added(self) -> None:
        world = RiskWorld()
        order = world.works(quantity=Decimal(3))
        world.apply(order, ev.Accepted(VenueOrderId("V-1"), NOW_NS))
        assert world.replacing(RiskStage.PARENT, order, "5", "45000").added == 2
        assert world.replacing(RiskStage.PARENT, order, "3", "46000").added == 0
        assert world.replacing(RiskStage.PARENT, order, "2", "45000").added == 0

    def test_a_pending_larger_change_is_reserved_already(self) -> None:
        world = RiskWorld()
        order = world.works(quantity=Decimal(3))
        world.apply(order, ev.Accepted(VenueOrderId("V-1"), NOW_NS), make_replace_requested(quantity=Decimal(4)))
        assert world.replacing(RiskStage.PARENT, order, "5", "45000").added == 1

    def test_the_added_value_counts_a_higher_price_on_what_is_left(self) -> None:
        world = RiskWorld(RiskConfig(max_total_notional=Decimal(10**9)))
        order = world.works(quantity=Decimal(3))
        check = world.replacing(RiskStage.PARENT, order, "3", "46000")
        world.verdict(check)
        assert check.added_value(world.state) == 3_000
        cheaper = world.replacing(RiskStage.PARENT, order, "3", "44000")
        world.verdict(cheaper)
        assert cheaper.added_value(world.state) == 0


class TestWhere:
    def test_a_leg_that_goes_nowhere_is_refused_by_the_rules_that_need_to_know(self) -> None:
        world = RiskWorld(
            RiskConfig(
                max_position_per_instrument={"*": Decimal(1)},
                max_notional_per_venue={"ALPHA": Decimal(1)},
                max_open_orders_per_instrument=1,
                check_balance=True,
                self_match=True,
            )
        )
        assert codes_of(world.leg(make_intent(reduce_only=True), account_id=None)) == [
            "LISTING",
            "OPEN_ORDERS",
            "REDUCE_ONLY",
            "POSITION_LIMIT",
            "EXPOSURE_LIMIT",
            "BALANCE",
            "SELF_MATCH",
        ]

    def test_the_account_of_a_plain_instrument_can_be_told_before_the_route(self) -> None:
        world = RiskWorld()
        assert world.check_of(RiskStage.PARENT, make_intent()).account(world.state) == "ALPHA-1"
        assert world.check_of(RiskStage.PARENT, make_intent(instrument_key=SPOT_PRODUCT)).account(world.state) is None
