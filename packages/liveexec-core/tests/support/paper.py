"""A paper venue to play with: one spot pair and two perpetuals, two accounts, and short words for what tests do."""

import asyncio
import heapq
from decimal import Decimal
from itertools import count
from typing import Any

from attrs import evolve

from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId, VenueName, VenueOrderId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.market import Book, Level
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    Accepted,
    FillReport,
    OrderRef,
    OrderReport,
    SendOutcome,
    SendPlan,
    VenueReport,
)
from liveexec.plugins.adapter import VenueOrder
from liveexec.venues.paper.config import PaperAccount, PaperInstrument, PaperVenueConfig
from liveexec.venues.paper.exchange import PaperExchange

VENUE = VenueName("PAPER")
SPOT = InstrumentId("PAPER:SPOT_PAIR:BTC-USDT")
LINEAR = InstrumentId("PAPER:PERPETUAL:BTC-USDT@LIN")
INVERSE = InstrumentId("PAPER:PERPETUAL:BTC-USD@INV")
ALICE, BOB = AccountId("alice"), AccountId("bob")
FOREVER_NS = 1 << 62

Number = Decimal | int | str
#: A decimal that is compared with whole numbers.
Amount = Decimal | int


def facts(*values: object) -> tuple[object, ...]:
    """Several things at once, to be compared with what they should be."""
    return values


def dec(number: Number) -> Decimal:
    """A decimal from whatever reads best."""
    return number if isinstance(number, Decimal) else Decimal(number)


def levels(*pairs: tuple[Number, Number]) -> tuple[Level, ...]:
    """Levels from (price, quantity) pairs."""
    return tuple((dec(price), dec(quantity)) for price, quantity in pairs)


def instrument(instrument_id: InstrumentId, **changes: Any) -> PaperInstrument:
    """One of the three listings, with whole-number grids so that tests read well; ``changes`` override fields."""
    kind = {SPOT: ContractKind.SPOT, LINEAR: ContractKind.LINEAR, INVERSE: ContractKind.INVERSE}[instrument_id]
    inverse = kind is ContractKind.INVERSE
    base = PaperInstrument(
        instrument_id=instrument_id,
        kind=kind,
        base_asset="BTC",
        quote_asset="USD" if inverse else "USDT",
        settlement_asset="BTC" if inverse else "USDT",
        tick=Decimal(1),
        lot=Decimal(1),
        min_quantity=Decimal(1),
        multiplier=Decimal(100) if inverse else Decimal(1),
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.002"),
    )
    return evolve(base, **changes)


def venue_config(**changes: Any) -> PaperVenueConfig:
    """A venue of all three listings and two rich accounts; ``changes`` override fields."""
    rich = {"BTC": Decimal(10_000), "USDT": Decimal(10_000_000)}
    base = PaperVenueConfig(
        venue=VENUE,
        accounts=(PaperAccount(ALICE, rich), PaperAccount(BOB, rich)),
        instruments=(instrument(SPOT), instrument(LINEAR), instrument(INVERSE)),
    )
    return evolve(base, **changes)


