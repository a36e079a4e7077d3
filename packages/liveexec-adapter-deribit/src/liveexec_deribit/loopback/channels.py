"""Names of channels, and which of them there are (the venue's AsyncAPI document)."""

from collections.abc import Collection
from decimal import Decimal
from typing import Final

import attrs

from liveexec_deribit.loopback.instruments import Instrument

_INTERVALS: Final = frozenset({"raw", "100ms", "agg2"})
_KINDS: Final = frozenset({"any", "future", "option", "spot", "combo", "future_combo", "option_combo"})
_GROUPS: Final = frozenset({"none", "1", "2", "5", "10", "25", "100", "250"})
_DEPTHS: Final = frozenset({"1", "10", "20"})
_RESOLUTIONS: Final = {name: int(name) * 60_000 for name in ("1", "3", "5", "10", "15", "30", "60", "120", "180",
                                                             "360", "720")} | {"1D": 86_400_000}  # fmt: skip


@attrs.frozen(kw_only=True)
class Channel:
    """A channel that a client may subscribe to.

    ``instrument`` is a name, or None where ``kind`` and ``currency`` choose; ``interval`` is ``raw``, ``100ms`` or
    ``agg2``; ``group`` and ``depth`` are those of grouped books.
    """

    name: str
    family: str
    instrument: str | None = None
    kind: str = "any"
    currency: str = "any"
    index: str | None = None
    interval: str = "raw"
    group: Decimal | None = None
    depth: int | None = None
    width_ms: int = 0

    @property
    def is_private(self) -> bool:
        """Whether it is about an account."""
        return self.family.startswith("user.")

    def covers(self, instrument: Instrument) -> bool:
        """Whether it tells of this instrument."""
        if self.instrument is not None:
            return self.instrument == instrument.name
        return self.kind in {"any", instrument.kind} and self.currency in {"any", instrument.currency}


def resolution_ms(name: str) -> int | None:
    """The width of a candle; None for what the venue has no candles of."""
    return _RESOLUTIONS.get(name)


def parse_channel(name: str, instruments: Collection[str], indexes: Collection[str]) -> Channel | None:
    """The channel of a name, or None for one that this venue does not have."""
    match name.split("."):
        case ["user", ("orders" | "trades" | "changes") as what, instrument, interval]:
            return _of_instrument(name, f"user.{what}", instrument, interval, instruments)
        case ["user", ("orders" | "trades" | "changes") as what, kind, currency, interval]:
            return _of_kind(name, f"user.{what}", kind, currency, interval)
        case ["user", "portfolio", currency]:
            return Channel(
                name=name, family="user.portfolio", currency=currency.upper() if currency != "any" else "any"
            )
        case ["book", instrument, group, depth, interval]:
            if instrument not in instruments or group not in _GROUPS or depth not in _DEPTHS:
                return None
            # Grouped books come every 100 ms or once per agg2; the venue has no raw ones.
            if interval not in {"100ms", "agg2"}:
                return None
            return Channel(name=name, family="book.grouped", instrument=instrument, interval=interval,
                           group=None if group == "none" else Decimal(group), depth=int(depth))  # fmt: skip
        case ["book" | "ticker" as family, instrument, interval]:
            return _of_instrument(name, family, instrument, interval, instruments)
        case ["trades", kind, currency, interval]:
            return _of_kind(name, "trades", kind, currency, interval)
        case ["trades" | "perpetual" as family, instrument, interval]:
            return _of_instrument(name, family, instrument, interval, instruments)
        case ["quote" as family, instrument] if instrument in instruments:
            return Channel(name=name, family=family, instrument=instrument)
        case ["deribit_price_index", index] if index in indexes:
            return Channel(name=name, family="deribit_price_index", index=index)
        case ["chart", "trades", instrument, resolution] if instrument in instruments and resolution in _RESOLUTIONS:
            return Channel(name=name, family="chart", instrument=instrument, width_ms=_RESOLUTIONS[resolution])
        case ["instrument", "state", kind, currency] if kind in _KINDS:
            return Channel(name=name, family="instrument.state", kind=kind, currency=currency)
        case ["platform_state"]:
            return Channel(name=name, family="platform_state")
    return None


def _of_instrument(name: str, family: str, instrument: str, interval: str, known: Collection[str]) -> Channel | None:
    if instrument not in known or interval not in _INTERVALS:
        return None
    return Channel(name=name, family=family, instrument=instrument, interval=interval)


def _of_kind(name: str, family: str, kind: str, currency: str, interval: str) -> Channel | None:
    if kind not in _KINDS or interval not in _INTERVALS:
        return None
    return Channel(name=name, family=family, kind=kind, currency=currency, interval=interval)
