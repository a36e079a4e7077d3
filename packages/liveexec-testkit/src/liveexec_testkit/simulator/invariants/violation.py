"""What a broken invariant is reported as."""

from collections.abc import Callable

from attrs import define, field, frozen

__all__ = ["NAMES", "Violation", "Violations"]

#: The invariants by number. Zero is none of them: something failed that nothing was promised about.
NAMES: dict[int, str] = {
    0: "nothing fails in a way that nobody foresaw",
    1: "no send without a committed request and an approval",
    2: "one intent, at most one live order at the venue",
    3: "a client id is never reused for another intent",
    4: "each fill key is applied once",
    5: "filled quantity is the sum of fills, busts and corrections",
    6: "leaves are quantity less filled, zero when terminal, never negative",
    7: "an overfill is recorded, flagged, and halts its instrument",
    8: "every transition is in the table, sequences have no gaps, durable is a prefix of decided",
    9: "terminal only by evidence, a proven non-send or absence, or an operator",
    10: "a late fill on a terminal order still moves the position",
    11: "children live and filled are at most the parent",
    12: "a position is the fold of fills and account events",
    13: "reserved exposure is at least the worst case",
    14: "every UNKNOWN resolves, or alarms",
    15: "our open orders are the venue's",
    16: "our fills are the venue's",
    17: "no gate passes after a kill was acknowledged, and what was in flight is canceled",
    18: "the tables are the fold of the journal",
    19: "what a caller was told is durable",
    20: "reconciling twice adds nothing",
    21: "one writer epoch; who is stale writes and sends nothing",
    22: "what is sent lies on tick and lot, and no secret is in any trace",
    23: "what is sent leaves in time, into a reconciled session, on a fresh price, with a journal that writes",
    24: "an approval keeps every limit and control, and a refusal has its reason",
    25: "a venue's rate limit is kept, and cancels have their lane",
    26: "who closes takes nothing on, and what is malformed or contradicts itself is refused",
}


@frozen
class Violation:
    """An invariant that did not hold, at which step of the loop."""

    number: int
    message: str
    step: int

    def __str__(self) -> str:
        return f"invariant {self.number} ({NAMES[self.number]}) at step {self.step}: {self.message}"


@define(eq=False)
class Violations:
    """Collects what is found. ``found`` is called with the first, to stop the run there."""

    step: Callable[[], int]
    found: Callable[[Violation], None]
    first: Violation | None = field(default=None)

    def add(self, number: int, message: str) -> None:
        """An invariant does not hold; only the first counts, since others may follow from it."""
        if self.first is None:
            self.first = Violation(number, message, self.step())
            self.found(self.first)
