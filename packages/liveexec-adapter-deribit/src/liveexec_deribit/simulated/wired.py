"""Any venue's adapter with Deribit's messages in between: every order, answer, report and snapshot goes through the
words of the wire and back through the mapping that the real adapter uses.

``liveexec-simulate --through liveexec_deribit.simulated.wired:wired`` runs the simulator so. What Deribit has no words
for passes as it is: busts and corrections of trades, and payments.
"""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Final, cast

from attrs import evolve

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.operation import TimeInForce
from liveexec.domain.outcome import (
    BalanceReport,
    FillAction,
    FillReport,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    Rejected,
    SendOutcome,
    SendPlan,
    Snapshot,
    VenueReport,
)
from liveexec.errors import InvalidInput
from liveexec.plugins.adapter import ExternalAdapter, Replaces, StreamsMarket, VenueOrder
from liveexec_deribit import wire
from liveexec_deribit.error_table import judged
from liveexec_deribit.fills import fill_report, read_trade
from liveexec_deribit.holdings import balance_report, position_report
from liveexec_deribit.orders import OrderTerms, edit_params, order_report, read_order, submit_request
from liveexec_deribit.reading import AccountReader
from liveexec_deribit.rpc import decoded
from liveexec_deribit.simulated.words import (
    balance_words,
    order_words,
    placed_order,
    position_words,
    trade_words,
    written,
)

__all__ = ["WiredAdapter", "wired"]

_NS_PER_MS: Final = 1_000_000
_TERMS: Final = OrderTerms()
#: What the venue's own code would be for a refusal of the simulated one's.
_CODES: Final = {"TOO_LATE": 13888, "POST_ONLY": 11054, "NOT_WORKING": 11044, "RATE_LIMITED": 10066}
_OTHER_REJECT: Final = 11030


class WiredAdapter(ExternalAdapter, StreamsMarket, Replaces):
    """Stands before another adapter, and is spoken to as a host speaks to Deribit's."""

    def __init__(self, inner: ExternalAdapter) -> None:
        if not (isinstance(inner, StreamsMarket) and isinstance(inner, Replaces)):
            raise TypeError(f"{type(inner).__name__} streams no market, or replaces nothing")
        self._inner, self._market, self._replaces = inner, cast(StreamsMarket, inner), cast(Replaces, inner)
        self.accounts = inner.accounts
        self._account_id, self._venue = inner.accounts[0], inner.manifest.venue
        self.manifest = evolve(
            inner.manifest,
            time_in_force=inner.manifest.time_in_force - {TimeInForce.GTD},
            time_resolution_ns=_NS_PER_MS,
        )

    async def connect(self) -> None:
        await self._inner.connect()

    async def disconnect(self) -> None:
        await self._inner.disconnect()

    async def listings(self) -> Sequence[Listing]:
        return await self._inner.listings()

    async def prepare(self, order: VenueOrder, attempt: int, valid_until_ns: int) -> SendPlan:
        return await self._inner.prepare(order, attempt, valid_until_ns)

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        deadline_ms = plan.valid_until_ns // _NS_PER_MS
        try:
            method, params = submit_request(order, plan.client_order_id, deadline_ms, _TERMS)
        except InvalidInput as error:
            return Rejected("NOT_EXPRESSIBLE", str(error))
        sent = written(params)
        heard, until = placed_order(bytes(sent), method, self._venue, self._account_id, order.order_id)
        heard.expire_at_ns = order.expire_at_ns
        return _answered(await self._inner.submit(heard, evolve(until, refs=plan.refs)))

    async def replace(self, ref: OrderRef, order: VenueOrder, plan: SendPlan, filled_quantity: Decimal) -> SendOutcome:
        if ref.venue_order_id is None:
            return Rejected("NO_ORDER_ID", "the venue has not named the order yet, and changes orders by its own id")
        deadline_ms = plan.valid_until_ns // _NS_PER_MS
        asked = edit_params(order, ref.venue_order_id, deadline_ms, _TERMS)
        price = Decimal(bytes(asked["price"]).decode()) if "price" in asked else None
        heard = evolve(order, quantity=Decimal(bytes(asked["amount"]).decode()), price=price)
        until = evolve(plan, valid_until_ns=deadline_ms * _NS_PER_MS)
        return _answered(await self._replaces.replace(ref, heard, until, filled_quantity))

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        return _answered(await self._inner.cancel(ref))

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        answer = await self._inner.order(ref)
        return self._reread(answer) if isinstance(answer, OrderReport) else answer

    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        shown = await self._inner.open_orders(account_id)
        return _with_items(shown, tuple(map(self._reread, shown.items)))

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        # The venue counts from a millisecond on.
        shown = await self._inner.fills(account_id, since_ns - since_ns % _NS_PER_MS)
        return _with_items(shown, tuple(map(self._retold, shown.items)))

    async def positions(self, account_id: AccountId) -> Snapshot[PositionReport]:
        shown = await self._inner.positions(account_id)
        read = [decoded(wire.Position, written(position_words(said)), "a position") for said in shown.items]
        at_ns = shown.as_of_ns or shown.requested_at_ns
        return _with_items(shown, tuple(position_report(told, account_id, self._venue, at_ns) for told in read))

    async def balances(self, account_id: AccountId) -> Snapshot[BalanceReport]:
        shown = await self._inner.balances(account_id)
        read = [decoded(wire.AccountSummary, written(balance_words(said)), "a balance") for said in shown.items]
        at_ns = shown.as_of_ns or shown.requested_at_ns
        return _with_items(shown, tuple(balance_report(told, account_id, at_ns) for told in read))

    async def reports(self) -> AsyncIterator[VenueReport]:
        read: list[VenueReport] = []
        told_at_ns = 0
        reader = AccountReader(self._account_id, self._venue, read.append, venue_now_ns=lambda: told_at_ns)
        async for said in self._inner.reports():
            match said:
                case OrderReport():
                    reader.notified("user.changes.any.any.raw", written({"orders": [order_words(said)]}))
                case FillReport(action=FillAction.TRADE):
                    reader.notified("user.changes.any.any.raw", written({"trades": [trade_words(said)]}))
                case BalanceReport():
                    told_at_ns = said.venue_time_ns
                    reader.notified("user.portfolio.any", written(balance_words(said)))
                case _:
                    read.append(said)
            for report in read:
                yield report
            read.clear()

    def market(self, instruments: Sequence[InstrumentId]) -> AsyncIterator[Book | TradeBar]:
        return self._market.market(instruments)

    async def recent_trades(self, instrument_id: InstrumentId) -> Sequence[TradeBar]:
        return await self._market.recent_trades(instrument_id)

    def _reread(self, said: OrderReport) -> OrderReport:
        return order_report(read_order(written(order_words(said))), self._account_id, self._venue)

    def _retold(self, said: FillReport) -> FillReport:
        if said.action is not FillAction.TRADE:
            return said
        return fill_report(read_trade(written(trade_words(said))), self._account_id, self._venue)


def wired(inner: ExternalAdapter) -> ExternalAdapter:
    """The adapter with Deribit's messages in between."""
    return WiredAdapter(inner)


def _answered(outcome: SendOutcome) -> SendOutcome:
    """What the venue answers, as the error table judges it."""
    if isinstance(outcome, Rejected):
        error = wire.RpcError(_CODES.get(outcome.code, _OTHER_REJECT), outcome.message)
        return judged(error, timed=True)
    return outcome


def _with_items[T](shown: Snapshot[T], items: tuple[T, ...]) -> Snapshot[T]:
    return Snapshot(items, shown.requested_at_ns, shown.responded_at_ns, shown.complete, shown.as_of_ns)
