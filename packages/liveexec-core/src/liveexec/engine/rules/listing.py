"""LISTING: whether the venue's own rules for the instrument let the order be sent."""

from decimal import Decimal
from typing import ClassVar

from attrs import define

from liveexec.domain import money
from liveexec.domain.instrument import Listing
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["ListingRule", "make_listing"]


@define(eq=False)
class ListingRule:
    """Compares quantity, price and trigger with the listing's lot, minimum, maximum, tick and smallest notional (in
    the quote asset), and the time with its expiry. A parent's quantity and price must lie on lot and tick, since its
    children's will. Meets SEC 15c3-5(c)(1)(ii) (erroneous orders)."""

    name: ClassVar[str] = "listing"
    code: ClassVar[str] = "LISTING"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        order = check.order
        if check.stage is RiskStage.PARENT:
            if check.listing is None:
                return None
            listing = check.listing
            if order.is_parent:
                return _grid_fault(listing, check)
        else:
            listing, _ = check.where()
            if check.parent is None and order.intent.instrument_key == listing.instrument_id:
                # A plain order that named its instrument was compared when it came.
                return None
        if listing.expiry_ns is not None and listing.expiry_ns <= state.now_ns:
            return f"{listing.instrument_id} has expired"
        price = check.limit_price
        faults = listing.faults(check.quantity, price)
        if faults:
            return "; ".join(str(fault) for fault in faults)
        trigger = order.intent.trigger_price
        if trigger is not None and not listing.ticks.is_on_tick(trigger):
            return f"trigger_price: {trigger:f} is not on the tick {listing.ticks.band_at(trigger).tick:f}"
        return _market_notional_fault(listing, check) if price is None and listing.min_notional is not None else None


def _grid_fault(listing: Listing, check: RiskCheck) -> str | None:
    if not money.is_multiple(check.quantity, listing.lot):
        return f"quantity: {check.quantity:f} is not a multiple of the lot {listing.lot:f}"
    price = check.limit_price
    if price is not None and not listing.ticks.is_on_tick(price):
        return f"price: {price:f} is not on the tick {listing.ticks.band_at(price).tick:f}"
    return None


def _market_notional_fault(listing: Listing, check: RiskCheck) -> str | None:
    reference: Decimal | None = check.reference_price
    assert listing.min_notional is not None
    if reference is None or listing.quote_value(check.quantity, reference) >= listing.min_notional:
        return None
    return f"quantity: its value at {reference:f} is below the minimum {listing.min_notional:f}"


def make_listing(_: RiskConfig) -> ListingRule:
    """Always there: nothing off tick or off lot goes out."""
    return ListingRule()
