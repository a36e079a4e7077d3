"""What the node tells of an account becomes a report where it proves something, a gap where something is missing."""

import asyncio
from typing import Any

import pytest

from liveexec.domain.ids import AccountId
from liveexec.domain.outcome import FillReport, Gap, OrderReport, VenueOrderStatus, VenueReport
from liveexec.errors import AdapterError, InvalidInput
from liveexec_nautilus.instruments import InstrumentFacts, NodeVenue
from liveexec_nautilus.live import account_side
from liveexec_nautilus.live.account_side import AccountSide
from liveexec_nautilus.live.asking import Asking
from liveexec_nautilus.live.listings import VenueListings
from liveexec_nautilus.live.process import LiveTradingNode
from liveexec_nautilus.live.protocol import FillTold, NodePlan, OrderState, OrderTold, SocketTold
from liveexec_nautilus.live.settings import VenueSettings

pytestmark = pytest.mark.anyio

PERPETUAL = {NodeVenue.OKX: "BTC-USDT-SWAP.OKX", NodeVenue.BYBIT: "BTCUSDT-LINEAR.BYBIT"}


def fill(venue: NodeVenue, **changes: Any) -> FillTold:
    values: dict[str, Any] = {
        "instrument": PERPETUAL[venue],
        "client_order_id": "lx1",
        "venue_order_id": "7",
        "trade_id": "t1",
        "side": "BUY",
        "quantity": "1",
        "price": "50000",
        "fee": "2",
        "fee_asset": "USDT",
        "liquidity": "TAKER",
        "at_ns": 5,
    }
    return FillTold(**(values | changes))


def order(venue: NodeVenue, event: str, status: str, reason: str | None = None, **changes: Any) -> OrderTold:
    named = changes.pop("venue_order_id", None)
    state = OrderState(PERPETUAL[venue], "lx1", named, status, "BUY", "LIMIT", "GTC", "1", "0", "50000", 5, reason)
    return OrderTold(event, state, **changes)


class Account:
    """One side over a node that does not run: what is asked fails."""

    def __init__(self, venue: NodeVenue = NodeVenue.BYBIT) -> None:
        settings = VenueSettings(venue, AccountId("main"))
        listings = VenueListings(settings)
        symbol = PERPETUAL[venue].partition(".")[0]
        listings.learn(
            [
                InstrumentFacts(
                    id=PERPETUAL[venue],
                    raw_symbol=symbol,
                    type="CryptoPerpetual",
                    base="BTC",
                    quote="USDT",
                    settlement="USDT",
                    is_inverse=False,
                    tick="0.1",
                    lot="0.001",
                )
            ]
        )
        node = LiveTradingNode(lambda: NodePlan("NONE-001", (), ()))
        self.answered: list[OrderTold | FillTold] = []
        self.side = AccountSide(settings, listings, Asking(node, venue.value, venue.venue, 1.0), self.answered.append)
        self.side.begin()

    async def told(self) -> list[VenueReport]:
        """Everything that was reported, read out, with what is still being looked up."""
        for _ in range(5):
            await asyncio.sleep(0)
        self.side.gap("the end")
        found: list[VenueReport] = []
        assert self.side.reports is not None
        async for report in self.side.reports:
            if isinstance(report, Gap) and report.reason == "the end":
                break
            found.append(report)
        return found


async def test_fills_are_reported_and_answer_who_sent_them() -> None:
    account = Account()
    account.side.heard(fill(NodeVenue.BYBIT))
    (report,) = await account.told()
    assert isinstance(report, FillReport)
    assert report.fill.fee == 2
    assert account.answered == [fill(NodeVenue.BYBIT)]


@pytest.mark.parametrize(
    "told",
    [
        fill(NodeVenue.BYBIT, instrument="OTHER-LINEAR.BYBIT"),
        # Inferred from an order's report: its trade id is nobody's.
        fill(NodeVenue.BYBIT, is_reconciled=True, fee=None),
        order(NodeVenue.BYBIT, "OrderFillVoided", "PARTIALLY_FILLED"),
        # The node's own conclusion, of which the venue can't be asked here.
        order(NodeVenue.BYBIT, "OrderCanceled", "CANCELED", is_reconciled=True),
        order(NodeVenue.BYBIT, "OrderRejected", "REJECTED", "no code", venue_order_id="7"),
    ],
)
async def test_what_proves_nothing_is_a_gap(told: FillTold | OrderTold) -> None:
    account = Account()
    account.side.heard(told)
    assert [type(each) for each in await account.told()] == [Gap]


async def test_refusals_are_reported_with_the_venues_code_and_others_not_at_all() -> None:
    account = Account(NodeVenue.OKX)
    account.side.heard(order(NodeVenue.OKX, "OrderRejected", "REJECTED", "request timed out"))
    account.side.heard(order(NodeVenue.OKX, "OrderCancelRejected", "ACCEPTED", "51400: no such order"))
    account.side.heard(order(NodeVenue.OKX, "OrderRejected", "REJECTED", "51008: insufficient balance"))
    (report,) = await account.told()
    assert isinstance(report, OrderReport)
    assert (report.status, report.code) == (VenueOrderStatus.REJECTED, "51008")
    assert len(account.answered) == 3


async def test_a_running_fee_is_believed_of_orders_that_were_heard_from_their_beginning_alone() -> None:
    account = Account(NodeVenue.OKX)
    account.side.begun("lx1")
    account.side.heard(fill(NodeVenue.OKX))
    account.side.heard(fill(NodeVenue.OKX, client_order_id="lx2"))
    first, second = await account.told()
    assert isinstance(first, FillReport)
    assert isinstance(second, Gap)
    assert "lx2 with a fee that is not its own" in second.reason
    # After a gap nothing is whole any more.
    account.side.heard(fill(NodeVenue.OKX))
    assert [type(each) for each in await account.told()] == [Gap]


async def test_a_connection_that_is_lost_and_back_is_one_gap_however_often_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(account_side, "_AWAY_S", 0.0)
    account = Account()
    for endpoint in ("bybit-user-streams", "bybit-linear-data-streams"):
        for is_connected in (False, False, True):
            account.side.heard(SocketTold("BYBIT", endpoint, is_connected))
    (gap,) = await account.told()
    assert isinstance(gap, Gap)
    assert gap.reason == "the node's connection bybit-user-streams is back"
    account.side.heard(SocketTold("BYBIT", "bybit-user-streams", is_connected=False))
    (gap,) = await account.told()
    assert isinstance(gap, Gap)
    assert gap.reason == "the node's connection bybit-user-streams was lost"


async def test_a_lost_session_raises_its_error_and_a_closed_one_ends() -> None:
    account = Account()
    reports = account.side.reports
    assert reports is not None
    account.side.end(AdapterError("gone"))
    assert account.side.reports is None
    with pytest.raises(AdapterError, match="gone"):
        await anext(reports)
    account.side.begin()
    again = account.side.reports
    assert again is not None
    account.side.end(None)
    assert [each async for each in again] == []


async def test_what_can_not_be_read_is_raised() -> None:
    account = Account()
    with pytest.raises(InvalidInput):
        account.side.heard(fill(NodeVenue.BYBIT, side="SIDEWAYS"))
