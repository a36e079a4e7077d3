"""The venue's own books: what it was asked, what it traded, and what every account has there.

Nothing here depends on who is connected: a client that was away finds everything again by asking.
"""

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from attrs import define, evolve, field

from liveexec.domain import money
from liveexec.domain.fill import Fill, FillKey, Liquidity, fill_key
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueOrderId
from liveexec.domain.instrument import ContractKind, Listing
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    FillAction,
    FillReport,
    OrderRef,
    OrderReport,
    SettlementReport,
    VenueOrderStatus,
)
from liveexec.domain.position import AccountBook
from liveexec.errors import AdapterError
from liveexec.venues.paper.config import FeeIn, PaperAccount

__all__ = ["AccountLedger", "PaperOrder", "VenueTruth"]

#: With a bounded history, what is too old is dropped in runs, since each run shifts a list.
_TRIM_RUN: Final = 1_024


@define(eq=False)
class PaperOrder:
    """An order as the venue works it.

    ``ahead`` is the recorded quantity that trades before it at its price; ``None`` while its price lies outside the
    visible book, where nobody can tell. ``reserved`` of ``reserved_asset`` is what the account can't use meanwhile.
    """

    account_id: AccountId
    instrument_id: InstrumentId
    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId | None
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal | None
    post_only: bool
    reduce_only: bool
    placed_at_ns: int
    #: Time priority: orders of one price trade in this order.
    sequence: int
    status: VenueOrderStatus = VenueOrderStatus.WORKING
    expire_at_ns: int | None = None
    filled_quantity: Decimal = ZERO
    updated_at_ns: int = 0
    ahead: Decimal | None = None
    reserved_asset: str = ""
    reserved: Decimal = ZERO
    code: str | None = None
    message: str | None = None
    #: A word of its owner's.
    text: str | None = None
    #: Client ids that a replace gave up, which still find the order.
    earlier_ids: list[ClientOrderId] | None = None

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled_quantity

    def report(self) -> OrderReport:
        """The order as the venue tells it now."""
        return OrderReport(
            account_id=self.account_id,
            instrument_id=self.instrument_id,
            client_order_id=self.client_order_id,
            venue_order_id=self.venue_order_id,
            status=self.status,
            side=self.side,
            order_type=self.order_type,
            time_in_force=self.time_in_force,
            quantity=self.quantity,
            price=self.price,
            filled_quantity=self.filled_quantity,
            venue_time_ns=self.updated_at_ns,
            code=self.code,
            message=self.message,
        )


@define(eq=False)
class AccountLedger:
    """One account: what it started with, its positions and assets as the fold of its fills, and its open orders."""

    account_id: AccountId
    starting: dict[str, Decimal]
    book: AccountBook
    reserved: dict[str, Decimal] = field(factory=dict)
    #: Oldest first; their venue times never fall.
    fills: list[FillReport] = field(factory=list)
    open_orders: dict[VenueOrderId, PaperOrder] = field(factory=dict)
    by_client_id: dict[ClientOrderId, PaperOrder] = field(factory=dict)
    #: Open reduce-only orders by instrument and sequence.
    reducing: dict[InstrumentId, dict[int, PaperOrder]] = field(factory=dict)
    #: What was settled, oldest first.
    settlements: list[SettlementReport] = field(factory=list)
    #: Venue time before which fills are no longer kept.
    fills_kept_since_ns: int = 0

    def total(self, asset: str) -> Decimal:
        """All there is of an asset, reserved or not."""
        return self.starting.get(asset, ZERO) + self.book.assets.get(asset, ZERO)

    def assets(self) -> Iterable[str]:
        """Every asset that the account ever had, in a stable order."""
        return dict.fromkeys((*self.starting, *self.book.assets))

    def net(self, instrument_id: InstrumentId) -> Decimal:
        """The signed net position."""
        position = self.book.positions.get(instrument_id)
        return position.quantity if position is not None else ZERO

    def closable(self, instrument_id: InstrumentId, side: Side) -> Decimal:
        """How much a trade of this side can close before it would open."""
        net = self.net(instrument_id)
        return abs(net) if net and (net > 0) != (side is Side.BUY) else ZERO

    def reserve(self, order: PaperOrder, asset: str, amount: Decimal) -> None:
        """Hold this amount for the order instead of what was held before."""
        if order.reserved:
            self.reserved[order.reserved_asset] -= order.reserved
        if amount:
            self.reserved[asset] = self.reserved.get(asset, ZERO) + amount
        order.reserved_asset, order.reserved = asset, amount

    def fills_since(self, since_ns: int) -> tuple[FillReport, ...]:
        """Fills at or after a venue time, oldest first."""
        start = bisect_left(self.fills, since_ns, key=lambda report: report.fill.venue_time_ns)
        return tuple(self.fills[start:])


