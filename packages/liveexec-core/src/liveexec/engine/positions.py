"""UnifiedPositionTracker: positions over all venues as views of one ledger, valued at the market."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from attrs import define

from liveexec.domain.ids import AccountId, InstrumentId, ProductId, StrategyId, VenueName, product_of, venue_of
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import ZERO
from liveexec.domain.position import Position
from liveexec.engine.market_view import MarketView

__all__ = ["PositionView", "ProductPosition", "UnifiedPositionTracker"]


@define(eq=False)
class PositionView:
    """One position with its mark. ``unrealized_pnl`` is ``None`` while no price is known."""

    account_id: AccountId
    strategy_id: StrategyId
    venue: VenueName
    position: Position
    current_price: Decimal | None

    @property
    def unrealized_pnl(self) -> Decimal | None:
        """At the current price, in the settlement asset."""
        return self.position.unrealized_pnl(self.current_price) if self.current_price is not None else None


@define(eq=False)
class ProductPosition:
    """A product's position over all venues: the sum, and what lies where (by venue, in the listing's units)."""

    product_id: ProductId
    quantity: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal | None
    venue_positions: Mapping[VenueName, Decimal]


@define(eq=False)
class UnifiedPositionTracker:
    """Reads positions; the ledger's fold is what changes them."""

    ledger: Ledger
    market: MarketView

    def positions(self, strategy_id: StrategyId | None = None) -> Iterator[PositionView]:
        """Positions by account, strategy and instrument, in that order."""
        for (account_id, strategy, instrument_id), position in sorted(
            self.ledger.positions.items(), key=lambda item: item[0]
        ):
            if strategy_id is None or strategy == strategy_id:
                price = self.market.mark_price(instrument_id)
                yield PositionView(account_id, strategy, venue_of(instrument_id), position, price)

    def by_product(self, strategy_id: StrategyId | None = None) -> Iterator[ProductPosition]:
        """Positions summed by product; a product without a price at one of its venues has no unrealised PnL."""
        views: dict[ProductId, list[PositionView]] = {}
        for view in self.positions(strategy_id):
            views.setdefault(product_of(view.position.instrument_id), []).append(view)
        for product_id, members in sorted(views.items()):
            venues: dict[VenueName, Decimal] = {}
            for view in members:
                venues[view.venue] = venues.get(view.venue, ZERO) + view.position.quantity
            unrealized = [view.unrealized_pnl for view in members]
            known = [amount for amount in unrealized if amount is not None]
            yield ProductPosition(
                product_id,
                sum(venues.values(), ZERO),
                sum((view.position.realized_pnl for view in members), ZERO),
                sum(known, ZERO) if len(known) == len(unrealized) else None,
                venues,
            )

    def net(self, account_id: AccountId, instrument_id: InstrumentId) -> Decimal:
        """An account's net in an instrument, over all strategies: what the venue knows."""
        return self.ledger.net_quantity(account_id, instrument_id)
