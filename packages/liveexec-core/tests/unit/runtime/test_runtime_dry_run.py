"""Looking without touching: what an adapter only tells goes through, what would change anything at a venue does not."""

from decimal import Decimal

import pytest

from liveexec.domain.ids import AccountId
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import OrderRef, SendPlan, Sent, SettlementReport, Snapshot
from liveexec.plugins.adapter import Settles, TellsTime, VenueOrder
from liveexec.runtime.dry_run import silenced
from support.builders import ALPHA_ACCOUNT, NOW_NS, SPOT, make_order_id
from support.runtime_parts import ScriptedVenue

ORDER = VenueOrder(
    make_order_id(1), ALPHA_ACCOUNT, SPOT, Operation.TRADE, Side.BUY, OrderType.LIMIT, TimeInForce.GTC,
    Decimal(1), Decimal(45_000),
)  # fmt: skip


class TimedVenue(ScriptedVenue, TellsTime):
    async def venue_time_ns(self) -> int:
        return NOW_NS + 7


SETTLED = SettlementReport(ALPHA_ACCOUNT, SPOT, Decimal(45_000), "settled-1", NOW_NS)


class SettlingVenue(ScriptedVenue, Settles):
    async def settlements(self, account_id: AccountId, since_ns: int) -> Snapshot[SettlementReport]:
        return Snapshot((SETTLED,), since_ns, since_ns)


class TimedSettlingVenue(TimedVenue, SettlingVenue):
    pass


async def test_nothing_that_changes_anything_leaves_and_all_of_it_is_told() -> None:
    venue, withheld = ScriptedVenue(), list[tuple[str, OrderRef]]()
    adapter = silenced(venue, lambda what, ref: withheld.append((what, ref)))
    plan = await adapter.prepare(ORDER, 1, NOW_NS)
    ref = OrderRef(ALPHA_ACCOUNT, SPOT, plan.client_order_id, None)
    assert isinstance(plan, SendPlan)
    assert (await adapter.submit(ORDER, plan), await adapter.cancel(ref)) == (Sent(), Sent())
    assert [(what, each.client_order_id) for what, each in withheld] == [
        ("submit", plan.client_order_id),
        ("cancel", plan.client_order_id),
    ]
    assert (venue.count("submit"), venue.count("cancel")) == (0, 0)


@pytest.mark.parametrize("kind", [ScriptedVenue, TimedVenue, SettlingVenue, TimedSettlingVenue])
async def test_what_a_venue_can_tell_it_still_tells(kind: type[ScriptedVenue]) -> None:
    adapter = silenced(kind(), lambda _what, _ref: None)
    assert isinstance(adapter, TellsTime) is issubclass(kind, TellsTime)
    assert isinstance(adapter, Settles) is issubclass(kind, Settles)
    if isinstance(adapter, TellsTime):
        assert await adapter.venue_time_ns() == NOW_NS + 7
    if isinstance(adapter, Settles):
        assert (await adapter.settlements(ALPHA_ACCOUNT, NOW_NS)).items == (SETTLED,)