class Floor:
    """A venue and the words to trade there. Time is counted by the test; every order gets a client id of its own."""

    def __init__(self, config: PaperVenueConfig | None = None, at_ns: int = 1_000) -> None:
        self.exchange = PaperExchange(config or venue_config())
        self.now_ns = at_ns
        self.reports: list[VenueReport] = []
        self._numbers = count(1)

    def show(self, bids: tuple[Level, ...], asks: tuple[Level, ...], instrument_id: InstrumentId = SPOT) -> None:
        """The replayed market shows a book."""
        self.exchange.on_book(Book(instrument_id, bids, asks, self.now_ns, self.now_ns))
        self.collect()

    def print_trade(
        self, price: Number, quantity: Number, aggressor: Side | None, instrument_id: InstrumentId = SPOT
    ) -> None:
        """The replayed market prints a trade."""
        self.exchange.on_trade(instrument_id, dec(price), dec(quantity), aggressor, self.now_ns)
        self.collect()

    def send(
        self,
        side: Side | None,
        quantity: Number,
        price: Number | None = None,
        *,
        account: AccountId = ALICE,
        client_id: str | None = None,
        valid_until_ns: int = FOREVER_NS,
        **fields: Any,
    ) -> SendOutcome:
        """An order arrives: a limit order when it has a price, a market order when it has none."""
        order = self.order(side, quantity, price, account=account, **fields)
        plan = SendPlan(ClientOrderId(client_id or f"c{next(self._numbers)}"), valid_until_ns)
        outcome = self.exchange.submit(order, plan, self.now_ns)
        self.collect()
        return outcome

    def buy(self, quantity: Number, price: Number | None = None, **fields: Any) -> VenueOrderId:
        """A buy order that has to be accepted; its name at the venue."""
        return accepted(self.send(Side.BUY, quantity, price, **fields))

    def sell(self, quantity: Number, price: Number | None = None, **fields: Any) -> VenueOrderId:
        """A sell order that has to be accepted; its name at the venue."""
        return accepted(self.send(Side.SELL, quantity, price, **fields))

    def cancel(self, order_id: VenueOrderId, account: AccountId = ALICE) -> SendOutcome:
        """A cancel arrives."""
        outcome = self.exchange.cancel(ref(order_id, account), self.now_ns)
        self.collect()
        return outcome

    def replace(
        self,
        order_id: VenueOrderId,
        side: Side,
        quantity: Number,
        price: Number | None,
        *,
        account: AccountId = ALICE,
        client_id: str | None = None,
        valid_until_ns: int = FOREVER_NS,
        **fields: Any,
    ) -> SendOutcome:
        """New terms arrive; the client id stays unless another is given."""
        order = self.order(side, quantity, price, account=account, **fields)
        current = self.status(order_id, account).client_order_id
        assert current is not None
        plan = SendPlan(ClientOrderId(client_id) if client_id else current, valid_until_ns)
        outcome = self.exchange.replace(ref(order_id, account), order, plan, self.now_ns)
        self.collect()
        return outcome

    def order(
        self, side: Side | None, quantity: Number, price: Number | None, *, account: AccountId = ALICE, **fields: Any
    ) -> VenueOrder:
        """An order as an adapter is asked to send it."""
        values: dict[str, Any] = {
            "order_id": OrderId("ORD-00000000000000000000000000"),
            "account_id": account,
            "instrument_id": SPOT,
            "operation": Operation.TRADE,
            "side": side,
            "order_type": OrderType.MARKET if price is None else OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "quantity": dec(quantity),
            "price": dec(price) if price is not None else None,
        }
        return VenueOrder(**(values | fields))

    def pass_time(self, at_ns: int) -> None:
        """Time passes."""
        self.now_ns = at_ns
        self.exchange.advance(at_ns)
        self.collect()

    def collect(self) -> None:
        """Read what was reported."""
        self.reports += self.exchange.take_reports()

    def status(self, order_id: VenueOrderId, account: AccountId = ALICE) -> OrderReport:
        """The order as the venue tells it."""
        answer = self.exchange.snapshots.order(ref(order_id, account), self.now_ns)
        assert isinstance(answer, OrderReport)
        return answer

    @property
    def fills(self) -> list[Fill]:
        """All fills that were reported, in order."""
        return [report.fill for report in self.reports if isinstance(report, FillReport)]

    def fills_of(self, order_id: VenueOrderId) -> list[tuple[Amount, Amount]]:
        """(quantity, price) of an order's fills, in order."""
        return [
            (report.fill.quantity, report.fill.price)
            for report in self.reports
            if isinstance(report, FillReport) and report.venue_order_id == order_id
        ]

    def filled(self, order_id: VenueOrderId) -> Amount:
        """How much of an order has filled."""
        return sum(quantity for quantity, _ in self.fills_of(order_id))

    def ends(self) -> list[tuple[VenueOrderId | None, str, str | None]]:
        """(order, status, code) of all order reports, in order."""
        return [
            (report.venue_order_id, report.status.value, report.code)
            for report in self.reports
            if isinstance(report, OrderReport)
        ]

    def position(self, account: AccountId = ALICE, instrument_id: InstrumentId = SPOT) -> Amount:
        """The account's net position."""
        snapshot = self.exchange.snapshots.positions(account, self.now_ns)
        return next((item.quantity for item in snapshot.items if item.instrument_id == instrument_id), Decimal(0))

    def balance(self, asset: str, account: AccountId = ALICE) -> tuple[Amount, Amount]:
        """(total, available) of an asset."""
        snapshot = self.exchange.snapshots.balances(account, self.now_ns)
        return next((item.total, item.available) for item in snapshot.items if item.asset == asset)


def ref(order_id: VenueOrderId | None, account: AccountId = ALICE, client_id: str | None = None) -> OrderRef:
    """A reference to an order."""
    return OrderRef(account, SPOT, ClientOrderId(client_id) if client_id else None, order_id)


def accepted(outcome: SendOutcome) -> VenueOrderId:
    """The venue's name of an order that was accepted."""
    assert isinstance(outcome, Accepted), outcome
    assert outcome.venue_order_id is not None
    return outcome.venue_order_id


class ManualClock:
    """Market time that stands still until a test moves it; whoever sleeps is woken in the order of the times."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def now_ns(self) -> int:
        return self._now_ns

    def seconds_until(self, at_ns: int) -> float:
        return 0.0 if at_ns <= self.now_ns() else 1e-6

    async def sleep_until_ns(self, at_ns: int) -> None:
        while self._now_ns < at_ns:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._sleepers, (at_ns, next(self._numbers), future))
            await future

    async def move_to(self, at_ns: int) -> None:
        """Move time on, and let everybody do what they do at each moment on the way."""
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= at_ns:
            due_ns, _, future = heapq.heappop(self._sleepers)
            self._now_ns = max(self._now_ns, due_ns)
            if not future.done():
                future.set_result(None)
            await self.settle()
        self._now_ns = max(self._now_ns, at_ns)
        await self.settle()

    @staticmethod
    async def settle() -> None:
        """Let every task run until it waits for something."""
        for _ in range(20):
            await asyncio.sleep(0)
