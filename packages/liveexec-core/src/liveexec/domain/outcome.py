"""What venues say: the typed answers to a request, and the reports and snapshots that an adapter delivers.

An adapter cannot express a guess. ``Rejected`` carries the venue's own words as proof; whatever is not the venue's
explicit word is ``Unknown``. ``Absent`` is a proof that no such order exists; ``NotKnown`` is not.
"""

from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from attrs import define, field, frozen

from liveexec.domain.fill import Fill, FillKey
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueOrderId
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.errors import Fault, InvalidInput

__all__ = [
    "Absent",
    "Accepted",
    "AssetKind",
    "AssetReport",
    "BalanceReport",
    "CumulativeFill",
    "FillAction",
    "FillReport",
    "Gap",
    "NotKnown",
    "OrderRef",
    "OrderReport",
    "OrderReportAnswer",
    "PositionReport",
    "Rejected",
    "SendOutcome",
    "SendPlan",
    "Sent",
    "SettlementReport",
    "Snapshot",
    "Unknown",
    "VenueOrderStatus",
    "VenueReport",
]


@define(eq=False)
class SendPlan:
    """What will identify an order at the venue, fixed and recorded before anything is sent.

    ``refs`` holds further names by kind (a TWS order number, a nonce); ``payload`` signed bytes as base 64, so that
    a rebroadcast is identical. ``valid_until_ns`` is the deadline of the send, passed on where the venue takes one.
    """

    client_order_id: ClientOrderId
    valid_until_ns: int
    refs: dict[str, str] | None = None
    payload: str | None = None


@define(eq=False)
class OrderRef:
    """How to name an order to a venue: by our client id, its own id, or both; ``refs`` by kind beside them."""

    account_id: AccountId
    instrument_id: InstrumentId
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None
    refs: dict[str, str] | None = None


@frozen
class Sent:
    """The request left; the answer comes as a report."""


@frozen
class Accepted:
    """The venue took the request, and says under which id."""

    venue_order_id: VenueOrderId | None = None


@frozen
class Rejected:
    """The venue refused, in its own words: its code and its message."""

    code: str
    message: str


@frozen
class Unknown:
    """Nothing proves what became of the request; ``reason`` says what happened to it here."""

    reason: str


SendOutcome = Sent | Accepted | Rejected | Unknown


class VenueOrderStatus(StrEnum):
    """An order's status as a venue tells it (FIX tag 39, without its pending states)."""

    WORKING = "WORKING"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def is_open(self) -> bool:
        return self is VenueOrderStatus.WORKING


@define(eq=False)
class OrderReport:
    """An order's status at the venue (FIX ExecutionReport without a trade).

    ``quantity`` is the total, ``filled_quantity`` the cumulative filled part as the venue counts it, which may be
    ahead of the fills that have arrived. ``price`` is ``None`` for a market order.
    """

    account_id: AccountId
    instrument_id: InstrumentId
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None
    status: VenueOrderStatus
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal | None
    filled_quantity: Decimal
    venue_time_ns: int
    code: str | None = None
    message: str | None = None
    refs: dict[str, str] | None = None


class FillAction(StrEnum):
    """FIX ExecType: a trade, its cancel (bust) or its correction."""

    TRADE = "TRADE"
    BUST = "BUST"
    CORRECTION = "CORRECTION"


@define(eq=False)
class FillReport:
    """An execution. A bust or a correction names the fill it is about in ``original_key``."""

    account_id: AccountId
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None
    fill: Fill
    action: FillAction = FillAction.TRADE
    original_key: FillKey | None = None


@define(eq=False)
class CumulativeFill:
    """What a venue without single fills tells: the quantity filled so far and its average price."""

    account_id: AccountId
    instrument_id: InstrumentId
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None
    side: Side
    quantity: Decimal
    average_price: Decimal
    fee: Decimal
    fee_asset: str
    venue_time_ns: int


class AssetKind(StrEnum):
    """Why an asset moved without an order of ours being filled."""

    FEE = "FEE"
    FUNDING = "FUNDING"
    SETTLEMENT = "SETTLEMENT"
    INTEREST = "INTEREST"
    AIRDROP = "AIRDROP"
    REBASE = "REBASE"
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    TRANSFER = "TRANSFER"
    OTHER = "OTHER"


@define(eq=False)
class AssetReport:
    """An asset moved: ``amount`` is signed, ``reference`` the venue's own id of the movement, unique per account."""

    account_id: AccountId
    asset: str
    amount: Decimal
    kind: AssetKind
    reference: str
    venue_time_ns: int


@define(eq=False)
class SettlementReport:
    """An instrument is settled: what the account holds of it ends, with its result.

    ``price`` is what the contract is settled at. For a bet it is the share of the payout that is paid: 1 when the
    selection won, 0 when it lost, 1/2 in a dead heat of two; a bet that is void is busted fill by fill instead. The
    result moves the settlement asset, so an adapter tells no :class:`AssetReport` of it, only of what the venue takes
    beside it. It may be told again: what is closed already has nothing to settle.

    Raises:
        InvalidInput: the price is negative or not finite.
    """

    account_id: AccountId
    instrument_id: InstrumentId
    price: Decimal
    reference: str
    venue_time_ns: int

    def __attrs_post_init__(self) -> None:
        if not self.price.is_finite() or self.price < 0:
            fault = Fault("price", f"must be finite and not negative, not {self.price}")
            raise InvalidInput(f"settlement of {self.instrument_id}", [fault])


@define(eq=False)
class Gap:
    """The stream of an account was interrupted: what was missed has to be fetched before the account is trusted."""

    account_id: AccountId
    reason: str


@define(eq=False)
class PositionReport:
    """A net position as the venue tells it; ``quantity`` is signed, in the listing's units."""

    account_id: AccountId
    instrument_id: InstrumentId
    quantity: Decimal
    average_price: Decimal | None
    venue_time_ns: int


@define(eq=False)
class BalanceReport:
    """An asset's balance as the venue tells it: what is there in all, and what of it is free to use.

    ``venue_time_ns`` is when it was so by the venue's clock (its answer's time, where it tells no other): of two that
    are told, the later one counts.
    """

    account_id: AccountId
    asset: str
    total: Decimal
    available: Decimal
    venue_time_ns: int


@frozen
class Absent:
    """The venue has no such order, from a source that is complete for it. ``as_of_ns`` is when the venue said so."""

    as_of_ns: int


@frozen
class NotKnown:
    """The venue does not know, which proves nothing."""

    reason: str = ""


OrderReportAnswer = OrderReport | Absent | NotKnown
VenueReport = OrderReport | FillReport | CumulativeFill | AssetReport | SettlementReport | BalanceReport | Gap

T = TypeVar("T")


@define(eq=False)
class Snapshot[T]:
    """A list of what a venue has, how complete it is, and when it was true.

    ``as_of_ns`` is the venue's own time where it gives one; else the request's and the response's time bound it.
    ``complete`` is false when pages were cut off, so that what is missing from it proves nothing.
    """

    items: tuple[T, ...]
    requested_at_ns: int
    responded_at_ns: int
    complete: bool = True
    as_of_ns: int | None = field(default=None)
