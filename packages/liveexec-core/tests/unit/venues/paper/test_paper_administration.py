"""What a paper venue does by itself: it ends derivatives, takes fills back, and tells balances as they change."""

from decimal import Decimal

import pytest

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.operation import Side
from liveexec.domain.outcome import BalanceReport, FillAction, FillReport, OrderReport, SettlementReport
from liveexec.errors import AdapterError
from support.paper import ALICE, BOB, INVERSE, LINEAR, SPOT, Floor, dec, levels, venue_config

BIDS = levels((99, 1_000))
ASKS = levels((101, 1_000))


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    for instrument_id in (SPOT, LINEAR, INVERSE):
        floor.show(BIDS, ASKS, instrument_id)
    return floor


def totals(floor: Floor, account: AccountId = ALICE) -> dict[str, Decimal]:
    return {each.asset: each.total for each in floor.exchange.snapshots.balances(account, floor.now_ns).items}


class TestSettlement:
    @pytest.mark.parametrize(
        ("instrument_id", "asset", "result"),
        [
            # 5 contracts of one coin, bought at 101 with a fee of 0.2 %.
            (LINEAR, "USDT", 5 * (110 - 101) - 5 * 101 * dec("0.002")),
            # 5 contracts of 100 dollars: coins at entry less coins at the end.
            (INVERSE, "BTC", round(dec(500) / 101 - dec(500) / 110 - dec(500) / 101 * dec("0.002"), 12)),
        ],
    )
    def test_what_is_held_becomes_money(
        self, floor: Floor, instrument_id: InstrumentId, asset: str, result: Decimal
    ) -> None:
        before = totals(floor)[asset]
        floor.buy(5, instrument_id=instrument_id)
        floor.exchange.administration.settle(instrument_id, dec(110))
        floor.collect()
        assert abs(totals(floor)[asset] - before - result) < dec("1e-11")
        assert floor.exchange.snapshots.positions(ALICE, floor.now_ns).items == ()
        (told,) = [each for each in floor.reports if isinstance(each, SettlementReport)]
        assert (told.account_id, told.instrument_id, told.price) == (ALICE, instrument_id, 110)
        assert floor.exchange.snapshots.settlements(ALICE, told.venue_time_ns, floor.now_ns).items == (told,)
        assert floor.exchange.snapshots.settlements(ALICE, told.venue_time_ns + 1, floor.now_ns).items == ()
        assert floor.exchange.snapshots.settlements(BOB, 0, floor.now_ns).items == ()

    def test_orders_of_it_end(self, floor: Floor) -> None:
        resting = floor.buy(1, 50, instrument_id=LINEAR)
        other = floor.buy(1, 50)
        floor.exchange.administration.settle(LINEAR, dec(110))
        floor.collect()
        assert (floor.status(resting).status, floor.status(resting).code) == ("EXPIRED", "INSTRUMENT_ENDED")
        assert floor.status(other).status == "WORKING"
        assert not [each for each in floor.reports if isinstance(each, SettlementReport)]

    @pytest.mark.parametrize("instrument_id", [SPOT, InstrumentId("PAPER:PERPETUAL:ETH-USDT@LIN")])
    def test_what_never_ends_or_is_not_listed_is_refused(self, floor: Floor, instrument_id: InstrumentId) -> None:
        with pytest.raises(AdapterError, match="lists no derivative"):
            floor.exchange.administration.settle(instrument_id, dec(110))


class TestBusts:
    def test_everything_that_it_moved_is_as_before(self, floor: Floor) -> None:
        before = totals(floor)
        order_id = floor.buy(3)
        (fill,) = floor.fills
        floor.exchange.administration.bust(ALICE, fill.key)
        floor.collect()
        assert totals(floor) == before
        assert (floor.status(order_id).status, floor.status(order_id).filled_quantity) == ("FILLED", 0)
        told = floor.reports[-1]
        assert isinstance(told, FillReport)
        assert (told.action, told.original_key, told.fill.key) == (FillAction.BUST, fill.key, fill.key)
        listed = floor.exchange.snapshots.fills(ALICE, 0, floor.now_ns).items
        assert [each.action for each in listed] == [FillAction.TRADE, FillAction.BUST]

    def test_what_was_taken_back_works_still_or_never_was_is_refused(self, floor: Floor) -> None:
        floor.buy(3)
        (fill,) = floor.fills
        floor.exchange.administration.bust(ALICE, fill.key)
        with pytest.raises(AdapterError, match="can't be taken back"):
            floor.exchange.administration.bust(ALICE, fill.key)
        floor.collect()
        floor.buy(2_000, 101)
        working = floor.fills[-1]
        with pytest.raises(AdapterError, match="can't be taken back"):
            floor.exchange.administration.bust(ALICE, working.key)
        for account, key in ((BOB, fill.key), (ALICE, FillKey("none")), (AccountId("nobody"), fill.key)):
            with pytest.raises(AdapterError, match="has no fill"):
                floor.exchange.administration.bust(account, key)


class TestToldBalances:
    def test_each_that_changed_is_told_behind_what_changed_it(self) -> None:
        floor = Floor(venue_config(tells_balances=True, ack_by_report=True))
        floor.show(BIDS, ASKS)
        floor.send(Side.BUY, 1, 90)
        assert [type(each) for each in floor.reports] == [OrderReport, BalanceReport, BalanceReport]
        floor.reports.clear()
        floor.send(Side.BUY, 1)
        told = [each for each in floor.reports if isinstance(each, BalanceReport)]
        assert {each.asset: each.total for each in told} == totals(floor)
        assert {each.account_id for each in told} == {ALICE}
        assert floor.reports[-len(told) :] == told
        assert all(each.venue_time_ns == floor.now_ns for each in told)

    def test_a_venue_that_tells_none_tells_none(self, floor: Floor) -> None:
        floor.buy(1)
        assert not [each for each in floor.reports if isinstance(each, BalanceReport)]
