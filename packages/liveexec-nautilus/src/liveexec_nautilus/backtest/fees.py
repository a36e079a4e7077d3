"""Fees: the listing's rates, in the asset that the venue takes them in."""

from collections.abc import Sequence
from typing import Any

from liveexec.domain.instrument import ContractKind, Listing
from liveexec.domain.money import ZERO
from liveexec.venues.paper.config import FeeIn
from liveexec_nautilus.backtest.instruments import SimulatedInstrument, currency
from liveexec_nautilus.vendor_backtest import (
    FeeModel,
    LiquiditySide,
    MakerTakerFeeModel,
    Money,
    OrderSide,
    Price,
    Quantity,
)

__all__ = ["fee_model"]


def fee_model(instruments: Sequence[SimulatedInstrument], fee_in: FeeIn) -> FeeModel:
    """The fee model of a simulated venue. The library's own takes fees in the quote currency of linear contracts and
    pairs and in the base currency of inverse ones, rounded to the currency's places; spot fees in what the fill brings
    in need one of ours, which is asked per fill."""
    if fee_in is FeeIn.RECEIVED and any(each.listing.terms.kind is ContractKind.SPOT for each in instruments):
        return _ReceivedFees(instruments)
    rates = {each.id: (each.listing.maker_fee, each.listing.taker_fee) for each in instruments}
    return MakerTakerFeeModel(ZERO, ZERO, overrides=rates)


class _ReceivedFees(FeeModel):
    """Takes a buyer's spot fee in the base asset. ``__new__`` of the library's class swallows the arguments."""

    def __init__(self, instruments: Sequence[SimulatedInstrument]) -> None:
        super().__init__()
        self._listings: dict[str, Listing] = {str(each.id): each.listing for each in instruments}

    def get_commission(self, _order: Any, _fill_quantity: Quantity, _fill_px: Price, _instrument: Any) -> Money:
        listing = self._listings[str(_instrument.id)]
        is_maker = _order.liquidity_side == LiquiditySide.MAKER
        quantity, price = _fill_quantity.as_decimal(), _fill_px.as_decimal()
        if _order.side == OrderSide.BUY:
            rate = listing.maker_fee if is_maker else listing.taker_fee
            return Money.from_decimal(quantity * rate, currency(listing.terms.base_asset))
        fee = listing.fee(quantity, price, maker=is_maker)
        return Money.from_decimal(fee, currency(listing.terms.quote_asset))
