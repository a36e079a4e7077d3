"""WebSocket sessions of a loopback venue: who they are, what they subscribed to, and what is on its way to them."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field

__all__ = ["Session"]

_NUMBERS: Final = itertools.count(1)


@define(eq=False, kw_only=True)
class Session:
    """One WebSocket connection.

    ``path``, ``query`` and ``headers`` (names in lower case) are those it was opened with. ``topics`` is what it
    subscribed to, ``user_id`` the account that it logged in as, ``notes`` whatever else its venue's protocol remembers
    of it. While ``answering`` a request, stream messages wait, so that the answer goes first.
    """

    path: str
    query: str
    deliver: Callable[[str | bytes], None]
    end: Callable[[bool, int], None]
    headers: Mapping[str, str] = field(factory=dict)
    session_id: int = field(factory=lambda: next(_NUMBERS))
    user_id: int | None = None
    topics: dict[str, None] = field(factory=dict)
    notes: dict[str, Any] = field(factory=dict)
    is_silent: bool = False
    is_closed: bool = False
    received: int = 0
    sent: int = 0
    answering: list[str | bytes] | None = None
    #: A message that the next one overtakes.
    held: str | bytes | None = None

    def notify(self, message: str | bytes) -> None:
        """Send a stream message, behind the answer if one is being made."""
        if self.answering is not None:
            self.answering.append(message)
        else:
            self.send(message)

    def send(self, message: str | bytes) -> None:
        """Put a message on the wire (text or binary), unless the connection is closed or has gone silent."""
        if self.is_closed or self.is_silent:
            return
        self.deliver(message)
        self.sent += 1

    def close(self, *, abruptly: bool = False, code: int = 1000) -> None:
        """End the connection: with a close frame of this code, or by dropping it."""
        if not self.is_closed:
            self.is_closed = True
            self.end(abruptly, code)
