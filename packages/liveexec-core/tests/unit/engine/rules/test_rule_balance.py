"""BALANCE: an order is covered by what the account has free, whatever else is open."""

from decimal import Decimal

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk_config import RiskConfig
from support.builders import (
    INVERSE,
    LINEAR,
    NOW_NS,
    ODDS,
    SPOT,
    make_bet_intent,
    make_fill,
    make_intent,
    make_market_intent,
)
from support.risk_world import BETFAIR_ACCOUNT, RiskWorld, codes_of

REFUSED = ["BALANCE"]
SKEW_NS = 500_000_000


def world(margin_rate: str = "1", **deposits: str) -> RiskWorld:
    made = RiskWorld(RiskConfig(check_balance=True, margin_rate=Decimal(margin_rate)))
    for asset, amount in deposits.items():
        made.deposit(amount, asset)
    return made


def leg(made: RiskWorld, intent: OrderIntent) -> list[str]:
    return codes_of(made.leg(intent))


class TestSpot:
    @pytest.mark.parametrize(("usdt", "codes"), [("45045", []), ("45044.99", REFUSED)])
    def test_a_buy_needs_its_value_at_the_limit_and_the_fee(self, usdt: str, codes: list[str]) -> None:
        assert leg(world(USDT=usdt), make_intent()) == codes

    @pytest.mark.parametrize(("btc", "codes"), [("1", []), ("0.99999", REFUSED)])
    def test_a_sale_needs_the_base_asset(self, btc: str, codes: list[str]) -> None:
        assert leg(world(BTC=btc), make_intent(side=Side.SELL)) == codes

    def test_a_market_buy_needs_what_its_quantity_would_reach(self) -> None:
        made = world(USDT="90090")
        made.book(SPOT, asks=[("45000", "1"), ("45001", "5")])
        assert leg(made, make_market_intent(quantity=Decimal(1))) == []
        assert leg(made, make_market_intent(quantity=Decimal(2))) == REFUSED
        made.deposit("2.002")
        assert leg(made, make_market_intent(quantity=Decimal(2))) == []

    def test_a_market_sale_needs_no_price_and_a_market_buy_does(self) -> None:
        made = world(USDT="1000000", BTC="1")
        made.state.market.books.clear()
        assert leg(made, make_market_intent(side=Side.SELL)) == []
        assert leg(made, make_market_intent()) == REFUSED

    def test_open_orders_of_the_account_come_first(self) -> None:
        made = world(USDT="90090", BTC="3")
        made.works(quantity=Decimal(1))
        made.works(side=Side.SELL, quantity=Decimal(2))
        assert leg(made, make_intent()) == []
        assert leg(made, make_intent(quantity=Decimal("1.00001"))) == REFUSED
        assert leg(made, make_intent(side=Side.SELL, quantity=Decimal(1))) == []
        assert leg(made, make_intent(side=Side.SELL, quantity=Decimal("1.00001"))) == REFUSED

    def test_an_order_of_unknown_fate_still_ties_up_what_it_may_cost(self) -> None:
        made = world(USDT="90089")
        order = made.works()
        made.apply(order, ev.SubmitUnknown(1, "timeout"))
        assert leg(made, make_intent()) == REFUSED
        made.apply(order, ev.NotSent(1, "proved absent"))
        assert leg(made, make_intent()) == []

    def test_what_was_bought_can_be_sold_at_once(self) -> None:
        made = world(USDT="45045")
        order = made.works()
        made.apply(order, ev.FillApplied(make_fill(quantity=Decimal(1), fee=Decimal(45))))
        assert leg(made, make_intent(side=Side.SELL)) == []
        assert leg(made, make_intent(quantity=Decimal("0.00012"))) == REFUSED

    def test_a_change_needs_only_what_it_adds(self) -> None:
        made = world(USDT="90090", BTC="1")
        order = made.works(quantity=Decimal(1))
        assert codes_of(made.verdict(made.replacing(RiskStage.LEG, order, "2", "45000"))) == []
        assert codes_of(made.verdict(made.replacing(RiskStage.LEG, order, "2", "45001"))) == REFUSED
        made.deposit("-45045")
        assert codes_of(made.verdict(made.replacing(RiskStage.LEG, order, "1", "44000"))) == []
        sale = made.works(side=Side.SELL, quantity=Decimal("0.4"))
        assert codes_of(made.verdict(made.replacing(RiskStage.LEG, sale, "1", "45000"))) == []
        assert codes_of(made.verdict(made.replacing(RiskStage.LEG, sale, "1.1", "45000"))) == REFUSED


