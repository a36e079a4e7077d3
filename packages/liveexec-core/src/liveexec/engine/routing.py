"""What the router is asked, what it weighs and what it answers: the records that policies read and make.

Prices, fees and penalties are in quote currency per unit of the underlying, whatever the contract: venues of one
product are compared in that unit only.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from attrs import define, field

from liveexec.domain.ids import AccountId, InstrumentId, StrategyId
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.order_event import RouteCandidate, RouteLeg
from liveexec.engine.state import EngineState

__all__ = ["Candidate", "Choice", "RoutePlan", "RouteRequest", "RoutingPolicy"]


@define(eq=False)
class RouteRequest:
    """An order, or a part of it, that has to go somewhere. ``key`` names an instrument or a product.

    ``sign`` is the side's: +1 for who pays the price, -1 for who gets it.
    """

    order: Order
    key: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    operation: Operation
    strategy_id: StrategyId
    account_id: AccountId | None
    sign: int = field(init=False)
    #: Whether what is not filled at once is gone.
    never_rests: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.sign = self.side.sign
        kind = self.order_type
        self.never_rests = kind is OrderType.MARKET or (kind is OrderType.LIMIT and self.time_in_force in _IMMEDIATE)


_IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


@define(eq=False)
class Candidate:
    """A venue that was considered.

    ``quantity`` is the most of the order that it can take, on its lot. ``book`` is the fresh and sane book that the
    order would take from, and that it was priced from; ``None`` when it would rest or there is none. ``shortfall`` is
    what of the quantity that book does not show within the limit. ``fee_rate`` is the taker's or the maker's,
    ``latency_rate`` the latency penalty, both as fractions of the price.

    ``price`` is the touch, or the limit of an order that rests; with ``slippage`` to the average price of the whole
    quantity, ``fee`` and ``latency_penalty`` on that average it makes ``score``: what a buyer pays and a seller gets,
    all in. They are ``None`` when no price is known. ``left_out`` is the reason why it can't be chosen.
    """

    listing: Listing
    account_id: AccountId | None
    quantity: Decimal = ZERO
    left_out: str | None = None
    book: Book | None = None
    fee_rate: Decimal = ZERO
    latency_rate: Decimal = ZERO
    shortfall: Decimal = ZERO
    price: Decimal | None = None
    slippage: Decimal | None = None
    fee: Decimal | None = None
    latency_penalty: Decimal | None = None
    score: Decimal | None = None

    @property
    def instrument_id(self) -> InstrumentId:
        return self.listing.instrument_id

    @property
    def takes(self) -> bool:
        """Whether the order would take from this venue's book."""
        return self.book is not None


#: A candidate and the quantity that goes there.
Choice = tuple[Candidate, Decimal]


@define(eq=False)
class RoutePlan:
    """Where the order goes. No legs: nothing could take it, and the candidates say why.

    ``book_at_ns`` is the engine time of the oldest book that a candidate was priced from; ``None`` when none was.
    """

    policy: str
    legs: tuple[RouteLeg, ...]
    candidates: tuple[RouteCandidate, ...]
    book_at_ns: int | None


class RoutingPolicy(Protocol):
    """Who chooses among the venues that can take an order. Stateless; ties are broken by instrument id."""

    @property
    def name(self) -> str:
        """What the configuration's ``router.policy`` says."""

    @property
    def splits(self) -> bool:
        """Whether it may make several legs: then a venue that can take only a part is a candidate too."""

    def choose(self, request: RouteRequest, candidates: Sequence[Candidate], state: EngineState) -> Sequence[Choice]:
        """The candidates that take the order, with quantities on their lots that sum up to the request's exactly.

        ``candidates`` can all be chosen, are never empty and come in the order of their instrument ids. Nothing
        chosen means that no combination of them can take the order.
        """
