"""An engine with two venues that are up, driven by hand: no clock, no store, no event loop."""

import gc
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from benchmarks import worlds
from liveexec.domain.fill import Fill, Liquidity, fill_key
from liveexec.domain.ids import VenueName, VenueOrderId, order_id_from_random
from liveexec.domain.intent import OrderIntent
from liveexec.domain.ledger import Ledger
from liveexec.domain.market import Book, Level
from liveexec.domain.outcome import Accepted, BalanceReport, FillReport
from liveexec.domain.record import Record
from liveexec.engine.algorithms import BUILTIN_ALGORITHMS
from liveexec.engine.effects import SendSubmit
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.inputs import (
    AccountPhase,
    AccountSnapshot,
    EngineInput,
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
from liveexec.plugins.manager import Plugins
from liveexec.runtime.durable_view import DurableView
from liveexec.venues.paper.config import manifest_of

__all__ = ["VENUES", "EngineDriver", "freeze"]

VENUES: Final = (VenueName("PAPER-A"), VenueName("PAPER-B"))
_START_NS: Final = 1_765_189_800_000_000_000
_STEP_NS: Final = 100_000
_SHOW_EVERY: Final = 10
_PROJECT_EVERY: Final = 512
_DEPTH: Final = Decimal(10)


class EngineDriver:
    """Tells an engine what a live shell would, folds every record into a durable view as the shell does, and notes
    how long each decision took.

    ``limits`` change the risk configuration; ``plugins`` register what the engine is given, in place of what is built
    in alone. ``took_ns`` is the time of the last decision alone; ``on_record`` is
    called with each record that is durable.
    """

    def __init__(self, plugins: Plugins | None = None, /, **limits: Any) -> None:
        configs = {name: worlds.venue(name) for name in VENUES}
        self.now_ns = _START_NS
        self.took_ns = 0
        self.on_record: Callable[[Record], None] = lambda _: None
        self.view = DurableView("bench", Ledger(), 0, 0)
        self.engine = ExecutionEngine(
            worlds.engine_config(*VENUES, **limits),
            rules=BUILT_IN_RULES if plugins is None else plugins.risk_rules,
            policies=BUILTIN_POLICIES if plugins is None else _made(plugins.routing_policies),
            algorithms=BUILTIN_ALGORITHMS if plugins is None else _made(plugins.execution_algorithms),
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
        self.show_books()

    def tell(self, given: EngineInput) -> Decision:
        """Have the engine decide about an input of now.

        Raises:
            RuntimeError: it was refused, so whatever is measured would be something else.
        """
        self.now_ns += _STEP_NS
        given.at_ns = self.now_ns
        started_ns = time.perf_counter_ns()
        decision = self.engine.handle(given)
        self.took_ns = time.perf_counter_ns() - started_ns
        if decision.error is not None:
            raise RuntimeError(f"the engine refused {type(given).__name__}: {decision.error}")
        for record in decision.records:
            self.view.apply(self.view.position + 1, record)
            self.on_record(record)
        return decision

    def project(self) -> None:
        """What changed since the last time is in the tables now, as far as memory is concerned."""
        self.view.projected = self.view.take(1, self.now_ns, {}).through

    def open_orders(self, first: int, last: int) -> None:
        """Submit orders that rest, and have them acknowledged: those from the first number to before the last."""
        for number in range(first, last):
            if number % _SHOW_EVERY == 0:
                self.show_books()
            self.acknowledge(self.submit(number, worlds.resting_intent(number)), number)
            if number % _PROJECT_EVERY == 0:
                self.project()
        self.project()

    def show_books(self) -> None:
        """Both venues show their books anew: five levels a side, the second venue's a little further away."""
        for offset, name in enumerate(VENUES):
            bids: tuple[Level, ...] = tuple((worlds.MID - offset - step, _DEPTH) for step in range(1, 6))
            asks: tuple[Level, ...] = tuple((worlds.MID + offset + step, _DEPTH) for step in range(1, 6))
            self.tell(MarketUpdate(0, Book(worlds.instrument_at(name), bids, asks, self.now_ns, self.now_ns)))

    def submit(self, number: int, intent: OrderIntent) -> SendSubmit:
        """Submit an order; what is to be sent to its venue.

        Raises:
            RuntimeError: nothing is to be sent.
        """
        order_id = order_id_from_random(self.now_ns, number)
        request = SubmitOrder(0, order_id, own_operation_id(number), intent, "local", intent.content_hash())
        effects = self.tell(request).effects
        if len(effects) != 1 or not isinstance(effects[0], SendSubmit):
            order = self.engine.orders.get(order_id)
            raise RuntimeError(f"order {number} was not sent: {order.code if order is not None else effects}")
        return effects[0]

    def acknowledge(self, sent: SendSubmit, number: int) -> None:
        """The venue took the order."""
        outcome = Accepted(VenueOrderId(str(number)))
        self.tell(SendAnswered(0, sent.order.order_id, sent.attempt, SendVerb.SUBMIT, outcome))

    def fill(self, sent: SendSubmit, number: int) -> None:
        """The venue reports that all of the order was filled.

        Raises:
            RuntimeError: that did not end the order.
        """
        order = sent.order
        assert order.account_id is not None
        assert order.instrument_id is not None
        assert order.side is not None
        venue_order_id = VenueOrderId(str(number))
        price = worlds.MID + order.side.sign
        fill = Fill(
            fill_key(order.instrument_id, venue_order_id, order.side, f"T{number}"),
            order.instrument_id,
            order.side,
            sent.quantity,
            price,
            sent.quantity * price * Decimal("0.0004"),
            "USDT",
            Liquidity.TAKER,
            self.now_ns,
        )
        report = FillReport(order.account_id, sent.plan.client_order_id, venue_order_id, fill)
        self.tell(Report(0, report))
        if order.is_open:
            raise RuntimeError(f"order {number} was filled and is {order.status}")


def _made[T](makers: Mapping[str, Callable[..., T]]) -> dict[str, T]:
    return {name: make() for name, make in makers.items()}


def freeze() -> None:
    """What a host does once it is up: what was loaded is never looked through again, and collections are rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
