"""Rows of values, and values of rows."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.account_event import ControlScope, DriftSeen, LatchSet, ScopeKind, StateChanged, TradingState
from liveexec.domain.money import MONEY, shortest
from liveexec.domain.position import Position
from liveexec.errors import StorageError
from liveexec.storage.control_rows import ControlKind, control_of
from liveexec.storage.projections import Part, check_amounts, encode_rows
from liveexec.storage.rows import position_of, position_row, row_of, storable_text
from support.builders import (
    ALPHA_ACCOUNT,
    LINEAR,
    LINEAR_TERMS,
    SPOT_PRODUCT,
    make_bet_intent,
    make_intent,
    make_order,
    make_routed,
)
from support.strategies import storable_amounts


def test_a_routed_order_has_its_instrument_only_when_it_has_one() -> None:
    order = make_order(intent=make_intent(instrument_key=SPOT_PRODUCT))
    assert {name: row_of(order).get(name) for name in ("canonical_id", "product_id", "venue")} == {
        "canonical_id": None,
        "product_id": SPOT_PRODUCT,
        "venue": None,
    }
    order = make_order(make_routed(), intent=make_intent(instrument_key=SPOT_PRODUCT))
    assert {name: row_of(order).get(name) for name in ("canonical_id", "product_id", "venue", "account_id")} == {
        "canonical_id": "ALPHA:SPOT_PAIR:BTC-USDT",
        "product_id": SPOT_PRODUCT,
        "venue": "ALPHA",
        "account_id": "ALPHA-1",
    }


def test_a_bet_tells_its_payout() -> None:
    assert row_of(make_order(intent=make_bet_intent()))["potential_payout"] == Decimal(35)


def test_documents_are_as_json_gives_them_back() -> None:
    intent = make_intent(exec_algorithm_params={"a": Decimal("0.5"), "b": (1, 2)}, metadata={})
    row = row_of(make_order(intent=intent))
    assert row["exec_algorithm_params"] == {"a": "0.5", "b": [1, 2]}
    assert row["metadata"] == {}


@given(storable_amounts(), st.booleans())
def test_a_stored_amount_comes_back_without_the_columns_zeros(amount: Decimal, negative: bool) -> None:
    value = amount.copy_negate() if negative else amount
    stored = MONEY.quantize(value, Decimal("1e-18"))
    found = shortest(stored)
    assert found == value
    assert found.as_tuple().exponent == 0 or found.as_tuple().digits[-1] != 0


@given(st.decimals(min_value=-(10**20), max_value=10**20, allow_nan=False) | storable_amounts())
def test_exactly_what_fits_the_columns_passes(value: Decimal) -> None:
    exact = Fraction(value)
    fits = abs(exact) < 10**18 and (exact * 10**18).denominator == 1
    part = Part("assets", [{"asset": "BTC", "amount": value}])
    if fits:
        assert encode_rows(part)
    else:
        with pytest.raises(StorageError, match="assets: amount of BTC"):
            encode_rows(part)


@pytest.mark.parametrize(
    "text", ["1E-19", "1000000000000000000", "0.1234567890123456789", "-1E+18", "NaN", "NaN12", "-Infinity"]
)
def test_amounts_beyond_the_columns_are_named(text: str) -> None:
    with pytest.raises(StorageError, match="fills: price of ORD-1"):
        check_amounts(Part("fills", [{"order_id": "ORD-1", "price": Decimal(text)}]))


def test_a_position_is_valued_at_its_mark() -> None:
    position = Position(
        LINEAR, LINEAR_TERMS, Decimal("-0.3"), Decimal(-13500), Decimal("1.25"), {"USDT": Decimal(2)}, 7
    )
    row = position_row(ALPHA_ACCOUNT, None, position, Decimal("44000.333333333333333333"))
    assert row["average_price"] == Decimal(45_000)
    assert row["unrealized_pnl"] == Decimal("299.9000000000000000001").quantize(Decimal("1e-18"))
    assert "strategy_id" not in row
    assert "current_price" not in position_row(ALPHA_ACCOUNT, None, position, None)
    back = position_of(row)
    assert (back.quantity, back.cost, back.realized_pnl, back.fees, back.terms, back.updated_at_ns) == (
        position.quantity,
        position.cost,
        position.realized_pnl,
        position.fees,
        position.terms,
        7,
    )


@pytest.mark.parametrize(
    ("kind", "row", "event"),
    [
        (
            ControlKind.STATE,
            {"code": "", "state": "HALTED", "principal": "anna", "reason": "drill"},
            StateChanged(ControlScope(ScopeKind.ACCOUNT, "A"), TradingState.HALTED, "anna", "drill"),
        ),
        (
            ControlKind.LATCH,
            {"code": "LOSS_LIMIT", "reason": "-1"},
            LatchSet(ControlScope(ScopeKind.ACCOUNT, "A"), "LOSS_LIMIT", "-1"),
        ),
        (
            ControlKind.DRIFT,
            {"code": "BTC", "ours": Decimal("1.500"), "theirs": Decimal(0)},
            DriftSeen(ALPHA_ACCOUNT, "BTC", Decimal("1.5"), Decimal(0)),
        ),
    ],
)
def test_controls_come_back(kind: ControlKind, row: dict[str, object], event: object) -> None:
    scope = "A" if kind is not ControlKind.DRIFT else ALPHA_ACCOUNT
    found = control_of({"kind": kind.value, "scope_kind": "ACCOUNT", "scope_name": scope, **row})
    assert repr(found) == repr(event)


def test_an_unknown_control_is_refused() -> None:
    with pytest.raises(ValueError, match="MOOD"):
        control_of({"kind": "MOOD", "scope_kind": "GLOBAL", "scope_name": "", "code": ""})


def test_text_without_nul_stays() -> None:
    assert storable_text("a\0b") == "a\ufffdb"
    assert storable_text("größer") == "größer"
