"""RiskConfig: every fault at once, and limits looked up by instrument, product or any."""

from decimal import Decimal
from typing import Any

import pytest

from liveexec.engine.risk_config import LimitTable, RiskConfig
from liveexec.errors import ConfigurationError
from support.builders import SPOT, SPOT_AT_BETA, SPOT_PRODUCT


def paths_of(**values: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        RiskConfig(**values)
    return [fault.path for fault in caught.value.faults]


def test_the_default_is_valid_and_limits_nothing() -> None:
    config = RiskConfig()
    assert config.enabled
    assert not config.live
    assert not config.check_balance
    assert config.margin_rate == 1


def test_every_fault_is_named_with_its_path() -> None:
    assert paths_of(
        live=True,
        enabled=False,
        allowed_instruments=frozenset({"BTC"}),
        max_order_quantity={"BTC": Decimal(1), "*": Decimal("NaN")},
        max_notional_per_venue={"ALPHA": Decimal(-1)},
        max_total_notional=Decimal("Infinity"),
        price_tolerance=Decimal(0),
        max_orders_per_second=0,
        duplicate_window_ns=-1,
        repeated_execution_count=3,
    ) == [
        "enabled",
        "allowed_instruments.BTC",
        "max_order_quantity.BTC",
        "max_order_quantity.*",
        "max_notional_per_venue.ALPHA",
        "max_total_notional",
        "price_tolerance",
        "max_orders_per_second",
        "duplicate_window_ns",
        "repeated_execution_window_ns",
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"max_loss": 5},
        {"max_loss": 5.0},
        {"max_loss": "5"},
        {"max_loss": Decimal("1e-19")},
        {"max_loss": Decimal(10) ** 18},
        {"margin_rate": Decimal("1.01")},
        {"margin_rate": Decimal(0)},
        {"max_slippage": Decimal(2)},
        {"price_tolerance": Decimal(11)},
        {"max_open_orders": True},
        {"max_open_orders": 1.0},
        {"max_open_orders": 1_000_001},
        {"rule_budget_ns": 0},
        {"repeated_execution_window_ns": 1},
        {"max_position_per_instrument": {"ALPHA": Decimal(1)}},
    ],
)
def test_a_value_out_of_its_range_or_type_is_refused(values: dict[str, Any]) -> None:
    (path,) = paths_of(**values)
    assert path.partition(".")[0] in (*values, "repeated_execution_window_ns")


@pytest.mark.parametrize("key", [SPOT, SPOT_PRODUCT, "*"])
def test_limits_are_keyed_by_instrument_product_or_any(key: str) -> None:
    assert RiskConfig(max_order_quantity={key: Decimal(1)}).max_order_quantity == {key: Decimal(1)}


def test_a_limit_of_zero_is_a_limit() -> None:
    assert RiskConfig(max_position_global=Decimal(0)).max_position_global == 0


def test_limits_are_copied_so_that_nobody_changes_them_later() -> None:
    limits = {"*": Decimal(1)}
    config = RiskConfig(max_order_quantity=limits)
    limits["*"] = Decimal(100)
    assert config.max_order_quantity["*"] == 1
    with pytest.raises(TypeError):
        config.max_order_quantity["*"] = Decimal(100)  # type: ignore[index] # that it can't be done is the test


class TestLimitTable:
    @pytest.mark.parametrize(
        ("limits", "of_leg", "of_product"),
        [
            ({}, None, None),
            ({"*": 1}, 1, 1),
            ({"*": 1, SPOT_PRODUCT: 2}, 2, 2),
            ({"*": 1, SPOT_PRODUCT: 2, SPOT: 3}, 3, 2),
            ({SPOT: 3}, 3, None),
            ({SPOT: 0, "*": 1}, 0, 1),
        ],
    )
    def test_the_most_specific_limit_holds(
        self, limits: dict[str, int], of_leg: int | None, of_product: int | None
    ) -> None:
        table = LimitTable({key: Decimal(limit) for key, limit in limits.items()})
        for _ in range(2):
            assert table.of_leg(SPOT, SPOT_PRODUCT) == of_leg
            assert table.of_product(SPOT_PRODUCT) == of_product

    def test_instruments_are_told_apart(self) -> None:
        table = LimitTable({SPOT: Decimal(3), "*": Decimal(1)})
        assert table.of_leg(SPOT, SPOT_PRODUCT) == 3
        assert table.of_leg(SPOT_AT_BETA, SPOT_PRODUCT) == 1
