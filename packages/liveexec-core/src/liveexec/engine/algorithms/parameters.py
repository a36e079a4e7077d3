"""Reading an algorithm's parameters: JSON values become exact numbers, and everything that is wrong is collected."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from liveexec.domain import money
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.errors import Fault, InvalidInput

__all__ = ["ParameterReader"]

_PATH: Final = "exec_algorithm_params"
_NS_DIGITS: Final = 9


class ParameterReader:
    """Takes parameters out by name and lists the faults; what it returns counts only once ``finish`` did not raise.

    Numbers may be JSON numbers or text. A JSON number that became a float counts as the shortest text that reads back
    as it, so ``0.1`` is one tenth.
    """

    def __init__(self, algorithm: str, params: Mapping[str, Any] | None, intent: OrderIntent) -> None:
        self._algorithm = algorithm
        self._params = params or {}
        self._intent = intent
        self._known: dict[str, None] = {}
        self.faults: list[Fault] = []

    def fault(self, name: str, message: str) -> None:
        """Something is wrong with a parameter."""
        self.faults.append(Fault(f"{_PATH}.{name}", message))

    def has(self, name: str) -> bool:
        """Whether the parameter is given (``null`` counts as not given)."""
        self._known[name] = None
        return self._params.get(name) is not None

    def number(self, name: str, low: Decimal, high: Decimal, default: Decimal | None = None) -> Decimal:
        """A number from ``low`` to ``high``; required if there is no default."""
        if not self.has(name):
            if default is None:
                self.fault(name, "is required")
            return default if default is not None else low
        value = self._exact(name, self._params[name])
        if value is None:
            return low
        if not low <= value <= high:
            self.fault(name, f"must be between {money.plain(low)} and {money.plain(high)}, not {money.plain(value)}")
            return low
        return value

    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from ``low`` to ``high``."""
        value = self.number(name, Decimal(low), Decimal(high), None if default is None else Decimal(default))
        if value != int(value):
            self.fault(name, f"must be a whole number, not {money.plain(value)}")
        return int(value)

    def seconds_ns(self, name: str, low_s: Decimal, high_s: Decimal) -> int:
        """A required duration in seconds, as nanoseconds."""
        value = money.MONEY.scaleb(self.number(name, low_s, high_s), _NS_DIGITS)
        if value != int(value):
            self.fault(name, "must not be finer than a nanosecond")
        return int(value)

    def choice(self, name: str, options: Sequence[str], default: str) -> str:
        """One of a few words."""
        if not self.has(name):
            return default
        value = self._params[name]
        if not isinstance(value, str) or value not in options:
            self.fault(name, f"must be one of {', '.join(options)}")
            return default
        return value

    def numbers(self, name: str, low: Decimal, high: Decimal, most: int) -> tuple[Decimal, ...]:
        """A list of one to ``most`` numbers, each from ``low`` to ``high``."""
        given = self._params[name] if self.has(name) else None
        if not isinstance(given, list | tuple) or not 0 < len(given) <= most:
            self.fault(name, f"must be a list of 1 to {most} numbers")
            return ()
        values = []
        for index, item in enumerate(given):
            value = self._exact(f"{name}[{index}]", item)
            if value is not None and not low <= value <= high:
                self.fault(f"{name}[{index}]", f"must be between {money.plain(low)} and {money.plain(high)}")
            values.append(value if value is not None else low)
        return tuple(values)

    def check_intent(self, order_types: Sequence[OrderType], times: Sequence[TimeInForce], *, post_only: bool) -> None:
        """What the algorithm takes of the order's own fields."""
        intent = self._intent
        if intent.order_type not in order_types:
            self._intent_fault("order_type", f"works {_words(order_types)} orders, not {intent.order_type}")
        if intent.time_in_force not in times:
            self._intent_fault("time_in_force", f"works {_words(times)} orders, not {intent.time_in_force}")
        if intent.post_only and not post_only:
            self._intent_fault("post_only", "sends slices that take, so they can't be post-only")

    def finish(self) -> None:
        """End the reading.

        Raises:
            InvalidInput: with every fault, parameters that the algorithm does not have included.
        """
        for name in self._params:
            if name not in self._known:
                takes = f"it takes {', '.join(self._known)}" if self._known else "it takes none"
                self.fault(str(name)[:60], f"is no parameter of {self._algorithm}; {takes}")
        if self.faults:
            raise InvalidInput("order intent", self.faults)

    def _intent_fault(self, name: str, message: str) -> None:
        self.faults.append(Fault(name, f"{self._algorithm} {message}"))

    def _exact(self, name: str, value: object) -> Decimal | None:
        number, problem = _number(value)
        if number is None:
            self.fault(name, problem)
        return number


def _number(value: object) -> tuple[Decimal | None, str]:
    match value:
        case bool():
            return None, "must be a number, not true or false"
        case int():
            number = Decimal(value)
        case float():
            if not math.isfinite(value):
                return None, "must be a finite number"
            number = Decimal(repr(value))
        case Decimal():
            number = value
        case str():
            try:
                number = money.parse_decimal(value)
            except ValueError:
                return None, f"{value[:40]!r} is not a decimal number"
        case _:
            return None, f"must be a number, not {type(value).__name__}"
    if not number.is_finite():
        return None, "must be a finite number"
    if not money.is_storable(number):
        return None, "needs more than 18 digits before or after the point"
    return number, ""


def _words(members: Sequence[OrderType] | Sequence[TimeInForce]) -> str:
    return " or ".join(members)
