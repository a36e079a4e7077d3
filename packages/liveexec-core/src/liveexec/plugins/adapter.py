"""The contract between the library and a venue's adapter.

An adapter translates; it decides nothing. What it may not do: guess an outcome, resend on its own, drop a report, or
keep a secret where it could be printed. Life cycle, backoff, keep-alive deadlines, rate limits and deduplication are
the runtime's.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any, Final

import anyio
from attrs import define

from liveexec.domain.ids import AccountId, InstrumentId, OrderId
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    BalanceReport,
    FillReport,
    Gap,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    SendOutcome,
    SendPlan,
    SettlementReport,
    Snapshot,
    VenueReport,
)
from liveexec.domain.venue import AdapterManifest, ClientIdRule, DedupeScope, Ordering, RateLimit, ReplaceMode

__all__ = [
    "API_VERSION",
    "AdapterManifest",
    "CancelsAll",
    "ClientIdRule",
    "DedupeScope",
    "ExternalAdapter",
    "Ordering",
    "Polls",
    "RateLimit",
    "ReplaceMode",
    "Replaces",
    "Settles",
    "StreamsMarket",
    "TellsTime",
    "VenueOrder",
]

#: The version of this contract and of the hooks: a plugin with another major is refused.
API_VERSION: Final = (1, 1)


@define(eq=False)
class VenueOrder:
    """What an adapter is asked to send: the order in the listing's units, exactly on tick and lot."""

    order_id: OrderId
    account_id: AccountId
    instrument_id: InstrumentId
    operation: Operation
    side: Side | None
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal | None
    trigger_price: Decimal | None = None
    expire_at_ns: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    details: dict[str, Any] | None = None


class ExternalAdapter(ABC):
    """One session with one venue, for one or more accounts there."""

    manifest: AdapterManifest
    #: The accounts that this adapter serves.
    accounts: tuple[AccountId, ...]

    @abstractmethod
    async def connect(self) -> None:
        """Open the session. Raises :class:`~liveexec.errors.AdapterError` when that fails; may be called again."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Close the session; safe to call in any state."""

    @abstractmethod
    async def listings(self) -> Sequence[Listing]:
        """Everything that can be traded here."""

    async def prepare(self, order: VenueOrder, attempt: int, valid_until_ns: int) -> SendPlan:
        """Fix what the venue will know the order by. Only asked when the manifest has no client-id rule."""
        rule = self.manifest.client_id
        if rule is None:
            raise TypeError(f"{type(self).__name__} has no client-id rule, so it must implement prepare()")
        return SendPlan(rule.client_order_id(order.order_id, attempt), valid_until_ns)

    @abstractmethod
    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        """Send the order once. An exception counts as ``Unknown``."""

    @abstractmethod
    async def cancel(self, ref: OrderRef) -> SendOutcome:
        """Ask for the order's cancel. ``Accepted`` means that the request was; the end comes as a report."""

    @abstractmethod
    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        """What the venue says of one order now."""

    @abstractmethod
    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        """All open orders of an account."""

    @abstractmethod
    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        """All fills of an account since a venue time, oldest first."""

    @abstractmethod
    async def positions(self, account_id: AccountId) -> Snapshot[PositionReport]:
        """All net positions of an account."""

    @abstractmethod
    async def balances(self, account_id: AccountId) -> Snapshot[BalanceReport]:
        """All balances of an account."""

    @abstractmethod
    def reports(self) -> AsyncIterator[VenueReport]:
        """Everything that happens at the venue from now on. Ends, or raises, when the session is lost."""


class Polls(ExternalAdapter):
    """The venue streams no reports: it only answers. The runtime asks it for fills, open orders, positions and balances
    every ``poll_every_s`` real seconds, and about every order that is open here and not there."""

    poll_every_s: float

    async def reports(self) -> AsyncIterator[VenueReport]:
        """Nothing, for as long as the session lasts: what happened is asked for."""
        await anyio.sleep_forever()
        # An asynchronous generator is one by its yield.
        yield Gap(self.accounts[0], "never told")  # pragma: no cover


class StreamsMarket(ABC):
    """The venue streams books and trades. Apart from ``reports()``, so that quotes never hold up a fill."""

    @abstractmethod
    def market(self, instruments: Sequence[InstrumentId]) -> AsyncIterator[Book | TradeBar]:
        """Books (latest wins) and summed trades of the instruments, until the session is lost."""

    @abstractmethod
    async def recent_trades(self, instrument_id: InstrumentId) -> Sequence[TradeBar]:
        """What was traded lately, oldest first: the volume profile of a VWAP that was given none."""


class Replaces(ABC):
    """The venue changes a working order in one request."""

    @abstractmethod
    async def replace(self, ref: OrderRef, order: VenueOrder, plan: SendPlan, filled_quantity: Decimal) -> SendOutcome:
        """Ask for the change: ``order`` holds the new terms, its quantity the new total. The answer
        ``Accepted`` proves the change; ``filled_quantity`` is what was filled as far as is known."""


class TellsTime(ABC):
    """The venue tells its time, so that it is known how far the two clocks are apart."""

    @abstractmethod
    async def venue_time_ns(self) -> int:
        """The venue's clock when it answers, UTC nanoseconds: never a value that was kept."""


class Settles(ABC):
    """Instruments end at the venue with a result: options and futures at their expiry, bets with their market."""

    @abstractmethod
    async def settlements(self, account_id: AccountId, since_ns: int) -> Snapshot[SettlementReport]:
        """What was settled of what the account held, since a venue time, oldest first. Asked for with the fills; what
        ``reports()`` tells of it beside that counts once."""


class CancelsAll(ABC):
    """The venue cancels everything of an account at one request."""

    @abstractmethod
    async def cancel_all(self, account_id: AccountId) -> SendOutcome:
        """Ask for the cancel of all open orders of the account."""
