"""PreTradeRiskEngine: runs the rules of a stage, keeps every refusal, and fails closed."""

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, Protocol

from attrs import define, field

from liveexec.domain.ids import AccountId, OrderId, ProductId
from liveexec.domain.instrument import ContractTerms, Listing
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from liveexec.domain.order_event import RiskStage, RuleRefusal
from liveexec.engine.exposure import worst_price as reserved_price
from liveexec.engine.gauges import Gauges
from liveexec.engine.holdings import Holdings
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState
from liveexec.engine.valuation import MissingInput, Valuer, worth
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
]

#: The code of a rule that raised: what it would have said is not known, so it refuses.
RULE_FAILED: Final = "RULE_FAILED"

#: What rules say of themselves: at which stages they are asked.
PARENT_STAGE: Final = frozenset({RiskStage.PARENT})
LEG_STAGE: Final = frozenset({RiskStage.LEG})
BOTH_STAGES: Final = PARENT_STAGE | LEG_STAGE

#: Slow rules and failures that wait to be drained; the oldest are lost beyond it.
_MOST_KEPT: Final = 256


@define(eq=False)
class RiskCheck:
    """What a rule is asked about: an order as a caller gave it (PARENT), or as it goes to one venue (LEG).

    ``quantity`` is the total, for a replace too; ``limit_price`` the worst price it takes, if it names one.
    ``reference_price`` is the touch of its listing, or the best of its product's. ``listing`` is ``None`` where a
    product order is not routed yet; ``parent`` is set for a child. ``replaces`` is the order that a replace would
    change: what that reserves already is in the exposure book, so only ``added`` comes on top of it.
    """

    order: Order
    stage: RiskStage
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    reference_price: Decimal | None
    listing: Listing | None
    product_id: ProductId
    account_id: AccountId | None
    parent: Order | None
    replaces: Order | None
    #: +1 where a fill raises the position, -1 where it lowers it.
    sign: int = field(init=False)
    #: The quantity that would work beyond what is reserved for the order already.
    added: Decimal = field(init=False)
    #: What the engine adds before the rules run: the highest price that the order may be worth, what values are
    #: worked out with, the positions by strategy and product, and the totals over many instruments.
    worst_price: Decimal | None = field(init=False, default=None)
    valuer: Valuer = field(init=False)
    holdings: Holdings = field(init=False)
    gauges: Gauges = field(init=False)
    _value: Decimal | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.sign = self.side.sign
        replaced = self.replaces
        if replaced is None:
            self.added = self.quantity
        else:
            more = self.quantity - replaced.filled_quantity - replaced.worst_leaves
            self.added = more if more > 0 else ZERO

    def value(self, state: EngineState) -> Decimal:
        """The value of the whole quantity at the worst price, in the reporting asset; for a bet, what it may lose.

        Raises:
            MissingInput: no price or rate is known.
        """
        if self._value is None:
            terms = self.terms(state)
            rate = self.valuer.rate(state, terms.quote_asset)
            self._value = worth(terms, self.sign, self.quantity, self.worst_price) * rate
        return self._value

    def added_value(self, state: EngineState) -> Decimal:
        """The value that comes on top of what is reserved already, in the reporting asset; never below zero.

        Raises:
            MissingInput: no price or rate is known.
        """
        if self.replaces is None:
            return self.value(state)
        terms = self.terms(state)
        return self.added_worth(terms) * self.valuer.rate(state, terms.quote_asset)

    def added_worth(self, terms: ContractTerms) -> Decimal:
        """The same in the quote asset.

        Raises:
            MissingInput: no price is known.
        """
        replaced = self.replaces
        if replaced is None:
            return worth(terms, self.sign, self.quantity, self.worst_price)
        reserved = worth(terms, self.sign, replaced.worst_leaves, reserved_price(replaced))
        more = worth(terms, self.sign, self.quantity - replaced.filled_quantity, self.worst_price) - reserved
        return more if more > 0 else ZERO

    def where(self) -> tuple[Listing, AccountId]:
        """The listing and the account of a leg.

        Raises:
            MissingInput: they are not known, as they are not before an order is routed.
        """
        if self.listing is None or self.account_id is None:
            raise MissingInput("it is not known where the order goes")
        return self.listing, self.account_id

    def account(self, state: EngineState) -> AccountId | None:
        """The account that the order goes to, or would by its instrument; ``None`` when that can't be told yet."""
        if self.account_id is not None or self.listing is None:
            return self.account_id
        return state.account_for(self.order.strategy_id, self.listing.venue, None)

    def terms(self, state: EngineState) -> ContractTerms:
        """The terms of the order's listing, or those that its product's quantity is meant in.

        Raises:
            MissingInput: they are not known.
        """
        return self.listing.terms if self.listing is not None else self.valuer.terms(state, self.product_id)


