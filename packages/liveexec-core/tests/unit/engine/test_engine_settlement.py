"""Instruments that are settled by their venue."""

from decimal import Decimal

import pytest

from liveexec.domain.account_event import ControlScope, PositionChange, PositionChanged, ScopeKind
from liveexec.domain.ids import AccountId, InstrumentId, StrategyId, VenueName
from liveexec.domain.outcome import SettlementReport
from liveexec.engine import inputs
from liveexec.engine.settlement import BAD_SETTLEMENT
from support.builders import ALPHA_ACCOUNT, INVERSE, LINEAR, ODDS, SPOT, make_listing, parts
from support.engine_harness import EngineHarness

BETFAIR_ACCOUNT = AccountId("BETFAIR-1")


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


def settlement(
    harness: EngineHarness, instrument_id: InstrumentId, price: str, account_id: AccountId = ALPHA_ACCOUNT
) -> SettlementReport:
    return SettlementReport(account_id, instrument_id, Decimal(price), "settled-1", harness.now_ns)


def changes(harness: EngineHarness) -> list[PositionChanged]:
    events = [event for record in harness.last.records for event in record.events]
    return [event for event in events if isinstance(event, PositionChanged)]


def hold(harness: EngineHarness, venue: str, account_id: AccountId, instrument_id: InstrumentId, much: str) -> None:
    """The account is opened at a venue that lists the instrument, and holds some of it."""
    harness.tell(inputs.ListingsUpdate(0, VenueName(venue), (make_listing(instrument_id),)))
    harness.snapshot(account_id=account_id, positions={instrument_id: much})


def test_every_strategy_is_closed_with_its_own_result(harness: EngineHarness) -> None:
    first = harness.working(instrument_key=LINEAR, strategy_id=StrategyId("first"))
    harness.fill(first, "1", "45000")
    second = harness.working(instrument_key=LINEAR, strategy_id=StrategyId("second"), quantity=Decimal(2))
    harness.fill(second, "2", "45000")
    harness.report(settlement(harness, LINEAR, "46000"))
    assert [parts(each, "strategy_id quantity kind") for each in changes(harness)] == [
        ("first", -1, PositionChange.SETTLEMENT),
        ("second", -2, PositionChange.SETTLEMENT),
    ]
    ledger = harness.engine.state.ledger
    results = [ledger.positions[ALPHA_ACCOUNT, order.strategy_id, LINEAR] for order in (first, second)]
    assert [parts(each, "quantity realized_pnl") for each in results] == [(0, 1000), (0, 2000)]
    assert ledger.net_quantity(ALPHA_ACCOUNT, LINEAR) == 0


def test_told_again_it_settles_nothing_but_a_fill_that_came_late(harness: EngineHarness) -> None:
    order = harness.working(instrument_key=LINEAR)
    harness.fill(order, "0.4", "45000")
    told = settlement(harness, LINEAR, "46000")
    harness.report(told)
    harness.report(told)
    assert harness.last.records == ()
    harness.fill(order, "0.6", "45000")
    harness.report(told)
    assert [each.quantity for each in changes(harness)] == [Decimal("-0.6")]


def test_what_was_settled_before_the_account_began_is_part_of_how_it_began(harness: EngineHarness) -> None:
    order = harness.working(instrument_key=LINEAR)
    harness.fill(order, "1", "45000")
    told = settlement(harness, LINEAR, "46000")
    told.venue_time_ns = harness.engine.state.ledger.opened[ALPHA_ACCOUNT] - 1
    harness.report(told)
    assert harness.last.records == ()


def test_nothing_that_is_held_nothing_that_is_settled(harness: EngineHarness) -> None:
    harness.report(settlement(harness, LINEAR, "46000"))
    assert harness.last.records == ()


def test_a_won_bet_is_paid_out(harness: EngineHarness) -> None:
    harness.tell(inputs.ListingsUpdate(0, VenueName("BETFAIR"), (make_listing(ODDS),)))
    harness.market(ODDS, "3.4", "3.6")
    hold(harness, "BETFAIR", BETFAIR_ACCOUNT, ODDS, "10")
    harness.report(settlement(harness, ODDS, "1", BETFAIR_ACCOUNT))
    assert harness.engine.state.ledger.books[BETFAIR_ACCOUNT].assets == {"GBP": 25}


@pytest.mark.parametrize(
    ("venue", "account_id", "instrument_id", "price", "reason"),
    [
        ("BETFAIR", BETFAIR_ACCOUNT, ODDS, "1.01", "more than the whole payout"),
        ("ALPHA", AccountId("ALPHA-2"), INVERSE, "0", "no value at a price of zero"),
        ("ALPHA", AccountId("ALPHA-2"), SPOT, "45000", "a spot holding has no settlement"),
    ],
)
def test_what_cannot_be_halts_the_instrument_and_changes_nothing(
    harness: EngineHarness, venue: str, account_id: AccountId, instrument_id: InstrumentId, price: str, reason: str
) -> None:
    hold(harness, venue, account_id, instrument_id, "10")
    harness.report(settlement(harness, instrument_id, price, account_id))
    ledger = harness.engine.state.ledger
    latch = ledger.latches[ControlScope(ScopeKind.INSTRUMENT, instrument_id), BAD_SETTLEMENT]
    assert reason in latch.reason
    assert ledger.net_quantity(account_id, instrument_id) == 10
    harness.report(settlement(harness, instrument_id, price, account_id))
    assert harness.last.records == ()
