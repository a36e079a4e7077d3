"""Which session an order's requests go through, and how it stands."""

from collections.abc import Coroutine, Sequence
from typing import Any

from liveexec.domain.ids import AccountId
from liveexec.domain.order import Order
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.runtime.sessions import Session

__all__ = ["AccountSessions"]


class AccountSessions:
    """The sessions of one life of a shard, by account. An order without an account has none."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._by_account = {account: session for session in sessions for account in session.accounts}

    def is_connected(self, order: Order) -> bool:
        """Whether requests for the order can be sent."""
        session = self._of(order)
        return session is not None and session.is_connected

    def active_since_ns(self, order: Order) -> int | None:
        """Since when the order's session is trusted; ``None`` while it is not."""
        session = self._of(order)
        return session.active_since_ns if session is not None else None

    def adapter_of(self, account_id: AccountId) -> ExternalAdapter | None:
        """What speaks to the account's venue, if that is connected."""
        session = self._by_account.get(account_id)
        return session.adapter if session is not None and session.is_connected else None

    def slot(self, account_id: AccountId, cancel: bool) -> Coroutine[Any, Any, None] | None:
        """What a request of the account has to wait for, ``None`` if it may leave now."""
        session = self._by_account.get(account_id)
        return session.slot(cancel=cancel) if session is not None else None

    def _of(self, order: Order) -> Session | None:
        return self._by_account.get(order.account_id) if order.account_id is not None else None
