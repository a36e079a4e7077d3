"""SLIPPAGE and GAS: what an on-chain operation may cost beside its price."""

from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.engine.risk_config import RiskConfig
from support.builders import SPOT, make_bet_intent, make_intent
from support.risk_world import RiskWorld, codes_of


def swap(max_slippage: str = "0.005", gas: str | None = "30") -> OrderIntent:
    return make_intent(
        operation=Operation.SWAP,
        side=Side.SELL,
        order_type=OrderType.MARKET,
        price=None,
        source_token="WETH",
        target_token="USDC",
        max_slippage=Decimal(max_slippage),
        max_gas_price_gwei=Decimal(gas) if gas is not None else None,
    )


def supply(**changes: Any) -> OrderIntent:
    values = {"operation": Operation.SUPPLY, "side": Side.SUPPLY, "order_type": OrderType.MARKET, "price": None}
    return make_intent(instrument_key=SPOT, **(values | changes))


@pytest.mark.parametrize(("slippage", "codes"), [("0.01", []), ("0.0101", ["SLIPPAGE"])])
def test_a_swap_bears_no_more_slippage_than_is_configured(slippage: str, codes: list[str]) -> None:
    world = RiskWorld(RiskConfig(max_slippage=Decimal("0.01")))
    assert codes_of(world.parent(swap(slippage))) == codes


@pytest.mark.parametrize(
    ("gas", "codes"), [("50", []), ("50.000000001", ["GAS"]), (None, ["GAS"])], ids=["at", "above", "any price"]
)
def test_an_on_chain_operation_pays_no_more_for_gas_than_is_configured(gas: str | None, codes: list[str]) -> None:
    world = RiskWorld(RiskConfig(max_gas_price_gwei=Decimal(50)))
    assert codes_of(world.parent(swap(gas=gas))) == codes
    asked = Decimal(gas) if gas is not None else None
    assert codes_of(world.parent(supply(max_gas_price_gwei=asked))) == codes


def test_trades_and_bets_have_neither() -> None:
    world = RiskWorld(RiskConfig(max_slippage=Decimal("0.001"), max_gas_price_gwei=Decimal(1)))
    assert codes_of(world.parent(make_intent())) == []
    assert codes_of(world.parent(make_bet_intent())) == []
