"""What is missing is said, with the reason that the report lists."""

from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.plugins.adapter import Polls, Replaces, TellsTime
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec_testkit.conformance.needs import (
    DEDUPES,
    KEEP_ALIVE,
    QUERY_BY_CLIENT_ID,
    STREAM,
    Ability,
    Need,
    described,
    missing,
    needs_tif,
    needs_type,
)
from liveexec_testkit.conformance.paper import PaperHarness
from liveexec_testkit.conformance.scripts import CutPages, HalfOpen, LoseAnswer, Verb


class PolledPaper(Polls, PaperAdapter):
    poll_every_s = 1.0


async def test_each_sort_of_need_gives_its_reason() -> None:
    async with PaperHarness() as venue:
        adapter = venue.adapter()
        reasons: dict[Need, str | None] = {
            needs_type(OrderType.LIMIT): None,
            needs_type(OrderType.STOP_LIMIT): "the manifest declares no STOP_LIMIT orders",
            needs_tif(TimeInForce.FOK): None,
            QUERY_BY_CLIENT_ID: None,
            DEDUPES: None,
            Ability(Replaces): None,
            STREAM: None,
            KEEP_ALIVE: "the harness offers no keep-alive of the adapter's own",
            LoseAnswer(Verb.SUBMIT, placed=True): None,
            HalfOpen(): "calls within one process send no bytes, so nothing of this kind can happen to them",
            CutPages(size=3): "the venue gives everything at once",
        }
        assert {need: missing(need, adapter, venue) for need in reasons} == reasons
        polled = PolledPaper(venue.driver, adapter.manifest.venue)
        assert missing(STREAM, polled, venue) == "the adapter offers no stream of reports"


def test_needs_are_described_for_readers() -> None:
    assert described(needs_tif(TimeInForce.GTD)) == "manifest: time in force GTD"
    assert described(Ability(TellsTime)) == "adapter: TellsTime"
    assert described(STREAM) == "adapter: stream of reports"
    assert described(KEEP_ALIVE) == "harness: keep-alive of the adapter's own"
    assert described(LoseAnswer(Verb.CANCEL, placed=False)) == "script: LoseAnswer(verb=cancel, placed=False)"
