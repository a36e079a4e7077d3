"""Only the venue's explicit word is a refusal."""

import pytest

from liveexec.domain.outcome import Rejected, Unknown
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.errors import judged

PROOFS = [
    (NodeVenue.BINANCE_FUTURES, "Binance error -2019: Margin is insufficient.", "-2019"),
    (NodeVenue.BINANCE_SPOT, "code=-2010, msg=Account has insufficient balance for requested action.", "-2010"),
    (NodeVenue.BYBIT, "Bybit error 110007: ab not enough for new order", "110007"),
    (NodeVenue.OKX, "51008: Order failed. Insufficient USDT balance in account", "51008"),
]
NO_PROOFS = [
    (NodeVenue.BINANCE_FUTURES, "Binance error -1007: Timeout waiting for response; execution status unknown."),
    (NodeVenue.BINANCE_FUTURES, "Binance error -1001: Internal error"),
    (NodeVenue.BINANCE_FUTURES, "HTTP error 503: -2019"),
    (NodeVenue.BINANCE_FUTURES, "request timed out"),
    (NodeVenue.BINANCE_FUTURES, "-2019 or -2018"),
    (NodeVenue.BINANCE_FUTURES, ""),
    (NodeVenue.BINANCE_FUTURES, None),
    (NodeVenue.BYBIT, "Bybit error 10000: Server Timeout"),
    (NodeVenue.BYBIT, "connection closed before 110007"),
    (NodeVenue.OKX, "50004: API endpoint request timeout"),
    (NodeVenue.OKX, "51008.5"),
    # The id is taken: the order is there.
    (NodeVenue.BINANCE_FUTURES, "Binance error -4116: ClientOrderId is duplicated."),
    (NodeVenue.BINANCE_SPOT, "code=-2010, msg=Duplicate order sent."),
    (NodeVenue.BYBIT, "Bybit error 110072: OrderLinkedID is duplicate"),
    (NodeVenue.BYBIT, "Bybit error 170141: Duplicate clientOrderId"),
    (NodeVenue.BYBIT, "Bybit error 110030: order id"),
    (NodeVenue.BYBIT, "Bybit error 170147: Order cancellation timeout"),
    (NodeVenue.OKX, "51016: Client order ID already exists"),
    (NodeVenue.OKX, "51149: Order timed out. Please try again."),
]


@pytest.mark.parametrize(("venue", "reason", "code"), PROOFS)
def test_codes_that_a_venue_documents_as_refusals_are_proofs(venue: NodeVenue, reason: str, code: str) -> None:
    assert judged(reason, venue) == Rejected(code, reason)


@pytest.mark.parametrize(("venue", "reason"), NO_PROOFS)
def test_everything_else_proves_nothing(venue: NodeVenue, reason: str | None) -> None:
    assert isinstance(judged(reason, venue), Unknown)
