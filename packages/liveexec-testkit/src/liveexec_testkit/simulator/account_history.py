"""What an account was at its simulated venue: the present, and the past that a stale answer shows."""

from decimal import Decimal
from random import Random
from typing import Final

from attrs import frozen

from liveexec.domain.ids import InstrumentId
from liveexec.domain.outcome import OrderReport
from liveexec_testkit.simulator.faults import Fault, Faults
from liveexec_testkit.simulator.venue_truth import VenueTruth

__all__ = ["AccountHistory", "AccountMoment"]

#: How old a stale answer may become by being served again.
_CACHED_NS: Final = 2_000_000_000


@frozen
class AccountMoment:
    """An account at one time of its venue: open orders, nets, what those cost on average, and balances."""

    at_ns: int
    orders: tuple[OrderReport, ...]
    nets: dict[InstrumentId, Decimal]
    averages: dict[InstrumentId, Decimal]
    balances: dict[str, Decimal]


class AccountHistory:
    """The moments of one account; those that are past are kept only in a run that has stale answers."""

    def __init__(self, truth: VenueTruth, faults: Faults, random: Random) -> None:
        self._truth, self._faults, self._random = truth, faults, random
        self._moments: list[AccountMoment] = []
        self._cached: AccountMoment | None = None
        #: Whether that is all that is served while it is not too old.
        self._is_kept = False

    def now(self) -> AccountMoment:
        """What the account is now."""
        truth = self._truth
        working = tuple(truth.report(each) for each in truth.working())
        return AccountMoment(truth.tick(), working, truth.nets(), truth.cash.averages(), truth.cash.told())

    def remember(self) -> None:
        """Something changed."""
        if self._faults.has(Fault.STALE_SNAPSHOT):
            self._moments.append(self.now())

    def stale(self, age_ns: int) -> AccountMoment | None:
        """What was true so long ago, if that is known."""
        cached, now_ns = self._cached, self._truth.now_ns()
        if cached is not None and self._is_kept and now_ns - cached.at_ns < _CACHED_NS:
            # What was stale before is served again.
            return cached
        before = [moment for moment in self._moments if moment.at_ns <= now_ns - age_ns]
        self._cached = before[-1] if before else None
        self._is_kept = self._random.random() < 0.5
        return self._cached
