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
from liveexec_testkit.simulator.venue_kind import VenueKind

__all__ = ["Operation", "OperationKind", "RunPlan", "plan_of"]

_MS: Final = 1_000_000
#: How much of the faults there are a run has at most, as a fraction.
_MOST_FAULTS: Final = 0.7
_FEW_FAULTS: Final = 4
#: How a run's faults are chosen, and how often each way comes up: one fault alone shows what is not mended, since
#: nothing else strikes meanwhile and mends it; those of a bundle, what takes several of them; many, how they meet.
_CHOICES: Final = {"one": 0.32, "few": 0.13, "bundle": 0.35, "many": 0.2}
#: How much oftener than usual the faults of a run strike that has few of them.
_INTENSITIES: Final = (1.0, 3.0)
#: How often the faults end while the host still asks for things.
_OFTEN_EARLY: Final = 0.3
#: How often what is no order waits for the worst moment.
_OFTEN_LURKING: Final = 0.25
#: Into how many parts a run is divided, at whose borders much is asked for at once: the fewer, the more.
_BURSTS: Final = (12, 12, 3)
#: Turns of the loop, a microsecond each, that things asked for at once are apart.
_TURNS: Final = 30


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
    RESOLVE = "resolve"
    ACCEPT_DRIFT = "accept-drift"
    STOP_STRANGER = "stop-stranger"


#: How often each comes up, relative to the others.
_WEIGHTS: Final = {
    OperationKind.REPEAT: 2,
    OperationKind.CANCEL: 10,
    OperationKind.REPLACE: 12,
    OperationKind.RESULT: 2,
    OperationKind.KILL: 2,
    OperationKind.RELEASE: 3,
    OperationKind.REDUCE: 1,
    OperationKind.CONFLICT: 1,
    OperationKind.MALFORMED: 0.3,
    OperationKind.SYNC: 1,
    OperationKind.CLOSE: 0.3,
    OperationKind.RESOLVE: 0.9,
    OperationKind.ACCEPT_DRIFT: 0.7,
    OperationKind.STOP_STRANGER: 0.3,
}


@frozen
class Operation:
    """One thing that the host does: when, counted from the start, and what; its details follow from its own seed.

    One that ``lurks`` waits from then on for the moment at which a process hears of the next commit, and what had to
    wait for it leaves: nothing comes at a worse time.
    """

    at_ns: int
    kind: OperationKind
    seed: int
    lurks: bool = False


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
    #: How much oftener than usual its faults strike.
    intensity: float = 1.0
    #: What stands between the host and its venues (``module:function``, given an adapter and giving another).
    through: str = ""

    @property
    def ends_at_ns(self) -> int:
        """When nothing strikes, and nobody asks for anything, any more."""
        return max(self.heal_at_ns, max((each.at_ns for each in self.operations), default=0) + 200 * _MS)


def plan_of(seed: int, *, orders: int = 30, faults: frozenset[Fault] | None = None, through: str = "") -> RunPlan:
    """The plan that a seed stands for, with about so many orders; ``faults`` instead of a random subset."""
    random = Random(f"plan {seed}")
    chosen = _some_faults(random)
    if faults is None:
        faults = chosen
    intensity = random.choice(_INTENSITIES) if len(faults) <= _FEW_FAULTS else 1.0
    venues = (
        VenueKind(
            VenueName("ALPHA"),
            renames=random.random() < 0.4,
            per_account=random.random() < 0.3,
            is_limited=random.random() < 0.35,
            fee_asset=random.choice(("USDT", "FEE")),
            has_past=random.random() < 0.3,
            is_anonymous=random.random() < 0.3,
            drops_refused=random.random() < 0.4,
            is_thin=random.random() < 0.35,
        ),
        VenueKind(
            VenueName("BETA"),
            replace=ReplaceMode.NONE,
            answers_by_report=random.random() < 0.4,
            prepares=random.random() < 0.4,
            has_past=random.random() < 0.3,
            is_thin=random.random() < 0.35,
        ),
    )
    span_ns = random.randrange(1_000, 4_000) * _MS
    bursts = random.choice(_BURSTS)
    operations = [
        Operation(_moment(random, span_ns, bursts), OperationKind.SUBMIT, random.getrandbits(32)) for _ in range(orders)
    ]
    kinds, weights = list(_WEIGHTS), list(_WEIGHTS.values())
    operations += [
        Operation(_moment(random, span_ns, bursts), kind, random.getrandbits(32), random.random() < _OFTEN_LURKING)
        for kind in random.choices(kinds, weights, k=orders)
    ]
    operations.sort(key=lambda each: (each.at_ns, each.seed))
    settings = settings_of(random, venues, waits=bool(faults & {Fault.FREEZE, Fault.STORE_SILENT}))
    heals_silently = random.random() < 0.6
    heal_at_ns = span_ns + 200 * _MS
    if random.random() < _OFTEN_EARLY:
        heal_at_ns = round(span_ns * (0.4 + random.random() / 2))
    return RunPlan(seed, faults, tuple(operations), venues, settings, heal_at_ns, heals_silently, intensity, through)


def _some_faults(random: Random) -> frozenset[Fault]:
    every = sorted(Fault)
    way = random.choices(list(_CHOICES), list(_CHOICES.values()))[0]
    match way:
        case "one":
            return frozenset({random.choice(every)})
        case "bundle":
            return frozenset(random.choice(BUNDLES)) | frozenset(random.sample(every, random.randrange(0, 2)))
        case "few":
            return frozenset(random.sample(every, random.randrange(0, _FEW_FAULTS + 1)))
        case _:
            return frozenset(random.sample(every, random.randrange(0, int(len(every) * _MOST_FAULTS) + 1)))


def _moment(random: Random, span_ns: int, bursts: int) -> int:
    """When something is asked for: half of the time together with others, as far apart as a commit's steps are."""
    if random.random() < 0.5:
        return random.randrange(span_ns)
    turns_ns = random.randrange(_TURNS) * 1_000
    return span_ns * random.randrange(1, bursts) // bursts + random.randrange(6) * STEP_NS + turns_ns
