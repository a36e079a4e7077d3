"""Working exposure: what open orders may still do at worst, kept up with every event that changes it."""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from attrs import define, field

from liveexec.domain.ids import AccountId, InstrumentId, ProductId, StrategyId, is_instrument_id, product_of
from liveexec.domain.instrument import ContractTerms
from liveexec.domain.ledger import PositionKey
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from liveexec.domain.order_state import OPEN_STATUSES
from liveexec.engine.own_book import OwnBook

__all__ = ["NO_WORKING", "ExposureBook", "Working", "price_sign", "product_of_key", "worst_price"]

#: A backer takes odds that are no lower than the limit, as a seller takes prices; a layer bids.
_PRICE_SIGN: Final = {side: -side.sign if side in (Side.BACK, Side.LAY) else side.sign for side in Side}


@define(eq=False)
class Working:
    """What the open orders of one place may still buy and sell, and at which cost, at worst.

    Quantities are in the listing's units; a cost is the sum of quantity x worst price, without the contract's
    multiplier. ``unpriced`` counts orders whose worst price is not known; their cost is missing from the sums.
    ``terms`` are those of an instrument's orders; a product has none here.
    """

    terms: ContractTerms | None = None
    buys: Decimal = ZERO
    sells: Decimal = ZERO
    buy_cost: Decimal = ZERO
    sell_cost: Decimal = ZERO
    orders: int = 0
    unpriced: int = 0

    def side(self, sign: int) -> Decimal:
        """The quantity of one side: +1 buys, -1 sells."""
        return self.buys if sign > 0 else self.sells

    def move(self, sign: int, quantity: Decimal, cost: Decimal, count: int, unpriced: int) -> None:
        """Add an order, or take one out: its quantity, its cost and its counts are negative then."""
        self.orders += count
        if unpriced:
            self.unpriced += unpriced
        if sign > 0:
            self.buys += quantity
            self.buy_cost += cost
        else:
            self.sells += quantity
            self.sell_cost += cost


#: What a place has where no order is open.
NO_WORKING = Working()
_NOTHING_MOVED: Final[Mapping[PositionKey, None]] = MappingProxyType({})


