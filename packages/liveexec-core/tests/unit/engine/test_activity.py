"""Activity: exact sliding windows that keep no more than the limits need."""

from collections import OrderedDict
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.ids import StrategyId
from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from liveexec.engine.activity import MINUTE_NS, SECOND_NS, Activity, Recent
from liveexec.engine.risk_config import RiskConfig
from support.builders import LINEAR, NOW_NS, SPOT_PRODUCT, STRATEGY, make_fill, make_intent, make_order
from support.risk_world import RiskWorld

OTHER = StrategyId("other")


def activity(**limits: int) -> Activity:
    made = Activity()
    made.configure(RiskConfig(**limits))  # type: ignore[arg-type] # whole numbers only are given here
    return made


def order(**changes: object) -> Order:
    return make_order(intent=make_intent(**changes))


def reached(recent: Recent | None, limit: int, window_ns: int, now_ns: int) -> bool:
    return recent is not None and recent.reaches(limit, window_ns, now_ns)


class TestRecent:
    def test_what_is_a_whole_window_ago_is_out_of_it(self) -> None:
        recent = Recent(2)
        recent.note(100)
        recent.note(150)
        assert recent.reaches(2, 50, 149)
        assert recent.reaches(2, 51, 150)
        assert not recent.reaches(2, 50, 150)

    def test_it_keeps_no_more_than_its_limit(self) -> None:
        recent = Recent(3)
        for at_ns in range(100):
            recent.note(at_ns)
        assert list(recent.times) == [97, 98, 99]

    def test_a_changed_size_keeps_the_latest(self) -> None:
        recent = Recent(3)
        for at_ns in range(5):
            recent.note(at_ns)
        assert list(recent.resized(2).times) == [3, 4]
        assert list(recent.resized(9).times) == [2, 3, 4]

    @given(
        st.lists(st.integers(0, 20), max_size=60),
        st.integers(1, 6),
        st.integers(1, 40),
    )
    def test_it_agrees_with_counting(self, gaps: list[int], limit: int, window_ns: int) -> None:
        recent, now_ns = Recent(6), 0
        times: list[int] = []
        for gap in gaps:
            now_ns += gap
            inside = [at_ns for at_ns in times if now_ns - at_ns < window_ns]
            assert recent.reaches(limit, window_ns, now_ns) == (len(inside) >= limit)
            recent.note(now_ns)
            times.append(now_ns)


class TestOrders:
    def test_orders_are_counted_over_all_strategies_and_per_strategy(self) -> None:
        made = activity(max_orders_per_second=2, max_orders_per_second_per_strategy=2)
        made.note_order(order(), NOW_NS)
        made.note_order(order(strategy_id=OTHER), NOW_NS)
        assert reached(made.orders, 2, SECOND_NS, NOW_NS)
        assert not reached(made.orders, 2, SECOND_NS, NOW_NS + SECOND_NS)
        assert not reached(made.orders_of(STRATEGY), 2, SECOND_NS, NOW_NS)
        made.note_order(order(), NOW_NS, refused=True)
        assert reached(made.orders_of(STRATEGY), 2, SECOND_NS, NOW_NS)

    def test_what_no_limit_asks_for_is_not_kept(self) -> None:
        made = activity()
        made.note_order(order(), NOW_NS)
        made.note_message(NOW_NS)
        assert not reached(made.orders, 1, SECOND_NS, NOW_NS)
        assert not reached(made.orders_of(STRATEGY), 1, SECOND_NS, NOW_NS)
        assert not reached(made.messages, 1, SECOND_NS, NOW_NS)
        assert made.last_equal(order()) is None

    def test_a_changed_limit_forgets_nothing_that_still_counts(self) -> None:
        made = activity(max_orders_per_minute=5, max_orders_per_minute_per_strategy=5)
        for second in range(3):
            made.note_order(order(), NOW_NS + second * SECOND_NS)
        made.configure(RiskConfig(max_orders_per_minute=3, max_orders_per_minute_per_strategy=3))
        assert reached(made.orders, 3, MINUTE_NS, NOW_NS + 3 * SECOND_NS)
        assert reached(made.orders_of(STRATEGY), 3, MINUTE_NS, NOW_NS + 3 * SECOND_NS)

    def test_idle_strategies_are_dropped_when_there_are_too_many(self) -> None:
        made = activity(max_orders_per_minute_per_strategy=1)
        for number in range(4_096):
            made.note_order(order(strategy_id=StrategyId(f"s{number}")), NOW_NS)
        made.note_order(order(strategy_id=StrategyId("late")), NOW_NS + MINUTE_NS)
        assert list(made._orders_by_strategy) == ["late"]

    def test_messages_are_counted(self) -> None:
        made = activity(max_messages_per_second=2)
        made.note_message(NOW_NS)
        assert not reached(made.messages, 2, SECOND_NS, NOW_NS)
        made.note_message(NOW_NS + 1)
        assert reached(made.messages, 2, SECOND_NS, NOW_NS + SECOND_NS - 1)
        assert not reached(made.messages, 2, SECOND_NS, NOW_NS + SECOND_NS)


