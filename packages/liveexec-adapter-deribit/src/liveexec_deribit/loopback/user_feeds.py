"""Channels about an account: its orders, trades, changes and portfolio."""

from collections.abc import Iterable, Sequence

from liveexec_deribit.loopback.accounts import UserTrade
from liveexec_deribit.loopback.channels import Channel
from liveexec_deribit.loopback.effects import Effects
from liveexec_deribit.loopback.exchange import Exchange
from liveexec_deribit.loopback.feeds import Data
from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.portfolio import portfolio


class UserFeed:
    """``user.orders``, ``user.trades`` and ``user.changes`` of one account.

    Raw order channels bring one order a message, those with an interval a list (AsyncAPI document).
    """

    def __init__(self, exchange: Exchange, channel: Channel, user_id: int) -> None:
        self._exchange = exchange
        self._channel = channel
        self._account = exchange.account(user_id)
        self._orders: dict[str, dict[str, object]] = {}
        self._order_instruments: dict[str, Instrument] = {}
        self._trades: list[UserTrade] = []

    def opening(self) -> Iterable[Data]:
        """Nothing: these channels bring changes only."""
        return ()

    def take(self, effects: Effects) -> Iterable[Data]:
        """Keep what this account's orders and trades went through; raw channels tell it now."""
        for order in effects.orders.values():
            if order.user_id == self._account.user_id and self._channel.covers(order.instrument):
                self._orders[order.order_id] = order.wire()
                self._order_instruments[order.order_id] = order.instrument
        self._trades += [
            trade
            for trade in effects.trades
            if trade.user_id == self._account.user_id and self._channel.covers(trade.public.instrument)
        ]
        return self._due() if self._channel.interval == "raw" else ()

    def flush(self) -> Iterable[Data]:
        """What the interval gathered."""
        return self._due()

    def _due(self) -> Sequence[Data]:
        orders, self._orders = self._orders, {}
        instruments, self._order_instruments = self._order_instruments, {}
        trades, self._trades = self._trades, []
        if self._channel.family == "user.orders":
            if self._channel.interval == "raw":
                return list(orders.values())
            return [list(orders.values())] if orders else []
        if self._channel.family == "user.trades":
            return [[trade.wire() for trade in trades]] if trades else []
        named = {instrument.name: instrument for instrument in instruments.values()}
        named |= {trade.public.instrument.name: trade.public.instrument for trade in trades}
        return [
            {
                "instrument_name": name,
                "orders": [sent for order_id, sent in orders.items() if instruments[order_id].name == name],
                "trades": [trade.wire() for trade in trades if trade.public.instrument.name == name],
                "positions": self._positions(instrument, trades),
            }
            for name, instrument in named.items()
        ]

    def _positions(self, instrument: Instrument, trades: Sequence[UserTrade]) -> Sequence[Data]:
        if instrument.kind == "spot" or not any(trade.public.instrument is instrument for trade in trades):
            return []
        market = self._exchange.markets[instrument.name]
        position = self._account.position(instrument)
        margin = self._account.reservations.in_instrument(instrument)
        return [position.wire(mark=market.mark_price, index=market.index_price, open_orders_margin=margin)]


class PortfolioFeed:
    """``user.portfolio``: at once, and at the end of each interval in which something changed."""

    def __init__(self, exchange: Exchange, channel: Channel, user_id: int) -> None:
        self._exchange = exchange
        self._currency = channel.currency
        self._account = exchange.account(user_id)
        self._moved = False

    def opening(self) -> Iterable[Data]:
        """The figures as they are."""
        return self._figures()

    def take(self, effects: Effects) -> Iterable[Data]:
        """Orders, trades and marks move the figures."""
        self._moved = self._moved or self._account.user_id in effects.accounts or bool(effects.indexes)
        return ()

    def flush(self) -> Iterable[Data]:
        """The figures, if they have moved."""
        moved, self._moved = self._moved, False
        return self._figures() if moved else ()

    def _figures(self) -> Sequence[Data]:
        chosen = self._account.currencies() if self._currency == "any" else [self._currency]
        return [portfolio(self._exchange, self._account, currency) for currency in chosen]
