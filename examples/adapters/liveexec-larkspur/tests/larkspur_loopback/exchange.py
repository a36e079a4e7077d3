"""Larkspur's matching engine: accounts, orders, fills, and what everybody is told of them.

Nothing here knows of connections: whoever was away finds everything again by asking.
"""

import time
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from itertools import count
from typing import Any, Final

from attrs import define, field, frozen

from larkspur_loopback.book import Book, Order

__all__ = ["PAIRS", "Account", "Exchange", "Fill", "Pair", "Refusal"]


@frozen
class Pair:
    """What is listed."""

    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.0005")


PAIRS: Final = {
    "BTC-USD": Pair("BTC-USD", "BTC", "USD", Decimal("0.5"), Decimal("0.0001")),
    "ETH-USD": Pair("ETH-USD", "ETH", "USD", Decimal("0.01"), Decimal("0.001")),
}


class Refusal(Exception):
    """A request is not carried out: the status and the code of PROTOCOL.md, and words."""

    def __init__(self, status: int, code: str, message: str, **more: object) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"error": {"code": code, "message": message, **more}}


@frozen
class Fill:
    """One side of a trade."""

    id: str
    order: Order
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: str
    time_us: int


@define(eq=False)
class Account:
    """What belongs to one key. ``orders`` holds all that there ever were, the forgotten ones too."""

    key: str
    secret: str
    balances: dict[str, Decimal]
    orders: dict[str, Order] = field(factory=dict)
    by_client_id: dict[str, Order] = field(factory=dict)
    fills: list[Fill] = field(factory=list)
    forgotten_until_us: int | None = None

    @property
    def open_orders(self) -> list[Order]:
        return [each for each in self.orders.values() if each.status == "open"]

    def available(self, asset: str) -> Decimal:
        """What no open order holds of an asset."""
        held = Decimal(0)
        for order in self.open_orders:
            pair = PAIRS[order.symbol]
            if order.side == "sell" and pair.base == asset:
                held += order.leaves
            elif order.side == "buy" and pair.quote == asset and order.price is not None:
                held += order.leaves * order.price * (1 + pair.taker_fee)
        return self.balances.get(asset, Decimal(0)) - held


#: What an account is told of: ("order", Order), ("fill", Fill) or ("transfer", a document).
Event = tuple[str, Any]


