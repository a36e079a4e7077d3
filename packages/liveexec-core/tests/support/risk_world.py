"""A small world for risk tests: an engine state with listings, books, balances, positions and open orders.

from support.risk_world import RiskWorld, codes_of
"""

from contextlib import AbstractContextManager
from decimal import Context, Decimal, localcontext
from typing import Any

from attrs import define, field

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import (
    ControlScope,
    DriftSeen,
    LatchSet,
    PositionChange,
    PositionChanged,
    ScopeKind,
    StateChanged,
    TradingState,
)
from liveexec.domain.ids import AccountId, InstrumentId, OrderId, ProductId, StrategyId, is_instrument_id, product_of
from liveexec.domain.intent import OrderIntent
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import MONEY
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderEvent, RiskStage
from liveexec.domain.outcome import BalanceReport
from liveexec.engine.config import EngineConfig
from liveexec.engine.risk import Approval, PreTradeRiskEngine, Refusal, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.rules import BUILT_IN_RULES
from liveexec.engine.state import EngineState
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    BETA,
    BETA_ACCOUNT,
    NOW_NS,
    ODDS,
    STRATEGY,
    TERMS,
    make_asset_moved,
    make_book,
    make_intent,
    make_leg,
    make_listings,
    make_order,
    make_order_id,
    make_plan,
    make_received,
    make_routed,
    make_submit_requested,
)

__all__ = ["BETFAIR_ACCOUNT", "RiskWorld", "account_of", "codes_of"]

BETFAIR_ACCOUNT = AccountId("BETFAIR-1")
_CONTROL = "control:main"


def _exactly() -> AbstractContextManager[Context]:
    return localcontext(MONEY)


def account_of(instrument_id: InstrumentId) -> AccountId:
    """The one account at the instrument's venue."""
    return {"ALPHA": ALPHA_ACCOUNT, "BETA": BETA_ACCOUNT, "BETFAIR": BETFAIR_ACCOUNT}[instrument_id.partition(":")[0]]


def codes_of(verdict: Approval | Refusal) -> list[str]:
    """The codes of every refusal, in their order; none when approved."""
    return [] if isinstance(verdict, Approval) else [refusal.code for refusal in verdict.refusals]


