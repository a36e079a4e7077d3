"""The node's messages become reports and orders become messages, and no number changes on the way."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.fill import Liquidity
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId
from liveexec.domain.money import plain
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import FillAction, SendPlan, VenueOrderStatus
from liveexec.errors import InvalidInput
from liveexec.plugins.adapter import VenueOrder
from liveexec_nautilus.live.mapping import (
    balance_report,
    fill_report,
    order_report,
    position_report,
    quote_book,
    submit_message,
    trade_bars,
)
from liveexec_nautilus.live.protocol import Balance, FillTold, OrderState, Position, QuoteTold, TradeTold

ACCOUNT = AccountId("main")
PERPETUAL = InstrumentId("OKX:PERPETUAL:BTC-USDT@LIN")
SYMBOL = "BTC-USDT-SWAP.OKX"
AMOUNTS = st.decimals(Decimal("0.00000001"), Decimal(10**9), places=8)
TIMES = st.integers(1, 2**62)


@st.composite
def orders(draw: st.DrawFn) -> VenueOrder:
    order_type = draw(st.sampled_from(OrderType))
    return VenueOrder(
        OrderId("ORD-01K00000000000000000000000"),
        ACCOUNT,
        PERPETUAL,
        Operation.TRADE,
        draw(st.sampled_from([Side.BUY, Side.SELL])),
        order_type,
        draw(st.sampled_from(TimeInForce)),
        draw(AMOUNTS),
        draw(AMOUNTS) if order_type.has_limit else None,
        draw(AMOUNTS) if order_type.has_trigger else None,
        draw(st.none() | TIMES),
        draw(st.booleans()),
        draw(st.booleans()),
    )


@given(orders())
def test_an_order_comes_back_from_the_node_as_it_was_sent(order: VenueOrder) -> None:
    told = submit_message(1, "OKX", SYMBOL, order, SendPlan(ClientOrderId("lx1"), 9))
    assert (told.instrument, told.post_only, told.reduce_only) == (SYMBOL, order.post_only, order.reduce_only)
    assert told.trigger_price == (plain(order.trigger_price) if order.trigger_price is not None else None)
    assert told.expire_ns == order.expire_at_ns
    state = OrderState(
        told.instrument,
        told.client_order_id,
        "7",
        "ACCEPTED",
        told.side,
        told.type,
        told.tif,
        told.quantity,
        "0",
        told.price,
        5,
    )
    report = order_report(state, ACCOUNT, PERPETUAL)
    assert (report.side, report.order_type, report.time_in_force) == (order.side, order.order_type, order.time_in_force)
    assert (report.quantity, report.price) == (order.quantity, order.price)
    assert (report.client_order_id, report.venue_order_id, report.venue_time_ns) == ("lx1", "7", 5)
    assert report.status is VenueOrderStatus.WORKING


@given(AMOUNTS, AMOUNTS, st.none() | AMOUNTS, st.sampled_from(["MAKER", "TAKER", "NO_LIQUIDITY_SIDE"]))
def test_a_fill_has_the_same_key_whether_it_was_heard_or_asked_for(
    quantity: Decimal, price: Decimal, fee: Decimal | None, liquidity: str
) -> None:
    def told(client_order_id: str | None, at_ns: int) -> FillTold:
        fee_text = plain(-fee) if fee is not None else None
        return FillTold(
            SYMBOL, client_order_id, "7", "t9", "SELL", plain(quantity), plain(price), fee_text, None, liquidity, at_ns
        )

    heard = fill_report(told("lx1", 5), ACCOUNT, PERPETUAL, "USDT")
    asked = fill_report(told(None, 6), ACCOUNT, PERPETUAL, "USDT")
    assert heard.fill.key == asked.fill.key == f"{PERPETUAL}|7|SELL|t9"
    assert (heard.fill.quantity, heard.fill.price) == (quantity, price)
    # A rebate stays below zero; what the venue does not name is paid in what the contract settles in.
    assert heard.fill.fee == (-fee if fee is not None else 0)
    assert heard.fill.fee_asset == "USDT"
    assert heard.fill.liquidity is Liquidity(liquidity) if liquidity in Liquidity else Liquidity.UNKNOWN


def test_a_fill_that_was_taken_back_names_the_one_it_is_about() -> None:
    told = FillTold(SYMBOL, "lx1", "7", "t9", "SELL", "1", "2", None, None, "MAKER", 5, False, "c1")
    bust = fill_report(told, ACCOUNT, PERPETUAL, "USDT")
    assert bust.action is FillAction.BUST
    assert (bust.original_key, bust.fill.key) == (f"{PERPETUAL}|7|SELL|t9", f"{PERPETUAL}|7|SELL|t9/c1")


@pytest.mark.parametrize(
    ("field", "value"), [("status", "ODD"), ("side", "NONE"), ("type", "ICEBERG"), ("tif", "X"), ("quantity", "NaN")]
)
def test_words_and_numbers_that_are_not_known_are_refused(field: str, value: str) -> None:
    good = {
        "instrument": SYMBOL,
        "client_order_id": None,
        "venue_order_id": "7",
        "status": "ACCEPTED",
        "side": "BUY",
        "type": "LIMIT",
        "tif": "GTC",
        "quantity": "1",
        "filled_quantity": "0",
        "price": "2",
        "at_ns": 1,
    }
    with pytest.raises(InvalidInput):
        order_report(OrderState(**(good | {field: value})), ACCOUNT, PERPETUAL)  # type: ignore[arg-type]  # by name


@given(st.lists(st.tuples(TIMES, AMOUNTS, AMOUNTS), min_size=1, max_size=20))
def test_bars_hold_everything_that_was_traded(trades: list[tuple[int, Decimal, Decimal]]) -> None:
    told = [TradeTold(SYMBOL, plain(price), plain(size), at_ns) for at_ns, price, size in trades]
    bars = trade_bars(told, PERPETUAL)
    assert sum(bar.count for bar in bars) == len(trades)
    assert sum(bar.quantity for bar in bars) == sum(size for _, _, size in trades)
    assert [bar.start_ns for bar in bars] == sorted({at_ns - at_ns % 10**9 for at_ns, _, _ in trades})


def test_quotes_balances_and_positions() -> None:
    book = quote_book(QuoteTold(SYMBOL, "1", "2", "3", "0", 5), PERPETUAL, 6)
    assert (book.bids, book.asks, book.at_ns, book.venue_time_ns) == (((1, 3),), (), 6, 5)
    position = position_report(Position(SYMBOL, "-3", "2.5", 5), ACCOUNT, PERPETUAL)
    assert (position.quantity, position.average_price) == (-3, Decimal("2.5"))
    balance = balance_report(Balance("USDT", "10", "4", 5), ACCOUNT)
    assert (balance.total, balance.available) == (10, 4)
