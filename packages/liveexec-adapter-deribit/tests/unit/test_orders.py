"""Orders out and in: every type, time in force and flag, in the venue's words and in ours."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deribit_support import payloads
from liveexec.domain.ids import AccountId, InstrumentId, OrderId
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import OrderReport, VenueOrderStatus
from liveexec.errors import InvalidInput
from liveexec.plugins.adapter import VenueOrder
from liveexec_deribit.names import DERIBIT, Combo
from liveexec_deribit.orders import OrderTerms, edit_params, order_report, read_order, submit_request
from liveexec_deribit.rpc import MalformedMessage

PERPETUAL = InstrumentId("DERIBIT:PERPETUAL:BTC-USD@INV")
LABEL = "lx01K00000000000000000000000"
DEADLINE_MS = payloads.NOW_MS + 5_000


def venue_order(**changes: Any) -> VenueOrder:
    values: dict[str, Any] = {
        "order_id": OrderId("ORD-01K00000000000000000000000"),
        "account_id": payloads.ACCOUNT,
        "instrument_id": PERPETUAL,
        "operation": Operation.TRADE,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "quantity": Decimal(100),
        "price": Decimal("62000.5"),
    }
    return VenueOrder(**(values | changes))


def sent(order: VenueOrder, **terms: Any) -> tuple[str, dict[str, Any]]:
    method, params = submit_request(order, LABEL, DEADLINE_MS, OrderTerms(**terms))
    # As they go onto the wire.
    return method, json.loads(msgspec.json.encode(params), parse_float=Decimal)


def told(**changes: Any) -> OrderReport:
    return order_report(read_order(payloads.raw(payloads.order(**changes))), payloads.ACCOUNT, DERIBIT)


def test_a_limit_order() -> None:
    assert sent(venue_order()) == (
        "private/buy",
        {
            "instrument_name": "BTC-PERPETUAL",
            "amount": 100,
            "type": "limit",
            "price": Decimal("62000.5"),
            "label": LABEL,
            "time_in_force": "good_til_cancelled",
            "valid_until": DEADLINE_MS,
            "post_only": False,
        },
    )


@pytest.mark.parametrize(
    ("time_in_force", "word"),
    [
        (TimeInForce.GTC, "good_til_cancelled"),
        (TimeInForce.DAY, "good_til_day"),
        (TimeInForce.IOC, "immediate_or_cancel"),
        (TimeInForce.FOK, "fill_or_kill"),
    ],
)
def test_every_time_in_force_goes_out_and_comes_back(time_in_force: TimeInForce, word: str) -> None:
    assert sent(venue_order(time_in_force=time_in_force))[1]["time_in_force"] == word
    assert told(time_in_force=word).time_in_force is time_in_force


@pytest.mark.parametrize(
    ("order_type", "price", "trigger_price", "word"),
    [
        (OrderType.MARKET, None, None, "market"),
        (OrderType.LIMIT, Decimal(62_000), None, "limit"),
        (OrderType.STOP_MARKET, None, Decimal(61_000), "stop_market"),
        (OrderType.STOP_LIMIT, Decimal(62_000), Decimal(61_000), "stop_limit"),
    ],
)
def test_every_order_type_goes_out_and_comes_back(
    order_type: OrderType, price: Decimal | None, trigger_price: Decimal | None, word: str
) -> None:
    method, params = sent(venue_order(side=Side.SELL, order_type=order_type, price=price, trigger_price=trigger_price))
    assert (method, params["type"], params.get("price"), params.get("trigger_price")) == (
        "private/sell",
        word,
        price,
        trigger_price,
    )
    assert params.get("trigger") == ("mark_price" if trigger_price is not None else None)
    back = told(order_type=word, direction="sell", price=float(price) if price is not None else "market_price")
    assert (back.order_type, back.price, back.side) == (order_type, price, Side.SELL)


@pytest.mark.parametrize(
    ("name", "order_type", "more"),
    [
        ("take_limit", OrderType.STOP_LIMIT, {}),
        ("take_market", OrderType.STOP_MARKET, {"trigger": "index_price"}),
        ("trailing_stop", OrderType.STOP_MARKET, {"trigger_offset": Decimal("12.5")}),
        ("market_limit", OrderType.MARKET, {}),
    ],
)
def test_types_that_only_the_venue_has_are_named_in_details(
    name: str, order_type: OrderType, more: dict[str, Any]
) -> None:
    order = venue_order(
        order_type=order_type,
        price=Decimal(62_000) if order_type.has_limit else None,
        trigger_price=Decimal(61_000) if order_type.has_trigger else None,
        details={"order_type": name, **more},
    )
    _, params = sent(order)
    assert params["type"] == name
    assert {key: params[key] for key in more} == more
    # A trailing stop is told how far to follow, and reckons its trigger price itself.
    assert ("trigger_price" in params) == (order_type.has_trigger and name != "trailing_stop")
    assert told(order_type=name).order_type is order_type


def test_flags() -> None:
    _, params = sent(venue_order(post_only=True, reduce_only=True))
    assert (params["post_only"], params["reject_post_only"], params["reduce_only"]) == (True, True, True)
    _, params = sent(venue_order(post_only=True), reject_post_only=False)
    assert params["reject_post_only"] is False
    stop = venue_order(order_type=OrderType.STOP_MARKET, price=None, trigger_price=Decimal(61_000))
    _, params = sent(stop, trigger="last_price")
    assert params["trigger"] == "last_price"
    assert "post_only" not in params
    _, params = sent(venue_order(details={"display_amount": Decimal("1E+1"), "mmp": True}))
    assert (params["display_amount"], params["mmp"]) == (10, True)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"operation": Operation.SUPPLY, "side": Side.SUPPLY}, "operation"),
        ({"side": None}, "side"),
        ({"time_in_force": TimeInForce.GTD}, "time_in_force"),
        ({"price": None}, "price"),
        ({"order_type": OrderType.STOP_LIMIT}, "trigger_price"),
        ({"order_type": OrderType.MARKET, "post_only": True}, "post_only"),
        ({"details": {"order_type": "stop_market"}}, "details.order_type"),
        ({"details": {"iceberg": 1}}, "details.iceberg"),
    ],
)
def test_what_the_venue_has_no_words_for_is_refused_before_anything_is_sent(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        sent(venue_order(**changes))
    assert path in {each.path for each in refusal.value.faults}


def test_a_trailing_stop_needs_its_offset_and_a_label_may_not_be_too_long() -> None:
    order = venue_order(
        order_type=OrderType.STOP_MARKET, trigger_price=Decimal(1), details={"order_type": "trailing_stop"}
    )
    with pytest.raises(InvalidInput, match="trigger_offset"):
        sent(order)
    with pytest.raises(InvalidInput, match="64 characters"):
        submit_request(venue_order(), "x" * 65, DEADLINE_MS, OrderTerms())


def test_every_fault_of_the_details_is_named() -> None:
    wrong = {"order_type": ["take_limit"], "trigger": "moon", "trigger_offset": "x", "display_amount": -1, "mmp": 1}
    order = venue_order(
        order_type=OrderType.STOP_MARKET, price=None, trigger_price=Decimal(1), details={**wrong, "iceberg": True}
    )
    with pytest.raises(InvalidInput) as refusal:
        sent(order)
    assert {each.path for each in refusal.value.faults} == {f"details.{name}" for name in (*wrong, "iceberg")}


@pytest.mark.parametrize(
    ("order_type", "details"),
    [
        (OrderType.LIMIT, {"trigger": "last_price"}),
        (OrderType.LIMIT, {"order_type": "limit"}),
        (OrderType.LIMIT, {"trigger_offset": "5"}),
        (OrderType.MARKET, {"display_amount": "5"}),
        (OrderType.MARKET, {"mmp": True}),
        (OrderType.LIMIT, {"display_amount": "NaN"}),
        (OrderType.LIMIT, {"display_amount": True}),
        (OrderType.LIMIT, {"display_amount": "1e400000"}),
        (OrderType.LIMIT, {"mmp": "yes"}),
    ],
)
def test_details_that_do_not_fit_their_order_are_refused(order_type: OrderType, details: dict[str, Any]) -> None:
    price = Decimal(62_000) if order_type.has_limit else None
    with pytest.raises(InvalidInput, match=f"details.{next(iter(details))}"):
        sent(venue_order(order_type=order_type, price=price, details=details))
    with pytest.raises(InvalidInput, match=f"details.{next(iter(details))}"):
        edit_params(venue_order(order_type=order_type, price=price, details=details), "42", DEADLINE_MS, OrderTerms())


def test_a_change_says_the_details_again() -> None:
    # As the journal gives them back: amounts as text.
    order = venue_order(details={"display_amount": "50", "mmp": True})
    params = edit_params(order, "42", DEADLINE_MS, OrderTerms())
    assert (params["display_amount"], params["mmp"]) == (msgspec.Raw(b"50"), True)


def test_a_change_names_the_new_total() -> None:
    params = edit_params(venue_order(quantity=Decimal(250), post_only=True), "42", DEADLINE_MS, OrderTerms())
    assert json.loads(msgspec.json.encode(params)) == {
        "order_id": "42",
        "amount": 250,
        "price": 62000.5,
        "valid_until": DEADLINE_MS,
        "post_only": True,
        "reject_post_only": True,
    }
    stop = venue_order(order_type=OrderType.STOP_MARKET, price=None, trigger_price=Decimal(61_000), reduce_only=True)
    assert json.loads(msgspec.json.encode(edit_params(stop, "42", DEADLINE_MS, OrderTerms()))) == {
        "order_id": "42",
        "amount": 100,
        "trigger_price": 61000,
        "reduce_only": True,
        "valid_until": DEADLINE_MS,
    }


@given(
    st.decimals(min_value="1e-8", max_value="1e9", places=8), st.decimals(min_value="1e-8", max_value="1e9", places=8)
)
def test_numbers_reach_the_wire_digit_by_digit_and_come_back(quantity: Decimal, price: Decimal) -> None:
    _, params = submit_request(venue_order(quantity=quantity, price=price), LABEL, DEADLINE_MS, OrderTerms())
    wire = msgspec.json.encode(params)
    assert b"E" not in wire.replace(b"BTC-PERPETUAL", b"")
    shown = json.loads(wire, parse_float=str, parse_int=str)
    answer = payloads.order(amount=0, price=0)
    text = json.dumps(answer).replace('"amount": 0', f'"amount": {shown["amount"]}')
    text = text.replace('"price": 0', f'"price": {shown["price"]}')
    back = order_report(read_order(text), AccountId("a"), DERIBIT)
    assert (back.quantity, back.price) == (quantity, price)


@pytest.mark.parametrize(
    ("state", "reason", "status", "code"),
    [
        ("open", None, VenueOrderStatus.WORKING, None),
        ("untriggered", None, VenueOrderStatus.WORKING, None),
        ("triggered", None, VenueOrderStatus.WORKING, None),
        ("filled", None, VenueOrderStatus.FILLED, None),
        ("cancelled", "user_request", VenueOrderStatus.CANCELED, "user_request"),
        ("cancelled", "cancel_on_disconnect", VenueOrderStatus.CANCELED, "cancel_on_disconnect"),
        ("cancelled", "settlement", VenueOrderStatus.EXPIRED, "settlement"),
    ],
)
def test_every_state(state: str, reason: str | None, status: VenueOrderStatus, code: str | None) -> None:
    report = told(order_state=state, cancel_reason=reason, filled_amount=100.0 if state == "filled" else 40.0)
    assert (report.status, report.code) == (status, code)


def test_a_rejected_order_says_why() -> None:
    report = told(order_state="rejected", reject_reason="reduce_direction")
    assert (report.status, report.code) == (VenueOrderStatus.REJECTED, "reduce_direction")


def test_a_report_names_the_order_and_its_amounts() -> None:
    report = told(filled_amount=40.0)
    assert (report.client_order_id, report.venue_order_id) == (LABEL, "104819327443")
    assert (report.quantity, report.filled_quantity, report.price) == (100, 40, Decimal("62000.5"))
    assert report.venue_time_ns == (payloads.NOW_MS + 7) * 1_000_000
    assert told(label="").client_order_id is None


def test_a_quotes_amount_is_what_is_left_of_it() -> None:
    assert told(quote=True, amount=60.0, filled_amount=40.0).quantity == 100


@pytest.mark.parametrize(
    "changes",
    [
        {"order_state": "nowhere"},
        {"direction": "up"},
        {"amount": None},
        {"amount": 0},
        {"amount": -1},
        {"filled_amount": 101},
        {"filled_amount": -1},
        {"price": "cheap"},
        {"price": "NaN"},
        {"order_id": ""},
        {"instrument_name": "gold"},
        {"last_update_timestamp": -5},
        {"amount": 1e300},
    ],
)
def test_what_makes_no_sense_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        told(**changes)


def test_a_combos_order_is_not_tracked() -> None:
    with pytest.raises(Combo):
        told(instrument_name="BTC-FS-19MAY26_PERP")
