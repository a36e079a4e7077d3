"""The ledger: records in, orders, families, positions, books and controls out."""

from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import (
    ConfigApplied,
    ControlScope,
    DriftAccepted,
    DriftSeen,
    FlattenEnded,
    FlattenRequested,
    LatchCleared,
    LatchSet,
    PositionChange,
    PositionChanged,
    ScopeKind,
    StateChanged,
    TradingState,
)
from liveexec.domain.fill import cumulative_fill_key
from liveexec.domain.ids import AccountId, OrderId, StrategyId, VenueOrderId, child_order_id
from liveexec.domain.ledger import Ledger
from liveexec.domain.operation import Side
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.record import Event
from liveexec.errors import InvariantViolation, TransitionError
from support.builders import (
    ALPHA_ACCOUNT,
    BETA_ACCOUNT,
    LINEAR,
    LINEAR_TERMS,
    NOW_NS,
    SPOT,
    SPOT_AT_BETA,
    STRATEGY,
    events_to,
    make_adopted,
    make_asset_moved,
    make_fill,
    make_intent,
    make_leg,
    make_market_intent,
    make_order_id,
    make_received,
    make_record,
    make_routed,
    make_submit_requested,
    parts,
)
from support.strategies import amounts

ORDER = make_order_id(1)
CONTROL = "control:main"


def ledger_of(*records: tuple[str, tuple[Event, ...]]) -> Ledger:
    """The fold of these records; sequences are what they should be."""
    ledger = Ledger()
    for stream, events in records:
        ledger.apply(make_record(stream, ledger.next_sequence(stream), *events))
    return ledger


def placed(
    number: int, *, parent: OrderId | None = None, leg: ev.RouteLeg | None = None, quantity: str = "1.0"
) -> tuple[OrderId, tuple[OrderEvent, ...]]:
    """A leaf that the venue has accepted."""
    order_id = child_order_id(parent, number) if parent is not None else make_order_id(number)
    received = make_received(
        make_intent(quantity=Decimal(quantity)), parent_order_id=parent, ordinal=number if parent is not None else None
    )
    return order_id, (
        received,
        make_routed(leg or make_leg()),
        make_submit_requested(),
        ev.Accepted(VenueOrderId("V"), NOW_NS),
    )


class TestSequences:
    def test_streams_begin_at_one_and_have_no_gaps(self) -> None:
        ledger = Ledger()
        assert ledger.next_sequence(ORDER) == 1
        ledger.apply(make_record(ORDER, 1, make_received(), make_routed()))
        assert ledger.next_sequence(ORDER) == 3
        ledger.apply(make_record(ALPHA_ACCOUNT, 1, make_asset_moved("1"), make_asset_moved("2")))
        assert ledger.next_sequence(ALPHA_ACCOUNT) == 3
        assert ledger.next_sequence(BETA_ACCOUNT) == 1

    @pytest.mark.parametrize("sequence", [-1, 0, 1, 2, 4, 99])
    def test_a_record_out_of_sequence_is_refused_and_changes_nothing(self, sequence: int) -> None:
        ledger = ledger_of(
            (ORDER, (make_received(), make_routed())), (ALPHA_ACCOUNT, (make_asset_moved("1"), make_asset_moved("2")))
        )
        for stream, event in ((ORDER, make_submit_requested()), (ALPHA_ACCOUNT, make_asset_moved("5"))):
            with pytest.raises(InvariantViolation, match=f"starts at sequence {sequence}, expected 3"):
                ledger.apply(make_record(stream, sequence, event))
        assert ledger.orders[ORDER].status is OrderStatus.PENDING
        assert ledger.books[ALPHA_ACCOUNT].assets == {"USDT": 3}

    def test_an_order_begins_with_its_beginning(self) -> None:
        with pytest.raises(InvariantViolation, match="before the order is known"):
            Ledger().apply(make_record(ORDER, 1, ev.Accepted(None, None)))

    def test_an_event_that_does_not_follow_raises(self) -> None:
        ledger = ledger_of((ORDER, (make_received(),)))
        with pytest.raises(TransitionError):
            ledger.apply(make_record(ORDER, 2, ev.Canceled("x", None)))

    def test_a_fill_of_an_order_that_was_never_routed_contradicts_itself(self) -> None:
        ledger = ledger_of((ORDER, (make_received(), make_submit_requested())))
        with pytest.raises(InvariantViolation, match="before it was routed"):
            ledger.apply(make_record(ORDER, 3, ev.FillApplied(make_fill())))


