"""Channels about a book: every level and its changes, or the best levels grouped."""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from liveexec_deribit.loopback.channels import Channel
from liveexec_deribit.loopback.effects import Effects
from liveexec_deribit.loopback.exchange import Exchange
from liveexec_deribit.loopback.feeds import Data
from liveexec_deribit.loopback.orders import Direction

_SIDES: tuple[Direction, Direction] = ("buy", "sell")


class BookFeed:
    """``book.INSTRUMENT.INTERVAL``: a snapshot, then what changed, each message naming the change before it.

    It remembers the amounts that it has told, so that a message holds exactly the difference, whatever its interval.
    """

    def __init__(self, exchange: Exchange, channel: Channel) -> None:
        assert channel.instrument is not None
        self._exchange = exchange
        self._market = exchange.market(channel.instrument)
        self._is_raw = channel.interval == "raw"
        self._told: dict[tuple[Direction, Decimal], Decimal] = {}
        self._told_id = 0
        self._moved: set[tuple[Direction, Decimal]] = set()

    def opening(self) -> Iterable[Data]:
        """The whole book."""
        book = self._market.book
        self._told = {
            (side, price): amount
            for side in _SIDES
            for price, amount in book.levels(side)
        }  # fmt: skip
        self._told_id = book.change_id
        return [
            self._head("snapshot")
            | {
                "change_id": book.change_id,
                "bids": [("new", price, amount) for price, amount in book.levels("buy")],
                "asks": [("new", price, amount) for price, amount in book.levels("sell")],
            }
        ]

    def take(self, effects: Effects) -> Iterable[Data]:
        """Keep the prices whose amount moved; raw channels tell them now."""
        self._moved |= effects.levels.get(self._market.instrument.name, set())
        return self.flush() if self._is_raw else ()

    def flush(self) -> Iterable[Data]:
        """The difference to what was told."""
        moved, self._moved = self._moved, set()
        changes: dict[Direction, list[tuple[str, Decimal, Decimal]]] = {"buy": [], "sell": []}
        for side, price in sorted(moved):
            before, now = self._told.get((side, price)), self._market.book.amount_at(side, price)
            if not now:
                if before is not None:
                    del self._told[side, price]
                    changes[side].append(("delete", price, Decimal(0)))
            elif now != before:
                self._told[side, price] = now
                changes[side].append(("new" if before is None else "change", price, now))
        if not changes["buy"] and not changes["sell"]:
            return ()
        previous, self._told_id = self._told_id, self._market.book.change_id
        return [
            self._head("change")
            | {
                "prev_change_id": previous,
                "change_id": self._told_id,
                "bids": changes["buy"],
                "asks": changes["sell"],
            }
        ]

    def _head(self, kind: str) -> dict[str, object]:
        return {
            "type": kind,
            "timestamp": self._exchange.clock.now_ms(),
            "instrument_name": self._market.instrument.name,
        }


class GroupedBookFeed:
    """``book.INSTRUMENT.GROUP.DEPTH.INTERVAL``: the best levels, whole, prices rounded away from the middle."""

    def __init__(self, exchange: Exchange, channel: Channel) -> None:
        assert channel.instrument is not None
        self._exchange = exchange
        self._market = exchange.market(channel.instrument)
        self._group = channel.group
        self._depth = channel.depth
        self._told_id: int | None = None

    def opening(self) -> Iterable[Data]:
        """The levels as they are."""
        return self.flush()

    def take(self, effects: Effects) -> Iterable[Data]:  # noqa: ARG002 - it looks at the book when its interval ends
        """Nothing: it has an interval."""
        return ()

    def flush(self) -> Iterable[Data]:
        """The levels, if the book has changed."""
        book = self._market.book
        if book.change_id == self._told_id:
            return ()
        self._told_id = book.change_id
        return [
            {
                "timestamp": self._exchange.clock.now_ms(),
                "instrument_name": self._market.instrument.name,
                "change_id": book.change_id,
                "bids": self._grouped("buy", ROUND_FLOOR),
                "asks": self._grouped("sell", ROUND_CEILING),
            }
        ]

    def _grouped(self, side: Direction, rounding: str) -> list[tuple[Decimal, Decimal]]:
        levels = self._market.book.levels(side)
        if self._group is not None:
            step = self._group * self._market.instrument.tick_size
            sums: dict[Decimal, Decimal] = {}
            for price, amount in levels:
                rounded_price = (price / step).to_integral_value(rounding) * step
                sums[rounded_price] = sums.get(rounded_price, Decimal(0)) + amount
            levels = list(sums.items())
        return levels[: self._depth]