class TestVenuesWord:
    def test_a_newer_word_of_the_venue_lowers_what_is_free(self) -> None:
        made = world(USDT="100000")
        made.says("45045")
        assert leg(made, make_intent()) == []
        made.says("45044")
        assert leg(made, make_intent()) == REFUSED

    def test_it_never_raises_it(self) -> None:
        made = world(USDT="45044")
        made.says("100000")
        assert leg(made, make_intent()) == REFUSED

    @pytest.mark.parametrize(("after_ns", "codes"), [(SKEW_NS + 1, REFUSED), (SKEW_NS, []), (-1, [])])
    def test_an_older_word_than_the_accounts_last_order_says_nothing(self, after_ns: int, codes: list[str]) -> None:
        made = world(USDT="100000")
        order = made.works(quantity=Decimal("0.1"))
        made.apply(order, ev.Canceled("asked", NOW_NS))
        made.says("1", venue_time_ns=NOW_NS + after_ns)
        assert leg(made, make_intent()) == codes

    def test_an_account_that_was_never_opened_pays_for_nothing(self) -> None:
        made = world()
        made.says("1000000")
        assert leg(made, make_intent()) == REFUSED


class TestDerivatives:
    @pytest.mark.parametrize(("usdt", "codes"), [("4522.5", []), ("4522.49", REFUSED)])
    def test_an_opening_order_needs_margin_and_fee(self, usdt: str, codes: list[str]) -> None:
        made = world("0.1", USDT=usdt)
        assert leg(made, make_intent(instrument_key=LINEAR)) == codes

    def test_a_closing_order_needs_nothing(self) -> None:
        made = world("0.1", USDT="0.01")
        made.hold(LINEAR, "2")
        closing = make_intent(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal(2))
        assert leg(made, closing) == []
        assert leg(made, make_intent(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal("2.001"))) == REFUSED

    def test_only_what_goes_beyond_the_position_needs_margin(self) -> None:
        made = world("0.1", USDT="13522.5")
        made.hold(LINEAR, "2")
        turns = make_intent(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal(3))
        assert leg(made, turns) == []
        made.deposit("-0.01")
        assert leg(made, turns) == REFUSED

    def test_positions_tie_up_margin_and_their_loss(self) -> None:
        made = world("0.1", USDT="9022.5")
        made.hold(LINEAR, "1")
        assert leg(made, make_intent(instrument_key=LINEAR)) == []
        made.book(LINEAR, "44989", "45001")
        assert leg(made, make_intent(instrument_key=LINEAR)) == REFUSED
        made.book(LINEAR, "46000", "46001")
        assert leg(made, make_intent(instrument_key=LINEAR)) == []

    def test_other_open_orders_tie_up_theirs(self) -> None:
        made = world("0.1", USDT="9045")
        made.works(instrument_key=LINEAR)
        assert leg(made, make_intent(instrument_key=LINEAR)) == []
        assert leg(made, make_intent(instrument_key=LINEAR, quantity=Decimal("1.001"))) == REFUSED

    def test_spot_orders_of_the_account_draw_on_the_same_asset(self) -> None:
        made = world("0.1", USDT="49567.5")
        made.works(instrument_key=LINEAR)
        assert leg(made, make_intent()) == []
        assert leg(made, make_intent(quantity=Decimal("1.00001"))) == REFUSED

    def test_an_inverse_contract_needs_the_base_asset_at_the_lower_price(self) -> None:
        # 45,000 contracts are one BTC at 45,000, and more of it below.
        order = make_intent(instrument_key=INVERSE, quantity=Decimal(45_000), price=Decimal(45_000))
        assert leg(world("0.1", BTC="0.1005"), order) == []
        assert leg(world("0.1", BTC="0.1004"), order) == REFUSED
        above = make_intent(instrument_key=INVERSE, quantity=Decimal(45_000), side=Side.SELL, price=Decimal(90_000))
        assert leg(world("0.1", BTC="0.1004"), above) == REFUSED

    def test_a_position_without_a_mark_refuses(self) -> None:
        made = world("0.1", USDT="1000000")
        made.hold(LINEAR, "1")
        made.state.market.books.clear()
        assert leg(made, make_intent(instrument_key=LINEAR)) == REFUSED

    def test_a_change_that_makes_it_smaller_needs_nothing(self) -> None:
        made = world("0.1", USDT="4522.5")
        order = made.works(instrument_key=LINEAR)
        made.deposit("-4000")
        assert codes_of(made.verdict(made.replacing(RiskStage.LEG, order, "0.5", "45000"))) == []
        assert codes_of(made.verdict(made.replacing(RiskStage.LEG, order, "1.1", "45000"))) == REFUSED


