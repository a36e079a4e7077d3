"""What an account owns: balances, positions, margin, fees, and the log of what changed them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Literal

import attrs

from liveexec_deribit.loopback.config import AccountConfig, SelfTradingMode
from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.orders import Direction, Order, rounded
from liveexec_deribit.loopback.positions import Position
from liveexec_deribit.loopback.reservations import Reservations
from liveexec_deribit.loopback.tape import PublicTrade

Liquidity = Literal["M", "T"]

#: An option's fee is at most this part of its premium ("Fees" of the venue).
_MOST_OF_PREMIUM: Final = Decimal("0.125")
#: What a short option needs of its underlying, whatever its distance from the money.
_SHORT_OPTION_MARGIN: Final = Decimal("0.15")
#: Decimals of the currencies that have not eight.
_DIGITS: Final = {"USDC": 6, "USDT": 6, "EURR": 6}
_ZERO = Decimal(0)


@attrs.frozen(kw_only=True)
class UserTrade:
    """A trade as one of its two accounts sees it. ``state`` is the order's after it."""

    public: PublicTrade
    user_id: int
    order_id: str
    order_type: str
    label: str
    direction: Direction
    liquidity: Liquidity
    fee: Decimal
    fee_currency: str
    profit_loss: Decimal
    state: str
    post_only: bool
    reduce_only: bool

    def wire(self) -> dict[str, object]:
        """As answers and ``user.trades`` carry it (``user_trade`` in the venue's OpenAPI document)."""
        return self.public.wire() | {
            "user_id": self.user_id,
            "order_id": self.order_id,
            "order_type": self.order_type,
            "label": self.label,
            "direction": self.direction,
            "liquidity": self.liquidity,
            "fee": rounded(self.fee),
            "fee_currency": self.fee_currency,
            "profit_loss": rounded(self.profit_loss),
            "state": self.state,
            "post_only": self.post_only,
            "reduce_only": self.reduce_only,
            "matching_id": None,
            "mmp": False,
            "risk_reducing": False,
            "api": True,
            "self_trade": False,
        }


def fee_of(instrument: Instrument, amount: Decimal, price: Decimal, index: Decimal, liquidity: Liquidity) -> Decimal:
    """The fee of a fill, in the settlement currency.

    Futures and spot pay a part of what changed hands; options a part of the underlying, at most an eighth of the
    premium. Spot pays in the quote currency. Fees are rounded to what the currency is counted in.
    """
    digits = _DIGITS.get(instrument.settlement, 8)
    return round(_unrounded_fee(instrument, amount, price, index, liquidity), digits)


def _unrounded_fee(
    instrument: Instrument, amount: Decimal, price: Decimal, index: Decimal, liquidity: Liquidity
) -> Decimal:
    rate = instrument.maker_fee if liquidity == "M" else instrument.taker_fee
    if instrument.kind == "option":
        underlying = amount if instrument.inverse else amount * index
        return min(rate * underlying, _MOST_OF_PREMIUM * price * amount)
    return rate * (amount / price if instrument.amount_in_dollars else amount * price)


