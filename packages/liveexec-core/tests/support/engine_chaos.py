"""Venues and callers that do anything at any time: a seed names a run of the engine, and every input is checked.

Nothing here makes sense on purpose: answers come twice, late and against each other, fills are busted and corrected,
sessions come and go, processes stop. What holds is what :mod:`support.engine_invariants` says.

from support.engine_chaos import Chaos
"""

import sys
from decimal import Decimal
from random import Random
from typing import Any, Final

from attrs import define, field

from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import ClientOrderId
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.outcome import (
    Absent,
    Accepted,
    AssetKind,
    AssetReport,
    FillReport,
    Gap,
    NotKnown,
    OrderReport,
    Rejected,
    SendOutcome,
    SendPlan,
    Sent,
    Unknown,
    VenueOrderStatus,
)
from liveexec.engine import inputs
from liveexec.engine.config import EngineConfig
from liveexec.engine.inputs import ControlKind, Phase, SendVerb
from liveexec.engine.router_config import RouterConfig
from support.builders import ALPHA, BETA, LINEAR, SPOT, SPOT_AT_BETA, SPOT_PRODUCT, make_intent, make_order_report
from support.engine_harness import ACCOUNTS, EngineHarness
from support.engine_invariants import EngineInvariants
from support.venue_words import busted, corrected, total_of, venue_order_id_of

__all__ = ["Chaos"]

_ALGORITHMS: Final[tuple[dict[str, Any], ...]] = (
    {"exec_algorithm": "TWAP", "exec_algorithm_params": {"horizon_secs": 20, "interval_secs": 4}},
    {"exec_algorithm": "VWAP", "exec_algorithm_params": {"horizon_secs": 12, "volume_profile": [1, 2, 1]}},
    {"exec_algorithm": "ICEBERG", "exec_algorithm_params": {"visible_pct": 30}},
)


