"""SmartOrderRouter: where an order goes, in how many legs, and why.

It leaves out the venues that can't take the order, prices the others all in, has the policy choose, checks what the
policy chose, and keeps the explanation. Nothing is left out silently: every venue that lists the product is among the
candidates, with its score or with the reason.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from attrs import define

from liveexec.domain import money
from liveexec.domain.ids import InstrumentId, ProductId, VenueName, is_instrument_id
from liveexec.domain.instrument import Listing
from liveexec.domain.operation import Operation, OrderType, TimeInForce
from liveexec.domain.order_event import RouteCandidate, RouteLeg
from liveexec.domain.venue import AdapterManifest
from liveexec.engine.route_filter import (
    account_fault,
    book_fault,
    capability_fault,
    common_terms,
    details_fault,
    same_contract,
    session_fault,
    size_fault,
)
from liveexec.engine.route_pricing import crosses, needs_book, price_candidate, would_take
from liveexec.engine.router_config import PINNED, RouterConfig
from liveexec.engine.routing import Candidate, Choice, RoutePlan, RouteRequest, RoutingPolicy
from liveexec.engine.state import EngineState
from liveexec.errors import ConfigurationError, Fault

__all__ = ["Candidate", "Choice", "RoutePlan", "RouteRequest", "RoutingPolicy", "SmartOrderRouter"]

_MS_PER_NS = Decimal("0.000001")
_ALONE: Final = (True,)
#: What of an order a venue's capabilities are asked about.
_Kind = tuple[VenueName, Operation, OrderType, TimeInForce, bool, bool]


@define(eq=False)
class _Family:
    """A product's listings, and which of them have the terms that most have."""

    instruments: tuple[InstrumentId, ...]
    listings: tuple[Listing, ...]
    alike: tuple[bool, ...]


_NOWHERE: Final = _Family((), (), ())


class SmartOrderRouter:
    """Routes by one configuration and the policies that were registered.

    Raises:
        ConfigurationError: the configured policy, or ``pinned``, is not registered.
    """

    def __init__(self, config: RouterConfig, policies: Mapping[str, RoutingPolicy]) -> None:
        missing = [name for name in dict.fromkeys((config.policy, PINNED)) if name not in policies]
        if missing:
            known = ", ".join(sorted(policies)) or "none"
            raise ConfigurationError(
                "router", [Fault("policy", f"{name} is not registered; there are {known}") for name in missing]
            )
        self._config = config
        self._pinned = policies[PINNED]
        self._policy = policies[config.policy]
        self._latency_rates = {venue: self._latency_rate(venue) for venue in config.latency_ns}
        self._unknown_latency_rate = self._latency_rate(VenueName(""))
        self._families: dict[ProductId, _Family] = {}
        #: What venues can't express, by venue and kind of order, and the manifest that says so.
        self._capability_faults: dict[_Kind, tuple[AdapterManifest | None, str | None]] = {}

    def route(self, request: RouteRequest, state: EngineState) -> RoutePlan:
        """Where the order goes. A plan without legs is a refusal, explained by its candidates.

        Runs in the engine's decimal context (:data:`liveexec.domain.money.MONEY`).
        """
        listing = state.listings.get(InstrumentId(request.key))
        if listing is not None:
            return self._plan(request, _ALONE, (listing,), self._pinned, state, is_pinned=True)
        if is_instrument_id(request.key):
            unknown = RouteCandidate(InstrumentId(request.key), None, None, None, None, None, None, "not listed")
            return RoutePlan(self._pinned.name, (), (unknown,), None)
        family = self._family(ProductId(request.key), state)
        listings = family.listings
        if self._config.smart_execution_enabled:
            return self._plan(request, family.alike, listings, self._policy, state, is_pinned=False)
        if len(listings) == 1:
            return self._plan(request, family.alike, listings, self._pinned, state, is_pinned=True)
        reason = f"smart execution is off and {len(listings)} venues list the product"
        return _answer(self._pinned.name, [Candidate(listing, None, left_out=reason) for listing in listings], ())

    def _plan(
        self,
        request: RouteRequest,
        alike: Sequence[bool],
        listings: tuple[Listing, ...],
        policy: RoutingPolicy,
        state: EngineState,
        *,
        is_pinned: bool,
    ) -> RoutePlan:
        splits = policy.splits
        candidates = [
            self._candidate(request, listing, state, is_alike=is_alike, is_pinned=is_pinned, splits=splits)
            for listing, is_alike in zip(listings, alike, strict=True)
        ]
        usable = [candidate for candidate in candidates if candidate.left_out is None]
        if not usable:
            return _answer(policy.name, candidates, ())
        choices, fault = _chosen(policy, request, usable, state)
        if fault is not None:
            for candidate in usable:
                candidate.left_out = f"{policy.name}: {fault}"
            choices = ()
        return _answer(policy.name, candidates, choices)

    def _candidate(
        self,
        request: RouteRequest,
        listing: Listing,
        state: EngineState,
        *,
        is_alike: bool,
        is_pinned: bool,
        splits: bool,
    ) -> Candidate:
        candidate = Candidate(listing, None)
        if not is_alike:
            candidate.left_out = "its contract terms differ from other venues'"
            return candidate
        venue = listing.venue
        account_id = candidate.account_id = state.account_for(request.strategy_id, venue, request.account_id)
        if account_id is None:
            candidate.left_out = account_fault(request, venue, state)
            return candidate
        candidate.quantity = _takeable(request.quantity, listing) if splits else request.quantity
        candidate.left_out = (
            session_fault(request, listing, account_id, state)
            or self._capability_fault(request, venue, state)
            or size_fault(request, listing, candidate.quantity)
        )
        if candidate.left_out is None:
            self._price(request, candidate, state, is_pinned=is_pinned)
        return candidate

    def _capability_fault(self, request: RouteRequest, venue: VenueName, state: EngineState) -> str | None:
        """See :func:`capability_fault`; told once for each kind of order, as long as the venue's manifest stays."""
        kind = (
            venue, request.operation, request.order_type, request.time_in_force, request.post_only, request.reduce_only
        )  # fmt: skip
        manifest = state.manifests.get(venue)
        known = self._capability_faults.get(kind)
        if known is None or known[0] is not manifest:
            known = self._capability_faults[kind] = (manifest, capability_fault(request, manifest))
        details = request.order.intent.details
        if details and known[1] is None and manifest is not None:
            return details_fault(details, manifest)
        return known[1]

    def _price(self, request: RouteRequest, candidate: Candidate, state: EngineState, *, is_pinned: bool) -> None:
        book = state.market.books.get(candidate.listing.instrument_id)
        fault = book_fault(book, state.now_ns, self._config.max_book_age_ns)
        if book is not None and fault is None:
            if request.post_only and not is_pinned and crosses(request, book):
                candidate.left_out = "post-only, but it would take"
                return
            if would_take(request, book):
                candidate.book = book
        elif needs_book(request) and not is_pinned:
            candidate.left_out = fault
            return
        candidate.latency_rate = self._latency_rates.get(candidate.listing.venue, self._unknown_latency_rate)
        price_candidate(request, candidate)
        if candidate.score is not None and candidate.score <= 0 and not is_pinned:
            candidate.left_out = "its costs eat up the price"

    def _family(self, product_id: ProductId, state: EngineState) -> "_Family":
        """The listings of a product, compared once for as long as no venue lists anything else."""
        instruments = state.products.get(product_id, ())
        family = self._families.get(product_id)
        # The tuple is made anew with every change of a venue's listings.
        if family is None or family.instruments is not instruments:
            if not instruments:
                return _NOWHERE
            listings = state.listings_of(product_id)
            terms = common_terms(listings)
            alike = tuple(terms is not None and same_contract(listing.terms, terms) for listing in listings)
            family = self._families[product_id] = _Family(instruments, listings, alike)
        return family

    def _latency_rate(self, venue: VenueName) -> Decimal:
        latency_ms = money.MONEY.multiply(Decimal(self._config.latency_of(venue)), _MS_PER_NS)
        rate = money.round_places(money.MONEY.multiply(latency_ms, self._config.latency_penalty_per_ms))
        return Decimal(money.canonical(rate))


