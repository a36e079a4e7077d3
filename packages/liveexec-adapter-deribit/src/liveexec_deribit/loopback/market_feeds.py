"""Channels about a market or the platform: tickers, quotes, trades, candles, indexes and states."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from liveexec_deribit.loopback.channels import Channel
from liveexec_deribit.loopback.effects import Effects
from liveexec_deribit.loopback.exchange import Exchange
from liveexec_deribit.loopback.feeds import Data
from liveexec_deribit.loopback.market import Market


class MarketFeed:
    """``ticker``, ``quote`` and ``perpetual``: the figures whole, when they have moved."""

    def __init__(self, exchange: Exchange, channel: Channel) -> None:
        assert channel.instrument is not None
        self._exchange = exchange
        self._channel = channel
        self._market = exchange.market(channel.instrument)
        self._moved = False
        self._told: object = None

    def opening(self) -> Iterable[Data]:
        """The figures as they are."""
        return self._figures()

    def take(self, effects: Effects) -> Iterable[Data]:
        """Raw channels tell at once that something moved."""
        if self._market.instrument.name in effects.markets:
            self._moved = True
        return self.flush() if self._channel.interval == "raw" else ()

    def flush(self) -> Iterable[Data]:
        """The figures, if they have moved."""
        moved, self._moved = self._moved, False
        return self._figures() if moved else ()

    def _figures(self) -> Sequence[Data]:
        now = self._exchange.clock.now_ms()
        if self._channel.family == "ticker":
            return [self._market.ticker(now)]
        if self._channel.family == "perpetual":
            return [{"index_price": self._market.index_price, "interest": Decimal(0), "timestamp": now}]
        quote = self._market.quote(now)
        compared = {name: value for name, value in quote.items() if name != "timestamp"}
        if compared == self._told:
            return []
        self._told = compared
        return [quote]


class TradesFeed:
    """``trades``: the tape."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._kept: list[dict[str, object]] = []

    def opening(self) -> Iterable[Data]:
        """Nothing: what happens from now on."""
        return ()

    def take(self, effects: Effects) -> Iterable[Data]:
        """Keep trades; raw channels tell them now."""
        self._kept += [trade.wire() for trade in effects.public if self._channel.covers(trade.instrument)]
        return self.flush() if self._channel.interval == "raw" else ()

    def flush(self) -> Iterable[Data]:
        """The trades of the interval."""
        kept, self._kept = self._kept, []
        return [kept] if kept else ()


class ChartFeed:
    """``chart.trades``: the running candle, whenever a trade changed it."""

    def __init__(self, exchange: Exchange, channel: Channel) -> None:
        assert channel.instrument is not None
        self._exchange = exchange
        self._width_ms = channel.width_ms
        self._market: Market = exchange.market(channel.instrument)

    def opening(self) -> Iterable[Data]:
        """The running candle, if it has traded."""
        return self._candle()

    def take(self, effects: Effects) -> Iterable[Data]:
        """The candle, if it traded."""
        if any(trade.instrument is self._market.instrument for trade in effects.public):
            return self._candle()
        return ()

    def flush(self) -> Iterable[Data]:
        """Nothing: it tells at once."""
        return ()

    def _candle(self) -> Sequence[Data]:
        now = self._exchange.clock.now_ms()
        candles = self._market.candles(now, now, self._width_ms)
        return [candle | {"status": "ok"} for candle in candles[-1:]]


class IndexFeed:
    """``deribit_price_index``."""

    def __init__(self, exchange: Exchange, channel: Channel) -> None:
        assert channel.index is not None
        self._exchange = exchange
        self._index = channel.index

    def opening(self) -> Iterable[Data]:
        """The index as it is."""
        return self._price()

    def take(self, effects: Effects) -> Iterable[Data]:
        """The index, if it was set."""
        return self._price() if self._index in effects.indexes else ()

    def flush(self) -> Iterable[Data]:
        """Nothing: it tells at once."""
        return ()

    def _price(self) -> Sequence[Data]:
        price = self._exchange.indexes[self._index]
        return [{"timestamp": self._exchange.clock.now_ms(), "index_name": self._index, "price": price}]


class StateFeed:
    """``platform_state`` and ``instrument.state``: locks of indexes, and instruments that open or close."""

    def __init__(self, exchange: Exchange, channel: Channel) -> None:
        self._exchange = exchange
        self._channel = channel

    def opening(self) -> Iterable[Data]:
        """Nothing: changes only."""
        return ()

    def take(self, effects: Effects) -> Iterable[Data]:
        """What was locked, unlocked, opened or closed."""
        if self._channel.family == "platform_state":
            return [{"price_index": index, "locked": locked} for index, locked in effects.locks]
        return [
            {"timestamp": self._exchange.clock.now_ms(), "state": state, "instrument_name": instrument.name}
            for instrument, state in effects.states
            if self._channel.covers(instrument)
        ]

    def flush(self) -> Iterable[Data]:
        """Nothing: it tells at once."""
        return ()
