"""Whatever happens to orders, the exposure book is what the open orders add up to, and never less than the worst."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import PositionChange, PositionChanged
from liveexec.domain.fill import Fill
from liveexec.domain.ids import InstrumentId, OrderId, StrategyId, VenueOrderId, child_order_id
from liveexec.domain.money import MONEY, ZERO
from liveexec.domain.operation import OrderType, Side
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderEvent, Resolution, RiskStage
from liveexec.domain.order_state import TRANSITIONS
from liveexec.engine.config import EngineConfig
from liveexec.engine.core import EngineCore
from liveexec.engine.exposure import ExposureBook, Working
from liveexec.engine.holdings import Holdings, Scope
from liveexec.engine.oms import UnifiedOrderManager
from liveexec.engine.policies import BUILTIN_POLICIES
from liveexec.engine.risk import PreTradeRiskEngine
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.router import SmartOrderRouter
from liveexec.engine.router_config import RouterConfig
from liveexec.engine.state import EngineState
from liveexec.engine.turn import Turn
from support.builders import (
    LINEAR,
    NOW_NS,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    TERMS,
    make_fill,
    make_intent,
    make_leg,
    make_order_id,
    make_plan,
    make_received,
    make_replace_requested,
    make_routed,
    make_submit_requested,
)
from support.risk_world import account_of

INSTRUMENTS = (SPOT, SPOT_AT_BETA, LINEAR)
STRATEGIES = (StrategyId("a"), StrategyId("b"))


@define
class Numbers:
    """Small numbers drawn one after another; zero when they run out."""

    drawn: list[int]

    def below(self, limit: int) -> int:
        return self.drawn.pop() % limit if self.drawn else 0

    def amount(self) -> Decimal:
        # Few values, so that positions come back to zero now and then.
        return Decimal(self.below(6) + 1) / 2


@define(eq=False)
class Life:
    """Orders live through the engine's own turn: it decides when exposure is released and reserved."""

    numbers: Numbers
    turn: Turn = field(init=False)
    made: int = 0

    def __attrs_post_init__(self) -> None:
        state = EngineState(EngineConfig())
        core = EngineCore(
            state,
            UnifiedOrderManager(state.ledger),
            PreTradeRiskEngine(RiskConfig(), {}),
            SmartOrderRouter(RouterConfig(), BUILTIN_POLICIES),
            {},
        )
        self.turn = Turn(core, NOW_NS, "test")

    @property
    def orders(self) -> list[Order]:
        return list(self.turn.core.state.ledger.orders.values())

    @property
    def book(self) -> ExposureBook:
        return self.turn.core.state.exposure

    def step(self) -> None:
        parents = [order for order in self.orders if order.is_parent and order.is_open]
        match self.numbers.below(8):
            case 0:
                self.plain()
            case 1:
                self.parent()
            case 2 if parents:
                self.child(parents[self.numbers.below(len(parents))])
            case _ if self.orders:
                self.happens(self.orders[self.numbers.below(len(self.orders))])
            case _:
                self.plain()

    def intent(self, key: str, **changes: Any) -> Any:
        is_market = self.numbers.below(4) == 0
        values: dict[str, Any] = {
            "instrument_key": key,
            "side": (Side.BUY, Side.SELL)[self.numbers.below(2)],
            "quantity": self.numbers.amount(),
            "strategy_id": STRATEGIES[self.numbers.below(2)],
            "order_type": OrderType.MARKET if is_market else OrderType.LIMIT,
            "price": None if is_market else Decimal(44_000 + self.numbers.below(5) * 500),
        }
        return make_intent(**(values | changes))

    def plain(self) -> None:
        key, at = ((SPOT, SPOT), (SPOT_PRODUCT, SPOT_AT_BETA), (LINEAR, LINEAR))[self.numbers.below(3)]
        order_id = self.next_id()
        self.turn.emit(order_id, make_received(self.intent(key)))
        self.sent(order_id, at)

    def parent(self) -> None:
        order_id = self.next_id()
        intent = self.intent((SPOT, SPOT_PRODUCT)[self.numbers.below(2)], exec_algorithm="TWAP")
        self.turn.emit(order_id, make_received(intent))
        self.turn.emit(order_id, ev.RiskApproved(RiskStage.PARENT, Decimal(45_000)))
        self.turn.emit(order_id, ev.ScheduleFixed({}))

    def child(self, parent: Order) -> None:
        ordinal = len(parent.children or ()) + 1
        child_id = child_order_id(parent.order_id, ordinal)
        at = SPOT if parent.intent.instrument_key == SPOT else INSTRUMENTS[self.numbers.below(2)]
        intent = self.intent(str(parent.intent.instrument_key), side=parent.side, strategy_id=parent.strategy_id)
        self.turn.emit(parent.order_id, ev.ChildSpawned(child_id, ordinal, intent.quantity))
        self.turn.emit(child_id, make_received(intent, parent_order_id=parent.order_id, ordinal=ordinal))
        self.sent(child_id, at)

    def sent(self, order_id: OrderId, at: InstrumentId) -> None:
        order = self.turn.core.state.ledger.orders[order_id]
        self.turn.emit(order_id, make_routed(make_leg(at, order.quantity, account_of(at))))
        reserve = (Decimal(45_500), None)[self.numbers.below(2)]
        self.turn.emit(order_id, ev.RiskApproved(RiskStage.LEG, reserve))
        if self.numbers.below(5):
            plan = make_plan(order_id)
            self.turn.emit(order_id, make_submit_requested(plan=plan, quantity=order.quantity, price=order.price))

    def moves_without_an_order(self) -> None:
        at = INSTRUMENTS[self.numbers.below(3)]
        account_id = account_of(at)
        quantity = Decimal(self.numbers.below(9) - 4) or Decimal(1)
        strategy_id, price = STRATEGIES[self.numbers.below(2)], Decimal(45_000)
        event = PositionChanged(
            account_id, strategy_id, at, quantity, price, TERMS[at], PositionChange.ASSIGNMENT, "assigned"
        )
        self.turn.emit_account(account_id, event)

    def next_id(self) -> OrderId:
        self.made += 1
        return make_order_id(self.made)

    def happens(self, order: Order) -> None:
        possible = [
            make for kind, make in self.events(order).items() if kind in TRANSITIONS[order.status] and make is not None
        ]
        if possible:
            event = possible[self.numbers.below(len(possible))]()
            self.turn.emit(order.order_id, event)

    def events(self, order: Order) -> dict[type[Any], Callable[[], OrderEvent] | None]:
        children = [self.turn.core.state.ledger.orders[child] for child in order.children or ()]
        if order.is_parent:
            is_done = not any(child.is_open for child in children)
            return {
                ev.ParentFinished: (lambda: ev.ParentFinished(Resolution.CANCELED, None, "done")) if is_done else None
            }
        change, fills = order.replace, list((order.fills or {}).values())
        sent = order.attempt > 0
        is_emulated = change is not None and not change.atomic
        return {
            ev.NotSent: lambda: ev.NotSent(order.attempt, "stopped"),
            ev.SubmitUnknown: lambda: ev.SubmitUnknown(order.attempt, "timeout"),
            ev.Accepted: lambda: ev.Accepted(VenueOrderId(f"V-{order.order_id}"), None),
            ev.VenueRejected: lambda: ev.VenueRejected("NO", "no"),
            ev.FillApplied: (lambda: ev.FillApplied(self.fill(order))) if sent else None,
            ev.FillBusted: (lambda: ev.FillBusted(fills[-1], "bust")) if fills else None,
            ev.FillCorrected: (lambda: ev.FillCorrected(fills[-1], self.fill(order))) if fills else None,
            ev.CancelRequested: lambda: ev.CancelRequested(order.operation_id, "", "me", "asked"),
            ev.Canceled: lambda: ev.Canceled("asked", None),
            ev.Expired: lambda: ev.Expired("time", None),
            ev.ReplaceRequested: (lambda: self.change(order)) if change is None and sent else None,
            ev.ReplaceUnknown: (lambda: ev.ReplaceUnknown("timeout")) if change is not None else None,
            ev.ReplaceRejected: (lambda: ev.ReplaceRejected("NO", "no")) if change is not None else None,
            ev.Replaced: (lambda: self.replaced(order)) if change is not None and change.atomic else None,
            ev.SubmitRequested: (lambda: self.resubmitted(order)) if is_emulated else None,
            ev.Adjusted: lambda: ev.Adjusted(Resolution.CANCELED, "operator", "resolved"),
            ev.Reattributed: lambda: ev.Reattributed(STRATEGIES[self.numbers.below(2)], "operator", "moved"),
        }

    def fill(self, order: Order) -> Fill:
        self.made += 1
        assert order.instrument_id is not None
        quantity = self.numbers.amount()
        return make_fill(self.made, instrument_id=order.instrument_id, side=order.side, quantity=quantity)

    def change(self, order: Order) -> ev.ReplaceRequested:
        return make_replace_requested(
            quantity=order.filled_quantity + self.numbers.amount(),
            price=None if order.price is None else Decimal(44_000 + self.numbers.below(5) * 500),
            atomic=self.numbers.below(2) == 0,
            attempt=order.attempt,
            plan=make_plan(order.order_id, order.attempt),
        )

    def replaced(self, order: Order) -> ev.Replaced:
        assert order.replace is not None
        return ev.Replaced(order.replace.quantity, order.replace.price, None, None, None)

    def resubmitted(self, order: Order) -> ev.SubmitRequested:
        assert order.replace is not None
        attempt = order.attempt + 1
        plan = make_plan(order.order_id, attempt)
        return make_submit_requested(attempt, plan=plan, quantity=order.replace.quantity, price=order.replace.price)


