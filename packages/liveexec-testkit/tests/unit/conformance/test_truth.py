"""How fills that were told are compared with those that were made."""

from decimal import Decimal

from attrs import evolve

from liveexec.domain.fill import Fill, FillKey, Liquidity
from liveexec.domain.ids import InstrumentId
from liveexec.domain.operation import Side
from liveexec_testkit.conformance.truth import fill_differences

FILL = Fill(
    FillKey("a"),
    InstrumentId("V:SPOT_PAIR:BTC-USD"),
    Side.BUY,
    Decimal("1.0"),
    Decimal(100),
    Decimal("0.1"),
    "USD",
    Liquidity.MAKER,
    1_000_000_000,
)


def test_equal_fills_are_equal_whatever_they_are_called_and_however_they_are_written() -> None:
    other = evolve(FILL, key=FillKey("b"), quantity=Decimal(1))
    assert fill_differences([FILL], [other], whole=True) == []


def test_equal_fills_are_counted() -> None:
    assert len(fill_differences([FILL], [FILL, FILL])) == 1
    assert len(fill_differences([FILL, FILL], [FILL])) == 1


def test_the_rest_of_a_fill_counts_where_the_whole_is_asked_for() -> None:
    others = [
        evolve(FILL, fee=Decimal("-0.1")),
        evolve(FILL, fee_asset="BTC"),
        evolve(FILL, venue_time_ns=1_002_000_000),
        evolve(FILL, liquidity=Liquidity.TAKER),
    ]
    for other in others:
        assert fill_differences([other], [FILL]) == []
        assert len(fill_differences([other], [FILL], whole=True)) == 2


def test_what_was_traded_always_counts() -> None:
    others = [evolve(FILL, quantity=Decimal(2)), evolve(FILL, price=Decimal(99)), evolve(FILL, side=Side.SELL)]
    for other in others:
        assert len(fill_differences([other], [FILL])) == 2


def test_who_took_is_left_open_where_the_venue_does_not_say() -> None:
    assert fill_differences([evolve(FILL, liquidity=Liquidity.UNKNOWN)], [FILL], whole=True) == []
