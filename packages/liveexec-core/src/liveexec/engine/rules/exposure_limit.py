"""EXPOSURE_LIMIT: how much may be at stake in all, at one venue, and in one asset."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from attrs import define

from liveexec.domain.ids import VenueName
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import ZERO
from liveexec.domain.order_event import RiskStage
from liveexec.domain.position import Position
from liveexec.engine.netting import reduces
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState
from liveexec.engine.valuation import MissingInput

__all__ = ["ExposureLimitRule", "make_exposure_limit"]


@define(eq=False)
class ExposureLimitRule:
    """Compares gross notional in the reporting asset with its limits: every account's net position by instrument at
    the mark (bets at their liability), every open order at its worst price, both sides added up, and this order.

    At the parent: over everything, with ``max_total_notional``. At the leg: over the accounts of its venue, and over
    all instruments with the same underlying. An order that only reduces passes. Credit and market risk limits of
    MiFID II RTS 6 Art. 15(4); the aggregate thresholds of SEC 15c3-5(c)(1)(i).
    """

    total: Decimal | None
    per_venue: Mapping[str, Decimal]
    per_asset: Mapping[str, Decimal]

    name: ClassVar[str] = "exposure_limit"
    code: ClassVar[str] = "EXPOSURE_LIMIT"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        try:
            message = self._fault(check, state)
        except MissingInput:
            if reduces(check, state):
                return None
            raise
        return message if message is None or not reduces(check, state) else None

    def _fault(self, check: RiskCheck, state: EngineState) -> str | None:
        if check.stage is RiskStage.PARENT:
            return self._total_fault(check, state, self.total) if self.total is not None else None
        listing, _ = check.where()
        asset = listing.terms.base_asset
        of_venue, of_asset = self.per_venue.get(listing.venue), self.per_asset.get(asset)
        if (of_venue is None and of_asset is None) or not (added := check.added_value(state)):
            return None
        at_venue, in_asset = _reached(check, state, listing.venue, asset if of_asset is not None else None)
        if of_venue is not None and at_venue + added > of_venue:
            return f"exposure at {listing.venue} could reach {at_venue + added:f}, the limit is {of_venue:f}"
        if of_asset is not None and in_asset + added > of_asset:
            return f"exposure in {asset} could reach {in_asset + added:f}, the limit is {of_asset:f}"
        return None

    def _total_fault(self, check: RiskCheck, state: EngineState, limit: Decimal) -> str | None:
        reached = added = check.added_value(state)
        if not added:
            return None
        for positions in check.holdings.accounts.open.values():
            for position in positions.values():
                reached += _held(check, state, position)
        for product_id, working in state.exposure.products.items():
            reached += check.valuer.working_value(state, check.valuer.terms(state, product_id), working)
        return None if reached <= limit else f"exposure could reach {reached:f}, the limit is {limit:f}"


def _reached(check: RiskCheck, state: EngineState, venue: VenueName, asset: str | None) -> tuple[Decimal, Decimal]:
    """The exposure of the accounts at a venue, and that of all accounts in one underlying, in one pass."""
    here = state.venue_accounts.get(venue, ())
    at_venue = in_asset = ZERO
    for account_id, positions in check.holdings.accounts.open.items():
        is_here = account_id in here
        for position in positions.values():
            is_asset = position.terms.base_asset == asset
            if is_here or is_asset:
                value = _held(check, state, position)
                if is_here:
                    at_venue += value
                if is_asset:
                    in_asset += value
    for account_id, places in state.exposure.accounts.items():
        is_here = account_id in here
        for working in places.values():
            assert working.terms is not None
            is_asset = working.terms.base_asset == asset
            if is_here or is_asset:
                value = check.valuer.working_value(state, working.terms, working)
                if is_here:
                    at_venue += value
                if is_asset:
                    in_asset += value
    return at_venue, in_asset


def _held(check: RiskCheck, state: EngineState, position: Position) -> Decimal:
    terms = position.terms
    if terms.kind is ContractKind.ODDS:
        return position.liability * check.valuer.rates[terms.quote_asset]
    return abs(position.quantity) * check.valuer.unit(state, position.instrument_id, terms)


def make_exposure_limit(config: RiskConfig) -> ExposureLimitRule | None:
    """The rule, if exposure is limited anywhere."""
    if config.max_total_notional is None and not config.max_notional_per_venue and not config.max_notional_per_asset:
        return None
    per_venue, per_asset = dict(config.max_notional_per_venue), dict(config.max_notional_per_asset)
    return ExposureLimitRule(config.max_total_notional, per_venue, per_asset)
