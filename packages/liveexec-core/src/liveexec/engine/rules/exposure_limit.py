"""EXPOSURE_LIMIT: how much may be at stake in all, at one venue, and in one asset."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from attrs import define

from liveexec.domain.ids import AccountId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import ZERO
from liveexec.domain.order_event import RiskStage
from liveexec.domain.position import Position
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.rules.netting import reduces
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
        here = state.venue_accounts.get(listing.venue, ())
        if of_venue is not None:
            reached = added
            for account_id in here:
                reached += _of_account(check, state, account_id, None)
            if reached > of_venue:
                return f"exposure at {listing.venue} could reach {reached:f}, the limit is {of_venue:f}"
        if of_asset is not None:
            reached = added
            for account_id in dict.fromkeys([*state.ledger.books, *state.exposure.accounts]):
                reached += _of_account(check, state, account_id, asset)
            if reached > of_asset:
                return f"exposure in {asset} could reach {reached:f}, the limit is {of_asset:f}"
        return None

    def _total_fault(self, check: RiskCheck, state: EngineState, limit: Decimal) -> str | None:
        reached = added = check.added_value(state)
        if not added:
            return None
        for book in state.ledger.books.values():
            for position in book.positions.values():
                reached += _held(check, state, position)
        for product_id, working in state.exposure.products.items():
            reached += check.valuer.working_value(state, check.valuer.terms(state, product_id), working)
        return None if reached <= limit else f"exposure could reach {reached:f}, the limit is {limit:f}"


def _of_account(check: RiskCheck, state: EngineState, account_id: AccountId, asset: str | None) -> Decimal:
    """An account's exposure, in all its instruments or in those with the same underlying."""
    reached = ZERO
    book = state.ledger.books.get(account_id)
    if book is not None:
        for position in book.positions.values():
            if asset is None or position.terms.base_asset == asset:
                reached += _held(check, state, position)
    places = state.exposure.accounts.get(account_id)
    if places is not None:
        for working in places.values():
            assert working.terms is not None
            if asset is None or working.terms.base_asset == asset:
                reached += check.valuer.working_value(state, working.terms, working)
    return reached


def _held(check: RiskCheck, state: EngineState, position: Position) -> Decimal:
    terms = position.terms
    if terms.kind is ContractKind.ODDS:
        return position.liability * check.valuer.rate(state, terms.quote_asset)
    if not position.quantity:
        return ZERO
    return abs(position.quantity) * check.valuer.unit(state, position.instrument_id, terms)


def make_exposure_limit(config: RiskConfig) -> ExposureLimitRule | None:
    """The rule, if exposure is limited anywhere."""
    if config.max_total_notional is None and not config.max_notional_per_venue and not config.max_notional_per_asset:
        return None
    return ExposureLimitRule(config.max_total_notional, config.max_notional_per_venue, config.max_notional_per_asset)
