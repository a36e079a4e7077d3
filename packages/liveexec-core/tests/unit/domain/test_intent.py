"""An intent that exists is well formed; a malformed one raises one error that names every fault, and nothing else."""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain.codec import decode_events, encode_events
from liveexec.domain.ids import OperationId, OrderId
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent, content_hash
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order_event import OrderReceived
from liveexec.errors import InvalidInput
from support.builders import (
    NOW_NS,
    ODDS,
    SPOT,
    SPOT_PRODUCT,
    make_bet_intent,
    make_intent,
    make_market_intent,
    make_order_id,
)
from support.strategies import cyclic_document, deep_document, json_documents, storable_amounts, wrong_values

#: The legal sides of every operation; an empty set: no side at all.
SIDES: Mapping[Operation, set[Side]] = {
    Operation.TRADE: {Side.BUY, Side.SELL},
    Operation.SWAP: {Side.BUY, Side.SELL},
    Operation.SUPPLY: {Side.SUPPLY},
    Operation.WITHDRAW: {Side.WITHDRAW},
    Operation.BORROW: {Side.BORROW},
    Operation.REPAY: {Side.REPAY},
    Operation.STAKE: {Side.STAKE},
    Operation.UNSTAKE: {Side.UNSTAKE},
    Operation.TRANSFER: set(),
    Operation.BET: {Side.BACK, Side.LAY},
}
_ASSET = {"instrument_key", "quantity"}
REQUIRED: Mapping[Operation, set[str]] = {
    Operation.TRADE: {"instrument_key", "quantity"},
    Operation.SWAP: {"instrument_key", "quantity", "source_token", "target_token", "max_slippage"},
    Operation.SUPPLY: _ASSET,
    Operation.WITHDRAW: _ASSET,
    Operation.BORROW: _ASSET,
    Operation.REPAY: _ASSET,
    Operation.STAKE: _ASSET,
    Operation.UNSTAKE: _ASSET,
    Operation.TRANSFER: {"quantity", "asset", "source_venue", "target_venue"},
    Operation.BET: {"instrument_key", "quantity", "odds", "selection"},
}
_ON_CHAIN = {"contract_address", "max_gas_price_gwei"}
OPTIONAL: Mapping[Operation, set[str]] = {
    Operation.TRADE: {"price", "trigger_price", "expire_at_ns", "post_only", "reduce_only", "exec_algorithm_params"},
    Operation.SWAP: _ON_CHAIN,
    Operation.SUPPLY: _ON_CHAIN,
    Operation.WITHDRAW: _ON_CHAIN,
    Operation.BORROW: _ON_CHAIN,
    Operation.REPAY: _ON_CHAIN,
    Operation.STAKE: _ON_CHAIN,
    Operation.UNSTAKE: _ON_CHAIN,
    Operation.TRANSFER: _ON_CHAIN,
    Operation.BET: {"expire_at_ns"},
}
#: A good value of every field that some operations have and others don't.
VALUES: Mapping[str, Any] = {
    "instrument_key": "AAVEV3:LENDING:USDC@ETHEREUM",
    "quantity": Decimal("12.5"),
    "price": Decimal(45_000),
    "trigger_price": Decimal(44_000),
    "expire_at_ns": NOW_NS,
    "post_only": True,
    "reduce_only": True,
    "exec_algorithm_params": {"horizon_secs": 300},
    "source_token": "WETH",
    "target_token": "USDC",
    "max_slippage": Decimal("0.005"),
    "max_gas_price_gwei": Decimal(40),
    "contract_address": "0xE592427A0AEce92De3Edee1F18E0157C05861564",
    "asset": "USDC",
    "source_venue": "BINANCE-SPOT",
    "target_venue": "DERIBIT",
    "odds": Decimal("3.5"),
    "selection": "47972",
}


