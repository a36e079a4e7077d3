"""What an adapter that streams nothing says when it is asked again and again, as a case looks at it."""

from typing import Any, Final, Self

import anyio

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId
from liveexec.domain.outcome import FillAction, FillReport, OrderRef, OrderReport
from liveexec.plugins.adapter import ExternalAdapter, Polls
from liveexec_testkit.conformance.heard import Heard, names

__all__ = ["Polled", "fills_since"]

#: Fills are asked for from so long before the first question on, so that clocks may differ by as much. Nanoseconds.
_OVERLAP_NS: Final = 60_000_000_000
#: A session whose questions fail so often in a row is lost, as it is to the runtime.
_MOST_FAILURES: Final = 3
#: A fill, or that it was taken back.
_Fact = tuple[FillKey, FillAction]


class Polled(Heard):
    """Hears what a :class:`~liveexec.plugins.adapter.Polls` adapter is asked for, as the runtime asks: its fills, its
    open orders, and each order that should be open and is not among them. What is news is a report.

    It asks only while a case waits for something, so that no script strikes a question that the case did not mean.
    ``error`` is what the last question failed with when it failed too often, and the session is over then.
    """

    def __init__(self, adapter: Polls, account_id: AccountId, now_ns: int, patience_s: float, answer_s: float) -> None:
        super().__init__(adapter.reports(), patience_s)
        self._adapter, self._account_id, self._answer_s = adapter, account_id, answer_s
        self._since_ns = max(0, now_ns - _OVERLAP_NS)
        self._known: set[_Fact] = set()
        self._watched: list[OrderRef] = []
        self._said: dict[str, tuple[Any, ...]] = {}
        self._failures = 0

    @classmethod
    async def begun(
        cls, adapter: Polls, account_id: AccountId, now_ns: int, patience_s: float, answer_s: float
    ) -> Self:
        """From this moment on: what was filled before it is no news."""
        self = cls(adapter, account_id, now_ns, patience_s, answer_s)
        self._known.update(await self._fill_facts())
        return self

    def expect(self, ref: OrderRef) -> None:
        self._watched.append(ref)

    async def _more(self) -> None:
        if self.is_over:
            await super()._more()
            return
        try:
            with anyio.fail_after(self._answer_s):
                await self._ask()
            self._failures = 0
        except Exception as error:  # noqa: BLE001  (how a session ends is what cases look at)
            self._failures += 1
            if self._failures == _MOST_FAILURES:
                self.error, self.is_over = error, True
        await anyio.sleep(self._adapter.poll_every_s)

    async def _ask(self) -> None:
        for fill in await fills_since(self._adapter, self._account_id, self._since_ns):
            if _fact(fill) not in self._known:
                self._known.add(_fact(fill))
                self.items.append(fill)
        listed = (await self._adapter.open_orders(self._account_id)).items
        for report in listed:
            self._tell(report)
        for ref in [each for each in self._watched if not any(_is(report, each) for report in listed)]:
            told = await self._adapter.order(ref)
            # What is neither is not visible yet, or never was: the next question may tell.
            if isinstance(told, OrderReport):
                self._tell(told)

    def _tell(self, report: OrderReport) -> None:
        """An order as it stands: a report if that is news, and whether it is asked about any more."""
        refs = next((each.refs for each in self._watched if _is(report, each)), None)
        self._watched = [each for each in self._watched if not _is(report, each)]
        if report.status.is_open:
            client_order_id, venue_order_id = report.client_order_id, report.venue_order_id
            ref = OrderRef(report.account_id, report.instrument_id, client_order_id, venue_order_id, refs)
            self._watched.append(ref)
        facts = (report.status, report.filled_quantity, report.quantity, report.price)
        name = str(report.venue_order_id or report.client_order_id)
        if self._said.get(name) != facts:
            self._said[name] = facts
            self.items.append(report)

    async def _fill_facts(self) -> set[_Fact]:
        return {_fact(each) for each in await fills_since(self._adapter, self._account_id, self._since_ns)}


async def fills_since(adapter: ExternalAdapter, account_id: AccountId, since_ns: int) -> list[FillReport]:
    """All fills since a venue time, page after page where they are cut off, as the runtime fetches them.

    Raises:
        AssertionError: an incomplete answer brings nothing newer, so that the rest can't be fetched.
    """
    found: dict[_Fact, FillReport] = {}
    while True:
        page = await adapter.fills(account_id, since_ns)
        found.update((_fact(each), each) for each in page.items)
        if page.complete:
            return list(found.values())
        newest_ns = max((each.fill.venue_time_ns for each in page.items), default=since_ns)
        assert newest_ns > since_ns, f"fills() is cut off at {since_ns} and goes no further"
        since_ns = newest_ns


def _fact(told: FillReport) -> _Fact:
    return told.fill.key, told.action


def _is(report: OrderReport, ref: OrderRef) -> bool:
    return names(report, ref.client_order_id, ref.venue_order_id)
