"""A session: a connection that is logged in as one account, its token kept fresh, and its reports.

What the venue sends becomes reports here; what of it can't be read becomes a gap, so that it is fetched instead of
missed. The answer to a request whose sender has given up is reported too.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
import structlog

from liveexec.domain.ids import AccountId
from liveexec.domain.outcome import Gap, VenueReport
from liveexec.errors import AdapterError
from liveexec_deribit import wire
from liveexec_deribit.account_log import AccountLog
from liveexec_deribit.asset_watch import AssetWatch
from liveexec_deribit.authentication import credentials
from liveexec_deribit.config import DeribitAccount, DeribitSection
from liveexec_deribit.connection import Connection
from liveexec_deribit.pace import Pace
from liveexec_deribit.reading import AccountReader
from liveexec_deribit.report_queue import ReportQueue
from liveexec_deribit.rpc import Frame, MalformedMessage, Refusal

__all__ = ["Session"]

_log = structlog.get_logger(__name__)

_CAPACITY: Final = 65_536
#: Tokens are renewed when this part of their life is over.
_RENEW_AT: Final = 0.75
_SHORTEST_RENEWAL_S: Final = 0.05
#: Every currency's balance, as it changes.
_BALANCES: Final = "user.portfolio.any"
#: Everything that happens to the account's orders, as it happens: order and fills in one message, or each apart.
_CHANNELS: Final = {
    "changes": ("user.changes.any.any.raw", _BALANCES),
    "orders_and_trades": ("user.orders.any.any.raw", "user.trades.any.any.raw", _BALANCES),
}
_CAN_TRADE: Final = "trade:read_write"


class Session:
    """One account's session; made by :meth:`open`. ``on_lost`` is told once when it ends by itself."""

    def __init__(
        self,
        section: DeribitSection,
        account: DeribitAccount,
        on_lost: Callable[[AdapterError], None],
        pace: Pace,
        log_pace: Pace,
        venue_now_ns: Callable[[], int],
    ) -> None:
        self._section, self._account, self._on_lost, self._pace = section, account, on_lost, pace
        self._account_id = AccountId(account.account_id)
        self._renewal: asyncio.Task[None] | None = None
        #: What moved the account's assets beside its fills.
        self.log = AccountLog(self._account_id, self.ask, log_pace, page=section.page_size)
        self._watch = AssetWatch(self._account_id, self.log, self._push, venue_now_ns, self._watch_failed)
        self._reader = AccountReader(
            self._account_id,
            section.venue_name,
            self._push,
            venue_now_ns=venue_now_ns,
            on_balance=self._watch.heard,
        )
        self.reports = ReportQueue(_CAPACITY)
        self.connection: Connection

    @classmethod
    async def open(
        cls,
        section: DeribitSection,
        account: DeribitAccount,
        on_lost: Callable[[AdapterError], None],
        *,
        gap: str | None,
        pace: Pace,
        log_pace: Pace,
        venue_now_ns: Callable[[], int] = time.time_ns,
    ) -> "Session":
        """Connect, log in, and listen to the account. Its reports begin with a gap if one is named.

        Raises:
            AdapterError: the venue can't be reached, or refuses.
        """
        session = cls(section, account, on_lost, pace, log_pace, venue_now_ns)
        if gap is not None:
            session.reports.push(Gap(session._account_id, gap))
        timeout_s = float(section.request_timeout_s)
        try:
            session.connection = await Connection.open(section.endpoints.websocket, session, timeout_s=timeout_s)
        except BaseException:
            await session._watch.close()
            raise
        try:
            await session._begin()
        except BaseException:
            await session.close()
            raise
        return session

    @property
    def is_over(self) -> bool:
        return self.reports.is_over

    async def close(self) -> None:
        """Hang up on purpose: reports end without an error."""
        self.reports.close()
        # Both are told before either is waited for: whoever closes may have no time left.
        self._watch.stop()
        if self._renewal is not None:
            self._renewal.cancel()
        try:
            await self._watch.close()
            if self._renewal is not None:
                await asyncio.wait((self._renewal,))
        finally:
            await self.connection.close()

    async def ask(self, method: str, params: Mapping[str, Any]) -> Frame:
        """Ask one of the questions that one of the runtime's comes to, as soon as credits allow."""
        await self._pace.turn()
        return await self.connection.ask(method, params)

    def tell(self, reports: Iterable[VenueReport]) -> None:
        """Report what was found otherwise than on a channel."""
        for report in reports:
            self._push(report)

    def notified(self, channel: str, data: msgspec.Raw) -> None:
        """A channel has news."""
        self._reader.notified(channel, data)

    def unreadable(self, error: MalformedMessage) -> None:
        """Something that may matter could not be read."""
        self._reader.unreadable(error)

    def answered_late(self, method: str, frame: Frame) -> None:
        """What nobody waits for any more may still tell of an order."""
        self._reader.answered_late(method, frame)

    def lost(self, error: AdapterError) -> None:
        """The connection is gone."""
        if self._renewal is not None and self._renewal is not asyncio.current_task():
            self._renewal.cancel()
        self._watch.stop()
        self.reports.lose(error)
        self._on_lost(error)

    async def _begin(self) -> None:
        grant = await self._log_in()
        if _CAN_TRADE not in grant.scope.split():
            _log.warning("deribit_key_cannot_trade", account=self._account_id, scope=grant.scope[:200])
        self._renewal = asyncio.create_task(self._renew(grant), name="deribit-renewal")
        await self.connection.keep_alive(self._section.heartbeat_s)
        if self._section.cancel_on_disconnect:
            await self.connection.call("private/enable_cancel_on_disconnect", {"scope": "connection"}, str)
        channels = _CHANNELS[self._section.reports]
        subscribed = await self.connection.call("private/subscribe", {"channels": list(channels)}, list[str])
        # The venue leaves out what it does not give (error 11052 of its table says to look).
        if missing := [name for name in channels if name not in subscribed]:
            raise AdapterError(
                f"the venue did not subscribe us to {', '.join(missing)}: may the key read trades and the account?"
            )

    async def _log_in(self) -> wire.AuthGrant:
        asked = credentials(
            self._section.authentication,
            self._account.client_id,
            self._account.client_secret,
            time.time_ns() // 1_000_000,
            secrets.token_hex(8),
        )
        return await self.connection.call("public/auth", asked, wire.AuthGrant)

    async def _renew(self, grant: wire.AuthGrant) -> None:
        """Get a new token before the old one ends; where that fails, log in again."""
        while True:
            await asyncio.sleep(max(_SHORTEST_RENEWAL_S, grant.expires_in * _RENEW_AT))
            try:
                grant = await self._renewed(grant)
            except AdapterError as error:
                self.connection.lose(AdapterError(f"the token could not be renewed: {error}"))
                return

    async def _renewed(self, grant: wire.AuthGrant) -> wire.AuthGrant:
        asked = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        try:
            return await self.connection.call("public/auth", asked, wire.AuthGrant)
        except Refusal as error:
            _log.warning("deribit_token_not_renewed", account=self._account_id, code=error.error.code)
            return await self._log_in()

    def _watch_failed(self, error: BaseException) -> None:
        self.connection.lose(AdapterError(f"assets are watched no more: {type(error).__name__}: {error}"))

    def _push(self, report: VenueReport) -> None:
        if self.reports.is_full:
            self.connection.lose(
                AdapterError("the queue of reports is full: nobody reads it, so the session is given up")
            )
        else:
            self.reports.push(report)
