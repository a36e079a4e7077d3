"""What is held: positions by strategy and product, and nets as limits compare them."""

from collections.abc import Sequence
from decimal import Decimal

from liveexec.domain.ids import AccountId, InstrumentId, ProductId, StrategyId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import ZERO
from liveexec.domain.position import Position
from liveexec.engine.exposure import product_of_key
from liveexec.engine.state import EngineState

__all__ = ["Holdings", "held_between", "net_of", "worst_net"]


class Holdings:
    """A ledger's positions by strategy and product.

    The ledger adds positions and never drops one, so what is new stands at its end.
    """

    def __init__(self) -> None:
        self.by_strategy: dict[StrategyId, dict[ProductId, list[Position]]] = {}
        self._ledger: Ledger | None = None
        self._seen = 0

    def refresh(self, ledger: Ledger) -> None:
        """Take in the positions that were opened since."""
        if ledger is not self._ledger or len(ledger.positions) < self._seen:
            self.by_strategy.clear()
            self._ledger, self._seen = ledger, 0
        new = len(ledger.positions) - self._seen
        if not new:
            return
        for key in list(ledger.positions)[-new:]:
            _, strategy_id, instrument_id = key
            products = self.by_strategy.setdefault(strategy_id, {})
            products.setdefault(product_of_key(instrument_id), []).append(ledger.positions[key])
        self._seen += new

    def of_strategy(self, strategy_id: StrategyId, product_id: ProductId) -> Sequence[Position]:
        """A strategy's positions in a product: one per account and venue."""
        products = self.by_strategy.get(strategy_id)
        return products.get(product_id, ()) if products is not None else ()


def net_of(positions: Sequence[Position]) -> Decimal:
    """The sum of the positions' quantities."""
    net = ZERO
    for position in positions:
        net += position.quantity
    return net


def worst_net(low: Decimal, high: Decimal, buys: Decimal, sells: Decimal) -> Decimal:
    """The largest position, of either sign, that a net between low and high becomes if orders fill at worst."""
    return max(high + buys, sells - low)


def held_between(state: EngineState, account_id: AccountId, instrument_id: InstrumentId) -> tuple[Decimal, Decimal]:
    """The lowest and the highest net that an account may hold: ours, and the venue's while the two differ."""
    net = state.ledger.net_quantity(account_id, instrument_id)
    if state.ledger.drifts:
        drift = state.ledger.drifts.get((account_id, f"position:{instrument_id}"))
        if drift is not None:
            # Fills since then have moved both by the same.
            other = net + drift.theirs - drift.ours
            return min(net, other), max(net, other)
    return net, net
