"""TWAP and VWAP at work: what is sent when, what is caught up with, how it ends, and that a restart changes nothing."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.market import TradeBar
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.algorithm import ExecutionAlgorithm
from liveexec.engine.algorithms import Twap, Vwap
from support.algorithms import Bench, Child, S, Script, fill_all, fill_none, fill_part, leave_open, refuse
from support.builders import NOW_NS, SPOT, make_intent, make_market_intent

TENTH = Decimal("0.1")


def twap(quantity: str = "1", lot: Decimal = TENTH, minimum: Decimal = TENTH, **changes: Any) -> Bench:
    """A TWAP of 50 seconds in slices of 10 unless the test says otherwise."""
    bench = {name: changes.pop(name) for name in ("script", "restart_always") if name in changes}
    intent = {name: changes.pop(name) for name in ("price", "side") if name in changes}
    params = {"horizon_secs": 50, "interval_secs": 10} | changes
    build = make_intent if "price" in intent else make_market_intent
    made = build(quantity=Decimal(quantity), exec_algorithm="TWAP", exec_algorithm_params=params, **intent)
    return Bench(Twap(), made, lot, minimum, **bench)


def vwap(params: dict[str, Any], quantity: str = "1", **changes: Any) -> Bench:
    made = make_market_intent(quantity=Decimal(quantity), exec_algorithm="VWAP", exec_algorithm_params=params)
    return Bench(Vwap(), made, TENTH, TENTH, **changes)


def in_turn(scripts: Sequence[Script]) -> Script:
    """One script after the other, each for one child."""
    remaining = iter(scripts)

    def script(bench: Bench, child: Child) -> None:
        next(remaining)(bench, child)

    return script


class TestNormalCourse:
    def test_equal_slices_go_out_at_every_interval_and_the_parent_is_filled(self) -> None:
        bench = twap().start().run_until(60)
        assert bench.slices == ["0.2"] * 5
        assert bench.times_s == [0, 10, 20, 30, 40]
        assert bench.outcome == (Resolution.FILLED, None)

    def test_lots_that_dont_divide_are_spread_and_the_sum_is_exact(self) -> None:
        bench = twap(horizon_secs=30).start().run_until(60)
        assert bench.slices == ["0.3", "0.3", "0.4"]

    def test_a_last_interval_that_the_horizon_cuts_short_gets_less(self) -> None:
        bench = twap("1.1", horizon_secs=55).start().run_until(60)
        assert bench.slices == ["0.2"] * 5 + ["0.1"]
        assert bench.times_s == [0, 10, 20, 30, 40, 50]

    def test_slices_below_the_minimum_are_merged(self) -> None:
        bench = twap(minimum=Decimal("0.3")).start().run_until(60)
        assert bench.slices == ["0.4", "0.3", "0.3"]
        assert bench.times_s == [10, 30, 40]

    def test_slices_take_at_the_market(self) -> None:
        spawn = twap().start().children[0].spawn
        assert (spawn.order_type, spawn.price, spawn.time_in_force) == (OrderType.MARKET, None, TimeInForce.IOC)
        assert not spawn.post_only

    def test_slices_take_up_to_the_limit_if_there_is_one(self) -> None:
        spawn = twap(price=Decimal(100), side=Side.SELL).start().children[0].spawn
        assert (spawn.order_type, spawn.price, spawn.time_in_force) == (OrderType.LIMIT, Decimal(100), TimeInForce.IOC)

    def test_one_interval_is_one_slice(self) -> None:
        bench = twap(horizon_secs=10).start()
        assert bench.slices == ["1"]
        assert bench.outcome == (Resolution.FILLED, None)

    def test_vwap_follows_the_profile_it_was_given(self) -> None:
        bench = vwap({"horizon_secs": 40, "volume_profile": [3, 0, "5", 2.0]}).start().run_until(60)
        assert bench.slices == ["0.3", "0.5", "0.2"]
        assert bench.times_s == [0, 20, 30]
        assert bench.outcome == (Resolution.FILLED, None)

    def test_vwap_takes_its_profile_from_recent_trades_once(self) -> None:
        bars = [
            TradeBar(SPOT, NOW_NS - 20 * S, NOW_NS - 10 * S, Decimal(3), Decimal(0), Decimal(100), 1),
            TradeBar(SPOT, NOW_NS - 10 * S, NOW_NS, Decimal(7), Decimal(0), Decimal(100), 1),
        ]
        bench = vwap({"horizon_secs": 20, "intervals": 2}, bars=bars).start()
        bench.bars = ()
        assert bench.restart().run_until(60).slices == ["0.3", "0.7"]

    def test_vwap_without_a_profile_does_not_start(self) -> None:
        bench = vwap({"horizon_secs": 20, "intervals": 2}).start()
        assert bench.children == []
        assert bench.outcome == (Resolution.REJECTED, "NO_VOLUME_PROFILE")

    @pytest.mark.parametrize(
        ("quantity", "minimum", "code"),
        [("1.05", "0.1", "QUANTITY_OFF_LOT"), ("0.2", "0.3", "QUANTITY_BELOW_MINIMUM")],
    )
    def test_a_quantity_that_cant_be_traded_is_refused(self, quantity: str, minimum: str, code: str) -> None:
        bench = twap(quantity, minimum=Decimal(minimum)).start()
        assert bench.children == []
        assert bench.outcome == (Resolution.REJECTED, code)


class TestUnfilledSlices:
    def test_what_a_slice_did_not_fill_is_spread_over_the_slices_that_remain(self) -> None:
        bench = twap("4", script=fill_part("0.5")).start()
        bench.script = fill_all
        bench.run_until(60)
        # 0.8 each; 0.4 are missing after the first, a quarter of that for each of four.
        assert bench.slices == ["0.8", "0.9", "0.9", "0.9", "0.9"]
        assert bench.outcome == (Resolution.FILLED, None)

    def test_with_skip_it_is_never_made_up_for(self) -> None:
        bench = twap("4", catch_up="skip", script=fill_part("0.5")).start()
        bench.script = fill_all
        bench.run_until(60)
        assert bench.slices == ["0.8"] * 5
        assert bench.filled == Decimal("3.6")
        assert bench.outcome == (Resolution.EXPIRED, "HORIZON_ENDED")

    def test_a_slice_that_found_nothing_is_not_repeated_within_its_interval(self) -> None:
        bench = twap("4", script=fill_none).start().run_until(9)
        assert bench.slices == ["0.8"]

    def test_the_rest_goes_out_at_once_at_the_end_of_the_horizon(self) -> None:
        bench = twap("4", script=fill_none, catch_up_cap=2).start().run_until(45)
        assert bench.slices == ["0.8", "1", "1.3", "1.6", "1.6"]
        bench.script = fill_all
        bench.run_until(60)
        assert bench.slices[-1] == "4"
        assert bench.times_s[-1] == 50
        assert bench.outcome == (Resolution.FILLED, None)

    def test_after_the_last_slice_the_parent_ends_with_what_it_has(self) -> None:
        bench = twap("4", script=fill_none).start().run_until(60)
        assert bench.outcome == (Resolution.EXPIRED, "HORIZON_ENDED")
        assert bench.finish is not None
        assert bench.finish.reason == "the horizon ended with 0 of 4 filled"

    def test_a_rest_below_the_minimum_stays(self) -> None:
        bench = twap("1", minimum=Decimal("0.2"), horizon_secs=10).start()
        assert bench.outcome == (Resolution.FILLED, None)
        bench = twap("1", minimum=Decimal("0.2"), horizon_secs=10, script=leave_open).start()
        bench.fill(bench.children[0], Decimal("0.9"))
        bench.end(bench.children[0], OrderStatus.CANCELED)
        bench.run_until(60)
        assert bench.slices == ["1"]
        assert bench.filled == Decimal("0.9")
        assert bench.outcome == (Resolution.EXPIRED, "HORIZON_ENDED")

    def test_a_late_fill_of_a_slice_that_ended_counts(self) -> None:
        bench = twap("4", script=fill_none).start()
        bench.script = fill_all
        bench.fill(bench.children[0])
        bench.run_until(60)
        assert bench.slices == ["0.8"] * 5
        assert bench.outcome == (Resolution.FILLED, None)

    def test_who_is_ahead_of_the_schedule_sends_less(self) -> None:
        bench = twap("4", script=fill_none).start()
        bench.script = fill_all
        bench.run_until(15)
        bench.fill(bench.children[0])
        bench.run_until(60)
        assert bench.slices == ["0.8", "1", "0.6", "0.8", "0.8"]
        assert bench.outcome == (Resolution.FILLED, None)


class TestUnknownSlices:
    def test_an_unknown_slice_counts_as_live_and_is_not_sent_again(self) -> None:
        bench = twap(script=leave_open).start()
        bench.end(bench.children[0], OrderStatus.UNKNOWN)
        bench.script = fill_all
        bench.run_until(60)
        assert bench.slices == ["0.2"] * 5
        assert bench.finish is None

    def test_when_it_turns_out_filled_the_parent_is_filled(self) -> None:
        bench = twap(script=leave_open).start()
        bench.end(bench.children[0], OrderStatus.UNKNOWN)
        bench.script = fill_all
        bench.run_until(60)
        bench.fill(bench.children[0])
        assert bench.outcome == (Resolution.FILLED, None)

    def test_when_it_turns_out_absent_in_time_it_is_caught_up_with(self) -> None:
        bench = twap(script=leave_open).start()
        bench.end(bench.children[0], OrderStatus.UNKNOWN)
        bench.script = fill_all
        bench.run_until(25)
        bench.end(bench.children[0], OrderStatus.CANCELED)
        bench.run_until(60)
        assert bench.slices == ["0.2", "0.2", "0.2", "0.3", "0.3"]
        assert bench.outcome == (Resolution.FILLED, None)

    def test_when_it_turns_out_absent_after_the_end_it_goes_out_as_the_last_slice(self) -> None:
        bench = twap(script=leave_open).start()
        bench.end(bench.children[0], OrderStatus.UNKNOWN)
        bench.script = fill_all
        bench.run_until(80)
        bench.end(bench.children[0], OrderStatus.CANCELED)
        assert bench.slices == ["0.2"] * 6
        assert bench.outcome == (Resolution.FILLED, None)


class TestRefusedSlices:
    def test_a_refused_slice_is_tried_again_a_second_later(self) -> None:
        bench = twap(script=refuse).start()
        bench.script = fill_all
        bench.run_until(60)
        assert bench.slices == ["0.2"] * 6
        assert bench.times_s == [0, 1, 10, 20, 30, 40]
        assert bench.outcome == (Resolution.FILLED, None)

    def test_with_skip_a_refused_slice_is_tried_again_as_well(self) -> None:
        bench = twap(script=refuse, catch_up="skip").start()
        bench.script = fill_all
        bench.run_until(60)
        assert bench.outcome == (Resolution.FILLED, None)

    def test_after_three_refusals_in_a_row_the_parent_gives_up(self) -> None:
        bench = twap(script=refuse).start().run_until(60)
        assert bench.times_s == [0, 1, 2]
        assert bench.outcome == (Resolution.REJECTED, "CHILD_REJECTS")
        assert bench.finish is not None
        assert "3 spawns in a row" in bench.finish.reason
        assert "PRICE_TOLERANCE" in bench.finish.reason

    def test_after_a_fill_giving_up_is_a_cancel(self) -> None:
        bench = twap(max_rejects=1).start()
        bench.script = refuse
        bench.run_until(60)
        assert bench.filled == Decimal("0.2")
        assert bench.outcome == (Resolution.CANCELED, "CHILD_REJECTS")

    def test_a_fill_in_between_starts_the_count_again(self) -> None:
        bench = twap(script=in_turn([refuse, refuse, fill_all] * 5)).start().run_until(60)
        assert bench.slices == ["0.2"] * 15
        assert bench.outcome == (Resolution.FILLED, None)

    def test_a_refused_last_slice_is_tried_again_too(self) -> None:
        bench = twap(script=fill_none).start().run_until(45)
        bench.script = refuse
        bench.run_until(50.5)
        bench.script = fill_all
        bench.run_until(60)
        assert bench.times_s[-2:] == [50, 51]
        assert bench.outcome == (Resolution.FILLED, None)

    def test_giving_up_cancels_what_is_open_first(self) -> None:
        bench = twap(script=leave_open, max_rejects=1).start()
        bench.script = refuse
        bench.run_until(15)
        assert bench.children[0].is_canceling
        assert bench.finish is None
        bench.end(bench.children[0], OrderStatus.CANCELED)
        assert bench.outcome == (Resolution.REJECTED, "CHILD_REJECTS")

    def test_legs_of_one_slice_count_once(self) -> None:
        bench = twap(script=refuse, max_rejects=2).start()
        # The router split the slice: a second child of the same moment.
        first = bench.children[0]
        bench.children.append(Child(2, first.spawn, first.created_at_ns, OrderStatus.REJECTED))
        bench.run_until(0.5)
        assert bench.finish is None
        bench.run_until(60)
        assert bench.times_s == [0, 0, 1]
        assert bench.outcome == (Resolution.REJECTED, "CHILD_REJECTS")

    def test_a_leg_that_fills_keeps_its_slice_from_counting_as_refused(self) -> None:
        bench = twap(max_rejects=1).start()
        first = bench.children[0]
        bench.children.append(Child(2, first.spawn, first.created_at_ns, OrderStatus.REJECTED))
        bench.run_until(15)
        assert bench.finish is None
        assert len(bench.children) == 3


class TestCancel:
    def test_without_open_children_it_ends_at_once(self) -> None:
        bench = twap().start()
        bench.cancel()
        assert bench.filled == Decimal("0.2")
        assert bench.outcome == (Resolution.CANCELED, None)

    def test_it_waits_for_its_children(self) -> None:
        bench = twap(script=leave_open).start().run_until(15)
        bench.cancel()
        assert [child.is_canceling for child in bench.children] == [True, True]
        bench.end(bench.children[0], OrderStatus.CANCELED)
        assert bench.finish is None
        bench.run_until(100)
        assert len(bench.children) == 2
        bench.fill(bench.children[1])
        assert bench.outcome == (Resolution.CANCELED, None)

    def test_a_cancel_that_meets_the_last_fill_ends_filled(self) -> None:
        bench = twap(horizon_secs=10, script=leave_open).start()
        bench.cancel()
        bench.fill(bench.children[0])
        assert bench.outcome == (Resolution.FILLED, None)

    def test_it_goes_on_after_a_restart(self) -> None:
        bench = twap(script=leave_open).start()
        bench.cancel()
        bench.restart()
        bench.end(bench.children[0], OrderStatus.CANCELED)
        assert bench.outcome == (Resolution.CANCELED, None)


class TestDownTime:
    """Slots at 0, 10, 20, 30 and 40 s, each of 0.8; the process is down for a while."""

    @pytest.mark.parametrize(
        ("up_again_s", "params", "slices", "filled"),
        [
            # One slot missed: 0.8 spread over three.
            (22, {}, ["0.8", "1", "1.1", "1.1"], "4"),
            # Three missed: 2.4 with the last slot, as the cap allows.
            (42, {"catch_up_cap": 10}, ["0.8", "3.2"], "4"),
            (42, {}, ["0.8", "2.4", "0.8"], "4"),
            (42, {"catch_up_cap": 1}, ["0.8", "0.8", "2.4"], "4"),
            # Everything missed: the rest at once.
            (55, {}, ["0.8", "3.2"], "4"),
            # Skipped slots are gone for good.
            (22, {"catch_up": "skip"}, ["0.8", "0.8", "0.8", "0.8"], "3.2"),
            (42, {"catch_up": "skip"}, ["0.8", "0.8"], "1.6"),
            (55, {"catch_up": "skip"}, ["0.8"], "0.8"),
        ],
    )
    def test_missed_slices_follow_catch_up(
        self, up_again_s: int, params: dict[str, Any], slices: list[str], filled: str
    ) -> None:
        bench = twap("4", **params).start().skip_to(up_again_s).restart().run_until(100)
        assert bench.slices == slices
        assert bench.filled == Decimal(filled)
        assert bench.outcome == ((Resolution.FILLED, None) if filled == "4" else (Resolution.EXPIRED, "HORIZON_ENDED"))

    def test_a_restart_within_a_slot_sends_nothing_twice(self) -> None:
        bench = twap("4").start()
        for seconds in (3, 6, 9):
            bench.skip_to(seconds).restart()
        assert bench.slices == ["0.8"]
        assert bench.run_until(100).slices == ["0.8"] * 5

    def test_a_timer_that_rings_early_sends_nothing_early(self) -> None:
        bench = twap("4").start()
        bench.skip_to(9.999)
        bench.ring()
        assert bench.slices == ["0.8"]
        assert bench.timer_ns == NOW_NS + 10 * S


SCRIPTS: list[Script] = [fill_all, fill_all, fill_none, fill_part("0.5"), fill_part("0.1"), refuse, leave_open]


@st.composite
def courses(draw: st.DrawFn) -> dict[str, Any]:
    interval = draw(st.integers(1, 20))
    params: dict[str, Any] = {
        "horizon_secs": interval * draw(st.integers(1, 15)) + draw(st.integers(0, 5)),
        "interval_secs": interval,
        "max_rejects": draw(st.integers(1, 5)),
    }
    if draw(st.booleans()):
        params["catch_up"] = "skip"
    else:
        params["catch_up_cap"] = draw(st.integers(1, 5))
    return {
        "params": params,
        "lots": draw(st.integers(1, 200)),
        "least": draw(st.integers(1, 12)),
        "scripts": draw(st.lists(st.integers(0, len(SCRIPTS) - 1), min_size=1, max_size=30)),
        "weights": draw(st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any)),
    }


def drive(algorithm: ExecutionAlgorithm, course: dict[str, Any], *, restart_always: bool) -> Bench:
    """Run a course to its end: children do what is scripted, and what stayed open ends at last."""
    params = dict(course["params"])
    if algorithm.name == "VWAP":
        del params["interval_secs"]
        params["volume_profile"] = course["weights"]
    intent = make_market_intent(
        quantity=TENTH * course["lots"], exec_algorithm=algorithm.name, exec_algorithm_params=params
    )
    bench = Bench(
        algorithm,
        intent,
        TENTH,
        TENTH * min(course["least"], course["lots"]),
        in_turn([SCRIPTS[index] for index in course["scripts"] * 100]),
        restart_always=restart_always,
    )
    bench.start()
    horizon_s = params["horizon_secs"]
    for step in range(5):
        bench.run_until(horizon_s * step / 4)
        if restart_always:
            bench.restart()
    for _ in range(500):
        if bench.finish is not None:
            break
        bench.run_until((bench.now_ns - NOW_NS) / S + 1)
        for child in bench.children:
            if child.is_open and bench.finish is None:
                bench.end(child, OrderStatus.CANCELED if child.ordinal % 2 else OrderStatus.EXPIRED)
    return bench


@given(courses(), st.sampled_from([Twap(), Vwap()]))
def test_every_course_ends_once_and_never_exceeds_the_parent(
    course: dict[str, Any], algorithm: ExecutionAlgorithm
) -> None:
    bench = drive(algorithm, course, restart_always=False)
    assert bench.finish is not None
    assert bench.filled <= bench.parent.quantity
    assert (bench.finish.resolution is Resolution.FILLED) == (bench.filled == bench.parent.quantity)


@given(courses(), st.sampled_from([Twap(), Vwap()]))
def test_restarting_at_every_step_changes_nothing(course: dict[str, Any], algorithm: ExecutionAlgorithm) -> None:
    straight = drive(algorithm, course, restart_always=False)
    interrupted = drive(algorithm, course, restart_always=True)
    assert (straight.slices, straight.times_s) == (interrupted.slices, interrupted.times_s)
    assert straight.outcome == interrupted.outcome


@given(courses(), st.sampled_from([Twap(), Vwap()]))
def test_when_everything_fills_the_slices_add_up_exactly(course: dict[str, Any], algorithm: ExecutionAlgorithm) -> None:
    bench = drive(algorithm, course | {"scripts": [0]}, restart_always=False)
    assert sum((child.quantity for child in bench.children), Decimal(0)) == bench.parent.quantity
    assert bench.outcome == (Resolution.FILLED, None)
    assert len(bench.children) <= len(bench.parent.schedule["targets"] if bench.parent.schedule else [])
