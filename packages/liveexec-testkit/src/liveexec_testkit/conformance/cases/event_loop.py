"""The event loop: an adapter shares it with every other venue."""

import anyio

from liveexec.domain.operation import Side
from liveexec.domain.outcome import Unknown
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.loop_watch import LoopWatch
from liveexec_testkit.conformance.trial import Trial

__all__ = ["EventLoopCases"]

#: What counts as blocked: a venue's fills, and every other venue's, wait as long. Seconds.
_LONGEST_S = 0.25


class EventLoopCases(CaseGroup):
    """Nothing that an adapter does may hold up the loop."""

    subject = "Event loop"

    @case(
        97,
        "Nothing blocks the event loop",
        proves=f"Through connecting, orders, fills, snapshots and disconnecting the loop is never held up for "
        f"{_LONGEST_S:g} s: no blocking call, no sleep, no long computation.",
    )
    async def test_lx097_not_blocked(self, trial: Trial) -> None:
        account_id = trial.venue.account_id
        with LoopWatch() as watch:
            line = await trial.line()
            await trial.quote(line)
            await line.place(line.order(Side.BUY, 5))
            placed = await line.place_all([line.order(ticks=-20 - number) for number in range(10)])
            await line.adapter.order(placed[0].ref)
            await line.adapter.open_orders(account_id)
            await line.adapter.fills(account_id, trial.venue.clock.now_ns() - 60_000_000_000)
            await line.adapter.positions(account_id)
            await line.adapter.balances(account_id)
            for each in placed:
                await line.cancel(each)
            await line.adapter.disconnect()
        assert watch.longest_s < _LONGEST_S, f"the loop was held up for {watch.longest_s:.2f} s in\n{watch.told()}"

    @case(
        98,
        "A cancelled request leaves the session usable",
        proves="When the runtime gives up on a submit, a cancel and a question in the middle, the exception is not "
        "swallowed, and the session goes on: later requests are answered.",
    )
    async def test_lx098_cancellation(self, trial: Trial) -> None:
        line = await trial.line()
        before = await line.place()
        order = line.order(ticks=-25)
        plan = await line.plan(order)
        for ask in (
            lambda: line.adapter.submit(order, plan),
            lambda: line.adapter.cancel(before.ref),
            lambda: line.adapter.order(before.ref),
        ):
            outcome: object = None
            with anyio.CancelScope() as scope:
                scope.cancel()
                # Whoever waits for nothing may well have an answer.
                outcome = await ask()
            assert not isinstance(outcome, Unknown), f"the cancellation was swallowed, and became {outcome}"
        line = await trial.after_loss(line)
        later = await line.place(line.order(ticks=-30))
        await trial.order_at_venue(later)