def contents(book: ExposureBook) -> dict[str, object]:
    def amounts(working: Working) -> tuple[object, ...]:
        return (working.buys, working.sells, working.buy_cost, working.sell_cost, working.orders, working.unpriced)

    return {
        "accounts": {
            (account_id, instrument_id): (amounts(working), working.terms)
            for account_id, places in book.accounts.items()
            for instrument_id, working in places.items()
        },
        "strategies": {
            (strategy_id, product_id): amounts(working)
            for strategy_id, places in book.strategies.items()
            for product_id, working in places.items()
        },
        "products": {product_id: amounts(working) for product_id, working in book.products.items()},
        "counts": (book.open_orders, book.open_by_strategy),
        "empty": [key for places in (book.accounts, book.strategies) for key, inner in places.items() if not inner],
        "prices": {
            (key, price): count
            for key, side in book.own._sides.items()
            for price, count in side.counts.items()
            if count
        },
    }


def from_scratch(orders: list[Order]) -> ExposureBook:
    book = ExposureBook()
    for order in orders:
        if order.approved:
            book.reserve(order)
    return book


@given(st.lists(st.integers(0, 1_000), min_size=10, max_size=400))
def test_the_book_is_the_sum_over_the_open_orders_after_any_sequence(drawn: list[int]) -> None:
    life = Life(Numbers(drawn))
    with localcontext(MONEY):
        while life.numbers.drawn:
            life.step()
            assert contents(life.book) == contents(from_scratch(life.orders))


