"""POSITION_LIMIT: the worst that a position may become, and never a refusal of what makes it smaller."""

from decimal import Decimal

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import AccountId, StrategyId
from liveexec.domain.operation import Side
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk_config import RiskConfig
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    INVERSE,
    LINEAR,
    MULTIPLIED,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    make_intent,
)
from support.risk_world import RiskWorld, codes_of

REFUSED = ["POSITION_LIMIT"]
OTHER = StrategyId("other")
BUY, SELL = Side.BUY, Side.SELL


def limited(limits: dict[str, int]) -> RiskWorld:
    by_instrument = {key: Decimal(limit) for key, limit in limits.items()}
    return RiskWorld(RiskConfig(max_position_per_instrument=by_instrument))


def summed(**sums: int) -> RiskWorld:
    amounts = {name: Decimal(limit) for name, limit in sums.items()}
    return RiskWorld(RiskConfig(**amounts))  # type: ignore[arg-type] # by name


def asks(world: RiskWorld, side: Side, quantity: str, key: str = LINEAR, **intent: object) -> list[str]:
    return world.codes(make_intent(side=side, quantity=Decimal(quantity), instrument_key=key, **intent))


class TestInstrument:
    @pytest.mark.parametrize(
        ("held", "side", "quantity", "codes"),
        [
            ("0", BUY, "10", []),
            ("0", BUY, "10.001", REFUSED),
            ("0", SELL, "10", []),
            ("0", SELL, "10.001", REFUSED),
            ("4", BUY, "6", []),
            ("4", BUY, "6.001", REFUSED),
            ("4", SELL, "14", []),
            ("4", SELL, "14.001", REFUSED),
            ("-4", SELL, "6.001", REFUSED),
            ("15", SELL, "25", []),
            ("15", SELL, "25.001", REFUSED),
            ("15", BUY, "0.001", REFUSED),
        ],
    )
    def test_the_position_may_reach_its_limit_on_either_side(
        self, held: str, side: Side, quantity: str, codes: list[str]
    ) -> None:
        world = limited({LINEAR: 10})
        if held != "0":
            world.hold(LINEAR, held)
        assert asks(world, side, quantity) == codes

    def test_open_orders_of_the_same_side_count_and_those_of_the_other_do_not(self) -> None:
        world = limited({LINEAR: 10})
        world.works(instrument_key=LINEAR, side=BUY, quantity=Decimal(6))
        world.works(instrument_key=LINEAR, side=SELL, quantity=Decimal(9))
        assert asks(world, BUY, "4") == []
        assert asks(world, BUY, "4.001") == REFUSED
        assert asks(world, SELL, "1") == []
        assert asks(world, SELL, "1.001") == REFUSED

    def test_orders_of_unknown_fate_and_pending_changes_count_at_their_worst(self) -> None:
        world = limited({LINEAR: 10})
        order = world.works(instrument_key=LINEAR, quantity=Decimal(6))
        world.apply(order, ev.SubmitUnknown(1, "timeout"))
        assert asks(world, BUY, "4.001") == REFUSED

    def test_all_accounts_at_the_venue_count(self) -> None:
        world = limited({LINEAR: 10})
        second = AccountId("ALPHA-2")
        world.state.venue_accounts[ALPHA] = (ALPHA_ACCOUNT, second)
        world.hold(LINEAR, "7", account_id=second)
        assert asks(world, BUY, "3") == []
        assert asks(world, BUY, "3.001") == REFUSED

    def test_the_worse_of_two_views_of_the_net_counts_on_each_side(self) -> None:
        world = limited({LINEAR: 10})
        world.hold(LINEAR, "2")
        world.drifts(LINEAR, "2", "5")
        assert asks(world, BUY, "5") == []
        assert asks(world, BUY, "5.001") == REFUSED
        assert asks(world, SELL, "12") == []
        assert asks(world, SELL, "12.001") == REFUSED

    @pytest.mark.parametrize(
        ("limits", "codes"),
        [
            ({"*": 1}, REFUSED),
            ({"*": 1, LINEAR: 10}, []),
            ({"*": 1, "PERPETUAL:BTC-USDT@LIN": 10}, []),
            ({LINEAR: 1, "*": 10}, REFUSED),
            ({SPOT: 1}, []),
        ],
    )
    def test_the_most_specific_limit_holds(self, limits: dict[str, int], codes: list[str]) -> None:
        assert asks(limited(limits), BUY, "2") == codes

    def test_a_change_counts_only_what_it_adds(self) -> None:
        world = limited({LINEAR: 10})
        order = world.works(instrument_key=LINEAR, quantity=Decimal(8))
        assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "10", "45000"))) == []
        assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "10.001", "45000"))) == REFUSED
        world.hold(LINEAR, "9")
        assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "7", "45000"))) == []

    def test_a_parent_that_could_never_be_filled_is_refused_at_once(self) -> None:
        world = limited({LINEAR: 10})
        world.hold(LINEAR, "4")
        fits = make_intent(instrument_key=LINEAR, quantity=Decimal(6), exec_algorithm="TWAP")
        too_large = make_intent(instrument_key=LINEAR, quantity=Decimal("6.001"), exec_algorithm="TWAP")
        assert codes_of(world.parent(fits)) == []
        assert codes_of(world.parent(too_large)) == REFUSED


