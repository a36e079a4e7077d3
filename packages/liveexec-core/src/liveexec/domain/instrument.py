"""Listings: an instrument as one venue lists it, and every rounding that its ticks and lots ask for.

All rounding of prices and quantities happens here, each with its direction in the name, so that nothing off tick or
off lot can reach a venue.
"""

from decimal import Decimal
from enum import StrEnum

from attrs import field, frozen

from liveexec.domain import money
from liveexec.domain.ids import InstrumentId, ProductId, VenueName, instrument_name, product_of, venue_of
from liveexec.domain.money import MONEY, ONE, ZERO
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
    #: The one tick of a schedule that has the same at every price; ``None`` for a ladder.
    _only: Decimal | None = field(init=False, default=None, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        faults = []
        if not self.bands:
            faults.append(Fault("bands", "must name at least one band"))
        last: Decimal | None = None
        for index, band in enumerate(self.bands):
            if not money.is_storable(band.tick) or band.tick <= 0:
                faults.append(Fault(f"bands[{index}].tick", "must be above zero and of at most 18 + 18 digits"))
            if not money.is_storable(band.start) or (last is not None and band.start <= last):
                faults.append(Fault(f"bands[{index}].start", "must rise from band to band"))
            else:
                last = band.start
        if self.highest is not None and (not self.highest.is_finite() or (last is not None and self.highest < last)):
            faults.append(Fault("highest", "must be a price that the last band reaches"))
        if faults:
            raise InvalidInput("tick schedule", faults)
        if len(self.bands) == 1 and not self.bands[0].start and self.highest is None:
            object.__setattr__(self, "_only", self.bands[0].tick)

    @classmethod
    def constant(cls, tick: Decimal) -> "TickSchedule":
        """One tick size at every price."""
        return cls((TickBand(ZERO, tick),))

    @property
    def finest(self) -> Decimal:
        """The tick whose multiples need the most digits after the point: prices of every band fit into them."""
        return min((band.tick for band in self.bands), key=lambda tick: (tick.normalize().as_tuple().exponent, tick))

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
        if self._only is not None:
            return money.is_multiple(price, self._only)
        if self.highest is not None and price > self.highest:
            return False
        if self._is_below(price):
            return False
        band = self.band_at(price)
        return money.is_multiple(MONEY.subtract(price, band.start) if band.start else price, band.tick)

    def round_down(self, price: Decimal) -> Decimal:
        """Highest price on the grid that is not above ``price``; below the schedule's start there is none: off tick."""
        if self.highest is not None and price > self.highest:
            return self.round_down(self.highest)
        band = self.band_at(price)
        return MONEY.add(band.start, money.floor_to(MONEY.subtract(price, band.start), band.tick))

    def round_up(self, price: Decimal) -> Decimal:
        """Lowest price on the grid that is not below ``price``; the next band's start where it comes first.

        Above the schedule's highest price there is none, and what is returned is off tick.
        """
        if self._is_below(price):
            return self.bands[0].start
        band = self.band_at(price)
        rounded = MONEY.add(band.start, money.ceil_to(MONEY.subtract(price, band.start), band.tick))
        for later in self.bands:
            if band.start < later.start < rounded and later.start >= price:
                return later.start
        return rounded

    def _is_below(self, price: Decimal) -> bool:
        # A grid from zero goes on below it (spreads trade at negative prices); a ladder ends at its lowest rung.
        return price < self.bands[0].start and self.bands[0].start > 0


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
    # The last quantity and price without a fault: router and rules ask about the same ones one after the other.
    _passed: tuple[Decimal, Decimal | None] | None = field(init=False, default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        faults = [*_id_faults(self.instrument_id), *_amount_faults(self)]
        if faults:
            raise InvalidInput(f"listing {self.instrument_id[:120]}", faults)
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
        passed = self._passed
        if passed is not None and passed[0] is quantity and passed[1] is price:
            return ()
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
            elif self.min_notional is not None and self.terms.quote_value(quantity, price) < self.min_notional:
                faults.append(Fault("quantity", f"its value is below the minimum {self.min_notional}"))
        if not faults:
            object.__setattr__(self, "_passed", (quantity, price))
        return tuple(faults)


def _id_faults(instrument_id: InstrumentId) -> tuple[Fault, ...]:
    try:
        instrument_name(instrument_id)
    except InvalidInput as error:
        return tuple(Fault(f"instrument_id.{each.path}".rstrip("."), each.message) for each in error.faults)
    return ()


def _amount_faults(listing: Listing) -> list[Fault]:
    sizes = {
        "lot": listing.lot,
        "min_quantity": listing.min_quantity,
        "max_quantity": listing.max_quantity,
        "multiplier": listing.terms.multiplier,
    }
    faults = [
        Fault(name, "must be above zero and of at most 18 + 18 digits")
        for name, value in sizes.items()
        if value is not None and not (money.is_storable(value) and value > 0)
    ]
    faults += [
        Fault(name, "is a rate of the traded value and must lie between -1 and 1")
        for name, rate in (("maker_fee", listing.maker_fee), ("taker_fee", listing.taker_fee))
        if not rate.is_finite() or not -1 < rate < 1
    ]
    if listing.min_notional is not None and not (money.is_storable(listing.min_notional) and listing.min_notional >= 0):
        faults.append(Fault("min_notional", "must not be below zero, and of at most 18 + 18 digits"))
    if faults:
        return faults
    if not money.is_multiple(listing.min_quantity, listing.lot):
        faults.append(Fault("min_quantity", f"must be a multiple of the lot {listing.lot}"))
    if listing.max_quantity is not None and listing.max_quantity < listing.min_quantity:
        faults.append(Fault("max_quantity", "must not be below min_quantity"))
    smallest = MONEY.multiply(listing.lot, listing.terms.multiplier)
    # For inverse contracts the value is a quotient, and rounded whatever the grid is.
    if listing.terms.kind is not ContractKind.INVERSE and not (
        money.is_storable(smallest)
        and all(money.is_storable(MONEY.multiply(smallest, band.tick)) for band in listing.ticks.bands)
    ):
        faults.append(Fault("lot", "lot x multiplier x tick has more than 18 places, so values would not be exact"))
    return faults
