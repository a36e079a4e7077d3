"""Trigger orders that are changed, cancelled, or refused when their time comes."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.orders import Direction, Order
from liveexec_deribit.loopback.requests import EditRequest
from loopback_support.exchanges import Desk, make_desk


def stop(desk: Desk, **more: object) -> Order:
    """A stop of account 1001 below the index."""
    asked = {"order_type": "stop_market", "trigger": "index_price", "trigger_price": Decimal(89_000)} | more
    return desk.place(desk.first, "sell", 50, **asked)[0]  # type: ignore[arg-type]


def test_a_trigger_order_is_edited_where_it_waits() -> None:
    desk = make_desk()
    waiting = stop(desk)
    desk.exchange.edit(desk.first, waiting, EditRequest(amount=Decimal(80), trigger_price=Decimal(88_000)))
    assert (waiting.amount, waiting.trigger_price, waiting.state) == (80, 88_000, "untriggered")
    with pytest.raises(VenueError, match="11029 invalid_arguments"):
        desk.exchange.edit(desk.first, waiting, EditRequest(price=Decimal(87_000)))
    with pytest.raises(VenueError, match="10044 trigger_price_wrong_tick"):
        desk.exchange.edit(desk.first, waiting, EditRequest(trigger_price=Decimal("87000.1")))
    desk.exchange.set_index("btc_usd", Decimal(88_500))
    assert waiting.state == "untriggered"
    desk.exchange.cancel([waiting])
    desk.exchange.set_index("btc_usd", Decimal(80_000))
    assert (waiting.state, waiting.triggered) == ("cancelled", False)


def test_an_order_in_the_book_has_no_trigger_price_to_edit() -> None:
    desk = make_desk()
    resting, _ = desk.place(desk.first, "buy", 100, 80_000)
    with pytest.raises(VenueError, match="11029 invalid_arguments"):
        desk.exchange.edit(desk.first, resting, EditRequest(trigger_price=Decimal(81_000)))
    desk.place(desk.second, "sell", 60, 80_000)
    with pytest.raises(VenueError, match="10021 invalid_amount"):
        desk.exchange.edit(desk.first, resting, EditRequest(amount=Decimal(60)))
    desk.place(desk.second, "sell", 40, 80_000)
    with pytest.raises(VenueError, match="11008 already_filled"):
        desk.exchange.edit(desk.first, resting, EditRequest(amount=Decimal(200)))


def test_a_triggered_order_that_is_refused_shows_as_rejected() -> None:
    desk = make_desk()
    desk.place(desk.second, "sell", 100, 90_000)
    desk.place(desk.first, "buy", 100, 90_000)
    waiting = stop(desk, reduce_only=True)
    desk.place(desk.second, "buy", 100, 90_000)
    desk.place(desk.first, "sell", 100, 90_000)  # flat now: nothing is left to reduce
    desk.exchange.set_index("btc_usd", Decimal(88_000))
    sent = next(order for order in desk.first.orders.values() if order.trigger_order_id == waiting.order_id)
    assert (waiting.state, sent.state, sent.filled) == ("triggered", "rejected", 0)
    assert desk.first.open_orders() == []


def test_a_fill_sets_off_what_looks_at_the_last_price() -> None:
    desk = make_desk()
    desk.place(desk.second, "buy", 100, 88_000)
    waiting = stop(desk, trigger="last_price")
    desk.place(desk.exchange.house, "sell", 20, 88_000)
    assert waiting.state == "triggered"
    assert desk.first.position(desk.perpetual).size == -50


@pytest.mark.parametrize(
    ("direction", "seen", "trigger_price", "fires_at"),
    [
        ("sell", (90_500, 90_200), 90_400, 90_400),
        ("buy", (89_500, 89_550), 89_600, 89_600),
        ("sell", (89_950,), 89_900, 89_900),
    ],
)
def test_a_trailing_stop_follows_the_market_one_way(
    direction: Direction, seen: Sequence[int], trigger_price: int, fires_at: int
) -> None:
    desk = make_desk()
    begins = desk.exchange.indexes["btc_usd"]
    asked: dict[str, Any] = {
        "order_type": "trailing_stop",
        "trigger": "index_price",
        "trigger_offset": Decimal(100),
    }
    waiting, _ = desk.place(desk.first, direction, 50, **asked)
    away = -100 if direction == "sell" else 100
    assert (waiting.state, waiting.trigger_price, waiting.trigger_reference_price) == (
        "untriggered",
        begins + away,
        begins,
    )
    for price in seen:
        if waiting.state == "untriggered":
            desk.exchange.set_index("btc_usd", Decimal(price))
    assert waiting.trigger_price == trigger_price
    desk.exchange.set_index("btc_usd", Decimal(fires_at))
    became = next(order for order in desk.first.orders.values() if order.trigger_order_id == waiting.order_id)
    # A market order, which finds nobody here.
    assert (waiting.state, became.original_type, became.trigger_price) == ("triggered", "market", trigger_price)


def test_the_distance_of_a_trailing_stop_is_changed_and_no_other_order_has_one() -> None:
    desk = make_desk()
    begins = desk.exchange.indexes["btc_usd"]
    waiting, _ = desk.place(
        desk.first, "sell", 50, order_type="trailing_stop", trigger="index_price", trigger_offset=Decimal(500)
    )
    desk.exchange.edit(desk.first, waiting, EditRequest(trigger_offset=Decimal(200)))
    assert (waiting.trigger_offset, waiting.trigger_price) == (200, begins - 200)
    for order, request in (
        (waiting, EditRequest(trigger_price=Decimal(80_000))),
        (stop(desk), EditRequest(trigger_offset=Decimal(200))),
    ):
        with pytest.raises(VenueError, match="11029 invalid_arguments"):
            desk.exchange.edit(desk.first, order, request)
    for offset in (None, Decimal(0)):
        asked: dict[str, Any] = {"order_type": "trailing_stop", "trigger": "index_price", "trigger_offset": offset}
        with pytest.raises(VenueError, match="Invalid params") as refusal:
            desk.place(desk.first, "sell", 50, **asked)
        assert refusal.value.data["param"] == "trigger_offset"


def test_options_have_no_trigger_orders() -> None:
    desk = make_desk()
    option = next(market.instrument for market in desk.exchange.markets.values() if market.instrument.kind == "option")
    with pytest.raises(VenueError, match="10031 invalid_args_for_instrument"):
        desk.place(
            desk.first, "sell", 1, instrument=option, order_type="stop_market", trigger="mark_price",
            trigger_price=Decimal("0.04"),
        )  # fmt: skip
