"""What is held: open positions by strategy and by account, and what those that are closed have brought.

A check must not cost more because many instruments were traded before it, so closed positions are folded into sums,
and only places that orders or account events moved are looked at again.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from attrs import define, field

from liveexec.domain.ids import AccountId, InstrumentId, ProductId, StrategyId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import ZERO
from liveexec.domain.position import Position
from liveexec.engine.exposure import product_of_key
from liveexec.engine.state import EngineState

__all__ = ["Holdings", "Scope", "held_between", "worst_net"]

_Leaf = tuple[AccountId, InstrumentId]
_NOTHING: Final[Mapping[str, Decimal]] = MappingProxyType({})


@define(eq=False)
class Scope[Group, Key]:
    """Positions of a strategy or of all accounts: the open ones by group, and what all of them brought, by asset.

    ``brought`` is what was realised, less the fees; what is open may bring more, or less.
    """

    open: dict[Group, dict[Key, Position]] = field(factory=dict)
    brought: dict[str, Decimal] = field(factory=dict)
    _counted: dict[tuple[Group, Key], dict[str, Decimal]] = field(factory=dict)

    def renew(self, group: Group, key: Key, position: Position) -> None:
        """Look at a position again that may have changed."""
        place = (group, key)
        results, counted = _brought_by(position), self._counted.get(place, _NOTHING)
        if results != counted:
            brought = self.brought
            for asset, amount in counted.items():
                brought[asset] -= amount
            for asset, amount in results.items():
                brought[asset] = brought.get(asset, ZERO) + amount
            self._counted[place] = results
        members = self.open.get(group)
        if position.quantity or (position.cost and position.terms.kind is ContractKind.ODDS):
            if members is None:
                members = self.open[group] = {}
            members[key] = position
        elif members is not None and members.pop(key, None) is not None and not members:
            del self.open[group]


class Holdings:
    """Positions as limits look at them: ``strategies`` by product, ``accounts`` (nets at the venues) by account, and
    ``nets``, the quantities by product over all accounts.

    What changed is known from the exposure book, which every event of an order passes, and from the sequences of the
    accounts' streams, since whatever else moves a position is in one of them.
    """

    def __init__(self) -> None:
        self._ledger: Ledger | None = None
        self._sequence = -1
        self._clear()

    def refresh(self, state: EngineState) -> None:
        """Take in what changed since this was last asked."""
        ledger, moved = state.ledger, state.exposure.take_moved()
        sequence = ledger.account_events
        try:
            if ledger is not self._ledger or sequence != self._sequence:
                self._count_all(ledger)
            else:
                for account_id, strategy_id, instrument_id in moved:
                    self._renew_leaf(ledger, account_id, instrument_id)
                    self._renew_share(ledger, account_id, strategy_id, instrument_id)
        except Exception:
            # What is half done is made anew the next time.
            self._ledger = None
            raise
        self._ledger, self._sequence = ledger, sequence

    def net_of(self, strategy_id: StrategyId, product_id: ProductId) -> Decimal:
        """A strategy's net quantity of a product, over all venues."""
        scope = self.strategies.get(strategy_id)
        net = ZERO
        if scope is not None:
            for position in scope.open.get(product_id, {}).values():
                net += position.quantity
        return net

    def _clear(self) -> None:
        self.strategies: dict[StrategyId, Scope[ProductId, _Leaf]] = {}
        self.accounts: Scope[AccountId, InstrumentId] = Scope()
        self.nets: dict[ProductId, Decimal] = {}
        self._netted: dict[_Leaf, Decimal] = {}

    def _count_all(self, ledger: Ledger) -> None:
        self._clear()
        for account_id, book in ledger.books.items():
            for instrument_id in book.positions:
                self._renew_leaf(ledger, account_id, instrument_id)
        for account_id, strategy_id, instrument_id in ledger.positions:
            self._renew_share(ledger, account_id, strategy_id, instrument_id)

    def _renew_leaf(self, ledger: Ledger, account_id: AccountId, instrument_id: InstrumentId) -> None:
        """What an account holds in an instrument, over all strategies."""
        book = ledger.books.get(account_id)
        position = book.positions.get(instrument_id) if book is not None else None
        if position is None:
            return
        self.accounts.renew(account_id, instrument_id, position)
        leaf, quantity = (account_id, instrument_id), position.quantity
        netted = self._netted.get(leaf, ZERO)
        if quantity == netted:
            return
        self._netted[leaf] = quantity
        product_id = product_of_key(instrument_id)
        net = self.nets.get(product_id, ZERO) + quantity - netted
        if net:
            self.nets[product_id] = net
        else:
            self.nets.pop(product_id, None)

    def _renew_share(
        self, ledger: Ledger, account_id: AccountId, strategy_id: StrategyId, instrument_id: InstrumentId
    ) -> None:
        """A strategy's share of that."""
        position = ledger.positions.get((account_id, strategy_id, instrument_id))
        if position is None:
            return
        scope = self.strategies.get(strategy_id)
        if scope is None:
            scope = self.strategies[strategy_id] = Scope()
        scope.renew(product_of_key(instrument_id), (account_id, instrument_id), position)


def _brought_by(position: Position) -> dict[str, Decimal]:
    """What a position brought so far, by asset: realised, fees taken off."""
    results = {position.terms.settlement_asset: position.realized_pnl}
    for asset, fee in position.fees.items():
        results[asset] = results.get(asset, ZERO) - fee
    return results


def worst_net(low: Decimal, high: Decimal, buys: Decimal, sells: Decimal) -> Decimal:
    """The largest position, of either sign, that a net between low and high becomes if orders fill at worst."""
    return max(high + buys, sells - low)


def held_between(state: EngineState, account_id: AccountId, instrument_id: InstrumentId) -> tuple[Decimal, Decimal]:
    """The lowest and the highest net that an account may hold: ours, the venue's while the two differ, and what reports
    tell that no order was found for yet."""
    ledger = state.ledger
    book = ledger.books.get(account_id)
    position = book.positions.get(instrument_id) if book is not None else None
    net = position.quantity if position is not None else ZERO
    low = high = net
    if ledger.drifts:
        drift = ledger.drifts.get((account_id, f"position:{instrument_id}"))
        if drift is not None:
            # Fills since then have moved both by the same.
            other = net + drift.theirs - drift.ours
            low, high = min(net, other), max(net, other)
    if state.unclaimed:
        bought, sold = state.unclaimed.get((account_id, instrument_id), (ZERO, ZERO))
        low, high = low - sold, high + bought
    return low, high
