"""What a run is configured with: short times, small limits, and one risk rule that fails."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import ClassVar, Final

from attrs import define, evolve, field, frozen

from liveexec.domain.order_event import RiskStage
from liveexec.engine.config import EngineConfig, JournalLoss, Timing
from liveexec.engine.risk import RiskCheck
from liveexec.engine.risk_config import ANY, RiskConfig
from liveexec.engine.router_config import RouterConfig
from liveexec.engine.state import EngineState
from liveexec.plugins.manager import Plugins
from liveexec_testkit.simulator.greedy import GREEDY, GreedyAlgorithm
from liveexec_testkit.simulator.ladder import LADDER, LadderAlgorithm
from liveexec_testkit.simulator.market import LOT
from liveexec_testkit.simulator.venue_kind import SKEW_NS, VenueKind

__all__ = [
    "RECONCILE_EVERY_S",
    "SHARD",
    "UNLUCKY",
    "Settings",
    "settings_of",
    "with_failing_plugins",
]

_MS: Final = 1_000_000
SHARD: Final = "main"
#: Deadlines short enough that a run of some seconds sees all of them pass.
_TIMING: Final = Timing(
    send_deadline_ns=400 * _MS,
    answer_ns=300 * _MS,
    retry_ns=60 * _MS,
    clock_skew_ns=SKEW_NS,
    adoption_ns=150 * _MS,
    drift_ns=700 * _MS,
)
#: A twelfth of how long a report may wait for its order, which is longer than a request may have no answer (10 s).
_LONG_ADOPTION_NS: Final = 1_000 * _MS
#: How often accounts are compared while all is well.
RECONCILE_EVERY_S: Final = 8.0
#: An order that was routed on an older price stays here: where it is short, a third of what is routed does.
_PRICE_AGES_NS: Final = (200 * _MS, 1_000 * _MS, 4_000 * _MS)
#: A quantity that the failing rule can't take.
UNLUCKY: Final = LOT * 13


@frozen
class Settings:
    """One run's limits. ``finished_kept``: how many orders that ended stay in memory; few, so that some come back."""

    risk: RiskConfig = field(factory=RiskConfig)
    finished_kept: int = 4_096
    #: How long after its decision a request may leave.
    deadline_ns: int = 400 * _MS
    policy: str = "best_price"
    #: Whether a venue leaves our names out of what its stream says.
    meets_anonymous: bool = False
    #: What becomes of open orders while the journal can't be written.
    on_journal_loss: JournalLoss = JournalLoss.LEAVE
    #: An order that was routed on an older price stays here.
    max_price_age_ns: int = _PRICE_AGES_NS[0]

    @property
    def engine(self) -> EngineConfig:
        """The configuration that the processes of the run get."""
        return EngineConfig(
            shard=SHARD,
            risk=self.risk,
            timing=evolve(
                _TIMING,
                send_deadline_ns=self.deadline_ns,
                # What may be ours waits for longer than ours may be under way without an answer.
                adoption_ns=_LONG_ADOPTION_NS if self.meets_anonymous else _TIMING.adoption_ns,
            ),
            router=RouterConfig(policy=self.policy),
            reporting_asset="USDT",
            finished_orders_kept=self.finished_kept,
            # Of ten millions: amounts are kept to 18 places, and summed up in another order than at the venue.
            balance_tolerance=Decimal("1e-20"),
            on_journal_loss={"*": self.on_journal_loss},
        )


@define(eq=False)
class _FailingRule:
    """A rule with a defect: it raises where a quantity is unlucky."""

    name: ClassVar[str] = "unlucky"
    code: ClassVar[str] = "UNLUCKY"
    stages: ClassVar[frozenset[RiskStage]] = frozenset({RiskStage.PARENT})

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:  # noqa: ARG002  (what a rule is handed)
        if check.quantity == UNLUCKY:
            raise ZeroDivisionError("a defect of a rule")
        return None


def settings_of(random: Random, venues: Sequence[VenueKind], *, waits: bool = False) -> Settings:
    """Limits for a run: half of the runs have them, low enough that orders meet them. Where everything
    ``waits`` at times, what was decided before may often still leave afterwards."""
    is_anonymous = any(venue.is_anonymous for venue in venues)
    kept = random.choice((4_096, 5, 5))
    deadline_ns = random.choice((400, 4_000) if waits else (400, 400, 400, 2_500)) * _MS
    policy = random.choice(("best_price", "lowest_fee", "split", "split"))
    on_loss = random.choice(list(JournalLoss))
    price_age_ns = random.choice(_PRICE_AGES_NS)
    if random.random() < 0.5:
        return Settings(RiskConfig(), kept, deadline_ns, policy, is_anonymous, on_loss, price_age_ns)
    return Settings(
        RiskConfig(
            max_order_quantity={ANY: LOT * random.choice((30, 39))},
            max_position_per_instrument={ANY: LOT * random.choice((40, 60, 90))},
            max_open_orders=random.choice((None, 8, 14)),
            repeated_execution_count=random.choice((2, 3)),
            repeated_execution_window_ns=4_000 * _MS,
        )
        if random.random() < 0.7
        else RiskConfig(max_position_per_instrument={ANY: LOT * 50}),
        kept,
        deadline_ns,
        policy,
        is_anonymous,
        on_loss,
        price_age_ns,
    )


def with_failing_plugins(plugins: Plugins) -> Plugins:
    """The plugins, and a rule and an algorithm with defects, and a sound one, beside them."""
    return evolve(
        plugins,
        risk_rules={**plugins.risk_rules, _FailingRule.name: lambda _: _FailingRule()},
        execution_algorithms={**plugins.execution_algorithms, GREEDY: GreedyAlgorithm, LADDER: LadderAlgorithm},
    )
