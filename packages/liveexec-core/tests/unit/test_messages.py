"""Order messages: whatever comes in, either an intent or one InvalidInput that names every fault."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from liveexec import InvalidInput, OrderIntent, OrderType, Side, TimeInForce, parse_order
from liveexec.messages import MAX_MESSAGE_BYTES, order_intent

GOOD: dict[str, Any] = {
    "operation_id": "OP-12345",
    "instrument_key": "BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN",
    "operation": "trade",
    "side": "BUY",
    "quantity": "1.0",
    "price": None,
    "order_type": "MARKET",
    "time_in_force": "GTC",
    "strategy_id": "momentum-btc-v1",
    "exec_algorithm": "TWAP",
    "exec_algorithm_params": {"horizon_secs": 300, "interval_secs": 30},
}

AMOUNTS = st.sampled_from(
    ["NaN", "-NaN", "sNaN", "Infinity", "-inf", "-1", "0", "-0", "1e400", "1e-400", "", " 1", "1_0", "٣", "0x1", "1e"]
) | st.text(max_size=8)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | AMOUNTS
    | st.sampled_from(["x" * 2_000, "\x00", "\ud800", "€" * 500]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*GOOD, "stake", "odds", "expected_deltas", "metadata", "expire_at_ns", "post_only", "sidee"])
DAMAGE = st.dictionaries(NAMES | st.text(max_size=70), ANYTHING, min_size=1, max_size=4)


def faults_of(message: object) -> dict[str, list[str]]:
    """Paths and what is wrong there."""
    with pytest.raises(InvalidInput) as caught:
        order_intent(message)
    found: dict[str, list[str]] = {}
    for fault in caught.value.faults:
        found.setdefault(fault.path, []).append(fault.message)
    return found


def taken_or_refused(parse: Any, document: Any) -> OrderIntent | None:
    """The intent, or ``None`` if it was refused properly: anything but InvalidInput fails the test."""
    try:
        intent = parse(document)
    except InvalidInput as error:
        refusal = error
    else:
        assert isinstance(intent, OrderIntent)
        assert intent.quantity.is_finite()
        assert intent.quantity > 0
        return intent
    assert refusal.faults
    assert len(str(refusal)) < 20_000, "an error must not echo what it refuses at length"
    assert str(refusal).isprintable()
    return None


def test_the_message_of_the_documentation_is_read() -> None:
    intent = parse_order(json.dumps(GOOD))
    assert (intent.side, intent.order_type, intent.time_in_force) == (Side.BUY, OrderType.MARKET, TimeInForce.GTC)
    assert (intent.quantity, intent.price, intent.operation_id) == (Decimal("1.0"), None, "OP-12345")
    assert intent.exec_algorithm_params == {"horizon_secs": 300, "interval_secs": 30}
    assert parse_order(json.dumps(GOOD).encode()).content_hash() == intent.content_hash()


def test_a_stake_is_a_quantity_but_not_twice() -> None:
    bet = {
        "operation": "bet",
        "side": "BACK",
        "instrument_key": "BETFAIR:EXCHANGE_ODDS:1.23456789-47972",
        "odds": "2.5",
        "selection": "47972",
        "strategy_id": "s",
    }
    assert order_intent({**bet, "stake": "10"}).quantity == 10
    assert faults_of({**bet, "stake": "10", "quantity": "9"}) == {"quantity": ["says the same as stake"]}
    assert list(faults_of({**bet, "stake": "-10"})) == ["stake"]


def test_every_fault_is_named_at_once_whatever_kind_it_is() -> None:
    message = {
        "operation": "trade",
        "instrument_key": "nonsense",
        "side": "SIDEWAYS",
        "quantity": 1,
        "order_type": "LIMIT",
        "time_in_force": "GTD",
        "post_only": "yes",
        "strategy_id": "",
        "operation_id": "x" * 500,
        "exec_algorithm_params": [],
        "sidee": "BUY",
        "expected_deltas": {"BTC": 1.5},
    }
    found = faults_of(message)
    wrong = {"instrument_key", "side", "quantity", "post_only", "strategy_id", "operation_id"}
    assert set(found) == wrong | {"exec_algorithm_params", "sidee", "expected_deltas.BTC", "price", "expire_at_ns"}
    assert all(len(messages) == 1 for messages in found.values())


def test_missing_fields_are_named_beside_wrong_ones() -> None:
    found = faults_of({"order_type": "NONE", "instrument_key": "nonsense"})
    assert set(found) >= {"operation", "quantity", "strategy_id", "order_type", "instrument_key"}


@pytest.mark.parametrize("amount", [1, 1.5, True, [], {}, "NaN", "Infinity", "-1", "0", "1e999", "1,5", "", "\x00"])
@pytest.mark.parametrize("name", ["quantity", "price"])
def test_an_amount_is_a_positive_finite_number_in_a_string(name: str, amount: object) -> None:
    assert list(faults_of({**GOOD, "order_type": "LIMIT", "price": "1", name: amount})) == [name]


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"order_type": "LIMIT"}, {"price"}),
        ({"price": "1"}, {"price"}),
        ({"time_in_force": "GTD"}, {"expire_at_ns"}),
        ({"expire_at_ns": 1}, {"expire_at_ns"}),
        ({"post_only": True}, {"post_only"}),
        ({"side": "BACK"}, {"side"}),
        ({"side": None}, {"side"}),
        ({"odds": "2"}, {"odds"}),
        ({"atomic_group_id": "G"}, {"sequence_in_group"}),
        ({"order_type": "LIMIT", "price": "1", "post_only": True, "time_in_force": "IOC"}, {"post_only"}),
    ],
)
def test_contradictions_are_faults(changes: dict[str, object], paths: set[str]) -> None:
    assert set(faults_of({**GOOD, **changes})) == paths


@pytest.mark.parametrize("document", ["", "{", "null", "[]", '"x"', "1", "NaN", "{} {}", b"\xff", b'{"a":"\xff"}'])
def test_what_is_no_object_in_json_is_one_fault(document: bytes | str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_order(document)
    assert [fault.path for fault in caught.value.faults] == [""]


@pytest.mark.parametrize("document", ["[" * 60_000, '{"a":' * 9_000, '{"quantity":' + "9" * 60_000 + "}", '"\ud800"'])
def test_what_breaks_parsers_is_refused(document: str) -> None:
    with pytest.raises(InvalidInput):
        parse_order(document)


def test_the_longest_message_is_measured_in_bytes() -> None:
    text = json.dumps({**GOOD, "metadata": {"note": ""}}, ensure_ascii=False)
    fill = "€" * ((MAX_MESSAGE_BYTES - len(text)) // 3)
    for document in (text.replace('""', f'"{fill}€€"'), text.replace('""', f'"{fill}€€"').encode()):
        with pytest.raises(InvalidInput, match=f"more than {MAX_MESSAGE_BYTES} bytes"):
            parse_order(document)


def test_a_key_said_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="quantity"):
        parse_order(json.dumps(GOOD)[:-1] + ', "quantity": "100"}')


@settings(max_examples=1_000)
@given(DAMAGE)
@example({"quantity": "1e400"})
@example({"expected_deltas": {"a" * 3_000: 1}})
@example({"expected_deltas": {1: "1"}})
def test_no_object_gets_anything_but_an_intent_or_its_faults(damage: dict[Any, Any]) -> None:
    taken_or_refused(order_intent, {**GOOD, **damage})


@settings(max_examples=700)
@given(st.dictionaries(NAMES, ANYTHING) | ANYTHING)
def test_nothing_at_all_gets_anything_else(message: object) -> None:
    taken_or_refused(order_intent, message)


@settings(max_examples=700)
@given(DAMAGE)
def test_damaged_messages_as_json_are_refused_or_read_alike(damage: dict[str, Any]) -> None:
    text = json.dumps({**GOOD, **damage})
    as_text, as_bytes = taken_or_refused(parse_order, text), taken_or_refused(parse_order, text.encode())
    assert (as_text is None) == (as_bytes is None)


@settings(max_examples=700)
@given(st.text(max_size=200) | st.binary(max_size=200), st.integers(0, 400), st.integers(0, 20))
def test_torn_documents_are_refused_or_read(noise: str | bytes, at: int, length: int) -> None:
    document = json.dumps(GOOD)
    torn = document[:at] + (noise if isinstance(noise, str) else noise.decode("latin-1")) + document[at + length :]
    taken_or_refused(parse_order, torn)
    taken_or_refused(parse_order, noise)


@settings(max_examples=200)
@given(
    st.decimals(min_value="1e-18", max_value="1e18", allow_nan=False, places=18).filter(lambda value: value < 10**18)
)
def test_amounts_arrive_exactly(amount: Decimal) -> None:
    assert order_intent({**GOOD, "quantity": f"{amount:f}"}).quantity == amount
