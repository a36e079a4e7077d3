"""A ledger's positions, found by strategy and product."""

from collections.abc import Sequence
from decimal import Decimal

from liveexec.domain.ids import ProductId, StrategyId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import ZERO
from liveexec.domain.position import Position
from liveexec.engine.exposure import product_of_key

__all__ = ["Holdings", "net_of"]


class Holdings:
    """The index. The ledger adds positions and never drops one, so what is new stands at its end."""

    def __init__(self) -> None:
        self.by_product: dict[ProductId, list[Position]] = {}
        self.by_strategy: dict[StrategyId, dict[ProductId, list[Position]]] = {}
        self._ledger: Ledger | None = None
        self._seen = 0

    def refresh(self, ledger: Ledger) -> None:
        """Take in the positions that were opened since."""
        if ledger is not self._ledger or len(ledger.positions) < self._seen:
            self.by_product.clear()
            self.by_strategy.clear()
            self._ledger, self._seen = ledger, 0
        new = len(ledger.positions) - self._seen
        if not new:
            return
        for key in list(ledger.positions)[-new:]:
            _, strategy_id, instrument_id = key
            position = ledger.positions[key]
            product_id = product_of_key(instrument_id)
            self.by_product.setdefault(product_id, []).append(position)
            self.by_strategy.setdefault(strategy_id, {}).setdefault(product_id, []).append(position)
        self._seen += new

    def of_strategy(self, strategy_id: StrategyId, product_id: ProductId) -> Decimal:
        """A strategy's net quantity of a product, over all venues."""
        products = self.by_strategy.get(strategy_id)
        return net_of(products.get(product_id, ())) if products is not None else ZERO


def net_of(positions: Sequence[Position]) -> Decimal:
    """The sum of the positions' quantities."""
    net = ZERO
    for position in positions:
        net += position.quantity
    return net
