"""Listings: an instrument as one venue lists it, and every rounding that its ticks and lots ask for.

All rounding of prices and quantities happens here, each with its direction in the name, so that nothing off tick or
off lot can reach a venue.
"""

from decimal import Decimal
from enum import StrEnum

from attrs import field, frozen

from liveexec.domain import money
from liveexec.domain.ids import InstrumentId, ProductId, VenueName, product_of, venue_of
from liveexec.domain.money import ONE, ZERO
from liveexec.domain.operation import Side, VenueClass
from liveexec.errors import Fault, InvalidInput

__all__ = ["ContractKind", "ContractTerms", "Listing", "TickBand", "TickSchedule"]


class ContractKind(StrEnum):
    """How a fill turns into value.

    SPOT moves the base asset itself. LINEAR is worth quantity x multiplier x price in the settlement asset. INVERSE
    is worth quantity x multiplier / price in it (a coin-margined contract whose quantity counts quote currency).
    ODDS is a bet: quantity is the stake, price the decimal odds.
    """

    SPOT = "SPOT"
    LINEAR = "LINEAR"
    INVERSE = "INVERSE"
    ODDS = "ODDS"


@frozen
class ContractTerms:
    """How quantity and price turn into value: what a fold needs to know of a listing, recorded with every route."""

    kind: ContractKind
    base_asset: str
    quote_asset: str
    settlement_asset: str
    multiplier: Decimal = ONE

    def value(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What ``quantity`` is worth at ``price``, in the settlement asset; inverse values rounded to 18 places."""
        if self.kind is ContractKind.INVERSE:
            return money.divide(quantity * self.multiplier, price)
        return quantity * self.multiplier * price

    def quote_value(self, quantity: Decimal, price: Decimal) -> Decimal:
        """The notional in the quote currency, which limits are stated in: for inverse it does not need a price."""
        if self.kind is ContractKind.INVERSE:
            return quantity * self.multiplier
        return quantity * self.multiplier * price

    def base_quantity(self, quantity: Decimal, price: Decimal) -> Decimal:
        """The underlying that ``quantity`` stands for; for inverse at ``price``, rounded to 18 places."""
        if self.kind is ContractKind.INVERSE:
            return money.divide(quantity * self.multiplier, price)
        return quantity * self.multiplier


@frozen
class TickBand:
    """From this price on (inclusive), prices move in multiples of ``tick`` counted from ``start``."""

    start: Decimal
    tick: Decimal


@frozen
class TickSchedule:
    """Tick sizes by price, lowest band first: constant for most venues, a ladder for odds and for MiFID II venues.

    A band's grid begins at its own start, which for the schedules of real venues is a multiple of its tick.
    """

    bands: tuple[TickBand, ...]
    highest: Decimal | None = None

    def __attrs_post_init__(self) -> None:
        faults = []
        if not self.bands:
            faults.append(Fault("bands", "must name at least one band"))
        for index, band in enumerate(self.bands):
            if not band.tick.is_finite() or band.tick <= 0:
                faults.append(Fault(f"bands[{index}].tick", "must be above zero"))
            if not band.start.is_finite() or (index and band.start <= self.bands[index - 1].start):
                faults.append(Fault(f"bands[{index}].start", "must rise from band to band"))
        if faults:
            raise InvalidInput("tick schedule", faults)

    @classmethod
    def constant(cls, tick: Decimal) -> "TickSchedule":
        """One tick size at every price."""
        return cls((TickBand(ZERO, tick),))

    def band_at(self, price: Decimal) -> TickBand:
        """The band that a price lies in; the lowest one for prices below it."""
        found = self.bands[0]
        for band in self.bands:
            if band.start > price:
                break
            found = band
        return found

    def is_on_tick(self, price: Decimal) -> bool:
        """Whether the price lies exactly on the grid and inside the schedule."""
        if self.highest is not None and price > self.highest:
            return False
        band = self.band_at(price)
        if price < band.start and len(self.bands) > 1:
            return False
        return money.is_multiple(price - band.start, band.tick)

    def round_down(self, price: Decimal) -> Decimal:
        """Highest price on the grid that is not above ``price``."""
        if self.highest is not None and price > self.highest:
            return self.round_down(self.highest)
        band = self.band_at(price)
        return band.start + money.floor_to(price - band.start, band.tick)

    def round_up(self, price: Decimal) -> Decimal:
        """Lowest price on the grid that is not below ``price``; the next band's start where it comes first."""
        band = self.band_at(price)
        rounded = band.start + money.ceil_to(price - band.start, band.tick)
        for later in self.bands:
            if band.start < later.start < rounded and later.start >= price:
                return later.start
        return rounded


@frozen(eq=False)
class Listing:
    """An instrument at one venue.

    ``lot`` is the quantity step, fees are rates of the traded value
    (negative for a rebate). ``expiry_ns`` is UTC nanoseconds. Compared by identity: the registry keeps one per id.
    """

    instrument_id: InstrumentId
    venue_class: VenueClass
    venue_symbol: str
    terms: ContractTerms
    ticks: TickSchedule
    lot: Decimal
    min_quantity: Decimal
    max_quantity: Decimal | None = None
    min_notional: Decimal | None = None
    maker_fee: Decimal = ZERO
    taker_fee: Decimal = ZERO
    expiry_ns: int | None = None
    venue: VenueName = field(init=False)
    product_id: ProductId = field(init=False)

    def __attrs_post_init__(self) -> None:
        faults = [
            Fault(name, "must be above zero")
            for name, value in (
                ("lot", self.lot),
                ("min_quantity", self.min_quantity),
                ("multiplier", self.terms.multiplier),
            )
            if not value.is_finite() or value <= 0
        ]
        if not faults:
            if not money.is_multiple(self.min_quantity, self.lot):
                faults.append(Fault("min_quantity", f"must be a multiple of the lot {self.lot}"))
            if self.max_quantity is not None and self.max_quantity < self.min_quantity:
                faults.append(Fault("max_quantity", "must not be below min_quantity"))
            if not money.is_storable(self.lot * self.terms.multiplier * min(band.tick for band in self.ticks.bands)):
                faults.append(
                    Fault("lot", "lot x multiplier x tick has more than 18 places, so values would not be exact")
                )
        if faults:
            raise InvalidInput(f"listing {self.instrument_id}", faults)
        object.__setattr__(self, "venue", venue_of(self.instrument_id))
        object.__setattr__(self, "product_id", product_of(self.instrument_id))

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """Largest tradable lot multiple not above ``quantity``; zero if that is below the minimum."""
        floored = money.floor_to(quantity, self.lot)
        return floored if floored >= self.min_quantity else ZERO

    def passive_price(self, price: Decimal, side: Side) -> Decimal:
        """Nearest price on tick that is no worse for the order's owner: down for a buyer, up for a seller."""
        return self.ticks.round_down(price) if side.sign > 0 else self.ticks.round_up(price)

    def aggressive_price(self, price: Decimal, side: Side) -> Decimal:
        """Nearest price on tick that still reaches ``price``: up for a buyer, down for a seller."""
        return self.ticks.round_up(price) if side.sign > 0 else self.ticks.round_down(price)

    def value(self, quantity: Decimal, price: Decimal) -> Decimal:
        """See :meth:`ContractTerms.value`."""
        return self.terms.value(quantity, price)

    def quote_value(self, quantity: Decimal, price: Decimal) -> Decimal:
        """See :meth:`ContractTerms.quote_value`."""
        return self.terms.quote_value(quantity, price)

    def fee(self, quantity: Decimal, price: Decimal, *, maker: bool) -> Decimal:
        """The venue's fee in the settlement asset, rounded half-even to 18 places; negative is a rebate."""
        return money.round_places(self.value(quantity, price) * (self.maker_fee if maker else self.taker_fee))

    def faults(self, quantity: Decimal, price: Decimal | None) -> tuple[Fault, ...]:
        """Everything that keeps this quantity and price from being sent here; empty when nothing does."""
        faults = []
        if not money.is_multiple(quantity, self.lot):
            faults.append(Fault("quantity", f"{quantity} is not a multiple of the lot {self.lot}"))
        if quantity < self.min_quantity:
            faults.append(Fault("quantity", f"{quantity} is below the minimum {self.min_quantity}"))
        if self.max_quantity is not None and quantity > self.max_quantity:
            faults.append(Fault("quantity", f"{quantity} is above the maximum {self.max_quantity}"))
        if price is not None:
            if price <= 0:
                faults.append(Fault("price", f"{price} is not above zero"))
            elif not self.ticks.is_on_tick(price):
                faults.append(Fault("price", f"{price} is not on the tick {self.ticks.band_at(price).tick}"))
            elif self.min_notional is not None and self.quote_value(quantity, price) < self.min_notional:
                faults.append(Fault("quantity", f"its value is below the minimum {self.min_notional}"))
        return tuple(faults)
