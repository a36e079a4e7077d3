"""Life cycle: connecting, disconnecting, and what may happen in between."""

import anyio
import pytest

from liveexec.domain.operation import Side
from liveexec.domain.outcome import Accepted, Sent, VenueOrderStatus
from liveexec.errors import AdapterError
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.scripts import CutConnection, RefuseLogin
from liveexec_testkit.conformance.trial import Trial

__all__ = ["LifeCycleCases"]


class LifeCycleCases(CaseGroup):
    """A session opens, closes, opens again, and says so when it can't."""

    subject = "Life cycle"

    @case(
        1,
        "Connects, lists what it trades, disconnects",
        proves="After connect() the listings hold every instrument that the harness trades; disconnect() ends the "
        "stream of reports.",
    )
    async def test_lx001_connects(self, trial: Trial) -> None:
        line = await trial.line()
        for instrument in trial.venue.instruments:
            assert instrument.instrument_id in line.listings, f"{instrument.instrument_id} is not listed"
        await line.adapter.disconnect()
        await line.heard.ended()

    @case(
        2,
        "connect() may be called again",
        proves="A second connect() on an open session does no harm: the stream of reports goes on, and an order's "
        "reports come on it.",
    )
    async def test_lx002_connects_twice(self, trial: Trial) -> None:
        line = await trial.line()
        await line.adapter.connect()
        placed = await line.place()
        assert isinstance(await line.cancel(placed), Accepted | Sent)
        await line.report_of(placed, VenueOrderStatus.CANCELED)

    @case(
        3,
        "disconnect() is safe in any state",
        proves="disconnect() raises nothing before the first connect(), and twice in a row.",
    )
    async def test_lx003_disconnects_in_any_state(self, trial: Trial) -> None:
        await trial.venue.adapter().disconnect()
        line = await trial.line()
        await line.adapter.disconnect()
        await line.adapter.disconnect()

    @case(
        4,
        "Connects again after disconnect()",
        proves="The same adapter opens a second session, in which orders are taken and reported.",
    )
    async def test_lx004_connects_again(self, trial: Trial) -> None:
        line = await trial.line()
        await line.adapter.disconnect()
        again = await trial.line(line.adapter)
        placed = await again.place()
        assert (await trial.order_at_venue(placed)).status is VenueOrderStatus.WORKING

    @case(
        5,
        "What can't be connected raises AdapterError",
        proves="While the venue takes no connections connect() raises AdapterError (or does not return within the "
        "runtime's time); when it does again, the same adapter connects.",
        needs=(CutConnection(refuse_for_s=1.5),),
    )
    async def test_lx005_refused_connection(self, trial: Trial) -> None:
        # Long enough that a busy machine asks before it is over.
        adapter = trial.adapter()
        await trial.venue.inject(CutConnection(refuse_for_s=1.5))
        with anyio.move_on_after(trial.venue.patience_s) as patience:
            with pytest.raises(AdapterError):
                await adapter.connect()
        assert not patience.cancelled_caught, "connect() neither raised nor returned"
        line = await trial.line_in_time(adapter)
        await line.place()

    @case(
        6,
        "A broken connection ends the stream of reports, or announces a gap",
        proves="When the connection is cut, reports() ends, raises, or (in an adapter that reconnects by itself) "
        "yields a Gap: nobody goes on listening to a stream that is gone.",
        needs=(CutConnection(),),
    )
    async def test_lx006_cut_is_noticed(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.venue.inject(CutConnection())
        await line.heard.broken()
        await line.adapter.disconnect()

    @case(
        7,
        "A refused login raises AdapterError",
        proves="Credentials that the venue refuses make connect() raise AdapterError; nothing counts as connected.",
        needs=(RefuseLogin(),),
    )
    async def test_lx007_refused_login(self, trial: Trial) -> None:
        await trial.venue.inject(RefuseLogin())
        adapter = trial.venue.adapter()
        with anyio.fail_after(trial.venue.patience_s), pytest.raises(AdapterError):
            await adapter.connect()
        await adapter.disconnect()

    @case(
        8,
        "Requests without a session are never Accepted",
        proves="Before connect() and after disconnect() a submit raises or is Unknown or Rejected, and the venue gets "
        "no order.",
    )
    async def test_lx008_no_session(self, trial: Trial) -> None:
        line = await trial.line()
        order = line.order(Side.BUY)
        await line.adapter.disconnect()
        placed = await line.submit(order)
        assert not isinstance(placed.outcome, Accepted), "an order was accepted without a session"
        await trial.nothing_at_venue(placed)
