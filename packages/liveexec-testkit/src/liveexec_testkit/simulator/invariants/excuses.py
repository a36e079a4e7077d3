"""What checks let pass, and how often: an excuse that fits nearly everything leaves a check that checks nothing."""

from enum import StrEnum
from typing import Final

from attrs import define, field

__all__ = ["CEILINGS", "Excuse", "Excuses"]


class Excuse(StrEnum):
    """Why something passes that would be reported otherwise. Named by the check, and what it looks at."""

    #: Of the executions that a session was told of: what they take back was not.
    ORIGINAL_UNTOLD = "evidence: what it takes back was not told"
    #: Of the executions that a session was told of: it ended before anybody took them in.
    UNTAKEN = "evidence: its session ended before it was taken in"
    #: Of the same: the life ended, or stood still, before they were recorded.
    LIFE_ENDED = "evidence: the life that heard it ended"
    #: Of the cancels that wait at a venue with a limit, each time that something leaves: there is no session, or the
    #: order has ended.
    LANE_IN_DOUBT = "lanes: the cancel has no session, or its order ended"
    #: Of the requests that leave: nothing can, since the session is gone.
    SESSION_GONE = "departures: its session is gone"
    #: Of the requests that leave: it is a cancel of somebody whose journal can't write.
    CANT_WRITE = "requests: a cancel of somebody who can't write"
    #: Of the drifts that are told: the account was never still when it began.
    NEVER_STILL = "drifts: its account was never still"
    #: Of the orders that are adopted: an operator ended the order of ours that it is.
    RESOLVED_CLAIM = "adoptions: an operator ended what it is"
    #: Of the effects that are carried out: before what they follow from is durable, since the journal can't write.
    EARLY_EFFECT = "effects: it takes risk away, and the journal can't write"
    #: Of the orders that are open in the end: more is counted here than works there, since fills were taken back.
    CAUTIOUS = "rest: more counts here, since fills were taken back"
    #: Of the orders that work in the end: somebody else's, met by a fill alone.
    MET_BY_A_FILL = "rest: somebody else's, met by a fill alone"
    #: Of the positions that are compared in the end: the account was never still when it began.
    NEVER_STILL_REST = "rest: its account was never still"
    #: Of the orders that ended: their venue took them too late, against its word.
    CAME_LATE = "endings: its venue took it too late"
    #: Of the orders that ended: an operator said so.
    RESOLVED_END = "endings: an operator ended it"
    #: Of the orders that work at a venue when reservations are checked: an operator ended them, or they came too late.
    UNRESERVED = "reservations: an operator ended it, or it came too late"


#: The most of what each check looks at that may be excused, over a swarm of runs.
CEILINGS: Final[dict[Excuse, float]] = {
    Excuse.ORIGINAL_UNTOLD: 0.05,
    Excuse.UNTAKEN: 0.03,
    Excuse.LIFE_ENDED: 0.08,
    Excuse.LANE_IN_DOUBT: 0.10,
    Excuse.SESSION_GONE: 0.005,
    Excuse.CANT_WRITE: 0.005,
    Excuse.NEVER_STILL: 0.10,
    Excuse.RESOLVED_CLAIM: 0.05,
    Excuse.EARLY_EFFECT: 0.03,
    Excuse.CAUTIOUS: 0.005,
    Excuse.MET_BY_A_FILL: 0.10,
    Excuse.NEVER_STILL_REST: 0.01,
    Excuse.CAME_LATE: 0.015,
    Excuse.RESOLVED_END: 0.03,
    Excuse.UNRESERVED: 0.04,
}


@define(eq=False)
class Excuses:
    """Counts, by excuse: what the check looked at, and what of it the excuse let pass."""

    looked_at: dict[Excuse, int] = field(factory=lambda: dict.fromkeys(Excuse, 0))
    used: dict[Excuse, int] = field(factory=lambda: dict.fromkeys(Excuse, 0))

    def look(self, excuse: Excuse, *, fits: bool) -> bool:
        """Count one more; whether it is excused."""
        self.looked_at[excuse] += 1
        if fits:
            self.used[excuse] += 1
        return fits

    def add(self, other: "Excuses") -> None:
        """Count what another run counted."""
        for excuse in Excuse:
            self.looked_at[excuse] += other.looked_at[excuse]
            self.used[excuse] += other.used[excuse]

    def share(self, excuse: Excuse) -> float:
        """What part of it passed; zero if nothing was looked at."""
        return self.used[excuse] / self.looked_at[excuse] if self.looked_at[excuse] else 0.0