class TestFamilies:
    PARENT = make_order_id(100)

    def family(self, *children: tuple[OrderId, tuple[OrderEvent, ...]]) -> Ledger:
        intent = make_market_intent(exec_algorithm="TWAP", quantity=Decimal(3))
        spawned = [ev.ChildSpawned(child, number, Decimal(1)) for number, (child, _) in enumerate(children, 1)]
        return ledger_of((self.PARENT, (make_received(intent), ev.ScheduleFixed({}), *spawned)), *children)

    def fill(self, ledger: Ledger, child: OrderId, event: OrderEvent) -> None:
        ledger.apply(make_record(child, ledger.next_sequence(child), event))

    @given(st.lists(st.tuples(st.integers(0, 2), amounts(4, 1), amounts(2, 99_999)), max_size=9))
    def test_a_parent_is_filled_as_its_leaves_are_and_holds_nothing_itself(
        self, fills: list[tuple[int, Decimal, Decimal]]
    ) -> None:
        children = [placed(number, parent=self.PARENT) for number in (1, 2, 3)]
        ledger = self.family(*children)
        applied = []
        for number, (which, quantity, price) in enumerate(fills):
            fill = make_fill(number, quantity=quantity, price=price)
            applied.append((children[which][0], fill))
            self.fill(ledger, children[which][0], ev.FillApplied(fill))
        for child, fill in applied[::3]:
            self.fill(ledger, child, ev.FillBusted(fill, "error"))
        parent = ledger.orders[self.PARENT]
        leaves = [ledger.orders[child] for child, _ in children]
        assert parent.filled_quantity == sum(leaf.filled_quantity for leaf in leaves)
        assert parent.filled_cost == sum(leaf.filled_cost for leaf in leaves)
        assert parent.fills is None
        assert parent.last_sequence == 5
        net = sum((fill.quantity for leaf in leaves for fill in (leaf.fills or {}).values()), Decimal(0))
        assert ledger.net_quantity(ALPHA_ACCOUNT, SPOT) == net

    def test_a_correction_of_a_childs_fill_reaches_the_parent(self) -> None:
        child = placed(1, parent=self.PARENT)
        ledger = self.family(child)
        self.fill(ledger, child[0], ev.FillApplied(make_fill(1)))
        self.fill(
            ledger, child[0], ev.FillCorrected(make_fill(1), make_fill(2, quantity=Decimal(1), price=Decimal(44_000)))
        )
        parent = ledger.orders[self.PARENT]
        assert parts(parent, "filled_quantity filled_cost average_price") == (1, 44_000, 44_000)

    def test_a_childs_late_fill_counts_when_both_are_done(self) -> None:
        child = placed(1, parent=self.PARENT)
        ledger = self.family(child)
        self.fill(ledger, child[0], ev.Canceled("requested", NOW_NS))
        self.fill(ledger, self.PARENT, ev.ParentFinished(ev.Resolution.CANCELED, None, "canceled"))
        self.fill(ledger, child[0], ev.FillApplied(make_fill(1)))
        parent = ledger.orders[self.PARENT]
        assert parts(parent, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.5"))
        assert ledger.net_quantity(ALPHA_ACCOUNT, SPOT) == Decimal("0.5")

    def test_legs_at_two_venues_are_one_order_and_two_positions(self) -> None:
        at_beta = placed(2, parent=self.PARENT, leg=make_leg(SPOT_AT_BETA, account_id=BETA_ACCOUNT))
        at_alpha = placed(1, parent=self.PARENT)
        ledger = self.family(at_alpha, at_beta)
        self.fill(ledger, at_alpha[0], ev.FillApplied(make_fill(1)))
        self.fill(ledger, at_beta[0], ev.FillApplied(make_fill(1, instrument_id=SPOT_AT_BETA, quantity=Decimal(1))))
        assert ledger.orders[self.PARENT].filled_quantity == Decimal("1.5")
        assert ledger.net_quantity(ALPHA_ACCOUNT, SPOT) == Decimal("0.5")
        assert ledger.net_quantity(BETA_ACCOUNT, SPOT_AT_BETA) == 1
        assert set(ledger.positions) == {(ALPHA_ACCOUNT, STRATEGY, SPOT), (BETA_ACCOUNT, STRATEGY, SPOT_AT_BETA)}

    def test_a_child_whose_parent_has_left_memory_still_counts_for_the_account(self) -> None:
        child = placed(1, parent=self.PARENT)
        ledger = ledger_of(child)
        self.fill(ledger, child[0], ev.FillApplied(make_fill(1)))
        assert ledger.net_quantity(ALPHA_ACCOUNT, SPOT) == Decimal("0.5")


class TestPositions:
    def test_fills_busts_and_corrections_move_position_fee_and_assets(self) -> None:
        ledger = ledger_of(placed(1))
        key = (ALPHA_ACCOUNT, STRATEGY, SPOT)
        steps: list[tuple[OrderEvent, str, str]] = [
            (ev.FillApplied(make_fill(1)), "0.5", "-22502.25"),
            (ev.FillCorrected(make_fill(1), make_fill(2, price=Decimal(44_000), fee=Decimal(2))), "0.5", "-22002"),
            (ev.FillBusted(make_fill(2, price=Decimal(44_000), fee=Decimal(2)), "error"), "0", "0"),
        ]
        for event, quantity, usdt in steps:
            ledger.apply(make_record(make_order_id(1), ledger.next_sequence(make_order_id(1)), event))
            assert ledger.positions[key].quantity == ledger.net_quantity(ALPHA_ACCOUNT, SPOT) == Decimal(quantity)
            assert ledger.books[ALPHA_ACCOUNT].assets.get("USDT", 0) == Decimal(usdt)
        assert ledger.positions[key].fees == {"USDT": 0}

    @pytest.mark.parametrize(
        "status", [OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.FILLED]
    )
    def test_a_late_fill_on_a_finished_order_still_moves_the_position(self, status: OrderStatus) -> None:
        ledger = ledger_of((ORDER, (make_received(), *events_to(status))))
        before = ledger.net_quantity(ALPHA_ACCOUNT, SPOT)
        ledger.apply(make_record(ORDER, ledger.next_sequence(ORDER), ev.FillApplied(make_fill(9))))
        assert ledger.net_quantity(ALPHA_ACCOUNT, SPOT) == before + Decimal("0.5")

    def test_the_accounts_net_is_the_sum_over_its_strategies(self) -> None:
        other = make_received(make_intent(strategy_id=StrategyId("other"), side=Side.SELL))
        ledger = ledger_of(placed(1), (make_order_id(2), (other, *placed(2)[1][1:])))
        ledger.apply(make_record(make_order_id(1), 5, ev.FillApplied(make_fill(1))))
        ledger.apply(
            make_record(make_order_id(2), 5, ev.FillApplied(make_fill(1, side=Side.SELL, quantity=Decimal("0.2"))))
        )
        by_strategy = {key[1]: position.quantity for key, position in ledger.positions.items()}
        assert by_strategy == {STRATEGY: Decimal("0.5"), "other": Decimal("-0.2")}
        assert ledger.net_quantity(ALPHA_ACCOUNT, SPOT) == Decimal("0.3")

    def test_what_an_adopted_order_filled_follows_it_to_its_strategy(self) -> None:
        ledger = ledger_of(
            (
                ORDER,
                (
                    make_adopted(),
                    ev.FillApplied(make_fill(1, side=Side.SELL)),
                    ev.Reattributed(STRATEGY, "operator", "late"),
                ),
            )
        )
        assert {key[1]: (position.quantity, position.fees["USDT"]) for key, position in ledger.positions.items()} == {
            "EXTERNAL": (0, 0),
            STRATEGY: (Decimal("-0.5"), Decimal("2.25")),
        }
        assert ledger.net_quantity(ALPHA_ACCOUNT, SPOT) == Decimal("-0.5")

    def test_a_position_changes_without_a_fill_for_account_and_strategy(self) -> None:
        change = PositionChanged(
            ALPHA_ACCOUNT, "EXTERNAL", LINEAR, Decimal(-2), Decimal(100), LINEAR_TERMS, PositionChange.OPENING, "P-1"
        )
        ledger = ledger_of((ALPHA_ACCOUNT, (change,)))
        assert ledger.net_quantity(ALPHA_ACCOUNT, LINEAR) == -2
        assert ledger.positions[ALPHA_ACCOUNT, StrategyId("EXTERNAL"), LINEAR].cost == -200

    def test_nothing_is_held_where_nothing_happened(self) -> None:
        assert Ledger().net_quantity(AccountId("nowhere"), SPOT) == 0

    def test_a_reader_with_few_digits_folds_what_the_engine_folded(self) -> None:
        fills = [
            make_fill(n, quantity=Decimal("1234.123456789012345678"), price=Decimal("2345.123456789012345678"))
            for n in (1, 2)
        ]
        exact, careless = Ledger(), Ledger()
        for ledger, context in ((exact, None), (careless, Context(prec=6))):
            with localcontext(context):
                for stream, events in (placed(1), (make_order_id(1), tuple(ev.FillApplied(fill) for fill in fills))):
                    ledger.apply(make_record(stream, ledger.next_sequence(stream), *events))
        assert exact.orders[make_order_id(1)].filled_cost == careless.orders[make_order_id(1)].filled_cost
        assert exact.books[ALPHA_ACCOUNT].assets == careless.books[ALPHA_ACCOUNT].assets


class TestControls:
    GLOBAL = ControlScope(ScopeKind.GLOBAL)
    VENUE = ControlScope(ScopeKind.VENUE, "ALPHA")

    def test_the_last_state_of_a_scope_holds_and_active_where_none_was_set(self) -> None:
        ledger = ledger_of(
            (CONTROL, (StateChanged(self.GLOBAL, TradingState.HALTED, "operator", "test"),)),
            (CONTROL, (StateChanged(self.VENUE, TradingState.REDUCING, "operator", "test"),)),
            (CONTROL, (StateChanged(self.GLOBAL, TradingState.ACTIVE, "operator", "over"),)),
        )
        assert ledger.state_of(self.GLOBAL) is TradingState.ACTIVE
        assert ledger.state_of(self.VENUE) is TradingState.REDUCING
        assert ledger.state_of(ControlScope(ScopeKind.VENUE, "BETA")) is TradingState.ACTIVE
        assert ledger.states[self.GLOBAL].reason == "over"
        assert ledger.next_sequence(CONTROL) == 4

    def test_states_grow_stricter(self) -> None:
        assert [state.severity for state in TradingState] == [0, 1, 2]
        assert (str(self.GLOBAL), str(self.VENUE)) == ("GLOBAL", "VENUE:ALPHA")

    def test_what_is_to_be_flattened_waits_by_scope_and_account(self) -> None:
        other = AccountId("ALPHA-2")
        asked = [
            FlattenRequested(scope, account, make_order_id(), "operator")
            for scope in (self.GLOBAL, self.VENUE)
            for account in (ALPHA_ACCOUNT, other)
        ]
        ledger = ledger_of((CONTROL, (*asked, FlattenEnded(self.VENUE, other, "it is being closed"))))
        assert list(ledger.flattenings) == [
            (self.GLOBAL, ALPHA_ACCOUNT), (self.GLOBAL, other), (self.VENUE, ALPHA_ACCOUNT),
        ]  # fmt: skip

    def test_a_latch_stays_until_it_is_cleared_for_its_scope_and_code(self) -> None:
        scope = ControlScope(ScopeKind.STRATEGY, STRATEGY)
        ledger = ledger_of(
            (CONTROL, (LatchSet(scope, "REPEATED_EXECUTION", "5 times"), LatchSet(scope, "LOSS_LIMIT", "-10")))
        )
        ledger.apply(make_record(CONTROL, 3, LatchCleared(scope, "LOSS_LIMIT", "operator", "reviewed")))
        assert list(ledger.latches) == [(scope, "REPEATED_EXECUTION")]
        ledger.apply(
            make_record(CONTROL, 4, LatchCleared(self.GLOBAL, "REPEATED_EXECUTION", "operator", "other scope"))
        )
        assert list(ledger.latches) == [(scope, "REPEATED_EXECUTION")]

    def test_a_drift_stays_until_it_is_accepted(self) -> None:
        ledger = ledger_of((ALPHA_ACCOUNT, (DriftSeen(ALPHA_ACCOUNT, SPOT, Decimal(1), Decimal(2)),)))
        ledger.apply(make_record(ALPHA_ACCOUNT, 2, DriftSeen(ALPHA_ACCOUNT, SPOT, Decimal(1), Decimal(3))))
        assert ledger.drifts[ALPHA_ACCOUNT, SPOT].theirs == 3
        ledger.apply(
            make_record(ALPHA_ACCOUNT, 3, DriftAccepted(ALPHA_ACCOUNT, SPOT, Decimal(3), "operator", "counted"))
        )
        assert ledger.drifts == {}

    def test_a_configuration_is_recorded_and_changes_nothing_here(self) -> None:
        ledger = ledger_of((CONTROL, (ConfigApplied("abc", "operator", "limits"),)))
        assert (ledger.next_sequence(CONTROL), ledger.states, ledger.latches) == (2, {}, {})


def test_cumulative_fills_are_keyed_by_the_quantity_reached() -> None:
    keys = {
        cumulative_fill_key(SPOT, VenueOrderId("V-1"), Side.BUY, Decimal(text)) for text in ("1.5", "1.50", "15E-1")
    }
    assert keys == {"ALPHA:SPOT_PAIR:BTC-USDT|V-1|BUY|cum=1.5"}