class TestProduct:
    def test_the_net_over_all_venues_counts_with_what_is_asked_for_there(self) -> None:
        world = limited({SPOT_PRODUCT: 10})
        world.hold(SPOT, "6")
        world.hold(SPOT_AT_BETA, "-1", strategy_id=OTHER)
        world.runs(instrument_key=SPOT_PRODUCT, quantity=Decimal(2), strategy_id=OTHER)
        assert codes_of(world.parent(make_intent(instrument_key=SPOT_PRODUCT, quantity=Decimal(3)))) == []
        assert codes_of(world.parent(make_intent(instrument_key=SPOT_PRODUCT, quantity=Decimal("3.00001")))) == REFUSED
        assert codes_of(world.parent(make_intent(quantity=Decimal("3.00001")))) == REFUSED
        sale = make_intent(instrument_key=SPOT_PRODUCT, side=SELL, quantity=Decimal(15))
        assert codes_of(world.parent(sale)) == []

    def test_a_named_product_lifts_any_from_its_instruments(self) -> None:
        world = limited({SPOT_PRODUCT: 10, "*": 1})
        assert asks(world, BUY, "9", SPOT) == []


class TestSums:
    """At the mark of 45,000, one BTC is worth 45,000 of the reporting asset."""

    @pytest.mark.parametrize("sums", ["max_position_per_strategy", "max_position_global", "max_position_per_account"])
    @pytest.mark.parametrize(("quantity", "codes"), [("1", []), ("1.001", REFUSED)])
    def test_worst_nets_of_all_instruments_add_up(self, sums: str, quantity: str, codes: list[str]) -> None:
        world = summed(**{sums: 45_000 * 10})
        world.hold(SPOT, "-3")
        world.works(instrument_key=SPOT, side=SELL, quantity=Decimal(2))
        world.works(instrument_key=MULTIPLIED, quantity=Decimal("0.04"))
        world.hold(LINEAR, "1")
        world.works(instrument_key=LINEAR, side=BUY, quantity=Decimal(1))
        assert asks(world, BUY, quantity) == codes

    @pytest.mark.parametrize("sums", ["max_position_per_strategy", "max_position_global", "max_position_per_account"])
    def test_what_does_not_make_the_worst_larger_passes_beyond_the_limit(self, sums: str) -> None:
        world = summed(**{sums: 45_000})
        world.hold(LINEAR, "5")
        assert asks(world, SELL, "10") == []
        assert asks(world, SELL, "10.001") == REFUSED
        assert asks(world, BUY, "0.001") == REFUSED

    def test_a_strategys_sum_is_its_own_and_nets_over_venues(self) -> None:
        world = summed(max_position_per_strategy=45_000)
        world.hold(SPOT, "5")
        world.hold(SPOT_AT_BETA, "-5")
        world.hold(LINEAR, "50", strategy_id=OTHER)
        assert asks(world, BUY, "1", SPOT) == []
        assert asks(world, BUY, "1.00001", SPOT) == REFUSED
        assert asks(world, BUY, "1", LINEAR) == []

    def test_the_global_sum_is_over_all_strategies(self) -> None:
        world = summed(max_position_global=45_000 * 3)
        world.hold(SPOT, "1", strategy_id=OTHER)
        world.runs(instrument_key=SPOT_PRODUCT, quantity=Decimal(1), strategy_id=OTHER)
        assert asks(world, BUY, "1", LINEAR) == []
        assert asks(world, BUY, "1.001", LINEAR) == REFUSED

    def test_an_accounts_sum_does_not_net_over_accounts(self) -> None:
        world = summed(max_position_per_account=45_000 * 2)
        world.hold(SPOT_AT_BETA, "-5")
        world.hold(SPOT, "1")
        assert asks(world, BUY, "1", SPOT) == []
        assert asks(world, BUY, "1.00001", SPOT) == REFUSED

    def test_an_inverse_contract_counts_its_quantity(self) -> None:
        world = summed(max_position_per_account=1_000)
        assert asks(world, BUY, "1000", INVERSE) == []
        assert asks(world, BUY, "1010", INVERSE) == REFUSED

    @pytest.mark.parametrize("sums", ["max_position_per_strategy", "max_position_global", "max_position_per_account"])
    def test_a_position_without_a_mark_refuses_but_what_reduces(self, sums: str) -> None:
        world = summed(**{sums: 10**9})
        world.hold(MULTIPLIED, "1")
        world.hold(LINEAR, "1")
        del world.state.market.books[MULTIPLIED]
        assert asks(world, BUY, "1") == REFUSED
        assert asks(world, SELL, "1") == []
        world.hold(MULTIPLIED, "-1")
        assert asks(world, BUY, "1") == []


class TestLive:
    @pytest.mark.parametrize(
        ("limits", "codes"),
        [({}, REFUSED), ({SPOT: 5}, REFUSED), ({LINEAR: 5}, []), ({"PERPETUAL:BTC-USDT@LIN": 5}, []), ({"*": 5}, [])],
    )
    def test_an_instrument_without_a_limit_is_not_traded(self, limits: dict[str, int], codes: list[str]) -> None:
        by_instrument = {key: Decimal(limit) for key, limit in limits.items()}
        config = RiskConfig(live=True, max_order_quantity={"*": Decimal(9)}, max_position_per_instrument=by_instrument)
        assert asks(RiskWorld(config), BUY, "1") == codes
