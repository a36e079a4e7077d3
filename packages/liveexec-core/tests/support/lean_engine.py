"""An engine between two venues that are up, with a limit for every rule and nothing that checks along the way.

For tests of what an order costs: the checks of :class:`support.engine_harness.EngineHarness` look at every order.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from types import CodeType
from typing import Final

from liveexec.domain.ids import AccountId, StrategyId, VenueOrderId
from liveexec.domain.intent import OrderIntent
from liveexec.domain.ledger import Ledger
from liveexec.domain.operation import OrderType, Side
from liveexec.domain.order import Order
from liveexec.domain.outcome import Accepted, BalanceReport, FillReport
from liveexec.engine import inputs
from liveexec.engine.algorithms import BUILTIN_ALGORITHMS
from liveexec.engine.config import EngineConfig
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.policies import BUILTIN_POLICIES
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.rules import BUILT_IN_RULES
from liveexec.engine.turn import Decision
from liveexec.plugins.manager import Plugins
from liveexec.runtime.durable_view import DurableView
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    BETA,
    BETA_ACCOUNT,
    NOW_NS,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    make_book,
    make_fill,
    make_intent,
    make_listing,
    make_manifest,
    make_order_id,
)

__all__ = ["EVERY_LIMIT", "LeanEngine", "instructions"]

_AMPLE: Final = Decimal(10) ** 15
_SECOND_NS: Final = 1_000_000_000
#: Orders differ by their quantity, so that none is another one's duplicate.
_LOT: Final = Decimal("0.00001")

#: A limit of every kind, none of which these orders reach.
EVERY_LIMIT: Final = RiskConfig(
    live=True,
    allowed_instruments=frozenset({SPOT_PRODUCT}),
    max_order_quantity={"*": Decimal(100)},
    max_order_notional={"*": Decimal(10_000_000)},
    price_tolerance=Decimal("0.5"),
    max_market_age_ns=3_600 * _SECOND_NS,
    max_mark_age_ns=3_600 * _SECOND_NS,
    max_position_per_instrument={"*": _AMPLE},
    max_position_per_strategy=_AMPLE,
    max_position_per_account=_AMPLE,
    max_position_global=_AMPLE,
    max_total_notional=_AMPLE,
    max_notional_per_venue={"ALPHA": _AMPLE, "BETA": _AMPLE},
    max_notional_per_asset={"BTC": _AMPLE},
    max_orders_per_second=2_000,
    max_orders_per_second_per_strategy=500,
    max_messages_per_second=2_000,
    max_open_orders=1_000_000,
    max_open_orders_per_strategy=1_000_000,
    max_open_orders_per_instrument=1_000_000,
    duplicate_window_ns=_SECOND_NS,
    repeated_execution_count=500,
    repeated_execution_window_ns=_SECOND_NS,
    max_loss=_AMPLE,
    max_loss_global=_AMPLE,
    check_balance=True,
    self_match=True,
    max_slippage=Decimal("0.1"),
    max_gas_price_gwei=Decimal(1_000),
    max_liability=_AMPLE,
)


class LeanEngine:
    """An engine and the durable view of what it decided, which is what a shard holds of orders."""

    def __init__(self, plugins: Plugins | None = None) -> None:
        """``plugins`` register what the engine is given, in place of what is built in alone."""
        assert all(make(EVERY_LIMIT) is not None for make in BUILT_IN_RULES.values()), "a rule has no limit"
        self.now_ns = NOW_NS
        self.view = DurableView("main", Ledger(), 0, 0)
        self._count = 0
        self.engine = ExecutionEngine(
            EngineConfig(risk=EVERY_LIMIT),
            rules=BUILT_IN_RULES if plugins is None else plugins.risk_rules,
            policies=BUILTIN_POLICIES if plugins is None else _made(plugins.routing_policies),
            algorithms=BUILTIN_ALGORITHMS if plugins is None else _made(plugins.execution_algorithms),
            manifests={ALPHA: make_manifest(), BETA: make_manifest(BETA)},
            venue_accounts={ALPHA: (ALPHA_ACCOUNT,), BETA: (BETA_ACCOUNT,)},
        )
        self.tell(inputs.Recovered(0))
        for venue, account_id, instrument_id in ((ALPHA, ALPHA_ACCOUNT, SPOT), (BETA, BETA_ACCOUNT, SPOT_AT_BETA)):
            funds = [BalanceReport(account_id, asset, _AMPLE, _AMPLE, NOW_NS) for asset in ("BTC", "USDT")]
            self.tell(inputs.ListingsUpdate(0, venue, (make_listing(instrument_id),)))
            self.tell(inputs.AccountSnapshot(0, account_id, NOW_NS, (), True, (), funds))
            self.tell(inputs.AccountPhase(0, account_id, inputs.Phase.ACTIVE))
            self.tell(inputs.MarketUpdate(0, make_book(instrument_id)))

    def tell(self, given: inputs.EngineInput) -> Decision:
        """Have the engine decide a millisecond later, and make that durable."""
        self.now_ns += 1_000_000
        given.at_ns = self.now_ns
        decision = self.engine.handle(given)
        assert decision.error is None, decision.error
        for record in decision.records:
            self.view.apply(self.view.position + 1, record)
        return decision

    def project(self) -> None:
        """The tables show everything: what waited for them leaves memory."""
        self.view.projected = self.view.take(1, self.now_ns, {}).through

    def request(self, intent: OrderIntent) -> inputs.SubmitOrder:
        """The input that asks for an order, under an id of its own."""
        self._count += 1
        operation_id = make_order_id(self._count)
        order_id = make_order_id(self._count, self.now_ns)
        return inputs.SubmitOrder(0, order_id, f"OP.{operation_id}", intent, "local", intent.content_hash())  # type: ignore[arg-type]  # an operation id is text

    def submit(self, intent: OrderIntent) -> Order:
        """Submit an order that has to be sent."""
        order_id = self.tell(self.request(intent)).order_id
        assert order_id is not None
        order = self.engine.state.ledger.orders[order_id]
        assert order.attempt == 1, order.message
        return order

    def acknowledge(self, order: Order) -> None:
        """The venue took the order."""
        outcome = Accepted(VenueOrderId(f"V-{order.order_id}"))
        self.tell(inputs.SendAnswered(0, order.order_id, 1, inputs.SendVerb.SUBMIT, outcome))

    def fill(self, order: Order) -> None:
        """The venue filled all of it."""
        assert order.account_id is not None
        assert order.instrument_id is not None
        self._count += 1
        fill = make_fill(
            self._count, instrument_id=order.instrument_id, side=order.side, quantity=order.quantity, price=order.price
        )
        self.tell(inputs.Report(0, FillReport(order.account_id, order.client_order_id, order.venue_order_id, fill)))
        assert not order.is_open

    def open_orders(self, count: int) -> None:
        """So many more orders rest at venues."""
        for number in range(count):
            self.acknowledge(self.submit(self.intent(number)))
        self.project()

    def intent(self, number: int) -> OrderIntent:
        """The n-th of many different buys, for either venue and below the touch."""
        return make_intent(
            instrument_key=SPOT_PRODUCT,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            price=Decimal(40_000) + number % 100,
            quantity=Decimal("0.1") + _LOT * self._count,
            strategy_id=StrategyId(f"strategy-{number % 4}"),
            account_id=None if number % 2 else AccountId(ALPHA_ACCOUNT),
        )


def _made[T](makers: Mapping[str, Callable[..., T]]) -> dict[str, T]:
    return {name: make() for name, make in makers.items()}


@contextmanager
def instructions() -> Iterator[Callable[[], int]]:
    """Counts the bytecode instructions that Python runs within: work, whatever the machine is doing beside it."""
    tool, count = _free_tool(), 0

    def counted(_code: CodeType, _offset: int) -> None:
        nonlocal count
        count += 1

    monitoring = sys.monitoring
    monitoring.use_tool_id(tool, "liveexec tests")
    monitoring.register_callback(tool, monitoring.events.INSTRUCTION, counted)
    monitoring.set_events(tool, monitoring.events.INSTRUCTION)
    try:
        yield lambda: count
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, monitoring.events.INSTRUCTION, None)
        monitoring.free_tool_id(tool)


def _free_tool() -> int:
    return next(tool for tool in range(6) if sys.monitoring.get_tool(tool) is None)
