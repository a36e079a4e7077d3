"""Private topics: ``order``, ``execution``, ``position`` and ``wallet``, whole or of one category (``order.linear``).

Source: https://bybit-exchange.github.io/docs/v5/websocket/private.
"""

import itertools
from collections.abc import Callable, Iterable
from typing import Final

from liveexec.domain.instrument import ContractKind
from liveexec_nautilus.loopback.bybit.account_rows import position_message, wallet_row
from liveexec_nautilus.loopback.bybit.listings import CATEGORIES, Category, category_of
from liveexec_nautilus.loopback.bybit.lookups import Lookups
from liveexec_nautilus.loopback.bybit.wire import execution_message, order_message
from liveexec_nautilus.loopback.shared.events import BalanceMoved, FloorEvent, OrderChange, OrderChanged
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.sessions import Session

__all__ = ["PrivateStreams", "is_private_topic"]

Publish = Callable[[Session, str, object], None]

_FAMILIES: Final = ("order", "execution", "position", "wallet")


def is_private_topic(topic: str) -> bool:
    """Whether there is such a topic."""
    family, dot, category = topic.partition(".")
    return family in _FAMILIES and (not dot or (family != "wallet" and category in CATEGORIES))


class PrivateStreams:
    """What accounts are told of themselves. Each message holds one element."""

    def __init__(self, floor: Floor, lookups: Lookups, publish: Publish) -> None:
        self._floor = floor
        self._lookups = lookups
        self._publish = publish
        self._numbers = itertools.count(1)

    def on_event(self, event: FloorEvent, sessions: Callable[[int], Iterable[Session]]) -> None:
        """Tell an account's sessions what became of its orders and its coins."""
        if isinstance(event, BalanceMoved):
            self._tell_wallet(event.user_id, list(sessions(event.user_id)))
        if not isinstance(event, OrderChanged):
            return
        order, symbol = event.order, event.order.symbol
        told, category = list(sessions(order.user_id)), category_of(symbol)
        if not told:
            return
        mark = self._floor.market.mark(symbol.name)
        if event.execution is not None:
            self._tell(told, "execution", category, execution_message(event.execution, mark))
        self._tell(told, "order", category, order_message(order, mark))
        if event.change is OrderChange.TRADE and symbol.kind is not ContractKind.SPOT:
            position = self._floor.position(order.user_id, symbol.name)
            self._tell(told, "position", category, position_message(symbol, position, mark))
        self._tell_wallet(order.user_id, told)

    def _tell_wallet(self, user_id: int, sessions: Iterable[Session]) -> None:
        self._tell(sessions, "wallet", None, wallet_row(self._lookups.coins(user_id)))

    def _tell(
        self, sessions: Iterable[Session], family: str, category: Category | None, data: dict[str, object]
    ) -> None:
        now_ms = self._floor.clock.now_ms()
        for session in sessions:
            for topic in (family, f"{family}.{category}"):
                if topic in session.topics:
                    identifier = f"{session.session_id}_{next(self._numbers)}"
                    message = {"id": identifier, "topic": topic, "creationTime": now_ms, "data": [data]}
                    self._publish(session, topic, message)