def minimal(operation: Operation) -> dict[str, Any]:
    """What an operation needs and nothing else."""
    side = min(SIDES[operation], default=None)
    return {
        "operation": operation,
        "strategy_id": "s-1",
        "quantity": None,
        "side": side,
        **{name: VALUES[name] for name in REQUIRED[operation]},
    }


def faults_of(**values: Any) -> list[str]:
    """The paths of what is wrong, in the order in which it is named; empty when the intent is well formed."""
    error = refusal_of(**values)
    if error is None:
        return []
    assert error.what == "order intent"
    assert len(str(error)) < 20_000
    assert str(error).encode()
    return [fault.path for fault in error.faults]


def refusal_of(**values: Any) -> InvalidInput | None:
    """Why these values make no intent."""
    try:
        OrderIntent(**values)
    except InvalidInput as error:
        return error
    return None


class TestOperations:
    @pytest.mark.parametrize("operation", Operation)
    @pytest.mark.parametrize("side", [None, *Side])
    def test_each_operation_takes_its_own_sides_and_no_other(self, operation: Operation, side: Side | None) -> None:
        is_legal = side in SIDES[operation] if SIDES[operation] else side is None
        assert faults_of(**(minimal(operation) | {"side": side})) == ([] if is_legal else ["side"])

    @pytest.mark.parametrize("operation", Operation)
    @pytest.mark.parametrize("name", VALUES)
    def test_each_field_is_required_optional_or_superfluous(self, operation: Operation, name: str) -> None:
        needed = name in REQUIRED[operation]
        without = minimal(operation) | ({name: None} if needed else {})
        assert faults_of(**without) == ([name] if needed else [])
        given_it = minimal(operation) | {name: VALUES[name]}
        if name == "expire_at_ns":
            given_it["time_in_force"] = TimeInForce.GTD
        paths = faults_of(**given_it)
        if needed or name in OPTIONAL[operation]:
            # A trade's price, trigger and post_only depend on its order type too, tested below.
            assert paths in ([], [name])
            assert not paths or name in {"price", "trigger_price", "post_only"}
        elif name == "expire_at_ns":
            assert paths == ["expire_at_ns", "time_in_force"]
        else:
            assert paths == [name]

    @pytest.mark.parametrize("operation", Operation)
    def test_an_operation_with_nothing_says_all_that_it_needs(self, operation: Operation) -> None:
        paths = faults_of(operation=operation, quantity=None, strategy_id=None)
        expected = REQUIRED[operation] | {"strategy_id"} | ({"side"} if SIDES[operation] else set())
        assert sorted(paths) == sorted(expected)

    @pytest.mark.parametrize("operation", sorted(set(Operation) - {Operation.TRADE}))
    def test_order_types_and_algorithms_are_for_trades(self, operation: Operation) -> None:
        values = minimal(operation)
        assert faults_of(**values, order_type=OrderType.LIMIT) == ["order_type"]
        assert faults_of(**values, exec_algorithm="TWAP") == ["exec_algorithm"]


