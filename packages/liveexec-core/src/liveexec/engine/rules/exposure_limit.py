"""EXPOSURE_LIMIT: how much may be at stake in all, at one venue, and in one asset."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import ClassVar

from attrs import define

from liveexec.domain.ids import AccountId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import ZERO
from liveexec.domain.order_event import RiskStage
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
        listing = check.listing
        if listing is None:
            return "it is not known where the order goes"
        of_venue = self.per_venue.get(listing.venue)
        if of_venue is not None and (added := check.added_value(state)):
            reached = added + _of_accounts(check, state, state.venue_accounts.get(listing.venue, ()))
            if reached > of_venue:
                return f"exposure at {listing.venue} could reach {reached:f}, the limit is {of_venue:f}"
        asset = listing.terms.base_asset
        of_asset = self.per_asset.get(asset)
        if of_asset is not None and (added := check.added_value(state)):
            accounts = dict.fromkeys([*state.ledger.books, *state.exposure.accounts])
            reached = added + _of_accounts(check, state, accounts, asset)
            if reached > of_asset:
                return f"exposure in {asset} could reach {reached:f}, the limit is {of_asset:f}"
        return None

    def _total_fault(self, check: RiskCheck, state: EngineState, limit: Decimal) -> str | None:
        reached = added = check.added_value(state)
        if not added:
            return None
        for account_id in state.ledger.books:
            reached += _held(check, state, account_id)
        for product_id, working in state.exposure.products.items():
            reached += check.valuer.working_value(state, check.valuer.terms(state, product_id), working)
        return None if reached <= limit else f"exposure could reach {reached:f}, the limit is {limit:f}"


def _of_accounts(
    check: RiskCheck, state: EngineState, accounts: Iterable[AccountId], asset: str | None = None
) -> Decimal:
    """The exposure of some accounts, of all their instruments or of those with the same underlying."""
    reached = ZERO
    for account_id in accounts:
        reached += _held(check, state, account_id, asset)
        for working in state.exposure.accounts.get(account_id, {}).values():
            assert working.terms is not None
            if asset is None or working.terms.base_asset == asset:
                reached += check.valuer.working_value(state, working.terms, working)
    return reached


def _held(check: RiskCheck, state: EngineState, account_id: AccountId, asset: str | None = None) -> Decimal:
    book = state.ledger.books.get(account_id)
    held = ZERO
    if book is None:
        return held
    for instrument_id, position in book.positions.items():
        terms = position.terms
        if asset is not None and terms.base_asset != asset:
            continue
        if terms.kind is ContractKind.ODDS:
            held += position.liability * check.valuer.rate(state, terms.quote_asset)
        elif position.quantity:
            held += abs(position.quantity) * check.valuer.unit(state, instrument_id, terms)
    return held


def make_exposure_limit(config: RiskConfig) -> ExposureLimitRule | None:
    """The rule, if exposure is limited anywhere."""
    if config.max_total_notional is None and not config.max_notional_per_venue and not config.max_notional_per_asset:
        return None
    return ExposureLimitRule(config.max_total_notional, config.max_notional_per_venue, config.max_notional_per_asset)
