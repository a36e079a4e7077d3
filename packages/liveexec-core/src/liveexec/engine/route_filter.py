"""Which venues can take an order at all. The reasons are recorded with the route: short, stable, one per venue."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from liveexec.domain.account_event import TradingState
from liveexec.domain.checks import shown
from liveexec.domain.ids import AccountId, VenueName
from liveexec.domain.instrument import ContractTerms, Listing
from liveexec.domain.market import Book
from liveexec.domain.operation import Operation, OrderType, TimeInForce
from liveexec.domain.venue import AdapterManifest
from liveexec.engine.inputs import Phase
from liveexec.engine.routing import RouteRequest
from liveexec.engine.state import EngineState

__all__ = [
    "account_fault",
    "book_fault",
    "capability_fault",
    "common_terms",
    "details_fault",
    "session_fault",
    "size_fault",
]

#: A market order never rests, so these two mean the same for it.
_PLAIN_MARKET_TIF: Final = (TimeInForce.GTC, TimeInForce.IOC)

_PHASE_FAULTS: Final[dict[Phase, str | None]] = {
    Phase.DOWN: "the venue is down",
    Phase.RECONCILING: "the venue is reconciling",
    Phase.ACTIVE: None,
}


def common_terms(listings: tuple[Listing, ...]) -> ContractTerms | None:
    """The terms under which most venues list the product; ``None`` when no terms are more common than all others.

    A quantity counts contracts, so it means the same only where contracts are equal. Where venues disagree evenly,
    nobody can tell which contract the order's owner had in mind.
    """
    first = listings[0].terms
    for listing in listings:
        if not same_contract(listing.terms, first):
            break
    else:
        return first
    counts = [sum(same_contract(other.terms, listing.terms) for other in listings) for listing in listings]
    most = max(counts)
    leaders = [listing.terms for listing, count in zip(listings, counts, strict=True) if count == most]
    return leaders[0] if len(leaders) == most else None


def same_contract(terms: ContractTerms, other: ContractTerms) -> bool:
    """Whether a quantity and a price mean the same under both."""
    return terms is other or (
        terms.kind is other.kind
        and terms.multiplier == other.multiplier
        and terms.base_asset == other.base_asset
        and terms.quote_asset == other.quote_asset
    )


def account_fault(request: RouteRequest, venue: VenueName, state: EngineState) -> str:
    """Why no account of ours could be told for the venue."""
    here = state.venue_accounts.get(venue, ())
    if request.account_id is not None:
        return f"account {request.account_id} is not at this venue"
    mapped = state.config.accounts.get((request.strategy_id, venue))
    if mapped is not None:
        return f"configured account {mapped} is not at this venue"
    return "several accounts, none configured" if here else "no account here"


def session_fault(request: RouteRequest, listing: Listing, account_id: AccountId, state: EngineState) -> str | None:
    """Why nothing that adds risk may be sent to the account now."""
    fault = _PHASE_FAULTS[state.phases.get(account_id, Phase.DOWN)]
    if fault is not None:
        return fault
    if listing.expiry_ns is not None and listing.expiry_ns <= state.now_ns:
        return "expired"
    if state.ledger.states:
        trading, scope = state.trading_state(
            account_id=account_id,
            strategy_id=request.strategy_id,
            venue=listing.venue,
            instrument_id=listing.instrument_id,
        )
        if trading is TradingState.HALTED:
            return f"trading is halted ({scope})"
    return None


def capability_fault(request: RouteRequest, manifest: AdapterManifest | None) -> str | None:
    """What of the order the venue can't express."""
    if manifest is None:
        return "no adapter"
    if request.operation not in manifest.operations:
        return f"{request.operation} is not offered"
    if request.operation is Operation.TRADE and request.order_type not in manifest.order_types:
        return f"{request.order_type} is not offered"
    plain = request.order_type is OrderType.MARKET and request.time_in_force in _PLAIN_MARKET_TIF
    if not plain and request.time_in_force not in manifest.time_in_force:
        return f"{request.time_in_force} is not offered"
    if request.post_only and not manifest.post_only:
        return "post-only is not offered"
    if request.reduce_only and not manifest.reduce_only:
        return "reduce-only is not offered"
    return None


def details_fault(details: Mapping[str, Any], manifest: AdapterManifest) -> str | None:
    """Which of an order's own fields the venue does not take."""
    unknown = [name for name in details if name not in manifest.details]
    if not unknown:
        return None
    taken = ", ".join(sorted(manifest.details)) or "none"
    return f"details: {', '.join(shown(name) for name in unknown)} not taken here; there are {taken}"


def size_fault(request: RouteRequest, listing: Listing, quantity: Decimal) -> str | None:
    """What keeps the quantity, or the prices, from being sent there."""
    if quantity <= 0:
        return f"quantity: {request.quantity} is below the minimum {listing.min_quantity}"
    faults = listing.faults(quantity, request.limit_price)
    if faults:
        return "; ".join(str(fault) for fault in faults)
    if request.order_type.has_trigger:
        trigger = request.order.intent.trigger_price
        if trigger is not None and not listing.ticks.is_on_tick(trigger):
            return f"trigger_price: {trigger} is not on the tick {listing.ticks.band_at(trigger).tick}"
    return None


def book_fault(book: Book | None, now_ns: int, max_age_ns: int) -> str | None:
    """Why nothing can be priced from the book."""
    if book is None:
        return "no book"
    if now_ns - book.at_ns > max_age_ns:
        return "the book is stale"
    return None if book.is_sane else "the book is not sane"
