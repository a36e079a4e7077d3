"""The words of the simulated venue, read back through the adapter's mapping: nothing is lost but what the wire cuts."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.fill import Fill, Liquidity, fill_key
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId, VenueName, VenueOrderId
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import BalanceReport, FillReport, OrderReport, PositionReport, VenueOrderStatus
from liveexec.plugins.adapter import VenueOrder
from liveexec_deribit import wire
from liveexec_deribit.fills import fill_report, read_trade
from liveexec_deribit.holdings import balance_report, position_report
from liveexec_deribit.orders import OrderTerms, order_report, read_order, submit_request
from liveexec_deribit.rpc import decoded
from liveexec_deribit.simulated.words import (
    balance_words,
    order_words,
    placed_order,
    position_words,
    trade_words,
    written,
)

VENUE, ACCOUNT = VenueName("ALPHA"), AccountId("alpha-1")
INSTRUMENTS = st.sampled_from(
    [
        InstrumentId("ALPHA:PERPETUAL:BTC-USD@INV"),
        InstrumentId("ALPHA:PERPETUAL:BTC-USDT@LIN"),
        InstrumentId("ALPHA:SPOT_PAIR:ETH-USDT"),
        InstrumentId("ALPHA:OPTION:BTC-USD-50000-20271231-C"),
    ]
)
SIDES = st.sampled_from([Side.BUY, Side.SELL])
AMOUNTS = st.integers(1, 10**12).map(lambda units: Decimal(units) / 10**6)
LABELS = st.none() | st.text("abcdefghijklmnop0123456789-", min_size=1, max_size=36).map(ClientOrderId)
MILLISECONDS = st.integers(10**12, 2 * 10**12).map(lambda ms: ms * 1_000_000)
TIMES = st.sampled_from([TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK])
TYPES = st.sampled_from([OrderType.MARKET, OrderType.LIMIT])


@st.composite
def order_reports(draw: st.DrawFn) -> OrderReport:
    quantity, kind, status = draw(AMOUNTS), draw(TYPES), draw(st.sampled_from(VenueOrderStatus))
    reason = {VenueOrderStatus.EXPIRED: "settlement", VenueOrderStatus.CANCELED: "user_request"}.get(status)
    return OrderReport(
        account_id=ACCOUNT,
        instrument_id=draw(INSTRUMENTS),
        client_order_id=draw(LABELS),
        venue_order_id=VenueOrderId("V-1"),
        status=status,
        side=draw(SIDES),
        order_type=kind,
        time_in_force=draw(TIMES),
        quantity=quantity,
        price=draw(AMOUNTS) if kind is OrderType.LIMIT else None,
        filled_quantity=quantity * draw(st.sampled_from([0, 1])),
        venue_time_ns=draw(MILLISECONDS),
        code=reason,
        message=reason,
    )


@given(order_reports())
def test_an_order_is_read_as_it_is(said: OrderReport) -> None:
    assert repr(order_report(read_order(written(order_words(said))), ACCOUNT, VENUE)) == repr(said)


@given(INSTRUMENTS, SIDES, AMOUNTS, AMOUNTS, st.integers(-(10**6), 10**6), LABELS, MILLISECONDS)
def test_a_fill_is_read_as_it_is(
    instrument_id: InstrumentId,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    fee: int,
    label: ClientOrderId | None,
    at_ns: int,
) -> None:
    key = fill_key(instrument_id, VenueOrderId("V-1"), side, "T7")
    fill = Fill(key, instrument_id, side, quantity, price, Decimal(fee) / 10**8, "USDT", Liquidity.MAKER, at_ns)
    said = FillReport(ACCOUNT, label, VenueOrderId("V-1"), fill)
    read = fill_report(read_trade(written(trade_words(said))), ACCOUNT, VENUE)
    assert (read.client_order_id, read.fill.key, read.fill.venue_time_ns) == (label, key, at_ns)
    assert (read.fill.quantity, read.fill.price, read.fill.fee) == (quantity, price, fill.fee)


def test_times_are_cut_to_milliseconds() -> None:
    said = OrderReport(
        ACCOUNT,
        InstrumentId("ALPHA:SPOT_PAIR:ETH-USDT"),
        None,
        VenueOrderId("V-1"),
        VenueOrderStatus.WORKING,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        Decimal(1),
        Decimal(2),
        Decimal(0),
        1_700_000_000_123_456_789,
    )
    assert (
        order_report(read_order(written(order_words(said))), ACCOUNT, VENUE).venue_time_ns == 1_700_000_000_123_000_000
    )


@given(INSTRUMENTS, st.integers(-(10**6), 10**6).map(lambda units: Decimal(units) / 100))
def test_a_position_is_read_as_it_is(instrument_id: InstrumentId, quantity: Decimal) -> None:
    said = PositionReport(ACCOUNT, instrument_id, quantity, Decimal(5) if quantity else None, 7)
    read = position_report(decoded(wire.Position, written(position_words(said)), "a position"), ACCOUNT, VENUE, 7)
    assert (read.instrument_id, read.quantity, read.average_price) == (instrument_id, quantity, said.average_price)


@given(AMOUNTS, AMOUNTS)
def test_a_balance_is_read_as_it_is(total: Decimal, available: Decimal) -> None:
    said = BalanceReport(ACCOUNT, "USDT", total, available, 7)
    read = balance_report(decoded(wire.AccountSummary, written(balance_words(said)), "a balance"), ACCOUNT, 7)
    assert (read.asset, read.total, read.available) == ("USDT", total, available)


@given(INSTRUMENTS, SIDES, TYPES, TIMES, AMOUNTS, AMOUNTS, st.booleans(), st.booleans())
def test_the_venue_hears_the_order_that_was_placed(
    instrument_id: InstrumentId,
    side: Side,
    kind: OrderType,
    time: TimeInForce,
    quantity: Decimal,
    price: Decimal,
    post_only: bool,
    reduce_only: bool,
) -> None:
    is_limit = kind is OrderType.LIMIT
    order = VenueOrder(
        OrderId("ORD-1"), ACCOUNT, instrument_id, Operation.TRADE, side, kind, time, quantity,
        price if is_limit else None, post_only=post_only and is_limit, reduce_only=reduce_only,
    )  # fmt: skip
    method, params = submit_request(order, "label-1", 1_700_000_000_123, OrderTerms())
    heard, plan = placed_order(bytes(written(params)), method, VENUE, ACCOUNT, order.order_id)
    assert repr(heard) == repr(order)
    assert (plan.client_order_id, plan.valid_until_ns) == ("label-1", 1_700_000_000_123_000_000)
