"""The floor: the project's matching engine with the names, numbers and streams that a venue's protocol needs.

Other participants are two accounts with deep pockets: one rests, one takes, so that neither trades with itself.
Everything that a request does is told to ``listeners`` before it returns, event by event in the order it happened.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.account_event import AssetMoved
from liveexec.domain.fill import Liquidity
from liveexec.domain.ids import ClientOrderId, VenueName, VenueOrderId
from liveexec.domain.money import MONEY, ZERO
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    Accepted,
    AssetKind,
    AssetReport,
    FillReport,
    OrderRef,
    OrderReport,
    Rejected,
    SendPlan,
    VenueOrderStatus,
)
from liveexec.domain.position import AccountBook, Position
from liveexec.venues.paper.config import FeeIn, PaperAccount, PaperVenueConfig
from liveexec.venues.paper.entry import EndCode
from liveexec.venues.paper.exchange import PaperExchange
from liveexec_nautilus.loopback.shared.accounts import AccountConfig
from liveexec_nautilus.loopback.shared.clock import VenueClock
from liveexec_nautilus.loopback.shared.events import (
    BalanceMoved,
    FloorEvent,
    OrderChange,
    OrderChanged,
    PublicTrade,
)
from liveexec_nautilus.loopback.shared.forms import account_id_of, new_order, offers, user_id_of, venue_order
from liveexec_nautilus.loopback.shared.market import PublicMarket
from liveexec_nautilus.loopback.shared.orders import Execution, Order, OrderRequest, Refusal
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["MAKERS", "TAKERS", "Floor"]

#: The user ids of the other participants; those of accounts with keys are above.
MAKERS: Final = 1
TAKERS: Final = 2

#: What other participants have of every asset.
_PLENTY: Final = Decimal(10) ** 15
#: Until when a request may wait here: requests are carried out when they arrive.
_NO_DEADLINE_NS: Final = 2**62
_ENDED: Final = {VenueOrderStatus.CANCELED: OrderChange.CANCELED, VenueOrderStatus.EXPIRED: OrderChange.EXPIRED}
#: Ends that these venues call expired: the order's own terms ended it, nobody's cancel.
_BY_ITS_TERMS: Final = frozenset({EndCode.IOC_REMAINDER, EndCode.FOK_NOT_FILLABLE, EndCode.NO_LIQUIDITY})


class Floor:
    """Symbols, orders, positions and balances of one loopback venue. Synchronous: a request is done when it returns."""

    def __init__(
        self,
        venue: VenueName,
        symbols: Iterable[SymbolConfig],
        accounts: Sequence[AccountConfig],
        clock: VenueClock,
        *,
        initial_margin: Decimal = Decimal("0.05"),
        fee_in: FeeIn = FeeIn.QUOTE,
        first_number: int = 1_000_000,
        client_ids_return: bool = False,
    ) -> None:
        """With ``client_ids_return`` a client order id is unique among open orders alone (Binance); without it one is
        used up for good."""
        self.venue = venue
        self.clock = clock
        self.symbols = {symbol.name: symbol for symbol in symbols}
        self.accounts = {account.user_id: account for account in accounts}
        self.listeners: list[Callable[[FloorEvent], None]] = []
        self.orders: dict[int, Order] = {}
        self.executions: list[Execution] = []
        assets = {asset for symbol in self.symbols.values() for asset in (symbol.base, symbol.quote, symbol.settlement)}
        plenty = dict.fromkeys(sorted(assets), _PLENTY)
        funded = [(account.user_id, account.balances) for account in accounts] + [(MAKERS, plenty), (TAKERS, plenty)]
        self.exchange = PaperExchange(
            PaperVenueConfig(
                venue=venue,
                accounts=tuple(PaperAccount(account_id_of(user_id), dict(balances)) for user_id, balances in funded),
                instruments=tuple(symbol.paper(venue) for symbol in self.symbols.values()),
                initial_margin=initial_margin,
                fee_in=fee_in,
            )
        )
        #: What everybody is told: the tape, the mark prices and the books.
        self.market = PublicMarket(venue, self.symbols, self.exchange, clock, self._tell, first_number)
        self._positions = {user_id: AccountBook(account_id_of(user_id)) for user_id, _ in funded}
        self._by_client_id: dict[tuple[int, str], Order] = {}
        self._first_number = first_number
        self._engine_ids: dict[int, ClientOrderId] = {}
        self._client_ids_return = client_ids_return
        self._sent = 0
        self._others = 0
        self._turned_away = 0

    # Orders

    def submit(self, user_id: int, request: OrderRequest) -> Order | Refusal:
        """Place an order; what it did at once has been told when this returns. A refused one leaves no trace,
        except that its client id is used up where ids do not return."""
        engine_id = request.client_order_id
        if self._client_ids_return:
            earlier = self._by_client_id.get((user_id, request.client_order_id))
            if earlier is not None and earlier.is_open:
                return Refusal("DUPLICATE_CLIENT_ID", f"{request.client_order_id} is the client id of an open order")
            # The engine never takes an id twice.
            self._sent += 1
            engine_id = f"{request.client_order_id}#{self._sent}"
        sent = venue_order(self.venue, user_id, request)
        plan = SendPlan(ClientOrderId(engine_id), _NO_DEADLINE_NS)
        outcome = self.exchange.submit(sent, plan, self.clock.now_ns())
        if isinstance(outcome, Rejected):
            self._fold()
            return Refusal(outcome.code or "", outcome.message or "")
        assert isinstance(outcome, Accepted)
        assert outcome.venue_order_id is not None
        number = self._first_number + int(outcome.venue_order_id)
        order = new_order(number, user_id, request, self.exchange.now_ns)
        self._engine_ids[number] = ClientOrderId(engine_id)
        self._register(order)
        self._fold()
        return order

    def turn_away(self, user_id: int, request: OrderRequest, code: str) -> Order:
        """Take an order that the engine refused and end it at once: some venues accept a post-only order that would
        take, and tell of its end on their streams. ``code`` is why; its number lies below those of the engine."""
        self._turned_away += 1
        now_ns = self.clock.now_ns()
        order = new_order(self._first_number - self._turned_away, user_id, request, now_ns)
        self._register(order)
        order.status, order.end_code = VenueOrderStatus.CANCELED, code
        self._tell(OrderChanged(order, OrderChange.CANCELED))
        return order

    def takeable(self, user_id: int, request: OrderRequest) -> Decimal:
        """What others offer at the request's limit or better: what it could fill at once."""
        with localcontext(MONEY):
            return sum((order.leaves for order in self.orders.values() if offers(order, user_id, request)), ZERO)

    def cancel(self, order: Order) -> Refusal | None:
        """Cancel an order, or say why not."""
        outcome = self.exchange.cancel(self._ref(order), self.clock.now_ns())
        self._fold()
        return Refusal(outcome.code or "", outcome.message or "") if isinstance(outcome, Rejected) else None

    def amend(
        self, order: Order, quantity: Decimal, price: Decimal | None, details: dict[str, str] | None = None
    ) -> Refusal | None:
        """Give a working order a new total quantity and price; it stands as it was when this is refused.

        One that only loses quantity keeps its place in the queue, as at these venues.
        """
        request = OrderRequest(
            symbol=order.symbol,
            side=order.side,
            order_type=order.order_type,
            quantity=quantity,
            client_order_id=order.client_order_id,
            price=price,
            time_in_force=order.time_in_force,
            expire_at_ns=order.expire_at_ns,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
        )
        plan = SendPlan(self._engine_ids[order.number], _NO_DEADLINE_NS)
        sent = venue_order(self.venue, order.user_id, request)
        outcome = self.exchange.replace(self._ref(order), sent, plan, self.clock.now_ns())
        if isinstance(outcome, Rejected):
            self._fold()
            return Refusal(outcome.code or "", outcome.message or "")
        order.quantity, order.price, order.updated_ns = quantity, price, self.exchange.now_ns
        order.amendments += 1
        order.details.update(details or {})
        self._tell(OrderChanged(order, OrderChange.AMENDED))
        self._fold()
        return None

    def find(self, user_id: int, *, number: int | None = None, client_order_id: str | None = None) -> Order | None:
        """An account's order by the venue's number or by the client's id; the number wins where both are given."""
        if number is not None:
            found = self.orders.get(number)
            return found if found is not None and found.user_id == user_id else None
        return self._by_client_id.get((user_id, client_order_id or ""))

    def orders_of(self, user_id: int, symbol: str | None = None, *, open_only: bool = False) -> list[Order]:
        """An account's orders, oldest first."""
        return [
            order
            for order in self.orders.values()
            if order.user_id == user_id
            and (symbol is None or order.symbol.name == symbol)
            and (order.is_open or not open_only)
        ]

    def executions_of(self, user_id: int, symbol: str | None = None) -> list[Execution]:
        """An account's fills, oldest first."""
        return [
            each
            for each in self.executions
            if each.order.user_id == user_id and (symbol is None or each.order.symbol.name == symbol)
        ]

    # Holdings

    def position(self, user_id: int, symbol: str) -> Position:
        """An account's net position in a symbol."""
        listed = self.symbols[symbol]
        terms = self.exchange.books[listed.instrument_id(self.venue)].listing.terms
        return self._positions[user_id].position(listed.instrument_id(self.venue), terms)

    def wallet(self, user_id: int, asset: str) -> Decimal:
        """All that an account has of an asset but unrealised results, as of the event that is being told."""
        moved = self._positions[user_id].assets.get(asset, ZERO)
        return MONEY.add(self.accounts[user_id].balances.get(asset, ZERO), moved)

    def balances(self, user_id: int) -> dict[str, tuple[Decimal, Decimal]]:
        """By asset: all there is but unrealised results, and what neither orders nor positions hold of it."""
        snapshot = self.exchange.snapshots.balances(account_id_of(user_id), self.clock.now_ns())
        return {report.asset: (report.total, report.available) for report in snapshot.items}

    def move_asset(self, user_id: int, asset: str, amount: Decimal, kind: AssetKind = AssetKind.DEPOSIT) -> None:
        """An asset moves without a trade."""
        self.exchange.move_asset(account_id_of(user_id), asset, amount, kind, self.clock.now_ns())
        self._fold()

    # The market

    def rest(self, symbol: str, side: Side, price: Decimal, quantity: Decimal) -> Order | Refusal:
        """Let another participant rest a limit order."""
        return self._other(MAKERS, symbol, side, price, quantity, TimeInForce.GTC)

    def take(self, symbol: str, side: Side, quantity: Decimal, price: Decimal | None = None) -> Order | Refusal:
        """Let another participant take what rests, up to a price if there is one; what it can't get is canceled."""
        return self._other(TAKERS, symbol, side, price, quantity, TimeInForce.IOC)

    def clear_book(self, symbol: str) -> int:
        """Cancel the other participants' orders of a symbol; returns how many."""
        orders = self.orders_of(MAKERS, symbol, open_only=True)
        for order in orders:
            self.cancel(order)
        return len(orders)

    def advance(self) -> None:
        """Time has passed: orders whose time is over expire."""
        self.exchange.advance(self.clock.now_ns())
        self._fold()

    def _register(self, order: Order) -> None:
        self.orders[order.number] = order
        self._by_client_id[order.user_id, order.client_order_id] = order
        self._tell(OrderChanged(order, OrderChange.NEW))

    # What the engine reported

    def _other(
        self,
        user_id: int,
        symbol: str,
        side: Side,
        price: Decimal | None,
        quantity: Decimal,
        time_in_force: TimeInForce,
    ) -> Order | Refusal:
        self._others += 1
        request = OrderRequest(
            symbol=self.symbols[symbol],
            side=side,
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            quantity=quantity,
            client_order_id=f"others-{self._others}",
            price=price,
            time_in_force=time_in_force,
        )
        return self.submit(user_id, request)

    def _ref(self, order: Order) -> OrderRef:
        return OrderRef(
            account_id=account_id_of(order.user_id),
            instrument_id=order.symbol.instrument_id(self.venue),
            client_order_id=None,
            venue_order_id=VenueOrderId(str(order.number - self._first_number)),
        )

    def _fold(self) -> None:
        for report in self.exchange.take_reports():
            if isinstance(report, FillReport):
                self._fold_fill(report)
            elif isinstance(report, OrderReport):
                self._fold_end(report)
            else:
                assert isinstance(report, AssetReport)
                held = self._positions[user_id_of(report.account_id)]
                with localcontext(MONEY):
                    held.apply_asset(
                        AssetMoved(
                            report.account_id,
                            report.asset,
                            report.amount,
                            report.kind,
                            report.reference,
                            report.venue_time_ns,
                        )
                    )
                moved = BalanceMoved(
                    user_id_of(report.account_id), report.asset, report.amount, report.kind, report.venue_time_ns
                )
                self._tell(moved)
        self.market.publish_books()

    def _fold_fill(self, report: FillReport) -> None:
        assert report.venue_order_id is not None
        fill, order = report.fill, self.orders[self._first_number + int(report.venue_order_id)]
        terms = self.exchange.books[fill.instrument_id].listing.terms
        held = self._positions[order.user_id]
        with localcontext(MONEY):
            before = held.position(fill.instrument_id, terms).realized_pnl
            held.apply_fill(fill, terms, fill.venue_time_ns)
            position = held.position(fill.instrument_id, terms)
            execution = Execution(
                trade_number=self.market.trade_number(fill.key.rpartition("|")[2]),
                order=order,
                price=fill.price,
                quantity=fill.quantity,
                fee=fill.fee,
                fee_asset=fill.fee_asset,
                is_maker=fill.liquidity is Liquidity.MAKER,
                time_ns=fill.venue_time_ns,
                realized_pnl=position.realized_pnl - before,
                position=position.quantity,
            )
        order.fill(execution)
        self.executions.append(execution)
        self._tell(OrderChanged(order, OrderChange.TRADE, execution))
        if not execution.is_maker:
            self.market.publish_trade(
                PublicTrade(
                    order.symbol, execution.trade_number, fill.price, fill.quantity, order.side, fill.venue_time_ns
                )
            )

    def _fold_end(self, report: OrderReport) -> None:
        assert report.venue_order_id is not None
        order = self.orders[self._first_number + int(report.venue_order_id)]
        order.status = VenueOrderStatus.EXPIRED if report.code in _BY_ITS_TERMS else report.status
        order.end_code, order.updated_ns = report.code, report.venue_time_ns
        self._tell(OrderChanged(order, _ENDED[order.status]))

    def _tell(self, event: FloorEvent) -> None:
        for listener in self.listeners:
            listener(event)
