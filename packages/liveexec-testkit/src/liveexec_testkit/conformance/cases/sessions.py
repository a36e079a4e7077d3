"""Sessions over time: restarts, tokens that end, clocks that differ."""

import anyio

from liveexec.domain.operation import Side
from liveexec.domain.outcome import Accepted, Sent, VenueOrderStatus
from liveexec.plugins.adapter import TellsTime
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.line import Placed
from liveexec_testkit.conformance.needs import SINGLE_FILLS, Ability
from liveexec_testkit.conformance.scripts import ExpireToken, SkewClock
from liveexec_testkit.conformance.trial import Trial

__all__ = ["SessionCases"]

_SECOND_NS = 1_000_000_000


class SessionCases(CaseGroup):
    """What outlasts a session is at the venue; what a session needs is renewed in time."""

    subject = "Restarts, tokens and clocks"

    @case(
        88,
        "A restart finds what is open",
        proves="A new adapter, as after a restart, lists the open orders with both names, hears of their fills, and "
        "cancels them.",
        needs=(SINGLE_FILLS,),
    )
    async def test_lx088_restart(self, trial: Trial) -> None:
        line = await trial.line()
        placed = await line.place(line.order(quantity=trial.usual.quantity * 2))
        await line.adapter.disconnect()
        after = await trial.line()
        told = {each.venue_order_id: each.client_order_id for each in await trial.visible_open_orders(after)}
        assert told == {placed.venue_order_id: placed.plan.client_order_id}
        await trial.take(placed, trial.usual.quantity)
        await after.fills_of(placed, trial.usual.quantity)
        assert isinstance(await after.cancel(placed), Accepted | Sent)
        end = await after.report_of(placed, VenueOrderStatus.CANCELED)
        assert end.filled_quantity == trial.usual.quantity

    @case(
        89,
        "A token that ends is renewed",
        proves="After the session's authorisation is no longer good, no order is lost or doubled, and within the "
        "harness's patience orders are taken again: by a renewal, or in a new session.",
        needs=(ExpireToken(),),
    )
    async def test_lx089_token(self, trial: Trial) -> None:
        line = await trial.line()
        before = await line.place()
        await trial.venue.inject(ExpireToken())
        tried: list[Placed] = []
        with anyio.fail_after(trial.venue.patience_s):
            while True:
                line = await trial.after_loss(line)
                placed = await line.submit(line.order(ticks=-21 - len(tried) % 10))
                tried.append(placed)
                if isinstance(placed.outcome, Accepted | Sent):
                    break
                # A renewal is under way, or the session ends: the runtime asks again only after it looked.
                await anyio.sleep(0.05)
        for each in (before, *tried):
            true = await trial.truth_of(each)
            if isinstance(each.outcome, Accepted):
                assert true is not None, "an order was Accepted, and the venue has none"
        assert (await trial.order_at_venue(before)).status is VenueOrderStatus.WORKING

    @case(
        90,
        "The venue's time is the venue's",
        proves="venue_time_ns() asks the venue each time: it follows the venue's clock when that is set ahead.",
        needs=(Ability(TellsTime), SkewClock(ahead_s=3.0)),
    )
    async def test_lx090_venue_time(self, trial: Trial) -> None:
        line = await trial.line()
        assert isinstance(line.adapter, TellsTime)
        clock = trial.venue.clock
        first_ns = await line.adapter.venue_time_ns()
        assert abs(first_ns - clock.now_ns()) < _SECOND_NS, f"it is {first_ns - clock.now_ns()} ns off"
        await trial.venue.inject(SkewClock(ahead_s=3.0))
        ahead_ns = await line.adapter.venue_time_ns() - clock.now_ns()
        assert 2 * _SECOND_NS < ahead_ns < 4 * _SECOND_NS, f"set 3 s ahead, it is told as {ahead_ns} ns ahead"

    @case(
        91,
        "Orders go through though clocks differ",
        proves="With the venue's clock two seconds ahead, logging in, placing, filling and canceling work; times of "
        "fills are the venue's.",
        needs=(SINGLE_FILLS, SkewClock(ahead_s=2.0)),
    )
    async def test_lx091_skewed(self, trial: Trial) -> None:
        await trial.venue.inject(SkewClock(ahead_s=2.0))
        line = await trial.line()
        placed = await line.place(line.order(Side.BUY, quantity=trial.usual.quantity * 2))
        await trial.take(placed, trial.usual.quantity)
        (fill,) = await line.fills_of(placed, trial.usual.quantity)
        (true,) = await trial.venue.fills()
        assert abs(fill.fill.venue_time_ns - true.fill.venue_time_ns) < 1_000_000, "the fill's time is not the venue's"
        await line.cancel(placed)
        await line.report_of(placed, VenueOrderStatus.CANCELED)
