"""Positions and balances as folds of fills and account events.

A position keeps sums, averages are derived. Closing takes its share of the cost sum (average cost); the share is the
one rounded amount (18 places, half-even), and what is closed completely takes the whole sum, so nothing is left over.

Inverse contracts (quantity in quote currency, value in the base asset) earn when their value in the base asset
*falls*: a long's profit is entry value minus exit value (the contract specification of coin-margined futures, e.g.
Deribit's BTC-PERPETUAL). Bets are not realised before the market settles: quantity is the net stake (backed minus
laid) and cost the net payout, from which both results follow; the settlement pays a share of the payout.
"""

from decimal import Decimal

from attrs import define, field

from liveexec.domain import money
from liveexec.domain.account_event import AssetMoved, PositionChanged
from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.instrument import ContractKind, ContractTerms
from liveexec.domain.money import ZERO

__all__ = ["AccountBook", "Position"]


@define(eq=False)
class Position:
    """A net position: signed ``quantity``, its ``cost`` sum (same sign) and what was realised, in settlement asset.

    ``cost`` is the sum of the values at entry of what is open. ``fees`` are by asset, apart from the realised PnL;
    what was paid is positive.
    """

    instrument_id: InstrumentId
    terms: ContractTerms
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: dict[str, Decimal] = field(factory=dict)
    updated_at_ns: int = 0

    @property
    def average_price(self) -> Decimal | None:
        """Average entry price, rounded to 18 places; ``None`` when flat (for bets: when no stake is open)."""
        if not self.quantity or not self.cost:
            return None
        if self.terms.kind is ContractKind.INVERSE:
            return money.divide(self.quantity * self.terms.multiplier, self.cost)
        return money.divide(self.cost, self.quantity * self.terms.multiplier)

    @property
    def result_if_wins(self) -> Decimal:
        """Bets: what the open stakes bring if the selection wins."""
        return self.cost - self.quantity

    @property
    def result_if_loses(self) -> Decimal:
        """Bets: what the open stakes bring if the selection loses."""
        return -self.quantity

    @property
    def liability(self) -> Decimal:
        """Bets: the most that can be lost; never negative."""
        return max(ZERO, -min(self.result_if_wins, self.result_if_loses))

    def unrealized_pnl(self, price: Decimal) -> Decimal:
        """What closing everything at ``price`` would realise, in the settlement asset; zero for bets."""
        terms = self.terms
        if not self.quantity or terms.kind is ContractKind.ODDS:
            return ZERO
        if terms.kind is ContractKind.INVERSE:
            return self.cost - terms.value(self.quantity, price)
        return self.quantity * terms.multiplier * price - self.cost

    def trade(self, quantity: Decimal, price: Decimal, at_ns: int) -> Decimal:
        """Add a signed quantity traded at a price, and return what that realised in the settlement asset.

        A trade through zero closes what is open first and opens the rest at its own price.
        """
        return self.add(quantity, money.storable(self.terms.value(quantity, price)), price, at_ns)

    def add(self, quantity: Decimal, value: Decimal, price: Decimal, at_ns: int) -> Decimal:
        """The same where the ``value`` of the quantity at the price is worked out already, as money can be stored."""
        self.updated_at_ns = at_ns
        opens = not self.quantity or (self.quantity > ZERO) == (quantity > ZERO)
        if opens or self.terms.kind is ContractKind.ODDS:
            self.quantity += quantity
            self.cost += value
            return ZERO
        if abs(quantity) >= abs(self.quantity):
            closed_cost = self.cost
            closed_value = money.storable(self.terms.value(-self.quantity, price))
        else:
            closed_cost = money.divide(self.cost * -quantity, self.quantity)
            closed_value = value
        # closed_value has the trade's sign, so this is exit minus entry for what was open.
        gain = -closed_value - closed_cost
        realized = -gain if self.terms.kind is ContractKind.INVERSE else gain
        self.quantity += quantity
        self.cost = self.cost - closed_cost + (value - closed_value)
        self.realized_pnl += realized
        return realized

    def pay_out(self, stake: Decimal, payout: Decimal, share: Decimal, at_ns: int) -> Decimal:
        """Bets: take a stake and its payout out of the position, settled at a share of the payout (1 won, 0 lost), and
        return what that realised in the settlement asset."""
        self.updated_at_ns = at_ns
        realized = money.storable(payout * share) - stake
        self.quantity -= stake
        self.cost -= payout
        self.realized_pnl += realized
        return realized

    def pay_fee(self, asset: str, amount: Decimal) -> None:
        """Add a fee; negative for a rebate or the fee of a busted fill."""
        self.fees[asset] = self.fees.get(asset, ZERO) + amount


