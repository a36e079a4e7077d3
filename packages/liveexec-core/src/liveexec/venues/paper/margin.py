"""What an order ties up, and what an account has free for it.

Spot orders hold what they may pay: a buyer the quote asset at the limit price with the higher of both fees, a seller
the base asset. Derivatives hold ``initial_margin`` of the value that would open, and positions the same share of
their value at entry; an order that only closes holds nothing, so that nobody is kept in a position. What an order
holds is worked out when it is placed, replaced or partly filled, and not when the position changes beside it. There
is no maintenance margin and no liquidation: losses can take a derivatives account below zero, where it can only close.
"""

from collections.abc import Sequence
from decimal import Decimal

from liveexec.domain import money
from liveexec.domain.instrument import ContractKind, Listing
from liveexec.domain.money import ONE, ZERO
from liveexec.domain.operation import Side
from liveexec.venues.paper.config import FeeIn, PaperVenueConfig
from liveexec.venues.paper.matching import Match
from liveexec.venues.paper.truth import AccountLedger

__all__ = ["Margin"]


class Margin:
    """The margin rules of one venue."""

    def __init__(self, config: PaperVenueConfig) -> None:
        self._initial = config.initial_margin
        self._fee_in_quote = config.fee_in is FeeIn.QUOTE

    def for_limit(
        self, ledger: AccountLedger, listing: Listing, side: Side, quantity: Decimal, price: Decimal
    ) -> tuple[str, Decimal]:
        """(asset, amount) that an order holds which may still fill ``quantity`` at ``price`` or better."""
        terms = listing.terms
        if terms.kind is ContractKind.SPOT:
            if side is Side.SELL:
                return terms.base_asset, quantity * terms.multiplier
            return terms.quote_asset, listing.value(quantity, price) * self._cost_factor(listing)
        return terms.settlement_asset, self._to_open(ledger, listing, side, quantity, listing.value(quantity, price))

    def for_market(
        self, ledger: AccountLedger, listing: Listing, side: Side, quantity: Decimal, matches: Sequence[Match]
    ) -> tuple[str, Decimal]:
        """The same for an order without a limit, which trades exactly these matches."""
        terms = listing.terms
        if terms.kind is ContractKind.SPOT and side is Side.SELL:
            return terms.base_asset, quantity * terms.multiplier
        value = sum((listing.value(part, price) for price, part, _ in matches), ZERO)
        if terms.kind is ContractKind.SPOT:
            return terms.quote_asset, value * self._cost_factor(listing)
        filled = sum((part for _, part, _ in matches), ZERO)
        return terms.settlement_asset, self._to_open(ledger, listing, side, filled, value)

    def available(self, ledger: AccountLedger, asset: str) -> Decimal:
        """What of an asset is neither held by open orders nor by positions; below zero after losses."""
        free = ledger.total(asset) - ledger.reserved.get(asset, ZERO)
        for position in ledger.book.positions.values():
            terms = position.terms
            if position.cost and terms.kind is not ContractKind.SPOT and terms.settlement_asset == asset:
                free -= abs(position.cost) * self._initial
        return free

    def _cost_factor(self, listing: Listing) -> Decimal:
        if not self._fee_in_quote:
            return ONE
        return ONE + max(listing.maker_fee, listing.taker_fee, ZERO)

    def _to_open(
        self, ledger: AccountLedger, listing: Listing, side: Side, quantity: Decimal, value: Decimal
    ) -> Decimal:
        closable = ledger.closable(listing.instrument_id, side)
        if quantity <= closable:
            return ZERO
        fee = value * max(listing.maker_fee, listing.taker_fee, ZERO)
        opening = value - money.divide(value * closable, quantity) if closable else value
        return opening * self._initial + fee