class TestTrades:
    @pytest.mark.parametrize("kind", OrderType)
    @pytest.mark.parametrize("price", [None, Decimal(1)])
    @pytest.mark.parametrize("trigger", [None, Decimal(1)])
    def test_an_order_type_has_its_prices_and_no_other(
        self, kind: OrderType, price: Decimal | None, trigger: Decimal | None
    ) -> None:
        expected = {
            OrderType.MARKET: (False, False),
            OrderType.LIMIT: (True, False),
            OrderType.STOP_MARKET: (False, True),
            OrderType.STOP_LIMIT: (True, True),
        }[kind]
        paths = faults_of(**(minimal(Operation.TRADE) | {"order_type": kind, "price": price, "trigger_price": trigger}))
        wanted = ["price"] * (expected[0] is (price is None)) + ["trigger_price"] * (expected[1] is (trigger is None))
        assert paths == wanted

    @pytest.mark.parametrize("tif", TimeInForce)
    @pytest.mark.parametrize("expire", [None, NOW_NS])
    def test_only_good_till_date_has_a_date(self, tif: TimeInForce, expire: int | None) -> None:
        is_legal = (tif is TimeInForce.GTD) == (expire is not None)
        values = minimal(Operation.TRADE) | {"time_in_force": tif, "expire_at_ns": expire}
        assert faults_of(**values) == ([] if is_legal else ["expire_at_ns"])

    def test_post_only_contradicts_whatever_never_rests(self) -> None:
        cases: list[tuple[dict[str, Any], int]] = [
            ({}, 0),
            ({"order_type": OrderType.MARKET, "price": None}, 1),
            ({"time_in_force": TimeInForce.IOC}, 1),
            ({"time_in_force": TimeInForce.FOK}, 1),
            ({"order_type": OrderType.MARKET, "price": None, "time_in_force": TimeInForce.FOK}, 2),
        ]
        for changes, count in cases:
            values = minimal(Operation.TRADE) | {"order_type": OrderType.LIMIT, "price": Decimal(1), "post_only": True}
            assert faults_of(**(values | changes)) == ["post_only"] * count

    def test_group_and_sequence_go_together(self) -> None:
        values = minimal(Operation.TRADE)
        assert faults_of(**values, atomic_group_id="g") == ["sequence_in_group"]
        assert faults_of(**values, sequence_in_group=0) == ["sequence_in_group"]
        assert faults_of(**values, atomic_group_id="g", sequence_in_group=0) == []

    def test_an_instrument_goes_to_its_venue_and_a_product_is_routed(self) -> None:
        assert not make_intent(instrument_key=SPOT).is_routed
        assert make_intent(instrument_key=SPOT_PRODUCT).is_routed
        assert make_intent(instrument_key="CEFI:SPOT_PAIR:BTC-USDT").is_routed

    def test_the_limit_of_a_bet_is_its_odds(self) -> None:
        assert make_bet_intent().limit_price == Decimal("3.5")
        assert make_intent().limit_price == 45_000
        assert make_market_intent().limit_price is None


