"""Domain values for tests: each builder makes a valid one, and takes what the test is about as keywords.

from support.builders import make_fill, make_intent, make_listing, make_order
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.fill import Fill, Liquidity, fill_key
from liveexec.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    OperationId,
    OrderId,
    ProductId,
    StrategyId,
    VenueName,
    VenueOrderId,
    order_id_from_random,
)
from liveexec.domain.instrument import ContractKind, ContractTerms, Listing, TickBand, TickSchedule
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent, content_hash
from liveexec.domain.market import Book, Level
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce, VenueClass
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.order_fold import apply_event, new_order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import AssetKind, OrderReport, SendPlan, VenueOrderStatus
from liveexec.domain.record import Event, Record
from liveexec.domain.venue import AdapterManifest, ReplaceMode

#: 2025-12-08T10:30:00Z, the engine time of everything built here unless a test says otherwise.
NOW_NS: Final = 1_765_189_800_000_000_000

ALPHA: Final = VenueName("ALPHA")
BETA: Final = VenueName("BETA")
ALPHA_ACCOUNT: Final = AccountId("ALPHA-1")
BETA_ACCOUNT: Final = AccountId("BETA-1")
STRATEGY: Final = StrategyId("momentum-btc-v1")
PRINCIPAL: Final = "local"

SPOT: Final = InstrumentId("ALPHA:SPOT_PAIR:BTC-USDT")
SPOT_AT_BETA: Final = InstrumentId("BETA:SPOT_PAIR:BTC-USDT")
SPOT_PRODUCT: Final = ProductId("SPOT_PAIR:BTC-USDT")
LINEAR: Final = InstrumentId("ALPHA:PERPETUAL:BTC-USDT@LIN")
INVERSE: Final = InstrumentId("ALPHA:PERPETUAL:BTC-USD@INV")
MULTIPLIED: Final = InstrumentId("ALPHA:FUTURE:ES-USD-20251219@LIN")
ODDS: Final = InstrumentId("BETFAIR:EXCHANGE_ODDS:1.23456789-47972")

SPOT_TERMS: Final = ContractTerms(ContractKind.SPOT, "BTC", "USDT", "USDT")
LINEAR_TERMS: Final = ContractTerms(ContractKind.LINEAR, "BTC", "USDT", "USDT")
INVERSE_TERMS: Final = ContractTerms(ContractKind.INVERSE, "BTC", "USD", "BTC")
MULTIPLIED_TERMS: Final = ContractTerms(ContractKind.LINEAR, "ES", "USD", "USD", Decimal(50))
ODDS_TERMS: Final = ContractTerms(ContractKind.ODDS, "GBP", "GBP", "GBP")

TERMS: Final = {
    SPOT: SPOT_TERMS,
    SPOT_AT_BETA: SPOT_TERMS,
    LINEAR: LINEAR_TERMS,
    INVERSE: INVERSE_TERMS,
    MULTIPLIED: MULTIPLIED_TERMS,
    ODDS: ODDS_TERMS,
}

#: Betfair's price increments, as its exchange API documentation lists them (betfair.com, "Betfair Price Increments").
BETFAIR_TICKS: Final = TickSchedule(
    tuple(
        TickBand(Decimal(start), Decimal(tick))
        for start, tick in (
            ("1.01", "0.01"),
            ("2", "0.02"),
            ("3", "0.05"),
            ("4", "0.1"),
            ("6", "0.2"),
            ("10", "0.5"),
            ("20", "1"),
            ("30", "2"),
            ("50", "5"),
            ("100", "10"),
        )
    ),
    highest=Decimal(1000),
)


def make_order_id(number: int = 1, at_ns: int = NOW_NS) -> OrderId:
    """The order id of a number: the same for the same number."""
    return order_id_from_random(at_ns, number)


def make_intent(**changes: Any) -> OrderIntent:
    """A limit order to buy one BTC at 45,000 on ALPHA's spot market; every field can be changed."""
    values: dict[str, Any] = {
        "operation": Operation.TRADE,
        "quantity": Decimal("1.0"),
        "strategy_id": STRATEGY,
        "instrument_key": SPOT,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "price": Decimal(45_000),
    }
    return OrderIntent(**(values | changes))


