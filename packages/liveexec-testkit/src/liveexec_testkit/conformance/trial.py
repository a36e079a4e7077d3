"""One case's run: the venue, the adapters that it takes from it, and everybody else who trades there."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from types import TracebackType
from typing import Final, Self

import anyio

from liveexec.domain.ids import InstrumentId
from liveexec.domain.operation import Side
from liveexec.domain.outcome import OrderReport
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import ExternalAdapter, Polls
from liveexec_testkit.conformance.harness import TradedInstrument, VenueHarness
from liveexec_testkit.conformance.heard import Heard, names
from liveexec_testkit.conformance.line import Line, Placed, stepped
from liveexec_testkit.conformance.polled import Polled

__all__ = ["Trial"]

_SECOND_NS: Final = 1_000_000_000


class Trial:
    """The venue of one case, and everything that the case takes from it; all of it is given back at the end."""

    def __init__(self, venue: VenueHarness) -> None:
        self.venue = venue
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.move_on_after(self.venue.patience_s, shield=True) as patience:
            await self._stack.aclose()
        assert not patience.cancelled_caught or error is not None, "disconnect() does not return"

    @property
    def usual(self) -> TradedInstrument:
        """The instrument that most cases trade."""
        return self.venue.instruments[0]

    def instrument(self, instrument_id: InstrumentId) -> TradedInstrument:
        """One of the harness's instruments, by its id."""
        return next(each for each in self.venue.instruments if each.instrument_id == instrument_id)

    async def quote(self, line: Line, *, on: TradedInstrument | None = None, ticks: int = 5, lots: int = 1) -> None:
        """Another participant quotes ``lots`` usual quantities on both sides, so many ticks from the price."""
        instrument = on if on is not None else self.usual
        for side, away in ((Side.BUY, -ticks), (Side.SELL, ticks)):
            await self.rest(line, side, away, instrument.quantity * lots, on=instrument)

    async def rest(
        self, line: Line, side: Side, ticks: int, quantity: Decimal, *, on: TradedInstrument | None = None
    ) -> None:
        """Another participant rests an order so many ticks from the price."""
        instrument = on if on is not None else self.usual
        price = stepped(line.listings[instrument.instrument_id], instrument.price, ticks)
        await self.venue.rest(instrument.instrument_id, side, price, quantity)

    async def take(self, placed: Placed, quantity: Decimal) -> None:
        """Another participant takes this much of a resting order of ours, at its price."""
        order = placed.order
        assert order.price is not None
        assert order.side is not None
        taker = Side.SELL if order.side is Side.BUY else Side.BUY
        await self.venue.take(order.instrument_id, taker, order.price, quantity)

    async def truth_of(self, placed: Placed) -> OrderReport | None:
        """The order as the venue itself has it, ``None`` when it never was there.

        Raises:
            AssertionError: the venue has several orders by that name.
        """
        found = [
            each
            for each in await self.venue.orders()
            if names(each, placed.plan.client_order_id, placed.venue_order_id)
        ]
        assert len(found) <= 1, f"one intent is {len(found)} orders at the venue: {found}"
        return found[0] if found else None

    async def order_at_venue(self, placed: Placed) -> OrderReport:
        """The order as the venue itself has it, which it must."""
        found = await self.truth_of(placed)
        assert found is not None, f"the venue has no order {placed.plan.client_order_id}"
        return found

    async def nothing_at_venue(self, placed: Placed) -> None:
        """The venue must never have had the order."""
        found = await self.truth_of(placed)
        assert found is None, f"the venue has an order that must not be there: {found}"

    async def until_visible(self, line: Line) -> None:
        """Wait until whatever was placed before can be asked about: as long as the manifest says."""
        await anyio.sleep(line.adapter.manifest.visibility_lag_ns / _SECOND_NS)

    async def visible_open_orders(self, line: Line) -> Sequence[OrderReport]:
        """The account's open orders as the adapter tells them, once whatever was placed before is visible."""
        await self.until_visible(line)
        return (await line.adapter.open_orders(self.venue.account_id)).items

    async def after_loss(self, line: Line) -> Line:
        """The same line while its session lasts, else a new session of its adapter, opened as the runtime does: again
        and again until the venue takes it."""
        if not line.heard.is_over:
            return line
        return await self.reconnected(line)

    async def reconnected(self, line: Line) -> Line:
        """A new session of a line's adapter, after its stream was broken. An adapter that reconnects by itself has
        announced the gap on the old stream, and goes on there."""
        if not line.heard.is_over and line.heard.gaps:
            return line
        await line.adapter.disconnect()
        return await self.line_in_time(line.adapter)

    async def line_in_time(self, adapter: ExternalAdapter) -> Line:
        """A connected adapter, tried until the venue takes it, at most as long as the harness is patient."""
        deadline_s = anyio.current_time() + self.venue.patience_s
        while True:
            try:
                return await self.line(adapter)
            except AdapterError:
                if anyio.current_time() > deadline_s:
                    raise
                await anyio.sleep(0.02)

    def adapter(self) -> ExternalAdapter:
        """A new adapter, not connected; whatever becomes of it, it is disconnected at the end."""
        adapter = self.venue.adapter()
        self._stack.push_async_callback(adapter.disconnect)
        return adapter

    async def line(self, adapter: ExternalAdapter | None = None) -> Line:
        """A connected adapter (a new one unless one is given), its reports read from now on."""
        adapter = adapter if adapter is not None else self.venue.adapter()
        self._stack.push_async_callback(adapter.disconnect)
        await adapter.connect()
        listings = {str(each.instrument_id): each for each in await adapter.listings()}
        heard = await self._heard(adapter)
        self._stack.push_async_callback(heard.close)
        return Line(self, adapter, heard, listings)

    async def _heard(self, adapter: ExternalAdapter) -> Heard:
        """What the adapter says from now on: by itself, or asked again and again where it streams nothing."""
        venue = self.venue
        if not isinstance(adapter, Polls):
            return Heard(adapter.reports(), venue.patience_s)
        now_ns = venue.clock.now_ns()
        return await Polled.begun(adapter, venue.account_id, now_ns, venue.patience_s, venue.answer_timeout_s)
