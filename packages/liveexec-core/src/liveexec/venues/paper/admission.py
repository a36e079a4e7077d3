"""Admission: what a paper venue refuses once it sees the order against the book and the account's means."""

from decimal import Decimal

from liveexec.domain.ids import AccountId
from liveexec.domain.money import ZERO
from liveexec.domain.operation import TimeInForce
from liveexec.domain.outcome import Rejected
from liveexec.venues.paper.book import InstrumentBook
from liveexec.venues.paper.config import PaperVenueConfig, SelfTradePolicy
from liveexec.venues.paper.entry import RejectCode, reject
from liveexec.venues.paper.margin import Margin
from liveexec.venues.paper.matching import TakePlan, plan_take
from liveexec.venues.paper.truth import AccountLedger, PaperOrder

__all__ = ["Admission"]


class Admission:
    """The checks of one venue that need its books and its accounts."""

    def __init__(self, config: PaperVenueConfig, ledgers: dict[AccountId, AccountLedger], margin: Margin) -> None:
        self._self_trade = config.self_trade
        self._ledgers = ledgers
        self._margin = margin

    def plan(self, book: InstrumentBook, order: PaperOrder, quantity: Decimal, price: Decimal | None) -> TakePlan:
        """What the order would trade at once with these terms."""
        return plan_take(
            book,
            side=order.side,
            quantity=quantity,
            limit=price,
            account_id=order.account_id,
            policy=self._self_trade,
            closable=self.closable,
        )

    def fillable(self, order: PaperOrder) -> Decimal:
        """How much of an order may fill: of a reduce-only order no more than closes."""
        if not order.reduce_only:
            return order.leaves
        return min(order.leaves, self.closable(order))

    def closable(self, order: PaperOrder) -> Decimal:
        """How much of its account's position the order can close now."""
        return self._ledgers[order.account_id].closable(order.instrument_id, order.side)

    def refuse(
        self, book: InstrumentBook, order: PaperOrder, quantity: Decimal, price: Decimal | None, plan: TakePlan
    ) -> Rejected | None:
        """Why these terms of an order (its open quantity, its limit) can't be taken; ``None`` when they can."""
        if order.post_only and (plan.matches or plan.own):
            return reject(RejectCode.POST_ONLY_WOULD_TAKE, f"at {price} it would trade at once")
        if plan.is_stopped and self._self_trade is SelfTradePolicy.REJECT:
            return reject(RejectCode.SELF_TRADE, "it would trade with a resting order of its own account")
        if order.time_in_force is TimeInForce.FOK and plan.quantity < quantity:
            # It will be canceled without a trade, so it costs nothing.
            return None
        return self._refuse_unfunded(book, order, quantity, price, plan)

    def _refuse_unfunded(
        self, book: InstrumentBook, order: PaperOrder, quantity: Decimal, price: Decimal | None, plan: TakePlan
    ) -> Rejected | None:
        ledger = self._ledgers[order.account_id]
        if price is None:
            asset, needed = self._margin.for_market(ledger, book.listing, order.side, quantity, plan.matches)
        else:
            asset, needed = self._margin.for_limit(ledger, book.listing, order.side, quantity, price)
        if not needed:
            return None
        held = order.reserved if order.reserved_asset == asset else ZERO
        available = self._margin.available(ledger, asset) + held
        if needed <= available:
            return None
        return reject(
            RejectCode.INSUFFICIENT_BALANCE,
            f"it needs {needed.normalize():f} {asset}, free are {available.normalize():f}",
        )
