"""Valuer: what a unit is worth, and that nothing missing, stale or absurd is taken for a value."""

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from liveexec.domain.instrument import ContractTerms
from liveexec.domain.market import TradeBar
from liveexec.engine.config import EngineConfig
from liveexec.engine.exposure import Working
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.valuation import MissingInput, Valuer, worth, worth_of_working
from support.builders import (
    INVERSE,
    INVERSE_TERMS,
    LINEAR,
    LINEAR_TERMS,
    MULTIPLIED,
    MULTIPLIED_TERMS,
    NOW_NS,
    ODDS,
    ODDS_TERMS,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    SPOT_TERMS,
    make_listing,
)
from support.risk_world import RiskWorld

SECOND = 1_000_000_000


@pytest.fixture
def world() -> RiskWorld:
    return RiskWorld()


@pytest.fixture
def valuer() -> Valuer:
    return Valuer(RiskConfig(max_mark_age_ns=SECOND, max_rate_age_ns=SECOND))


class TestRates:
    def test_assets_at_par_need_none_and_never_age(self, world: RiskWorld, valuer: Valuer) -> None:
        world.state.now_ns += 10 * SECOND
        assert valuer.rate(world.state, "USD") == 1
        assert valuer.rate(world.state, "USDT") == 1

    def test_a_known_rate_counts_until_it_is_too_old(self, world: RiskWorld, valuer: Valuer) -> None:
        world.state.now_ns += SECOND
        assert valuer.rate(world.state, "GBP") == Decimal("1.25")
        valuer.begin(world.state)
        world.state.now_ns += 1
        with pytest.raises(MissingInput, match="the rate of GBP is 1000000001 ns old"):
            valuer.rate(world.state, "GBP")

    @pytest.mark.parametrize("rate", [None, "0", "-1"])
    def test_no_rate_and_an_absurd_one_raise(self, world: RiskWorld, valuer: Valuer, rate: str | None) -> None:
        del world.state.rates["GBP"]
        if rate is not None:
            world.state.rates["GBP"] = (Decimal(rate), NOW_NS)
        with pytest.raises(MissingInput, match="no rate of GBP in USD"):
            valuer.rate(world.state, "GBP")


class TestMarks:
    def test_the_mid_of_the_book_is_the_mark(self, world: RiskWorld, valuer: Valuer) -> None:
        world.book(SPOT, "45000", "45003")
        assert valuer.mark(world.state, SPOT) == Decimal("45001.5")

    def test_a_new_book_gives_a_new_mark(self, world: RiskWorld, valuer: Valuer) -> None:
        assert valuer.mark(world.state, SPOT) == 45_000
        world.book(SPOT, "49999", "50001")
        assert valuer.mark(world.state, SPOT) == 50_000

    @pytest.mark.parametrize(
        "sides",
        [
            {"bids": [], "asks": [("45001", "5")]},
            {"bids": [("45002", "5")], "asks": [("45001", "5")]},
            {"bids": [("NaN", "5")], "asks": [("45001", "5")]},
            {"bids": [("0", "5")], "asks": [("45001", "5")]},
        ],
        ids=["one-sided", "crossed", "not a number", "zero"],
    )
    def test_an_absurd_book_is_none_so_the_last_trade_counts(
        self, world: RiskWorld, valuer: Valuer, sides: dict[str, Any]
    ) -> None:
        world.book(SPOT, **sides)
        with pytest.raises(MissingInput, match="no mark price"):
            valuer.mark(world.state, SPOT)
        world.state.market.update(self.bar("44000", NOW_NS))
        assert valuer.mark(world.state, SPOT) == 44_000

    def test_a_book_that_is_too_old_is_none(self, world: RiskWorld, valuer: Valuer) -> None:
        world.state.now_ns += SECOND
        assert valuer.mark(world.state, SPOT) == 45_000
        valuer.begin(world.state)
        world.state.now_ns += 1
        with pytest.raises(MissingInput):
            valuer.mark(world.state, SPOT)

    def test_a_trade_that_is_too_old_or_absurd_is_none(self, world: RiskWorld, valuer: Valuer) -> None:
        world.state.market.books.clear()
        world.state.market.update(self.bar("44000", NOW_NS - SECOND - 1))
        with pytest.raises(MissingInput):
            valuer.mark(world.state, SPOT)
        world.state.market.update(self.bar("0", NOW_NS))
        with pytest.raises(MissingInput):
            valuer.mark(world.state, SPOT)

    def test_without_limits_of_age_the_last_word_counts(self, world: RiskWorld) -> None:
        world.state.now_ns += 10**15
        patient = Valuer(RiskConfig())
        assert patient.mark(world.state, SPOT) == 45_000
        assert patient.rate(world.state, "GBP") == Decimal("1.25")

    def bar(self, last_price: str, end_ns: int) -> TradeBar:
        return TradeBar(SPOT, end_ns - SECOND, end_ns, Decimal(1), Decimal(last_price), Decimal(last_price), 1)


