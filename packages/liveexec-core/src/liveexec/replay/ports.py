"""What a replay asks of the venues that are simulated for it, and what simulates them: a host, found by its name.

Times are UTC nanoseconds of the replayed market. Everything here is synchronous; nothing waits.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from liveexec.domain.ids import AccountId, VenueName
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import (
    BalanceReport,
    FillReport,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    SendOutcome,
    SendPlan,
)
from liveexec.domain.venue import AdapterManifest
from liveexec.errors import Fault
from liveexec.plugins.adapter import VenueOrder
from liveexec.replay.market import ReplayMarket
from liveexec.venues.paper.config import PaperVenueConfig

if TYPE_CHECKING:
    from liveexec.replay.driver import ReplayDriver

__all__ = ["HostRun", "ReplayHost", "ReplayTruth", "ReplayVenues", "truth_of"]


class ReplayVenues(Protocol):
    """The simulated venues, as the driver meets them. ``at_ns`` is always the present: it never falls.

    A request is carried out when it is made: the driver has waited for the latency already, and waits for it again
    with what is reported. What a request does is told to :meth:`ReplayDriver.report`, before the call returns or later.
    """

    @property
    def manifests(self) -> Mapping[VenueName, AdapterManifest]:
        """What each venue can do. Every one has a rule for client ids."""
        ...

    @property
    def listings(self) -> Mapping[VenueName, tuple[Listing, ...]]:
        """What each venue lists, for the whole replay."""
        ...

    @property
    def accounts(self) -> Mapping[VenueName, tuple[AccountId, ...]]:
        """The accounts at each venue; no account is at two."""
        ...

    def submit(self, order: VenueOrder, plan: SendPlan, at_ns: int) -> SendOutcome | None:
        """An order arrives. ``Sent`` where the verdict comes as a report, ``None`` where the host gives it to
        :meth:`ReplayDriver.answer` before time goes on."""
        ...

    def cancel(self, ref: OrderRef, at_ns: int) -> SendOutcome:
        """A cancel arrives; the order's end comes as a report."""
        ...

    def replace(
        self, ref: OrderRef, order: VenueOrder, plan: SendPlan, filled_quantity: Decimal, at_ns: int
    ) -> SendOutcome | None:
        """New terms of a working order arrive: its quantity is the new total. ``None`` as for :meth:`submit`."""
        ...

    def order(self, ref: OrderRef, at_ns: int) -> OrderReportAnswer:
        """What became of an order."""
        ...

    def fills(self, account_id: AccountId, since_ns: int, at_ns: int) -> Sequence[FillReport]:
        """All fills of an account since a time, oldest first."""
        ...

    def open_orders(self, account_id: AccountId, at_ns: int) -> Sequence[OrderReport]:
        """All open orders of an account, oldest first."""
        ...

    def positions(self, account_id: AccountId, at_ns: int) -> Sequence[PositionReport]:
        """All net positions of an account that are not flat."""
        ...

    def balances(self, account_id: AccountId, at_ns: int) -> Sequence[BalanceReport]:
        """Every asset that an account has or had."""
        ...

    def refresh(self, at_ns: int) -> Sequence[Book | TradeBar]:
        """What changed of the market since this was last asked: the latest book of each listing whose book changed,
        with the time of that change as its ``at_ns``, and every second of trades that ended, oldest first.

        Asked before every input that decides something, so it has to be cheap where nothing changed."""
        ...


@frozen
class ReplayTruth:
    """What the simulated venues themselves hold at the end, to compare with what was recorded here."""

    ended_at_ns: int
    positions: tuple[PositionReport, ...]
    balances: tuple[BalanceReport, ...]
    open_orders: tuple[OrderReport, ...]
    #: Books and trades of the market that went by.
    market_events: int


@frozen
class HostRun:
    """What a host is given: the venues to simulate, the market that moves them, and the driver that trades there.

    ``options`` are the specification's ``host_options``. ``progress`` is told now and then, with the market time that
    was reached and the market events so far.
    """

    venues: tuple[PaperVenueConfig, ...]
    market: ReplayMarket
    driver: "ReplayDriver"
    options: Mapping[str, Any] = field(factory=dict)
    progress: Callable[[int, int], None] = field(default=lambda _at_ns, _events: None)


class ReplayHost(Protocol):
    """Simulates venues and moves time. Plugins register a factory without arguments, under the name that the
    specification's ``host`` says.

    A host calls :meth:`ReplayDriver.start` with the time of the first market event, or of the first signal where that
    is earlier; from then on it reports what happens at the venues when it happens, and advances the driver at every
    ``next_due_ns``, after the market events of that very moment. After the last market event, or the last signal
    where that is later, it lets arrive what is on its way (:attr:`ReplayDriver.next_arrival_ns`), for no longer than
    :attr:`ReplayDriver.round_trip_ns`, and then calls :meth:`ReplayDriver.finish`.
    """

    def option_faults(self, options: Mapping[str, Any]) -> Sequence[Fault]:
        """What is wrong with a specification's ``host_options``; paths are below that."""
        ...

    def run(self, run: HostRun) -> ReplayTruth:
        """Replay the whole market.

        Raises:
            LiveExecError: the market can't be read, or the engine found a broken invariant.
        """
        ...


def truth_of(venues: ReplayVenues, at_ns: int, market_events: int) -> ReplayTruth:
    """What venues hold now, over all of their accounts."""
    accounts = [account_id for here in venues.accounts.values() for account_id in here]
    return ReplayTruth(
        at_ns,
        tuple(each for account_id in accounts for each in venues.positions(account_id, at_ns)),
        tuple(each for account_id in accounts for each in venues.balances(account_id, at_ns)),
        tuple(each for account_id in accounts for each in venues.open_orders(account_id, at_ns)),
        market_events,
    )
