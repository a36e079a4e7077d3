"""What an account with one margin for everything has of each asset, and what holds it."""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Final

from attrs import frozen

from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import MONEY, ZERO, divide
from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.shared.floor import Floor

__all__ = ["Holding", "holdings"]

_DOLLARS: Final = frozenset({"USD", "USDC", "USDT"})


@frozen
class Holding:
    """An asset of an account: what there is, what spot orders, contract orders and positions hold of it, its worth."""

    asset: str
    total: Decimal
    spot_orders: Decimal
    contract_orders: Decimal
    positions: Decimal
    unrealised: Decimal
    realised: Decimal
    usd_price: Decimal

    @property
    def equity(self) -> Decimal:
        """With what positions would realise now."""
        return MONEY.add(self.total, self.unrealised)

    @property
    def held(self) -> Decimal:
        """What orders and positions hold."""
        with localcontext(MONEY):
            return self.spot_orders + self.contract_orders + self.positions

    @property
    def free(self) -> Decimal:
        """What could be withdrawn."""
        return max(MONEY.subtract(self.total, self.held), ZERO)

    @property
    def worth(self) -> Decimal:
        """The equity in dollars."""
        return MONEY.multiply(self.equity, self.usd_price)


def holdings(floor: Floor, user_id: int, leverage: int) -> list[Holding]:
    """Every asset that the account has or had, on a floor whose initial margin is that of the leverage."""
    positions: dict[str, Decimal] = {}
    unrealised: dict[str, Decimal] = {}
    realised: dict[str, Decimal] = {}
    spot_orders = _held_by_spot_orders(floor, user_id)
    with localcontext(MONEY):
        for symbol in floor.symbols.values():
            if symbol.kind is ContractKind.SPOT:
                continue
            position, asset = floor.position(user_id, symbol.name), symbol.settlement
            gain = position.unrealized_pnl(floor.market.mark(symbol.name))
            positions[asset] = positions.get(asset, ZERO) + divide(abs(position.cost), Decimal(leverage))
            unrealised[asset] = unrealised.get(asset, ZERO) + gain
            realised[asset] = realised.get(asset, ZERO) + position.realized_pnl
        found = []
        for asset, (total, available) in floor.balances(user_id).items():
            spot, position_margin = spot_orders.get(asset, ZERO), positions.get(asset, ZERO)
            found.append(
                Holding(
                    asset=asset,
                    total=total,
                    spot_orders=spot,
                    contract_orders=max(total - available - spot - position_margin, ZERO),
                    positions=position_margin,
                    unrealised=unrealised.get(asset, ZERO),
                    realised=realised.get(asset, ZERO),
                    usd_price=_usd_price(floor, asset),
                )
            )
    return found


def _held_by_spot_orders(floor: Floor, user_id: int) -> Mapping[str, Decimal]:
    held: dict[str, Decimal] = {}
    for order in floor.orders_of(user_id, open_only=True):
        if order.symbol.kind is ContractKind.SPOT and order.price is not None:
            is_buy = order.side is Side.BUY
            asset = order.symbol.quote if is_buy else order.symbol.base
            amount = MONEY.multiply(order.leaves, order.price) if is_buy else order.leaves
            held[asset] = MONEY.add(held.get(asset, ZERO), amount)
    return held


def _usd_price(floor: Floor, asset: str) -> Decimal:
    if asset in _DOLLARS:
        return Decimal(1)
    kinds = {ContractKind.SPOT, ContractKind.LINEAR}
    quoted = (each for each in floor.symbols.values() if each.base == asset and each.quote in _DOLLARS)
    return next((floor.market.mark(each.name) for each in quoted if each.kind in kinds), ZERO)