@define(eq=False)
class Chaos:
    """One run. ``step`` does one thing; ``harness`` is the engine as it stands, a new one after each restart."""

    seed: int
    is_checked: bool = True
    harness: EngineHarness = field(init=False)
    random: Random = field(init=False)
    #: Fills that were made, whether told or not, with their orders.
    fills: list[tuple[Order, FillReport]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.random = Random(self.seed)
        policy = self.random.choice(["best_price", "lowest_fee", "split"])
        config = EngineConfig(router=RouterConfig(policy=policy, min_slice=Decimal(0)))
        self.harness = EngineHarness(config, invariants=EngineInvariants(thorough=self.is_checked)).start()

    def run(self, steps: int) -> "Chaos":
        """So many things happen."""
        for _ in range(steps):
            self.step()
        return self

    def step(self) -> None:
        """Something happens."""
        orders = list(self.harness.engine.state.ledger.orders.values())
        leaves = [order for order in orders if order.account_id is not None and order.attempt and not order.is_parent]
        # Mostly what is alive, now and then what is not.
        alive = [order for order in leaves if order.is_open]
        newest = alive[-8:] if alive and self.random.random() < 0.85 else leaves[-8:]
        act = self.random.choices(
            (self._submit, self._answer, self._report, self._fill, self._undo, self._change, self._query, self._rest),
            (5, 5, 3, 4, 2, 4, 2, 4),
        )[0]
        if act in (self._submit, self._rest):
            act(orders[-12:])
        elif newest:
            act(newest)

    def _submit(self, _orders: list[Order]) -> None:
        random = self.random
        changes: dict[str, Any] = {
            "instrument_key": random.choice([SPOT, SPOT_AT_BETA, SPOT_PRODUCT, LINEAR]),
            "side": random.choice([Side.BUY, Side.SELL]),
            "quantity": Decimal(random.randint(1, 3000)) / 1000,
            "strategy_id": random.choice(["one", "two"]),
        }
        if random.random() < 0.5:
            changes |= {"order_type": OrderType.MARKET, "price": None}
        elif random.random() < 0.2:
            changes |= {"time_in_force": random.choice([TimeInForce.IOC, TimeInForce.DAY])}
        if random.random() < 0.25:
            changes |= random.choice(_ALGORITHMS[:2] if "price" in changes else _ALGORITHMS)
            changes.pop("time_in_force", None)
        self.harness.ask(make_intent(**changes), operation_id=f"op-{random.randint(1, 400)}")

    def _answer(self, orders: list[Order]) -> None:
        order = self.random.choice(orders)
        name = venue_order_id_of(order)
        outcomes: list[SendOutcome] = [Accepted(name), Accepted(None), Rejected("-1", "no"), Sent(), Unknown("timeout")]
        verb = self.random.choices(list(SendVerb), (4, 2, 2))[0]
        if self.random.random() < 0.1:
            self.harness.stop(order, verb)
        else:
            self.harness.answer(order, self.random.choices(outcomes, (5, 1, 2, 2, 2))[0], verb)

    def _report(self, orders: list[Order]) -> None:
        order = self.random.choice(orders)
        status = self.random.choices(list(VenueOrderStatus), (6, 1, 2, 1, 1))[0]
        changes: dict[str, Any] = {}
        if self.random.random() < 0.2 and order.venue_order_id is not None:
            changes[self.random.choice(["client_order_id", "venue_order_id"])] = None
        if order.attempt > 1 and self.random.random() < 0.3:
            changes |= {"client_order_id": ClientOrderId(f"lx{order.order_id[4:]}"), "venue_order_id": None}
        if order.replace is not None and self.random.random() < 0.5:
            changes |= {"quantity": order.replace.quantity, "price": order.replace.price}
        if self.random.random() < 0.2:
            changes["filled_quantity"] = order.filled_quantity + Decimal("0.01")
        self.harness.report(order, status, **changes)

    def _fill(self, orders: list[Order]) -> None:
        order = self.random.choice(orders)
        if ord(order.order_id[-1]) % 5 == 0:
            # This one's venue tells only totals.
            total = Decimal(self.random.randint(0, 1200)) / 1000 * order.quantity
            total = total.quantize(Decimal("0.001"))
            price = str(44_990 + self.random.randint(0, 20))
            self.harness.report(total_of(order, str(total), price, venue_time_ns=self.harness.now_ns))
            return
        if self.fills and self.random.random() < 0.2:
            self.harness.report(self.random.choice(self.fills[-20:])[1])
            return
        part = Decimal(self.random.choice(["0.25", "0.25", "0.5", "0.5", "1", "1", "1.1"]))
        quantity = max((order.worst_leaves or order.quantity) * part, Decimal("0.001")).quantize(Decimal("0.001"))
        fill = self.harness.filled(order, str(quantity), str(44_990 + self.random.randint(0, 20)))
        if self.random.random() < 0.2 and order.venue_order_id is not None:
            fill.client_order_id = None
        self.fills.append((order, fill))
        if self.random.random() < 0.9:
            self.harness.report(fill)

    def _undo(self, _orders: list[Order]) -> None:
        if not self.fills:
            return
        _, fill = self.random.choice(self.fills[-12:])
        if self.random.random() < 0.5:
            self.harness.report(busted(fill))
        else:
            quantity = str(max(fill.fill.quantity / 2, Decimal("0.001")).quantize(Decimal("0.001")))
            key = fill.fill.key if self.random.random() < 0.3 else None
            self.harness.report(corrected(fill, quantity, "45005", key))

    def _change(self, orders: list[Order]) -> None:
        order = self.random.choice(orders)
        if self.random.random() < 0.3:
            self.harness.cancel(order)
            if self.random.random() < 0.5:
                answers: list[SendOutcome] = [Unknown("timeout"), Rejected("-2", "?")]
                self.harness.answer(order, self.random.choice(answers), SendVerb.CANCEL)
        else:
            quantity = max(order.quantity * self.random.choice([1, 2]) / self.random.choice([1, 2]), Decimal("0.002"))
            price = str(44_980 + self.random.randint(0, 40)) if order.price is not None else None
            self.harness.replace(order, str(quantity.quantize(Decimal("0.001"))), price)
            outcomes: list[SendOutcome] = [Accepted(None), Rejected("-3", "no"), Unknown("timeout"), Sent()]
            if self.random.random() < 0.7:
                self.harness.answer(order, self.random.choices(outcomes, (3, 1, 1, 1))[0], SendVerb.REPLACE)

    def _query(self, orders: list[Order]) -> None:
        order = self.random.choice(orders)
        said = self.harness.said(order, self.random.choice(list(VenueOrderStatus)))
        answers: list[OrderReport | Absent | NotKnown] = [Absent(self.harness.now_ns), NotKnown(), said]
        self.harness.query(order, self.random.choice(answers), asked_ago_s=self.random.choice([0, 1, 8]))

    def _rest(self, orders: list[Order]) -> None:
        """What is neither an order's nor its venue's doing."""
        act = self.random.choices(
            (self._wait, self._books, self._session, self._snapshot, self._control, self._forget, self._restart),
            (8, 9, 1, 3, 0.5, 2, 0.7),
        )[0]
        act(orders)

    def _wait(self, _orders: list[Order]) -> None:
        self.harness.advance(self.random.choice([0.1, 1, 3, 6, 11]))

    def _books(self, _orders: list[Order]) -> None:
        for instrument_id in (SPOT, SPOT_AT_BETA, LINEAR):
            asks = [("45001", "0.5"), ("45010", "5")]
            self.harness.market(instrument_id, asks=asks)
        for latched, code in list(self.harness.engine.state.ledger.latches):
            self.harness.tell(inputs.ClearLatch(0, latched, code, "operator", "go on"))

    def _session(self, orders: list[Order]) -> None:
        venue = self.random.choice([ALPHA, BETA])
        account_id = ACCOUNTS[venue]
        self.harness.report(Gap(account_id, "lost"))
        if self.random.random() < 0.5:
            self.harness.phase(Phase.DOWN, account_id)
        for order in orders[-3:]:
            waiting = order.order_id in self.harness.engine._core.preparing
            assert not waiting, "both venues' names derive from ours"
            plan = SendPlan(ClientOrderId("nobody's"), 0)
            self.harness.tell(inputs.PlanPrepared(0, order.order_id, order.attempt + 1, plan))
        self.harness.phase(Phase.ACTIVE, account_id)

    def _snapshot(self, orders: list[Order]) -> None:
        account_id = ACCOUNTS[self.random.choice([ALPHA, BETA])]
        said = [self.harness.said(each) for each in orders if each.account_id == account_id and each.client_order_id]
        if self.random.random() < 0.3:
            number = self.random.randint(1, 5)
            instrument_id = SPOT if account_id == ACCOUNTS[ALPHA] else SPOT_AT_BETA
            said.append(
                make_order_report(
                    account_id=account_id,
                    instrument_id=instrument_id,
                    client_order_id=None,
                    venue_order_id=f"V-web-{number}",
                    venue_time_ns=self.harness.now_ns,
                )
            )
        book = self.harness.engine.state.ledger.books.get(account_id)
        held = {name: str(net.quantity) for name, net in book.positions.items()} if book is not None else {}
        self.harness.snapshot(account_id=account_id, orders=said, positions=held, asked_ago_s=0.5)
        reference, at_ns = f"f-{self.random.randint(1, 9)}", self.harness.now_ns
        self.harness.report(AssetReport(account_id, "USDT", Decimal(-1), AssetKind.FUNDING, reference, at_ns))

    def _control(self, _orders: list[Order]) -> None:
        scope = self.random.choice(
            [
                ControlScope(ScopeKind.GLOBAL),
                ControlScope(ScopeKind.STRATEGY, "one"),
                ControlScope(ScopeKind.VENUE, BETA),
                ControlScope(ScopeKind.INSTRUMENT, LINEAR),
            ]
        )
        self.harness.kill(self.random.choice(list(ControlKind)), scope)
        self.harness.set_state(TradingState.ACTIVE, scope)
        self.harness.tell(inputs.RateUpdate(0, "EUR", Decimal("1.1")))
        self.harness.tell(inputs.ConfigUpdate(0, self.harness.config, "hash", "operator", "the same"))

    def _forget(self, _orders: list[Order]) -> None:
        finished = [
            (order.order_id, order.last_sequence)
            for order in self.harness.engine.state.ledger.orders.values()
            if not order.is_open
        ][:-20]
        self.fills = self.fills[-20:]
        # The shell would bring back what a late report is about; here it must not have left.
        kept = {order.order_id for order, _ in self.fills}
        leaving = [(order_id, sequence) for order_id, sequence in finished if order_id not in kept]
        self.harness.tell(inputs.Forget(0, tuple(leaving)))

    def _restart(self, _orders: list[Order]) -> None:
        self.harness = self.harness.restart()
        for venue in (ALPHA, BETA):
            book = self.harness.engine.state.ledger.books.get(ACCOUNTS[venue])
            held = {name: str(net.quantity) for name, net in book.positions.items()} if book is not None else {}
            self.harness.connect(venue, positions=held)
        self._books([])


def main() -> None:
    """Play the run that the arguments name, and write all that it made true and asked for."""
    seed, steps = int(sys.argv[1]), int(sys.argv[2])
    trace = Chaos(seed, is_checked=False).run(steps).harness.trace
    sys.stdout.buffer.write(b"\n".join(trace))


if __name__ == "__main__":
    main()
