"""Balances as venues say them: the newest word counts, however it came, and none is booked."""

from decimal import Decimal

import pytest

from liveexec.domain.account_event import DriftSeen
from liveexec.domain.outcome import BalanceReport
from liveexec.engine import inputs
from support.builders import ALPHA_ACCOUNT
from support.engine_harness import EngineHarness, S


@pytest.fixture
def harness() -> EngineHarness:
    harness = EngineHarness()
    harness.connect(balances={"USDT": "1000"})
    harness.advance(5)
    return harness


def said(total: str, at_ns: int, asset: str = "USDT", available: str | None = None) -> BalanceReport:
    free = available if available is not None else total
    return BalanceReport(ALPHA_ACCOUNT, asset, Decimal(total), Decimal(free), at_ns)


def known(harness: EngineHarness, asset: str = "USDT") -> Decimal:
    return harness.engine.state.balances[ALPHA_ACCOUNT, asset].total


def snapshot(harness: EngineHarness, balance: BalanceReport, true_at_ns: int) -> None:
    harness.tell(inputs.AccountSnapshot(0, ALPHA_ACCOUNT, true_at_ns, (), True, (), (balance,)))


def test_what_a_stream_tells_is_known_at_once_and_recorded_nowhere(harness: EngineHarness) -> None:
    harness.report(said("900", harness.now_ns, available="850"))
    assert harness.engine.state.balances[ALPHA_ACCOUNT, "USDT"].available == 850
    assert harness.last.records == ()
    assert harness.engine.state.ledger.books[ALPHA_ACCOUNT].assets["USDT"] == 1_000


def test_an_older_word_of_the_venue_changes_nothing(harness: EngineHarness) -> None:
    harness.report(said("900", harness.now_ns))
    harness.report(said("950", harness.now_ns - 1))
    assert known(harness) == 900
    # Of two of the same moment the later to come is the venue's last.
    harness.report(said("910", harness.now_ns))
    assert known(harness) == 910


def test_assets_have_each_their_own_word(harness: EngineHarness) -> None:
    harness.report(said("3", harness.now_ns, "BTC"))
    harness.report(said("900", harness.now_ns - 1))
    assert (known(harness, "BTC"), known(harness)) == (3, 900)


def test_a_snapshot_of_before_does_not_take_back_what_was_told_after_it(harness: EngineHarness) -> None:
    asked_at_ns = harness.now_ns
    harness.advance(1)
    harness.report(said("900", harness.now_ns))
    snapshot(harness, said("1000", asked_at_ns), asked_at_ns)
    assert known(harness) == 900


def test_a_snapshot_that_is_newer_than_what_was_told_counts(harness: EngineHarness) -> None:
    asked_at_ns = harness.now_ns
    harness.advance(1)
    harness.report(said("900", harness.now_ns - S // 2))
    snapshot(harness, said("800", harness.now_ns), asked_at_ns)
    assert known(harness) == 800


def test_a_clock_that_was_set_back_is_believed_with_the_next_snapshot(harness: EngineHarness) -> None:
    harness.report(said("900", harness.now_ns + 3_600 * S))
    harness.advance(1)
    harness.report(said("700", harness.now_ns))
    assert known(harness) == 900
    snapshot(harness, said("700", harness.now_ns), harness.now_ns)
    assert known(harness) == 700
    harness.report(said("600", harness.now_ns))
    assert known(harness) == 600


def test_what_is_told_is_compared_with_nothing(harness: EngineHarness) -> None:
    # A fill that the balance counts already is still on its way.
    for _ in range(4):
        harness.advance(60)
        harness.report(said("900", harness.now_ns))
        snapshot(harness, said("1000", harness.now_ns - 1), harness.now_ns - 1)
    assert not [event for event in harness.account_events() if isinstance(event, DriftSeen)]
    assert known(harness) == 900


def test_a_word_on_an_account_that_is_not_open_yet_opens_nothing() -> None:
    harness = EngineHarness()
    harness.report(said("900", harness.now_ns))
    assert harness.last.records == ()
    assert harness.engine.is_new_account(ALPHA_ACCOUNT)
