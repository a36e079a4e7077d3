"""The hand of whoever tests: faults, other participants, clocks, and the venue's own truth.

:class:`Control` is the object in this process; :mod:`liveexec_deribit.loopback.control_http` is the same under
``/loopback/`` for a venue in another one.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from liveexec_deribit.loopback.auth import Grant
from liveexec_deribit.loopback.faults import NotificationFault, RequestFault
from liveexec_deribit.loopback.orders import Direction, Order
from liveexec_deribit.loopback.requests import OrderRequest
from liveexec_deribit.loopback.session import Session
from liveexec_deribit.loopback.settling import Movement
from liveexec_deribit.loopback.venue import Venue


class Control:
    """Everything that a test may do to a venue, and see of it."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue

    # Other participants

    def rest(self, instrument: str, direction: Direction, price: Decimal, amount: Decimal) -> Order:
        """Let another participant rest a limit order."""
        return self._house(instrument, direction, price, amount, "good_til_cancelled")

    def take(self, instrument: str, direction: Direction, amount: Decimal, price: Decimal | None = None) -> Order:
        """Let another participant take what rests, up to a price if there is one; what it cannot get is cancelled."""
        return self._house(instrument, direction, price, amount, "immediate_or_cancel")

    def clear_book(self, instrument: str) -> int:
        """Cancel the other participants' orders of an instrument; returns how many."""
        orders = [order for order in self.venue.exchange.house.open_orders() if order.instrument.name == instrument]
        self.venue.exchange.cancel(orders)
        return len(orders)

    def set_index(self, index: str, price: Decimal) -> None:
        """Move an index."""
        self.venue.exchange.set_index(index, price)

    def set_mark(self, instrument: str, price: Decimal | None) -> None:
        """Fix a mark price; None lets it follow the book again."""
        self.venue.exchange.set_mark(self.venue.exchange.market(instrument), price)

    def set_active(self, instrument: str, *, is_active: bool) -> None:
        """Close or open an instrument."""
        self.venue.exchange.set_active(self.venue.exchange.market(instrument), is_active=is_active)

    def set_locked(self, index: str, *, is_locked: bool) -> None:
        """Lock or unlock everything on an index."""
        self.venue.exchange.set_locked(index, is_locked=is_locked)

    # What the venue books by itself

    def deliver(self, instrument: str, index: Decimal | None = None) -> None:
        """Let an instrument expire now, at its index or at this one."""
        self.venue.exchange.deliver(self.venue.exchange.market(instrument), index)

    def settle(self) -> None:
        """Settle the session of every future, as at 08:00 UTC."""
        self.venue.exchange.settle()

    def pay_funding(self, instrument: str, rate: Decimal) -> None:
        """Let the longs of a perpetual pay the shorts this part of their value."""
        self.venue.exchange.pay_funding(self.venue.exchange.market(instrument), rate)

    def move(self, user_id: int, currency: str, amount: Decimal, kind: Movement | None = None) -> None:
        """Let an amount come in or go out: a deposit or a withdrawal, unless it is named otherwise."""
        exchange = self.venue.exchange
        chosen: Movement = kind if kind is not None else "deposit" if amount > 0 else "withdrawal"
        exchange.move(exchange.account(user_id), currency, amount, chosen)

    # Faults

    def fault(self, fault: RequestFault | NotificationFault) -> None:
        """Script a fault."""
        self.venue.faults.add(fault)

    def extra_fields(self, fields: Mapping[str, object]) -> None:
        """Put fields that nobody knows into every object from now on; none ends it."""
        self.venue.faults.extra_fields = dict(fields)

    def clear_faults(self) -> None:
        """Forget every fault that is still due."""
        self.venue.faults.clear()

    def sessions(self) -> Sequence[Session]:
        """The WebSocket connections that there are."""
        return list(self.venue.sessions.values())

    def cut(self, session_id: int | None = None, *, after_messages: int | None = None) -> int:
        """Drop connections, now or once so many more messages have gone out to each; returns how many it concerns."""
        concerned = self._chosen(session_id)
        for session in concerned:
            if after_messages is None:
                session.close(abruptly=True)
            else:
                session.cut_after = after_messages
        return len(concerned)

    def silence(self, session_id: int | None = None, *, silent: bool = True) -> int:
        """Let connections stay open and neither read nor write any more (half-closed), or speak again."""
        concerned = self._chosen(session_id)
        for session in concerned:
            session.is_silent = silent
        return len(concerned)

    def send(self, message: bytes, session_id: int | None = None) -> int:
        """Send whatever bytes to connections, malformed if need be."""
        concerned = self._chosen(session_id)
        for session in concerned:
            session.send(message)
        return len(concerned)

    def expire_tokens(self, *, refresh_too: bool = False) -> None:
        """Let every access token expire now."""
        self.venue.authority.expire_all(refresh_too=refresh_too)

    def grants(self) -> Sequence[Grant]:
        """Every pair of tokens that is known."""
        return self.venue.authority.grants()

    def drain_credits(self, user_id: int, *, matching: bool = True, for_s: float = 60) -> None:
        """Leave an account without credits for so long."""
        credit = self.venue.credits[user_id]
        (credit.matching if matching else credit.non_matching).drain(for_s)

    def skew_clock(self, offset_ms: int) -> None:
        """Set how far the venue's clock is from this machine's."""
        self.venue.clock.offset_ms = offset_ms

    # Truth

    def orders(self, user_id: int) -> Sequence[Order]:
        """Every order of an account, oldest first, whatever its age."""
        return list(self.venue.exchange.account(user_id).orders.values())

    def truth(self) -> dict[str, object]:
        """Every account's orders, trades, positions and balances, whatever the live endpoints still know."""
        exchange = self.venue.exchange
        return {
            str(account.user_id): {
                "orders": [order.wire() for order in account.orders.values()],
                "trades": [trade.wire() for trade in account.trades],
                "positions": {name: position.size for name, position in account.positions.items() if position.size},
                "balances": dict(account.balances),
            }
            for account in exchange.accounts.values()
        }

    def _house(
        self, instrument: str, direction: Direction, price: Decimal | None, amount: Decimal, time_in_force: str
    ) -> Order:
        exchange = self.venue.exchange
        request = OrderRequest(
            instrument=exchange.market(instrument).instrument,
            direction=direction,
            amount=amount,
            order_type="market" if price is None else "limit",
            price=price,
            time_in_force="good_til_cancelled" if time_in_force == "good_til_cancelled" else "immediate_or_cancel",
        )
        return exchange.submit(exchange.house, request)[0]

    def _chosen(self, session_id: int | None) -> Sequence[Session]:
        return [session for session in self.sessions() if session_id in {None, session.session_id}]
