"""Request parameters as Binance reads them: text that has to be a number, a name or one of a few words."""

from collections.abc import Collection, Mapping
from decimal import Decimal

from liveexec_nautilus.loopback.binance.errors import BinanceError, mandatory
from liveexec_nautilus.loopback.shared.numbers import amount_in, whole_in

__all__ = ["Parameters"]


class Parameters:
    """The parameters of one request. Each reader raises the venue's own error."""

    def __init__(self, given: Mapping[str, object]) -> None:
        # The WebSocket API takes numbers and booleans as JSON has them.
        self._given = {name: _text(value) for name, value in given.items()}

    def __contains__(self, name: str) -> bool:
        return bool(self._given.get(name))

    def text(self, name: str) -> str:
        """A word that must be there (-1102)."""
        value = self._given.get(name)
        if not value:
            raise mandatory(name)
        return value

    def given(self) -> dict[str, str]:
        """Everything that was sent, as text."""
        return dict(self._given)

    def sent(self, name: str) -> str:
        """What was sent, as text: what signatures cover."""
        return self._given.get(name, "")

    def optional(self, name: str) -> str | None:
        """A word, or ``None`` where it was not sent; an empty one counts as not sent."""
        return self._given.get(name) or None

    def one_of(self, name: str, allowed: Collection[str], error: BinanceError, default: str | None = None) -> str:
        """One of these words; ``error`` for any other."""
        value = self.optional(name) if default is not None else self.text(name)
        if value is None:
            assert default is not None
            return default
        if value not in allowed:
            raise error
        return value

    def flag(self, name: str) -> bool:
        """``true`` or ``false``; false where it was not sent."""
        value = (self.optional(name) or "false").lower()
        if value not in {"true", "false"}:
            raise mandatory(name)
        return value == "true"

    def integer(self, name: str) -> int | None:
        """A whole number, or ``None`` where it was not sent."""
        value = self.optional(name)
        if value is None:
            return None
        number = whole_in(value)
        if number is None:
            raise mandatory(name)
        return number

    def limit(self, default: int, most: int) -> int:
        """How many rows are asked for."""
        asked = self.integer("limit")
        return default if asked is None else max(1, min(asked, most))

    def decimal(self, name: str) -> Decimal | None:
        """A number written plainly, or ``None`` where it was not sent."""
        value = self.optional(name)
        if value is None:
            return None
        number = amount_in(value)
        if number is None:
            raise mandatory(name)
        return number


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
