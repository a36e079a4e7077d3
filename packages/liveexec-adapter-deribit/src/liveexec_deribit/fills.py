"""Fills: the venue's user trades as reports."""

from typing import Final

import msgspec

from liveexec.domain.fill import Fill, Liquidity, fill_key
from liveexec.domain.ids import AccountId, ClientOrderId, VenueName, VenueOrderId
from liveexec.domain.outcome import FillReport
from liveexec.errors import InvalidInput
from liveexec_deribit import wire
from liveexec_deribit.names import Combo, instrument_id_of
from liveexec_deribit.orders import SIDES
from liveexec_deribit.rpc import MalformedMessage, checked, decoded, to_ns

__all__ = ["fill_report", "read_trade"]

_LIQUIDITY: Final = {"M": Liquidity.MAKER, "T": Liquidity.TAKER}


def read_trade(raw: msgspec.Raw | bytes | str) -> wire.UserTrade:
    """A user trade as the venue sends it.

    Raises:
        MalformedMessage: it can't be read.
    """
    return decoded(wire.UserTrade, raw, "a trade")


def fill_report(told: wire.UserTrade, account_id: AccountId, venue: VenueName) -> FillReport:
    """A user trade as a report. A positive fee is paid, a negative one is a rebate.

    The key is made of the instrument, the order's id, the side and the trade's id: a trade with oneself has one trade
    id for both sides.

    Raises:
        Combo: it is about a combo; its legs come as trades of their own.
        MalformedMessage: what it says makes no sense; the message says what.
    """
    side = SIDES.get(told.direction)
    if side is None or not told.trade_id or not told.order_id or not told.fee_currency:
        raise MalformedMessage(f"trade {told.trade_id[:60]!r} has no side, id, order or currency that is known")
    try:
        instrument_id = instrument_id_of(told.instrument_name, venue)
    except Combo:
        raise
    except InvalidInput as error:
        raise MalformedMessage(f"trade {told.trade_id[:60]}: {error}") from None
    quantity, price = checked(told.amount, "amount"), checked(told.price, "price")
    if quantity <= 0 or price <= 0:
        raise MalformedMessage(f"trade {told.trade_id[:60]}: {quantity} at {price} is no fill")
    venue_order_id = VenueOrderId(told.order_id)
    return FillReport(
        account_id=account_id,
        client_order_id=ClientOrderId(told.label) if told.label else None,
        venue_order_id=venue_order_id,
        fill=Fill(
            key=fill_key(instrument_id, venue_order_id, side, told.trade_id),
            instrument_id=instrument_id,
            side=side,
            quantity=quantity,
            price=price,
            fee=checked(told.fee, "fee"),
            fee_asset=told.fee_currency,
            liquidity=_LIQUIDITY.get(told.liquidity or "", Liquidity.UNKNOWN),
            venue_time_ns=to_ns(told.timestamp, "timestamp"),
        ),
    )
