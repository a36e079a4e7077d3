"""What the venue tells of an account, made into reports: whatever can be read is reported, the rest is a gap.

Nothing is dropped without a word: a message that can't be read says that something has to be fetched.
"""

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec
import structlog

from liveexec.domain.ids import AccountId, VenueName
from liveexec.domain.outcome import Gap, VenueReport
from liveexec_deribit import wire
from liveexec_deribit.fills import fill_report, read_trade
from liveexec_deribit.holdings import balance_report
from liveexec_deribit.names import Combo
from liveexec_deribit.orders import order_report, read_order
from liveexec_deribit.rpc import Frame, MalformedMessage, decoded

__all__ = ["AccountReader"]

_PORTFOLIO: Final = "user.portfolio."

_log = structlog.get_logger(__name__)

#: Requests whose answers hold an order and its fills.
_WITH_ORDERS: Final = frozenset({"private/buy", "private/sell", "private/edit"})


class AccountReader:
    """Reads what comes about one account; ``push`` takes each report, ``venue_now_ns`` tells what
    the venue's clock shows, and ``on_balance`` hears of each currency's cash."""

    def __init__(
        self,
        account_id: AccountId,
        venue: VenueName,
        push: Callable[[VenueReport], None],
        *,
        venue_now_ns: Callable[[], int] = time.time_ns,
        on_balance: Callable[[str, Decimal], None] = lambda _, __: None,
    ) -> None:
        self._on_balance = on_balance
        self._balance_told_ns = 0
        self._account_id, self._venue, self._push, self._venue_now_ns = account_id, venue, push, venue_now_ns

    def notified(self, channel: str, data: msgspec.Raw) -> None:
        """A channel has news: user.changes, or user.orders and user.trades; or user.portfolio."""
        if channel.startswith(_PORTFOLIO):
            self._balance(data)
            return
        try:
            trades, orders = _parts(channel, data)
        except MalformedMessage as error:
            self.unreadable(error)
            return
        # Fills first: an order's end waits for them anyway.
        self._trades(trades)
        for raw in orders:
            self._order(raw)

    def answered_late(self, method: str, frame: Frame) -> None:
        """What nobody waits for any more may still tell of an order."""
        if method not in _WITH_ORDERS or frame.error is not None:
            return
        try:
            answer = decoded(wire.OrderAnswer, frame.result, f"the late answer to {method}")
        except MalformedMessage as error:
            self.unreadable(error)
            return
        self._trades(answer.trades)
        self._order(answer.order)

    def unreadable(self, error: MalformedMessage) -> None:
        """Something that may matter could not be read: it has to be fetched."""
        _log.error("deribit_message_unreadable", account=self._account_id, error=str(error))
        self._push(Gap(self._account_id, f"a message of the venue could not be read: {error}"))

    def _balance(self, data: msgspec.Raw) -> None:
        """What is told of a currency. The venue gives no time: it was so at the latest when it came.

        What comes later is newer, even where what is known of the venue's clock has just fallen back: told with an
        earlier time it would be taken for older, and dropped.
        """
        self._balance_told_ns = max(self._balance_told_ns, self._venue_now_ns())
        try:
            told = decoded(wire.Portfolio, data, "user.portfolio")
            report = balance_report(told, self._account_id, self._balance_told_ns)
        except MalformedMessage as error:
            self.unreadable(error)
        else:
            self._push(report)
            self._on_balance(told.currency, told.balance)

    def _trades(self, trades: Sequence[msgspec.Raw]) -> None:
        for raw in trades:
            try:
                report = fill_report(read_trade(raw), self._account_id, self._venue)
            except Combo as error:
                # Its legs are trades of their own.
                _log.info("deribit_combo_trade", account=self._account_id, error=str(error))
            except MalformedMessage as error:
                self.unreadable(error)
            else:
                self._push(report)

    def _order(self, raw: msgspec.Raw) -> None:
        try:
            report = order_report(read_order(raw), self._account_id, self._venue)
        except Combo as error:
            _log.info("deribit_combo_order", account=self._account_id, error=str(error))
        except MalformedMessage as error:
            self.unreadable(error)
        else:
            self._push(report)


def _parts(channel: str, data: msgspec.Raw) -> tuple[Sequence[msgspec.Raw], Sequence[msgspec.Raw]]:
    """The trades and the orders in a notification, each still to be read."""
    match channel.split(".", 2)[:2]:
        case ["user", "changes"]:
            changes = decoded(wire.UserChanges, data, "user.changes")
            return changes.trades, changes.orders
        case ["user", "trades"]:
            return decoded(list[msgspec.Raw], data, "user.trades"), ()
        case ["user", "orders"]:
            # One order a message on raw channels, a list of them on the others.
            is_list = bytes(data).lstrip()[:1] == b"["
            return (), decoded(list[msgspec.Raw], data, "user.orders") if is_list else (data,)
    raise MalformedMessage(f"channel {channel[:60]!r} was not subscribed to")
