"""What a loopback venue lists, under the names that the venue itself uses."""

from collections.abc import Mapping
from decimal import Decimal

from attrs import field, frozen

from liveexec.domain.ids import InstrumentId, VenueName
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import ONE
from liveexec.venues.paper.config import PaperInstrument

__all__ = ["SymbolConfig"]


@frozen
class SymbolConfig:
    """An instrument by its name at the venue (``BTCUSDT``, ``BTC-USDT-SWAP``).

    Quantities are the venue's own: base asset for spot and Binance's and Bybit's linear contracts, contracts where a
    ``multiplier`` says what one is worth. ``details`` holds what only this venue tells of it (a category, a contract
    type, a delivery time).
    """

    name: str
    kind: ContractKind
    base: str
    quote: str
    settlement: str
    tick: Decimal
    lot: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal | None = None
    multiplier: Decimal = ONE
    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.0005")
    #: What mark and index price are until a market or a test says more.
    opening_price: Decimal = Decimal(50_000)
    details: Mapping[str, str] = field(factory=dict)

    def instrument_id(self, venue: VenueName) -> InstrumentId:
        """What the matching engine knows it by; it never leaves this process."""
        return InstrumentId(f"{venue}:LISTED:{self.name}")

    def paper(self, venue: VenueName) -> PaperInstrument:
        """The listing of the matching engine."""
        return PaperInstrument(
            instrument_id=self.instrument_id(venue),
            kind=self.kind,
            base_asset=self.base,
            quote_asset=self.quote,
            settlement_asset=self.settlement,
            tick=self.tick,
            lot=self.lot,
            min_quantity=self.min_quantity,
            multiplier=self.multiplier,
            max_quantity=self.max_quantity,
            min_notional=self.min_notional,
            maker_fee=self.maker_fee,
            taker_fee=self.taker_fee,
        )