_BAD_AMOUNTS = [
    1, 0.5, "1", True, b"1", Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), Decimal(0), Decimal("-0.0"),
    Decimal(-1), Decimal("1e-19"), Decimal(10) ** 18, Decimal("1e999999"), Decimal("1e-999999"), [], {}, object(),
]  # fmt: skip
_BAD_NAMES = [
    "", " ", "-a", "a b", "a\n", "a\x00", "é", "\ud800", "x" * 129, "x" * 1_000_000, 1, 1.5, True, b"a", [], {},
    object(),
]  # fmt: skip
_BAD_DOCUMENTS = [
    "{}", 1, [("a", 1)], object(), {1: 2}, {"a": {2: 3}}, {"a": float("nan")}, {"a": [float("inf")]},
    {"a": Decimal("NaN")}, {"a": Decimal("sNaN")}, {"a": 2**63}, {"a": 10**400}, {"a": "\x00"}, {"\x00": 1},
    {"a": "\ud800"}, {"\ud800": 1}, {"a": b"x"}, {"a": {1, 2}}, {"a": object()}, {"a": "x" * 20_000}, {"x" * 20_000: 1},
    {"a": list(range(20_000))}, {"a": "é" * 10_000}, {"a": ["\n" * 9_000]}, deep_document(33), deep_document(50_000),
    cyclic_document(),
]  # fmt: skip
_BAD_DELTAS = [
    "{}", 1, [], object(), {1: Decimal(1)}, {"": Decimal(1)}, {"a\x00": Decimal(1)}, {"\ud800": Decimal(1)}, {"BTC": 1},
    {"BTC": 0.5}, {"BTC": "1"}, {"BTC": None}, {"BTC": Decimal("NaN")}, {"BTC": Decimal("sNaN")},
    {"BTC": Decimal("1e-19")}, {f"A{n}": Decimal(1) for n in range(65)},
]  # fmt: skip
#: Values that a field must refuse, whatever else the intent says.
REFUSED: Mapping[str, list[Any]] = {
    "operation": [None, "trade", "TRADE", 1, True, [], {}, object(), Side.BUY],
    "side": ["BUY", "", 1, True, [], {}, object(), Operation.TRADE],
    "order_type": [None, "LIMIT", 1, False, [], {}, object()],
    "time_in_force": [None, "GTC", 1, [], {}, object()],
    "quantity": [None, *_BAD_AMOUNTS],
    "price": _BAD_AMOUNTS,
    "max_slippage": [*_BAD_AMOUNTS, Decimal(1), Decimal(5)],
    "odds": [*_BAD_AMOUNTS, Decimal(1), Decimal("0.5")],
    "post_only": [None, "yes", 0, 1, [], object()],
    "reduce_only": [None, "no", 0, 1, [], object()],
    "strategy_id": [None, *_BAD_NAMES],
    "exec_algorithm": [None, *_BAD_NAMES],
    "operation_id": _BAD_NAMES,
    "account_id": _BAD_NAMES,
    "atomic_group_id": _BAD_NAMES,
    "sequence_in_group": ["1", 1.0, True, -1, 2**31, 10**400, Decimal(1), [], object()],
    "expire_at_ns": ["1", 1.0, True, 0, -1, 2**63, 10**400, Decimal(1), [], object()],
    "instrument_key": ["", "BTC", "x" * 1_000_000, "A:B:C\x00", "A:B:\ud800", 1, 1.5, True, b"A:B:C", [], {}, object()],
    "selection": ["", "x" * 129, "a\x00", "a\nb", "\x7f", "\ud800", 1, True, b"a", [], object()],
    "metadata": _BAD_DOCUMENTS,
    "details": _BAD_DOCUMENTS,
    "exec_algorithm_params": _BAD_DOCUMENTS,
    "expected_deltas": _BAD_DELTAS,
}  # fmt: skip
#: A trade that uses every field a trade can have, and a bet for those of bets.
FULL_TRADE: dict[str, Any] = minimal(Operation.TRADE) | {
    "instrument_key": SPOT,
    "order_type": OrderType.LIMIT,
    "price": Decimal("45000.5"),
    "time_in_force": TimeInForce.GTD,
    "expire_at_ns": NOW_NS,
    "post_only": True,
    "reduce_only": True,
    "exec_algorithm": "TWAP",
    "exec_algorithm_params": {"horizon_secs": 300, "interval_secs": 30},
    "operation_id": "OP-1",
    "account_id": "ALPHA-1",
    "atomic_group_id": "G-1",
    "sequence_in_group": 3,
    "expected_deltas": {"BTC": Decimal("-1.5"), "USDT": Decimal(0)},
    "metadata": {"note": "été\n", "tags": ["a", {"b": None}], "n": 1, "f": 0.5},
}
FULL_SWAP: dict[str, Any] = minimal(Operation.SWAP) | {name: VALUES[name] for name in _ON_CHAIN}
FULL_BET: dict[str, Any] = minimal(Operation.BET) | {
    "instrument_key": ODDS,
    "selection": "Bayern München: draw",
    "details": {"persistence": "LAPSE"},
}


def base_for(name: str) -> dict[str, Any]:
    """A full intent that has the field."""
    return next(full for full in (FULL_TRADE, FULL_SWAP, FULL_BET) if name in full)


class TestDetails:
    def test_they_are_of_the_order_and_of_its_content(self) -> None:
        intent = make_intent(details={"trigger": "last", "offset": Decimal("2.50")})
        assert intent.details == {"trigger": "last", "offset": "2.5"}
        assert intent.content_hash() != make_intent().content_hash()
        assert intent.content_hash() == make_intent(details={"offset": "2.5", "trigger": "last"}).content_hash()

    def test_an_algorithm_says_by_itself_what_it_sends(self) -> None:
        assert faults_of(**(FULL_TRADE | {"details": {"trigger": "last"}})) == ["details"]
        assert faults_of(**(FULL_TRADE | {"details": {}})) == []