@define(eq=False)
class AccountBook:
    """One account's net positions and what its assets changed by since the first event: the fold of both unions.

    The net over strategies is kept apart from the strategies' own positions, since realised PnL, and with it the
    settlement asset, follows the account's net at the venue.
    """

    account_id: AccountId
    positions: dict[InstrumentId, Position] = field(factory=dict)
    assets: dict[str, Decimal] = field(factory=dict)

    def position(self, instrument_id: InstrumentId, terms: ContractTerms) -> Position:
        """The net position in an instrument, made when it is first asked for."""
        found = self.positions.get(instrument_id)
        if found is None:
            found = self.positions[instrument_id] = Position(instrument_id, terms)
        return found

    def apply_fill(self, fill: Fill, terms: ContractTerms, at_ns: int) -> tuple[Decimal, Decimal]:
        """A fill moves the position, the assets that it trades or settles in, and its fee.

        Returns the signed quantity and its value, as the strategy's own position takes them.
        """
        return self._trade(fill, terms, fill.quantity if fill.side.sign > 0 else -fill.quantity, fill.fee, at_ns)

    def bust_fill(self, fill: Fill, terms: ContractTerms, at_ns: int) -> tuple[Decimal, Decimal]:
        """Take a fill back: the opposite trade at the same price, and the fee returned.

        Profit and assets are exact; how the profit splits into realised and cost follows average cost.
        """
        return self._trade(fill, terms, -fill.quantity if fill.side.sign > 0 else fill.quantity, -fill.fee, at_ns)

    def apply_asset(self, event: AssetMoved) -> None:
        """An asset moved without a fill."""
        self._move(event.asset, event.amount)

    def apply_position_change(self, event: PositionChanged, at_ns: int) -> None:
        """A position changed without a fill; a settlement or liquidation realises its result."""
        position = self.position(event.instrument_id, event.terms)
        realized = position.trade(event.quantity, event.price, at_ns)
        self._move(event.terms.settlement_asset, realized)

    def apply_bets_settled(self, event: PositionChanged, stake: Decimal, payout: Decimal, at_ns: int) -> None:
        """A strategy's part of the bets on a selection was settled: its stake and its payout, which nets don't tell."""
        position = self.position(event.instrument_id, event.terms)
        self._move(event.terms.settlement_asset, position.pay_out(stake, payout, event.price, at_ns))

    def _trade(
        self, fill: Fill, terms: ContractTerms, quantity: Decimal, fee: Decimal, at_ns: int
    ) -> tuple[Decimal, Decimal]:
        position = self.position(fill.instrument_id, terms)
        value = money.storable(terms.value(quantity, fill.price))
        if position.terms is terms:
            realized = position.add(quantity, value, fill.price, at_ns)
        else:
            realized = position.trade(quantity, fill.price, at_ns)
        if terms.kind is ContractKind.SPOT:
            self._move(terms.base_asset, quantity * terms.multiplier)
            self._move(terms.quote_asset, -value)
        else:
            self._move(terms.settlement_asset, realized)
        position.pay_fee(fill.fee_asset, fee)
        self._move(fill.fee_asset, -fee)
        return quantity, value

    def _move(self, asset: str, amount: Decimal) -> None:
        if amount:
            self.assets[asset] = self.assets.get(asset, ZERO) + amount
