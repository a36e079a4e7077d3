"""What the venue says when it is asked, and what happens by the passing of time alone."""

import pytest

from liveexec.domain.ids import AccountId
from liveexec.domain.operation import Side, TimeInForce
from liveexec.domain.outcome import AssetKind, AssetReport, NotKnown, OrderReport
from liveexec.domain.venue import DedupeScope
from liveexec.errors import AdapterError
from liveexec.venues.paper.config import manifest_of
from support.paper import ALICE, BOB, SPOT, Floor, dec, facts, levels, ref, venue_config

BIDS = levels((99, 1_000_000))
ASKS = levels((101, 1_000_000))
DAY_NS = 86_400 * 1_000_000_000
SECOND_NS = 1_000_000_000


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.show(BIDS, ASKS)
    return floor


def test_fills_are_listed_from_a_time_on_oldest_first(floor: Floor) -> None:
    for at_ns in (2_000, 3_000, 3_000, 4_000):
        floor.pass_time(at_ns)
        floor.buy(1)
    snapshot = floor.exchange.snapshots.fills(ALICE, 3_000, 9_000)
    assert [report.fill.venue_time_ns for report in snapshot.items] == [3_000, 3_000, 4_000]
    assert (snapshot.complete, snapshot.as_of_ns) == (True, 9_000)
    assert floor.exchange.snapshots.fills(BOB, 0, 9_000).items == ()


def test_open_orders_are_those_of_the_account(floor: Floor) -> None:
    mine = floor.buy(1, 90)
    floor.buy(1, 90, account=BOB)
    floor.cancel(floor.buy(1, 91))
    items = floor.exchange.snapshots.open_orders(ALICE, 9_000).items
    assert [item.venue_order_id for item in items] == [mine]


def test_positions_name_their_average_price(floor: Floor) -> None:
    floor.buy(1)
    floor.show(BIDS, levels((102, 10)))
    floor.buy(3)
    (position,) = floor.exchange.snapshots.positions(ALICE, 9_000).items
    assert facts(position.quantity, position.average_price) == (4, dec("101.75"))
    floor.sell(4)
    assert floor.exchange.snapshots.positions(ALICE, 9_000).items == ()


def test_an_unknown_account_is_an_error_and_not_an_empty_answer(floor: Floor) -> None:
    nobody = AccountId("nobody")
    for ask in (
        lambda: floor.exchange.snapshots.open_orders(nobody, 1),
        lambda: floor.exchange.snapshots.fills(nobody, 0, 1),
        lambda: floor.exchange.snapshots.positions(nobody, 1),
        lambda: floor.exchange.snapshots.balances(nobody, 1),
        lambda: floor.exchange.snapshots.order(ref(None, nobody, "x"), 1),
    ):
        with pytest.raises(AdapterError, match="nobody"):
            ask()


def test_orders_stay_invisible_for_the_lag_and_are_never_called_absent() -> None:
    floor = Floor(venue_config(visibility_lag_ns=500))
    order = floor.buy(1, 90)
    assert isinstance(floor.exchange.snapshots.order(ref(order), 1_499), NotKnown)
    assert floor.exchange.snapshots.open_orders(ALICE, 1_499).items == ()
    assert isinstance(floor.exchange.snapshots.order(ref(order), 1_500), OrderReport)
    assert len(floor.exchange.snapshots.open_orders(ALICE, 1_500).items) == 1
    assert manifest_of(floor.exchange.config).visibility_lag_ns == 500


def test_an_asset_moves_with_a_report(floor: Floor) -> None:
    floor.exchange.move_asset(ALICE, "USDT", dec("-1.5"), AssetKind.FUNDING, 2_000)
    floor.collect()
    (report,) = floor.reports
    assert isinstance(report, AssetReport)
    assert (report.amount, report.kind, report.venue_time_ns) == (dec("-1.5"), AssetKind.FUNDING, 2_000)
    assert floor.balance("USDT")[0] == dec("9999998.5")
    with pytest.raises(AdapterError, match="nobody"):
        floor.exchange.move_asset(AccountId("nobody"), "USDT", dec(1), AssetKind.DEPOSIT, 2_000)


