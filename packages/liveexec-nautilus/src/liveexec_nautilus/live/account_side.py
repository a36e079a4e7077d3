"""The account of one venue: what the node tells of its orders and fills, as reports, or as a gap where something may be
missing."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

import structlog

from liveexec.domain.outcome import Gap, Unknown, VenueReport
from liveexec.errors import AdapterError, InvalidInput
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.asking import Asking
from liveexec_nautilus.live.listings import VenueListings
from liveexec_nautilus.live.protocol import FillTold, OrderState, OrderTold, SocketTold
from liveexec_nautilus.live.requests import refusal
from liveexec_nautilus.live.settings import VenueSettings
from liveexec_nautilus.live.streams import ReportStream

__all__ = ["AccountSide"]

_log = structlog.get_logger(__name__)

_CAPACITY: Final = 100_000
#: Ends that the node may have concluded itself.
_ENDS: Final = frozenset({"OrderCanceled", "OrderExpired", "OrderRejected"})
_REFUSALS: Final = frozenset({"OrderRejected", "OrderDenied"})
#: Venues that tell what an order has paid in all: of a fill whose order had others that the node did not hear of, the
#: node tells too large a fee.
_RUNNING_FEES: Final = frozenset({NodeVenue.OKX})
#: A connection that is not back after so long is announced as lost, seconds.
_AWAY_S: Final = 5.0
#: Orders that are remembered as heard of from their beginning.
_MOST_WHOLE: Final = 10_000
#: Connections that tell nothing of the account, by a word in their names.
_MARKET_SOCKETS: Final = ("market", "public", "data-streams")
#: Events of an order that are no news about its state at the venue.
_NO_STATE: Final = frozenset({"OrderCancelRejected", "OrderModifyRejected"})


class AccountSide:
    """One session after another. ``answered`` is given what may answer a request."""

    def __init__(
        self,
        settings: VenueSettings,
        listings: VenueListings,
        asking: Asking,
        answered: Callable[[OrderTold | FillTold], None],
    ) -> None:
        self._venue, self._account_id = settings.venue, settings.account_id
        self._listings, self._asking, self._answered = listings, asking, answered
        self._reports: ReportStream | None = None
        #: Connections of the account that are lost, and what announces it.
        self._lost_sockets: dict[str, asyncio.TimerHandle] = {}
        self._looking: set[asyncio.Task[None]] = set()
        #: Orders of this session of which nothing was missed, oldest first.
        self._whole: dict[str, None] = {}

    @property
    def reports(self) -> ReportStream | None:
        """What the running session tells; ``None`` without one."""
        return self._reports if self._reports is not None and not self._reports.is_over else None

    def begin(self) -> None:
        """A session begins."""
        self._reports = ReportStream(_CAPACITY)
        self._whole.clear()

    def end(self, error: AdapterError | None) -> None:
        """It is over: with an error it was lost, without one it was closed."""
        reports = self._reports
        for task in tuple(self._looking):
            task.cancel()
        for waiting in self._lost_sockets.values():
            waiting.cancel()
        self._lost_sockets.clear()
        if reports is None:
            return
        if error is not None:
            reports.lose(error)
        else:
            self._reports = None
            reports.close()

    def begun(self, client_order_id: str) -> None:
        """An order is sent: from now on everything of it is heard, unless something is missed."""
        self._whole[client_order_id] = None
        if len(self._whole) > _MOST_WHOLE:
            del self._whole[next(iter(self._whole))]

    def tell(self, state: OrderState) -> None:
        """What the venue answered of an order."""
        if state.instrument in self._listings:
            self._push(self._listings.order_report(state))

    def gap(self, reason: str) -> None:
        """Something may be missing."""
        self._whole.clear()
        self._push(Gap(self._account_id, reason))

    def heard(self, message: FillTold | OrderTold | SocketTold) -> None:
        """The node tells.

        Raises:
            InvalidInput: it can't be read.
        """
        match message:
            case FillTold():
                self._hear_fill(message)
            case OrderTold():
                self._hear_order(message)
            case SocketTold():
                self._hear_socket(message)

    def _hear_fill(self, told: FillTold) -> None:
        if told.instrument not in self._listings:
            self.gap(f"a fill of {told.instrument}, which is not listed")
            return
        if told.is_reconciled and told.fee is None:
            # The node inferred it of an order's report: its trade id is made up. The venue is asked for the real one.
            self.gap(f"the node found a fill of {told.client_order_id} that it had missed")
            return
        if self._venue in _RUNNING_FEES and told.client_order_id not in self._whole:
            self._start(self._fill_looked_up(told))
        else:
            self._push(self._listings.fill_report(told))
        self._answered(told)

    def _hear_order(self, told: OrderTold) -> None:
        state = told.state
        if state.instrument not in self._listings:
            return
        self._answered(told)
        if told.event in _NO_STATE:
            return
        if told.event == "OrderFillVoided":
            self.gap(f"a part of a fill of {state.client_order_id} was taken back")
            return
        if told.is_reconciled and told.event in _ENDS:
            # It may have concluded it from something that was missing: what the venue says of the order is told.
            self._start(self._looked_up(state))
            return
        if told.event not in _REFUSALS:
            self._push(self._listings.order_report(state))
            return
        outcome = refusal(told, self._venue)
        if isinstance(outcome, Unknown):
            # No word of the venue's: what became of the order is asked, here where it was taken before.
            if state.venue_order_id is not None:
                self._start(self._looked_up(state))
            return
        report = self._listings.order_report(state)
        report.code, report.message = outcome.code, outcome.message
        self._push(report)

    async def _fill_looked_up(self, told: FillTold) -> None:
        """Tell a fill as the venue lists it, and the others of its order since."""
        reason = "the venue does not list it yet"
        try:
            answer = await self._asking.ask("fills", since_ns=told.at_ns)
            found = [each for each in answer.fills if each.venue_order_id == told.venue_order_id]
            for each in found:
                self._push(self._listings.fill_report(each))
            if any(each.trade_id == told.trade_id for each in found):
                return
        except (AdapterError, InvalidInput) as error:
            reason = str(error)
        self.gap(f"a fill of {told.client_order_id} with a fee that is not its own: {reason}")

    async def _looked_up(self, state: OrderState) -> None:
        """Have the venue say what became of an order, and tell that."""
        reason = "the venue shows no such order"
        try:
            answer = await self._asking.ask("order", state.instrument, state.client_order_id, state.venue_order_id)
            for each in answer.orders:
                self._push(self._listings.order_report(each))
                return
        except (AdapterError, InvalidInput) as error:
            reason = str(error)
        self.gap(f"the end of {state.client_order_id}, which the node concluded, is not proved: {reason}")

    def _hear_socket(self, told: SocketTold) -> None:
        """A connection of the client was lost or is back: of the account's, what it would have told was missed.

        The gap is announced when it is back, since what was missed can be asked for then; or when it stays away.
        """
        _log.info("node_socket", venue=self._venue.venue, endpoint=told.endpoint, connected=told.is_connected)
        endpoint = told.endpoint
        if any(word in endpoint for word in _MARKET_SOCKETS):
            return
        if not told.is_connected:
            self._whole.clear()
            if endpoint not in self._lost_sockets:
                stays_away = partial(self.gap, f"the node's connection {endpoint} was lost")
                self._lost_sockets[endpoint] = asyncio.get_running_loop().call_later(_AWAY_S, stays_away)
        elif (waiting := self._lost_sockets.pop(endpoint, None)) is not None:
            waiting.cancel()
            self.gap(f"the node's connection {endpoint} is back")

    def _start(self, looking: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(looking)
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    def _push(self, report: VenueReport) -> None:
        if self._reports is not None:
            self._reports.push(report)