class VenueTruth:
    """Every order, fill and account of a venue, and the counters that name them."""

    def __init__(self, accounts: Iterable[PaperAccount], fee_in: FeeIn, id_prefix: str, history: int | None) -> None:
        self.ledgers = {
            account.account_id: AccountLedger(
                account.account_id, dict(account.balances), AccountBook(account.account_id)
            )
            for account in accounts
        }
        self.by_venue_id: dict[VenueOrderId, PaperOrder] = {}
        self._fee_in = fee_in
        self._id_prefix = id_prefix
        self._history = history
        self._finished: list[PaperOrder] = []
        self._has_forgotten = False
        self._orders = 0
        self._trades = 0
        self._movements = 0

    @property
    def is_complete(self) -> bool:
        """Whether every order that was ever placed is still known."""
        return not self._has_forgotten

    def next_venue_order_id(self) -> VenueOrderId:
        """The name of the next order; unique per venue and ``id_prefix``."""
        self._orders += 1
        return VenueOrderId(f"{self._id_prefix}{self._orders}")

    def next_trade_id(self) -> str:
        """The name of the next trade, shared by both of its sides where both are ours."""
        self._trades += 1
        return f"{self._id_prefix}T{self._trades}"

    def next_movement_reference(self) -> str:
        """The name of the next asset movement."""
        self._movements += 1
        return f"{self._id_prefix}M{self._movements}"

    def add(self, ledger: AccountLedger, order: PaperOrder) -> None:
        """Remember an order under its names, whatever becomes of it."""
        ledger.by_client_id[order.client_order_id] = order
        if order.venue_order_id is not None:
            self.by_venue_id[order.venue_order_id] = order

    def rename(self, ledger: AccountLedger, order: PaperOrder, client_order_id: ClientOrderId) -> None:
        """A replace gives the order another client id; the earlier ones still find it."""
        order.earlier_ids = [*(order.earlier_ids or ()), order.client_order_id]
        order.client_order_id = client_order_id
        ledger.by_client_id[client_order_id] = order

    def find(self, ref: OrderRef) -> PaperOrder | None:
        """The order that a reference names, by the venue's id first."""
        if ref.venue_order_id is not None:
            order = self.by_venue_id.get(ref.venue_order_id)
            if order is not None and order.account_id == ref.account_id:
                return order
        ledger = self.ledgers.get(ref.account_id)
        if ledger is None or ref.client_order_id is None:
            return None
        return ledger.by_client_id.get(ref.client_order_id)

    def record_fill(
        self,
        order: PaperOrder,
        listing: Listing,
        *,
        quantity: Decimal,
        price: Decimal,
        liquidity: Liquidity,
        trade_id: str,
        at_ns: int,
    ) -> FillReport:
        """Book an execution on the order and its account, and make its report."""
        assert order.venue_order_id is not None
        ledger = self.ledgers[order.account_id]
        maker = liquidity is Liquidity.MAKER
        terms = listing.terms
        if self._fee_in is FeeIn.RECEIVED and order.side is Side.BUY and terms.kind is ContractKind.SPOT:
            rate = listing.maker_fee if maker else listing.taker_fee
            fee, fee_asset = money.round_places(quantity * terms.multiplier * rate), terms.base_asset
        else:
            fee, fee_asset = listing.fee(quantity, price, maker=maker), terms.settlement_asset
        fill = Fill(
            key=fill_key(order.instrument_id, order.venue_order_id, order.side, trade_id),
            instrument_id=order.instrument_id,
            side=order.side,
            quantity=quantity,
            price=price,
            fee=fee,
            fee_asset=fee_asset,
            liquidity=liquidity,
            venue_time_ns=at_ns,
        )
        order.filled_quantity += quantity
        order.updated_at_ns = at_ns
        ledger.book.apply_fill(fill, terms, at_ns)
        report = FillReport(order.account_id, order.client_order_id, order.venue_order_id, fill)
        ledger.fills.append(report)
        return report

    def bust(self, ledger: AccountLedger, key: FillKey, listing: Listing, at_ns: int) -> FillReport:
        """Take an execution of an order that has ended back, and make its report.

        Raises:
            AdapterError: there is none of that name, or it was taken back before, or its order works still.
        """
        told = [report for report in ledger.fills if report.fill.key == key]
        if not told:
            raise AdapterError(f"{ledger.account_id} has no fill {key}")
        original = told[0]
        order = self.by_venue_id.get(original.venue_order_id) if original.venue_order_id is not None else None
        if len(told) > 1 or order is None or order.status.is_open:
            raise AdapterError(f"{key} can't be taken back: it was before, or its order works or is forgotten")
        ledger.book.bust_fill(original.fill, listing.terms, at_ns)
        order.filled_quantity -= original.fill.quantity
        order.updated_at_ns = at_ns
        fill = evolve(original.fill, venue_time_ns=at_ns)
        report = evolve(original, fill=fill, action=FillAction.BUST, original_key=key)
        ledger.fills.append(report)
        return report

    def finish(self, order: PaperOrder) -> None:
        """An order ended: with a bounded history, the oldest finished ones are forgotten."""
        if self._history is None:
            return
        self._finished.append(order)
        if len(self._finished) >= self._history + _TRIM_RUN:
            self._forget(self._finished[:_TRIM_RUN])
            del self._finished[:_TRIM_RUN]

    def forget_finished(self) -> None:
        """Forget every order that has ended, as a venue does after a while. Fills stay."""
        self._has_forgotten = True
        for ledger in self.ledgers.values():
            ended = [order for order in ledger.by_client_id.values() if not order.status.is_open]
            self._drop(ended)
        self._finished.clear()

    def _forget(self, orders: list[PaperOrder]) -> None:
        self._has_forgotten = True
        self._drop(orders)
        assert self._history is not None
        for ledger in self.ledgers.values():
            surplus = len(ledger.fills) - self._history
            if surplus > 0:
                ledger.fills_kept_since_ns = ledger.fills[surplus - 1].fill.venue_time_ns + 1
                del ledger.fills[:surplus]

    def _drop(self, orders: Iterable[PaperOrder]) -> None:
        for order in orders:
            ledger = self.ledgers[order.account_id]
            for client_order_id in (order.client_order_id, *(order.earlier_ids or ())):
                ledger.by_client_id.pop(client_order_id, None)
            if order.venue_order_id is not None:
                self.by_venue_id.pop(order.venue_order_id, None)
