"""The ladder: rungs side by side, one after the other, up to its quantity and its time."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.engine.algorithm import CancelChild, Finish, Spawn, WakeAt
from liveexec_testkit.simulator.ladder import LadderAlgorithm

_MS = 1_000_000


def child(ordinal: int, quantity: str, *, filled: str = "0", is_open: bool = True, at_ms: int = 0) -> Any:
    return SimpleNamespace(
        ordinal=ordinal,
        quantity=Decimal(quantity),
        filled_quantity=Decimal(filled),
        leaves=Decimal(quantity) - Decimal(filled) if is_open else Decimal(0),
        is_open=is_open,
        is_canceling=False,
        created_at_ns=at_ms * _MS,
    )


def view(*children: Any, at_ms: int = 0, is_canceling: bool = False) -> Any:
    filled = sum((each.filled_quantity for each in children), Decimal(0))
    live = sum((each.leaves for each in children), Decimal(0))
    return SimpleNamespace(
        quantity=Decimal(2),
        filled=filled,
        unallocated=Decimal(2) - filled - live,
        children=children,
        limit_price=Decimal(100),
        lot=Decimal("0.1"),
        min_quantity=Decimal("0.1"),
        now_ns=at_ms * _MS,
        started_at_ns=0,
        is_canceling=is_canceling,
    )


def said(given: Any) -> list[Any]:
    return list(LadderAlgorithm().on_timer(cast(Any, given)))


def test_a_quarter_at_a_time_beside_those_before() -> None:
    first, wake = LadderAlgorithm().start(cast(Any, view()))
    assert isinstance(first, Spawn)
    assert (first.quantity, first.order_type, first.price, first.time_in_force) == (
        Decimal("0.5"), OrderType.LIMIT, Decimal(100), TimeInForce.GTC,
    )  # fmt: skip
    assert isinstance(wake, WakeAt)
    assert wake.at_ns == 60 * _MS
    (early,) = said(view(child(1, "0.5"), at_ms=59))
    assert isinstance(early, WakeAt), "the next one is not due yet"
    second = said(view(child(1, "0.5"), at_ms=60))[0]
    assert isinstance(second, Spawn)


def test_with_everything_up_it_waits_and_ends_when_everything_is_filled() -> None:
    rungs = [child(number, "0.5", at_ms=number) for number in range(1, 5)]
    assert said(view(*rungs, at_ms=1_000)) == []
    done = [child(number, "0.5", filled="0.5", is_open=False) for number in range(1, 5)]
    (end,) = said(view(*done, at_ms=1_000))
    assert isinstance(end, Finish)
    assert end.resolution.value == "FILLED"


def test_when_its_time_is_over_nothing_goes_up() -> None:
    assert said(view(child(1, "0.5"), at_ms=1_500)) == []
    (end,) = said(view(child(1, "0.5", is_open=False), at_ms=1_500))
    assert isinstance(end, Finish)
    assert end.resolution.value == "CANCELED"


def test_a_cancel_takes_down_what_is_up() -> None:
    (down,) = said(view(child(3, "0.5"), is_canceling=True))
    assert isinstance(down, CancelChild)
    assert down.ordinal == 3
