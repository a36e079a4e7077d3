"""Ticks, lots and values: every rounding lands on the venue's grid, in the direction that its name says."""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.ids import InstrumentId
from liveexec.domain.instrument import ContractTerms, TickBand, TickSchedule
from liveexec.domain.operation import Side
from liveexec.errors import InvalidInput
from support.builders import (
    BETFAIR_TICKS,
    INVERSE,
    INVERSE_TERMS,
    LINEAR,
    LINEAR_TERMS,
    MULTIPLIED,
    MULTIPLIED_TERMS,
    ODDS,
    ODDS_TERMS,
    SPOT,
    SPOT_TERMS,
    make_listing,
    make_listings,
)
from support.strategies import amounts

ULP = Fraction(1, 10**18)


def ladder() -> list[Decimal]:
    """Betfair's 350 odds, counted up from its documentation's table, apart from the code under test."""
    rungs = [Decimal("1.01")]
    steps = {2: "0.01", 3: "0.02", 4: "0.05", 6: "0.1", 10: "0.2", 20: "0.5", 30: "1", 50: "2", 100: "5", 1000: "10"}
    for top, step in steps.items():
        while rungs[-1] < top:
            rungs.append(rungs[-1] + Decimal(step))
    return rungs


RUNGS = ladder()


class TestOddsLadder:
    def test_it_has_the_350_public_odds(self) -> None:
        assert len(RUNGS) == 350
        assert all(BETFAIR_TICKS.is_on_tick(odds) for odds in RUNGS)

    def test_between_two_rungs_nothing_is_on_tick_and_roundings_find_both(self) -> None:
        for low, high in pairwise(RUNGS):
            for between in (low + Decimal("0.000000001"), (low + high) / 2, high - Decimal("0.000000001")):
                assert not BETFAIR_TICKS.is_on_tick(between)
                assert BETFAIR_TICKS.round_down(between) == low
                assert BETFAIR_TICKS.round_up(between) == high

    def test_a_rung_rounds_to_itself(self) -> None:
        for odds in RUNGS:
            assert BETFAIR_TICKS.round_down(odds) == odds == BETFAIR_TICKS.round_up(odds)

    def test_beyond_either_end_there_is_nothing(self) -> None:
        for odds in ("1", "1.00", "0.5", "-2", "1000.5", "1010", "2000"):
            assert not BETFAIR_TICKS.is_on_tick(Decimal(odds))
        assert BETFAIR_TICKS.round_up(Decimal("0.5")) == Decimal("1.01")
        assert BETFAIR_TICKS.round_down(Decimal(5000)) == Decimal(1000)

    @given(amounts(places=6, highest=1000, lowest="1.01"))
    def test_any_odds_lie_between_neighbouring_rungs(self, odds: Decimal) -> None:
        low, high = BETFAIR_TICKS.round_down(odds), BETFAIR_TICKS.round_up(odds)
        assert low <= odds <= high
        if low != high:
            assert RUNGS.index(high) == RUNGS.index(low) + 1