@define(eq=False)
class ExposureBook:
    """Working exposure at two levels, as risk is checked in two stages.

    Leaves (plain orders and children) count by account and instrument. What callers asked for (plain orders and
    parents) counts by strategy and product, and by product over all strategies. A parent counts what it has not
    filled yet, whether its children are live or still to come. An order in UNKNOWN is open; a pending replace counts
    at the larger quantity and the higher price.

    What an order adds is a pure function of the order, so nothing is kept per order: ``release`` before an event and
    ``reserve`` after it keep the sums exact. Entries without orders are dropped.
    """

    accounts: dict[AccountId, dict[InstrumentId, Working]] = field(factory=dict)
    strategies: dict[StrategyId, dict[ProductId, Working]] = field(factory=dict)
    products: dict[ProductId, Working] = field(factory=dict)
    #: Leaves that may be live at venues: over all, and by strategy.
    open_orders: int = 0
    open_by_strategy: dict[StrategyId, int] = field(factory=dict)
    #: When an order of an account last changed what it may cost (engine time).
    touched: dict[AccountId, int] = field(factory=dict)
    own: OwnBook = field(factory=OwnBook)
    _moved: dict[PositionKey, None] = field(factory=dict)

    def reserve(self, order: Order) -> None:
        """Count what the approved order may still do in its current state."""
        account_id, instrument_id = order.account_id, order.instrument_id
        if account_id is not None:
            self.touched[account_id] = order.updated_at_ns
            if instrument_id is not None:
                # An order that has ended may still have been filled.
                self._moved[account_id, order.strategy_id, instrument_id] = None
        if order.status in OPEN_STATUSES:
            self._move(order, 1)

    def release(self, order: Order) -> None:
        """Take out what :meth:`reserve` counted for the order in this same state."""
        if order.account_id is not None and order.instrument_id is not None:
            # What follows may move the order to another strategy, so the one that it leaves is noted too.
            self._moved[order.account_id, order.strategy_id, order.instrument_id] = None
        if order.status in OPEN_STATUSES:
            self._move(order, -1)

    def take_moved(self) -> Mapping[PositionKey, None]:
        """The positions that orders may have moved since this was last asked, in the order in which they did."""
        moved = self._moved
        if not moved:
            return _NOTHING_MOVED
        self._moved = {}
        return moved

    def of_instrument(self, account_id: AccountId, instrument_id: InstrumentId) -> Working:
        """What an account's leaves may still do in an instrument."""
        account = self.accounts.get(account_id)
        return account.get(instrument_id, NO_WORKING) if account is not None else NO_WORKING

    def of_strategy(self, strategy_id: StrategyId, product_id: ProductId) -> Working:
        """What a strategy's orders may still do in a product."""
        strategy = self.strategies.get(strategy_id)
        return strategy.get(product_id, NO_WORKING) if strategy is not None else NO_WORKING

    def of_product(self, product_id: ProductId) -> Working:
        """What all strategies' orders may still do in a product."""
        return self.products.get(product_id, NO_WORKING)

    def _move(self, order: Order, count: int) -> None:
        """Add an open order (+1), or take it out again (-1)."""
        intent = order.intent
        side = intent.side
        if side is None:
            return
        sign = side.sign
        if order.replace is None:
            # The most common case of what the other branch says.
            left, price, reserve = order.quantity - order.filled_quantity, order.price, order.reserve_price
            quantity = left if left > 0 else ZERO
            if price is None or (reserve is not None and reserve > price):
                price = reserve
        else:
            quantity, price = order.worst_leaves, worst_price(order)
        if count < 0:
            quantity = -quantity
        if price is not None:
            cost, unpriced = quantity * price, 0
        else:
            cost, unpriced = ZERO, count
        account_id, instrument_id, strategy_id = order.account_id, order.instrument_id, order.strategy_id
        if not order.is_parent and account_id is not None and instrument_id is not None:
            leaves = self.accounts.get(account_id)
            if leaves is None:
                leaves = self.accounts[account_id] = {}
            place = leaves.get(instrument_id)
            if place is None:
                place = leaves[instrument_id] = Working(order.terms)
            place.move(sign, quantity, cost, count, unpriced)
            if not place.orders:
                del leaves[instrument_id]
                if not leaves:
                    del self.accounts[account_id]
            self.open_orders += count
            self.open_by_strategy[strategy_id] = of_strategy = self.open_by_strategy.get(strategy_id, 0) + count
            if not of_strategy:
                del self.open_by_strategy[strategy_id]
            if order.price is not None and not intent.order_type.has_trigger:
                # A stop rests nowhere before it is triggered, and then the venue prevents the match.
                move = self.own.add if count > 0 else self.own.remove
                move(account_id, instrument_id, _PRICE_SIGN[side], order.price)
                if order.replace is not None and order.replace.price is not None:
                    move(account_id, instrument_id, _PRICE_SIGN[side], order.replace.price)
        if order.parent_id is None and intent.instrument_key is not None:
            self._move_asked(strategy_id, product_of_key(intent.instrument_key), sign, quantity, cost, count, unpriced)

    def _move_asked(
        self,
        strategy_id: StrategyId,
        product_id: ProductId,
        sign: int,
        quantity: Decimal,
        cost: Decimal,
        count: int,
        unpriced: int,
    ) -> None:
        asked = self.strategies.get(strategy_id)
        if asked is None:
            asked = self.strategies[strategy_id] = {}
        place = asked.get(product_id)
        if place is None:
            place = asked[product_id] = Working()
        place.move(sign, quantity, cost, count, unpriced)
        if not place.orders:
            del asked[product_id]
            if not asked:
                del self.strategies[strategy_id]
        place = self.products.get(product_id)
        if place is None:
            place = self.products[product_id] = Working()
        place.move(sign, quantity, cost, count, unpriced)
        if not place.orders:
            del self.products[product_id]


def worst_price(order: Order) -> Decimal | None:
    """The highest price that what is left of an order may be worth; ``None`` when no price is known."""
    price, reserve, replace = order.price, order.reserve_price, order.replace
    if price is None or (reserve is not None and reserve > price):
        price = reserve
    if replace is not None and replace.price is not None and (price is None or replace.price > price):
        price = replace.price
    return price


def price_sign(side: Side) -> int:
    """+1 where a lower price is better for the order's owner, -1 where a higher one is."""
    return _PRICE_SIGN[side]


@lru_cache(maxsize=16_384)
def product_of_key(key: str) -> ProductId:
    """The product of an order's key, which names it or an instrument."""
    return product_of(InstrumentId(key)) if is_instrument_id(key) else ProductId(key)
