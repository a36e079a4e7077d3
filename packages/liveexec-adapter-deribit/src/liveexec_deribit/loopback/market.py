"""Prices that are not anybody's order: indexes, marks, the tape of public trades, and the figures made of them."""

from collections import deque
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from liveexec_deribit.loopback.book import OrderBook
from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.orders import Direction, Trigger, rounded
from liveexec_deribit.loopback.tape import DayStats, PublicTrade, tick_direction

_TAPE: Final = 100_000
_ZERO = Decimal(0)


class Market:
    """One instrument's book and tape. ``is_active`` is False once it has expired or was closed."""

    def __init__(self, instrument: Instrument, indexes: Mapping[str, Decimal], band: Decimal) -> None:
        self.instrument = instrument
        self.book = OrderBook()
        self.tape: deque[PublicTrade] = deque(maxlen=_TAPE)
        self.is_active = True
        self.mark_override: Decimal | None = None
        self.open_interest = _ZERO
        self._indexes = indexes
        self._band = band
        self._trade_seq = 0
        self._day = DayStats()

    @property
    def index_price(self) -> Decimal:
        """The index of the underlying."""
        return self._indexes[self.instrument.index_name]

    @property
    def last_price(self) -> Decimal | None:
        """The price of the last trade."""
        return self.tape[-1].price if self.tape else None

    @property
    def mark_price(self) -> Decimal:
        """What was set, else the middle of the book, else the last trade, else a guess from the index."""
        if self.mark_override is not None:
            return self.mark_override
        bid, ask = self.book.best_price("buy"), self.book.best_price("sell")
        if bid is not None and ask is not None:
            return (bid + ask) / 2
        if self.last_price is not None:
            return self.last_price
        if self.instrument.kind == "option":
            return Decimal("0.05") if self.instrument.inverse else self.index_price / 20
        return self.index_price

    def reference(self, trigger: Trigger) -> Decimal:
        """The price that a trigger looks at."""
        if trigger == "index_price":
            return self.index_price
        if trigger == "last_price" and self.last_price is not None:
            return self.last_price
        return self.mark_price

    def bound(self, direction: Direction) -> Decimal:
        """The furthest price that an order may take at, on a tick: ``max_price`` for buys, ``min_price`` for sells."""
        mark = self.mark_price
        if direction == "buy":
            raw, rounding = mark * (1 + self._band), ROUND_FLOOR
        else:
            raw, rounding = mark * (1 - self._band), ROUND_CEILING
        tick = self.instrument.tick_at(raw)
        return max(tick, (raw / tick).to_integral_value(rounding) * tick)

    def print(self, *, trade_id: str, at_ms: int, price: Decimal, amount: Decimal, direction: Direction) -> PublicTrade:
        """Put a trade on the tape."""
        before = self.tape[-1] if self.tape else None
        mark = self.mark_price
        self._trade_seq += 1
        trade = PublicTrade(
            trade_id=trade_id,
            trade_seq=self._trade_seq,
            instrument=self.instrument,
            at_ms=at_ms,
            price=price,
            amount=amount,
            direction=direction,
            tick_direction=tick_direction(before, price),
            index_price=self.index_price,
            mark_price=mark,
        )
        self.tape.append(trade)
        self._day.add(trade)
        return trade

    def stats(self, now_ms: int) -> dict[str, object]:
        """High, low, change in percent and volumes of the last day."""
        return self._day.wire(now_ms)

    def ticker(self, now_ms: int) -> dict[str, object]:
        """As ``ticker.*`` and ``public/ticker`` carry it."""
        bid, ask = self.book.best("buy"), self.book.best("sell")
        sent: dict[str, object] = {
            "timestamp": now_ms,
            "instrument_name": self.instrument.name,
            "state": "open" if self.is_active else "closed",
            "stats": self.stats(now_ms),
            "index_price": self.index_price,
            "mark_price": rounded(self.mark_price),
            "last_price": self.last_price,
            "settlement_price": rounded(self.mark_price),
            "estimated_delivery_price": self.index_price,
            "min_price": self.bound("sell"),
            "max_price": self.bound("buy"),
            "open_interest": self.open_interest,
            "best_bid_price": _ZERO if bid is None else bid.price,
            "best_bid_amount": _ZERO if bid is None else bid.amount,
            "best_ask_price": _ZERO if ask is None else ask.price,
            "best_ask_amount": _ZERO if ask is None else ask.amount,
        }
        if self.instrument.settlement_period == "perpetual" and self.instrument.kind == "future":
            sent |= {"current_funding": _ZERO, "funding_8h": _ZERO, "interest_value": _ZERO}
        if self.instrument.kind == "option":
            sent |= {
                "mark_iv": Decimal(50),
                "bid_iv": Decimal(50 if bid else 0),
                "ask_iv": Decimal(50 if ask else 0),
                "interest_rate": _ZERO,
                "underlying_index": "index_price",
                "underlying_price": self.index_price,
                "greeks": dict.fromkeys(("delta", "gamma", "vega", "theta", "rho"), _ZERO),
            }
        return sent

    def order_book(self, depth: int, now_ms: int) -> dict[str, object]:
        """As ``public/get_order_book`` answers it: the ticker with the levels and the change they are of."""
        return self.ticker(now_ms) | {
            "change_id": self.book.change_id,
            "bids": self.book.levels("buy", depth),
            "asks": self.book.levels("sell", depth),
        }

    def quote(self, now_ms: int) -> dict[str, object]:
        """As ``quote.*`` carries it; nought where a side is empty."""
        bid, ask = self.book.best("buy"), self.book.best("sell")
        return {
            "timestamp": now_ms,
            "instrument_name": self.instrument.name,
            "best_bid_price": _ZERO if bid is None else bid.price,
            "best_bid_amount": _ZERO if bid is None else bid.amount,
            "best_ask_price": _ZERO if ask is None else ask.price,
            "best_ask_amount": _ZERO if ask is None else ask.amount,
        }

    def candles(self, start_ms: int, end_ms: int, width_ms: int) -> list[dict[str, object]]:
        """Open, high, low, close, volume and cost of every interval that traded, by when it began."""
        grouped: dict[int, list[PublicTrade]] = {}
        for trade in self.tape:
            tick = trade.at_ms // width_ms * width_ms
            if start_ms // width_ms * width_ms <= tick <= end_ms:
                grouped.setdefault(tick, []).append(trade)
        return [
            {
                "tick": tick,
                "open": trades[0].price,
                "high": max(trade.price for trade in trades),
                "low": min(trade.price for trade in trades),
                "close": trades[-1].price,
                "volume": rounded(sum((trade.coins for trade in trades), _ZERO)),
                "cost": rounded(sum((trade.dollars for trade in trades), _ZERO)),
            }
            for tick, trades in sorted(grouped.items())
        ]
