"""Secrets: values that are handed on and never shown. They have no text, no JSON and no pickle."""

import hmac
import json
from typing import Any, ClassVar, Final, Never
from urllib.parse import quote

__all__ = ["HIDDEN", "Secret", "is_secret_name", "masked"]

#: What stands where a secret would be.
HIDDEN: Final = "***"

#: Shorter ones would be found in words that have nothing to do with them.
_LEAST_MASKED: Final = 4
#: Every spelling of every secret of this process, so that whatever is written can be looked through.
_SPELLINGS: Final[set[str]] = set()
#: Whatever is called so is a secret, as an option or in the environment.
_SECRET_WORDS: Final = ("key", "token", "secret", "password", "credential")


class Secret:
    """A key, a password or a token. :meth:`reveal` gives its value, to whoever sends it to its venue; nothing else
    does."""

    __slots__ = ("_value",)
    __hash__: ClassVar[None]  # type: ignore[assignment]  # equal secrets are compared, never looked up

    def __init__(self, value: str) -> None:
        """Raises ``ValueError`` for what is no text, or empty."""
        if not isinstance(value, str) or not value:
            raise ValueError("a secret must be text that is not empty")
        self._value = value
        if len(value) >= _LEAST_MASKED:
            _SPELLINGS.update((value, quote(value, safe=""), json.dumps(value)[1:-1]))

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, _: str) -> str:
        return HIDDEN

    def __reduce_ex__(self, _: Any) -> Never:
        raise TypeError("a secret is never written out")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _: Any) -> "Secret":
        return self


def masked(text: str) -> str:
    """The text without any secret of this process, however it is spelled in it."""
    for spelling in sorted((each for each in _SPELLINGS if each in text), key=len, reverse=True):
        text = text.replace(spelling, HIDDEN)
    return text


def is_secret_name(name: str) -> bool:
    """Whether something of that name has to be taken for a secret, where nobody says which values are."""
    return any(word in name.lower() for word in _SECRET_WORDS)
