"""Subscriptions: who listens to what, and telling them."""

from collections.abc import Callable, Iterable
from typing import Final

import attrs

from liveexec_deribit.loopback.book_feeds import BookFeed, GroupedBookFeed
from liveexec_deribit.loopback.channels import Channel, parse_channel
from liveexec_deribit.loopback.effects import Effects
from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.exchange import Exchange
from liveexec_deribit.loopback.feeds import Data, Feed
from liveexec_deribit.loopback.market_feeds import ChartFeed, IndexFeed, MarketFeed, StateFeed, TradesFeed
from liveexec_deribit.loopback.session import Session
from liveexec_deribit.loopback.user_feeds import PortfolioFeed, UserFeed

#: Public channels whose raw interval is for authenticated connections only.
_RAW_NEEDS_LOGIN: Final = frozenset({"book", "ticker", "trades", "perpetual"})

Send = Callable[[Session, str, Data], None]


@attrs.frozen(eq=False)
class Subscription:
    """One session's subscription to one channel."""

    session: Session
    channel: Channel
    feed: Feed

    @property
    def flush_interval(self) -> str:
        """When it is flushed: portfolios every 100 ms, the others by their interval, raw ones never."""
        return "100ms" if self.channel.family == "user.portfolio" else self.channel.interval


class Hub:
    """All subscriptions, in the order they were made: that is the order in which they are told of the same thing."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._subscriptions: dict[tuple[int, str], Subscription] = {}

    def subscribe(self, exchange: Exchange, session: Session, names: Iterable[str], *, private: bool) -> list[str]:
        """Subscribe to what there is; returns the names that were taken, as the venue does.

        Private channels need ``private/subscribe`` and are passed over otherwise. Raw market data needs a connection
        that has authenticated (13778).
        """
        taken = []
        for name in names:
            channel = parse_channel(name, exchange.markets, exchange.indexes)
            if channel is None or (channel.is_private and (not private or session.user_id is None)):
                continue
            if channel.family in _RAW_NEEDS_LOGIN and channel.interval == "raw" and session.grant is None:
                raise VenueError("raw_subscriptions_not_available_for_unauthorized")
            taken.append(name)
            if (session.session_id, name) in self._subscriptions:
                continue
            subscription = Subscription(session, channel, feed_of(exchange, channel, session.user_id))
            self._subscriptions[session.session_id, name] = subscription
            self._tell(subscription, subscription.feed.opening())
        return taken

    def unsubscribe(self, session: Session, names: Iterable[str]) -> list[str]:
        """End subscriptions; returns those that there were."""
        return [name for name in names if self._subscriptions.pop((session.session_id, name), None) is not None]

    def unsubscribe_all(self, session: Session, *, private: bool | None = None) -> None:
        """End all of a session's, or its private or public ones."""
        for key, subscription in list(self._subscriptions.items()):
            if subscription.session is session and private in {None, subscription.channel.is_private}:
                del self._subscriptions[key]

    def of(self, session: Session) -> list[str]:
        """The channels of a session."""
        return [name for session_id, name in self._subscriptions if session_id == session.session_id]

    def publish(self, effects: Effects) -> None:
        """Tell of what happened."""
        for subscription in list(self._subscriptions.values()):
            self._tell(subscription, subscription.feed.take(effects))

    def flush(self, interval: str) -> None:
        """Tell what an interval gathered."""
        for subscription in list(self._subscriptions.values()):
            if subscription.flush_interval == interval:
                self._tell(subscription, subscription.feed.flush())

    def _tell(self, subscription: Subscription, due: Iterable[Data]) -> None:
        for data in due:
            self._send(subscription.session, subscription.channel.name, data)


def feed_of(exchange: Exchange, channel: Channel, user_id: int | None) -> Feed:
    """The feed of a channel; private ones need whose it is."""
    if channel.is_private:
        assert user_id is not None
        if channel.family == "user.portfolio":
            return PortfolioFeed(exchange, channel, user_id)
        return UserFeed(exchange, channel, user_id)
    match channel.family:
        case "book":
            return BookFeed(exchange, channel)
        case "book.grouped":
            return GroupedBookFeed(exchange, channel)
        case "trades":
            return TradesFeed(channel)
        case "chart":
            return ChartFeed(exchange, channel)
        case "deribit_price_index":
            return IndexFeed(exchange, channel)
        case "platform_state" | "instrument.state":
            return StateFeed(exchange, channel)
    return MarketFeed(exchange, channel)