class TestTickSchedule:
    @given(amounts(places=10, highest=10**7), amounts(places=8, highest=1000))
    def test_a_constant_tick_rounds_to_its_multiples(self, price: Decimal, tick: Decimal) -> None:
        schedule = TickSchedule.constant(tick)
        low, high = schedule.round_down(price), schedule.round_up(price)
        assert low <= price <= high
        assert high - low in (0, tick)
        assert Fraction(low) / Fraction(tick) == Fraction(price) // Fraction(tick)
        assert schedule.is_on_tick(price) == (low == price == high)

    def test_a_schedule_by_price_uses_the_band_a_price_lies_in(self) -> None:
        # MiFID II RTS 11, the liquidity band of 600 to 2,000 trades a day, from 5 to 50.
        starts_and_ticks = [("0", "0.002"), ("10", "0.005"), ("20", "0.01")]
        schedule = TickSchedule(tuple(TickBand(Decimal(start), Decimal(tick)) for start, tick in starts_and_ticks))
        assert schedule.is_on_tick(Decimal("9.998"))
        assert not schedule.is_on_tick(Decimal("10.002"))
        assert schedule.round_up(Decimal("9.9985")) == Decimal(10)
        assert schedule.round_down(Decimal("10.0049")) == Decimal(10)
        assert schedule.round_up(Decimal("19.9951")) == Decimal(20)

    def test_a_next_band_that_comes_before_the_next_tick_is_the_next_price(self) -> None:
        schedule = TickSchedule((TickBand(Decimal(0), Decimal(3)), TickBand(Decimal(10), Decimal(5))))
        assert schedule.round_up(Decimal("9.5")) == Decimal(10)
        assert schedule.round_down(Decimal("9.9")) == Decimal(9)

    def test_a_grid_from_zero_goes_on_below_it(self) -> None:
        schedule = TickSchedule.constant(Decimal("0.25"))
        assert schedule.is_on_tick(Decimal("-1.25"))
        assert (schedule.round_down(Decimal("-1.3")), schedule.round_up(Decimal("-1.3"))) == (
            Decimal("-1.5"),
            Decimal("-1.25"),
        )

    def test_a_caller_with_few_digits_gets_no_other_answer(self) -> None:
        price = Decimal("123456789012.000000000000000001")
        with localcontext(prec=6):
            assert not TickSchedule.constant(Decimal("0.01")).is_on_tick(price)
            assert TickSchedule.constant(Decimal("0.01")).round_down(price) == Decimal(123456789012)
            assert TickSchedule.constant(Decimal("0.01")).round_up(price) == Decimal("123456789012.01")

    @pytest.mark.parametrize(
        ("bands", "highest", "paths"),
        [
            ((), None, ["bands"]),
            ([("0", "0")], None, ["bands[0].tick"]),
            ([("0", "-1")], None, ["bands[0].tick"]),
            ([("0", "NaN")], None, ["bands[0].tick"]),
            ([("NaN", "Infinity")], None, ["bands[0].tick", "bands[0].start"]),
            ([("sNaN", "1"), ("2", "1")], None, ["bands[0].start"]),
            ([("0", "1"), ("0", "1")], None, ["bands[1].start"]),
            ([("5", "1"), ("NaN", "1"), ("4", "0")], None, ["bands[1].start", "bands[2].tick", "bands[2].start"]),
            ([("0", "1")], "NaN", ["highest"]),
            ([("0", "1"), ("10", "2")], "5", ["highest"]),
        ],
    )
    def test_a_malformed_schedule_names_every_fault(
        self, bands: list[tuple[str, str]], highest: str | None, paths: list[str]
    ) -> None:
        with pytest.raises(InvalidInput) as caught:
            TickSchedule(
                tuple(TickBand(Decimal(start), Decimal(tick)) for start, tick in bands),
                Decimal(highest) if highest is not None else None,
            )
        assert [fault.path for fault in caught.value.faults] == paths


class TestContractTerms:
    @given(amounts(places=8, highest=10**6), amounts(places=8, highest=10**6))
    def test_linear_value_is_quantity_times_multiplier_times_price(self, quantity: Decimal, price: Decimal) -> None:
        assert LINEAR_TERMS.value(quantity, price) == quantity * price
        assert MULTIPLIED_TERMS.value(quantity, price) == quantity * 50 * price
        assert MULTIPLIED_TERMS.quote_value(quantity, price) == quantity * 50 * price
        assert MULTIPLIED_TERMS.base_quantity(quantity, price) == quantity * 50

    @given(amounts(places=0, highest=10**9), amounts(places=2, highest=10**7))
    def test_inverse_value_is_quantity_over_price_in_the_base_asset(self, quantity: Decimal, price: Decimal) -> None:
        exact = Fraction(quantity) / Fraction(price)
        assert abs(Fraction(INVERSE_TERMS.value(quantity, price)) - exact) <= ULP / 2
        assert INVERSE_TERMS.value(-quantity, price) == -INVERSE_TERMS.value(quantity, price)
        assert INVERSE_TERMS.base_quantity(quantity, price) == INVERSE_TERMS.value(quantity, price)
        assert INVERSE_TERMS.quote_value(quantity, price) == quantity

    def test_a_hundred_dollar_contract_counts_a_hundred(self) -> None:
        terms = ContractTerms(INVERSE_TERMS.kind, "BTC", "USD", "BTC", Decimal(100))
        assert terms.value(Decimal(5), Decimal(50_000)) == Decimal("0.01")
        assert terms.quote_value(Decimal(5), Decimal(50_000)) == Decimal(500)

    def test_a_bet_is_worth_stake_times_odds(self) -> None:
        assert ODDS_TERMS.value(Decimal(10), Decimal("3.5")) == Decimal(35)