class TestBets:
    @pytest.mark.parametrize(
        ("side", "gbp", "codes"),
        [
            (Side.BACK, "10", []),
            (Side.BACK, "9.99", REFUSED),
            (Side.LAY, "25", []),
            (Side.LAY, "24.99", REFUSED),
        ],
    )
    def test_a_backer_needs_the_stake_and_a_layer_the_liability(self, side: Side, gbp: str, codes: list[str]) -> None:
        made = world()
        made.deposit(gbp, "GBP", BETFAIR_ACCOUNT)
        assert leg(made, make_bet_intent(side=side)) == codes

    def test_matched_and_open_bets_come_first(self) -> None:
        made = world()
        made.deposit("45", "GBP", BETFAIR_ACCOUNT)
        made.works(intent=make_bet_intent(side=Side.LAY))
        made.hold(ODDS, "10", "3")
        assert leg(made, make_bet_intent(quantity=Decimal(10))) == []
        assert leg(made, make_bet_intent(quantity=Decimal("10.01"))) == REFUSED


class TestProtocols:
    @pytest.mark.parametrize(
        ("operation", "side", "codes"),
        [
            (Operation.SUPPLY, Side.SUPPLY, REFUSED),
            (Operation.REPAY, Side.REPAY, REFUSED),
            (Operation.STAKE, Side.STAKE, REFUSED),
            (Operation.WITHDRAW, Side.WITHDRAW, []),
            (Operation.BORROW, Side.BORROW, []),
            (Operation.UNSTAKE, Side.UNSTAKE, []),
        ],
    )
    def test_what_is_paid_in_must_be_there(self, operation: Operation, side: Side, codes: list[str]) -> None:
        intent = make_intent(operation=operation, side=side, order_type=OrderType.MARKET, price=None)
        assert leg(world(BTC="0.99"), intent) == codes
        assert leg(world(BTC="1"), intent) == []


def test_the_fees_of_open_orders_must_be_known() -> None:
    made = world(USDT="1000000")
    made.works(instrument_key=LINEAR)
    del made.state.listings[LINEAR]
    assert leg(made, make_intent()) == REFUSED


class TestUnpriced:
    """Orders that nothing prices: a derivative's margin can't be told, a spot sale needs none."""

    def test_a_derivative_without_a_price_is_refused(self) -> None:
        made = world("0.1", USDT="1000000")
        made.state.market.books.clear()
        assert leg(made, make_market_intent(instrument_key=LINEAR)) == REFUSED

    def test_an_open_order_without_a_price_refuses_what_draws_on_the_same_asset(self) -> None:
        made = world("0.1", USDT="1000000", BTC="10")
        order = made.works(intent=make_market_intent(instrument_key=LINEAR))
        made.state.exposure.release(order)
        order.reserve_price = None
        made.state.exposure.reserve(order)
        assert leg(made, make_intent()) == REFUSED
        assert leg(made, make_intent(side=Side.SELL)) == []
        change = made.replacing(RiskStage.LEG, order, "0.5", None)
        assert codes_of(made.verdict(change)) == REFUSED

    def test_another_settlement_asset_is_not_drawn_on(self) -> None:
        made = world("0.1", BTC="0.1005")
        made.works(instrument_key=LINEAR)
        assert leg(made, make_intent(instrument_key=INVERSE, quantity=Decimal(45_000), price=Decimal(45_000))) == []