class TestMalformed:
    @pytest.mark.parametrize("full", [FULL_TRADE, FULL_SWAP, FULL_BET], ids=["trade", "swap", "bet"])
    def test_the_intents_that_are_spoilt_below_are_sound(self, full: dict[str, Any]) -> None:
        assert faults_of(**full) == []

    @pytest.mark.parametrize("name", REFUSED)
    def test_one_bad_value_is_one_fault_at_its_field(self, name: str) -> None:
        for value in REFUSED[name]:
            paths = faults_of(**(base_for(name) | {name: value}))
            assert [path.partition(".")[0] for path in paths] == [name], repr(value)[:80]

    @settings(max_examples=2_000)
    @given(
        st.dictionaries(
            st.sampled_from([name for name in REFUSED if name in FULL_TRADE]),
            st.integers(0, 100),
            min_size=2,
            max_size=9,
        )
    )
    def test_several_bad_values_are_all_named_in_one_error(self, spoilt: dict[str, int]) -> None:
        values = {name: REFUSED[name][pick % len(REFUSED[name])] for name, pick in spoilt.items()}
        paths = faults_of(**(FULL_TRADE | values))
        assert {path.partition(".")[0] for path in paths} == set(spoilt)

    @settings(max_examples=2_500)
    @given(
        st.sampled_from([FULL_TRADE, FULL_SWAP, FULL_BET, *(minimal(operation) for operation in Operation)]),
        st.dictionaries(st.sampled_from(sorted(set(REFUSED) | set(VALUES))), wrong_values(), min_size=1, max_size=8),
    )
    def test_whatever_is_passed_gives_a_sound_intent_or_one_error(
        self, base: dict[str, Any], changes: dict[str, Any]
    ) -> None:
        values = dict(base) | changes
        if not faults_of(**values):
            _assert_sound(OrderIntent(**values))

    @settings(max_examples=1_000)
    @given(wrong_values(), wrong_values(), wrong_values(), wrong_values())
    def test_cancels_and_replaces_of_anything_raise_one_error_too(
        self, order: Any, one: Any, two: Any, three: Any
    ) -> None:
        for build in (
            lambda: CancelIntent(order, operation_id=one, reason=two),
            lambda: ReplaceIntent(order, quantity=one, price=two, operation_id=three),
        ):
            with pytest.raises(InvalidInput) as caught:
                build()
            assert "order_id" in {fault.path for fault in caught.value.faults}
            str(caught.value).encode()

    @pytest.mark.parametrize("full", [FULL_TRADE, FULL_SWAP, FULL_BET], ids=["trade", "swap", "bet"])
    @given(number=storable_amounts())
    def test_a_callers_decimal_context_decides_nothing(self, full: dict[str, Any], number: Decimal) -> None:
        with localcontext(prec=6):
            intent = OrderIntent(**(full | {"quantity": number}))
            few_digits = intent.content_hash()
        assert intent.quantity == number
        assert few_digits == intent.content_hash()


def _assert_sound(intent: OrderIntent) -> None:
    assert isinstance(intent.operation, Operation)
    assert isinstance(intent.quantity, Decimal)
    assert intent.quantity > 0
    received = OrderReceived(intent, OperationId("OP-1"), intent.content_hash(), "local")
    (again,) = decode_events(encode_events([received]))
    assert isinstance(again, OrderReceived)
    assert again.intent.content_hash() == intent.content_hash()


