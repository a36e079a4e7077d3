"""What is traded in a run: a linear and an inverse perpetual and a spot pair, on short grids, at every venue."""

from decimal import Decimal
from typing import Final

from liveexec.domain.ids import AccountId, InstrumentId, ProductId, VenueName
from liveexec.domain.instrument import ContractKind, ContractTerms, Listing, TickSchedule
from liveexec.domain.market import Book
from liveexec.domain.operation import VenueClass

__all__ = ["LOT", "MOST_LOTS", "PRODUCTS", "TICK", "account_at", "instrument_at", "listings_at", "visible_book"]

TICK: Final = Decimal("0.5")
LOT: Final = Decimal("0.1")
#: The most lots that a venue takes in one order.
MOST_LOTS: Final = 39
#: Product id -> terms and the price it starts at.
PRODUCTS: Final[dict[ProductId, tuple[ContractTerms, int]]] = {
    ProductId("PERPETUAL:BTC-USDT@LIN"): (ContractTerms(ContractKind.LINEAR, "BTC", "USDT", "USDT"), 1_000),
    ProductId("SPOT_PAIR:ETH-USDT"): (ContractTerms(ContractKind.SPOT, "ETH", "USDT", "USDT"), 200),
    ProductId("PERPETUAL:BTC-USD@INV"): (ContractTerms(ContractKind.INVERSE, "BTC", "USD", "BTC"), 1_000),
}
#: How far the visible book's levels are from its price, and what each of them shows.
_STEPS: Final = (TICK, TICK * 2, TICK * 3)
_SIZE: Final = Decimal(50)


def instrument_at(venue: VenueName, product_id: str) -> InstrumentId:
    """A product's listing at a venue."""
    return InstrumentId(f"{venue}:{product_id}")


def account_at(venue: VenueName) -> AccountId:
    """Our account at a venue."""
    return AccountId(f"{venue.lower()}-1")


def listings_at(venue: VenueName) -> dict[InstrumentId, Listing]:
    """Everything that a venue lists, by id."""
    return {
        instrument_at(venue, product_id): Listing(
            instrument_id=instrument_at(venue, product_id),
            venue_class=VenueClass.CEFI,
            venue_symbol=product_id.partition(":")[2].partition("@")[0],
            terms=terms,
            ticks=TickSchedule.constant(TICK),
            lot=LOT,
            min_quantity=LOT,
            max_quantity=LOT * MOST_LOTS,
            maker_fee=Decimal("0.0002"),
            taker_fee=Decimal("0.0005"),
        )
        for product_id, (terms, _) in PRODUCTS.items()
    }


def visible_book(instrument_id: InstrumentId, price: Decimal, time_ns: int, venue_time_ns: int) -> Book:
    """The book that a venue shows around a price."""
    bids = tuple([(price - step, _SIZE) for step in _STEPS])
    asks = tuple([(price + step, _SIZE) for step in _STEPS])
    return Book(instrument_id, bids, asks, time_ns, venue_time_ns)
