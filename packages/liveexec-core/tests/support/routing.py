"""A small world of venues for routing tests: an engine state that lists one product at several of them.

from support.routing import RoutingWorld, make_route_request
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from attrs import define, evolve, field

from liveexec.domain.ids import AccountId, InstrumentId, ProductId, VenueName
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book
from liveexec.domain.order_event import RouteCandidate
from liveexec.domain.venue import AdapterManifest
from liveexec.engine.config import EngineConfig
from liveexec.engine.inputs import Phase
from liveexec.engine.policies import BUILTIN_POLICIES
from liveexec.engine.router import RoutePlan, RouteRequest, RoutingPolicy, SmartOrderRouter
from liveexec.engine.router_config import RouterConfig
from liveexec.engine.state import EngineState
from support.builders import NOW_NS, make_book, make_intent, make_listing, make_manifest, make_market_intent, make_order

__all__ = ["PRODUCT", "RoutingWorld", "instrument_at", "make_route_request"]

PRODUCT = ProductId("SPOT_PAIR:BTC-USDT")


def instrument_at(venue: str) -> InstrumentId:
    """The product's instrument at a venue."""
    return InstrumentId(f"{venue}:{PRODUCT}")


def make_route_request(**changes: Any) -> RouteRequest:
    """A market order to buy one BTC anywhere; every field of its intent can be changed."""
    values = {"instrument_key": PRODUCT} | changes
    intent = make_market_intent(**values) if "price" not in changes else make_intent(**values)
    assert intent.instrument_key is not None
    assert intent.side is not None
    return RouteRequest(
        order=make_order(intent=intent),
        key=intent.instrument_key,
        side=intent.side,
        quantity=intent.quantity,
        limit_price=intent.limit_price,
        order_type=intent.order_type,
        time_in_force=intent.time_in_force,
        post_only=intent.post_only,
        reduce_only=intent.reduce_only,
        operation=intent.operation,
        strategy_id=intent.strategy_id,
        account_id=intent.account_id,
    )


@define(eq=False)
class RoutingWorld:
    """Venues are added one by one; each has one account and is ACTIVE unless the test says otherwise."""

    config: RouterConfig = field(factory=RouterConfig)
    policies: Mapping[str, RoutingPolicy] = BUILTIN_POLICIES
    state: EngineState = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.state = EngineState(EngineConfig(router=self.config), now_ns=NOW_NS)

    def add(
        self,
        venue: str,
        *,
        book: Book | str | None = "default",
        manifest: Mapping[str, Any] = MappingProxyType({}),
        **listing: Any,
    ) -> Listing:
        """A venue that lists the product, with the default book of the builders unless another or none is given."""
        name, account_id = VenueName(venue), AccountId(f"{venue}-1")
        listed = make_listing(instrument_at(venue), **listing)
        state = self.state
        state.listings[listed.instrument_id] = listed
        state.products[PRODUCT] = tuple(sorted(state.listings))
        state.manifests[name] = make_manifest(name, **manifest)
        state.venue_accounts[name] = (account_id,)
        state.phases[account_id] = Phase.ACTIVE
        if book == "default":
            book = make_book(listed.instrument_id)
        if isinstance(book, Book):
            state.market.books[listed.instrument_id] = book
        return listed

    def book(self, venue: str, **sides: Any) -> None:
        """The venue's book from now on: ``bids`` and ``asks`` as [("price", "quantity")]."""
        self.state.market.books[instrument_at(venue)] = make_book(instrument_at(venue), **sides)

    def configure(self, **changes: Any) -> None:
        """Change the engine's configuration."""
        self.state.config = evolve(self.state.config, **changes)

    def manifest(self, venue: str) -> AdapterManifest:
        """What a venue can do."""
        return self.state.manifests[VenueName(venue)]

    def route(self, request: RouteRequest) -> RoutePlan:
        """What a router of this configuration answers."""
        return SmartOrderRouter(self.config, self.policies).route(request, self.state)

    def candidate(self, request: RouteRequest, venue: str) -> RouteCandidate:
        """The explanation that the answer keeps for a venue."""
        plan = self.route(request)
        return next(found for found in plan.candidates if found.instrument_id == instrument_at(venue))

    def legs(self, request: RouteRequest) -> dict[str, Decimal]:
        """The legs of the answer: quantities by venue."""
        return {leg.instrument_id.partition(":")[0]: leg.quantity for leg in self.route(request).legs}