def _takeable(quantity: Decimal, listing: Listing) -> Decimal:
    most = quantity if listing.max_quantity is None else min(quantity, listing.max_quantity)
    return listing.floor_quantity(most)


def _chosen(
    policy: RoutingPolicy, request: RouteRequest, usable: Sequence[Candidate], state: EngineState
) -> tuple[Sequence[Choice], str | None]:
    """What the policy chose, and what is wrong with that, if anything."""
    try:
        choices = policy.choose(request, usable, state)
    except Exception as error:  # noqa: BLE001 - a plugin's bug refuses this order and stops no other
        # The type alone: a message may hold addresses, and what is recorded must be the same in every run.
        return (), f"raised {type(error).__name__}"
    return choices, _choice_fault(request, usable, choices)


def _choice_fault(request: RouteRequest, usable: Sequence[Candidate], choices: Sequence[Choice]) -> str | None:
    """What is wrong with a policy's answer: nothing that breaks the order's terms goes out, whoever chose it."""
    if len(choices) == 1 and choices[0][1] == request.quantity == choices[0][0].quantity:
        return None if choices[0][0] in usable else "chose a venue that is no candidate"
    if not choices:
        return "no combination of venues can take the quantity"
    if any(candidate not in usable for candidate, _ in choices):
        return "chose a venue that is no candidate"
    if len({candidate.instrument_id for candidate, _ in choices}) != len(choices):
        return "chose a venue twice"
    for candidate, quantity in choices:
        if quantity > candidate.quantity or candidate.listing.faults(quantity, request.limit_price):
            return f"chose {quantity} for {candidate.instrument_id}, which it can't take"
    if sum((quantity for _, quantity in choices), money.ZERO) != request.quantity:
        return "chose quantities that don't sum up to the order's"
    return None


def _answer(policy: str, candidates: Sequence[Candidate], choices: Sequence[Choice]) -> RoutePlan:
    book_times = [candidate.book.at_ns for candidate in candidates if candidate.book is not None]
    return RoutePlan(
        policy,
        tuple([_leg(candidate, quantity) for candidate, quantity in choices]),
        tuple([_explained(candidate) for candidate in candidates]),
        min(book_times, default=None),
    )


def _leg(candidate: Candidate, quantity: Decimal) -> RouteLeg:
    assert candidate.account_id is not None
    return RouteLeg(candidate.listing.instrument_id, candidate.account_id, quantity, candidate.listing.terms)


def _explained(candidate: Candidate) -> RouteCandidate:
    return RouteCandidate(
        candidate.listing.instrument_id,
        candidate.account_id,
        candidate.price,
        candidate.fee,
        candidate.slippage,
        candidate.latency_penalty,
        candidate.score,
        candidate.left_out,
    )
