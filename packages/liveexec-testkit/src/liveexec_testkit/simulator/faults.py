"""Everything that can go wrong in a run: named faults, of which each run takes a random subset.

Venue and store ask :meth:`Faults.fires` at the places where one could strike; what struck is counted, so that a swarm
can show that every fault did.
"""

from collections.abc import Callable
from enum import StrEnum
from random import Random
from typing import Final

__all__ = ["BUNDLES", "HARMLESS", "LASTING", "Fault", "Faults"]


class Fault(StrEnum):
    """What may strike. Names are what the command line takes."""

    # Requests and answers.
    REQUEST_LOST = "request-lost"
    REQUEST_LATE = "request-late"
    ANSWER_LOST = "answer-lost"
    ANSWER_LATE = "answer-late"
    ANSWER_NEVER = "answer-never"
    VENUE_REFUSES = "venue-refuses"
    RATE_LIMIT = "rate-limit"
    BAN = "ban"
    # The stream of reports.
    REPORT_LOST = "report-lost"
    REPORT_LATE = "report-late"
    REPORT_TWICE = "report-twice"
    REPORT_OVERTAKES = "report-overtakes"
    SILENT_STREAM = "silent-stream"
    GAP = "gap"
    SESSION_LOST = "session-lost"
    CONNECT_FAILS = "connect-fails"
    # Questions.
    QUERY_FAILS = "query-fails"
    NOT_FOUND_LAG = "not-found-lag"
    STALE_SNAPSHOT = "stale-snapshot"
    TRUNCATED_PAGES = "truncated-pages"
    FILLS_SHOWN_LATE = "fills-shown-late"
    SOURCE_FORGETS = "source-forgets"
    # What a venue does.
    CLOCK_SKEW = "clock-skew"
    BUST = "bust"
    CORRECTION = "correction"
    OVERFILL = "overfill"
    FOREIGN_ORDER = "foreign-order"
    FOREIGN_TRADE = "foreign-trade"
    DEADLINE_IGNORED = "deadline-ignored"
    DRIFT = "drift"
    BALANCE_SLIPS = "balance-slips"
    # The store.
    STORE_LOST = "store-lost"
    COMMIT_UNKNOWN = "commit-unknown"
    COMMIT_LATE = "commit-late"
    STORE_OUTAGE = "store-outage"
    STORE_SLOW = "store-slow"
    STORE_SILENT = "store-silent"
    STORE_BROKEN = "store-broken"
    # Processes.
    CRASH = "crash"
    FREEZE = "freeze"
    DEFECT = "defect"


#: How often each strikes where it could, in a run that has it.
_ODDS: dict[Fault, float] = {
    Fault.REQUEST_LOST: 0.12,
    Fault.REQUEST_LATE: 0.15,
    Fault.ANSWER_LOST: 0.15,
    Fault.ANSWER_LATE: 0.2,
    Fault.ANSWER_NEVER: 0.04,
    Fault.VENUE_REFUSES: 0.1,
    Fault.RATE_LIMIT: 0.15,
    Fault.BAN: 0.03,
    Fault.REPORT_LOST: 0.08,
    Fault.REPORT_LATE: 0.15,
    Fault.REPORT_TWICE: 0.15,
    Fault.REPORT_OVERTAKES: 0.15,
    Fault.SILENT_STREAM: 0.01,
    Fault.GAP: 0.05,
    Fault.SESSION_LOST: 0.03,
    Fault.CONNECT_FAILS: 0.3,
    Fault.QUERY_FAILS: 0.15,
    Fault.NOT_FOUND_LAG: 0.4,
    Fault.STALE_SNAPSHOT: 0.6,
    Fault.TRUNCATED_PAGES: 0.6,
    Fault.FILLS_SHOWN_LATE: 0.5,
    Fault.SOURCE_FORGETS: 0.8,
    Fault.CLOCK_SKEW: 1.0,
    Fault.BUST: 0.05,
    Fault.CORRECTION: 0.05,
    Fault.OVERFILL: 0.03,
    Fault.FOREIGN_ORDER: 0.03,
    Fault.FOREIGN_TRADE: 0.02,
    Fault.DEADLINE_IGNORED: 0.15,
    Fault.DRIFT: 0.01,
    Fault.BALANCE_SLIPS: 0.01,
    Fault.STORE_LOST: 0.03,
    Fault.COMMIT_UNKNOWN: 0.05,
    Fault.COMMIT_LATE: 0.04,
    Fault.STORE_OUTAGE: 0.006,
    Fault.STORE_SLOW: 0.03,
    Fault.STORE_SILENT: 0.01,
    Fault.STORE_BROKEN: 0.01,
    Fault.CRASH: 0.05,
    Fault.FREEZE: 0.06,
    Fault.DEFECT: 0.01,
}

