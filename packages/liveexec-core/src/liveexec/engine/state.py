"""Everything the engine decides by, in one place: what rules, policies and algorithms are handed to read."""

from decimal import Decimal

from attrs import define, field

from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import AccountId, InstrumentId, ProductId, StrategyId, VenueName
from liveexec.domain.instrument import Listing
from liveexec.domain.ledger import Ledger
from liveexec.domain.outcome import BalanceReport
from liveexec.domain.venue import AdapterManifest
from liveexec.engine.activity import Activity
from liveexec.engine.config import EngineConfig
from liveexec.engine.exposure import ExposureBook
from liveexec.engine.inputs import Phase
from liveexec.engine.market_view import MarketView

__all__ = ["EngineState"]

_GLOBAL = ControlScope(ScopeKind.GLOBAL)


@define(eq=False)
class EngineState:
    """The engine's memory. Only the engine changes it; everybody else reads.

    ``now_ns`` is the engine time of the input being handled. ``balances`` are the venues' last words by
    (account, asset); ``rates`` give what one unit of an asset is worth in the reporting currency, and since when.
    """

    config: EngineConfig
    ledger: Ledger = field(factory=Ledger)
    market: MarketView = field(factory=MarketView)
    exposure: ExposureBook = field(factory=ExposureBook)
    activity: Activity = field(factory=Activity)
    listings: dict[InstrumentId, Listing] = field(factory=dict)
    products: dict[ProductId, tuple[InstrumentId, ...]] = field(factory=dict)
    manifests: dict[VenueName, AdapterManifest] = field(factory=dict)
    venue_accounts: dict[VenueName, tuple[AccountId, ...]] = field(factory=dict)
    phases: dict[AccountId, Phase] = field(factory=dict)
    balances: dict[tuple[AccountId, str], BalanceReport] = field(factory=dict)
    rates: dict[str, tuple[Decimal, int]] = field(factory=dict)
    #: What reports that no order was found for may have bought and sold, or still may, by (account, instrument).
    unclaimed: dict[tuple[AccountId, InstrumentId], tuple[Decimal, Decimal]] = field(factory=dict)
    now_ns: int = 0

    def listings_of(self, product_id: ProductId) -> tuple[Listing, ...]:
        """The listings of a product at every venue, in the order of their ids."""
        return tuple(self.listings[instrument_id] for instrument_id in self.products.get(product_id, ()))

    def account_for(self, strategy_id: StrategyId, venue: VenueName, named: AccountId | None) -> AccountId | None:
        """The account that an order of the strategy uses at a venue; ``None`` when none or more than one could be.

        An intent's own choice wins where that account is at the venue; else the configuration's mapping; else the
        only account there.
        """
        here = self.venue_accounts.get(venue, ())
        if named is not None:
            return named if named in here else None
        mapped = self.config.accounts.get((strategy_id, venue))
        if mapped is not None:
            return mapped if mapped in here else None
        return here[0] if len(here) == 1 else None

    def trading_state(
        self,
        *,
        account_id: AccountId | None = None,
        strategy_id: StrategyId | None = None,
        venue: VenueName | None = None,
        instrument_id: InstrumentId | None = None,
    ) -> tuple[TradingState, ControlScope]:
        """The strictest trading state of the scopes that an order lies in, and the scope that sets it."""
        found, scope = self.ledger.state_of(_GLOBAL), _GLOBAL
        for kind, name in (
            (ScopeKind.ACCOUNT, account_id),
            (ScopeKind.STRATEGY, strategy_id),
            (ScopeKind.VENUE, venue),
            (ScopeKind.INSTRUMENT, instrument_id),
        ):
            if name is None or not self.ledger.states:
                continue
            candidate = ControlScope(kind, name)
            state = self.ledger.state_of(candidate)
            if state.severity > found.severity:
                found, scope = state, candidate
        return found, scope

    def rate(self, asset: str) -> Decimal | None:
        """What one unit of an asset is worth in the reporting currency; ``None`` when that is not known.

        Assets that the configuration pegs to the reporting currency count one.
        """
        if asset == self.config.reporting_asset or asset in self.config.pegged_assets:
            return Decimal(1)
        known = self.rates.get(asset)
        return known[0] if known is not None else None
