"""The simulator with Deribit's mapping in its loop: every invariant holds, and a mapping that is wrong is found."""

from collections.abc import Callable, Iterator

import pytest

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, ClientOrderId, VenueName
from liveexec.domain.outcome import FillReport, OrderReport, VenueOrderStatus
from liveexec_deribit import reading, wire
from liveexec_deribit.fills import fill_report
from liveexec_deribit.orders import order_report
from liveexec_deribit.simulated import wired
from liveexec_testkit.simulator.plan import plan_of
from liveexec_testkit.simulator.run import run

THROUGH = "liveexec_deribit.simulated.wired:wired"
#: Enough that a mapping which is wrong shows.
SEEDS = range(12)


def violations() -> Iterator[str]:
    """What the seeds show, as far as it is asked for."""
    for seed in SEEDS:
        violation = run(plan_of(seed, through=THROUGH)).violation
        if violation is not None:
            yield str(violation)


def test_every_invariant_holds() -> None:
    assert list(violations()) == []


def _contracts(report: FillReport) -> None:
    report.fill.quantity *= 10


def _side(report: FillReport) -> None:
    report.fill.side = report.fill.side.opposite


def _name(report: FillReport) -> None:
    report.venue_order_id, report.client_order_id = None, ClientOrderId("somebody's")


def _key(report: FillReport) -> None:
    report.fill.key = FillKey(f"{report.fill.key} as told at {report.fill.venue_time_ns}")


@pytest.mark.parametrize("spoil", [_contracts, _side, _name, _key])
def test_a_fill_that_is_read_wrong_is_found(
    monkeypatch: pytest.MonkeyPatch, spoil: Callable[[FillReport], None]
) -> None:
    def wrong(told: wire.UserTrade, account_id: AccountId, venue: VenueName) -> FillReport:
        report = fill_report(told, account_id, venue)
        spoil(report)
        return report

    monkeypatch.setattr(reading, "fill_report", wrong)
    monkeypatch.setattr(wired, "fill_report", wrong)
    assert next(violations(), None) is not None


def test_an_end_that_is_read_as_work_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(told: wire.Order, account_id: AccountId, venue: VenueName) -> OrderReport:
        report = order_report(told, account_id, venue)
        report.status = VenueOrderStatus.WORKING
        return report

    monkeypatch.setattr(reading, "order_report", wrong)
    monkeypatch.setattr(wired, "order_report", wrong)
    assert next(violations(), None) is not None