#: Faults that show together what neither shows alone.
BUNDLES: Final = (
    (Fault.NOT_FOUND_LAG, Fault.REQUEST_LATE, Fault.REPORT_LATE, Fault.ANSWER_LOST),
    (Fault.SOURCE_FORGETS, Fault.STALE_SNAPSHOT, Fault.REQUEST_LOST, Fault.GAP, Fault.RATE_LIMIT),
    (Fault.CRASH, Fault.STALE_SNAPSHOT, Fault.REQUEST_LOST, Fault.REPORT_LOST),
    (Fault.BUST, Fault.CORRECTION, Fault.REPORT_OVERTAKES, Fault.REPORT_TWICE),
    (Fault.FILLS_SHOWN_LATE, Fault.FOREIGN_TRADE, Fault.REPORT_LOST, Fault.GAP),
    (Fault.TRUNCATED_PAGES, Fault.FOREIGN_TRADE, Fault.SESSION_LOST),
    (Fault.FREEZE, Fault.STORE_SLOW, Fault.COMMIT_LATE, Fault.COMMIT_UNKNOWN),
    (Fault.STORE_SILENT, Fault.STORE_OUTAGE, Fault.ANSWER_LATE),
    (Fault.RATE_LIMIT, Fault.VENUE_REFUSES),
    (Fault.VENUE_REFUSES, Fault.CLOCK_SKEW),
    (Fault.DRIFT, Fault.FOREIGN_ORDER, Fault.FOREIGN_TRADE),
    (Fault.DEADLINE_IGNORED, Fault.REQUEST_LOST),
    (Fault.DEADLINE_IGNORED, Fault.ANSWER_LOST),
    (Fault.GAP, Fault.STALE_SNAPSHOT, Fault.REPORT_LATE),
    (Fault.QUERY_FAILS, Fault.ANSWER_LOST, Fault.REPORT_LOST),
    (Fault.QUERY_FAILS, Fault.REPORT_LOST, Fault.ANSWER_LOST, Fault.ANSWER_NEVER),
    (Fault.GAP, Fault.ANSWER_LATE),
    (Fault.STORE_SILENT, Fault.REQUEST_LATE, Fault.ANSWER_LATE),
    (Fault.ANSWER_NEVER, Fault.REPORT_LOST),
    (Fault.ANSWER_LOST, Fault.REPORT_LOST),
    (Fault.STORE_BROKEN, Fault.DEFECT, Fault.CRASH),
    (Fault.OVERFILL, Fault.ANSWER_LATE),
    (Fault.OVERFILL, Fault.STORE_SLOW),
    (Fault.SESSION_LOST, Fault.CONNECT_FAILS),
    (Fault.SESSION_LOST, Fault.CONNECT_FAILS, Fault.QUERY_FAILS),
    (Fault.STORE_SLOW, Fault.GAP, Fault.SESSION_LOST),
    (Fault.STORE_SLOW, Fault.RATE_LIMIT),
    (Fault.STORE_SILENT, Fault.FOREIGN_ORDER),
    (Fault.FOREIGN_TRADE, Fault.REQUEST_LOST, Fault.GAP),
    (Fault.FREEZE, Fault.REPORT_LATE),
    (Fault.BUST, Fault.REPORT_OVERTAKES),
    (Fault.CRASH, Fault.STALE_SNAPSHOT, Fault.ANSWER_LOST),
)
#: What a venue may do without keeping anybody from settling anything.
HARMLESS: Final = frozenset(
    {
        Fault.VENUE_REFUSES,
        Fault.CLOCK_SKEW,
        Fault.CORRECTION,
        Fault.FOREIGN_ORDER,
        Fault.FOREIGN_TRADE,
        Fault.DRIFT,
        Fault.BALANCE_SLIPS,
    }
)
#: How long what struck goes on to hinder, in nanoseconds.
LASTING: Final = {
    Fault.REPORT_LOST: 1_000_000_000,
    Fault.REPORT_LATE: 700_000_000,
    Fault.SILENT_STREAM: 4_000_000_000,
    Fault.BAN: 1_500_000_000,
    Fault.QUERY_FAILS: 700_000_000,
    Fault.STORE_OUTAGE: 2_500_000_000,
    # Reports wait for what is looked up.
    Fault.STORE_SLOW: 900_000_000,
    Fault.STORE_SILENT: 4_000_000_000,
    # Until a request that has no answer is given up.
    Fault.ANSWER_NEVER: 10_500_000_000,
}


#: What stops everything else, and strikes no oftener in a run of few faults.
_DISRUPTIVE: Final = frozenset(
    {
        Fault.BAN,
        Fault.SESSION_LOST,
        Fault.SILENT_STREAM,
        Fault.STALE_SNAPSHOT,
        Fault.STORE_BROKEN,
        Fault.CRASH,
        Fault.FREEZE,
        Fault.DEFECT,
    }
)
#: No fault strikes every time that is not meant to.
_MOST_OFTEN: Final = 0.8


class Faults:
    """One run's faults. ``chosen`` are those that may strike until :meth:`heal`, ``intensity`` times as often as usual;
    ``fired`` counts what did."""

    def __init__(self, chosen: frozenset[Fault], seed: int, intensity: float = 1.0) -> None:
        self.chosen = chosen
        self._odds = {fault: _odds_of(fault, intensity) for fault in chosen}
        self.fired: dict[Fault, int] = {}
        self.healed = False
        #: Called with each fault that strikes.
        self.on_strike: Callable[[Fault], None] = lambda _: None
        # A source of chance for each, so that taking one fault away leaves the others as they were.
        self._random = {fault: Random(f"{seed} {fault}") for fault in sorted(chosen)}

    def fires(self, fault: Fault, *, surely: bool = False) -> bool:
        """Whether the fault strikes here and now; ``surely`` if the run has it at all."""
        random = self._random.get(fault)
        if random is None or self.healed or (not surely and random.random() >= self._odds[fault]):
            return False
        self.fired[fault] = self.fired.get(fault, 0) + 1
        self.on_strike(fault)
        return True

    def has(self, fault: Fault) -> bool:
        """Whether the run has this fault at all, and it is not healed."""
        return fault in self.chosen and not self.healed

    def between(self, fault: Fault, low: int, high: int) -> int:
        """A number from one to the other, for how long or how much of a fault."""
        return self._random[fault].randrange(low, high + 1)

    def heal(self) -> None:
        """From now on nothing strikes any more."""
        self.healed = True


def _odds_of(fault: Fault, intensity: float) -> float:
    usual = _ODDS[fault]
    return usual if fault in _DISRUPTIVE else max(usual, min(_MOST_OFTEN, usual * intensity))
