"""The order message: JSON as strategies, the command line and the REST interface send it, and back.

Numbers are strings, so that no parser on the way can round one. A message that can't be taken raises one error that
names every fault with its path; unknown fields are faults, never ignored.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec
from attrs import fields

from liveexec.domain.checks import shown
from liveexec.domain.intent import OrderIntent
from liveexec.domain.money import parse_decimal
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.errors import Fault, InvalidInput

__all__ = ["MAX_MESSAGE_BYTES", "order_intent", "parse_order"]

#: The longest message that is parsed.
MAX_MESSAGE_BYTES: Final = 65_536

_AMOUNTS: Final = ("quantity", "price", "trigger_price", "max_slippage", "max_gas_price_gwei", "odds")
_ENUMS: Final[dict[str, type[StrEnum]]] = {
    "operation": Operation,
    "side": Side,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
}
_FIELDS: Final = tuple(attribute.name for attribute in fields(OrderIntent))
_REQUIRED: Final = ("operation", "quantity", "strategy_id")
#: A bet's stake is its quantity; messages may say either.
_ALIASES: Final = {"stake": "quantity"}
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)


def parse_order(document: bytes | str) -> OrderIntent:
    """Read an order message from JSON.

    Raises:
        InvalidInput: with every fault.
    """
    encoded = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
    if len(encoded) > MAX_MESSAGE_BYTES:
        raise InvalidInput("order message", [Fault("", f"has more than {MAX_MESSAGE_BYTES} bytes")])
    try:
        message = msgspec.json.decode(encoded)
        said_twice = _said_twice(encoded)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InvalidInput("order message", [Fault("", f"is not JSON: {error}")]) from error
    return _intent_of(message, [Fault(_path(key), "is said twice") for key in said_twice])


def order_intent(message: object) -> OrderIntent:
    """Make the intent of a decoded order message.

    Raises:
        InvalidInput: with every fault, those of its fields' values together with those of their combination where
            the values can be read at all.
    """
    return _intent_of(message, [])


def _intent_of(message: object, faults: list[Fault]) -> OrderIntent:
    if not isinstance(message, Mapping):
        raise InvalidInput("order message", [Fault("", f"must be an object, not {shown(message)}"), *faults])
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    for key, value in message.items():
        name = _ALIASES.get(key, key) if isinstance(key, str) else key
        if name not in _FIELDS:
            faults.append(Fault(_path(key), "is not a field of an order message"))
        elif value is not None and name in values:
            faults.append(Fault(key, f"says the same as {names[name]}"))
        elif value is not None:
            names[name] = key
            values[name] = _value(name, key, value, faults)
    faults += [Fault(name, "is required") for name in _REQUIRED if name not in values]
    try:
        intent = OrderIntent(**{**dict.fromkeys(_REQUIRED), **values})
    except InvalidInput as error:
        # What could not be read here is named here, not once more as a value of the wrong type.
        named = {fault.path.partition(".")[0] for fault in faults}
        more = [Fault(names.get(fault.path, fault.path), fault.message) for fault in error.faults]
        faults += [fault for fault in more if fault.path.partition(".")[0] not in named]
    if faults:
        raise InvalidInput("order message", faults)
    return intent


def _said_twice(encoded: bytes) -> list[str]:
    """Keys that an object of the document has twice: parsers differ in which of them they believe."""
    found: dict[str, None] = {}

    def look(pairs: list[tuple[str, Any]]) -> None:
        keys: set[str] = set()
        for key, _ in pairs:
            if key in keys:
                found[key] = None
            keys.add(key)

    json.loads(encoded, object_pairs_hook=look)
    return list(found)


def _path(key: object) -> str:
    """A key that is not one of ours as part of a path: nothing in it can break a line or flood a log."""
    return key if isinstance(key, str) and _PLAIN.fullmatch(key) else shown(key)


def _value(name: str, path: str, value: Any, faults: list[Fault]) -> Any:
    """The value as its field takes it; as it was said, beside a fault, if it can't be read."""
    if name in _AMOUNTS:
        return _amount(path, value, faults)
    if name in _ENUMS:
        kind = _ENUMS[name]
        try:
            return kind(value)
        except (ValueError, TypeError):
            faults.append(Fault(path, f"must be one of {', '.join(kind)}, not {shown(value)}"))
            return value
    if name == "expected_deltas" and isinstance(value, Mapping):
        return {asset: _amount(f"{path}.{_path(asset)}", amount, faults) for asset, amount in value.items()}
    return value


def _amount(path: str, value: object, faults: list[Fault]) -> object:
    if not isinstance(value, str):
        faults.append(Fault(path, "must be a number written as a string"))
        return value
    try:
        return parse_decimal(value)
    except ValueError as error:
        faults.append(Fault(path, f"{shown(value)} is {error}"))
        return value
