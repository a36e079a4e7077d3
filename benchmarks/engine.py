"""The engine alone: how long it takes to decide about a submit, an acknowledgement and a fill.

Every rule is configured, and the route is chosen by best_price over two venues with books of five levels. The inputs
are those of a live order: no I/O, no clock and no journal take part.
"""

import gc
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from liveexec.domain.fill import Fill, Liquidity, fill_key
from liveexec.domain.ids import OrderId, VenueName, VenueOrderId, order_id_from_random
from liveexec.domain.market import Book, Level
from liveexec.domain.outcome import Accepted, BalanceReport, FillReport
from liveexec.engine.algorithms import BUILTIN_ALGORITHMS
from liveexec.engine.effects import SendSubmit
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.inputs import (
    AccountPhase,
    AccountSnapshot,
    EngineInput,
    Forget,
    ListingsUpdate,
    MarketUpdate,
    Phase,
    Recovered,
    Report,
    SendAnswered,
    SendVerb,
    SubmitOrder,
)
from liveexec.engine.oms import own_operation_id
from liveexec.engine.policies import BUILTIN_POLICIES
from liveexec.engine.rules import BUILT_IN_RULES
from liveexec.engine.turn import Decision
from liveexec.venues.paper.config import manifest_of

from benchmarks import worlds
from benchmarks.figures import Figure, Result, percentile

__all__ = ["EngineBench", "run"]

VENUES: Final = (VenueName("PAPER-A"), VenueName("PAPER-B"))
SUBMIT_GOAL_US: Final = 60.0
FILL_GOAL_US: Final = 20.0
_START_NS: Final = 1_765_189_800_000_000_000
_STEP_NS: Final = 100_000
_FORGET_EVERY: Final = 512


class EngineBench:
    """An engine with two venues that are up, and the time that its decisions took, in nanoseconds."""

    def __init__(self) -> None:
        configs = {name: worlds.venue(name) for name in VENUES}
        self.now_ns = _START_NS
        self.engine = ExecutionEngine(
            worlds.engine_config(*VENUES),
            rules=BUILT_IN_RULES,
            policies=BUILTIN_POLICIES,
            algorithms=BUILTIN_ALGORITHMS,
            manifests={name: manifest_of(config) for name, config in configs.items()},
            venue_accounts={name: config.account_ids for name, config in configs.items()},
            timer=time.perf_counter_ns,
        )
        self.tell(Recovered(0))
        for name, config in configs.items():
            listings = tuple(item.listing(config.venue_class) for item in config.instruments)
            self.tell(ListingsUpdate(0, name, listings))
            for account in config.accounts:
                balances = [
                    BalanceReport(account.account_id, asset, total, total, _START_NS)
                    for asset, total in account.balances.items()
                ]
                self.tell(AccountSnapshot(0, account.account_id, _START_NS, (), True, (), balances))
                self.tell(AccountPhase(0, account.account_id, Phase.ACTIVE))

    def tell(self, given: EngineInput) -> Decision:
        """Have the engine decide about an input of now.

        Raises:
            RuntimeError: it was refused, so whatever is measured would be something else.
        """
        self.now_ns += _STEP_NS
        given.at_ns = self.now_ns
        decision = self.engine.handle(given)
        if decision.error is not None:
            raise RuntimeError(f"the engine refused {type(given).__name__}: {decision.error}")
        return decision

    def timed(self, given: EngineInput, into: list[int]) -> Decision:
        """The same, and note how long it took."""
        started_ns = time.perf_counter_ns()
        decision = self.tell(given)
        into.append(time.perf_counter_ns() - started_ns)
        return decision

    def show_books(self) -> None:
        """Both venues show their books anew."""
        for offset, name in enumerate(VENUES):
            self.tell(MarketUpdate(0, book(name, self.now_ns, Decimal(offset))))

    def submit(self, number: int, into: list[int]) -> SendSubmit:
        """Submit the n-th order; what is to be sent to its venue."""
        intent = worlds.immediate_intent(number)
        order_id = order_id_from_random(self.now_ns, number)
        request = SubmitOrder(0, order_id, own_operation_id(number), intent, "local", intent.content_hash())
        effects = self.timed(request, into).effects
        if len(effects) != 1 or not isinstance(effects[0], SendSubmit):
            order = self.engine.orders.get(order_id)
            raise RuntimeError(f"order {number} was not sent: {order.code if order is not None else effects}")
        return effects[0]


