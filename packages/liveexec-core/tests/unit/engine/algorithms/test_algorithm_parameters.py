"""Parameters are read exactly, and everything that is wrong with them is said at once."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.engine.algorithm import ExecutionAlgorithm
from liveexec.engine.algorithms import BUILTIN_ALGORITHMS, Iceberg, Normal, Twap, Vwap
from liveexec.engine.algorithms.iceberg import IcebergParameters
from liveexec.engine.algorithms.scheduled import CatchUp, Pacing
from liveexec.engine.algorithms.twap import TwapParameters
from liveexec.engine.algorithms.vwap import VwapParameters
from liveexec.errors import Fault, InvalidInput
from support.builders import make_intent, make_market_intent
from support.strategies import wrong_values

S = 1_000_000_000
P = "exec_algorithm_params"


def faults(algorithm: ExecutionAlgorithm, params: Any, **changes: Any) -> dict[str, str]:
    build = make_intent if isinstance(algorithm, Iceberg) else make_market_intent
    with pytest.raises(InvalidInput) as caught:
        algorithm.parse(params, build(**changes))
    return {fault.path: fault.message for fault in caught.value.faults}


def test_the_builtin_algorithms_are_registered_by_their_names() -> None:
    assert list(BUILTIN_ALGORITHMS) == ["NORMAL", "TWAP", "VWAP", "ICEBERG"]


@pytest.mark.parametrize("horizon", [300, 300.0, "300", "3E+2", "300.000", Decimal(300)])
@pytest.mark.parametrize("interval", [0.1, "0.1", ".1", "1e-1", Decimal("0.10")])
def test_numbers_may_be_written_as_json_numbers_or_as_text(horizon: Any, interval: Any) -> None:
    parsed = Twap().parse({"horizon_secs": horizon, "interval_secs": interval}, make_market_intent())
    assert parsed == TwapParameters(300 * S, S // 10, Pacing(CatchUp.SPREAD, Decimal(3), 3))


def test_all_of_twaps_parameters() -> None:
    params = {"horizon_secs": 60, "interval_secs": 7, "catch_up": "skip", "max_rejects": 5}
    parsed = Twap().parse(params, make_intent())
    assert parsed == TwapParameters(60 * S, 7 * S, Pacing(CatchUp.SKIP, Decimal(3), 5))
    params = {"horizon_secs": 60, "interval_secs": 7, "catch_up": "spread", "catch_up_cap": "1.5"}
    assert Twap().parse(params, make_intent()).pacing == Pacing(CatchUp.SPREAD, Decimal("1.5"), 3)


def test_all_of_vwaps_parameters() -> None:
    pacing = Pacing(CatchUp.SPREAD, Decimal(3), 3)
    parsed = Vwap().parse({"horizon_secs": 60, "intervals": 6}, make_market_intent())
    assert parsed == VwapParameters(60 * S, 6, None, pacing)
    parsed = Vwap().parse({"horizon_secs": 60, "volume_profile": [1, "2.5", 0, 0.5]}, make_market_intent())
    assert parsed == VwapParameters(60 * S, 4, (10**18, 25 * 10**17, 0, 5 * 10**17), pacing)


def test_all_of_icebergs_parameters() -> None:
    parsed = Iceberg().parse({"visible_pct": 12.5, "max_rejects": "7"}, make_intent())
    assert parsed == IcebergParameters(Decimal("12.5"), None, 7)
    parsed = Iceberg().parse({"visible_quantity": "0.25"}, make_intent(post_only=True))
    assert parsed == IcebergParameters(None, Decimal("0.25"), 3)


@pytest.mark.parametrize("params", [None, {}])
def test_normal_takes_none(params: Any) -> None:
    Normal().parse(params, make_intent())
    assert faults(Normal(), {"horizon_secs": 3}) == {
        f"{P}.horizon_secs": "is no parameter of NORMAL; it takes none",
    }


TWAP: dict[str, Any] = {"horizon_secs": 300, "interval_secs": 30}


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"horizon_secs": None}, "horizon_secs", "is required"),
        ({"horizon_secs": True}, "horizon_secs", "must be a number, not true or false"),
        ({"horizon_secs": float("nan")}, "horizon_secs", "must be a finite number"),
        ({"horizon_secs": float("inf")}, "horizon_secs", "must be a finite number"),
        ({"horizon_secs": Decimal("NaN")}, "horizon_secs", "must be a finite number"),
        ({"horizon_secs": "soon"}, "horizon_secs", "'soon' is not a decimal number"),
        ({"horizon_secs": "NaN"}, "horizon_secs", "'NaN' is not a decimal number"),
        ({"horizon_secs": "1_000"}, "horizon_secs", "'1_000' is not a decimal number"),
        ({"horizon_secs": [300]}, "horizon_secs", "must be a number, not list"),
        ({"horizon_secs": 10**19}, "horizon_secs", "needs more than 18 digits before or after the point"),
        ({"horizon_secs": 0}, "horizon_secs", "must be between 0.1 and 604800, not 0"),
        ({"horizon_secs": -1}, "horizon_secs", "must be between 0.1 and 604800, not -1"),
        ({"horizon_secs": 604801}, "horizon_secs", "must be between 0.1 and 604800, not 604801"),
        ({"horizon_secs": "300.0000000001"}, "horizon_secs", "must not be finer than a nanosecond"),
        ({"interval_secs": 301}, "interval_secs", "must not exceed horizon_secs"),
        ({"horizon_secs": 1001, "interval_secs": "0.1"}, "interval_secs", "more than 10000 intervals"),
        ({"catch_up": "maybe"}, "catch_up", "must be one of spread, skip"),
        ({"catch_up": 1}, "catch_up", "must be one of spread, skip"),
        ({"catch_up": "skip", "catch_up_cap": 2}, "catch_up_cap", "contradicts catch_up skip"),
        ({"catch_up_cap": "0.9"}, "catch_up_cap", "must be between 1 and 1000, not 0.9"),
        ({"max_rejects": 1.5}, "max_rejects", "must be a whole number, not 1.5"),
        ({"max_rejects": 0}, "max_rejects", "must be between 1 and 100, not 0"),
        ({"intervals": 3}, "intervals", "is no parameter of TWAP; it takes horizon_secs, interval_secs, catch_up"),
    ],
)
def test_a_bad_parameter_is_named_with_its_path(changes: dict[str, Any], path: str, message: str) -> None:
    found = faults(Twap(), TWAP | changes)
    assert list(found) == [f"{P}.{path}"]
    assert message in found[f"{P}.{path}"]


@pytest.mark.parametrize(
    ("params", "path", "message"),
    [
        ({"horizon_secs": 60}, "intervals", "is required"),
        ({"horizon_secs": 60, "intervals": 0}, "intervals", "must be between 1 and 10000"),
        ({"horizon_secs": 60, "intervals": 10_001}, "intervals", "must be between 1 and 10000"),
        ({"horizon_secs": 60, "intervals": 601}, "intervals", "makes intervals shorter than 0.1 s"),
        ({"horizon_secs": 60, "intervals": 3, "volume_profile": [1, 2]}, "volume_profile", "has 2 weights for 3"),
        ({"horizon_secs": 60, "intervals": 2, "volume_profile": [0, 0]}, "volume_profile", "a weight above zero"),
        ({"horizon_secs": 60, "intervals": 2, "volume_profile": []}, "volume_profile", "a list of 1 to 10000"),
        ({"horizon_secs": 60, "intervals": 2, "volume_profile": "12"}, "volume_profile", "a list of 1 to 10000"),
        ({"horizon_secs": 60, "volume_profile": [1, -1]}, "volume_profile[1]", "must be between 0 and"),
        ({"horizon_secs": 60, "volume_profile": [1, "x"]}, "volume_profile[1]", "'x' is not a decimal number"),
        ({"horizon_secs": 60, "volume_profile": [float("nan"), 1]}, "volume_profile[0]", "must be a finite number"),
    ],
)
def test_vwap_names_what_is_wrong(params: dict[str, Any], path: str, message: str) -> None:
    found = faults(Vwap(), params)
    assert list(found) == [f"{P}.{path}"]
    assert message in found[f"{P}.{path}"]


@pytest.mark.parametrize(
    ("params", "path", "message"),
    [
        (None, "visible_pct", "give either visible_pct or visible_quantity"),
        ({"visible_pct": 10, "visible_quantity": "0.1"}, "visible_pct", "give either visible_pct or visible_quantity"),
        ({"visible_pct": 0}, "visible_pct", "and 100, not 0"),
        ({"visible_pct": "100.1"}, "visible_pct", "and 100, not 100.1"),
        ({"visible_quantity": "1.1"}, "visible_quantity", "and 1.0, not 1.1"),
        ({"visible_quantity": 0}, "visible_quantity", "and 1.0, not 0"),
    ],
)
def test_iceberg_names_what_is_wrong(params: Any, path: str, message: str) -> None:
    found = faults(Iceberg(), params)
    assert list(found) == [f"{P}.{path}"]
    assert message in found[f"{P}.{path}"]


def test_all_faults_are_listed_at_once() -> None:
    params = {"horizon_secs": "x", "interval_secs": -1, "catch_up": "no", "max_rejects": 0, "speed": 3}
    assert list(faults(Twap(), params, time_in_force=TimeInForce.FOK)) == [
        f"{P}.horizon_secs",
        f"{P}.interval_secs",
        f"{P}.catch_up",
        f"{P}.max_rejects",
        "time_in_force",
        f"{P}.speed",
    ]


@pytest.mark.parametrize("algorithm", [Twap(), Vwap()])
@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY])
def test_a_schedule_has_its_own_end_so_another_time_in_force_contradicts_it(
    algorithm: ExecutionAlgorithm, tif: TimeInForce
) -> None:
    params = TWAP if algorithm.name == "TWAP" else {"horizon_secs": 60, "intervals": 6}
    assert faults(algorithm, params, time_in_force=tif) == {
        "time_in_force": f"{algorithm.name} works GTC orders, not {tif}"
    }


def test_slices_that_take_cant_be_post_only_and_stops_cant_be_sliced() -> None:
    with pytest.raises(InvalidInput) as caught:
        Twap().parse(TWAP, make_intent(post_only=True, order_type=OrderType.STOP_LIMIT, trigger_price=Decimal(1)))
    assert [(fault.path, fault.message) for fault in caught.value.faults] == [
        ("order_type", "TWAP works MARKET or LIMIT orders, not STOP_LIMIT"),
        ("post_only", "TWAP sends slices that take, so they can't be post-only"),
    ]


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_iceberg_rests(tif: TimeInForce) -> None:
    assert faults(Iceberg(), {"visible_pct": 10}, time_in_force=tif) == {
        "time_in_force": f"ICEBERG works GTC or DAY or GTD orders, not {tif}"
    }
    with pytest.raises(InvalidInput, match="order_type: ICEBERG works LIMIT orders, not MARKET"):
        Iceberg().parse({"visible_pct": 10}, make_market_intent())


NAMES = [
    "horizon_secs",
    "interval_secs",
    "intervals",
    "volume_profile",
    "visible_pct",
    "visible_quantity",
    "catch_up",
    "catch_up_cap",
    "max_rejects",
    "other",
]
GOOD: dict[str, dict[str, Any]] = {
    "NORMAL": {},
    "TWAP": TWAP,
    "VWAP": {"horizon_secs": 60, "volume_profile": [1, 2, 3]},
    "ICEBERG": {"visible_pct": 10},
}


@given(st.sampled_from(list(GOOD)), st.dictionaries(st.sampled_from(NAMES), wrong_values(), max_size=4))
def test_anything_is_parsed_or_refused_with_its_faults(name: str, wrong: dict[str, Any]) -> None:
    found: tuple[Fault, ...] = ()
    try:
        BUILTIN_ALGORITHMS[name].parse(GOOD[name] | wrong, make_intent())
    except InvalidInput as error:
        found = error.faults
    refused = {fault.path.removeprefix(f"{P}.").partition("[")[0] for fault in found}
    assert refused <= {*NAMES, "time_in_force"}
    if "other" in wrong:
        assert "other" in refused
    if isinstance(wrong.get("max_rejects"), bool | bytes | dict | list):
        assert "max_rejects" in refused