def make_market_intent(**changes: Any) -> OrderIntent:
    """The same as a market order."""
    return make_intent(**({"order_type": OrderType.MARKET, "price": None} | changes))


def make_bet_intent(**changes: Any) -> OrderIntent:
    """Ten pounds on a selection at 3.5."""
    values: dict[str, Any] = {
        "operation": Operation.BET,
        "quantity": Decimal(10),
        "instrument_key": ODDS,
        "side": Side.BACK,
        "order_type": OrderType.MARKET,
        "price": None,
        "odds": Decimal("3.5"),
        "selection": "47972",
    }
    return make_intent(**(values | changes))


def make_cancel(order_id: OrderId | None = None, **changes: Any) -> CancelIntent:
    """A cancel of order 1."""
    return CancelIntent(order_id if order_id is not None else make_order_id(), **changes)


def make_replace(order_id: OrderId | None = None, **changes: Any) -> ReplaceIntent:
    """A change of order 1 to two BTC."""
    values = {"quantity": Decimal(2)} | changes
    return ReplaceIntent(order_id if order_id is not None else make_order_id(), **values)


def make_listing(instrument_id: InstrumentId = SPOT, **changes: Any) -> Listing:
    """A listing of one of the instruments above: its ticks, lots and fees are those of a plausible venue."""
    terms = TERMS.get(instrument_id, SPOT_TERMS)
    values: dict[str, Any] = {
        "instrument_id": instrument_id,
        "venue_class": VenueClass.SPORTS if terms.kind is ContractKind.ODDS else VenueClass.CEFI,
        "venue_symbol": instrument_id.rpartition(":")[2].partition("@")[0].replace("-", ""),
        "terms": terms,
        **_SIZES[terms.kind],
    }
    return Listing(**(values | changes))


_SIZES: Final[dict[ContractKind, dict[str, Any]]] = {
    ContractKind.SPOT: {
        "ticks": TickSchedule.constant(Decimal("0.01")),
        "lot": Decimal("0.00001"),
        "min_quantity": Decimal("0.00001"),
        "max_quantity": Decimal(9000),
        "min_notional": Decimal(5),
        "maker_fee": Decimal("0.001"),
        "taker_fee": Decimal("0.001"),
    },
    ContractKind.LINEAR: {
        "ticks": TickSchedule.constant(Decimal("0.1")),
        "lot": Decimal("0.001"),
        "min_quantity": Decimal("0.001"),
        "max_quantity": Decimal(1000),
        "maker_fee": Decimal("0.0002"),
        "taker_fee": Decimal("0.0005"),
    },
    ContractKind.INVERSE: {
        "ticks": TickSchedule.constant(Decimal("0.5")),
        "lot": Decimal(10),
        "min_quantity": Decimal(10),
        "maker_fee": Decimal("-0.0001"),
        "taker_fee": Decimal("0.0005"),
    },
    ContractKind.ODDS: {"ticks": BETFAIR_TICKS, "lot": Decimal("0.01"), "min_quantity": Decimal(1)},
}


def make_listings() -> dict[InstrumentId, Listing]:
    """A listing of every instrument above, by id."""
    return {instrument_id: make_listing(instrument_id) for instrument_id in TERMS}


def make_manifest(venue: VenueName = ALPHA, **changes: Any) -> AdapterManifest:
    """A venue that takes every trade, and replaces atomically by the total."""
    values: dict[str, Any] = {
        "venue": venue,
        "venue_class": VenueClass.CEFI,
        "api_version": (1, 0),
        "operations": frozenset({Operation.TRADE}),
        "order_types": frozenset({OrderType.MARKET, OrderType.LIMIT}),
        "time_in_force": frozenset(TimeInForce),
        "post_only": True,
        "reduce_only": True,
        "replace": ReplaceMode.ATOMIC_TOTAL,
        "query_by_client_id": True,
        "request_expiry": True,
    }
    return AdapterManifest(**(values | changes))


