"""Exchanges without a transport: a clock that stands still, and what was published."""

from decimal import Decimal
from typing import Any

import attrs
from hypothesis import settings

from liveexec_deribit.loopback.accounts import Account, UserTrade
from liveexec_deribit.loopback.clock import VenueClock
from liveexec_deribit.loopback.config import VenueConfig
from liveexec_deribit.loopback.effects import Effects
from liveexec_deribit.loopback.exchange import Exchange
from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.orders import Direction, Order
from liveexec_deribit.loopback.requests import OrderRequest

#: The same examples every time, however slow the machine.
STEADY = settings(deadline=None, derandomize=True)

#: 2026-05-20 12:00 UTC.
_START_NS = 1_779_278_400_000_000_000


@attrs.define
class Desk:
    """One exchange with accounts 1001 and 1002."""

    exchange: Exchange
    published: list[Effects]

    @property
    def perpetual(self) -> Instrument:
        """The inverse perpetual."""
        return self.exchange.markets["BTC-PERPETUAL"].instrument

    @property
    def first(self) -> Account:
        """Account 1001."""
        return self.exchange.accounts[1001]

    @property
    def second(self) -> Account:
        """Account 1002."""
        return self.exchange.accounts[1002]

    def place(
        self,
        account: Account,
        direction: Direction,
        amount: Decimal | int,
        price: Decimal | int | None = None,
        instrument: Instrument | None = None,
        **more: Any,
    ) -> tuple[Order, list[UserTrade]]:
        """Submit an order; a market order without a price."""
        request = OrderRequest(
            instrument=self.perpetual if instrument is None else instrument,
            direction=direction,
            amount=Decimal(amount),
            price=None if price is None else Decimal(price),
            **{"order_type": "market" if price is None else "limit"} | more,
        )
        order, trades = self.exchange.submit(account, request)
        return order, list(trades)

    def levels(self, direction: Direction) -> list[tuple[Decimal, Decimal]]:
        """The perpetual's prices and amounts of a side."""
        return self.exchange.markets["BTC-PERPETUAL"].book.levels(direction)


def make_desk(config: VenueConfig | None = None) -> Desk:
    """An exchange whose clock moves when it is told to."""
    published: list[Effects] = []
    clock = VenueClock(lambda: _START_NS)
    return Desk(Exchange(VenueConfig() if config is None else config, clock, published.append), published)
