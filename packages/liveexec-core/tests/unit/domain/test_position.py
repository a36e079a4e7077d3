"""Positions and books against a second set of formulas, in exact fractions."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.account_event import PositionChange, PositionChanged
from liveexec.domain.fill import Fill
from liveexec.domain.ids import InstrumentId
from liveexec.domain.instrument import ContractKind, ContractTerms
from liveexec.domain.operation import Side
from liveexec.domain.position import AccountBook, Position
from support.builders import (
    ALPHA_ACCOUNT,
    BETA_ACCOUNT,
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
    SPOT_TERMS,
    TERMS,
    make_asset_moved,
    make_fill,
    parts,
)
from support.strategies import amounts

ULP = Fraction(1, 10**18)
#: (signed quantity, price)
Trade = tuple[Decimal, Decimal]

SIDES = st.sampled_from([1, -1])
TRADES = st.lists(
    st.builds(
        lambda quantity, sign, price: (quantity * sign, price), amounts(3, 100), SIDES, amounts(2, 99_999, "0.01")
    ),
    max_size=12,
)
#: Whole contracts, as coin-margined venues trade them.
CONTRACTS = st.lists(
    st.builds(
        lambda quantity, sign, price: (quantity * sign, price), amounts(0, 10**6), SIDES, amounts(1, 99_999, 100)
    ),
    max_size=12,
)
MARKS = amounts(2, 99_999, "0.01")


def folded(terms: ContractTerms, trades: list[Trade]) -> Position:
    position = Position(SPOT, terms)
    for quantity, price in trades:
        position.trade(quantity, price, NOW_NS)
    return position


def exact_value(terms: ContractTerms, quantity: Decimal, price: Decimal) -> Fraction:
    size = Fraction(quantity) * Fraction(terms.multiplier)
    return size / Fraction(price) if terms.kind is ContractKind.INVERSE else size * Fraction(price)


def exact_fold(terms: ContractTerms, trades: list[Trade]) -> tuple[Fraction, Fraction, Fraction]:
    """Quantity, average entry price and realised PnL by average cost, without any rounding.

    Written by prices, not by cost sums: linear pays size x (exit - entry), inverse size x (1/entry - 1/exit).
    """
    open_, average, realized = Fraction(0), Fraction(0), Fraction(0)
    multiplier, is_inverse = Fraction(terms.multiplier), terms.kind is ContractKind.INVERSE
    for raw_quantity, raw_price in trades:
        quantity, price = Fraction(raw_quantity), Fraction(raw_price)
        if open_ * quantity < 0:
            closed = -quantity if abs(quantity) <= abs(open_) else open_
            gain = 1 / average - 1 / price if is_inverse else price - average
            realized += closed * multiplier * gain
            open_ -= closed
            quantity += closed
        if quantity:
            if is_inverse:
                average = (open_ + quantity) / ((open_ / average if open_ else 0) + quantity / price)
            else:
                average = (open_ * average + quantity * price) / (open_ + quantity)
            open_ += quantity
    return open_, average, realized


@pytest.mark.parametrize("terms", [LINEAR_TERMS, MULTIPLIED_TERMS, SPOT_TERMS], ids=["linear", "multiplied", "spot"])
class TestLinear:
    @given(trades=TRADES)
    def test_quantity_average_and_realised_follow_average_cost(self, terms: ContractTerms, trades: list[Trade]) -> None:
        position = folded(terms, trades)
        quantity, average, realized = exact_fold(terms, trades)
        assert Fraction(position.quantity) == quantity == sum(Fraction(each) for each, _ in trades)
        # One share is rounded by half a unit per trade; an average divides what is left of that by the quantity.
        assert abs(Fraction(position.realized_pnl) - realized) <= len(trades) * ULP
        if quantity:
            assert position.average_price is not None
            assert abs(Fraction(position.average_price) - average) <= (1 + len(trades) / abs(quantity)) * ULP
        else:
            assert parts(position, "average_price cost") == (None, 0)

    @given(trades=TRADES, mark=MARKS)
    def test_realised_and_unrealised_are_the_cash_flows_and_the_value(
        self, terms: ContractTerms, trades: list[Trade], mark: Decimal
    ) -> None:
        position = folded(terms, trades)
        cash = -sum(exact_value(terms, quantity, price) for quantity, price in trades)
        value = exact_value(terms, position.quantity, mark)
        assert Fraction(position.realized_pnl + position.unrealized_pnl(mark)) == cash + value

    @given(trades=TRADES, last=TRADES.filter(bool), cut=st.fractions(0, 1))
    def test_a_fill_in_two_parts_differs_by_two_units_of_the_last_place_at_most(
        self, terms: ContractTerms, trades: list[Trade], last: list[Trade], cut: Fraction
    ) -> None:
        quantity, price = last[0]
        part = Decimal(int(Fraction(quantity) * 1_000 * cut)).scaleb(-3)
        whole = folded(terms, [*trades, (quantity, price)])
        split = folded(terms, [*trades, (part, price), (quantity - part, price)])
        assert whole.quantity == split.quantity
        assert abs(Fraction(whole.realized_pnl) - Fraction(split.realized_pnl)) <= 2 * ULP
        assert abs(Fraction(whole.cost) - Fraction(split.cost)) <= 2 * ULP
        assert whole.realized_pnl - whole.cost == split.realized_pnl - split.cost


class TestInverse:
    @given(trades=CONTRACTS)
    def test_profit_is_entry_less_exit_in_the_base_asset(self, trades: list[Trade]) -> None:
        position = folded(INVERSE_TERMS, trades)
        quantity, average, realized = exact_fold(INVERSE_TERMS, trades)
        assert Fraction(position.quantity) == quantity
        # Two values and a share are rounded per trade.
        assert abs(Fraction(position.realized_pnl) - realized) <= 2 * len(trades) * ULP
        if quantity:
            assert position.average_price is not None
            drift = 2 * len(trades) * ULP * average / abs(quantity)  # of the cost sum, relative to it
            assert abs(Fraction(position.average_price) - average) <= 2 * drift * average + ULP
        else:
            assert position.cost == 0

    @given(trades=CONTRACTS, mark=amounts(1, 99_999, 100))
    def test_realised_and_unrealised_are_the_flows_less_the_value(self, trades: list[Trade], mark: Decimal) -> None:
        position = folded(INVERSE_TERMS, trades)
        flows = sum((INVERSE_TERMS.value(quantity, price) for quantity, price in trades), Decimal(0))
        total = position.realized_pnl + position.unrealized_pnl(mark)
        assert total == flows - INVERSE_TERMS.value(position.quantity, mark)
        exact = sum(exact_value(INVERSE_TERMS, *trade) for trade in trades) - exact_value(
            INVERSE_TERMS, position.quantity, mark
        )
        assert abs(Fraction(total) - exact) <= (len(trades) + 1) * ULP / 2

    @given(trades=CONTRACTS, last=CONTRACTS.filter(bool), cut=st.fractions(0, 1))
    def test_a_fill_in_two_parts_differs_by_three_units_of_the_last_place_at_most(
        self, trades: list[Trade], last: list[Trade], cut: Fraction
    ) -> None:
        quantity, price = last[0]
        part = Decimal(int(Fraction(quantity) * cut))
        whole = folded(INVERSE_TERMS, [*trades, (quantity, price)])
        split = folded(INVERSE_TERMS, [*trades, (part, price), (quantity - part, price)])
        assert whole.quantity == split.quantity
        assert abs(Fraction(whole.realized_pnl) - Fraction(split.realized_pnl)) <= 3 * ULP
        assert abs(Fraction(whole.cost) - Fraction(split.cost)) <= 3 * ULP

    def test_a_long_that_doubles_earns_half_of_what_it_was_worth(self) -> None:
        position = folded(INVERSE_TERMS, [(Decimal(100), Decimal(10_000)), (Decimal(-100), Decimal(20_000))])
        assert position.realized_pnl == Decimal("0.005")
        short = folded(INVERSE_TERMS, [(Decimal(-100), Decimal(10_000)), (Decimal(100), Decimal(20_000))])
        assert short.realized_pnl == Decimal("-0.005")

    def test_the_average_is_the_harmonic_mean(self) -> None:
        position = folded(INVERSE_TERMS, [(Decimal(100), Decimal(10_000)), (Decimal(100), Decimal(30_000))])
        assert position.average_price == Decimal("15000.000000000000375000")
        assert position.unrealized_pnl(Decimal(15_000)) == pytest.approx(0, abs=Decimal("1e-17"))


class TestThroughZero:
    def test_what_is_open_closes_and_the_rest_opens_at_its_own_price(self) -> None:
        position = Position(LINEAR, LINEAR_TERMS)
        assert position.trade(Decimal(2), Decimal(100), NOW_NS) == 0
        assert position.trade(Decimal(-5), Decimal(110), NOW_NS + 1) == 20
        assert parts(position, "quantity cost average_price") == (-3, -330, 110)
        assert position.unrealized_pnl(Decimal(100)) == 30
        assert position.trade(Decimal(3), Decimal(100), NOW_NS + 2) == 30
        assert parts(position, "quantity cost realized_pnl average_price") == (0, 0, 50, None)
        assert position.updated_at_ns == NOW_NS + 2

    def test_a_partial_close_takes_its_share_of_the_cost(self) -> None:
        position = folded(MULTIPLIED_TERMS, [(Decimal(2), Decimal(6_000)), (Decimal(1), Decimal(6_030))])
        assert position.average_price == 6_010
        assert position.trade(Decimal(-1), Decimal(6_020), NOW_NS) == 500
        assert parts(position, "quantity average_price cost") == (2, 6_010, 601_000)

    def test_a_third_leaves_nothing_over_when_the_last_of_it_closes(self) -> None:
        position = folded(LINEAR_TERMS, [(Decimal(3), Decimal(10)), (Decimal("0.001"), Decimal("9.999"))])
        for _ in range(3):
            position.trade(Decimal(-1), Decimal("10.01"), NOW_NS)
        position.trade(Decimal("-0.001"), Decimal("10.01"), NOW_NS)
        assert parts(position, "quantity cost") == (0, 0)
        assert position.realized_pnl == Decimal("3.001") * Decimal("10.01") - 30 - Decimal("0.009999")

    @given(st.lists(TRADES, min_size=2, max_size=2))
    def test_whoever_takes_the_other_side_has_the_opposite(self, halves: list[list[Trade]]) -> None:
        trades = [trade for half in halves for trade in half]
        one, other = (
            folded(LINEAR_TERMS, trades),
            folded(LINEAR_TERMS, [(-quantity, price) for quantity, price in trades]),
        )
        assert parts(one, "quantity cost realized_pnl") == (-other.quantity, -other.cost, -other.realized_pnl)


class TestOdds:
    @given(st.lists(st.tuples(SIDES, amounts(2, 1_000), amounts(2, 1_000, "1.01")), max_size=10))
    def test_both_results_are_the_sums_over_the_bets(self, bets: list[tuple[int, Decimal, Decimal]]) -> None:
        position = folded(ODDS_TERMS, [(stake * sign, odds) for sign, stake, odds in bets])
        wins = sum((sign * stake * (odds - 1) for sign, stake, odds in bets), Decimal(0))
        loses = sum((-sign * stake for sign, stake, _ in bets), Decimal(0))
        assert parts(position, "result_if_wins result_if_loses") == (wins, loses)
        assert position.liability == max(0, -wins, -loses)
        assert position.realized_pnl == 0
        assert position.unrealized_pnl(Decimal(2)) == 0

    def test_a_lay_risks_its_payout_and_a_back_its_stake(self) -> None:
        assert folded(ODDS_TERMS, [(Decimal(10), Decimal("3.5"))]).liability == 10
        assert folded(ODDS_TERMS, [(Decimal(-10), Decimal("3.5"))]).liability == 25

    def test_a_back_that_is_laid_off_at_lower_odds_wins_either_way(self) -> None:
        position = folded(ODDS_TERMS, [(Decimal(10), Decimal(4)), (Decimal(-20), Decimal(2))])
        assert parts(position, "result_if_wins result_if_loses liability") == (10, 10, 0)


def fills_of(instrument_id: InstrumentId, trades: list[Trade], fee_asset: str = "BNB") -> list[Fill]:
    return [
        make_fill(
            number,
            instrument_id=instrument_id,
            side=Side.BUY if quantity > 0 else Side.SELL,
            quantity=abs(quantity),
            price=price,
            fee=Decimal(number) / 8 - 1,
            fee_asset=fee_asset,
        )
        for number, (quantity, price) in enumerate(trades)
    ]


def book_of(fills: list[Fill]) -> AccountBook:
    book = AccountBook(ALPHA_ACCOUNT)
    for fill in fills:
        book.apply_fill(fill, TERMS[fill.instrument_id], NOW_NS)
    return book


class TestBook:
    @given(TRADES)
    def test_a_spot_fill_moves_both_assets_and_the_fee(self, trades: list[Trade]) -> None:
        book = book_of(fills_of(SPOT, trades))
        assert book.assets.get("BTC", 0) == sum(quantity for quantity, _ in trades)
        assert book.assets.get("USDT", 0) == -sum(quantity * price for quantity, price in trades)
        assert book.assets.get("BNB", 0) == sum(1 - Decimal(number) / 8 for number in range(len(trades)))

    @given(TRADES)
    def test_a_fee_in_the_asset_that_was_bought_leaves_less_of_it(self, trades: list[Trade]) -> None:
        fills = fills_of(SPOT, trades, fee_asset="BTC")
        book = book_of(fills)
        assert book.assets.get("BTC", 0) == sum(quantity for quantity, _ in trades) - sum(fill.fee for fill in fills)
        if fills:
            position = book.positions[SPOT]
            assert position.quantity == sum(quantity for quantity, _ in trades)
            assert position.fees == {"BTC": sum(fill.fee for fill in fills)}
            assert position.realized_pnl == folded(SPOT_TERMS, trades).realized_pnl

    @pytest.mark.parametrize(
        ("instrument_id", "trades"), [(SPOT, TRADES), (LINEAR, TRADES), (MULTIPLIED, TRADES), (INVERSE, CONTRACTS)]
    )
    @given(data=st.data())
    def test_what_one_account_loses_the_other_has_and_only_fees_leave(
        self, instrument_id: InstrumentId, trades: st.SearchStrategy[list[Trade]], data: st.DataObject
    ) -> None:
        fills = fills_of(instrument_id, data.draw(trades))
        mark = data.draw(amounts(1, 99_999, 100))
        ours, theirs = AccountBook(ALPHA_ACCOUNT), AccountBook(BETA_ACCOUNT)
        terms = TERMS[instrument_id]
        for fill in fills:
            ours.apply_fill(fill, terms, NOW_NS)
            theirs.apply_fill(evolve(fill, side=fill.side.opposite), terms, NOW_NS)
        moved = dict.fromkeys((*ours.assets, *theirs.assets), Decimal(0))
        for book in (ours, theirs):
            for asset, amount in book.assets.items():
                moved[asset] += amount
            if terms.kind is not ContractKind.SPOT:
                for position in book.positions.values():
                    asset = terms.settlement_asset
                    moved[asset] = moved.get(asset, Decimal(0)) + position.unrealized_pnl(mark)
        fees = 2 * sum(fill.fee for fill in fills)
        assert {asset: amount for asset, amount in moved.items() if amount} == ({"BNB": -fees} if fees else {})

    @pytest.mark.parametrize(
        ("instrument_id", "trades"), [(SPOT, TRADES), (LINEAR, TRADES), (MULTIPLIED, TRADES), (INVERSE, CONTRACTS)]
    )
    @given(data=st.data())
    def test_a_bust_restores_what_would_be_without_the_fill(
        self, instrument_id: InstrumentId, trades: st.SearchStrategy[list[Trade]], data: st.DataObject
    ) -> None:
        fills = fills_of(instrument_id, data.draw(trades.filter(bool)))
        gone = data.draw(st.integers(0, len(fills) - 1))
        mark = data.draw(amounts(1, 99_999, 100))
        book, without = book_of(fills), book_of([fill for fill in fills if fill is not fills[gone]])
        terms = TERMS[instrument_id]
        book.bust_fill(fills[gone], terms, NOW_NS)
        assert worth(book, instrument_id, mark) == worth(without, instrument_id, mark)

    def test_a_bust_of_the_only_fill_leaves_nothing(self) -> None:
        for instrument_id, terms in TERMS.items():
            fill = make_fill(instrument_id=instrument_id, fee_asset="BNB")
            book = AccountBook(ALPHA_ACCOUNT)
            book.apply_fill(fill, terms, NOW_NS)
            book.bust_fill(fill, terms, NOW_NS)
            position = book.positions[instrument_id]
            assert parts(position, "quantity cost realized_pnl") == (0, 0, 0)
            assert not any(book.assets.values())
            assert not any(position.fees.values())

    def test_a_bet_moves_nothing_but_its_fee_before_the_market_settles(self) -> None:
        book = AccountBook(ALPHA_ACCOUNT)
        book.apply_fill(
            make_fill(instrument_id=ODDS, side=Side.BACK, fee=Decimal(0), fee_asset="GBP"), ODDS_TERMS, NOW_NS
        )
        assert book.assets == {}
        assert book.positions[ODDS].quantity == Decimal("0.5")

    def test_assets_move_without_fills_too(self) -> None:
        book = AccountBook(ALPHA_ACCOUNT)
        for amount in ("100", "-30", "0"):
            book.apply_asset(make_asset_moved(amount))
        assert book.assets == {"USDT": 70}

    def test_a_settlement_realises_what_was_open(self) -> None:
        book = book_of(fills_of(LINEAR, [(Decimal(2), Decimal(100))]))
        event = PositionChanged(
            ALPHA_ACCOUNT, "s", LINEAR, Decimal(-2), Decimal(110), LINEAR_TERMS, PositionChange.SETTLEMENT, "S-1"
        )
        book.apply_position_change(event, NOW_NS)
        assert book.positions[LINEAR].quantity == 0
        assert book.assets == {"USDT": 20, "BNB": 1}

    @given(TRADES.filter(lambda trades: len(trades) > 1))
    def test_the_order_in_which_fills_arrive_does_not_change_the_worth(self, trades: list[Trade]) -> None:
        mark = Decimal(100)
        worths = [worth(book_of(list(order)), LINEAR, mark) for order in _rotations(fills_of(LINEAR, trades))]
        assert all(one == two for one, two in pairwise(worths))


def worth(book: AccountBook, instrument_id: InstrumentId, mark: Decimal) -> dict[str, Decimal]:
    """Assets and the open position's result at a price, by asset; the quantity under its own name."""
    terms = TERMS[instrument_id]
    total = dict(book.assets)
    position = book.positions.get(instrument_id)
    if position is not None:
        total["quantity"] = position.quantity
        if terms.kind is not ContractKind.SPOT:
            asset = terms.settlement_asset
            total[asset] = total.get(asset, Decimal(0)) + position.unrealized_pnl(mark)
    return {name: amount for name, amount in total.items() if amount}


def _rotations(fills: list[Fill]) -> list[list[Fill]]:
    return [fills[turn:] + fills[:turn] for turn in range(len(fills))]