def book(name: VenueName, at_ns: int, away: Decimal) -> Book:
    """Five levels a side around the mid, a little further away at the dearer venue."""
    bids: tuple[Level, ...] = tuple((worlds.MID - away - step, Decimal(10)) for step in range(1, 6))
    asks: tuple[Level, ...] = tuple((worlds.MID + away + step, Decimal(10)) for step in range(1, 6))
    return Book(worlds.instrument_at(name), bids, asks, at_ns, at_ns)


def filled(effect: SendSubmit, number: int, at_ns: int) -> FillReport:
    """The venue's report that all of an order was filled."""
    order = effect.order
    assert order.account_id is not None
    assert order.instrument_id is not None
    assert order.side is not None
    venue_order_id = VenueOrderId(str(number))
    price = worlds.MID + order.side.sign
    fill = Fill(
        fill_key(order.instrument_id, venue_order_id, order.side, f"T{number}"),
        order.instrument_id,
        order.side,
        effect.quantity,
        price,
        effect.quantity * price * Decimal("0.0004"),
        "USDT",
        Liquidity.TAKER,
        at_ns,
    )
    return FillReport(order.account_id, effect.plan.client_order_id, venue_order_id, fill)


def run(*, quick: bool = False, progress: Callable[[str], None] = lambda _: None) -> Result:
    """Submit, acknowledge and fill orders one after the other, timing each decision."""
    orders = 2_000 if quick else 50_000
    bench = EngineBench()
    submits: list[int] = []
    acks: list[int] = []
    fills: list[int] = []
    finished: list[tuple[OrderId, int]] = []
    progress(f"{orders} orders")
    _freeze()
    for number in range(orders):
        if number % 10 == 0:
            bench.show_books()
        effect = bench.submit(number, submits)
        order = effect.order
        answer = SendAnswered(0, order.order_id, 1, SendVerb.SUBMIT, Accepted(VenueOrderId(str(number))))
        bench.timed(answer, acks)
        bench.timed(Report(0, filled(effect, number, bench.now_ns)), fills)
        if order.is_open:
            raise RuntimeError(f"order {number} was not filled: {order.status}")
        finished.append((order.order_id, order.last_sequence))
        if len(finished) == _FORGET_EVERY:
            bench.tell(Forget(0, tuple(finished)))
            finished.clear()
    # The first ones fill the caches of a fresh process.
    warm = orders // 10
    return Result(
        "engine alone",
        [
            _figure("submit to decision", submits[warm:], SUBMIT_GOAL_US),
            _figure("fill report to decision", fills[warm:], FILL_GOAL_US),
            _figure("acknowledgement to decision", acks[warm:], None),
        ],
        [f"{len(BUILT_IN_RULES)} rules, best_price over {len(VENUES)} venues, {orders} orders one after the other"],
    )


def _freeze() -> None:
    # As a host does: what was loaded is never looked through again, and collections are rare.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _figure(name: str, took_ns: list[int], goal_us: float | None) -> Figure:
    middle, most = percentile(took_ns, 0.5) / 1_000, percentile(took_ns, 0.99) / 1_000
    goal = f"median at most {goal_us:.0f} µs" if goal_us is not None else ""
    met = middle <= goal_us if goal_us is not None else None
    return Figure(name, f"{middle:.1f} µs, p99 {most:.0f}", goal, met)
