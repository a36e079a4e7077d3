"""Parameters of a request, from JSON or from a query string, read one at a time."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from liveexec_deribit.loopback.errors import VenueError, invalid_params

#: No amount, price or time here is beyond it, and arithmetic is exact within it.
_MOST_EXPONENT = 20
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


class Params:
    """Typed reading: what is missing or does not fit raises -32602 ``Invalid params`` that names it.

    Query strings carry text only, so numbers, booleans and lists are taken from text too.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def text(self, name: str, default: str | None = None, *, one_of: Collection[str] = ()) -> str:
        """A string; with ``one_of``, one of these."""
        value = self._values.get(name)
        if value is None:
            if default is None:
                raise _missing(name)
            return default
        if not isinstance(value, str):
            raise invalid_params(name, "must be a string")
        if one_of and value not in one_of:
            raise invalid_params(name, f"must be one of {', '.join(sorted(one_of))}")
        return value

    def optional_text(self, name: str, *, one_of: Collection[str] = ()) -> str | None:
        """A string, or None where there is none."""
        return self.text(name, one_of=one_of) if name in self else None

    def decimal(self, name: str) -> Decimal:
        """A finite number."""
        value = self._values.get(name)
        if value is None:
            raise _missing(name)
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            raise invalid_params(name, "must be a number")
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise invalid_params(name, "must be a number") from None
        if not number.is_finite() or abs(number.adjusted()) > _MOST_EXPONENT:
            raise invalid_params(name, "must be a number")
        return number

    def optional_decimal(self, name: str) -> Decimal | None:
        """A finite number, or None where there is none."""
        return self.decimal(name) if name in self else None

    def integer(self, name: str, default: int | None = None, *, least: int = 0, most: int | None = None) -> int:
        """A whole number within its bounds."""
        if name not in self and default is not None:
            return default
        number = self.decimal(name)
        if number != number.to_integral_value():
            raise invalid_params(name, "must be an integer")
        if number < least or (most is not None and number > most):
            raise invalid_params(name, f"must be between {least} and {most if most is not None else 'any'}")
        return int(number)

    def optional_integer(self, name: str) -> int | None:
        """A whole number, or None where there is none."""
        return self.integer(name) if name in self else None

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if value in {"true", "false"}:
            return bool(value == "true")
        raise invalid_params(name, "must be a boolean")

    def texts(self, name: str) -> Sequence[str]:
        """A list of strings; in a query string, a JSON list or a single one."""
        value = self._values.get(name)
        if value is None:
            raise _missing(name)
        if isinstance(value, str):
            value = _list_in(name, value)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise invalid_params(name, "must be an array of strings")
        return value

    def refuse(self, *names: str) -> None:
        """Say of parameters that this venue leaves out that it does, rather than ignore them."""
        for name in names:
            if name in self:
                raise VenueError("not_implemented", param=name, reason="the loopback venue leaves it out")


def _list_in(name: str, value: str) -> Any:
    if not value.startswith("["):
        return [value]
    try:
        return _DECODER.decode(value)
    except msgspec.DecodeError:
        raise invalid_params(name, "must be an array of strings") from None


def _missing(name: str) -> VenueError:
    return invalid_params(name, "value required")