@given(st.lists(st.integers(0, 1_000), min_size=10, max_size=400))
def test_what_is_reserved_covers_everything_that_may_still_fill(drawn: list[int]) -> None:
    life = Life(Numbers(drawn))
    with localcontext(MONEY):
        while life.numbers.drawn:
            life.step()
        quantities: dict[tuple[object, ...], Decimal] = {}
        costs: dict[tuple[object, ...], Decimal] = {}
        for order in life.orders:
            if order.is_parent or not order.is_open or not order.approved:
                continue
            # Each of these may be what the venue works: the order as it stands, and as a pending change has it.
            terms = [(order.quantity, order.price)]
            if order.replace is not None:
                terms.append((order.replace.quantity, order.replace.price))
            key = (order.account_id, order.instrument_id, order.side)
            left = max(max(quantity for quantity, _ in terms) - order.filled_quantity, ZERO)
            price = max((price for _, price in terms if price is not None), default=ZERO)
            quantities[key] = quantities.get(key, ZERO) + left
            costs[key] = costs.get(key, ZERO) + left * price
        for (account_id, instrument_id, side), quantity in quantities.items():
            working = life.book.accounts[account_id][instrument_id]  # type: ignore[index] # keys made above
            is_buy = side is Side.BUY
            assert (working.buys if is_buy else working.sells) >= quantity
            assert (working.buy_cost if is_buy else working.sell_cost) >= costs[account_id, instrument_id, side]


@given(st.lists(st.integers(0, 1_000), min_size=10, max_size=400))
def test_holdings_that_follow_are_those_that_are_made_anew(drawn: list[int]) -> None:
    life, following = Life(Numbers(drawn)), Holdings()
    state = life.turn.core.state
    with localcontext(MONEY):
        while life.numbers.drawn:
            life.step()
            if life.numbers.below(4) == 0:
                life.moves_without_an_order()
            if life.numbers.below(2):
                following.refresh(state)
                anew = Holdings()
                anew.refresh(state)
                assert held(following) == held(anew)


def held(holdings: Holdings) -> dict[str, object]:
    def amounts(scope: Scope[Any, Any]) -> tuple[object, object]:
        return {group: dict(members) for group, members in scope.open.items()}, scope.brought

    strategies = {name: amounts(scope) for name, scope in holdings.strategies.items()}
    return {"strategies": strategies, "accounts": amounts(holdings.accounts), "nets": holdings.nets}


def test_a_life_reaches_most_of_what_can_happen() -> None:
    """The generator above is worth something: it gets to pending changes, unknown fates, busts and families."""
    seen: set[str] = set()
    closed = 0
    for seed in range(300):
        life = Life(Numbers([(seed * 7919 + step * 104_729 + step * step) % 1_001 for step in range(300)]))
        with localcontext(MONEY):
            while life.numbers.drawn:
                life.step()
        books = life.turn.core.state.ledger.books.values()
        closed += sum(not position.quantity for book in books for position in book.positions.values())
        seen.update(type(event).__name__ for _, events in life.turn._streams.values() for event in events)
    assert {
        "ReplaceRequested",
        "Replaced",
        "ReplaceUnknown",
        "SubmitUnknown",
        "FillBusted",
        "FillCorrected",
        "ChildSpawned",
        "ParentFinished",
        "Reattributed",
        "NotSent",
        "Expired",
    } <= seen
    assert closed > 10
