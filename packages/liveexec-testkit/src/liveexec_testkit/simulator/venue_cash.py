"""What an account has at a simulated venue: cash that trades, fees and payments move, in exact sums.

Positions are kept at their average cost, as venues keep them; what closing one brings is booked at once.
"""

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

from attrs import define, field

from liveexec.domain.ids import InstrumentId
from liveexec.domain.instrument import ContractKind, ContractTerms

__all__ = ["VenueCash"]

#: What every account has of every asset when a run begins.
_AT_FIRST: Final = Fraction(10_000_000)
_ASSETS: Final = ("BTC", "ETH", "FEE", "USDT")
#: Venues tell amounts to so many places.
_PLACES: Final = Decimal("1e-18")


@define(eq=False)
class _Open:
    """A derivative's position: signed, with what it cost to open (signed as well)."""

    quantity: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)


@define(eq=False)
class VenueCash:
    """The balances of one account, by asset."""

    amounts: dict[str, Fraction] = field(factory=lambda: dict.fromkeys(_ASSETS, _AT_FIRST))
    _open: dict[InstrumentId, _Open] = field(factory=dict)

    def trade(self, instrument_id: InstrumentId, terms: ContractTerms, quantity: Decimal, price: Decimal) -> None:
        """Something is traded, or (a negative quantity of what was bought) taken back."""
        size = Fraction(quantity) * Fraction(terms.multiplier)
        if terms.kind is ContractKind.SPOT:
            self.move(terms.base_asset, size)
            self.move(terms.quote_asset, -size * Fraction(price))
            return
        # Coins that a contract is worth fall when its price rises: what is bought is paid for in the other direction.
        value = -size / Fraction(price) if terms.kind is ContractKind.INVERSE else size * Fraction(price)
        self.move(terms.settlement_asset, self._close(instrument_id, Fraction(quantity), value))

    def move(self, asset: str, amount: Fraction) -> None:
        """An amount comes in, or goes out."""
        self.amounts[asset] = self.amounts.get(asset, Fraction(0)) + amount

    def told(self) -> dict[str, Decimal]:
        """The balances as a venue tells them."""
        return {asset: _decimal(amount) for asset, amount in self.amounts.items()}

    def averages(self) -> dict[InstrumentId, Decimal]:
        """What open derivatives cost on average, by instrument, as a venue tells it."""
        return {
            # What an inverse contract costs is coins, of the other sign: its price is contracts by coins.
            instrument_id: _decimal(
                held.cost / held.quantity if held.cost * held.quantity > 0 else -held.quantity / held.cost
            )
            for instrument_id, held in self._open.items()
            if held.quantity
        }

    def _close(self, instrument_id: InstrumentId, quantity: Fraction, value: Fraction) -> Fraction:
        """What the part that closes something brings; the rest opens at its own value."""
        held = self._open.setdefault(instrument_id, _Open())
        brought, opening = Fraction(0), quantity
        if held.quantity * quantity < 0:
            closing = min(abs(quantity), abs(held.quantity))
            entry = held.cost * closing / abs(held.quantity)
            brought = -value * closing / abs(quantity) - entry
            held.cost -= entry
            opening = quantity * (abs(quantity) - closing) / abs(quantity)
        if opening:
            held.cost += value * opening / quantity
        held.quantity += quantity
        return brought


def _decimal(amount: Fraction) -> Decimal:
    with localcontext(prec=60):
        return (Decimal(amount.numerator) / Decimal(amount.denominator)).quantize(_PLACES)
