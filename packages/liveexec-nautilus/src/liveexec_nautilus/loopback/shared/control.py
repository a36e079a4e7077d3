"""The hand of whoever tests: other participants, faults, sessions, clock, and the venue's own truth.

:class:`Control` is the object in this process; :mod:`liveexec_nautilus.loopback.shared.control_http` is the same under
``/loopback/`` for a venue in another one.
"""

from collections.abc import Sequence
from decimal import Decimal

from liveexec.domain.money import is_storable
from liveexec.domain.operation import Side
from liveexec.domain.outcome import AssetKind
from liveexec.errors import ConfigurationError, Fault
from liveexec_nautilus.loopback.shared.faults import RequestFault, StreamFault
from liveexec_nautilus.loopback.shared.floor import MAKERS, TAKERS
from liveexec_nautilus.loopback.shared.orders import Execution, Order, Refusal
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue

__all__ = ["Control"]


class Control:
    """Everything that a test may do to a venue, and see of it. Prices and quantities are the venue's own units."""

    def __init__(self, venue: LoopbackVenue) -> None:
        self.venue = venue

    # Other participants. ValueError tells why the engine refuses what they ask for, or what is no such number.

    def rest(self, symbol: str, side: Side, price: Decimal, quantity: Decimal) -> Order:
        """Let another participant rest a limit order."""
        _check_positive(price=price, quantity=quantity)
        return _placed(self.venue.floor.rest(symbol, side, price, quantity))

    def take(self, symbol: str, side: Side, quantity: Decimal, price: Decimal | None = None) -> Order:
        """Let another participant take what rests, up to a price if there is one; what it can't get is canceled."""
        _check_positive(price=price, quantity=quantity)
        return _placed(self.venue.floor.take(symbol, side, quantity, price))

    def clear_book(self, symbol: str) -> int:
        """Cancel the other participants' orders of a symbol; returns how many."""
        return self.venue.floor.clear_book(symbol)

    def print_trade(self, symbol: str, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Show a trade of others on the tape; nobody's order is touched."""
        _check_positive(price=price, quantity=quantity)
        self.venue.floor.market.print_trade(symbol, side, price, quantity)

    def set_mark(self, symbol: str, price: Decimal | None) -> None:
        """Fix a mark price; ``None`` lets it follow the book again."""
        _check_positive(price=price)
        self.venue.floor.market.set_mark(symbol, price)

    def move_asset(self, user_id: int, asset: str, amount: Decimal, kind: AssetKind = AssetKind.DEPOSIT) -> None:
        """Move an asset of an account without a trade: a deposit, a withdrawal, funding."""
        if not is_storable(amount):
            raise ValueError(f"amount: {amount} is no amount of an asset")
        self.venue.floor.move_asset(user_id, asset, amount, kind)

    # Faults

    def fault(self, fault: RequestFault | StreamFault) -> None:
        """Script a fault.

        Raises:
            ConfigurationError: it is an error with a code that this venue's errors can't have.
        """
        if isinstance(fault, RequestFault) and fault.kind == "error":
            try:
                self.venue.error(fault.code, fault.message)
            except ValueError:
                found = [Fault("code", f"is no code of this venue: {fault.code!r}")]
                raise ConfigurationError("fault of requests", found) from None
        self.venue.faults.add(fault)

    def clear_faults(self) -> None:
        """Forget every fault that is still due; sessions are taken again."""
        self.venue.faults.clear()

    def refuse_sessions(self, times: int | None) -> None:
        """Refuse the next so many WebSocket sessions; ``None`` refuses all until faults are cleared."""
        if times is not None and (not isinstance(times, int) or times < 0):
            raise ValueError(f"times: must be a whole number from 0, or null for all, not {times!r}")
        self.venue.faults.refused_sessions = times

    def sessions(self, path: str = "") -> Sequence[Session]:
        """The WebSocket sessions that there are, those whose path begins so."""
        return [session for session in self.venue.sessions.values() if session.path.startswith(path)]

    def cut(self, session_id: int | None = None, *, path: str = "") -> int:
        """Drop sessions without a word: one, those whose path begins so, or all; returns how many."""
        concerned = self._chosen(session_id, path)
        for session in concerned:
            session.close(abruptly=True)
        return len(concerned)

    def silence(self, session_id: int | None = None, *, path: str = "", silent: bool = True) -> int:
        """Let sessions stay open and neither read nor write any more (half-closed), or speak again."""
        concerned = self._chosen(session_id, path)
        for session in concerned:
            session.is_silent = silent
        return len(concerned)

    def send(self, message: str, session_id: int | None = None, *, path: str = "") -> int:
        """Send whatever text to sessions, malformed if need be."""
        concerned = self._chosen(session_id, path)
        for session in concerned:
            session.send(message)
        return len(concerned)

    def expire_credentials(self) -> int:
        """Let listen keys or log-ins expire now; returns how many."""
        return self.venue.expire_credentials()

    def skew_clock(self, offset_ms: int) -> None:
        """Set how far the venue's clock is from this machine's."""
        self.venue.clock.offset_ms = offset_ms

    # Truth

    def orders(self, user_id: int) -> Sequence[Order]:
        """Every order of an account, oldest first, whatever its age."""
        return self.venue.floor.orders_of(user_id)

    def executions(self, user_id: int) -> Sequence[Execution]:
        """Every fill of an account, oldest first."""
        return self.venue.floor.executions_of(user_id)

    def truth(self) -> dict[str, object]:
        """Every account's orders, fills, positions and balances; other participants' apart."""
        floor = self.venue.floor
        return {
            str(user_id): {
                "orders": [_order_truth(order) for order in floor.orders_of(user_id)],
                "fills": [_fill_truth(each) for each in floor.executions_of(user_id)],
                "positions": {
                    name: str(position.quantity)
                    for name in floor.symbols
                    if (position := floor.position(user_id, name)).quantity
                },
                "balances": {asset: str(total) for asset, (total, _) in floor.balances(user_id).items()},
            }
            for user_id in floor.accounts
            if user_id not in {MAKERS, TAKERS}
        }

    def _chosen(self, session_id: int | None, path: str) -> Sequence[Session]:
        return [session for session in self.sessions(path) if session_id in {None, session.session_id}]


def _check_positive(**amounts: Decimal | None) -> None:
    for name, value in amounts.items():
        if value is not None and not (is_storable(value) and value > 0):
            raise ValueError(f"{name}: {value} is not above zero, or longer than any {name} is")


def _placed(outcome: Order | Refusal) -> Order:
    if isinstance(outcome, Order):
        return outcome
    raise ValueError(f"{outcome.code}: {outcome.message}")


def _order_truth(order: Order) -> dict[str, object]:
    return {
        "number": order.number,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol.name,
        "side": order.side,
        "type": order.order_type,
        "quantity": str(order.quantity),
        "price": None if order.price is None else str(order.price),
        "filled": str(order.filled),
        "status": order.status,
        "end_code": order.end_code,
    }


def _fill_truth(execution: Execution) -> dict[str, object]:
    return {
        "trade_number": execution.trade_number,
        "order_number": execution.order.number,
        "client_order_id": execution.order.client_order_id,
        "symbol": execution.order.symbol.name,
        "side": execution.order.side,
        "price": str(execution.price),
        "quantity": str(execution.quantity),
        "fee": str(execution.fee),
        "fee_asset": execution.fee_asset,
        "is_maker": execution.is_maker,
        "time_ns": execution.time_ns,
    }