class TestWithinACheck:
    def test_marks_and_rates_are_worked_out_once(self, world: RiskWorld, valuer: Valuer) -> None:
        valuer.begin(world.state)
        assert (valuer.marks[SPOT], valuer.rates["GBP"]) == (45_000, Decimal("1.25"))
        world.state.market.books.clear()
        assert valuer.marks[SPOT] == 45_000

    def test_a_new_book_or_a_new_rate_forgets_them(self, world: RiskWorld, valuer: Valuer) -> None:
        valuer.begin(world.state)
        assert (valuer.marks[SPOT], valuer.rates["GBP"]) == (45_000, Decimal("1.25"))
        world.book(SPOT, "49999", "50001")
        world.state.rates["GBP"] = (Decimal("1.5"), NOW_NS)
        valuer.begin(world.state)
        assert (valuer.marks[SPOT], valuer.rates["GBP"]) == (50_000, Decimal("1.5"))

    def test_one_that_grew_too_old_is_forgotten_and_missing(self, world: RiskWorld, valuer: Valuer) -> None:
        valuer.begin(world.state)
        assert (valuer.marks[SPOT], valuer.rates["GBP"]) == (45_000, Decimal("1.25"))
        world.state.now_ns += 2 * SECOND
        valuer.begin(world.state)
        with pytest.raises(MissingInput, match="no mark price"):
            valuer.marks[SPOT]
        with pytest.raises(MissingInput, match="the rate of GBP"):
            valuer.rates["GBP"]


