"""The private channels: ``orders``, ``account``, ``positions`` and ``balance_and_position``.

Source: https://www.okx.com/docs-v5/en/#order-book-trading-trade-ws-order-channel, #trading-account-websocket.
Orders are told as they change; the others begin with how things stand. Warnings of liquidation and algo orders never
come.
"""

from collections.abc import Callable, Iterable
from typing import Final

from liveexec.domain.instrument import ContractKind
from liveexec_nautilus.loopback.okx.channels import Subscription
from liveexec_nautilus.loopback.okx.lookups import Lookups
from liveexec_nautilus.loopback.okx.wire import order_message, trade_id
from liveexec_nautilus.loopback.shared.events import BalanceMoved, FloorEvent, OrderChange, OrderChanged
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["PrivateChannels"]

#: What the channel of everything tells of a position.
_IN_SHORT: Final = (
    "posId",
    "tradeId",
    "instId",
    "instType",
    "mgnMode",
    "posSide",
    "pos",
    "ccy",
    "posCcy",
    "avgPx",
    "uTime",
)

Publish = Callable[[Session, str, object], None]
Row = dict[str, object]
Subscribers = Iterable[tuple[Session, Subscription]]


class PrivateChannels:
    """What accounts are told of themselves."""

    def __init__(self, floor: Floor, lookups: Lookups, publish: Publish) -> None:
        self._floor = floor
        self._lookups = lookups
        self._publish = publish

    def open(self, session: Session, subscription: Subscription) -> None:
        """Tell a new subscriber how the account stands."""
        user_id = session.user_id
        assert user_id is not None
        match subscription.channel:
            case "account":
                self._tell(session, subscription, self._lookups.balance(user_id, {}))
            case "positions":
                asked = {"instType": subscription.instrument_type, "instFamily": subscription.family}
                self._tell(session, subscription, self._lookups.positions(user_id, asked))
            case "balance_and_position":
                rows = self._lookups.positions(user_id, {})
                self._tell(session, subscription, [self._whole(user_id, "snapshot", rows, [])])

    def on_event(self, event: FloorEvent, subscribers: Callable[[int], Subscribers]) -> None:
        """Tell an account what became of its orders, its assets and its positions."""
        if isinstance(event, BalanceMoved):
            for session, subscription in subscribers(event.user_id):
                self._tell_account(session, subscription, event.user_id, None, None)
        if not isinstance(event, OrderChanged):
            return
        order, symbol = event.order, event.order.symbol
        traded = event.change is OrderChange.TRADE and symbol.kind is not ContractKind.SPOT
        for session, subscription in list(subscribers(order.user_id)):
            if subscription.channel == "orders" and subscription.fits(symbol):
                amended = "0" if event.change is OrderChange.AMENDED else ""
                self._tell(session, subscription, [order_message(order, event.execution, amended)])
            else:
                self._tell_account(session, subscription, order.user_id, symbol if traded else None, event)

    def _tell_account(
        self,
        session: Session,
        subscription: Subscription,
        user_id: int,
        traded: SymbolConfig | None,
        event: OrderChanged | None,
    ) -> None:
        channel = subscription.channel
        if channel == "account":
            self._tell(session, subscription, self._lookups.balance(user_id, {}))
        elif channel == "positions" and traded is not None and subscription.fits(traded):
            self._tell(session, subscription, [self._lookups.position(user_id, traded)])
        elif channel == "balance_and_position" and (traded is not None or event is None):
            positions = [] if traded is None else [self._lookups.position(user_id, traded)]
            execution = None if event is None else event.execution
            trades: list[Row] = []
            if execution is not None:
                trades = [{"instId": execution.order.symbol.name, "tradeId": trade_id(execution.trade_number)}]
            kind = "filled" if execution is not None else "transferred"
            self._tell(session, subscription, [self._whole(user_id, kind, positions, trades)])

    def _whole(self, user_id: int, kind: str, positions: list[Row], trades: list[Row]) -> Row:
        (balance,) = self._lookups.balance(user_id, {})
        details = balance["details"]
        assert isinstance(details, list)
        now = str(self._floor.clock.now_ms())
        return {
            "pTime": now,
            "eventType": kind,
            "balData": [{name: each[name] for name in ("ccy", "cashBal", "uTime")} for each in details],
            "posData": [{name: each[name] for name in _IN_SHORT} for each in positions],
            "trades": trades,
        }

    def _tell(self, session: Session, subscription: Subscription, rows: list[Row]) -> None:
        arg = {**subscription.arg, "uid": str(session.user_id)}
        self._publish(session, subscription.channel, {"arg": arg, "data": rows})