class TestFingerprints:
    def test_an_equal_order_is_remembered_with_its_time(self) -> None:
        made = activity(duplicate_window_ns=SECOND_NS)
        made.note_order(order(), NOW_NS)
        assert made.last_equal(order(quantity=Decimal("1.00"))) == NOW_NS
        for change in (
            {"quantity": Decimal(2)},
            {"price": Decimal(45_001)},
            {"side": Side.SELL},
            {"instrument_key": LINEAR},
            {"instrument_key": SPOT_PRODUCT},
            {"strategy_id": OTHER},
        ):
            assert made.last_equal(order(**change)) is None

    def test_a_refused_order_can_be_repeated(self) -> None:
        made = activity(duplicate_window_ns=SECOND_NS)
        made.note_order(order(), NOW_NS, refused=True)
        assert made.last_equal(order()) is None

    def test_what_left_the_window_is_dropped(self) -> None:
        made = activity(duplicate_window_ns=SECOND_NS)
        for number in range(1, 1_001):
            made.note_order(order(price=Decimal(number)), NOW_NS + number * SECOND_NS // 10)
        assert len(made._fingerprints) == 10

    def test_the_newest_are_kept_when_a_long_window_holds_too_many(self) -> None:
        made = activity(duplicate_window_ns=10**18)
        made._fingerprints = OrderedDict(
            ((STRATEGY, SPOT_PRODUCT, Side.BUY, str(number), None), NOW_NS) for number in range(1, 65_537)
        )
        made.note_order(order(), NOW_NS)
        assert len(made._fingerprints) == 65_536
        assert made.last_equal(order()) == NOW_NS


class TestExecutions:
    def test_the_configured_number_within_the_window_trips_once_and_counting_begins_anew(self) -> None:
        made = activity(repeated_execution_count=3, repeated_execution_window_ns=MINUTE_NS)
        world = RiskWorld()
        tripped = [self.execute(world, made, NOW_NS + number) for number in range(6)]
        assert tripped == [False, False, True, False, False, True]

    def test_executions_that_are_a_window_apart_do_not_trip(self) -> None:
        made = activity(repeated_execution_count=2, repeated_execution_window_ns=MINUTE_NS)
        world = RiskWorld()
        assert not self.execute(world, made, NOW_NS)
        assert not self.execute(world, made, NOW_NS + MINUTE_NS)
        assert self.execute(world, made, NOW_NS + 2 * MINUTE_NS - 1)

    def test_the_two_sides_are_counted_apart(self) -> None:
        made = activity(repeated_execution_count=2, repeated_execution_window_ns=MINUTE_NS)
        world = RiskWorld()
        assert not self.execute(world, made, NOW_NS)
        assert not self.execute(world, made, NOW_NS, side=Side.SELL)
        assert self.execute(world, made, NOW_NS)

    def test_the_further_fills_of_an_order_do_not_count(self) -> None:
        made = activity(repeated_execution_count=2, repeated_execution_window_ns=MINUTE_NS)
        order = make_order(intent=make_intent())
        for number, filled in enumerate((Decimal("0.2"), Decimal("0.4"), Decimal("0.6")), 1):
            order.filled_quantity = filled
            assert not made.note_execution(order, make_fill(number, quantity=Decimal("0.2")), NOW_NS)

    def test_nothing_is_counted_that_no_limit_asks_for(self) -> None:
        made = activity()
        assert not any(self.execute(RiskWorld(), made, NOW_NS) for _ in range(5))
        assert made._executions == {}

    def test_idle_counts_are_dropped_when_there_are_too_many(self) -> None:
        made = activity(repeated_execution_count=2, repeated_execution_window_ns=MINUTE_NS)
        for number in range(4_097):
            order = make_order(intent=make_intent(strategy_id=StrategyId(f"s{number}")))
            order.filled_quantity = Decimal("0.5")
            made.note_execution(order, make_fill(), NOW_NS if number < 4_096 else NOW_NS + MINUTE_NS)
        assert [strategy_id for strategy_id, _, _ in made._executions] == ["s4096"]

    def execute(self, world: RiskWorld, made: Activity, at_ns: int, side: Side = Side.BUY) -> bool:
        order = make_order(intent=make_intent(side=side))
        fill = make_fill(side=side)
        order.filled_quantity = fill.quantity
        return made.note_execution(order, fill, at_ns)
