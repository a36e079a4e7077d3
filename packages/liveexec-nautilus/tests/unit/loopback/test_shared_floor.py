"""The floor: orders, fills, books and their events, over the project's matching engine."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.ids import VenueName
from liveexec.domain.instrument import ContractKind
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.errors import ConfigurationError
from liveexec_nautilus.loopback.shared.accounts import default_accounts
from liveexec_nautilus.loopback.shared.clock import VenueClock
from liveexec_nautilus.loopback.shared.events import BookChanged, FloorEvent, OrderChange, OrderChanged, PublicTrade
from liveexec_nautilus.loopback.shared.faults import RequestFault, StreamFault
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.orders import Order, OrderRequest, Refusal
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

PERPETUAL = SymbolConfig(
    name="BTCUSDT",
    kind=ContractKind.LINEAR,
    base="BTC",
    quote="USDT",
    settlement="USDT",
    tick=Decimal("0.1"),
    lot=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    max_quantity=Decimal(1000),
)
USER = 1001


def a_floor() -> tuple[Floor, list[FloorEvent]]:
    clock = VenueClock(lambda: 1_700_000_000_000_000_000)
    accounts = default_accounts(2, {"USDT": Decimal(1_000_000)})
    floor = Floor(VenueName("TEST"), [PERPETUAL], accounts, clock)
    events: list[FloorEvent] = []
    floor.listeners.append(events.append)
    return floor, events


def limit(
    side: Side,
    price: str,
    quantity: str,
    client_order_id: str = "a",
    *,
    time_in_force: TimeInForce = TimeInForce.GTC,
    post_only: bool = False,
) -> OrderRequest:
    return OrderRequest(
        symbol=PERPETUAL,
        side=side,
        order_type=OrderType.LIMIT,
        quantity=Decimal(quantity),
        client_order_id=client_order_id,
        price=Decimal(price),
        time_in_force=time_in_force,
        post_only=post_only,
    )


def placed(outcome: Order | Refusal) -> Order:
    assert isinstance(outcome, Order)
    return outcome


def test_an_order_fills_in_part_and_tells_each_step_as_it_stood() -> None:
    floor, events = a_floor()
    floor.rest("BTCUSDT", Side.SELL, Decimal(50_000), Decimal("0.4"))
    events.clear()
    seen: list[tuple[OrderChange, Decimal, VenueOrderStatus]] = []
    floor.listeners.append(
        lambda event: (
            seen.append((event.change, event.order.filled, event.order.status))
            if isinstance(event, OrderChanged) and event.order.user_id == USER
            else None
        )
    )
    order = placed(floor.submit(USER, limit(Side.BUY, "50000", "1")))
    floor.take("BTCUSDT", Side.SELL, Decimal("0.6"))
    assert seen == [
        (OrderChange.NEW, Decimal(0), VenueOrderStatus.WORKING),
        (OrderChange.TRADE, Decimal("0.4"), VenueOrderStatus.WORKING),
        (OrderChange.TRADE, Decimal(1), VenueOrderStatus.FILLED),
    ]
    assert order.average_price == 50_000
    assert [each.is_maker for each in order.executions] == [False, True]
    assert [each.fee for each in order.executions] == [Decimal("10.0000"), Decimal("6.0000")]
    assert floor.position(USER, "BTCUSDT").quantity == 1
    trades = [event for event in events if isinstance(event, PublicTrade)]
    assert [(trade.aggressor, trade.quantity) for trade in trades] == [
        (Side.BUY, Decimal("0.4")),
        (Side.SELL, Decimal("0.6")),
    ]
    assert [trade.trade_number for trade in trades] == [each.trade_number for each in order.executions]


def test_a_book_change_tells_the_levels_that_changed_and_those_that_are_gone() -> None:
    floor, events = a_floor()
    resting = placed(floor.rest("BTCUSDT", Side.BUY, Decimal(49_000), Decimal(1)))
    floor.rest("BTCUSDT", Side.BUY, Decimal(48_000), Decimal(2))
    floor.cancel(resting)
    changes = [event for event in events if isinstance(event, BookChanged)]
    assert [change.bids for change in changes] == [
        ((Decimal(49_000), Decimal(1)),),
        ((Decimal(48_000), Decimal(2)),),
        ((Decimal(49_000), Decimal(0)),),
    ]
    assert [change.update for change in changes] == [2, 3, 4]
    assert floor.market.book("BTCUSDT", 5) == (((Decimal(48_000), Decimal(2)),), ())


def test_what_ends_by_its_own_terms_is_expired_and_what_is_canceled_is_canceled() -> None:
    floor, _ = a_floor()
    ioc = placed(floor.submit(USER, limit(Side.BUY, "50000", "1", "ioc", time_in_force=TimeInForce.IOC)))
    resting = placed(floor.submit(USER, limit(Side.BUY, "50000", "1", "rest")))
    assert floor.cancel(resting) is None
    assert (ioc.status, resting.status) == (VenueOrderStatus.EXPIRED, VenueOrderStatus.CANCELED)
    again = floor.cancel(resting)
    assert again is not None
    assert again.code == "ORDER_CLOSED"


def test_an_amendment_keeps_the_order_and_its_fills() -> None:
    floor, _ = a_floor()
    order = placed(floor.submit(USER, limit(Side.BUY, "50000", "1")))
    floor.take("BTCUSDT", Side.SELL, Decimal("0.25"))
    assert floor.amend(order, Decimal("0.5"), Decimal(49_999)) is None
    assert (order.quantity, order.price, order.leaves) == (Decimal("0.5"), Decimal(49_999), Decimal("0.25"))
    below = floor.amend(order, Decimal("0.2"), Decimal(49_999))
    assert below is not None
    assert below.code == "QUANTITY_BELOW_FILLED"
    assert order.quantity == Decimal("0.5")


def test_a_refused_order_is_no_order() -> None:
    floor, events = a_floor()
    floor.rest("BTCUSDT", Side.SELL, Decimal(50_000), Decimal(1))
    events.clear()
    refusal = floor.submit(USER, limit(Side.BUY, "50000", "1", post_only=True))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "POST_ONLY_WOULD_TAKE"
    assert floor.find(USER, client_order_id="a") is None
    assert events == []


def test_printed_trades_have_numbers_of_their_own_and_touch_no_order() -> None:
    floor, _ = a_floor()
    order = placed(floor.submit(USER, limit(Side.BUY, "50000", "1")))
    floor.market.print_trade("BTCUSDT", Side.SELL, Decimal(50_000), Decimal(5))
    floor.take("BTCUSDT", Side.SELL, Decimal("0.5"))
    numbers = [trade.trade_number for trade in floor.market.trades]
    assert len(set(numbers)) == 2
    assert order.filled == Decimal("0.5")
    assert floor.market.mark("BTCUSDT") == 50_000


def test_accounts_see_their_own_orders_only() -> None:
    floor, _ = a_floor()
    order = placed(floor.submit(USER, limit(Side.BUY, "50000", "1")))
    assert floor.find(USER, number=order.number) is order
    assert floor.find(USER + 1, number=order.number) is None
    assert floor.orders_of(USER + 1) == []


_STEP = st.tuples(
    st.sampled_from(["buy", "sell", "others buy", "others sell", "cancel", "amend"]),
    st.integers(49_990, 50_010),
    st.integers(1, 20),
)


@given(st.lists(_STEP, max_size=25))
def test_positions_and_open_orders_are_those_of_the_matching_engine(steps: list[tuple[str, int, int]]) -> None:
    floor, _ = a_floor()
    for index, (what, price, size) in enumerate(steps):
        quantity = Decimal(size) / 10
        working = floor.orders_of(USER, open_only=True)
        if what in {"buy", "sell"}:
            floor.submit(USER, limit(Side(what.upper()), str(price), str(quantity), f"c{index}"))
        elif what.startswith("others"):
            side = Side.BUY if what.endswith("buy") else Side.SELL
            floor.rest("BTCUSDT", side, Decimal(price), quantity)
        elif working and what == "cancel":
            floor.cancel(working[size % len(working)])
        elif working:
            floor.amend(working[size % len(working)], quantity, Decimal(price))
    account_id = floor.exchange.config.account_ids[0]
    known = floor.exchange.snapshots
    net = {each.instrument_id: each.quantity for each in known.positions(account_id, 0).items}
    assert floor.position(USER, "BTCUSDT").quantity == net.get(PERPETUAL.instrument_id(floor.venue), 0)
    reports = known.every_order(account_id)
    assert {
        str(report.client_order_id): (report.quantity, report.price, report.filled_quantity, report.status.is_open)
        for report in reports
    } == {
        order.client_order_id: (order.quantity, order.price, order.filled, order.is_open)
        for order in floor.orders_of(USER)
    }
    for order in floor.orders_of(USER):
        assert sum((each.quantity for each in order.executions), Decimal(0)) == order.filled


def test_a_fault_names_everything_that_is_wrong_with_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        RequestFault(kind="error", times=0, delay_s=-1)
    assert {fault.path for fault in caught.value.faults} == {"code", "times", "delay_s"}
    with pytest.raises(ConfigurationError):
        StreamFault(kind="patch")


def test_an_order_that_the_engine_refused_can_be_taken_and_ended_at_once() -> None:
    floor, events = a_floor()
    floor.rest("BTCUSDT", Side.SELL, Decimal(50_000), Decimal(1))
    taking = limit(Side.BUY, "50000", "1", post_only=True)
    refused = floor.submit(USER, taking)
    assert isinstance(refused, Refusal)
    events.clear()
    order = floor.turn_away(USER, taking, refused.code)
    told = [event.change for event in events if isinstance(event, OrderChanged)]
    assert told == [OrderChange.NEW, OrderChange.CANCELED]
    assert floor.find(USER, number=order.number) is floor.find(USER, client_order_id="a") is order
    assert (order.is_open, order.filled, order.end_code) == (False, 0, refused.code)
    assert order.number < placed(floor.submit(USER, limit(Side.BUY, "40000", "1", "b"))).number