class Account:
    """One account. ``is_house`` has no limit of funds: it stands for everybody else at the venue."""

    def __init__(
        self, config: AccountConfig, mark_of: Callable[[Instrument], Decimal], *, is_house: bool = False
    ) -> None:
        self.config = config
        self.user_id = config.user_id
        self.is_house = is_house
        self.self_trading: SelfTradingMode = config.self_trading
        self.balances: dict[str, Decimal] = dict(config.balances)
        self.positions: dict[str, Position] = {}
        self.orders: dict[str, Order] = {}
        self.reservations = Reservations()
        self._open: dict[str, Order] = {}
        self.trades: list[UserTrade] = []
        self.log: list[dict[str, object]] = []
        #: Settlements and deliveries, oldest first (``settlement`` in the venue's OpenAPI document).
        self.settlements: list[dict[str, object]] = []
        self.cancels_on_disconnect = False
        self._mark_of = mark_of

    def position(self, instrument: Instrument) -> Position:
        """Its position, nought if it never traded there."""
        found = self.positions.get(instrument.name)
        if found is None:
            found = self.positions[instrument.name] = Position(instrument)
        return found

    def open_orders(self) -> list[Order]:
        """Orders in the books and waiting for their triggers, oldest first."""
        return list(self._open.values())

    def note(self, order: Order) -> None:
        """Keep an order in step with its state."""
        self.orders[order.order_id] = order
        if order.is_open:
            self._open[order.order_id] = order
            if not self.is_house:
                currency = self.reserve_currency(order)
                self.reservations.hold(order.order_id, order.instrument, currency, self.margin_of(order))
        else:
            self._open.pop(order.order_id, None)
            self.reservations.release(order.order_id)

    def book_fill(self, order: Order, public: PublicTrade, liquidity: Liquidity) -> UserTrade:
        """Take a fill of an order that has already counted it: position, balances, fee, and the log."""
        instrument, price, amount = public.instrument, public.price, public.amount
        fee = fee_of(instrument, amount, price, public.index_price, liquidity)
        sign = 1 if order.direction == "buy" else -1
        earned, cashflow = _ZERO, _ZERO
        side = f"open {order.direction}"
        if instrument.kind == "spot":
            self._add(instrument.base, sign * amount)
            cashflow = -sign * amount * price
        else:
            position = self.position(instrument)
            if position.size and (position.size > 0) != (sign > 0):
                side = f"close {order.direction}"
            earned = position.fill(order.direction, amount, price)
            if instrument.kind == "option":
                cashflow = -sign * amount * price
        trade = UserTrade(
            public=public,
            user_id=self.user_id,
            order_id=order.order_id,
            order_type="market" if order.order_type.endswith("market") else "limit",
            label=order.label,
            direction=order.direction,
            liquidity=liquidity,
            fee=fee,
            fee_currency=instrument.settlement,
            profit_loss=earned,
            state=order.state,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
        )
        self.trades.append(trade)
        self._record(trade, side, cashflow)
        return trade

    def margin_of(self, order: Order, amount: Decimal | None = None) -> Decimal:
        """What an open order needs of its settlement currency (spot buys: of the quote, sells: of the base).

        What would close a position needs nothing.
        """
        instrument = order.instrument
        left = order.remaining if amount is None else amount
        price = self._mark_of(instrument) if order.price is None else order.price
        if instrument.kind == "spot":
            return left * price if order.direction == "buy" else left
        increasing = self._increase(order, left)
        if instrument.kind == "option":
            if order.direction == "buy":
                return increasing * price
            return increasing * _SHORT_OPTION_MARGIN * (1 if instrument.inverse else price)
        value = increasing / price if instrument.amount_in_dollars else increasing * price
        return value / instrument.max_leverage

    def reserve_currency(self, order: Order) -> str:
        """The currency that :meth:`margin_of` counts in."""
        instrument = order.instrument
        return instrument.base if instrument.kind == "spot" and order.direction == "sell" else instrument.settlement

    def positions_margin(self, currency: str) -> Decimal:
        """What positions need of a currency."""
        needed = _ZERO
        for position in self.positions.values():
            if position.instrument.settlement != currency or not position.size:
                continue
            value = position.value(self._mark_of(position.instrument))
            if position.instrument.kind == "option":
                needed += value * _SHORT_OPTION_MARGIN if position.size < 0 else _ZERO
            else:
                needed += value / position.instrument.max_leverage
        return needed

    def futures_profit(self, currency: str) -> tuple[Decimal, Decimal]:
        """Realized and floating profit of futures since the last settlement, which the balance does not have yet."""
        realized = floating = _ZERO
        for position in self.positions.values():
            if position.instrument.settlement == currency and position.instrument.kind == "future":
                realized += position.realized
                floating += position.floating(self._mark_of(position.instrument))
        return realized, floating

    def available(self, currency: str) -> Decimal:
        """Funds that a new order may use."""
        realized, floating = self.futures_profit(currency)
        balance = self.balances.get(currency, _ZERO)
        return balance + realized + floating - self.positions_margin(currency) - self.reservations.in_currency(currency)

    def currencies(self) -> list[str]:
        """Currencies that it has a balance of."""
        return sorted(self.balances)

    def book(self, currency: str, change: Decimal, at_ms: int, **told: object) -> None:
        """Change a balance, and put it into the log with what is told of it."""
        self._add(currency, change)
        realized, floating = self.futures_profit(currency)
        number = len(self.log) + 1
        self.log.append({
            "id": number,
            "user_seq": number,
            "user_id": self.user_id,
            "username": self.config.username,
            "timestamp": at_ms,
            "currency": currency,
            "commission": _ZERO,
            "cashflow": rounded(change),
            "change": rounded(change),
            "balance": rounded(self.balances[currency]),
            "equity": rounded(self.balances[currency] + realized + floating),
            **told,
        })  # fmt: skip

    def _increase(self, order: Order, amount: Decimal) -> Decimal:
        """The part of an order that opens rather than closes."""
        position = self.positions.get(order.instrument.name)
        size = _ZERO if position is None else position.size
        closing = -size if order.direction == "buy" else size
        return max(amount - max(closing, _ZERO), _ZERO) if not order.reduce_only else _ZERO

    def _add(self, currency: str, change: Decimal) -> None:
        self.balances[currency] = self.balances.get(currency, _ZERO) + change

    def _record(self, trade: UserTrade, side: str, cashflow: Decimal) -> None:
        public = trade.public
        position = self.positions.get(public.instrument.name)
        told: dict[str, object] = {
            "type": "trade",
            "commission": rounded(trade.fee),
            "cashflow": rounded(cashflow),
            "instrument_name": public.instrument.name,
            "side": side,
            "amount": public.amount,
            "contracts": rounded(public.instrument.contracts(public.amount)),
            "price": public.price,
            "price_currency": public.instrument.quote,
            "position": _ZERO if position is None else position.size,
            "mark_price": rounded(public.mark_price),
            "index_price": public.index_price,
            "trade_id": public.trade_id,
            "order_id": trade.order_id,
            "user_role": "maker" if trade.liquidity == "M" else "taker",
            "fee_role": "maker" if trade.liquidity == "M" else "taker",
            "profit_as_cashflow": False,
            "interest_pl": _ZERO if position is None else position.take_funding(),
            "info": "Source: api",
        }
        self.book(public.instrument.settlement, cashflow - trade.fee, public.at_ms, **told)
