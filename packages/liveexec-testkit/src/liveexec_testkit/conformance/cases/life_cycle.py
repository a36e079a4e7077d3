"""Life cycle: connecting, disconnecting, and what may happen in between."""

from liveexec_testkit.conformance.case import CaseGroup, case
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