class RiskRule(Protocol):
    """One control. Called for every order of its stages; a pure function of what it is handed.

    ``name`` is the name it is registered under, ``code`` the stable code of its refusals.
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
_Call = Callable[[RiskCheck, EngineState], str | None]


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
    """A rule took longer than its budget."""

    name: str
    order_id: OrderId
    took_ns: int


@define(eq=False)
class RuleFailure:
    """A rule raised, so it refused: what for, to be logged with its traceback."""

    name: str
    order_id: OrderId
    error: Exception


class PreTradeRiskEngine:
    """Checks orders in two stages with the rules that its factories make from the configuration.

    ``factories`` are by rule name, in the order of precedence. ``timer`` (monotonic nanoseconds) measures each rule
    against ``rule_budget_ns``; without it nothing is measured.
    """

    def __init__(
        self, config: RiskConfig, factories: Mapping[str, RuleFactory], timer: Callable[[], int] | None = None
    ) -> None:
        self._factories = dict(factories)
        self._timer = timer
        self._slow_rules: deque[SlowRule] = deque(maxlen=_MOST_KEPT)
        self._failures: deque[RuleFailure] = deque(maxlen=_MOST_KEPT)
        self._holdings = Holdings()
        self.configure(config)

    @property
    def config(self) -> RiskConfig:
        """The limits that hold now."""
        return self._config

    def configure(self, config: RiskConfig) -> None:
        """Take other limits: every rule is made anew."""
        made = [rule for factory in self._factories.values() if (rule := factory(config)) is not None]
        rules = made if config.enabled else []
        self._config = config
        self._valuer = Valuer(config)
        self._gauges = Gauges(config, self._holdings, self._valuer)
        # Bound calls, since finding an instance's call anew for every order costs more than most rules.
        self._rules: dict[RiskStage, tuple[tuple[_Call, RiskRule], ...]] = {
            stage: tuple((rule.__call__, rule) for rule in rules if stage in rule.stages) for stage in RiskStage
        }

    def check(self, check: RiskCheck, state: EngineState) -> Approval | Refusal:
        """Run every rule of the check's stage. Changes nothing but what was measured."""
        if state.activity.config is not self._config:
            state.activity.configure(self._config)
        self._holdings.refresh(state.ledger)
        check.holdings, check.valuer, check.gauges = self._holdings, self._valuer, self._gauges
        self._valuer.begin(state)
        self._gauges.begin()
        check.worst_price = worst_price(check, state)
        refusals: list[RuleRefusal] | None = None
        timer, budget_ns = self._timer, self._config.rule_budget_ns
        started = timer() if timer is not None else 0
        for call, rule in self._rules[check.stage]:
            try:
                message = call(check, state)
            except MissingInput as missing:
                message, code = str(missing), rule.code
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a rule, the order does not go
                # The type alone: a message may hold addresses, and what is recorded is the same in every run.
                message, code = f"rule {rule.name} raised {type(error).__name__}", RULE_FAILED
                self._failures.append(RuleFailure(rule.name, check.order.order_id, error))
            else:
                code = rule.code if message is not None else ""
            if message is not None:
                if refusals is None:
                    refusals = []
                refusals.append(RuleRefusal(code, message))
            if timer is not None:
                ended = timer()
                if ended - started > budget_ns:
                    self._slow_rules.append(SlowRule(rule.name, check.order.order_id, ended - started))
                started = ended
        if refusals is not None:
            return Refusal(refusals[0].code, refusals[0].message, tuple(refusals))
        return Approval(check.worst_price, _ONLY_HERE)

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


def worst_price(check: RiskCheck, state: EngineState) -> Decimal | None:
    """The highest price that an order may be worth; ``None`` when none is known.

    A buy is worth no more than its limit; without one, the price that its quantity reaches in the visible book. A
    sale may fill above its limit, at the touch. What waits for a trigger may be worth that.
    """
    limit, reference = check.limit_price, check.reference_price
    if check.sign > 0:
        if limit is not None:
            return limit
        if reference is not None and check.listing is not None:
            book = state.market.book(check.listing.instrument_id)
            swept = book.sweep(check.side, check.quantity).worst_price if book is not None else None
            if swept is not None and swept > reference:
                reference = swept
    elif limit is not None and (reference is None or limit > reference):
        reference = limit
    trigger = check.order.intent.trigger_price
    if trigger is not None and (reference is None or trigger > reference):
        return trigger
    return reference
