"""What the venue tells of an account, channel by channel."""

from decimal import Decimal
from typing import Any

import pytest

from deribit_support import payloads
from liveexec.domain.outcome import BalanceReport, FillReport, Gap, OrderReport, VenueReport
from liveexec_deribit.names import DERIBIT
from liveexec_deribit.reading import AccountReader

COMBO = "BTC-FS-19MAY26_PERP"


def heard(channel: str, data: Any) -> list[VenueReport]:
    reports: list[VenueReport] = []
    AccountReader(payloads.ACCOUNT, DERIBIT, reports.append).notified(channel, payloads.raw(data))
    return reports


@pytest.mark.parametrize(
    ("channel", "data", "kinds"),
    [
        (
            "user.changes.any.any.raw",
            payloads.changes(orders=[payloads.order()], trades=[payloads.trade()]),
            [FillReport, OrderReport],
        ),
        ("user.orders.any.any.raw", payloads.order(), [OrderReport]),
        ("user.orders.future.BTC.100ms", [payloads.order(), payloads.order(order_id="7")], [OrderReport] * 2),
        ("user.trades.any.any.raw", [payloads.trade()], [FillReport]),
        ("user.trades.any.any.raw", {"not": "a list"}, [Gap]),
        ("user.orders.any.any.raw", {"not": "an order"}, [Gap]),
        ("user.orders.any.any.raw", 7, [Gap]),
        ("user.changes.any.any.raw", [], [Gap]),
        ("user.portfolio.any", payloads.portfolio(), [BalanceReport]),
        ("user.portfolio.any", {}, [Gap]),
        ("user.portfolio.any", payloads.portfolio(currency=""), [Gap]),
        ("user.portfolio.any", [payloads.portfolio()], [Gap]),
        ("book.BTC-PERPETUAL.100ms", {}, [Gap]),
        ("", {}, [Gap]),
    ],
)
def test_every_channel(channel: str, data: Any, kinds: list[type[Any]]) -> None:
    assert [type(each) for each in heard(channel, data)] == kinds


def test_a_balance_counts_what_futures_realised_as_of_when_it_came() -> None:
    reports: list[VenueReport] = []
    reader = AccountReader(payloads.ACCOUNT, DERIBIT, reports.append, venue_now_ns=lambda: 77)
    reader.notified("user.portfolio.any", payloads.raw(payloads.portfolio(futures_session_rpl=-0.25)))
    (said,) = reports
    assert isinstance(said, BalanceReport)
    assert (said.asset, said.total, said.available, said.venue_time_ns) == ("BTC", Decimal("2.25"), Decimal(2), 77)


def test_a_later_balance_is_never_told_with_an_earlier_time() -> None:
    reports: list[VenueReport] = []
    # Our clock is set back, or the venue's is found to be less far ahead than was thought.
    clock = iter((77, 60, 78))
    reader = AccountReader(payloads.ACCOUNT, DERIBIT, reports.append, venue_now_ns=lambda: next(clock))
    for balance in (2.5, 2.25, 2):
        reader.notified("user.portfolio.any", payloads.raw(payloads.portfolio(balance=balance)))
    assert [each.venue_time_ns for each in reports if isinstance(each, BalanceReport)] == [77, 77, 78]


def test_a_bad_part_hides_no_other() -> None:
    told = payloads.changes(
        orders=[payloads.order(amount=None), payloads.order()], trades=[payloads.trade(price="x"), payloads.trade()]
    )
    assert [type(each) for each in heard("user.changes.any.any.raw", told)] == [Gap, FillReport, Gap, OrderReport]


def test_combos_are_left_out_and_their_legs_are_not() -> None:
    told = payloads.changes(
        orders=[payloads.order(instrument_name=COMBO)],
        trades=[payloads.trade(instrument_name=COMBO), payloads.trade(combo_id=COMBO)],
    )
    assert [type(each) for each in heard("user.changes.any.any.raw", told)] == [FillReport]