def make_book(instrument_id: InstrumentId = SPOT, bid: str = "44999", ask: str = "45001", **changes: Any) -> Book:
    """A book of one level of five BTC a side; ``bids`` and ``asks`` take whole sides as [("price", "quantity")]."""
    values: dict[str, Any] = {"bids": [(bid, "5")], "asks": [(ask, "5")], "at_ns": NOW_NS, "venue_time_ns": NOW_NS}
    values |= changes
    values["bids"], values["asks"] = make_levels(values["bids"]), make_levels(values["asks"])
    return Book(instrument_id, **values)


def make_levels(levels: Iterable[tuple[Any, Any]]) -> tuple[Level, ...]:
    """Price levels from anything that ``Decimal`` reads."""
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in levels)


def make_plan(order_id: OrderId | None = None, attempt: int = 1, **changes: Any) -> SendPlan:
    """What will identify an attempt at the venue."""
    client_order_id = ClientOrderId(f"lx{(order_id or make_order_id())[4:]}" + (f"-{attempt}" if attempt > 1 else ""))
    values: dict[str, Any] = {"client_order_id": client_order_id, "valid_until_ns": NOW_NS + 5_000_000_000}
    return SendPlan(**(values | changes))


def make_leg(
    instrument_id: InstrumentId = SPOT, quantity: Decimal | str = "1.0", account_id: AccountId = ALPHA_ACCOUNT
) -> ev.RouteLeg:
    """A leg of a route."""
    return ev.RouteLeg(instrument_id, account_id, Decimal(quantity), TERMS[instrument_id])


def make_fill(number: int = 1, **changes: Any) -> Fill:
    """The n-th fill of order 1: half a BTC bought at 45,000, a fee of 2.25 USDT."""
    values: dict[str, Any] = {
        "instrument_id": SPOT,
        "side": Side.BUY,
        "quantity": Decimal("0.5"),
        "price": Decimal(45_000),
        "fee": Decimal("2.25"),
        "fee_asset": "USDT",
        "liquidity": Liquidity.TAKER,
        "venue_time_ns": NOW_NS,
    }
    values |= changes
    if "key" not in values:
        values["key"] = fill_key(values["instrument_id"], VenueOrderId("V-1"), values["side"], f"T-{number}")
    return Fill(**values)


def make_received(intent: OrderIntent | None = None, **changes: Any) -> ev.OrderReceived:
    """The first event of an order of ours."""
    intent = intent if intent is not None else make_intent()
    values: dict[str, Any] = {
        "intent": intent,
        "operation_id": intent.operation_id or OperationId("OP-1"),
        "content_hash": intent.content_hash(),
        "principal": PRINCIPAL,
    }
    return ev.OrderReceived(**(values | changes))


def make_routed(*legs: ev.RouteLeg) -> ev.Routed:
    """A route of these legs; of one to ALPHA if none is given."""
    return ev.Routed("pinned", legs or (make_leg(),), ())


def make_submit_requested(attempt: int = 1, **changes: Any) -> ev.SubmitRequested:
    """The n-th attempt of order 1."""
    values: dict[str, Any] = {
        "attempt": attempt,
        "plan": make_plan(attempt=attempt),
        "quantity": Decimal("1.0"),
        "price": Decimal(45_000),
    }
    return ev.SubmitRequested(**(values | changes))


def make_cancel_requested(operation_id: str = "OP-2") -> ev.CancelRequested:
    """The wish that order 1 be gone."""
    return ev.CancelRequested(OperationId(operation_id), content_hash(make_cancel()), PRINCIPAL, "requested")


def make_replace_requested(**changes: Any) -> ev.ReplaceRequested:
    """A change of order 1 to two BTC at 44,000, by an atomic replace that keeps its client id."""
    values: dict[str, Any] = {
        "operation_id": OperationId("OP-3"),
        "content_hash": "0" * 32,
        "principal": PRINCIPAL,
        "quantity": Decimal(2),
        "price": Decimal(44_000),
        "atomic": True,
        "attempt": 1,
        "plan": make_plan(),
    }
    return ev.ReplaceRequested(**(values | changes))


