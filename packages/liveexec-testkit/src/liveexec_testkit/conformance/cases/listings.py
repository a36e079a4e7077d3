"""Listings and rounding: an order reaches the venue exactly as it was asked for, or not at all."""

from decimal import Decimal

from liveexec.domain import money
from liveexec.domain.operation import Side
from liveexec.domain.outcome import Accepted, Sent, VenueOrderStatus
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.trial import Trial

__all__ = ["ListingCases"]


class ListingCases(CaseGroup):
    """Ticks, lots and units of every instrument."""

    subject = "Listings and rounding"

    @case(
        11,
        "Listings are the venue's own and unique",
        proves="Every listing names the manifest's venue, no instrument is listed twice, and the harness's prices and "
        "quantities lie on tick and lot.",
    )
    async def test_lx011_listings(self, trial: Trial) -> None:
        line = await trial.line()
        listings = list(await line.adapter.listings())
        names = [each.instrument_id for each in listings]
        twice = {name for name in names if names.count(name) > 1}
        assert not twice, f"listed twice: {sorted(twice)}"
        foreign = [each.instrument_id for each in listings if each.venue != line.adapter.manifest.venue]
        assert not foreign, f"listed for another venue: {foreign}"
        for instrument in trial.venue.instruments:
            faults = line.listings[instrument.instrument_id].faults(instrument.quantity, instrument.price)
            assert not faults, f"{instrument.instrument_id}: {[str(each) for each in faults]}"

    @case(
        12,
        "Prices on tick arrive unchanged, on both sides",
        proves="Eight neighbouring ticks on each side of every instrument reach the venue exactly: no price is rounded "
        "again, to either side.",
    )
    async def test_lx012_prices_exact(self, trial: Trial) -> None:
        line = await trial.line()
        for instrument in trial.venue.instruments:
            for side, sign in ((Side.BUY, -1), (Side.SELL, 1)):
                for ticks in range(20, 28):
                    placed = await line.place(line.order(side, sign * ticks, on=instrument))
                    true = await trial.order_at_venue(placed)
                    assert true.price == placed.order.price, (
                        f"{side} {instrument.instrument_id} at {placed.order.price} became {true.price} at the venue"
                    )
                    await line.cancel(placed)

    @case(
        13,
        "Quantities on lot arrive unchanged",
        proves="The usual quantity, and one lot more, reach the venue exactly, in the listing's units, for every "
        "instrument; the venue's own words on the order come back in the same units.",
    )
    async def test_lx013_quantities_exact(self, trial: Trial) -> None:
        line = await trial.line()
        for instrument in trial.venue.instruments:
            lot = line.listings[instrument.instrument_id].lot
            for quantity in (instrument.quantity, instrument.quantity + lot):
                placed = await line.place(line.order(on=instrument, quantity=quantity))
                true = await trial.order_at_venue(placed)
                assert true.quantity == quantity, f"{quantity} {instrument.instrument_id} became {true.quantity}"
                snapshot = await trial.visible_open_orders(line)
                told = [each for each in snapshot if each.venue_order_id == placed.venue_order_id]
                assert [each.quantity for each in told] == [quantity], f"open_orders() tells {told}"
                await line.cancel(placed)

    @case(
        14,
        "The smallest order is taken",
        proves="The smallest quantity that the listing allows at a price is taken by the venue: the listing's minimum "
        "is the venue's.",
    )
    async def test_lx014_smallest(self, trial: Trial) -> None:
        line = await trial.line()
        for instrument in trial.venue.instruments:
            listing = line.listings[instrument.instrument_id]
            order = line.order(on=instrument, quantity=listing.min_quantity)
            if listing.min_notional is not None:
                assert order.price is not None
                least = listing.min_notional / listing.quote_value(Decimal(1), order.price)
                order.quantity = max(listing.min_quantity, money.ceil_to(least, listing.lot))
            placed = await line.place(order)
            true = await trial.order_at_venue(placed)
            assert true.quantity == order.quantity, f"{order.quantity} became {true.quantity}"
            assert true.status is VenueOrderStatus.WORKING

    @case(
        15,
        "What is off tick or off lot is never changed in silence",
        proves="A price between two ticks, or a quantity between two lots, is refused or fails; the venue gets no "
        "order with another price or quantity.",
    )
    async def test_lx015_off_grid(self, trial: Trial) -> None:
        line = await trial.line()
        half_tick = line.order()
        assert half_tick.price is not None
        half_tick.price += line.listing.ticks.band_at(half_tick.price).tick / 2
        half_lot = line.order()
        half_lot.quantity += line.listing.lot / 2
        for order in (half_tick, half_lot):
            placed = await line.submit(order)
            if isinstance(placed.outcome, Sent):
                await line.end_of(placed)
            true = await trial.truth_of(placed)
            is_exact = true is not None and (true.price, true.quantity) == (order.price, order.quantity)
            assert true is None or is_exact or not true.status.is_open, (
                f"{order.quantity} at {order.price} became {true.quantity} at {true.price} at the venue"
            )
            assert is_exact or not isinstance(placed.outcome, Accepted), "Accepted, and the venue has no such order"
