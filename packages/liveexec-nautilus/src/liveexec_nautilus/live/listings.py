"""What a venue lists: its instruments by NautilusTrader's ids and by ours, and the reports that need to know both."""

from collections.abc import Sequence

import structlog

from liveexec.domain.ids import InstrumentId
from liveexec.domain.instrument import Listing
from liveexec.domain.outcome import FillReport, OrderReport, PositionReport
from liveexec.errors import AdapterError, InvalidInput
from liveexec_nautilus.instruments import InstrumentFacts, NodeVenue, listing_of
from liveexec_nautilus.live.mapping import fill_report, order_report, position_report
from liveexec_nautilus.live.protocol import FillTold, OrderState, Position
from liveexec_nautilus.live.settings import VenueSettings

__all__ = ["VenueListings"]

_log = structlog.get_logger(__name__)


class VenueListings:
    """The listings of one venue, as its last session began with them."""

    def __init__(self, settings: VenueSettings) -> None:
        self._settings, self._account_id = settings, settings.account_id
        self._listings: dict[str, Listing] = {}
        self._symbols: dict[InstrumentId, str] = {}

    def owns(self, instrument: str) -> bool:
        """Whether a NautilusTrader instrument id is one of the venue's, listed or not."""
        symbol, _, venue = instrument.rpartition(".")
        if venue != self._settings.venue.nautilus:
            return False
        is_future = symbol.endswith("-PERP") or "_" in symbol
        match self._settings.venue:
            case NodeVenue.BINANCE_SPOT:
                return not is_future
            case NodeVenue.BINANCE_FUTURES:
                return is_future
        return True

    def learn(self, facts: Sequence[InstrumentFacts]) -> None:
        """Everything that the node has; what is no instrument of liveexec's is left out, and logged."""
        listings: dict[str, Listing] = {}
        for each in facts:
            if not self.owns(each.id):
                continue
            try:
                listing = listing_of(each, self._settings.venue, self._settings.maker_fee, self._settings.taker_fee)
            except InvalidInput as error:
                _log.info("node_instrument_refused", venue=self._settings.venue.venue, reason=str(error))
                continue
            listings[each.id] = listing
        self._listings = listings
        self._symbols = {listing.instrument_id: symbol for symbol, listing in listings.items()}

    @property
    def all(self) -> Sequence[Listing]:
        """Every listing."""
        return tuple(self._listings.values())

    def __contains__(self, instrument: str) -> bool:
        """Whether a NautilusTrader instrument id is listed."""
        return instrument in self._listings

    def instrument_id(self, instrument: str) -> InstrumentId:
        """Our id of a listed instrument."""
        return self._listings[instrument].instrument_id

    def found(self, instrument_id: InstrumentId) -> str | None:
        """NautilusTrader's id of ours; ``None`` for what is not listed."""
        return self._symbols.get(instrument_id)

    def symbol_of(self, instrument_id: InstrumentId) -> str:
        """The same for what has to be listed.

        Raises:
            AdapterError: it is not.
        """
        symbol = self._symbols.get(instrument_id)
        if symbol is None:
            raise AdapterError(f"the node has no {instrument_id}")
        return symbol

    def order_report(self, state: OrderState) -> OrderReport:
        """An order of a listed instrument as it stands. Raises ``InvalidInput`` for what can't be read."""
        return order_report(state, self._account_id, self.instrument_id(state.instrument))

    def fill_report(self, told: FillTold) -> FillReport:
        """A fill in a listed instrument. Raises ``InvalidInput`` for what can't be read."""
        listing = self._listings[told.instrument]
        return fill_report(told, self._account_id, listing.instrument_id, listing.terms.settlement_asset)

    def position_report(self, told: Position) -> PositionReport:
        """A position in a listed instrument. Raises ``InvalidInput`` for what can't be read."""
        return position_report(told, self._account_id, self.instrument_id(told.instrument))
