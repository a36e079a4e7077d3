"""Channels: which there are, on which socket, and what an ``arg`` names.

A subscription is kept under one text: ``CHANNEL:instType:instFamily:instId`` without what is empty, such as
``orders:SWAP`` or ``books:BTC-USDT-SWAP``. Faults know a channel by its bare name.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from liveexec_nautilus.loopback.okx.errors import OkxError
from liveexec_nautilus.loopback.okx.listings import INSTRUMENT_TYPES, family_of, type_of
from liveexec_nautilus.loopback.okx.params import Listings, Params, word
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["BOOK_DEPTHS", "INCREMENTAL_BOOKS", "Subscription", "parse_subscription"]

#: Levels a side of each book channel.
BOOK_DEPTHS: Final = MappingProxyType(
    {"bbo-tbt": 1, "books5": 5, "books": 400, "books-l2-tbt": 400, "books50-l2-tbt": 50}
)
#: Those that tell what changed after a snapshot; the others tell everything each time.
INCREMENTAL_BOOKS: Final = frozenset({"books", "books-l2-tbt", "books50-l2-tbt"})

#: By socket: channels and what they must name.
_CHANNELS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "public": MappingProxyType(
            dict.fromkeys((*BOOK_DEPTHS, "tickers", "trades", "mark-price", "funding-rate", "price-limit"), ("instId",))
            | {
                "index-tickers": ("instId",),
                "open-interest": ("instId",),
                "instruments": ("instType",),
                "opt-summary": ("instFamily",),
                "estimated-price": ("instType",),
                "status": (),
            }
        ),
        "private": MappingProxyType(
            {
                "orders": ("instType",),
                "positions": ("instType",),
                "account": (),
                "balance_and_position": (),
                "liquidation-warning": ("instType",),
                "account-greeks": (),
            }
        ),
        "business": MappingProxyType({"orders-algo": ("instType",), "algo-advance": ("instType",)}),
    }
)
_VIP_ONLY: Final = frozenset({"fills"})
#: What is about instruments that are not listed here: an index has a name of its own.
_UNLISTED: Final = frozenset({"index-tickers"})
_NEEDS_LOG_IN: Final = frozenset({"private", "business"})


@frozen
class Subscription:
    """One channel with what its ``arg`` names; ``arg`` is told back as it came."""

    channel: str
    instrument_type: str
    family: str
    instrument: str
    arg: Mapping[str, object]

    @property
    def topic(self) -> str:
        """The text that a session keeps it under."""
        return ":".join(filter(None, (self.channel, self.instrument_type, self.family, self.instrument)))

    def fits(self, symbol: SymbolConfig) -> bool:
        """Whether an instrument is among those that it names."""
        return (
            self.instrument_type in {"", "ANY", type_of(symbol)}
            and self.family in {"", family_of(symbol)}
            and self.instrument in {"", symbol.name}
        )


def parse_subscription(socket: str, arg: Params, listings: Listings, *, logged_in: bool) -> Subscription:
    """What an ``arg`` subscribes to on a socket (public, private or business).

    Raises:
        OkxError: 60011, 60012, 60018 or 60029.
    """
    channel = word(arg, "channel")
    if channel in _VIP_ONLY and socket == "private":
        raise OkxError("60029")
    needed = _CHANNELS[socket].get(channel)
    if needed is None:
        raise OkxError("60018", f"channel:{channel}")
    if socket in _NEEDS_LOG_IN and not logged_in:
        raise OkxError("60011")
    for name in needed:
        if not word(arg, name):
            raise OkxError("60012", f"{name} is missing")
    found = Subscription(channel, word(arg, "instType"), word(arg, "instFamily"), word(arg, "instId"), dict(arg))
    if found.instrument_type not in {"", "ANY", "MARGIN", *INSTRUMENT_TYPES}:
        raise OkxError("60018", f"channel:{channel},instType:{found.instrument_type}")
    if found.instrument and channel not in _UNLISTED and listings.named(found.instrument) is None:
        raise OkxError("60018", f"channel:{channel},instId:{found.instrument}")
    return found
