"""Simulated venues under a script: requests at given times, in place of the driver, and what the venues told."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, cast

from attrs import define, field

from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import FillReport, OrderRef, OrderReport, SendOutcome, SendPlan, VenueReport
from liveexec.engine.inputs import SendVerb
from liveexec.plugins.adapter import VenueOrder
from liveexec.replay.agenda import NEVER
from liveexec.replay.driver import ReplayDriver
from liveexec.replay.market import EventMarket, ReplayMarket
from liveexec.replay.ports import HostRun, ReplayTruth, ReplayVenues
from liveexec.venues.paper.config import PaperVenueConfig
from liveexec.venues.paper.market import MarketEvent, SourceBook, SourceTrade
from liveexec_nautilus.backtest.host import NautilusHost
from support.nautilus_replays import NORTH_PERP, SECOND_NS, SOURCE, START_NS, venues

NORTH_1 = AccountId("north-1")
#: Called with the venues and the time.
Step = Callable[[ReplayVenues, int], Any]


@define(eq=False, slots=False)
class Script:
    """Does each step at its time (seconds after the market began), and keeps what the venues tell and answer."""

    steps: list[tuple[float, Step]]
    end_s: float = 0.0
    told: list[tuple[int, VenueReport]] = field(factory=list)
    answers: list[tuple[int, OrderId, SendVerb, SendOutcome]] = field(factory=list)
    returned: list[Any] = field(factory=list)
    watched: frozenset[InstrumentId] = frozenset()
    round_trip_ns: int = 0
    observed: list[int] = field(factory=list)
    seen: list[Any] = field(factory=list)

    def _at(self, index: int) -> int:
        return START_NS + round(self.steps[index][0] * SECOND_NS)

    @property
    def first_signal_ns(self) -> int:
        return self._at(0) if self.steps else NEVER

    @property
    def last_signal_ns(self) -> int:
        last = max((self._at(index) for index in range(len(self.steps))), default=0)
        return max(last, START_NS + round(self.end_s * SECOND_NS))

    @property
    def next_due_ns(self) -> int:
        return self._at(len(self.returned)) if len(self.returned) < len(self.steps) else NEVER

    def start(self, venues: ReplayVenues, at_ns: int) -> None:
        self.venues = venues

    def advance(self, now_ns: int) -> None:
        while self.next_due_ns <= now_ns:
            step = self.steps[len(self.returned)][1]
            self.returned.append(None)
            self.returned[-1] = step(self.venues, now_ns)

    def report(self, report: VenueReport, now_ns: int) -> None:
        self.told.append((now_ns, report))

    def answer(
        self, order_id: OrderId, verb: SendVerb, plan: SendPlan | None, outcome: SendOutcome, now_ns: int
    ) -> None:
        self.answers.append((now_ns, order_id, verb, outcome))

    def observe(self, now_ns: int) -> None:
        self.observed.append(now_ns)
        self.seen += self.venues.refresh(now_ns)

    def finish(self, now_ns: int) -> None:
        pass

    @property
    def fills(self) -> list[FillReport]:
        return [report for _, report in self.told if isinstance(report, FillReport)]

    @property
    def ends(self) -> list[tuple[float, OrderReport]]:
        """Reports of orders, with the seconds since the market began."""
        return [((at - START_NS) / SECOND_NS, told) for at, told in self.told if isinstance(told, OrderReport)]


class Events:
    """A market of given events."""

    def __init__(self, events: Sequence[MarketEvent]) -> None:
        self._events = sorted(events, key=lambda event: event.time_ns)

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        return tuple(dict.fromkeys(event.instrument_id for event in self._events))

    @property
    def start_ns(self) -> int:
        return self._events[0].time_ns

    def events(self) -> Any:
        return iter(self._events)


def book(at_s: float, bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> SourceBook:
    return SourceBook(SOURCE, START_NS + round(at_s * SECOND_NS), _levels(bids), _levels(asks))


def trade(at_s: float, price: str, quantity: str, aggressor: Side | None) -> SourceTrade:
    return SourceTrade(SOURCE, START_NS + round(at_s * SECOND_NS), Decimal(price), Decimal(quantity), aggressor)


def _levels(levels: Sequence[tuple[str, str]]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in levels)


def run(
    script: Script,
    events: Sequence[MarketEvent] | ReplayMarket,
    at: tuple[PaperVenueConfig, ...] | None = None,
    **options: Any,
) -> ReplayTruth:
    """Run a script on the backtest engine."""
    market = EventMarket(Events(events)) if isinstance(events, Sequence) else events
    configs = at if at is not None else venues()
    return NautilusHost().run(HostRun(configs, market, cast(ReplayDriver, script), options))


def order(
    number: int,
    side: Side,
    quantity: str,
    price: str | None = None,
    *,
    instrument_id: InstrumentId = NORTH_PERP,
    time_in_force: TimeInForce = TimeInForce.GTC,
    **others: Any,
) -> VenueOrder:
    return VenueOrder(
        order_id=OrderId(f"ORD-{number:026d}"),
        account_id=NORTH_1,
        instrument_id=instrument_id,
        operation=Operation.TRADE,
        side=side,
        order_type=OrderType.LIMIT if price is not None else OrderType.MARKET,
        time_in_force=time_in_force,
        quantity=Decimal(quantity),
        price=Decimal(price) if price is not None else None,
        **others,
    )


def plan(number: int, at_ns: int = 0) -> SendPlan:
    return SendPlan(ClientOrderId(f"lx{number}"), (at_ns or START_NS) + 3_600 * SECOND_NS)


def submit(number: int, *arguments: Any, **others: Any) -> Step:
    """A step that sends an order."""
    return lambda venues, at_ns: venues.submit(order(number, *arguments, **others), plan(number), at_ns)


def ref(number: int, instrument_id: InstrumentId = NORTH_PERP) -> OrderRef:
    return OrderRef(NORTH_1, instrument_id, ClientOrderId(f"lx{number}"), None)


def cancel(number: int) -> Step:
    """A step that asks for a cancel."""
    return lambda venues, at_ns: venues.cancel(ref(number), at_ns)


def replace(number: int, *arguments: Any, renamed: int | None = None, **others: Any) -> Step:
    """A step that asks for other terms."""
    return lambda venues, at_ns: venues.replace(
        ref(number), order(number, *arguments, **others), plan(renamed or number), Decimal(0), at_ns
    )
