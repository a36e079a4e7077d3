"""One client's connection, whatever carries it: who it is, what it subscribed to, and what is on its way to it."""

import itertools
from collections.abc import Callable
from typing import Literal

import attrs

from liveexec_deribit.loopback.auth import Grant

_NUMBERS = itertools.count(1)


@attrs.define(eq=False, kw_only=True)
class Session:
    """A WebSocket connection, or the one request of an HTTP client.

    While ``answering`` a request, notifications wait, so that the answer can go first.
    """

    carrier: Literal["websocket", "http"]
    deliver: Callable[[bytes], None]
    end: Callable[[bool], None]
    session_id: int = attrs.field(factory=lambda: next(_NUMBERS))
    grant: Grant | None = None
    cancels_on_disconnect: bool = False
    heartbeat_s: float | None = None
    heard_since_test: bool = True
    is_silent: bool = False
    is_closed: bool = False
    logged_out: bool = False
    received: int = 0
    sent: int = 0
    cut_after: int | None = None
    answering: list[bytes] | None = None

    @property
    def user_id(self) -> int | None:
        """The account that it has authenticated as."""
        return None if self.grant is None else self.grant.account.user_id

    def notify(self, message: bytes) -> None:
        """Send a notification, behind the answer if one is being made."""
        if self.answering is not None:
            self.answering.append(message)
        else:
            self.send(message)

    def send(self, message: bytes) -> None:
        """Put a message on the wire, unless the connection is closed or has gone silent."""
        if self.is_closed or self.is_silent:
            return
        self.deliver(message)
        self.sent += 1
        if self.cut_after is not None:
            self.cut_after -= 1
            if self.cut_after <= 0:
                self.close(abruptly=True)

    def close(self, *, abruptly: bool) -> None:
        """End the connection: with a close frame, or by dropping it."""
        if not self.is_closed:
            self.is_closed = True
            self.end(abruptly)
