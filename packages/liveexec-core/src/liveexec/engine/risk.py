"""PreTradeRiskEngine: runs the rules of a stage, keeps every refusal, and fails closed."""

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, Protocol

from attrs import define

from liveexec.domain.ids import OrderId
from liveexec.domain.operation import Operation
from liveexec.domain.order_event import RiskStage, RuleRefusal
from liveexec.engine.holdings import Holdings
from liveexec.engine.netting import reduces
from liveexec.engine.risk_check import RiskCheck, reached_price, worst_price
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState
from liveexec.engine.valuation import MissingInput, Valuer
from liveexec.errors import InvariantViolation

__all__ = [
    "BOTH_STAGES",
    "LEG_STAGE",
    "PARENT_STAGE",
    "RULE_FAILED",
    "Approval",
    "MissingInput",
    "PreTradeRiskEngine",
    "Refusal",
    "RiskCheck",
    "RiskRule",
    "RuleFactory",
    "RuleFailure",
    "SlowRule",
    "reached_price",
]

#: The code of a rule that raised: what it would have said is not known, so it refuses.
RULE_FAILED: Final = "RULE_FAILED"

#: What rules say of themselves: at which stages they are asked.
PARENT_STAGE: Final = frozenset({RiskStage.PARENT})
LEG_STAGE: Final = frozenset({RiskStage.LEG})
BOTH_STAGES: Final = PARENT_STAGE | LEG_STAGE

#: Rules that bound new risk or stop who took too much of it: an operator who closes a position is not held back.
_BOUND_NEW_RISK: Final = frozenset(
    {
        "repeated_execution",
        "latched",
        "loss_limit",
        "order_size",
        "order_value",
        "duplicate_order",
        "velocity",
        "open_orders",
        "position_limit",
        "exposure_limit",
    }
)

#: Slow rules and failures that wait to be drained; the oldest are lost beyond it.
_MOST_KEPT: Final = 256
#: How many checks are measured rule by rule after a stage that took longer than a rule may.
_WATCHED: Final = 64


class RiskRule(Protocol):
    """One control. Called for every order of its stages; a pure function of what it is handed.

    ``name`` is the name it is registered under, ``code`` the stable code of its refusals. A rule that looks at some
    operations only may say so in an attribute ``operations`` (a frozenset): for others it is not asked then.
    """

    @property
    def name(self) -> str: ...

    @property
    def code(self) -> str: ...

    @property
    def stages(self) -> frozenset[RiskStage]: ...

    def __call__(self, check: RiskCheck, state: EngineState, /) -> str | None:
        """Why the order must not go, with the numbers compared; ``None`` when it may."""
        ...


#: Makes a rule from the configuration; ``None`` when that does not limit what the rule looks at.
RuleFactory = Callable[[RiskConfig], RiskRule | None]
#: A rule, its call first.
_Asked = tuple[Callable[[RiskCheck, EngineState], str | None], RiskRule]


_ALL_OPERATIONS: Final = frozenset(Operation)
_ONLY_HERE: Final = object()


@define(eq=False)
class Approval:
    """All rules of a stage agreed. Only the risk engine can make one.

    ``reserve_price`` values what is reserved for the order; ``None`` when no price is known.
    """

    reserve_price: Decimal | None
    _made_by: object = None

    def __attrs_post_init__(self) -> None:
        if self._made_by is not _ONLY_HERE:
            raise InvariantViolation("an approval can only come from the risk engine")


@define(eq=False)
class Refusal:
    """At least one rule refused: the first in precedence gives code and message, all are kept."""

    code: str
    message: str
    refusals: tuple[RuleRefusal, ...]


@define(eq=False)
class SlowRule:
    """A rule took longer than its budget; without a name, a stage did whose rules were not measured one by one."""

    name: str
    order_id: OrderId
    took_ns: int


@define(eq=False)
class RuleFailure:
    """A rule raised, so it refused: what, to be logged with its traceback. Without a name it was no rule's."""

    name: str
    order_id: OrderId
    error: Exception


def _is_asked(rule: RiskRule, stage: RiskStage, operation: Operation) -> bool:
    return stage in rule.stages and operation in getattr(rule, "operations", _ALL_OPERATIONS)


