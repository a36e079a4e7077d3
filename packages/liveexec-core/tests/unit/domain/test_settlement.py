"""Bets that are settled: what strategies and their account get, against each bet worked out by itself."""

from decimal import Decimal
from fractions import Fraction
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import PositionChange, PositionChanged
from liveexec.domain.ids import StrategyId, VenueOrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.operation import Side
from liveexec.domain.outcome import SettlementReport
from liveexec.errors import InvalidInput
from support.builders import (
    ALPHA_ACCOUNT,
    NOW_NS,
    ODDS,
    ODDS_TERMS,
    make_bet_intent,
    make_fill,
    make_leg,
    make_order_id,
    make_received,
    make_record,
    make_routed,
    make_submit_requested,
)

#: Strategy, side, stake, odds.
Bet = tuple[str, Side, Decimal, Decimal]

BETS: Final = st.lists(
    st.tuples(
        st.sampled_from(["one", "two"]),
        st.sampled_from([Side.BACK, Side.LAY]),
        st.integers(1, 10_000).map(lambda pence: Decimal(pence) / 100),
        st.integers(101, 5000).map(lambda hundredths: Decimal(hundredths) / 100),
    ),
    max_size=8,
)


def matched(bets: list[Bet]) -> Ledger:
    """A ledger of bets that were matched in full, without a fee."""
    ledger = Ledger()
    for number, (strategy, side, stake, odds) in enumerate(bets, 1):
        intent = make_bet_intent(strategy_id=StrategyId(strategy), side=side, quantity=stake, odds=odds)
        fill = make_fill(
            number, instrument_id=ODDS, side=side, quantity=stake, price=odds, fee=Decimal(0), fee_asset="GBP"
        )
        events = (
            make_received(intent),
            make_routed(make_leg(ODDS, stake)),
            make_submit_requested(quantity=stake, price=odds),
            ev.Accepted(VenueOrderId(f"V-{number}"), NOW_NS),
            ev.FillApplied(fill),
        )
        ledger.apply(make_record(make_order_id(number), 1, *events))
    return ledger


def settled(ledger: Ledger, share: Decimal) -> Ledger:
    """The same after its market was settled, for every strategy as the engine does it."""
    events = [
        PositionChanged(
            account_id, strategy_id, ODDS, -position.quantity, share, ODDS_TERMS, PositionChange.SETTLEMENT, "m-1"
        )
        for (account_id, strategy_id, _), position in sorted(ledger.positions.items())
    ]
    if events:
        ledger.apply(make_record(ALPHA_ACCOUNT, 1, *events))
    return ledger


def result_of(bet: Bet, share: Decimal) -> Fraction:
    """What one bet brings by itself: a backer gets the share of the payout for the stake, a layer the reverse."""
    _, side, stake, odds = bet
    backed = Fraction(stake) * Fraction(odds) * Fraction(share) - Fraction(stake)
    return backed if side is Side.BACK else -backed


@given(BETS, st.sampled_from([Decimal(0), Decimal("0.25"), Decimal("0.5"), Decimal(1)]))
def test_each_strategy_gets_what_its_bets_bring_and_nothing_stays_open(bets: list[Bet], share: Decimal) -> None:
    ledger = settled(matched(bets), share)
    for (_, strategy_id, _), position in ledger.positions.items():
        own = sum((result_of(bet, share) for bet in bets if bet[0] == strategy_id), Fraction(0))
        assert (position.quantity, position.cost) == (0, 0)
        assert Fraction(position.realized_pnl) == own
    net = sum((result_of(bet, share) for bet in bets), Fraction(0))
    book = ledger.book(ALPHA_ACCOUNT)
    assert Fraction(book.assets.get("GBP", Decimal(0))) == net
    assert all(
        (each.quantity, each.cost, Fraction(each.realized_pnl)) == (0, 0, net) for each in book.positions.values()
    )


def test_as_much_laid_as_backed_still_has_a_result() -> None:
    ledger = settled(
        matched([("one", Side.BACK, Decimal(10), Decimal(3)), ("one", Side.LAY, Decimal(10), Decimal(2))]), Decimal(1)
    )
    assert ledger.books[ALPHA_ACCOUNT].assets == {"GBP": 10}


def test_a_share_of_a_third_is_rounded_to_what_can_be_stored() -> None:
    ledger = settled(matched([("one", Side.BACK, Decimal(10), Decimal("3.45"))]), Decimal("0.333333333333333333"))
    (position,) = ledger.positions.values()
    assert position.realized_pnl == Decimal("1.499999999999999988"), "11.4999999999999999885 less the stake"
    assert ledger.books[ALPHA_ACCOUNT].assets["GBP"] == position.realized_pnl


@pytest.mark.parametrize("price", ["-0.01", "NaN", "Infinity"])
def test_no_venue_settles_at_such_a_price(price: str) -> None:
    with pytest.raises(InvalidInput, match="must be finite and not negative"):
        SettlementReport(ALPHA_ACCOUNT, ODDS, Decimal(price), "m-1", NOW_NS)