@define(eq=False)
class RiskWorld:
    """Two venues list one spot pair; ALPHA lists derivatives too, BETFAIR a selection. Every asset counts one unit
    of the reporting asset but BTC (45,000) and GBP (1.25), and every book but the selection's stands around 45,000.
    """

    config: RiskConfig = field(factory=RiskConfig)
    state: EngineState = field(init=False)
    risk: PreTradeRiskEngine = field(init=False)
    _orders: int = 100

    def __attrs_post_init__(self) -> None:
        self.state = EngineState(EngineConfig(risk=self.config), ledger=Ledger())
        self.state.now_ns = NOW_NS
        self.state.listings = make_listings()
        products: dict[ProductId, list[InstrumentId]] = {}
        for listing in self.state.listings.values():
            products.setdefault(listing.product_id, []).append(listing.instrument_id)
        self.state.products = {product_id: tuple(sorted(members)) for product_id, members in products.items()}
        self.state.venue_accounts = {
            ALPHA: (ALPHA_ACCOUNT,),
            BETA: (BETA_ACCOUNT,),
            self.state.listings[ODDS].venue: (BETFAIR_ACCOUNT,),
        }
        self.state.rates = {"BTC": (Decimal(45_000), NOW_NS), "GBP": (Decimal("1.25"), NOW_NS)}
        for instrument_id in TERMS:
            if instrument_id != ODDS:
                self.book(instrument_id)
        self.risk = PreTradeRiskEngine(self.config, BUILT_IN_RULES)

    def configure(self, config: RiskConfig) -> None:
        """Take other limits."""
        self.config = config
        self.risk.configure(config)

    def book(self, instrument_id: InstrumentId, bid: str = "44999", ask: str = "45001", **changes: Any) -> None:
        """A new book."""
        self.state.market.update(make_book(instrument_id, bid, ask, **changes))

    def deposit(self, amount: str, asset: str = "USDT", account_id: AccountId = ALPHA_ACCOUNT) -> None:
        """Money comes in."""
        with _exactly():
            event = make_asset_moved(amount, asset, account_id=account_id)
            self.state.ledger.apply_account_event(account_id, event, self.state.now_ns)

    def says(
        self, available: str, asset: str = "USDT", account_id: AccountId = ALPHA_ACCOUNT, venue_time_ns: int = NOW_NS
    ) -> None:
        """The venue tells a balance."""
        amount = Decimal(available)
        self.state.balances[account_id, asset] = BalanceReport(account_id, asset, amount, amount, venue_time_ns)

    def hold(
        self,
        instrument_id: InstrumentId,
        quantity: str,
        price: str = "45000",
        strategy_id: StrategyId = STRATEGY,
        account_id: AccountId | None = None,
    ) -> None:
        """A position is there; a negative quantity is short."""
        account_id = account_id if account_id is not None else account_of(instrument_id)
        event = PositionChanged(
            account_id,
            strategy_id,
            instrument_id,
            Decimal(quantity),
            Decimal(price),
            TERMS[instrument_id],
            PositionChange.OPENING,
            "opening",
        )
        with _exactly():
            self.state.ledger.apply_account_event(account_id, event, self.state.now_ns)

    def works(
        self,
        *further: OrderEvent,
        instrument_id: InstrumentId | None = None,
        intent: OrderIntent | None = None,
        **changes: Any,
    ) -> Order:
        """A plain order is open at its venue; ``further`` events happened to it since."""
        built = intent if intent is not None else make_intent(**changes)
        assert built.instrument_key is not None
        where = instrument_id or InstrumentId(built.instrument_key)
        order_id = self._next_id()
        leg = make_leg(where, built.quantity, account_of(where))
        reserve = built.limit_price or Decimal(45_001)
        submit = make_submit_requested(plan=make_plan(order_id), quantity=built.quantity, price=built.limit_price)
        events = (make_routed(leg), ev.RiskApproved(RiskStage.LEG, reserve), submit, *further)
        return self._reserved(order_id, built, *events)

    def runs(self, *further: OrderEvent, **intent: Any) -> Order:
        """A parent of an algorithm is approved and works."""
        built = make_intent(exec_algorithm="TWAP", **intent)
        events = (ev.RiskApproved(RiskStage.PARENT, built.price), ev.ScheduleFixed({}), *further)
        return self._reserved(self._next_id(), built, *events)

    def spawns(self, parent: Order, *further: OrderEvent, **intent: Any) -> Order:
        """A child of a parent is open at its venue."""
        built = make_intent(**intent)
        where = InstrumentId(str(built.instrument_key))
        order_id = self._next_id()
        leg = make_leg(where, built.quantity, account_of(where))
        events = (
            make_routed(leg),
            ev.RiskApproved(RiskStage.LEG, built.price),
            make_submit_requested(plan=make_plan(order_id), quantity=built.quantity, price=built.price),
            *further,
        )
        return self._reserved(order_id, built, *events, parent_order_id=parent.order_id, ordinal=1)

    def sets(self, state: TradingState, kind: ScopeKind = ScopeKind.GLOBAL, name: str = "") -> None:
        """An operator sets a trading state."""
        event = StateChanged(ControlScope(kind, name), state, "operator", "test")
        self.state.ledger.apply_account_event(_CONTROL, event, self.state.now_ns)

    def latches(self, code: str, kind: ScopeKind = ScopeKind.GLOBAL, name: str = "") -> None:
        """A control trips."""
        self.state.ledger.apply_account_event(
            _CONTROL, LatchSet(ControlScope(kind, name), code, "tripped"), self.state.now_ns
        )

    def drifts(self, instrument_id: InstrumentId, ours: str, theirs: str) -> None:
        """The venue says that it holds another position than we do."""
        account_id = account_of(instrument_id)
        event = DriftSeen(account_id, f"position:{instrument_id}", Decimal(ours), Decimal(theirs))
        self.state.ledger.apply_account_event(account_id, event, self.state.now_ns)

    def check_of(self, stage: RiskStage, intent: OrderIntent, **changes: Any) -> RiskCheck:
        """What the engine would ask its risk engine about an order of this intent."""
        key = intent.instrument_key
        assert key is not None
        assert intent.side is not None
        listing = changes.get("listing") or self.state.listings.get(InstrumentId(key))
        book = self.state.market.book(listing.instrument_id) if listing is not None else None
        values: dict[str, Any] = {
            "order": make_order(intent=intent, order_id=make_order_id(1)),
            "stage": stage,
            "side": intent.side,
            "quantity": intent.quantity,
            "limit_price": intent.limit_price,
            "reference_price": book.touch(intent.side) if book is not None else None,
            "listing": listing,
            "product_id": product_of(InstrumentId(key)) if is_instrument_id(key) else ProductId(key),
            "account_id": None,
            "parent": None,
            "replaces": None,
        }
        if stage is RiskStage.LEG:
            assert listing is not None
            values["account_id"] = account_of(listing.instrument_id)
        return RiskCheck(**(values | changes))

    def replacing(self, stage: RiskStage, order: Order, quantity: str, price: str | None) -> RiskCheck:
        """What the engine would ask about a change of a working order."""
        limit = Decimal(price) if price is not None else None
        check = self.check_of(
            stage, order.intent, order=order, quantity=Decimal(quantity), limit_price=limit, replaces=order
        )
        check.account_id = order.account_id
        return check

    def parent(self, intent: OrderIntent | None = None, **changes: Any) -> Approval | Refusal:
        """The verdict of the parent's stage."""
        return self.verdict(self.check_of(RiskStage.PARENT, intent or make_intent(), **changes))

    def leg(self, intent: OrderIntent | None = None, **changes: Any) -> Approval | Refusal:
        """The verdict of the leg's stage."""
        return self.verdict(self.check_of(RiskStage.LEG, intent or make_intent(), **changes))

    def verdict(self, check: RiskCheck) -> Approval | Refusal:
        """Ask the risk engine as the engine does, in the exact context."""
        with _exactly():
            return self.risk.check(check, self.state)

    def codes(self, intent: OrderIntent | None = None, **changes: Any) -> list[str]:
        """The codes of both stages, as a plain order meets them."""
        return codes_of(self.parent(intent, **changes)) or codes_of(self.leg(intent, **changes))

    def apply(self, order: Order, *events: OrderEvent) -> None:
        """Events happen to an order that is open, with what they change in the exposure."""
        with _exactly():
            for event in events:
                self.state.exposure.release(order)
                self.state.ledger.apply_order_event(order.order_id, event, self.state.now_ns)
                self.state.exposure.reserve(order)

    def _next_id(self) -> OrderId:
        self._orders += 1
        return make_order_id(self._orders)

    def _reserved(self, order_id: OrderId, intent: OrderIntent, *events: OrderEvent, **received: Any) -> Order:
        ledger = self.state.ledger
        with _exactly():
            order = ledger.apply_order_event(order_id, make_received(intent, **received), self.state.now_ns)
            for event in events:
                ledger.apply_order_event(order_id, event, self.state.now_ns)
            self.state.exposure.reserve(order)
        return order
