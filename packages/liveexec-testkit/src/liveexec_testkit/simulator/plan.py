"""The plan of a run: everything that its seed decides beforehand, as a value that can be cut down and run again."""

from enum import StrEnum
from random import Random
from typing import Final

from attrs import frozen

from liveexec.domain.ids import VenueName
from liveexec.domain.venue import ReplaceMode
from liveexec_testkit.simulator.faults import BUNDLES, Fault
from liveexec_testkit.simulator.settings import Settings, settings_of
from liveexec_testkit.simulator.store import STEP_NS
from liveexec_testkit.simulator.venue import VenueKind

__all__ = ["Operation", "OperationKind", "RunPlan", "plan_of"]

_MS: Final = 1_000_000
#: How much of the faults there are a run has at most, as a fraction.
_MOST_FAULTS: Final = 0.7
_FEW_FAULTS: Final = 5
_OFTEN_FEW: Final = 0.65
_OFTEN_BUNDLED: Final = 0.5
#: Into how many parts a run is divided, at whose borders much is asked for at once.
_BURSTS: Final = 12


class OperationKind(StrEnum):
    """What the host does."""

    SUBMIT = "submit"
    REPEAT = "repeat"
    CANCEL = "cancel"
    REPLACE = "replace"
    RESULT = "result"
    KILL = "kill"
    RELEASE = "release"
    REDUCE = "reduce"
    CONFLICT = "conflict"
    MALFORMED = "malformed"
    SYNC = "sync"
    CLOSE = "close"


#: How often each comes up, relative to the others.
_WEIGHTS: Final = {
    OperationKind.REPEAT: 2,
    OperationKind.CANCEL: 10,
    OperationKind.REPLACE: 9,
    OperationKind.RESULT: 2,
    OperationKind.KILL: 2,
    OperationKind.RELEASE: 2,
    OperationKind.REDUCE: 1,
    OperationKind.CONFLICT: 1,
    OperationKind.MALFORMED: 0.3,
    OperationKind.SYNC: 1,
    OperationKind.CLOSE: 0.3,
}


@frozen
class Operation:
    """One thing that the host does: when, counted from the start, and what; its details follow from its own seed."""

    at_ns: int
    kind: OperationKind
    seed: int


@frozen
class RunPlan:
    """A run. ``faults`` may strike until ``heal_at_ns``, counted from the start."""

    seed: int
    faults: frozenset[Fault]
    operations: tuple[Operation, ...]
    venues: tuple[VenueKind, ...]
    settings: Settings
    heal_at_ns: int
    #: Whether sessions are not told that they may have missed something when the faults are over.
    heals_silently: bool = False
    #: What stands between the host and its venues (``module:function``, given an adapter and giving another).
    through: str = ""


def plan_of(seed: int, *, orders: int = 30, faults: frozenset[Fault] | None = None, through: str = "") -> RunPlan:
    """The plan that a seed stands for, with about so many orders; ``faults`` instead of a random subset."""
    random = Random(f"plan {seed}")
    every = sorted(Fault)
    if faults is None:
        # Few faults at a time show what is not mended, since nothing else strikes meanwhile; many show how they meet.
        kind = random.random()
        most = _FEW_FAULTS if kind < _OFTEN_FEW else int(len(every) * _MOST_FAULTS)
        faults = frozenset(random.sample(every, random.randrange(0, most + 1)))
        if kind < _OFTEN_BUNDLED:
            faults = frozenset(random.choice(BUNDLES)) | frozenset(random.sample(every, random.randrange(0, 2)))
    venues = (
        VenueKind(
            VenueName("ALPHA"),
            renames=random.random() < 0.4,
            per_account=random.random() < 0.2,
            is_limited=random.random() < 0.35,
            fee_asset=random.choice(("USDT", "FEE")),
            has_past=random.random() < 0.3,
            is_anonymous=random.random() < 0.3,
            drops_refused=random.random() < 0.3,
        ),
        VenueKind(
            VenueName("BETA"),
            replace=ReplaceMode.NONE,
            answers_by_report=random.random() < 0.4,
            prepares=random.random() < 0.4,
            has_past=random.random() < 0.3,
        ),
    )
    span_ns = random.randrange(1_000, 4_000) * _MS
    operations = [
        Operation(_moment(random, span_ns), OperationKind.SUBMIT, random.getrandbits(32)) for _ in range(orders)
    ]
    kinds, weights = list(_WEIGHTS), list(_WEIGHTS.values())
    operations += [
        Operation(_moment(random, span_ns), kind, random.getrandbits(32))
        for kind in random.choices(kinds, weights, k=orders)
    ]
    operations.sort(key=lambda each: (each.at_ns, each.seed))
    return RunPlan(
        seed,
        faults,
        tuple(operations),
        venues,
        settings_of(random, venues),
        span_ns + 200 * _MS,
        random.random() < 0.5,
        through,
    )


def _moment(random: Random, span_ns: int) -> int:
    """When something is asked for: half of the time together with others, as far apart as a commit's steps are."""
    if random.random() < 0.5:
        return random.randrange(span_ns)
    return span_ns * random.randrange(1, _BURSTS) // _BURSTS + random.randrange(6) * STEP_NS
