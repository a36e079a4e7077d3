"""Orders at the exchange: types, times in force, self-trading, edits, triggers; and what no order flow can break."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec_deribit.loopback.config import AccountConfig, VenueConfig, default_accounts
from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.orders import Order
from liveexec_deribit.loopback.requests import EditRequest
from loopback_support.exchanges import STEADY, make_desk

ORDERS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([0, 1, 2]),
            st.sampled_from(["buy", "sell"]),
            st.integers(1, 30).map(lambda contracts: contracts * 10),
            st.integers(89_990, 90_010),
            st.sampled_from(["good_til_cancelled", "immediate_or_cancel", "fill_or_kill"]),
            st.booleans(),
        ),
        st.tuples(st.just("cancel"), st.integers(0, 40)),
        st.tuples(st.just("edit"), st.integers(0, 40), st.integers(1, 30), st.integers(89_990, 90_010)),
    ),
    max_size=60,
)


@STEADY
@given(ORDERS, st.sampled_from(["cancel_maker", "reject_taker"]))
def test_no_flow_of_orders_crosses_the_book_or_makes_money(flow: Sequence[tuple[Any, ...]], mode: Any) -> None:
    desk = make_desk()
    exchange = desk.exchange
    everybody = [desk.first, desk.second, exchange.house]
    desk.first.self_trading = desk.second.self_trading = mode
    placed: list[Order] = []
    for step in flow:
        try:
            if step[0] == "cancel":
                if step[1] < len(placed):
                    exchange.cancel([placed[step[1]]])
            elif step[0] == "edit":
                order = placed[step[1]] if step[1] < len(placed) else None
                if order is not None and order.is_open:
                    edit = EditRequest(amount=Decimal(step[2] * 10), price=Decimal(step[3]))
                    exchange.edit(exchange.account(order.user_id), order, edit)
            else:
                who, direction, amount, price, tif, post_only = step
                post_only = post_only and tif == "good_til_cancelled"
                order, _ = desk.place(everybody[who], direction, amount, price, time_in_force=tif, post_only=post_only)
                placed.append(order)
        except VenueError as refused:
            if refused.message not in {"order_overlap", "invalid_amount"}:
                raise
        bids, asks = desk.levels("buy"), desk.levels("sell")
        assert not bids or not asks or bids[0][0] < asks[0][0]
    book = exchange.markets["BTC-PERPETUAL"].book
    for order in placed:
        assert 0 <= order.filled <= order.amount
        assert (order.state == "filled") == (order.remaining == 0)
        assert order.is_open == (order in book)
        assert order.is_open == (order in exchange.account(order.user_id).open_orders())
    positions = [account.position(desk.perpetual) for account in everybody]
    assert sum(position.size for position in positions) == 0
    trades = [trade for account in everybody for trade in account.trades]
    tape = exchange.markets["BTC-PERPETUAL"].tape
    assert len(trades) == 2 * len(tape)
    assert [trade.trade_seq for trade in tape] == list(range(1, len(tape) + 1))
    by_order = {order.order_id: order for order in placed}
    for order_id, order in by_order.items():
        assert sum(trade.public.amount for trade in trades if trade.order_id == order_id) == order.filled
    for trade in tape:
        sides = [each for each in trades if each.public is trade]
        assert {each.liquidity for each in sides} == {"M", "T"}
        assert sides[0].user_id != sides[1].user_id
        assert next(each for each in sides if each.liquidity == "T").direction == trade.direction
    # Profits of everybody, at whatever mark, cancel out but for rounding.
    mark = Decimal(90_000)
    total = sum((position.realized + position.floating(mark) for position in positions), Decimal(0))
    assert abs(total) < Decimal("1e-18")
    half = sum(abs(position.size) for position in positions) / 2
    assert exchange.markets["BTC-PERPETUAL"].open_interest == half


def test_the_oldest_order_at_the_best_price_fills_first() -> None:
    desk = make_desk()
    late = desk.place(desk.second, "sell", 100, 90_010)[0]
    old = desk.place(desk.second, "sell", 100, 90_000)[0]
    young = desk.place(desk.exchange.house, "sell", 100, 90_000)[0]
    order, trades = desk.place(desk.first, "buy", 210, 90_010)
    assert [trade.public.price for trade in trades] == [90_000, 90_000, 90_010]
    assert [each.filled for each in (old, young, late)] == [100, 100, 10]
    assert order.state == "filled"
    assert round(order.average_price, 2) == Decimal("90000.48")
    assert [trade.state for trade in trades] == ["open", "open", "filled"]


@pytest.mark.parametrize(
    ("tif", "state", "filled", "left"),
    [
        ("immediate_or_cancel", "cancelled", 100, 0),
        ("fill_or_kill", "cancelled", 0, 100),
        ("good_til_cancelled", "open", 100, 0),
        ("good_til_day", "open", 100, 0),
    ],
)
def test_time_in_force(tif: str, state: str, filled: int, left: int) -> None:
    desk = make_desk()
    maker = desk.place(desk.second, "sell", 100, 90_000)[0]
    order, _ = desk.place(desk.first, "buy", 150, 90_000, time_in_force=tif)
    assert (order.state, order.filled, maker.remaining) == (state, filled, left)


def test_what_a_market_order_cannot_get_rests_at_the_bands_edge_as_a_limit_order() -> None:
    desk = make_desk()
    desk.place(desk.second, "sell", 100, 90_000)
    order, trades = desk.place(desk.first, "buy", 150)
    assert [trade.order_type for trade in trades] == ["market"]
    assert (order.order_type, order.original_type, order.state, order.price) == ("limit", "market", "open", 135_000)


def test_post_only_steps_back_or_is_refused() -> None:
    desk = make_desk()
    desk.place(desk.second, "sell", 100, 90_000)
    order, trades = desk.place(desk.first, "buy", 50, 90_100, post_only=True)
    assert (order.price, trades) == (Decimal("89999.5"), [])
    with pytest.raises(VenueError, match="11054 post_only_reject"):
        desk.place(desk.first, "buy", 50, 90_000, post_only=True, reject_post_only=True)
    with pytest.raises(VenueError, match="-32602 Invalid params"):
        desk.place(desk.first, "buy", 50, 90_000, post_only=True, time_in_force="fill_or_kill")


def test_meeting_an_own_order_cancels_it_or_refuses_the_new_one() -> None:
    desk = make_desk()
    own = desk.place(desk.first, "sell", 100, 90_000)[0]
    others = desk.place(desk.second, "sell", 100, 90_000)[0]
    order, _ = desk.place(desk.first, "buy", 50, 90_000)
    assert (own.state, others.filled, order.filled) == ("cancelled", 50, 50)
    desk.first.self_trading = "reject_taker"
    again = desk.place(desk.first, "sell", 100, 89_999)[0]
    with pytest.raises(VenueError, match="10003 order_overlap"):
        desk.place(desk.first, "buy", 50, 90_000)
    assert again.state == "open"
    assert desk.first.position(desk.perpetual).size == 50


def test_reduce_only_never_opens_a_position() -> None:
    desk = make_desk()
    with pytest.raises(VenueError, match="11030 other_reject"):
        desk.place(desk.first, "sell", 50, 90_000, reduce_only=True)
    desk.place(desk.second, "sell", 100, 90_000)
    desk.place(desk.first, "buy", 100, 90_000)
    order, _ = desk.place(desk.first, "sell", 500, 90_100, reduce_only=True)
    assert order.amount == 100
    desk.place(desk.second, "buy", 30, 90_050)
    desk.place(desk.first, "sell", 30, 90_050)
    assert (order.amount, order.state) == (70, "open")
    desk.place(desk.second, "buy", 70, 90_050)
    desk.place(desk.first, "sell", 70, 90_050)
    assert (order.state, order.cancel_reason) == ("cancelled", "risk_mitigation")


def test_an_edit_of_a_reduce_only_order_opens_no_position_either() -> None:
    desk = make_desk()
    free, _ = desk.place(desk.first, "sell", 50, 90_200)
    with pytest.raises(VenueError, match="11030 other_reject"):
        desk.exchange.edit(desk.first, free, EditRequest(reduce_only=True))
    assert (free.amount, free.reduce_only, free.replaced) == (50, False, False)
    desk.place(desk.second, "sell", 100, 90_000)
    desk.place(desk.first, "buy", 100, 90_000)
    order, _ = desk.place(desk.first, "sell", 100, 90_100, reduce_only=True)
    desk.place(desk.second, "buy", 500, 90_050)
    order, made = desk.exchange.edit(desk.first, order, EditRequest(amount=Decimal(500), price=Decimal(90_050)))
    assert ([trade.public.amount for trade in made], order.state) == ([100], "filled")
    assert desk.first.position(desk.perpetual).size == 0


@pytest.mark.parametrize(("reducing", "size"), [((True, True), 0), ((False, True), 0), ((True, False), -100)])
def test_two_orders_that_one_order_meets_reduce_a_position_together(reducing: tuple[bool, bool], size: int) -> None:
    desk = make_desk()
    desk.place(desk.second, "sell", 100, 90_000)
    desk.place(desk.first, "buy", 100, 90_000)
    for price, reduce_only in zip((90_100, 90_150), reducing, strict=True):
        desk.place(desk.first, "sell", 100, price, reduce_only=reduce_only)
    order, _ = desk.place(desk.second, "buy", 200, 90_200)
    assert desk.first.position(desk.perpetual).size == size
    assert order.filled == 100 - size
    assert desk.levels("sell") == []
    assert desk.levels("buy") == ([(90_200, 100)] if size == 0 else [])


def test_an_edit_keeps_the_place_only_if_the_order_gets_smaller() -> None:
    desk = make_desk()
    old = desk.place(desk.second, "sell", 100, 90_000)[0]
    young = desk.place(desk.exchange.house, "sell", 100, 90_000)[0]
    desk.exchange.edit(desk.second, old, EditRequest(amount=Decimal(80)))
    desk.place(desk.first, "buy", 50, 90_000)
    assert (old.filled, young.filled, old.replaced) == (50, 0, True)
    desk.exchange.edit(desk.second, old, EditRequest(amount=Decimal(90)))
    desk.place(desk.first, "buy", 50, 90_000)
    assert (old.filled, young.filled) == (50, 50)
    order, trades = desk.place(desk.second, "buy", 10, 80_000)
    order, made = desk.exchange.edit(desk.second, order, EditRequest(price=Decimal(90_000)))
    assert (trades, len(made), order.state) == ([], 1, "filled")


def test_a_refused_edit_leaves_the_order_as_it_was() -> None:
    desk = make_desk()
    desk.place(desk.second, "sell", 100, 90_000)
    order, _ = desk.place(desk.first, "buy", 100, 80_000)
    for edit, refusal in (
        (EditRequest(price=Decimal("80000.3")), "10043"),
        (EditRequest(amount=Decimal(3)), "10002"),
        (EditRequest(amount=Decimal(10**12)), "10009"),
    ):
        with pytest.raises(VenueError, match=refusal):
            desk.exchange.edit(desk.first, order, edit)
        assert (order.amount, order.price, order.state, order.replaced) == (100, 80_000, "open", False)
    assert desk.levels("buy") == [(80_000, 100)]
    order, _ = desk.exchange.edit(
        desk.first, order, EditRequest(price=Decimal(90_000), post_only=True, reject_post_only=True)
    )
    assert (order.state, order.cancel_reason) == ("cancelled", "edit_post_only_reject")
    with pytest.raises(VenueError, match="10010 already_closed"):
        desk.exchange.edit(desk.first, order, EditRequest(amount=Decimal(50)))


@pytest.mark.parametrize(
    ("order_type", "direction", "trigger_price", "moves"),
    [
        ("stop_market", "sell", 89_000, [89_500, 89_000]),
        ("stop_market", "buy", 91_000, [90_500, 91_000]),
        ("take_market", "sell", 91_000, [90_500, 91_500]),
        ("take_market", "buy", 89_000, [89_500, 88_000]),
    ],
)
def test_a_trigger_order_waits_for_its_price(
    order_type: Any, direction: Any, trigger_price: int, moves: list[int]
) -> None:
    desk = make_desk()
    desk.place(desk.second, "buy", 100, 85_000)
    desk.place(desk.second, "sell", 100, 95_000)
    waiting, _ = desk.place(
        desk.first,
        direction,
        50,
        order_type=order_type,
        trigger="index_price",
        trigger_price=Decimal(trigger_price),
    )
    kind = "SL" if order_type == "stop_market" else "TP"
    assert waiting.order_id.startswith(f"{kind}I{'B' if direction == 'buy' else 'S'}-")
    assert (waiting.state, waiting.wire()["price"]) == ("untriggered", "market_price")
    desk.exchange.set_index("btc_usd", Decimal(moves[0]))
    assert waiting.state == "untriggered"
    desk.exchange.set_index("btc_usd", Decimal(moves[1]))
    assert (waiting.state, waiting.triggered) == ("triggered", True)
    sent = next(order for order in desk.first.orders.values() if order.trigger_order_id == waiting.order_id)
    assert (sent.state, sent.filled) == ("filled", 50)


def test_a_triggered_stop_limit_rests_at_its_limit() -> None:
    desk = make_desk()
    waiting, _ = desk.place(
        desk.first, "sell", 50, 88_000, order_type="stop_limit", trigger="mark_price", trigger_price=Decimal(89_000)
    )
    desk.exchange.set_mark(desk.exchange.market("BTC-PERPETUAL"), Decimal(88_990))
    assert waiting.state == "triggered"
    assert desk.levels("sell") == [(88_000, 50)]


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"amount": 5}, "10002 qty_too_low"),
        ({"amount": 15}, "-32602 Invalid params"),
        ({"amount": -10}, "-32602 Invalid params"),
        ({"price": Decimal("90000.2")}, "10043 price_wrong_tick"),
        ({"price": -1}, "10023 invalid_price"),
        ({"amount": 10**10}, "10009 not_enough_funds"),
        ({"label": "x" * 65}, "-32602 Invalid params"),
        ({"order_type": "stop_limit"}, "-32602 Invalid params"),
        ({"order_type": "stop_limit", "trigger": "mark_price"}, "-32602 Invalid params"),
    ],
)
def test_refusals(more: dict[str, Any], refusal: str) -> None:
    desk = make_desk()
    with pytest.raises(VenueError, match=refusal):
        desk.place(desk.first, "buy", **{"amount": 100, "price": 90_000} | more)
    assert desk.first.orders == {}


def test_a_closed_or_locked_book_takes_no_orders_and_cancels_what_rests() -> None:
    desk = make_desk()
    order, _ = desk.place(desk.first, "buy", 100, 80_000)
    market = desk.exchange.market("BTC-PERPETUAL")
    desk.exchange.set_active(market, is_active=False)
    assert (order.state, order.cancel_reason) == ("cancelled", "settlement")
    with pytest.raises(VenueError, match="10012 book_closed"):
        desk.place(desk.first, "buy", 100, 80_000)
    desk.exchange.set_active(market, is_active=True)
    desk.exchange.set_locked("btc_usd", is_locked=True)
    with pytest.raises(VenueError, match="10019 locked_by_admin"):
        desk.place(desk.first, "buy", 100, 80_000)


def test_a_day_ends_at_eight_and_an_instrument_with_its_expiration() -> None:
    desk = make_desk()
    clock = desk.exchange.clock
    day, _ = desk.place(desk.first, "buy", 100, 80_000, time_in_force="good_til_day")
    kept, _ = desk.place(desk.first, "buy", 100, 80_000)
    dated = next(market for name, market in desk.exchange.markets.items() if name == "BTC-26JUN26")
    resting, _ = desk.place(desk.first, "buy", 100, 80_000, dated.instrument)
    clock.advance(19 * 3_600_000)  # from noon to seven
    desk.exchange.expire()
    assert day.state == "open"
    clock.advance(3_600_000)
    desk.exchange.expire()
    assert (day.state, kept.state, resting.state) == ("cancelled", "open", "open")
    clock.advance(dated.instrument.expiration_ms - clock.now_ms())
    desk.exchange.expire()
    assert (dated.is_active, resting.state, resting.cancel_reason) == (False, "cancelled", "settlement")
    assert kept.state == "open"


def test_an_edit_may_use_what_its_order_holds() -> None:
    accounts = [
        AccountConfig(client_id="poor", client_secret="s", user_id=1001, balances={"USDC": Decimal(100)}),
        default_accounts(2)[1],
    ]
    desk = make_desk(VenueConfig(accounts=accounts))
    spot = desk.exchange.markets["BTC_USDC"].instrument
    order, _ = desk.place(desk.first, "buy", Decimal("0.001"), 90_000, spot)
    desk.exchange.edit(desk.first, order, EditRequest(price=Decimal(95_000)))
    assert desk.first.available("USDC") == 5
    with pytest.raises(VenueError, match="10009"):
        desk.exchange.edit(desk.first, order, EditRequest(price=Decimal(101_000)))
    desk.exchange.cancel([order])
    assert desk.first.available("USDC") == 100


def test_fees_and_cash_of_every_kind() -> None:
    desk = make_desk()
    markets = desk.exchange.markets
    option = next(name for name in markets if name.startswith("BTC-") and name.endswith("-C"))
    linear = next(name for name in markets if name.startswith("ETH_USDC-") and name.endswith("-C"))
    for name, amount, price in (
        ("BTC-PERPETUAL", "1000", "90000"),
        ("ETH_USDC-PERPETUAL", "2", "3000"),
        (option, "1", "0.001"),
        (linear, "1", "150"),
        ("BTC_USDC", "0.1", "90000"),
    ):
        instrument = markets[name].instrument
        desk.place(desk.second, "sell", Decimal(amount), Decimal(price), instrument)
        desk.place(desk.first, "buy", Decimal(amount), Decimal(price), instrument)
    fees = [(trade.fee, trade.fee_currency) for trade in desk.first.trades]
    assert fees == [
        (Decimal("0.00000556"), "BTC"),  # 0.05 % of 1000/90000
        (Decimal("3.000000"), "USDC"),  # 0.05 % of 6000
        (Decimal("0.00012500"), "BTC"),  # an eighth of the premium, less than 0.03 % of a coin
        (Decimal("0.900000"), "USDC"),  # 0.03 % of 3000
        (Decimal("4.500000"), "USDC"),  # 0.05 % of 9000
    ]
    assert desk.second.trades[0].fee == 0
    assert desk.first.balances["BTC"] == Decimal("100.1") - Decimal("0.001") - Decimal("0.00013056")
    assert desk.first.balances["USDC"] == 5_000_000 - 150 - 9_000 - Decimal("8.4")
    assert [entry["side"] for entry in desk.first.log] == ["open buy"] * 5


def test_funds_are_those_of_the_currency_that_an_order_needs() -> None:
    accounts = [
        AccountConfig(client_id="poor", client_secret="s", user_id=1001, balances={"USDC": Decimal(100)}),
        default_accounts(2)[1],
    ]
    desk = make_desk(VenueConfig(accounts=accounts))
    spot = desk.exchange.markets["BTC_USDC"].instrument
    with pytest.raises(VenueError, match="10009"):
        desk.place(desk.first, "buy", 10, 90_000)
    with pytest.raises(VenueError, match="10009"):
        desk.place(desk.first, "sell", Decimal("0.001"), 90_000, spot)
    desk.place(desk.first, "buy", Decimal("0.001"), 90_000, spot)
    with pytest.raises(VenueError, match="10009"):
        desk.place(desk.first, "buy", Decimal("0.001"), 90_000, spot)
    assert desk.first.available("USDC") == 10


def test_ids_say_their_currency_and_rise() -> None:
    desk = make_desk()
    linear = desk.exchange.markets["ETH_USDC-PERPETUAL"].instrument
    eth = desk.exchange.markets["ETH-PERPETUAL"].instrument
    ids = [desk.place(desk.first, "buy", 10, 80_000)[0].order_id for _ in range(2)]
    assert int(ids[1]) == int(ids[0]) + 1
    assert desk.place(desk.first, "buy", 1, 2_000, linear)[0].order_id.startswith("USDC-")
    assert desk.place(desk.first, "buy", 1, 2_000, eth)[0].order_id.startswith("ETH-")


def test_a_failed_request_publishes_what_it_had_changed_and_a_good_one_once() -> None:
    desk = make_desk()
    desk.place(desk.second, "sell", 100, 90_000)
    desk.published.clear()
    order, _ = desk.place(desk.first, "buy", 30, 90_000)
    assert len(desk.published) == 1
    effects = desk.published[0]
    assert set(effects.orders) == {order.order_id, *(each.order_id for each in desk.second.open_orders())}
    assert effects.levels == {"BTC-PERPETUAL": {("sell", Decimal(90_000))}}
    assert [trade.user_id for trade in effects.trades] == [1001, 1002]


def test_what_a_market_limit_order_does_not_fill_rests_at_the_price_of_its_fill() -> None:
    desk = make_desk()
    desk.place(desk.second, "sell", 30, 90_000)
    desk.place(desk.second, "sell", 100, 90_001)
    order, trades = desk.place(desk.first, "buy", 50, order_type="market_limit")
    assert [(trade.public.price, trade.public.amount) for trade in trades] == [(90_000, 30)]
    assert (order.state, order.price, order.remaining) == ("open", 90_000, 20)
    told = order.wire()
    assert (told["order_type"], told["original_order_type"]) == ("limit", "market_limit")
    assert desk.levels("buy")[0] == (90_000, 20)


def test_a_market_limit_order_needs_somebody_to_trade_with() -> None:
    desk = make_desk()
    with pytest.raises(VenueError, match="11030 other_reject"):
        desk.place(desk.first, "buy", 50, order_type="market_limit")
    assert desk.first.open_orders() == []


def test_an_iceberg_is_told_by_what_it_shows_and_filled_in_whole() -> None:
    desk = make_desk()
    iceberg, _ = desk.place(desk.first, "sell", 3_500, 90_000, display_amount=Decimal(1_000))
    desk.place(desk.second, "sell", 200, 90_000)
    assert desk.levels("sell") == [(90_000, 1_200)]
    _, trades = desk.place(desk.exchange.house, "buy", 2_500, 90_000)
    assert [trade.public.amount for trade in trades] == [1_000, 200, 1_000, 300]
    told = iceberg.wire()
    assert (told["filled_amount"], told["display_amount"], told["refresh_amount"]) == (2_300, 700, 1_000)
    desk.exchange.edit(desk.first, iceberg, EditRequest(display_amount=Decimal(1_100)))
    assert (iceberg.wire()["display_amount"], desk.levels("sell")) == (1_100, [(90_000, 1_100)])
    desk.place(desk.exchange.house, "buy", 1_200, 90_000)
    assert (iceberg.state, desk.levels("sell")) == ("filled", [])


def test_an_iceberg_of_ours_is_cancelled_once_by_another_order_of_ours() -> None:
    desk = make_desk()
    desk.first.self_trading = "cancel_maker"
    iceberg, _ = desk.place(desk.first, "sell", 3_500, 90_000, display_amount=Decimal(1_000))
    order, trades = desk.place(desk.first, "buy", 2_500, 90_000)
    assert (iceberg.state, order.state, trades) == ("cancelled", "open", [])


@pytest.mark.parametrize(
    ("amount", "more"),
    [
        (3_500, {"display_amount": Decimal(990)}),
        (3_500, {"display_amount": Decimal(1_005)}),
        (101_000, {"display_amount": Decimal(1_000)}),
    ],
)
def test_what_an_iceberg_cannot_show_is_refused(amount: int, more: dict[str, Any]) -> None:
    desk = make_desk()
    with pytest.raises(VenueError, match="10036 invalid_max_show_amount"):
        desk.place(desk.first, "sell", amount, 90_000, **more)
    resting, _ = desk.place(desk.first, "sell", amount, 90_000)
    with pytest.raises(VenueError, match="10036 invalid_max_show_amount"):
        desk.exchange.edit(desk.first, resting, EditRequest(**more))


def test_only_what_has_a_limit_can_be_an_iceberg() -> None:
    desk = make_desk()
    with pytest.raises(VenueError, match="Invalid params"):
        desk.place(desk.first, "sell", 3_500, display_amount=Decimal(1_000))
