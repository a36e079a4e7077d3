"""What an adapter's author implements: a loopback venue that the kit can start, trade at, look into and break."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, ClassVar, Self

from attrs import frozen

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.operation import Side
from liveexec.domain.outcome import BalanceReport, FillReport, OrderReport, PositionReport
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.runtime.clock import Clock, WallClock
from liveexec_testkit.conformance.scripts import VenueScript, Verb

__all__ = ["TradedInstrument", "VenueHarness"]


@frozen
class TradedInstrument:
    """An instrument that the cases may trade.

    ``price`` is on tick, in the middle of where the venue takes orders: the cases quote and trade within 40 ticks of
    it on both sides. ``quantity`` is a usual order, on lot, at least 8 times the smallest that the venue takes, so
    that it can be filled in parts; the account can afford 50 of it on either side. Both are in the listing's units.
    """

    instrument_id: InstrumentId
    price: Decimal
    quantity: Decimal


class VenueHarness(ABC):
    """A loopback venue on 127.0.0.1 (or in this process), one account there, and the adapter under test.

    Use it as an asynchronous context manager; every case gets one of its own, just started, with empty books, no
    orders and no fills of the account::

        class TestMyVenue(AdapterConformance):
            @pytest.fixture
            async def venue(self) -> AsyncIterator[VenueHarness]:
                async with MyHarness() as venue:
                    yield venue

    The harness speaks to its venue directly, never through the adapter under test, and reads what it says without the
    adapter's mapping: what it tells about orders and fills is what the adapter is judged by, and a unit or a sign that
    both read wrongly would pass.

    What is not scripted does not happen: no rate limit, no maintenance, no price band is in the way of the cases.
    """

    #: What the report calls it.
    title: ClassVar[str]
    #: The kinds of :class:`~liveexec_testkit.conformance.scripts.VenueScript` that :meth:`inject` can carry out.
    #: Cases that need another are skipped; see :meth:`why_not` for the reason that is listed.
    scripts: ClassVar[frozenset[type[VenueScript]]] = frozenset()
    #: The module that the adapter's entry point of the group ``liveexec`` names, ``None`` for an adapter that no
    #: plugin registers. Its import must not import the vendor's library.
    plugin: ClassVar[str | None] = None
    #: Modules of the vendor's library that the plugin's import must not import (``("ib_async",)``).
    vendor_modules: ClassVar[tuple[str, ...]] = ()
    #: How long the adapter itself waits at most for an answer, plus a little: after it, a request whose answer is
    #: lost has ended, or is given up by the kit as the runtime would. Real seconds.
    answer_timeout_s: ClassVar[float] = 2.0
    #: How long a case waits at most for something that has to happen. Real seconds.
    patience_s: ClassVar[float] = 10.0
    #: How long the adapter needs at most to notice by itself that a connection is half open, which is what its
    #: keep-alive is for; ``None`` when it leaves that to the runtime, whose questions are not answered then. Real
    #: seconds.
    keep_alive_s: ClassVar[float | None] = None
    #: How far ahead a GTD order's end may be set at least, so that a case can see it come; ``None`` when that is too
    #: long to wait for. Real seconds.
    shortest_gtd_s: ClassVar[float | None] = 1.0
    #: Whether the venue tells fills one by one (``FillReport``); else it tells cumulative amounts alone.
    tells_single_fills: ClassVar[bool] = True
    #: An order with details, as the fields in which it differs from a usual limit order to buy, ``details`` among them:
    #: one that rests. ``None`` when the venue takes none that it could show.
    detailed_order: ClassVar[Mapping[str, Any] | None] = None
    #: Whether the adapter tells balances on its stream of reports, as fills change them (``BalanceReport``).
    tells_balances: ClassVar[bool] = False

    # -- life ----------------------------------------------------------------------------------------------------

    @abstractmethod
    async def start(self) -> None:
        """Start the venue: empty books, a rich account, nothing ever ordered or filled."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop the venue and give everything back, after whatever happened; the adapters are disconnected by then."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # -- the adapter under test ----------------------------------------------------------------------------------

    @abstractmethod
    def adapter(self) -> ExternalAdapter:
        """A new adapter under test for :attr:`account_id`, not connected, that knows nothing of any earlier one: what
        a process has after a restart. Made as the plugin's factory makes it. Earlier ones may still be connected.

        One that is polled is asked every ``poll_every_s`` while a case waits for a report: well within the patience.
        """

    @property
    @abstractmethod
    def account_id(self) -> AccountId:
        """The account that the adapter trades for."""

    @property
    @abstractmethod
    def instruments(self) -> Sequence[TradedInstrument]:
        """What may be traded, the usual one first; others show other units (inverse contracts, options)."""

    @property
    def ending(self) -> tuple[TradedInstrument, Decimal] | None:
        """A derivative that the script ``EndInstrument`` ends, and the price at which it does, other than the one that
        it is traded at; only asked for with that script."""
        return None

    @property
    def clock(self) -> Clock:
        """The time that the adapter and the orchestrator over it live in."""
        return WallClock()

    @property
    def secrets(self) -> Sequence[str]:
        """Every key, password and token that the adapter was given or got from the venue until now, as text. They are
        unmistakable, so that finding one anywhere is a leak."""
        return ()

    # -- everybody else at the venue -----------------------------------------------------------------------------

    @abstractmethod
    async def rest(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Another participant rests a limit order; it is in the book when this returns. What crosses is traded."""

    @abstractmethod
    async def take(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Another participant takes what is in the book, an order of ours among it, up to this price; what is not
        filled at once does not rest. Done when this returns."""

    @abstractmethod
    async def clear(self, instrument_id: InstrumentId) -> None:
        """Everybody else's orders leave the book."""

    # -- the venue's own truth -----------------------------------------------------------------------------------

    @abstractmethod
    async def orders(self) -> Sequence[OrderReport]:
        """Every order that the account ever had at the venue, open or ended, oldest first, as it stands now.

        Orders that the venue refused before they were any are not among them. In the listing's units.
        """

    async def details_of(self, order: OrderReport) -> Mapping[str, Any]:  # noqa: ARG002  (for harnesses that have some)
        """What the venue has of the details of one of :meth:`orders`, by the names of the manifest. Only asked for
        with a :attr:`detailed_order`."""
        return {}

    @abstractmethod
    async def fills(self) -> Sequence[FillReport]:
        """Every fill that the account ever had, oldest first, each with its single quantity, in the listing's units.

        Their keys are compared with nothing; any text that is unique among them will do.
        """

    @abstractmethod
    async def positions(self) -> Sequence[PositionReport]:
        """The account's net positions that are not flat (for spot: what the venue itself calls one, often none)."""

    @abstractmethod
    async def balances(self) -> Sequence[BalanceReport]:
        """The account's balances."""

    @abstractmethod
    async def received(self, verb: Verb) -> int:
        """How many requests of this verb the venue has received on the account since it was started, those that a
        script lost, refused or broke after they arrived among them. Snapshots and queries need not be counted."""

    # -- scripts -------------------------------------------------------------------------------------------------

    def why_not(self, script: VenueScript) -> str | None:
        """Why a script can't be carried out here; ``None`` when it can. The text stands in the report.

        Override it to give better reasons ("the venue has no tokens"), or to decline single values of a kind.
        """
        if type(script) in self.scripts:
            return None
        return f"the harness can't script {type(script).__name__}"

    @abstractmethod
    async def inject(self, script: VenueScript) -> None:
        """Carry out a script that :meth:`why_not` has nothing against; it holds when this returns.

        Several may hold at the same time. Scripts strike the adapter's requests and reports only, never those of the
        harness itself.
        """

    @abstractmethod
    async def heal(self) -> None:
        """End everything that lasts, and drop request faults that have not struck yet. Broken connections stay
        broken; what was lost stays lost."""
