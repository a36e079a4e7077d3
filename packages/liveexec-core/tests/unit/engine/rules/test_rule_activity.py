"""VELOCITY, DUPLICATE_ORDER and OPEN_ORDERS: how many, and how often."""

from decimal import Decimal

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import StrategyId
from liveexec.domain.operation import Side
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk_config import RiskConfig
from support.builders import LINEAR, NOW_NS, SPOT, SPOT_AT_BETA, make_intent, make_order
from support.risk_world import RiskWorld, codes_of

SECOND = 1_000_000_000
OTHER = StrategyId("other")


def note(world: RiskWorld, count: int = 1, **intent: object) -> None:
    """Orders came, as the engine notes them after its first check, which configures what is kept."""
    world.parent(make_intent())
    for _ in range(count):
        world.state.activity.note_order(make_order(intent=make_intent(**intent)), world.state.now_ns)


class TestVelocity:
    @pytest.mark.parametrize(
        ("limit", "window_ns"), [("max_orders_per_second", SECOND), ("max_orders_per_minute", 60 * SECOND)]
    )
    def test_the_limit_is_reached_by_orders_of_all_strategies(self, limit: str, window_ns: int) -> None:
        world = RiskWorld(RiskConfig(**{limit: 3}))  # type: ignore[arg-type] # by name
        note(world, 2)
        assert world.codes(make_intent()) == []
        note(world, 1, strategy_id=OTHER)
        assert world.codes(make_intent()) == ["VELOCITY"]
        world.state.now_ns += window_ns - 1
        assert world.codes(make_intent()) == ["VELOCITY"]
        world.state.now_ns += 1
        assert world.codes(make_intent()) == []

    @pytest.mark.parametrize("limit", ["max_orders_per_second_per_strategy", "max_orders_per_minute_per_strategy"])
    def test_a_strategys_own_limit_is_its_own(self, limit: str) -> None:
        world = RiskWorld(RiskConfig(**{limit: 2}))  # type: ignore[arg-type] # by name
        note(world, 2)
        assert world.codes(make_intent()) == ["VELOCITY"]
        assert world.codes(make_intent(strategy_id=OTHER)) == []

    def test_messages_are_limited_at_the_leg(self) -> None:
        world = RiskWorld(RiskConfig(max_messages_per_second=2))
        note(world, 5)
        world.state.activity.note_message(NOW_NS)
        assert codes_of(world.leg(make_intent())) == []
        world.state.activity.note_message(NOW_NS)
        assert codes_of(world.parent(make_intent())) == []
        assert codes_of(world.leg(make_intent())) == ["VELOCITY"]
        world.state.now_ns += SECOND
        assert codes_of(world.leg(make_intent())) == []

    def test_a_change_is_a_message_and_no_order(self) -> None:
        world = RiskWorld(RiskConfig(max_orders_per_second=1, max_messages_per_second=1))
        note(world)
        order = world.works()
        assert codes_of(world.verdict(world.replacing(RiskStage.PARENT, order, "2", "45000"))) == []
        world.state.activity.note_message(NOW_NS)
        assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "2", "45000"))) == ["VELOCITY"]


class TestDuplicateOrder:
    def test_an_equal_order_within_the_window_is_refused(self) -> None:
        world = RiskWorld(RiskConfig(duplicate_window_ns=SECOND))
        assert world.codes(make_intent()) == []
        note(world)
        assert world.codes(make_intent()) == ["DUPLICATE_ORDER"]
        world.state.now_ns += SECOND - 1
        assert world.codes(make_intent(quantity=Decimal("1.000"))) == ["DUPLICATE_ORDER"]
        world.state.now_ns += 1
        assert world.codes(make_intent()) == []

    @pytest.mark.parametrize(
        "difference",
        [
            {"quantity": Decimal(2)},
            {"price": Decimal(45_100)},
            {"side": Side.SELL},
            {"instrument_key": SPOT_AT_BETA},
            {"strategy_id": OTHER},
        ],
    )
    def test_an_order_that_differs_passes(self, difference: dict[str, object]) -> None:
        world = RiskWorld(RiskConfig(duplicate_window_ns=SECOND))
        note(world)
        assert world.codes(make_intent(**difference)) == []

    def test_a_change_repeats_nothing(self) -> None:
        world = RiskWorld(RiskConfig(duplicate_window_ns=SECOND))
        order = world.works()
        note(world)
        assert codes_of(world.verdict(world.replacing(RiskStage.PARENT, order, "1", "45000"))) == []


class TestOpenOrders:
    @pytest.mark.parametrize(
        ("limit", "beside"),
        [
            ("max_open_orders", None),
            ("max_open_orders_per_strategy", {"strategy_id": OTHER}),
            ("max_open_orders_per_instrument", {"instrument_key": LINEAR}),
        ],
    )
    def test_the_limit_counts_orders_that_may_be_live(self, limit: str, beside: dict[str, object] | None) -> None:
        world = RiskWorld(RiskConfig(**{limit: 2}))  # type: ignore[arg-type] # by name
        world.works()
        assert world.codes(make_intent()) == []
        second = world.works()
        world.apply(second, ev.SubmitUnknown(1, "timeout"))
        assert world.codes(make_intent()) == ["OPEN_ORDERS"]
        if beside is not None:
            assert world.codes(make_intent(**beside)) == []
        world.apply(second, ev.NotSent(1, "proved absent"))
        assert world.codes(make_intent()) == []

    def test_parents_are_no_orders_at_a_venue_but_their_children_are(self) -> None:
        world = RiskWorld(RiskConfig(max_open_orders=2))
        parent = world.runs(quantity=Decimal(10))
        world.spawns(parent)
        assert codes_of(world.leg(make_intent(), parent=parent)) == []
        world.spawns(parent)
        assert codes_of(world.leg(make_intent(), parent=parent)) == ["OPEN_ORDERS"]

    def test_a_change_opens_no_order(self) -> None:
        world = RiskWorld(RiskConfig(max_open_orders=1))
        order = world.works(instrument_key=SPOT)
        assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "2", "45000"))) == []
