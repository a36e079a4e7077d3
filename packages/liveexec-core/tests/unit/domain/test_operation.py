"""Sides and order types: the signs that folds rely on."""

import pytest

from liveexec.domain.operation import OPERATIONS, Operation, OrderType, Side

SIGNS = {
    Side.BUY: 1,
    Side.SELL: -1,
    Side.SUPPLY: 1,
    Side.WITHDRAW: -1,
    Side.BORROW: -1,
    Side.REPAY: 1,
    Side.STAKE: 1,
    Side.UNSTAKE: -1,
    Side.BACK: 1,
    Side.LAY: -1,
}


@pytest.mark.parametrize("side", Side)
def test_a_side_has_its_sign_and_the_opposite_undoes_it(side: Side) -> None:
    assert side.sign == SIGNS[side]
    assert side.opposite.sign == -side.sign
    assert side.opposite.opposite is side


@pytest.mark.parametrize(
    ("kind", "limit", "trigger"),
    [
        (OrderType.MARKET, False, False),
        (OrderType.LIMIT, True, False),
        (OrderType.STOP_MARKET, False, True),
        (OrderType.STOP_LIMIT, True, True),
    ],
)
def test_what_prices_an_order_type_has(kind: OrderType, limit: bool, trigger: bool) -> None:
    assert (kind.has_limit, kind.has_trigger) == (limit, trigger)


def test_every_operation_has_its_rule_and_the_table_can_not_be_changed() -> None:
    assert set(OPERATIONS) == set(Operation)
    with pytest.raises(TypeError):
        OPERATIONS[Operation.TRADE] = OPERATIONS[Operation.BET]  # type: ignore[index] # wrong on purpose
