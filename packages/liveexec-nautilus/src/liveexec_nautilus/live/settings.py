"""What the configuration says of one venue, as its adapter reads it."""

from decimal import Decimal

from attrs import frozen

from liveexec.domain.ids import AccountId
from liveexec.domain.money import ZERO
from liveexec_nautilus.instruments import NodeVenue

__all__ = ["VenueSettings"]


@frozen
class VenueSettings:
    """One venue. ``account_id`` is liveexec's; fees are rates of the traded value."""

    venue: NodeVenue
    account_id: AccountId
    request_timeout_s: float = 5.0
    question_timeout_s: float = 20.0
    book_depth: int = 0
    maker_fee: Decimal = ZERO
    taker_fee: Decimal = ZERO
