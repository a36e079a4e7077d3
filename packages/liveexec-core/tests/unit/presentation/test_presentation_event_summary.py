"""Every event of both unions has a summary, whatever its fields hold."""

import types
import typing
from decimal import Decimal
from enum import Enum
from typing import Any, NewType

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.codec import EVENT_TYPES
from liveexec.domain.fill import Fill, FillKey, Liquidity
from liveexec.domain.ids import InstrumentId, OperationId, OrderId, StrategyId
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.record import Event
from liveexec.presentation.cells import Tone
from liveexec.presentation.event_summary import summary_of, tone_of
from liveexec.presentation.formatting import Places, Precision

SPOT = InstrumentId("PAPER-ALPHA:SPOT_PAIR:BTC-USDT")
ODDS = InstrumentId("BETFAIR:EXCHANGE_ODDS:1.23456789-47972")
PRECISION: Precision = {SPOT: Places(2, 5)}
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**17), max_value=10**17, places=9)
INTENTS = [
    OrderIntent(Operation.TRADE, Decimal("1.50"), StrategyId("s"), SPOT, Side.BUY, OrderType.LIMIT, Decimal("45000.0")),
    OrderIntent(Operation.TRANSFER, Decimal(5), StrategyId("s"), asset="USDC", source_venue="A", target_venue="B"),  # type: ignore[arg-type]  # VenueName is a str
    OrderIntent(Operation.BET, Decimal(2), StrategyId("s"), ODDS, Side.BACK, odds=Decimal("1.95"), selection="47972"),
]


def anything_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type, as the journal can hold them."""
    if isinstance(hint, NewType):
        return st.sampled_from([SPOT, ODDS]) if hint is InstrumentId else anything_of(hint.__supertype__)
    origin, parameters = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return st.one_of([anything_of(each) for each in parameters])
    if origin is tuple:
        return st.lists(anything_of(parameters[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(max_size=8), anything_of(parameters[1]), max_size=3)
    return _anything_of_class(hint)


def _anything_of_class(hint: Any) -> st.SearchStrategy[Any]:
    known: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(max_size=30),
        int: st.integers(0, 2**62),
        bool: st.booleans(),
        type(None): st.none(),
        Decimal: AMOUNTS,
        OrderIntent: st.sampled_from(INTENTS),
        Any: st.text(max_size=8) | AMOUNTS | st.lists(st.integers(), max_size=3) | st.none(),
    }
    if hint in known:
        return known[hint]
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    hints = typing.get_type_hints(hint)
    return st.builds(hint, **{each.name: anything_of(hints[each.name]) for each in attrs.fields(hint) if each.init})


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
@settings(max_examples=20)
@given(data=st.data())
def test_every_event_has_a_summary_of_one_printable_line(name: str, data: st.DataObject) -> None:
    event = data.draw(anything_of(EVENT_TYPES[name]))
    said = summary_of(event, PRECISION)
    assert said.strip()
    assert said.isprintable()
    assert isinstance(tone_of(event), Tone)


FILL = Fill(
    FillKey("k"), SPOT, Side.SELL, Decimal("0.100"), Decimal(45000), Decimal("-0.10"), "USDT", Liquidity.MAKER, 0
)
SCOPE = acc.ControlScope(acc.ScopeKind.STRATEGY, "momentum")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            ev.OrderReceived(INTENTS[0], OperationId("OP-1"), "00", "desk"),
            "OP-1 from desk: BUY 1.5 PAPER-ALPHA:SPOT_PAIR:BTC-USDT LIMIT @ 45000 GTC for s",
        ),
        (
            ev.OrderReceived(
                INTENTS[1], OperationId("OP-1"), "00", "desk", OrderId("ORD-01KBYR5M5VEX7R00013XRZP16B"), 3
            ),
            "child 3 of …3XRZP16B: TRANSFER 5 USDC MARKET GTC",
        ),
        (
            ev.RiskRefused(
                ev.RiskStage.LEG,
                "ORDER_SIZE",
                "2 is above 1",
                (ev.RuleRefusal("ORDER_SIZE", "2 is above 1"), ev.RuleRefusal("BALANCE", "no USDT")),
            ),
            "risk refused the leg: ORDER_SIZE: 2 is above 1 (also BALANCE)",
        ),
        (ev.FillApplied(FILL), "SELL 0.10000 @ 45000.00 as maker, fee -0.1 USDT"),
        (ev.NotSent(2, "deadline"), "proved not sent (attempt 2): deadline"),
        (ev.ParentFinished(ev.Resolution.FILLED, None, "all of it"), "finished FILLED: all of it"),
        (acc.LatchSet(SCOPE, "VELOCITY", "11 in 1 s"), "STRATEGY:momentum latched by VELOCITY: 11 in 1 s"),
    ],
)
def test_summary_says_what_happened(event: Event, said: str) -> None:
    assert summary_of(event, PRECISION) == said


@pytest.mark.parametrize(
    ("event", "tone"),
    [
        (ev.FillApplied(FILL), Tone.GOOD),
        (ev.VenueRejected("1", "no"), Tone.BAD),
        (ev.SubmitUnknown(1, "timeout"), Tone.WARNING),
        (acc.StateChanged(SCOPE, acc.TradingState.ACTIVE, "desk", "again"), Tone.GOOD),
        (acc.StateChanged(SCOPE, acc.TradingState.HALTED, "desk", "stop"), Tone.WARNING),
        (ev.Canceled("done", None), Tone.PLAIN),
    ],
)
def test_tone_tells_news_apart(event: Event, tone: Tone) -> None:
    assert tone_of(event) is tone