class TestCancelAndReplace:
    def test_a_cancel_names_its_order_and_says_why(self) -> None:
        assert CancelIntent(make_order_id()).reason == "requested"
        for reason in ("", None, "x" * 129, "a\x00", "\ud800", "two\nlines", 5):
            with pytest.raises(InvalidInput) as caught:
                CancelIntent(make_order_id(), reason=reason)  # type: ignore[arg-type] # wrong on purpose
            assert [fault.path for fault in caught.value.faults] == ["reason"]

    def test_every_fault_of_a_cancel_is_named(self) -> None:
        with pytest.raises(InvalidInput) as caught:
            CancelIntent(OrderId("ORD-1"), operation_id=OperationId("a b"), reason="")
        assert {fault.path for fault in caught.value.faults} == {"order_id", "operation_id", "reason"}

    def test_a_replace_changes_something_to_something_sound(self) -> None:
        assert ReplaceIntent(make_order_id(), quantity=Decimal(2)).price is None
        with pytest.raises(InvalidInput, match="must change quantity or price"):
            ReplaceIntent(make_order_id())
        with pytest.raises(InvalidInput) as caught:
            ReplaceIntent(OrderId(""), quantity=Decimal(0), price=Decimal("NaN"), operation_id=OperationId(""))
        assert {fault.path for fault in caught.value.faults} == {"order_id", "quantity", "price", "operation_id"}


class TestContentHash:
    @given(storable_amounts(), st.integers(0, 18), storable_amounts())
    def test_equal_amounts_hash_alike_however_they_are_written(self, one: Decimal, places: int, two: Decimal) -> None:
        padded = one.quantize(Decimal(1).scaleb(-18)) if places else one
        hashes = {make_intent(quantity=amount, price=two).content_hash() for amount in (one, padded)}
        assert len(hashes) == 1

    @pytest.mark.parametrize("texts", [("1.0", "1.00"), ("1000", "1E+3"), ("0.10", "1E-1")])
    def test_written_amounts_that_are_equal(self, texts: tuple[str, str]) -> None:
        one, two = (make_intent(quantity=Decimal(text)).content_hash() for text in texts)
        assert one == two

    @given(storable_amounts(), storable_amounts())
    def test_amounts_that_differ_hash_apart_to_the_last_digit(self, one: Decimal, two: Decimal) -> None:
        same = make_intent(quantity=one).content_hash() == make_intent(quantity=two).content_hash()
        assert same == (one == two)

    def test_the_twenty_ninth_digit_counts_in_any_context(self) -> None:
        with localcontext(prec=28):
            one = make_intent(quantity=Decimal("123456789012.000000000000000001")).content_hash()
            two = make_intent(quantity=Decimal("123456789012.000000000000000002")).content_hash()
        assert one != two

    @given(json_documents(), st.randoms(use_true_random=False))
    def test_the_order_of_keys_is_irrelevant(self, document: dict[str, Any], random: Any) -> None:
        shuffled = _shuffled(document, random)
        one = make_intent(metadata=document).content_hash()
        assert make_intent(metadata=shuffled).content_hash() == one
        deltas = {"BTC": Decimal("1.0"), "USDT": Decimal("-45000.00")}
        turned = {"USDT": Decimal(-45_000), "BTC": Decimal(1)}
        assert make_intent(expected_deltas=deltas).content_hash() == make_intent(expected_deltas=turned).content_hash()

    def test_the_operation_id_does_not_count_and_everything_else_does(self) -> None:
        base = OrderIntent(**FULL_TRADE).content_hash()
        assert OrderIntent(**(FULL_TRADE | {"operation_id": "OP-2"})).content_hash() == base
        changes = {
            "quantity": Decimal(2),
            "strategy_id": "s-2",
            "instrument_key": SPOT_PRODUCT,
            "side": Side.SELL,
            "order_type": OrderType.STOP_LIMIT,
            "price": Decimal(45_000),
            "trigger_price": Decimal(1),
            "time_in_force": TimeInForce.DAY,
            "expire_at_ns": NOW_NS + 1,
            "post_only": False,
            "reduce_only": False,
            "exec_algorithm": "ICEBERG",
            "exec_algorithm_params": {"horizon_secs": 301, "interval_secs": 30},
            "account_id": "ALPHA-2",
            "atomic_group_id": "G-2",
            "sequence_in_group": 4,
            "expected_deltas": {"BTC": Decimal("-1.6"), "USDT": Decimal(0)},
            "metadata": {"note": "été"},
        }
        assert set(changes) - {"trigger_price"} == set(FULL_TRADE) - {"operation", "operation_id"}
        also: dict[str, dict[str, Any]] = {
            "order_type": {"trigger_price": Decimal(1)},
            "trigger_price": {"order_type": OrderType.STOP_LIMIT},
            "time_in_force": {"expire_at_ns": None},
        }
        hashes = [
            OrderIntent(**(FULL_TRADE | {name: value} | also.get(name, {}))).content_hash()
            for name, value in changes.items()
        ]
        # A stop needs both its type and its trigger, which are therefore changed twice.
        assert len({base, *hashes}) == len(hashes)
        assert base not in hashes

    def test_intents_of_another_kind_hash_apart(self) -> None:
        order_id = make_order_id()
        hashes = {
            content_hash(CancelIntent(order_id)),
            content_hash(CancelIntent(order_id, reason="other")),
            content_hash(CancelIntent(make_order_id(2))),
            content_hash(ReplaceIntent(order_id, quantity=Decimal(1))),
            content_hash(ReplaceIntent(order_id, price=Decimal(1))),
        }
        assert len(hashes) == 5
        assert content_hash(CancelIntent(order_id, operation_id=OperationId("A"))) == content_hash(
            CancelIntent(order_id)
        )

    def test_a_hash_that_is_in_journals_never_changes(self) -> None:
        assert make_intent().content_hash() == "044d0da0ba56d46ffe3f3b4475fd828a"