class TestUnits:
    def test_a_unit_is_worth_mark_times_multiplier_times_rate(self, world: RiskWorld, valuer: Valuer) -> None:
        world.book(MULTIPLIED, "4999", "5001")
        assert valuer.unit(world.state, MULTIPLIED, MULTIPLIED_TERMS) == 250_000
        pounds = evolve(LINEAR_TERMS, quote_asset="GBP")
        assert valuer.unit(world.state, LINEAR, pounds) == 56_250

    def test_an_inverse_contract_and_a_stake_need_no_mark(self, world: RiskWorld, valuer: Valuer) -> None:
        world.state.market.books.clear()
        assert valuer.unit(world.state, INVERSE, INVERSE_TERMS) == 1
        assert valuer.unit(world.state, ODDS, ODDS_TERMS) == Decimal("1.25")

    def test_a_product_is_worth_its_highest_mark(self, world: RiskWorld, valuer: Valuer) -> None:
        world.book(SPOT_AT_BETA, "45999", "46001")
        assert valuer.product_unit(world.state, SPOT_PRODUCT) == 46_000
        del world.state.market.books[SPOT_AT_BETA]
        valuer.begin(world.state)
        assert valuer.product_unit(world.state, SPOT_PRODUCT) == 45_000
        del world.state.market.books[SPOT]
        valuer.begin(world.state)
        with pytest.raises(MissingInput, match="no mark price"):
            valuer.product_unit(world.state, SPOT_PRODUCT)

    def test_within_one_check_a_units_value_stays_what_it_was(self, world: RiskWorld, valuer: Valuer) -> None:
        for _ in range(2):
            assert valuer.unit(world.state, SPOT, SPOT_TERMS) == 45_000
            assert valuer.product_unit(world.state, SPOT_PRODUCT) == 45_000
            world.book(SPOT, "46999", "47001")
        valuer.begin(world.state)
        assert valuer.unit(world.state, SPOT, SPOT_TERMS) == 47_000

    def test_other_terms_are_another_unit(self, world: RiskWorld, valuer: Valuer) -> None:
        double = evolve(SPOT_TERMS, multiplier=Decimal(2))
        assert valuer.unit(world.state, SPOT, SPOT_TERMS) == 45_000
        assert valuer.unit(world.state, SPOT, double) == 90_000
        assert valuer.unit(world.state, SPOT, SPOT_TERMS) == 45_000

    def test_a_new_rate_counts_from_the_next_check_on(self, world: RiskWorld) -> None:
        patient = Valuer(RiskConfig())
        assert patient.rate(world.state, "GBP") == Decimal("1.25")
        world.state.rates["GBP"] = (Decimal("1.5"), NOW_NS)
        patient.begin(world.state)
        assert patient.rate(world.state, "GBP") == Decimal("1.5")

    def test_a_product_that_nobody_lists_is_worth_nothing_that_is_known(self, world: RiskWorld, valuer: Valuer) -> None:
        world.state.products = {}
        with pytest.raises(MissingInput, match="contract terms"):
            valuer.product_unit(world.state, SPOT_PRODUCT)

    def test_changed_listings_change_the_terms(self, world: RiskWorld, valuer: Valuer) -> None:
        assert valuer.terms(world.state, SPOT_PRODUCT).multiplier == 1
        double = evolve(SPOT_TERMS, multiplier=Decimal(2))
        for instrument_id in (SPOT, SPOT_AT_BETA):
            world.state.listings[instrument_id] = make_listing(instrument_id, terms=double)
        world.state.products = {SPOT_PRODUCT: (SPOT, SPOT_AT_BETA)}
        assert valuer.terms(world.state, SPOT_PRODUCT).multiplier == 2

    def test_the_reporting_asset_is_the_configurations(self, world: RiskWorld, valuer: Valuer) -> None:
        world.state.config = EngineConfig(reporting_asset="GBP", pegged_assets=frozenset())
        assert valuer.rate(world.state, "GBP") == 1
        with pytest.raises(MissingInput, match="no rate of USDT in GBP"):
            valuer.rate(world.state, "USDT")


class TestWorth:
    @pytest.mark.parametrize(
        ("terms", "sign", "price", "expected"),
        [
            (SPOT_TERMS, 1, "100", "200"),
            (MULTIPLIED_TERMS, -1, "100", "10000"),
            (INVERSE_TERMS, 1, None, "2"),
            (ODDS_TERMS, 1, None, "2"),
            (ODDS_TERMS, -1, "3.5", "5"),
        ],
    )
    def test_it_is_the_notional_or_what_a_bet_may_lose(
        self, terms: ContractTerms, sign: int, price: str | None, expected: str
    ) -> None:
        assert worth(terms, sign, Decimal(2), Decimal(price) if price else None) == Decimal(expected)

    def test_a_missing_price_raises(self) -> None:
        with pytest.raises(MissingInput):
            worth(LINEAR_TERMS, 1, Decimal(2), None)
        with pytest.raises(MissingInput):
            worth(ODDS_TERMS, -1, Decimal(2), None)

    def test_open_orders_add_up_both_sides(self) -> None:
        working = Working(None, Decimal(2), Decimal(3), Decimal(20), Decimal(60), 2, 0)
        assert worth_of_working(SPOT_TERMS, working) == 80
        assert worth_of_working(MULTIPLIED_TERMS, working) == 4_000
        assert worth_of_working(INVERSE_TERMS, working) == 5
        assert worth_of_working(ODDS_TERMS, working) == 2 + 57

    def test_an_open_order_without_a_price_raises_where_one_is_needed(self) -> None:
        working = Working(None, Decimal(2), Decimal(0), Decimal(0), Decimal(0), 1, 1)
        with pytest.raises(MissingInput, match="1 open orders have no price"):
            worth_of_working(LINEAR_TERMS, working)
        assert worth_of_working(INVERSE_TERMS, working) == 2
