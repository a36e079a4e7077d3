"""The order message: JSON as strategies, the command line and the REST interface send it, and back.

Numbers are strings, so that no parser on the way can round one. A message that can't be taken raises one error that
names every fault with its path; unknown fields are faults, never ignored.
"""

from collections.abc import Mapping
from decimal import Decimal
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


def parse_order(document: bytes | str) -> OrderIntent:
    """Read an order message from JSON.

    Raises:
        InvalidInput: with every fault.
    """
    if len(document) > MAX_MESSAGE_BYTES:
        raise InvalidInput("order message", [Fault("", f"has more than {MAX_MESSAGE_BYTES} bytes")])
    try:
        message = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidInput("order message", [Fault("", f"is not JSON: {error}")]) from error
    return order_intent(message)


def order_intent(message: object) -> OrderIntent:
    """Make the intent of a decoded order message.

    Raises:
        InvalidInput: with every fault, those of its fields' values together with those of their combination where
            the values can be read at all.
    """
    if not isinstance(message, Mapping):
        raise InvalidInput("order message", [Fault("", f"must be an object, not {shown(message)}")])
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for key, value in message.items():
        name = _ALIASES.get(key, key) if isinstance(key, str) else key
        if name not in _FIELDS:
            faults.append(Fault(str(key)[:60], "is not a field of an order message"))
        elif name in values:
            faults.append(Fault(str(key), f"says the same as {name}"))
        elif value is not None:
            values[name] = _value(name, key, value, faults)
    faults += [Fault(name, "is required") for name in _REQUIRED if name not in values]
    if faults:
        raise InvalidInput("order message", faults)
    return OrderIntent(**values)


def _value(name: str, path: str, value: Any, faults: list[Fault]) -> Any:
    if name in _AMOUNTS:
        return _amount(path, value, faults)
    if name in _ENUMS:
        kind = _ENUMS[name]
        try:
            return kind(value)
        except (ValueError, TypeError):
            faults.append(Fault(path, f"must be one of {', '.join(kind)}, not {shown(value)}"))
            return None
    if name == "expected_deltas" and isinstance(value, Mapping):
        return {asset: _amount(f"{path}.{asset}", amount, faults) for asset, amount in value.items()}
    return value


def _amount(path: str, value: object, faults: list[Fault]) -> Decimal | None:
    if not isinstance(value, str):
        faults.append(Fault(path, "must be a number written as a string"))
        return None
    try:
        return parse_decimal(value)
    except ValueError as error:
        faults.append(Fault(path, f"{shown(value)} is {error}"))
        return None