class TestDocuments:
    def test_what_the_caller_changes_later_changes_nothing(self) -> None:
        metadata: dict[str, Any] = {"tags": ["a"]}
        deltas = {"BTC": Decimal(1)}
        intent = make_intent(metadata=metadata, expected_deltas=deltas)
        before = intent.content_hash()
        metadata["tags"].append("b")
        deltas["BTC"] = Decimal(2)
        assert intent.content_hash() == before
        assert intent.metadata == {"tags": ["a"]}

    def test_a_document_is_what_the_journal_gives_back(self) -> None:
        params = MappingProxyType({"visible_quantity": Decimal("0.50"), "levels": (1, Decimal("1E+2"))})
        intent = make_intent(exec_algorithm="ICEBERG", exec_algorithm_params=params)
        assert intent.exec_algorithm_params == {"visible_quantity": "0.5", "levels": [1, "100"]}
        _assert_sound(intent)

    @given(json_documents())
    def test_any_small_json_document_is_taken_and_kept(self, document: dict[str, Any]) -> None:
        intent = make_intent(metadata=document)
        assert intent.metadata == document
        _assert_sound(intent)

    def test_the_bounds_are_exact(self) -> None:
        assert faults_of(**(FULL_TRADE | {"metadata": deep_document(32)})) == []
        assert faults_of(**(FULL_TRADE | {"metadata": deep_document(33)})) == ["metadata"]
        assert faults_of(**(FULL_TRADE | {"metadata": {"a": "x" * (16_384 - len('{"a":""}'))}})) == []
        assert faults_of(**(FULL_TRADE | {"metadata": {"a": "x" * (16_385 - len('{"a":""}'))}})) == ["metadata"]

    def test_text_that_only_spells_an_escape_is_no_nul(self) -> None:
        assert make_intent(metadata={"regex": r"\u0000"}).metadata == {"regex": r"\u0000"}


def _shuffled(value: Any, random: Any) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        random.shuffle(keys)
        return {key: _shuffled(value[key], random) for key in keys}
    return [_shuffled(each, random) for each in value] if isinstance(value, list) else value
