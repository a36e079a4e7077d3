"""What one request changed, collected so that channels can tell it once, after the request."""

from collections.abc import Callable
from decimal import Decimal

import attrs

from liveexec_deribit.loopback.accounts import UserTrade
from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.market import Market
from liveexec_deribit.loopback.orders import Direction, Order
from liveexec_deribit.loopback.tape import PublicTrade


@attrs.define(eq=False)
class Effects:
    """Orders that changed (in the order they first did), trades, and markets whose book or prices moved.

    ``levels`` are the sides and prices of each moved market whose amount may have changed; ``locks`` and ``states`` are
    indexes locked or not, and instruments with their new state.
    """

    orders: dict[str, Order] = attrs.field(factory=dict)
    trades: list[UserTrade] = attrs.field(factory=list)
    public: list[PublicTrade] = attrs.field(factory=list)
    markets: dict[str, Market] = attrs.field(factory=dict)
    indexes: set[str] = attrs.field(factory=set)
    accounts: set[int] = attrs.field(factory=set)
    levels: dict[str, set[tuple[Direction, Decimal]]] = attrs.field(factory=dict)
    locks: list[tuple[str, bool]] = attrs.field(factory=list)
    states: list[tuple[Instrument, str]] = attrs.field(factory=list)

    def order(self, order: Order) -> None:
        """An order has a new state or new figures."""
        self.orders[order.order_id] = order
        self.accounts.add(order.user_id)

    def trade(self, trade: UserTrade) -> None:
        """An account has traded."""
        self.trades.append(trade)
        self.accounts.add(trade.user_id)

    def market(self, market: Market) -> None:
        """A book or a price has moved."""
        self.markets[market.instrument.name] = market


Publish = Callable[[Effects], None]
