"""Sessions: connected, reconciled, trusted; lost and found again, and never trusted while anything may be missing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from attrs import define, evolve, field

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import Gap, VenueReport
from liveexec.domain.venue import RateLimit
from liveexec.engine.inputs import AccountPhase, AccountSnapshot, EngineInput, ListingsUpdate, Phase
from liveexec.errors import AdapterError, Fault, InvalidInput
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.runtime import sessions as sessions_module
from liveexec.runtime.clock import VirtualClock
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.reconciler import Reconciler
from liveexec.runtime.sessions import Session, SessionState
from liveexec.runtime.venue_clock import VenueClock
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    LINEAR,
    NOW_NS,
    SPOT,
    SPOT_AT_BETA,
    make_book,
    make_listing,
    make_manifest,
    make_order_report,
)
from support.runtime_parts import Ended, ScriptedVenue, turns, until, within

SECOND_ACCOUNT = AccountId("ALPHA-2")


async def _none_known(_account_id: AccountId, _keys: Sequence[FillKey]) -> Sequence[FillKey]:
    return ()


@define(eq=False)
class Desk:
    """A session with a scripted venue. ``told`` is what the engine hears, in order; ``hear`` may hold its answer up."""

    venue: ScriptedVenue = field(factory=lambda: ScriptedVenue(accounts=(ALPHA_ACCOUNT, SECOND_ACCOUNT)))
    instruments: Sequence[InstrumentId] | None = None
    first_wait_s: float = 0.0
    breaker_wait_s: float = 3_600.0
    reconcile_every_s: float = 3_600.0
    clock: VirtualClock = field(factory=lambda: VirtualClock(NOW_NS))
    metrics: Metrics = field(factory=Metrics)
    told: list[EngineInput] = field(factory=list)
    reports: list[VenueReport] = field(factory=list)
    quotes: list[Book | TradeBar] = field(factory=list)
    hear: Callable[[EngineInput], Awaitable[None]] | None = None
    session: Session = field(init=False)

    def __attrs_post_init__(self) -> None:
        reconciler = Reconciler(
            now_ns=self.clock.now_ns,
            is_new=lambda _: False,
            trusted_until_ns=NOW_NS,
            known_fills=_none_known,
            tell=self.tell,
            deliver=self.deliver,
        )
        self.session = Session(
            self.venue,
            reconciler,
            self.metrics,
            clock=VenueClock(ALPHA, self.clock.now_ns, 500_000_000, self.metrics.clock_offset(ALPHA)),
            now_ns=self.clock.now_ns,
            tell=self.tell,
            post=self.told.append,
            deliver=self.deliver,
            market=self.quotes.append,
            instruments=self.instruments,
            first_wait_s=self.first_wait_s,
            longest_wait_s=self.first_wait_s,
            breaker_wait_s=self.breaker_wait_s,
            reconcile_every_s=self.reconcile_every_s,
        )

    async def tell(self, given: EngineInput) -> None:
        self.told.append(given)
        if self.hear is not None:
            await self.hear(given)

    async def deliver(self, report: VenueReport) -> None:
        self.reports.append(report)

    @property
    def phases(self) -> list[str]:
        """The phases of the first account, as the engine heard of them."""
        return [
            each.phase.value
            for each in self.told
            if isinstance(each, AccountPhase) and each.account_id == ALPHA_ACCOUNT
        ]

    @property
    def reasons(self) -> list[str]:
        return [each.reason for each in self.told if isinstance(each, AccountPhase)]

    @property
    def rounds(self) -> int:
        """How often both accounts were reconciled."""
        snapshots = [each.account_id for each in self.told if isinstance(each, AccountSnapshot)]
        return min(snapshots.count(ALPHA_ACCOUNT), snapshots.count(SECOND_ACCOUNT))

    async def active(self) -> None:
        await within(self.session.active())


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(desk.session.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))


UP = ["RECONCILING", "ACTIVE"]


async def test_a_session_connects_tells_the_listings_reconciles_and_is_trusted() -> None:
    desk = Desk()
    assert desk.session.state is SessionState.DOWN
    assert desk.session.active_since_ns is None
    async with running(desk):
        await desk.active()
        assert desk.session.state is SessionState.ACTIVE
        assert desk.session.active_since_ns == NOW_NS
        assert desk.session.is_connected
        assert desk.venue.is_open
    assert [type(each).__name__ for each in desk.told[:7]] == [
        "ListingsUpdate",
        "AccountPhase",
        "AccountPhase",
        "AccountSnapshot",
        "AccountSnapshot",
        "AccountPhase",
        "AccountPhase",
    ]
    listings = desk.told[0]
    assert isinstance(listings, ListingsUpdate)
    assert (listings.venue, listings.listings) == (ALPHA, tuple(desk.venue.listed))
    assert desk.phases == [*UP, "DOWN"]
    assert desk.session.venue == ALPHA
    assert desk.session.accounts == (ALPHA_ACCOUNT, SECOND_ACCOUNT)


async def test_while_it_is_reconciled_only_cancels_may_go_out() -> None:
    desk = Desk()
    answer = desk.venue.wait_with("open_orders")
    async with running(desk):
        await until(lambda: desk.session.state is SessionState.RECONCILING)
        assert desk.session.is_connected
        assert desk.session.active_since_ns is None
        answer.set_result(())
        await desk.active()


async def test_the_engine_may_send_as_soon_as_it_hears_that_the_account_is_active() -> None:
    """What it decides at that very moment (open parents go on) is decided for this session."""
    desk = Desk()
    decided: list[tuple[int, int | None]] = []

    async def hear(given: EngineInput) -> None:
        if isinstance(given, AccountPhase) and given.phase is Phase.ACTIVE:
            desk.clock.time_ns += 5
            decided.append((desk.clock.now_ns(), desk.session.active_since_ns))
            await asyncio.sleep(0)

    desk.hear = hear
    async with running(desk):
        await desk.active()
    assert len(decided) == 2
    for decided_at_ns, active_since_ns in decided:
        assert active_since_ns is not None
        assert decided_at_ns >= active_since_ns


# Reports


async def test_reports_are_delivered_from_before_the_reconciliation_on() -> None:
    desk = Desk()
    early, late = make_order_report(), make_order_report()
    answer = desk.venue.wait_with("fills")
    async with running(desk):
        desk.venue.told.put(early)
        await until(lambda: desk.reports)
        assert desk.session.state is SessionState.RECONCILING
        answer.set_result(())
        await desk.active()
        desk.venue.told.put(late)
        await until(lambda: len(desk.reports) == 2)
    assert desk.reports == [early, late]


async def test_a_gap_ends_the_trust_and_a_reconciliation_brings_it_back() -> None:
    desk = Desk()
    async with running(desk):
        await desk.active()
        assert desk.rounds == 1
        desk.clock.advance_to(NOW_NS + 100)
        answer = desk.venue.wait_with("fills")
        gap = Gap(ALPHA_ACCOUNT, "sequence 5 after 3")
        desk.venue.told.put(gap)
        await until(lambda: desk.session.state is SessionState.RECONCILING)
        assert desk.session.active_since_ns is None
        assert desk.session.is_connected
        answer.set_result(())
        await desk.active()
        assert desk.rounds == 2
        assert desk.session.active_since_ns == NOW_NS + 100
    assert desk.reports == [gap], "the engine is told of the gap too"
    assert desk.phases == [*UP, *UP, "DOWN"]
    assert desk.venue.count("connect") == 1
    assert desk.metrics.gaps._value.get() == 1


async def test_a_gap_while_it_is_reconciled_is_reconciled_again_before_it_is_trusted() -> None:
    desk = Desk()
    answer = desk.venue.wait_with("balances")
    async with running(desk):
        await until(lambda: desk.venue.count("balances") == 1)
        # What was fetched before the gap says nothing about what was missed in it.
        desk.venue.told.put(Gap(ALPHA_ACCOUNT, "reconnected"))
        await until(lambda: desk.reports)
        answer.set_result(())
        await desk.active()
        assert desk.rounds == 2
    assert desk.phases == [*UP, "DOWN"]


async def test_a_stream_that_has_gaps_as_fast_as_they_are_reconciled_counts_as_lost() -> None:
    desk = Desk(first_wait_s=3_600.0)

    async def hear(given: EngineInput) -> None:
        if isinstance(given, AccountSnapshot):
            reports = len(desk.reports)
            desk.venue.told.put(Gap(ALPHA_ACCOUNT, "again"))
            await until(lambda: len(desk.reports) > reports)

    desk.hear = hear
    async with running(desk):
        await until(lambda: desk.phases and desk.phases[-1] == "DOWN")
        assert desk.rounds == 8
        assert "gaps as fast" in (desk.session.last_error or "")
    assert "ACTIVE" not in desk.phases


async def test_a_gap_at_the_moment_in_which_it_becomes_active_is_not_lost() -> None:
    desk = Desk()

    async def hear(given: EngineInput) -> None:
        if isinstance(given, AccountPhase) and given.phase is Phase.ACTIVE and not desk.reports:
            desk.venue.told.put(Gap(ALPHA_ACCOUNT, "lost"))
            await until(lambda: desk.reports)

    desk.hear = hear
    async with running(desk):
        await until(lambda: desk.rounds == 2)
        await desk.active()
    assert desk.phases == [*UP, *UP, "DOWN"]


# Lost and found


@pytest.mark.parametrize(
    "end",
    [Ended(), AdapterError("kicked"), ConnectionResetError("reset by peer"), EOFError(), TimeoutError("silent")],
    ids=lambda end: type(end).__name__,
)
@pytest.mark.parametrize("stream", ["reports", "market"])
async def test_a_stream_that_ends_loses_the_session_and_it_comes_back(stream: str, end: Exception) -> None:
    desk = Desk()
    async with running(desk):
        await desk.active()
        (desk.venue.told if stream == "reports" else desk.venue.quotes).put(end)
        await until(lambda: desk.venue.count("connect") == 2)
        await desk.active()
        assert desk.venue.count("disconnect") == 1
    assert desk.phases == [*UP, "DOWN", *UP, "DOWN"]


async def test_what_is_lost_is_told_at_once_and_says_why() -> None:
    desk = Desk(first_wait_s=3_600.0)
    async with running(desk):
        await desk.active()
        desk.venue.told.put(AdapterError("kicked by the venue\nwith a second line"))
        await until(lambda: desk.session.state is SessionState.DOWN)
        assert desk.session.active_since_ns is None
        assert not desk.session.is_connected
        assert desk.session.last_error == "AdapterError: kicked by the venue"
        await until(lambda: desk.phases[-1] == "DOWN")
        assert desk.reasons[-2:] == ["AdapterError: kicked by the venue"] * 2
        assert not desk.venue.is_open


@pytest.mark.parametrize("method", ["connect", "listings", "fills", "open_orders", "positions", "balances"])
@pytest.mark.parametrize(
    "error",
    [
        AdapterError("503"),
        OSError("no route to host"),
        KeyError("orders"),
        InvalidInput("instrument id 'x'", [Fault("", "must read VENUE:TYPE:PAYLOAD")]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_fails_on_the_way_up_is_tried_again(method: str, error: Exception) -> None:
    desk = Desk()
    desk.venue.answer(method, error, error)
    async with running(desk):
        await desk.active()
        assert desk.venue.count("connect") == 3
        assert desk.venue.count("disconnect") == 2


@pytest.mark.parametrize("error", [KeyError("execId"), ValueError("not JSON"), RuntimeError("a defect")])
async def test_a_defect_of_an_adapter_costs_its_session_and_no_more(error: Exception) -> None:
    desk = Desk()
    async with running(desk) as task:
        await desk.active()
        desk.venue.told.put(error)
        await until(lambda: desk.venue.count("connect") == 2)
        await desk.active()
        assert not task.done()


async def test_a_session_that_is_well_again_shows_no_old_error() -> None:
    desk = Desk()
    desk.venue.answer("connect", AdapterError("503"))
    async with running(desk):
        await desk.active()
        assert desk.session.last_error is None
    assert desk.reasons[-1] == "closing"


async def test_a_venue_that_does_not_answer_the_door_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "_CONNECT_TIMEOUT_S", 0.0)
    desk = Desk(first_wait_s=3_600.0)
    desk.venue.wait_with("connect")
    async with running(desk):
        await until(lambda: desk.phases == ["DOWN"])
    assert desk.session.last_error == "TimeoutError"


async def test_a_disconnect_that_fails_changes_nothing() -> None:
    desk = Desk()
    desk.venue.answer("disconnect", RuntimeError("closed already"))
    async with running(desk):
        await desk.active()
        desk.venue.told.put(Ended())
        await until(lambda: desk.venue.count("connect") == 2)
        await desk.active()


async def test_after_eight_failures_in_a_row_the_venue_is_left_alone() -> None:
    desk = Desk()
    desk.venue.answer("connect", *[AdapterError("503")] * 20)
    async with running(desk):
        await until(lambda: desk.session.state is SessionState.CIRCUIT_OPEN)
        assert desk.venue.count("connect") == 8
        await turns()
        assert desk.venue.count("connect") == 8
        assert not desk.session.is_connected


async def test_once_the_circuit_was_open_one_try_at_a_time_is_made_until_one_succeeds() -> None:
    desk = Desk(breaker_wait_s=0.0)
    desk.venue.answer("connect", *[AdapterError("503")] * 10)
    async with running(desk):
        await desk.active()
        assert desk.venue.count("connect") == 11
        assert desk.session._backoff.failures == 0
        desk.venue.told.put(Ended())
        await until(lambda: desk.venue.count("connect") == 12)
        await desk.active()


async def test_a_session_that_never_gets_through_its_reconciliation_opens_the_circuit_too() -> None:
    desk = Desk()
    desk.venue.answer("balances", *[AdapterError("500")] * 20)
    async with running(desk):
        await until(lambda: desk.session.state is SessionState.CIRCUIT_OPEN)
        assert desk.venue.count("connect") == 8
    assert "ACTIVE" not in desk.phases


# Market data


def a_bar() -> TradeBar:
    return TradeBar(SPOT, NOW_NS - 10, NOW_NS, Decimal(1), Decimal(100), Decimal(100), 1)


async def test_market_data_starts_with_what_was_traded_lately_and_then_streams() -> None:
    desk = Desk()
    bar, book = a_bar(), make_book()
    desk.venue.past_trades = (bar,)
    async with running(desk):
        await desk.active()
        await until(lambda: desk.quotes)
        waiting = asyncio.create_task(desk.session.priced())
        await turns()
        assert not waiting.done(), "a trade is no price that can be traded at"
        desk.venue.quotes.put(book)
        await within(waiting)
    assert desk.quotes == [bar, book]


async def test_everything_that_the_venue_lists_is_subscribed_to_unless_told_otherwise() -> None:
    desk = Desk()
    desk.venue.listed = (make_listing(SPOT), make_listing(LINEAR))
    async with running(desk):
        await desk.active()
    assert ("market", (SPOT, LINEAR)) in desk.venue.asked


async def test_of_the_instruments_asked_for_only_those_of_the_venue_are_subscribed_to() -> None:
    desk = Desk(instruments=(SPOT_AT_BETA, LINEAR))
    desk.venue.listed = (make_listing(SPOT), make_listing(LINEAR))
    async with running(desk):
        await desk.active()
    assert ("market", (LINEAR,)) in desk.venue.asked


async def test_a_venue_of_which_nothing_is_asked_for_streams_nothing_and_stays_up() -> None:
    desk = Desk(instruments=(SPOT_AT_BETA,))
    async with running(desk):
        await desk.active()
        await turns()
        assert desk.session.state is SessionState.ACTIVE
    assert desk.venue.count("market") == 0
    assert desk.venue.count("connect") == 1


async def test_a_venue_without_market_data_is_not_waited_for() -> None:
    desk = Desk()
    desk.session.adapter = _without_market(desk.venue)
    await within(desk.session.priced())


# Continuous reconciliation


async def test_while_all_is_well_accounts_are_compared_again_and_again_and_stay_active() -> None:
    desk = Desk(reconcile_every_s=0.0)
    async with running(desk):
        await desk.active()
        await until(lambda: desk.rounds >= 4)
        assert desk.session.state is SessionState.ACTIVE
        assert desk.phases == UP
        assert desk.session.active_since_ns is not None


@pytest.mark.parametrize("error", [AdapterError("503"), TimeoutError()])
async def test_a_comparison_that_fails_now_and_then_costs_nothing(error: Exception) -> None:
    desk = Desk(reconcile_every_s=0.0)
    async with running(desk):
        await desk.active()
        for _ in range(3):
            desk.venue.answer("positions", error)
            rounds = desk.rounds
            await until(lambda rounds=rounds: desk.rounds > rounds)  # type: ignore[misc]  # bound to this round
        assert desk.phases == UP


async def test_a_venue_that_cannot_be_compared_with_any_more_counts_as_lost() -> None:
    desk = Desk(reconcile_every_s=0.0)
    async with running(desk):
        await desk.active()
        desk.venue.answer("balances", *[AdapterError("503")] * 3)
        await until(lambda: "DOWN" in desk.phases)
        await until(lambda: desk.phases == [*UP, "DOWN", *UP])


async def test_a_gap_is_reconciled_at_once_however_seldom_accounts_are_compared() -> None:
    desk = Desk(reconcile_every_s=3_600.0)
    async with running(desk):
        await desk.active()
        desk.venue.told.put(Gap(ALPHA_ACCOUNT, "sequence"))
        await until(lambda: desk.phases == [*UP, *UP])


# Limits and the end


async def test_a_reconciliation_keeps_to_the_rate_limit_and_leaves_the_cancels_their_lane() -> None:
    venue = ScriptedVenue(manifest=evolve(make_manifest(), rate_limit=RateLimit(0.001, 4, 1)))
    desk = Desk(venue=venue)
    async with running(desk):
        await until(lambda: venue.count("positions") == 1)
        await turns()
        assert (venue.count("fills"), venue.count("open_orders"), venue.count("balances")) == (1, 1, 0)
        assert desk.session.slot(cancel=True) is None


async def test_requests_have_the_venues_rate_limit() -> None:
    free = Desk()
    assert free.session.slot(cancel=False) is None
    limited = Desk(venue=ScriptedVenue(manifest=evolve(make_manifest(), rate_limit=RateLimit(1.0, 2, 1))))
    assert limited.session.slot(cancel=False) is None
    waiting = limited.session.slot(cancel=False)
    assert waiting is not None
    waiting.close()
    assert limited.session.slot(cancel=True) is None


@pytest.mark.parametrize("where", ["connect", "fills", "active", "backoff"])
async def test_wherever_it_is_stopped_the_session_is_closed_and_the_engine_hears_of_it(where: str) -> None:
    desk = Desk(first_wait_s=3_600.0)
    if where == "backoff":
        desk.venue.answer("connect", AdapterError("503"))
    elif where != "active":
        desk.venue.wait_with(where)
    async with running(desk) as task:
        if where == "active":
            await desk.active()
        elif where == "backoff":
            await until(lambda: desk.venue.count("disconnect") == 1)
        else:
            await until(lambda: desk.venue.count(where) == 1)
        await turns()
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
    assert desk.session.state is SessionState.DOWN
    assert desk.session.active_since_ns is None
    assert desk.phases[-1] == "DOWN"
    assert desk.venue.count("disconnect") == 1
    assert not desk.venue.is_open


async def test_the_phase_of_each_account_is_a_metric() -> None:
    desk = Desk()

    def shown() -> float | None:
        return desk.metrics.registry.get_sample_value("liveexec_account_phase", {"account": ALPHA_ACCOUNT})

    async with running(desk):
        await desk.active()
        assert shown() == 2
    assert shown() == 0


def _without_market(venue: ScriptedVenue) -> Any:
    """An adapter that streams no market data."""

    class Plain(ExternalAdapter):
        manifest, accounts = venue.manifest, venue.accounts

    # Its other methods are not asked for.
    plain: Any = Plain
    plain.__abstractmethods__ = frozenset()
    return plain()
