"""Hypothesis strategies for domain values."""

import types
import typing
from decimal import Decimal
from enum import Enum
from typing import Any

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from liveexec.domain.ids import AssetClass, InstrumentName, VenueName
from liveexec.domain.intent import OrderIntent
from liveexec.domain.money import MONEY
from support.builders import make_bet_intent, make_intent, make_market_intent

UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
_ASSET_CLASS_NAMES = frozenset(member.value for member in AssetClass)


def amounts(
    places: int = 8, highest: Decimal | int = 10**9, lowest: Decimal | int | str | None = None
) -> SearchStrategy[Decimal]:
    """Amounts above zero on a grid of ``places`` digits after the point."""
    unit = Decimal(1).scaleb(-places)
    low = int(Decimal(lowest) / unit) if lowest is not None else 1
    return st.integers(low, int(Decimal(highest) / unit)).map(lambda n: MONEY.scaleb(Decimal(n), -places))


def storable_amounts() -> SearchStrategy[Decimal]:
    """Amounts above zero that NUMERIC(36, 18) keeps: up to 18 digits on either side of the point."""
    return st.builds(
        lambda n, places: MONEY.scaleb(Decimal(n), -places), st.integers(1, 10**18 - 1), st.integers(0, 18)
    ) | st.integers(1, 10**36 - 1).map(lambda n: MONEY.scaleb(Decimal(n), -18))


def _text(first: str, rest: str, longest: int) -> SearchStrategy[str]:
    return st.builds(
        lambda head, tail: head + tail, st.sampled_from(first), st.text(alphabet=rest, max_size=longest - 1)
    )


def venue_names() -> SearchStrategy[str]:
    """Venue names as the grammar of canonical ids has them."""
    return _text(UPPER + DIGITS, UPPER + DIGITS + "_.-", 40).filter(lambda name: name not in _ASSET_CLASS_NAMES)


def instrument_names() -> SearchStrategy[InstrumentName]:
    """Canonical ids, taken apart: every part drawn from its whole grammar."""
    return st.builds(
        InstrumentName,
        asset_class=st.none() | st.sampled_from(AssetClass),
        venue=venue_names().map(VenueName),
        instrument_type=_text(UPPER, UPPER + DIGITS + "_", 40),
        payload=_text(UPPER + UPPER.lower() + DIGITS, UPPER + UPPER.lower() + DIGITS + "_.+/-", 80),
        suffix=st.none() | _text(UPPER + DIGITS, UPPER + DIGITS + "_.-", 40),
    )


def json_values() -> SearchStrategy[Any]:
    """What a document may hold: JSON's own types, nested a little."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | storable_text(20)
    )
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(storable_text(8), inner, max_size=4),
        max_leaves=12,
    )


def json_documents() -> SearchStrategy[dict[str, Any]]:
    """Objects that a document field takes."""
    return st.dictionaries(storable_text(12), json_values(), max_size=5)


def storable_text(longest: int) -> SearchStrategy[str]:
    """Any text that PostgreSQL keeps: no NUL, no lone surrogate."""
    return st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=longest)


def wrong_values() -> SearchStrategy[Any]:
    """What a caller may pass by mistake or malice, of every type; rarely what a field wants."""
    return (
        st.none()
        | st.booleans()
        | st.integers(-5, 5)
        | st.sampled_from([2**31, 2**63, -(2**63), 10**400])
        | st.floats()
        | st.decimals(allow_nan=True, allow_infinity=True)
        | st.sampled_from(
            [
                Decimal("sNaN"),
                Decimal("-0"),
                Decimal("1e-19"),
                Decimal(10) ** 18,
                Decimal("1e999999"),
                Decimal("1e-999999"),
            ]
        )
        | st.text(max_size=12)
        | st.sampled_from(
            ["\x00", "a\x00b", "\ud800", "x" * 5_000, "trade", "BUY", "LIMIT", "GTC", " ", "\n", "\uff11", "'; --"]
        )
        | st.binary(max_size=4)
        | st.lists(st.integers(), max_size=2)
        | st.dictionaries(st.text(max_size=3) | st.integers(), st.text(max_size=3) | st.floats(), max_size=2)
        | st.builds(object)
        | st.just(deep_document(2_000))
        | st.just(cyclic_document())
        | st.sets(st.integers(), max_size=2)
    )


def deep_document(depth: int) -> dict[str, Any]:
    """A document nested ``depth`` levels deep."""
    document: dict[str, Any] = {}
    for _ in range(depth - 1):
        document = {"a": document}
    return document


def cyclic_document() -> dict[str, Any]:
    """A document that holds itself."""
    document: dict[str, Any] = {}
    document["a"] = document
    return document


def intents() -> SearchStrategy[OrderIntent]:
    """Well-formed intents of a few kinds, with any amounts and documents."""
    return (
        st.builds(
            make_intent, quantity=storable_amounts(), price=storable_amounts(), metadata=st.none() | json_documents()
        )
        | st.builds(
            make_market_intent,
            quantity=storable_amounts(),
            exec_algorithm=st.just("TWAP"),
            exec_algorithm_params=json_documents(),
            expected_deltas=st.none() | st.dictionaries(st.sampled_from(["BTC", "USDT"]), signed_amounts()),
        )
        | st.builds(make_bet_intent, quantity=storable_amounts(), selection=st.sampled_from(["47972", "Zürich: home"]))
    )


def signed_amounts() -> SearchStrategy[Decimal]:
    """Amounts of either sign, and zero."""
    return storable_amounts() | storable_amounts().map(Decimal.copy_negate) | st.just(Decimal(0))


def values_of(kind: Any) -> SearchStrategy[Any]:
    """Any value of a domain type, built from its annotations: attrs classes, enums, ids, amounts, collections."""
    if isinstance(kind, typing.NewType):
        return values_of(kind.__supertype__)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values_of(each) for each in arguments])
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return (
            json_documents()
            if arguments[1] is Any
            else st.dictionaries(storable_text(8), values_of(arguments[1]), max_size=3)
        )
    if kind is OrderIntent:
        return intents()
    if attrs.has(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{each.name: values_of(hints[each.name]) for each in attrs.fields(kind)})
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    return _SCALARS[kind]


_SCALARS: dict[type, SearchStrategy[Any]] = {
    type(None): st.none(),
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    str: storable_text(20),
    Decimal: signed_amounts(),
}
