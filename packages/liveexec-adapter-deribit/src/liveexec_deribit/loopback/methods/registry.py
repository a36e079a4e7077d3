"""How a method is declared, found, and told who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from liveexec_deribit.loopback.errors import VenueError

if TYPE_CHECKING:
    from liveexec_deribit.loopback.accounts import Account
    from liveexec_deribit.loopback.auth import Grant
    from liveexec_deribit.loopback.exchange import Exchange
    from liveexec_deribit.loopback.market import Market
    from liveexec_deribit.loopback.params import Params
    from liveexec_deribit.loopback.session import Session
    from liveexec_deribit.loopback.venue import Venue

Handle = Callable[["Context"], object]

_METHODS: dict[str, Method] = {}


@attrs.frozen
class Method:
    """A method: ``scope`` is what a token needs for it, None for public ones."""

    name: str
    handle: Handle
    scope: str | None
    websocket_only: bool

    @property
    def is_private(self) -> bool:
        """Whether it needs a token."""
        return self.name.startswith("private/")


@attrs.frozen
class Context:
    """One call: the venue, the session that asks, its parameters, and whose token it came with."""

    venue: Venue
    session: Session
    params: Params
    grant: Grant | None

    @property
    def exchange(self) -> Exchange:
        """The venue's core."""
        return self.venue.exchange

    @property
    def account(self) -> Account:
        """The account that asks; private methods have one."""
        assert self.grant is not None
        return self.exchange.account(self.grant.account.user_id)

    @property
    def now_ms(self) -> int:
        """The venue's time."""
        return self.venue.clock.now_ms()

    def market(self, param: str = "instrument_name") -> Market:
        """The market that a parameter names."""
        return self.exchange.market(self.params.text(param))


def rpc(name: str, *, scope: str | None = None, websocket_only: bool = False) -> Callable[[Handle], Handle]:
    """Declare the method of this name."""

    def declare(handle: Handle) -> Handle:
        if name in _METHODS or name.startswith("private/") != (scope is not None):
            raise AssertionError(f"{name} is declared twice, or with the wrong scope")
        _METHODS[name] = Method(name, handle, scope, websocket_only)
        return handle

    return declare


def method_of(name: str) -> Method:
    """The method of a name; raises -32601 ``Method not found``."""
    found = _METHODS.get(name)
    if found is None:
        raise VenueError("Method not found")
    return found


def method_names() -> list[str]:
    """Every method that there is."""
    return sorted(_METHODS)
