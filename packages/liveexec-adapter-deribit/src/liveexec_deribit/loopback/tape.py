"""The tape: public trades, and the figures of their last day."""

from collections import deque
from decimal import Decimal
from typing import Final

import attrs

from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.orders import Direction, rounded

_DAY_MS: Final = 24 * 3_600 * 1_000
_ZERO = Decimal(0)


@attrs.frozen(kw_only=True)
class PublicTrade:
    """A trade as everybody sees it; ``direction`` is the taker's."""

    trade_id: str
    trade_seq: int
    instrument: Instrument
    at_ms: int
    price: Decimal
    amount: Decimal
    direction: Direction
    tick_direction: int
    index_price: Decimal
    mark_price: Decimal

    @property
    def coins(self) -> Decimal:
        """The amount in the base currency."""
        return self.amount / self.price if self.instrument.amount_in_dollars else self.amount

    @property
    def dollars(self) -> Decimal:
        """What it was worth in the counter currency."""
        if self.instrument.amount_in_dollars:
            return self.amount
        value = self.amount * self.price
        return value * self.index_price if self.instrument.kind == "option" and self.instrument.inverse else value

    def wire(self) -> dict[str, object]:
        """As ``trades.*`` and ``public/get_last_trades_by_instrument`` carry it."""
        sent: dict[str, object] = {
            "trade_id": self.trade_id,
            "trade_seq": self.trade_seq,
            "instrument_name": self.instrument.name,
            "timestamp": self.at_ms,
            "price": self.price,
            "amount": self.amount,
            "contracts": rounded(self.instrument.contracts(self.amount)),
            "direction": self.direction,
            "tick_direction": self.tick_direction,
            "index_price": self.index_price,
            "mark_price": rounded(self.mark_price),
        }
        if self.instrument.kind == "option":
            sent["iv"] = Decimal(50)
        return sent


class DayStats:
    """Running figures of the last day's trades."""

    def __init__(self) -> None:
        self._trades: deque[PublicTrade] = deque()
        self._coins = self._dollars = _ZERO
        self._high: Decimal | None = None
        self._low: Decimal | None = None

    def add(self, trade: PublicTrade) -> None:
        """Count a trade in."""
        self._trades.append(trade)
        self._coins += trade.coins
        self._dollars += trade.dollars
        self._high = trade.price if self._high is None else max(self._high, trade.price)
        self._low = trade.price if self._low is None else min(self._low, trade.price)

    def wire(self, now_ms: int) -> dict[str, object]:
        """As ``stats`` of tickers; trades older than a day no longer count."""
        self._forget(now_ms - _DAY_MS)
        change = None
        if self._trades:
            change = rounded((self._trades[-1].price / self._trades[0].price - 1) * 100)
        return {
            "high": self._high,
            "low": self._low,
            "price_change": change,
            "volume": rounded(self._coins),
            "volume_usd": rounded(self._dollars),
            "volume_notional": rounded(self._dollars),
        }

    def _forget(self, until_ms: int) -> None:
        gone = False
        while self._trades and self._trades[0].at_ms <= until_ms:
            trade = self._trades.popleft()
            self._coins -= trade.coins
            self._dollars -= trade.dollars
            gone = True
        if gone:
            self._high = max((trade.price for trade in self._trades), default=None)
            self._low = min((trade.price for trade in self._trades), default=None)


def tick_direction(before: PublicTrade | None, price: Decimal) -> int:
    """0 up, 1 level after an up, 2 down, 3 level after a down."""
    if before is None or price > before.price:
        return 0
    if price < before.price:
        return 2
    return 1 if before.tick_direction in {0, 1} else 3