class TestListing:
    def test_it_knows_its_venue_and_product(self) -> None:
        listing = make_listing(LINEAR)
        assert (listing.venue, listing.product_id) == ("ALPHA", "PERPETUAL:BTC-USDT@LIN")

    @pytest.mark.parametrize("listing", make_listings().values(), ids=lambda listing: listing.instrument_id)
    @given(data=st.data())
    def test_what_it_rounds_has_no_faults_but_those_of_size(self, listing: Any, data: st.DataObject) -> None:
        price = data.draw(amounts(places=6, highest=999, lowest="1.02"))
        quantity = data.draw(amounts(places=8, highest=500))
        side = data.draw(st.sampled_from([Side.BUY, Side.SELL]))
        floored = listing.floor_quantity(quantity)
        assert floored <= quantity
        passive, aggressive = listing.passive_price(price, side), listing.aggressive_price(price, side)
        for rounded in (passive, aggressive):
            faults = listing.faults(floored, rounded)
            assert all(fault.path == "quantity" for fault in faults)
            assert not any("lot" in fault.message for fault in faults)
        assert passive * side.sign <= price * side.sign <= aggressive * side.sign

    @pytest.mark.parametrize(
        ("quantity", "price", "paths"),
        [
            ("0.00012", "45000.01", []),
            ("0.00012", None, []),
            ("9000", "0.01", []),
            ("0.000011", None, ["quantity"]),
            ("0.000005", None, ["quantity", "quantity"]),
            ("0", None, ["quantity"]),
            ("-1", None, ["quantity"]),
            ("9000.00001", None, ["quantity"]),
            ("1", "45000.005", ["price"]),
            ("1", "0", ["price"]),
            ("1", "-5", ["price"]),
            ("0.0001", "49999.99", ["quantity"]),
            ("0.0001", "50000", []),
            ("9000.000001", "0.001", ["quantity", "quantity", "price"]),
        ],
    )
    def test_everything_that_keeps_an_order_from_being_sent_is_named(
        self, quantity: str, price: str | None, paths: list[str]
    ) -> None:
        faults = make_listing(SPOT).faults(Decimal(quantity), Decimal(price) if price is not None else None)
        assert [fault.path for fault in faults] == paths

    def test_fees_are_of_the_value_and_a_rebate_is_negative(self) -> None:
        linear, inverse, multiplied = make_listing(LINEAR), make_listing(INVERSE), make_listing(MULTIPLIED)
        assert linear.fee(Decimal(2), Decimal(45_000), maker=False) == Decimal(45)
        assert linear.fee(Decimal(2), Decimal(45_000), maker=True) == Decimal(18)
        assert inverse.fee(Decimal(45_000), Decimal(45_000), maker=True) == Decimal("-0.0001")
        assert inverse.fee(Decimal(10), Decimal(30_000), maker=False) == Decimal("0.000000166666666667")
        assert multiplied.fee(Decimal(1), Decimal(6_000), maker=False) == Decimal(150)

    def test_quantities_below_the_minimum_floor_to_nothing(self) -> None:
        assert make_listing(ODDS).floor_quantity(Decimal("0.999")) == 0
        assert make_listing(ODDS).floor_quantity(Decimal("1.019")) == Decimal("1.01")

    @pytest.mark.parametrize(
        ("changes", "paths"),
        [
            ({"lot": Decimal(0)}, ["lot"]),
            ({"lot": Decimal("NaN"), "min_quantity": Decimal(-1)}, ["lot", "min_quantity"]),
            ({"lot": Decimal("sNaN"), "max_quantity": Decimal("NaN")}, ["lot", "max_quantity"]),
            ({"max_quantity": Decimal("Infinity")}, ["max_quantity"]),
            ({"min_notional": Decimal("NaN")}, ["min_notional"]),
            ({"min_notional": Decimal(-1)}, ["min_notional"]),
            ({"maker_fee": Decimal("NaN"), "taker_fee": Decimal(1)}, ["maker_fee", "taker_fee"]),
            ({"terms": ContractTerms(SPOT_TERMS.kind, "BTC", "USDT", "USDT", Decimal(0))}, ["multiplier"]),
            ({"min_quantity": Decimal("0.000015")}, ["min_quantity"]),
            ({"max_quantity": Decimal("0.000001")}, ["max_quantity"]),
            ({"lot": Decimal("1e-18"), "ticks": TickSchedule.constant(Decimal("0.1"))}, ["lot"]),
            ({"instrument_id": InstrumentId("alpha:SPOT_PAIR:"), "lot": Decimal(0)},
             ["instrument_id.venue", "instrument_id.payload", "lot"]),
            ({"instrument_id": InstrumentId("BTC-USDT")}, ["instrument_id"]),
        ],
    )  # fmt: skip
    def test_a_malformed_listing_names_every_fault(self, changes: dict[str, Any], paths: list[str]) -> None:
        with pytest.raises(InvalidInput) as caught:
            make_listing(**({"instrument_id": SPOT} | changes))
        assert [fault.path for fault in caught.value.faults] == paths

    @given(st.data())
    def test_on_grid_values_are_exact_and_storable(self, data: st.DataObject) -> None:
        listing = data.draw(
            st.sampled_from([each for each in make_listings().values() if each.instrument_id != INVERSE])
        )
        quantity = data.draw(st.integers(1, 10**6)) * listing.lot
        price = listing.ticks.round_down(data.draw(amounts(places=4, highest=999, lowest="1.02")))
        value = listing.value(quantity, price)
        assert Fraction(value) == Fraction(quantity) * Fraction(listing.terms.multiplier) * Fraction(price)
        assert value == round(value, 18)
