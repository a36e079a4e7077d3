"""Signals: what may be one, and the order that it asks for."""

from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.ids import OperationId
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.signal import Signal
from liveexec.errors import InvalidInput

GOOD: dict[str, Any] = {
    "time_ns": 1_723_161_300_000_000_000,
    "instrument_key": "BINANCE-SPOT:SPOT_PAIR:BTC-USDT",
    "side": Side.BUY,
    "quantity": Decimal("0.5"),
    "strategy_id": "momentum",
}


def test_a_signal_asks_for_a_trade() -> None:
    signal = Signal(
        **GOOD, order_type=OrderType.LIMIT, price=Decimal(60_000), exec_algorithm="ICEBERG", params={"a": 1}
    )
    intent = signal.intent(OperationId("OP-1"))
    assert intent.operation is Operation.TRADE
    assert (intent.instrument_key, intent.side, intent.quantity) == (GOOD["instrument_key"], Side.BUY, Decimal("0.5"))
    assert (intent.order_type, intent.price, intent.strategy_id) == (OrderType.LIMIT, Decimal(60_000), "momentum")
    assert (intent.exec_algorithm, intent.exec_algorithm_params) == ("ICEBERG", {"a": 1})
    assert intent.operation_id == "OP-1"


def test_everything_that_is_wrong_is_said_at_once_by_the_signals_own_names() -> None:
    with pytest.raises(InvalidInput) as caught:
        Signal(
            **GOOD | {"time_ns": 0, "quantity": Decimal(-1), "params": {"horizon_secs": "soon"}, "instrument_key": "?"}
        )
    assert {fault.path for fault in caught.value.faults} == {
        "timestamp",
        "quantity",
        "params.horizon_secs",
        "instrument_key",
    }


@pytest.mark.parametrize(
    ("horizon", "length_ns"), [(None, 0), (300, 300_000_000_000), ("0.5", 500_000_000), (1.25, 1_250_000_000)]
)
def test_the_horizon_is_a_number_or_the_text_of_one(horizon: object, length_ns: int) -> None:
    assert Signal(**GOOD, params={"horizon_secs": horizon}).horizon_ns == length_ns


@pytest.mark.parametrize("horizon", [0, -1, 700_000, "NaN", float("nan"), True, [1]])
def test_a_horizon_that_is_none_is_refused(horizon: object) -> None:
    with pytest.raises(InvalidInput, match="horizon_secs"):
        Signal(**GOOD, params={"horizon_secs": horizon})


def test_what_the_caller_does_to_its_parameters_later_changes_nothing() -> None:
    params = {"horizon_secs": 60, "weights": [1, 2]}
    signal = Signal(**GOOD, params=params)
    params["weights"].append(3)  # type: ignore[attr-defined]  # a list, though the mapping's type doesn't say so
    assert signal.params == {"horizon_secs": 60, "weights": [1, 2]}
