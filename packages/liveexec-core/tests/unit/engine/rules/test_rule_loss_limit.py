"""LOSS_LIMIT: what was lost stops new risk, and never what reduces it."""

from decimal import Decimal

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import StrategyId
from liveexec.domain.operation import Side
from liveexec.engine.risk_config import RiskConfig
from support.builders import INVERSE, LINEAR, MULTIPLIED, ODDS, SPOT, make_fill, make_intent
from support.risk_world import RiskWorld, codes_of

REFUSED = ["LOSS_LIMIT"]
OTHER = StrategyId("other")


def limited(per_strategy: int | None = None, overall: int | None = None) -> RiskWorld:
    return RiskWorld(
        RiskConfig(
            max_loss=Decimal(per_strategy) if per_strategy is not None else None,
            max_loss_global=Decimal(overall) if overall is not None else None,
        )
    )


class TestLoss:
    @pytest.mark.parametrize(("entry", "codes"), [("45500", []), ("45500.01", REFUSED)])
    def test_an_unrealised_loss_counts_at_the_mark(self, entry: str, codes: list[str]) -> None:
        world = limited(1_000)
        world.hold(LINEAR, "2", entry)
        assert world.codes(make_intent()) == codes

    @pytest.mark.parametrize(("exit_price", "codes"), [("44500", []), ("44499.99", REFUSED)])
    def test_a_realised_loss_counts(self, exit_price: str, codes: list[str]) -> None:
        world = limited(1_000)
        world.hold(LINEAR, "2", "45000")
        world.hold(LINEAR, "-2", exit_price)
        assert world.codes(make_intent()) == codes

    def test_profits_and_losses_of_all_positions_add_up(self) -> None:
        world = limited(1_000)
        world.hold(LINEAR, "2", "46000")
        world.hold(SPOT, "1", "44000")
        assert world.codes(make_intent()) == []
        world.book(SPOT, "43998", "44000")
        assert world.codes(make_intent(price=Decimal(44_000))) == REFUSED

    def test_an_inverse_position_loses_in_the_base_asset(self) -> None:
        # 90,000 contracts bought at 50,000 cost 1.8 BTC, and are worth 2 BTC at 45,000: 0.2 BTC are lost, or 9,000.
        world = limited(9_000)
        world.hold(INVERSE, "90000", "50000")
        assert world.codes(make_intent()) == []
        world.configure(RiskConfig(max_loss=Decimal("8999.99")))
        assert world.codes(make_intent()) == REFUSED

    def test_a_short_inverse_position_earns_when_the_price_falls(self) -> None:
        world = limited(0)
        world.hold(INVERSE, "-90000", "50000")
        assert world.codes(make_intent()) == []
        world.hold(INVERSE, "180000", "40000")
        assert world.codes(make_intent()) == []

    def test_a_multiplier_multiplies(self) -> None:
        world = limited(5_000)
        world.book(MULTIPLIED, "4999", "5001")
        world.hold(MULTIPLIED, "1", "5100")
        assert world.codes(make_intent()) == []
        world.hold(MULTIPLIED, "1", "5000.01")
        assert world.codes(make_intent()) == REFUSED

    def test_fees_count_in_their_own_asset(self) -> None:
        world = limited(450)
        order = world.works(quantity=Decimal(1))
        fill = make_fill(quantity=Decimal(1), price=Decimal(45_000), fee=Decimal("0.01"), fee_asset="BTC")
        world.apply(order, ev.FillApplied(fill))
        assert world.codes(make_intent()) == []
        world.configure(RiskConfig(max_loss=Decimal("449.99")))
        assert world.codes(make_intent()) == REFUSED

    def test_bets_count_when_they_are_settled(self) -> None:
        world = limited(0)
        world.hold(ODDS, "100", "3")
        assert world.codes(make_intent()) == []


class TestScope:
    def test_a_strategys_loss_is_its_own(self) -> None:
        world = limited(1_000)
        world.hold(LINEAR, "2", "50000", strategy_id=OTHER)
        assert world.codes(make_intent()) == []
        assert world.codes(make_intent(strategy_id=OTHER)) == REFUSED

    def test_the_global_loss_is_the_sum_over_strategies(self) -> None:
        world = limited(overall=1_000)
        world.hold(LINEAR, "1", "45600", strategy_id=OTHER)
        world.hold(SPOT, "1", "45400")
        assert world.codes(make_intent()) == []
        world.hold(LINEAR, "1", "45000.01", strategy_id=OTHER)
        assert world.codes(make_intent()) == REFUSED
        assert world.codes(make_intent(strategy_id=StrategyId("third"))) == REFUSED

    def test_the_slices_of_a_running_parent_stop_too(self) -> None:
        world = limited(1_000)
        parent = world.runs(instrument_key=LINEAR, quantity=Decimal(10))
        slice_of_it = make_intent(instrument_key=LINEAR, quantity=Decimal(1))
        assert codes_of(world.leg(slice_of_it, parent=parent)) == []
        world.hold(LINEAR, "2", "50000")
        assert codes_of(world.leg(slice_of_it, parent=parent)) == REFUSED


class TestReducing:
    def test_what_reduces_passes(self) -> None:
        world = limited(1_000)
        world.hold(LINEAR, "2", "50000")
        closing = make_intent(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal(2))
        assert world.codes(closing) == []
        assert world.codes(make_intent(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal(3))) == REFUSED

    def test_what_reduces_passes_without_a_mark_and_nothing_else_does(self) -> None:
        world = limited(1_000)
        world.hold(LINEAR, "2", "45000")
        world.state.market.books.clear()
        assert world.codes(make_intent(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal(2))) == []
        assert world.codes(make_intent()) == REFUSED

    def test_a_missing_rate_refuses(self) -> None:
        world = limited(10**9)
        world.hold(INVERSE, "90000", "50000")
        del world.state.rates["BTC"]
        assert world.codes(make_intent()) == REFUSED
