"""Fills: what was traded, keyed so that each is applied exactly once."""

from decimal import Decimal
from enum import StrEnum
from typing import NewType

from attrs import define

from liveexec.domain.ids import InstrumentId, VenueOrderId
from liveexec.domain.operation import Side

__all__ = ["Fill", "FillKey", "Liquidity", "cumulative_fill_key", "fill_key"]

#: Unique per account. Built by the adapter from what tells two fills apart at the venue: at least the instrument,
#: the venue's order id, the side and the venue's fill id, since one trade id can serve both sides of a self-trade,
#: or two symbols.
FillKey = NewType("FillKey", str)


class Liquidity(StrEnum):
    """FIX tag 851: whether the fill added liquidity or took it."""

    MAKER = "MAKER"
    TAKER = "TAKER"
    UNKNOWN = "UNKNOWN"


def fill_key(instrument_id: InstrumentId, venue_order_id: VenueOrderId, side: Side, venue_fill_id: str) -> FillKey:
    """The key of a fill that the venue reports one by one."""
    return FillKey(f"{instrument_id}|{venue_order_id}|{side}|{venue_fill_id}")


def cumulative_fill_key(
    instrument_id: InstrumentId, venue_order_id: VenueOrderId, side: Side, cumulative: Decimal
) -> FillKey:
    """The key of an increment where the venue tells only cumulative amounts: the quantity reached names it."""
    return FillKey(f"{instrument_id}|{venue_order_id}|{side}|cum={cumulative.normalize():f}")


@define(eq=False)
class Fill:
    """One execution (FIX ExecType=Trade). ``fee`` is what the owner pays, in ``fee_asset``; a rebate is negative.

    ``estimated`` marks an increment that was derived from a cumulative report: its price and fee may be corrected.
    """

    key: FillKey
    instrument_id: InstrumentId
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: Liquidity
    venue_time_ns: int
    estimated: bool = False