def test_a_bounded_history_forgets_the_oldest_and_says_so() -> None:
    floor = Floor(venue_config(history=10))
    floor.show(BIDS, ASKS)
    resting = floor.buy(1, 50, client_id="resting")
    for number in range(3_000):
        floor.now_ns += 1
        floor.buy(1, client_id=f"n{number}")
        floor.reports.clear()
    old = floor.exchange.snapshots.order(ref(None, client_id="n0"), floor.now_ns)
    assert isinstance(old, NotKnown)
    assert isinstance(floor.exchange.snapshots.order(ref(None, client_id="n2999"), floor.now_ns), OrderReport)
    assert floor.status(resting).status == "WORKING"
    everything = floor.exchange.snapshots.fills(ALICE, 0, floor.now_ns)
    assert not everything.complete
    since_ns = everything.items[0].fill.venue_time_ns
    assert floor.exchange.snapshots.fills(ALICE, since_ns, floor.now_ns).complete
    assert len(everything.items) < 2_100
    assert floor.position() == 3_000
    assert manifest_of(floor.exchange.config).dedupe_scope is DedupeScope.WINDOW


def test_gtd_orders_end_at_their_time(floor: Floor) -> None:
    order = floor.buy(1, 90, time_in_force=TimeInForce.GTD, expire_at_ns=5_000)
    floor.pass_time(4_999)
    assert floor.status(order).status == "WORKING"
    floor.pass_time(5_000)
    assert floor.ends() == [(order, "EXPIRED", "GTD_REACHED")]
    assert floor.balance("USDT") == (10_000_000, 10_000_000)


def test_day_orders_end_at_midnight_utc() -> None:
    floor = Floor(at_ns=20_000 * DAY_NS + 5)
    order = floor.buy(1, 90, time_in_force=TimeInForce.DAY)
    floor.pass_time(20_001 * DAY_NS - 1)
    assert floor.status(order).status == "WORKING"
    floor.pass_time(20_001 * DAY_NS)
    assert floor.ends() == [(order, "EXPIRED", "DAY_OVER")]


def test_an_order_expires_before_a_later_market_event_can_fill_it(floor: Floor) -> None:
    order = floor.buy(1, 100, time_in_force=TimeInForce.GTD, expire_at_ns=5_000)
    floor.now_ns = 5_000
    floor.print_trade(90, 100, Side.SELL)
    assert floor.fills_of(order) == []


def test_time_never_falls(floor: Floor) -> None:
    floor.pass_time(8_000)
    floor.now_ns = 3_000
    order = floor.buy(1)
    assert floor.fills[-1].venue_time_ns == 8_000
    assert floor.status(order).venue_time_ns == 8_000


def test_the_tape_sums_whole_seconds(floor: Floor) -> None:
    tape = floor.exchange.books[SPOT].tape
    for at_ns, price, quantity in ((SECOND_NS, 100, 2), (SECOND_NS + 1, 101, 3), (2 * SECOND_NS, 99, 1)):
        floor.now_ns = at_ns
        floor.print_trade(price, quantity, Side.SELL)
    (bar,) = floor.exchange.recent_trades(SPOT)
    assert facts(bar.start_ns, bar.end_ns, bar.quantity, bar.cost, bar.last_price, bar.count) == (
        SECOND_NS,
        2 * SECOND_NS,
        5,
        503,
        101,
        2,
    )
    floor.pass_time(5 * SECOND_NS)
    assert [item.quantity for item in tape.since(1)] == [1]
    assert tape.closed == 2
    assert floor.exchange.next_event_ns is None


def test_the_tape_keeps_the_latest_seconds_only() -> None:
    floor = Floor(venue_config(recent_trades_s=3))
    for second in range(1, 10):
        floor.now_ns = second * SECOND_NS
        floor.print_trade(100, second, None)
    assert [bar.quantity for bar in floor.exchange.recent_trades(SPOT)] == [6, 7, 8]
    assert [bar.quantity for bar in floor.exchange.books[SPOT].tape.since(7)] == [8]


def test_status_reports_after_fills_when_asked_for() -> None:
    floor = Floor(venue_config(status_after_fills=True))
    floor.show(BIDS, levels((101, 3), (102, 3)))
    order = floor.buy(6, 102)
    assert floor.ends() == [(order, "WORKING", None), (order, "FILLED", None)]