class PreTradeRiskEngine:
    """Checks orders in two stages with the rules that its factories make from the configuration.

    ``factories`` are by rule name, in the order of precedence. ``timer`` (monotonic nanoseconds) measures rules
    against ``rule_budget_ns``; without it nothing is measured. Reading a clock after every rule would cost as much as
    the rules do, so a stage is measured as a whole, and after one that took longer than a rule may, its rules are.
    """

    def __init__(
        self, config: RiskConfig, factories: Mapping[str, RuleFactory], timer: Callable[[], int] | None = None
    ) -> None:
        self._factories = dict(factories)
        self._timer = timer
        self._slow_rules: deque[SlowRule] = deque(maxlen=_MOST_KEPT)
        self._failures: deque[RuleFailure] = deque(maxlen=_MOST_KEPT)
        #: How many checks more are measured rule by rule.
        self._watched = 0
        self._holdings = Holdings()
        self.configure(config)

    def configure(self, config: RiskConfig) -> None:
        """Take other limits: every rule is made anew."""
        made = [rule for factory in self._factories.values() if (rule := factory(config)) is not None]
        rules = made if config.enabled else []
        self._config = config
        self._valuer = Valuer(config)
        # Bound calls, since finding an instance's call anew for every order costs more than most rules.
        self._rules: dict[tuple[RiskStage, Operation], tuple[_Asked, ...]] = {
            (stage, operation): tuple((rule.__call__, rule) for rule in rules if _is_asked(rule, stage, operation))
            for stage in RiskStage
            for operation in Operation
        }

    def check(self, check: RiskCheck, state: EngineState) -> Approval | Refusal:
        """Run every rule of the check's stage. Whatever goes wrong is a refusal."""
        try:
            self._prepare(check, state)
        except Exception as error:  # noqa: BLE001 - without what rules compare with, the order does not go
            self._failures.append(RuleFailure("", check.order.order_id, error))
            return self.refuse(RULE_FAILED, f"what rules compare with could not be found: {type(error).__name__}")
        rules, timer = self._rules[check.stage, check.order.intent.operation], self._timer
        if check.flattens and reduces(check, state):
            rules = tuple(asked for asked in rules if asked[1].name not in _BOUND_NEW_RISK)
        if timer is None:
            refusals = self._ask(rules, check, state)
        elif self._watched:
            self._watched -= 1
            refusals = self._ask_measured(rules, check, state, timer)
        else:
            started_ns = timer()
            refusals = self._ask(rules, check, state)
            took_ns = timer() - started_ns
            if took_ns > self._config.rule_budget_ns:
                self._slow_rules.append(SlowRule("", check.order.order_id, took_ns))
                self._watched = _WATCHED
        if refusals:
            return Refusal(refusals[0].code, refusals[0].message, tuple(refusals))
        return Approval(check.worst_price, _ONLY_HERE)

    def _ask(self, rules: tuple[_Asked, ...], check: RiskCheck, state: EngineState) -> list[RuleRefusal] | None:
        """What the rules refuse, in their order; ``None`` when all of them agree."""
        refusals = None
        for call, rule in rules:
            try:
                message = call(check, state)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a rule, the order does not go
                refusals = refusals or []
                refusals.append(self._failed(rule, check, error))
                continue
            if message is not None:
                refusals = refusals or []
                refusals.append(RuleRefusal(rule.code, message))
        return refusals

    def _ask_measured(
        self, rules: tuple[_Asked, ...], check: RiskCheck, state: EngineState, timer: Callable[[], int]
    ) -> list[RuleRefusal]:
        """The same, and which rules took longer than they may.

        On a busy machine many a stage is interrupted and has others measured after it, so this is nearly as quick.
        """
        refusals: list[RuleRefusal] = []
        started_ns, budget_ns = timer(), self._config.rule_budget_ns
        for call, rule in rules:
            try:
                message = call(check, state)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a rule, the order does not go
                refusals += [self._failed(rule, check, error)]
            else:
                if message is not None:
                    refusals += [RuleRefusal(rule.code, message)]
            ended_ns = timer()
            if ended_ns - started_ns > budget_ns:
                self._slow_rules.append(SlowRule(rule.name, check.order.order_id, ended_ns - started_ns))
            started_ns = ended_ns
        return refusals

    def _failed(self, rule: RiskRule, check: RiskCheck, error: Exception) -> RuleRefusal:
        """The refusal of a rule that could not tell: for want of an input, or because it is broken."""
        if isinstance(error, MissingInput):
            return RuleRefusal(rule.code, str(error))
        self._failures.append(RuleFailure(rule.name, check.order.order_id, error))
        # The type alone: a message may hold addresses, and what is recorded is the same in every run.
        return RuleRefusal(RULE_FAILED, f"rule {rule.name} raised {type(error).__name__}")

    def _prepare(self, check: RiskCheck, state: EngineState) -> None:
        if state.activity.config is not self._config:
            state.activity.configure(self._config)
        self._holdings.refresh(state)
        self._valuer.begin(state)
        check.holdings, check.valuer = self._holdings, self._valuer
        touch = check.reference_price
        if touch is not None and not (touch.is_finite() and touch > 0):
            # An absurd price is none: nothing may be compared with it, and nothing reserved at it.
            check.reference_price = None
        check.worst_price = worst_price(check, state)

    def refuse(self, code: str, message: str) -> Refusal:
        """A refusal that no rule made."""
        return Refusal(code, message, (RuleRefusal(code, message),))

    def drain_slow_rules(self) -> tuple[SlowRule, ...]:
        """The rules that exceeded their budget since this was last asked."""
        slow = tuple(self._slow_rules)
        self._slow_rules.clear()
        return slow

    def drain_failures(self) -> tuple[RuleFailure, ...]:
        """The errors that rules raised since this was last asked."""
        failures = tuple(self._failures)
        self._failures.clear()
        return failures