class Exchange:
    """Everything that happens here happens at once, in the order of the calls.

    ``tell`` is called with what one request made happen to an account, ``show`` with a pair whose book changed and its
    trades.
    """

    def __init__(self) -> None:
        self.ahead_us = 0
        self.tell: Callable[[str, list[Event]], None] = lambda _key, _events: None
        self.show: Callable[[str, list[Fill]], None] = lambda _symbol, _trades: None
        self.accounts: dict[str, Account] = {}
        self.books = {symbol: Book() for symbol in PAIRS}
        self.trades: list[Fill] = []
        self._numbers = count(1)
        self._last_us = 0

    def open_account(self, key: str, secret: str, balances: Mapping[str, Decimal]) -> Account:
        """A further account."""
        self.accounts[key] = Account(key, secret, dict(balances))
        return self.accounts[key]

    def now_us(self) -> int:
        """The venue's clock. No two things happen at the same microsecond, unless the clock is set back."""
        now_us = time.time_ns() // 1_000 + self.ahead_us
        self._last_us = max(now_us, self._last_us + 1) if now_us > self._last_us - 1_000_000 else now_us
        return self._last_us

    # -- requests ------------------------------------------------------------------------------------------------

    def place(self, account: Account, asked: Mapping[str, Any]) -> Order:
        """Take an order, match it, and rest or cancel what is left."""
        order = self._order(account, asked)
        pair, book = PAIRS[order.symbol], self.books[order.symbol]
        met = list(book.met_by(order.side, order.price))
        if asked.get("post_only") and met:
            raise Refusal(409, "POST_ONLY_WOULD_TAKE", "the order would take")
        self._must_be_covered(account, order, pair, met)
        account.orders[order.id] = account.by_client_id[order.client_id] = order
        trades: list[Fill] = []
        touched = {order.id: order}
        events: dict[str, list[Event]] = {account.key: []}
        if order.tif == "fok" and sum((each.leaves for each in met), Decimal(0)) < order.quantity:
            self._end(order, "canceled", "FOK_NOT_FILLABLE")
            met = []
        for maker in met:
            if not order.leaves:
                break
            trades.append(self._trade(order, maker, pair, events))
            touched[maker.id] = maker
            if not maker.leaves:
                book.remove(maker)
        if order.status == "open" and (order.type == "market" or order.tif != "gtc"):
            self._end(order, "canceled", "REMAINDER")
        elif order.status == "open":
            book.rest(order)
        for each in touched.values():
            events.setdefault(each.owner, []).append(("order", each))
        self._publish(events, order.symbol, trades)
        return order

    def cancel(self, account: Account, order: Order) -> Order:
        """Take an order out of the book."""
        if order.status != "open":
            raise Refusal(409, "ORDER_ENDED", f"the order is {order.status}")
        self.books[order.symbol].remove(order)
        self._end(order, "canceled", "CANCEL_REQUESTED")
        self._publish({account.key: [("order", order)]}, order.symbol, [])
        return order

    def cancel_all(self, account: Account) -> int:
        """Take every order of the account out of the books."""
        orders = account.open_orders
        for order in orders:
            self.cancel(account, order)
        return len(orders)

    def find(self, account: Account, *, order_id: str | None = None, client_id: str | None = None) -> Order:
        """An order by either name."""
        order = account.orders.get(order_id or "") or account.by_client_id.get(client_id or "")
        if order is None or order.is_forgotten:
            more = {} if account.forgotten_until_us is None else {"forgotten_until_us": account.forgotten_until_us}
            raise Refusal(404, "UNKNOWN_ORDER", "there is no such order", **more)
        return order

    # -- what happens without a request --------------------------------------------------------------------------

    def transfer(self, account: Account, asset: str, amount: Decimal, kind: str) -> None:
        """An asset comes or goes."""
        account.balances[asset] = account.balances.get(asset, Decimal(0)) + amount
        told = {
            "id": f"M{next(self._numbers)}",
            "asset": asset,
            "amount": f"{amount:f}",
            "kind": kind,
            "time_us": self.now_us(),
        }
        self.tell(account.key, [("transfer", told)])

    def forget_ended(self, account: Account) -> None:
        """Orders that have ended are found no more; their fills are."""
        for order in account.orders.values():
            order.is_forgotten = order.status != "open"
        account.forgotten_until_us = self.now_us()

    # -- matching ------------------------------------------------------------------------------------------------

    def _order(self, account: Account, asked: Mapping[str, Any]) -> Order:
        pair = PAIRS.get(str(asked.get("symbol")))
        if pair is None:
            raise Refusal(400, "UNKNOWN_SYMBOL", "there is no such pair")
        quantity, price = _amount(asked.get("quantity"), "BAD_QUANTITY"), None
        if asked.get("price") is not None:
            price = _amount(asked["price"], "BAD_PRICE")
            if price % pair.tick:
                raise Refusal(400, "BAD_PRICE", f"the price must be a multiple of {pair.tick}")
        if quantity % pair.lot:
            raise Refusal(400, "BAD_QUANTITY", f"the quantity must be a multiple of {pair.lot}")
        client_id, side, kind, tif = (asked.get(name) for name in ("client_id", "side", "type", "tif"))
        is_market = kind == "market"
        if (
            not isinstance(client_id, str)
            or not 0 < len(client_id) <= 36
            or side not in ("buy", "sell")
            or kind not in ("limit", "market")
            or tif not in ("gtc", "ioc", "fok")
            or is_market != (price is None)
            or (asked.get("post_only") and (is_market or tif != "gtc"))
        ):
            raise Refusal(400, "BAD_REQUEST", "the order contradicts itself or is not complete")
        now_us = self.now_us()
        if (expires_us := asked.get("expires_us")) is not None and now_us > expires_us:
            raise Refusal(409, "EXPIRED_REQUEST", "the request came after its expiry")
        if client_id in account.by_client_id:
            raise Refusal(409, "DUPLICATE_CLIENT_ID", "an order of this client id was taken before")
        return Order(
            f"L{next(self._numbers)}", account.key, client_id, pair.symbol, side, kind, tif, quantity, price, now_us
        )

    @staticmethod
    def _must_be_covered(account: Account, order: Order, pair: Pair, met: list[Order]) -> None:
        if order.side == "sell":
            asset, needed = pair.base, order.quantity
        else:
            asset, left, needed = pair.quote, order.quantity, Decimal(0)
            for each in met:
                assert each.price is not None
                taken = min(left, each.leaves)
                needed += taken * each.price
                left -= taken
            if order.price is not None:
                needed = order.quantity * order.price
            needed *= 1 + pair.taker_fee
        if needed > account.available(asset):
            raise Refusal(409, "INSUFFICIENT_FUNDS", f"the order needs {needed:f} {asset}")

    def _trade(self, taker: Order, maker: Order, pair: Pair, events: dict[str, list[Event]]) -> Fill:
        assert maker.price is not None
        quantity, price, trade_id = min(taker.leaves, maker.leaves), maker.price, f"T{next(self._numbers)}"
        now_us = self.now_us()
        fills = []
        for order, rate, liquidity in ((maker, pair.maker_fee, "maker"), (taker, pair.taker_fee, "taker")):
            account, sign = self.accounts[order.owner], 1 if order.side == "buy" else -1
            fee = quantity * price * rate
            account.balances[pair.base] = account.balances.get(pair.base, Decimal(0)) + sign * quantity
            account.balances[pair.quote] = account.balances.get(pair.quote, Decimal(0)) - sign * quantity * price - fee
            order.filled += quantity
            order.updated_us = now_us
            if not order.leaves:
                self._end(order, "filled", None)
            fill = Fill(trade_id, order, quantity, price, fee, pair.quote, liquidity, now_us)
            account.fills.append(fill)
            events.setdefault(order.owner, []).append(("fill", fill))
            fills.append(fill)
        return fills[1]

    def _end(self, order: Order, status: Any, reason: str | None) -> None:
        order.status, order.reason, order.updated_us = status, reason, self.now_us()

    def _publish(self, events: Mapping[str, list[Event]], symbol: str, trades: list[Fill]) -> None:
        self.trades += trades
        for key, happened in events.items():
            self.tell(key, happened)
        self.show(symbol, trades)


def _amount(given: object, code: str) -> Decimal:
    try:
        amount = Decimal(given) if isinstance(given, str) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount <= 0:
        raise Refusal(400, code, "must be a decimal above zero, as a string")
    return amount