def make_order_report(status: VenueOrderStatus = VenueOrderStatus.WORKING, **changes: Any) -> OrderReport:
    """A venue's word about an order that is not ours: a resting limit order to sell two BTC."""
    values: dict[str, Any] = {
        "account_id": ALPHA_ACCOUNT,
        "instrument_id": SPOT,
        "client_order_id": ClientOrderId("web-77"),
        "venue_order_id": VenueOrderId("V-77"),
        "status": status,
        "side": Side.SELL,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "quantity": Decimal(2),
        "price": Decimal(46_000),
        "filled_quantity": Decimal(0),
        "venue_time_ns": NOW_NS,
    }
    return OrderReport(**(values | changes))


def make_adopted(report: OrderReport | None = None, **changes: Any) -> ev.Adopted:
    """The adoption of that order."""
    report = report if report is not None else make_order_report()
    values: dict[str, Any] = {
        "account_id": report.account_id,
        "strategy_id": StrategyId("EXTERNAL"),
        "instrument_id": report.instrument_id,
        "side": report.side,
        "terms": TERMS[report.instrument_id],
        "report": report,
    }
    return ev.Adopted(**(values | changes))


def make_order(*events: OrderEvent, intent: OrderIntent | None = None, order_id: OrderId | None = None) -> Order:
    """The fold of OrderReceived and these events."""
    order = new_order(order_id if order_id is not None else make_order_id(), make_received(intent), NOW_NS)
    for event in events:
        apply_event(order, event, NOW_NS)
    return order


def events_to(status: OrderStatus) -> tuple[OrderEvent, ...]:
    """The events after OrderReceived that lead a leaf into a status, the shortest way."""
    routed = (make_routed(), ev.RiskApproved(ev.RiskStage.LEG, Decimal(45_000)))
    sent = (*routed, make_submit_requested())
    accepted = (*sent, ev.Accepted(VenueOrderId("V-1"), NOW_NS))
    ways: dict[OrderStatus, tuple[OrderEvent, ...]] = {
        OrderStatus.PENDING: routed,
        OrderStatus.SUBMITTED: sent,
        OrderStatus.UNKNOWN: (*sent, ev.SubmitUnknown(1, "timeout")),
        OrderStatus.ACCEPTED: accepted,
        OrderStatus.PARTIALLY_FILLED: (*accepted, ev.FillApplied(make_fill())),
        OrderStatus.FILLED: (*accepted, ev.FillApplied(make_fill(quantity=Decimal("1.0")))),
        OrderStatus.CANCELED: (*accepted, ev.Canceled("requested", NOW_NS)),
        OrderStatus.REJECTED: (*sent, ev.VenueRejected("-2010", "insufficient balance", NOW_NS)),
        OrderStatus.EXPIRED: (*accepted, ev.Expired("end of day", NOW_NS)),
    }
    return ways[status]


def make_order_in(status: OrderStatus, intent: OrderIntent | None = None) -> Order:
    """A leaf in a status, folded from :func:`events_to`."""
    order = make_order(*events_to(status), intent=intent)
    assert order.status is status
    return order


def make_record(stream: str, sequence: int, *events: Event, at_ns: int = NOW_NS) -> Record:
    """A record of these events."""
    return Record(stream, sequence, events, "test", at_ns)


def make_asset_moved(amount: Decimal | str = "1", asset: str = "USDT", **changes: Any) -> acc.AssetMoved:
    """A deposit into ALPHA's account."""
    values: dict[str, Any] = {
        "account_id": ALPHA_ACCOUNT,
        "asset": asset,
        "amount": Decimal(amount),
        "kind": AssetKind.DEPOSIT,
        "reference": f"deposit-{amount}-{asset}",
        "venue_time_ns": NOW_NS,
    }
    return acc.AssetMoved(**(values | changes))


def parts(value: object, names: str) -> tuple[Any, ...]:
    """Several attributes of a value, to compare at once: ``parts(order, "quantity leaves") == (1, 0)``."""
    return tuple(getattr(value, name) for name in names.split())
