"""Between Larkspur's words and liveexec's: orders, fills, balances, books. Nothing here speaks to anybody."""

import time
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from liveexec.domain.fill import Fill, Liquidity, fill_key
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueName, VenueOrderId, is_instrument_id
from liveexec.domain.instrument import ContractKind, ContractTerms, Listing, TickSchedule
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.money import MONEY, is_storable
from liveexec.domain.operation import OrderType, Side, TimeInForce, VenueClass
from liveexec.domain.outcome import (
    AssetKind,
    AssetReport,
    BalanceReport,
    FillReport,
    OrderReport,
    SendPlan,
    VenueOrderStatus,
)
from liveexec.errors import AdapterError, InvalidInput
from liveexec.plugins.adapter import VenueOrder
from liveexec_larkspur import wire

__all__ = ["VENUE", "Mapper", "Unreadable", "bar_of", "book_of", "listing_of", "order_body", "symbol_of"]

VENUE: Final = VenueName("LARKSPUR")
_US: Final = 1_000

_SIDES: Final = MappingProxyType({"buy": Side.BUY, "sell": Side.SELL})
_TYPES: Final = MappingProxyType({"limit": OrderType.LIMIT, "market": OrderType.MARKET})
_TIFS: Final = MappingProxyType({"gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "fok": TimeInForce.FOK})
_STATUSES: Final = MappingProxyType(
    {
        "open": VenueOrderStatus.WORKING,
        "filled": VenueOrderStatus.FILLED,
        "canceled": VenueOrderStatus.CANCELED,
    }
)
_KINDS: Final = MappingProxyType(
    {
        "deposit": AssetKind.DEPOSIT,
        "withdrawal": AssetKind.WITHDRAWAL,
        "interest": AssetKind.INTEREST,
        "fee": AssetKind.FEE,
    }
)
_WORDS_OF_SIDE: Final = {side: word for word, side in _SIDES.items()}
_WORDS_OF_TYPE: Final = {kind: word for word, kind in _TYPES.items()}
_WORDS_OF_TIF: Final = {tif: word for word, tif in _TIFS.items()}


class Unreadable(AdapterError, ValueError):
    """What the venue sent is well formed and can't be true."""


def symbol_of(instrument_id: InstrumentId) -> str:
    """Larkspur's name of an instrument: the payload of its id."""
    return instrument_id.rpartition(":")[2]


def instrument_of(symbol: str) -> InstrumentId:
    """The canonical id of one of Larkspur's pairs; Unreadable for a text that can't be one's symbol."""
    instrument_id = InstrumentId(f"{VENUE}:SPOT_PAIR:{symbol}")
    if not is_instrument_id(instrument_id):
        raise Unreadable("a symbol is no symbol")
    return instrument_id


def listing_of(told: wire.Instrument) -> Listing:
    """A pair as Larkspur lists it. Fees are charged in the quote asset on both sides."""
    try:
        return Listing(
            instrument_id=instrument_of(told.symbol),
            venue_class=VenueClass.CEFI,
            venue_symbol=told.symbol,
            terms=ContractTerms(ContractKind.SPOT, told.base, told.quote, told.quote),
            ticks=TickSchedule.constant(told.tick),
            lot=told.lot,
            min_quantity=told.min_quantity,
            maker_fee=told.maker_fee,
            taker_fee=told.taker_fee,
        )
    except InvalidInput as error:
        raise Unreadable(str(error)) from error


def order_body(order: VenueOrder, plan: SendPlan, offset_ns: int) -> Mapping[str, Any]:
    """The body of a new order. Its expiry is our deadline on the venue's clock, which is ``offset_ns`` ahead of ours.

    Raises:
        KeyError: the order is none that the manifest offers, so that nobody should have sent it here.
    """
    assert order.side is not None
    body = {
        "client_id": plan.client_order_id,
        "symbol": symbol_of(order.instrument_id),
        "side": _WORDS_OF_SIDE[order.side],
        "type": _WORDS_OF_TYPE[order.order_type],
        "tif": _WORDS_OF_TIF[order.time_in_force],
        "quantity": f"{order.quantity:f}",
        "post_only": order.post_only,
        "expires_us": (plan.valid_until_ns + offset_ns) // _US,
    }
    return body if order.price is None else {**body, "price": f"{order.price:f}"}


class Mapper:
    """The reports of one account. Every method raises Unreadable for an amount that can't be one."""

    def __init__(self, account_id: AccountId) -> None:
        self._account_id = account_id

    def order(self, told: wire.Order) -> OrderReport:
        """An order as it stands."""
        _must_be_amounts(told.quantity, told.filled, told.price)
        return OrderReport(
            account_id=self._account_id,
            instrument_id=instrument_of(told.symbol),
            client_order_id=ClientOrderId(told.client_id),
            venue_order_id=VenueOrderId(told.id),
            status=_STATUSES[told.status],
            side=_SIDES[told.side],
            order_type=_TYPES[told.type],
            time_in_force=_TIFS[told.tif],
            quantity=told.quantity,
            price=told.price,
            filled_quantity=told.filled,
            venue_time_ns=told.updated_us * _US,
            code=told.reason,
        )

    def fill(self, told: wire.Fill) -> FillReport:
        """An execution. Both sides of a trade have one id at Larkspur: side and order tell them apart in the key."""
        _must_be_amounts(told.quantity, told.price, told.fee)
        instrument_id, side = instrument_of(told.symbol), _SIDES[told.side]
        venue_order_id = VenueOrderId(told.order_id)
        fill = Fill(
            key=fill_key(instrument_id, venue_order_id, side, told.id),
            instrument_id=instrument_id,
            side=side,
            quantity=told.quantity,
            price=told.price,
            fee=told.fee,
            fee_asset=told.fee_asset,
            liquidity=Liquidity.MAKER if told.liquidity == "maker" else Liquidity.TAKER,
            venue_time_ns=told.time_us * _US,
        )
        return FillReport(self._account_id, ClientOrderId(told.client_id), venue_order_id, fill)

    def balance(self, told: wire.Balance, as_of_us: int) -> BalanceReport:
        """What the account has of an asset."""
        _must_be_amounts(told.total, told.available)
        return BalanceReport(self._account_id, told.asset, told.total, told.available, as_of_us * _US)

    def transfer(self, told: wire.Transfer) -> AssetReport:
        """An asset that moved without an order. What kind it is matters less than that it is not lost."""
        _must_be_amounts(told.amount)
        kind = _KINDS.get(told.kind, AssetKind.OTHER)
        return AssetReport(self._account_id, told.asset, told.amount, kind, told.id, told.time_us * _US)


def book_of(told: wire.Book) -> Book:
    """A visible book, stamped with its arrival here."""
    return Book(instrument_of(told.symbol), told.bids, told.asks, time.time_ns(), told.time_us * _US)


def bar_of(told: wire.Trade) -> TradeBar:
    """One trade, as the sum of one."""
    _must_be_amounts(told.quantity, told.price)
    at_ns = told.time_us * _US
    cost = MONEY.multiply(told.quantity, told.price)
    return TradeBar(instrument_of(told.symbol), at_ns, at_ns + 1, told.quantity, cost, told.price, 1)


def _must_be_amounts(*values: Decimal | None) -> None:
    if not all(value is None or is_storable(value) for value in values):
        raise Unreadable("an amount is no number, or has more than 18 + 18 digits")
