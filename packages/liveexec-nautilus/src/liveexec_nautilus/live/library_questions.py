"""Questions to a venue through NautilusTrader's own HTTP client for it: what Bybit and OKX have in common.

The client follows every page where it is given no limit, and leaves out of its answers what it has no instrument of.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from liveexec_nautilus import vendor
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.clients import nautilus_account
from liveexec_nautilus.live.protocol import (
    Answer,
    Ask,
    Balance,
    Cancel,
    ClientPlan,
    FillTold,
    OrderState,
    Position,
    TradeTold,
)
from liveexec_nautilus.live.questions import QuestionFailed
from liveexec_nautilus.live.telling import order_report_state, position_of, trade_told

__all__ = ["AHEAD_NS", "RECENT_TRADES", "LibraryQuestions", "client_id", "venue_id"]

#: How far beyond this clock's time fills are asked for: a clock that is behind the venue's must not hide the newest.
AHEAD_NS: Final = 3_600 * 1_000_000_000
#: Trades that a volume profile is made of.
RECENT_TRADES: Final = 1_000


class LibraryQuestions(ABC):
    """One account. ``kinds`` are the kinds of product that it trades in, ``spot`` the one without positions."""

    def __init__(self, plan: ClientPlan, cache: vendor.Cache, http: Any, kinds: Sequence[Any], spot: Any) -> None:
        self._cache, self._http, self._kinds, self._spot = cache, http, kinds, spot
        self._venue = NodeVenue(plan.client).nautilus
        self._account_id = vendor.AccountId(nautilus_account(plan))
        self._cached: set[str] = set()

    async def answer(self, ask: Ask) -> Answer:
        self._cache_instruments()
        with _failures():
            match ask.what:
                case "order":
                    state = await self._order(ask)
                    return Answer(ask.ref, orders=(state,) if state is not None else (), is_absent=state is None)
                case "open_orders":
                    return Answer(ask.ref, orders=await self._open_orders())
                case "fills":
                    fills, is_complete = await self._fills(ask.since_ns)
                    return Answer(ask.ref, fills=fills, is_complete=is_complete)
                case "positions":
                    return Answer(ask.ref, positions=await self._positions())
                case "balances":
                    return Answer(ask.ref, balances=await self._balances())
                case "trades":
                    return Answer(ask.ref, trades=await self._trades(_instrument_id(ask.instrument)))
        raise QuestionFailed(f"nobody knows {ask.what}")

    async def cancel(self, told: Cancel) -> Answer:
        self._cache_instruments()
        with _failures():
            return Answer(told.ref, orders=await self._cancel(told))

    async def close(self) -> None:
        self._http.cancel_all_requests()

    @abstractmethod
    async def _order(self, ask: Ask) -> OrderState | None:
        """The order that is asked about; ``None`` where the venue has none."""

    @abstractmethod
    async def _fills(self, since_ns: int) -> tuple[tuple[FillTold, ...], bool]:
        """Fills since a time, and whether none are missing."""

    @abstractmethod
    async def _balances(self) -> tuple[Balance, ...]:
        """What the account has."""

    @abstractmethod
    async def _recent(self, instrument_id: vendor.InstrumentId) -> Sequence[Any]:
        """The last trades of an instrument, as the library has them, oldest first."""

    @abstractmethod
    async def _cancel(self, told: Cancel) -> tuple[OrderState, ...]:
        """Cancel, and what the venue says of the order."""

    @abstractmethod
    def _keep_instruments(self, instruments: Sequence[Any]) -> None:
        """Give the client instruments that it does not have yet."""

    async def _open_orders(self) -> tuple[OrderState, ...]:
        found: list[OrderState] = []
        for kind in self._kinds:
            reports = await self._http.request_order_status_reports(self._account_id, kind, open_only=True)
            found += [order_report_state(each) for each in reports if each.is_open]
        return tuple(found)

    async def _positions(self) -> tuple[Position, ...]:
        found: list[Position] = []
        for kind in self._kinds:
            if kind != self._spot:
                reports = await self._http.request_position_status_reports(self._account_id, kind)
                found += [position_of(each) for each in reports]
        return tuple(found)

    async def _trades(self, instrument_id: vendor.InstrumentId) -> tuple[TradeTold, ...]:
        return tuple(trade_told(each) for each in await self._recent(instrument_id))

    def _cache_instruments(self) -> None:
        fresh = [
            each
            for each in self._cache.instruments()
            if each.id.venue.value == self._venue and str(each.id) not in self._cached
        ]
        if fresh:
            self._keep_instruments(fresh)
            self._cached.update(str(each.id) for each in fresh)


def client_id(text: str | None) -> vendor.ClientOrderId | None:
    """A client order id of the library's kind."""
    return _of(vendor.ClientOrderId, text)


def venue_id(text: str | None) -> vendor.VenueOrderId | None:
    """A venue's order id of the library's kind."""
    return _of(vendor.VenueOrderId, text)


def _of[T](kind: Callable[[str], T], text: str | None) -> T | None:
    return kind(text) if text is not None else None


def _instrument_id(text: str | None) -> vendor.InstrumentId:
    assert text is not None
    return vendor.InstrumentId.from_str(text)


@contextmanager
def _failures() -> Iterator[None]:
    """What the library raises for an answer that is an error, or none."""
    try:
        yield
    except (ValueError, RuntimeError, OSError) as error:
        raise QuestionFailed(str(error)) from error
