"""What an adapter's stream of reports delivered, as a case looks at it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import anyio

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import ClientOrderId, VenueOrderId
from liveexec.domain.outcome import CumulativeFill, FillReport, Gap, OrderRef, OrderReport, VenueReport

__all__ = ["Heard", "names"]


class Heard:
    """Reads ``reports()`` of one session from the moment it is made; ``error`` is what ended it, if that raised."""

    def __init__(self, reports: AsyncIterator[VenueReport], patience_s: float) -> None:
        self.items: list[VenueReport] = []
        self.is_over = False
        self.error: Exception | None = None
        self._patience_s = patience_s
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._read(reports), name="conformance-reports")

    @property
    def orders(self) -> list[OrderReport]:
        return [each for each in self.items if isinstance(each, OrderReport)]

    @property
    def fills(self) -> list[FillReport]:
        return [each for each in self.items if isinstance(each, FillReport)]

    @property
    def gaps(self) -> list[Gap]:
        return [each for each in self.items if isinstance(each, Gap)]

    @property
    def distinct_fills(self) -> dict[FillKey, FillReport]:
        """The fills by key, as the engine would count them."""
        return {report.fill.key: report for report in self.fills}

    def of(self, client_order_id: ClientOrderId | None, venue_order_id: VenueOrderId | None) -> list[OrderReport]:
        """The order reports that name an order by either name."""
        return [each for each in self.orders if names(each, client_order_id, venue_order_id)]

    def expect(self, ref: OrderRef) -> None:
        """An order was sent, of which more will be told; a stream tells of it unasked."""

    async def until(self, what: str, holds: Callable[[], object]) -> None:
        """Wait until something holds of what was heard.

        Raises:
            AssertionError: it does not within the harness's patience; the message says what was heard.
        """
        with anyio.move_on_after(self._patience_s):
            while not holds():
                await self._more()
        if not holds():
            raise AssertionError(f"waited {self._patience_s:g} s for {what}; {self.told()}")

    async def ended(self) -> None:
        """Wait until the stream ends or raises."""
        await self.until("the end of the stream of reports", lambda: self.is_over)

    async def broken(self) -> None:
        """Wait until the stream shows that it was interrupted: it ends, raises, or announces a gap."""
        await self.until("the stream of reports to end or to announce a Gap", lambda: self.is_over or self.gaps)

    def told(self) -> str:
        """What was heard, for messages."""
        return f"heard: {[_brief(each) for each in self.items]}" + (f", then {self.error!r}" if self.is_over else "")

    async def close(self) -> None:
        """Stop reading."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _more(self) -> None:
        """Wait until there may be more."""
        self._changed.clear()
        await self._changed.wait()

    async def _read(self, reports: AsyncIterator[VenueReport]) -> None:
        try:
            async for report in reports:
                self.items.append(report)
                self._changed.set()
        except Exception as error:  # noqa: BLE001  (how a stream ends is what cases look at)
            self.error = error
        finally:
            self.is_over = True
            self._changed.set()


def names(
    report: OrderReport | FillReport | CumulativeFill,
    client_order_id: ClientOrderId | None,
    venue_order_id: VenueOrderId | None,
) -> bool:
    """Whether a report names an order by either of its names."""
    by_venue = venue_order_id is not None and report.venue_order_id == venue_order_id
    by_client = client_order_id is not None and report.client_order_id == client_order_id
    return by_venue or by_client


def _brief(report: VenueReport) -> str:
    match report:
        case OrderReport():
            return f"{report.status} {report.client_order_id} {report.filled_quantity}/{report.quantity}"
        case FillReport():
            return f"{report.action} {report.client_order_id} {report.fill.quantity} @ {report.fill.price}"
        case _:
            return repr(report)
