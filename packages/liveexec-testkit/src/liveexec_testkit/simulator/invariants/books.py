"""Checked with every batch: positions, results, fees and assets, worked out once more from fills alone.

The sums are exact fractions, and written from the contracts' definitions: average cost, value in the settlement asset.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from attrs import define, field

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.instrument import ContractKind, ContractTerms
from liveexec.domain.ledger import Ledger
from liveexec.domain.order import Order
from liveexec.domain.position import Position
from liveexec.domain.record import Record
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["BookChecks"]

#: A decimal amount as an exact fraction, without looking for what else it might be.
_exact: Final = Fraction.from_decimal
#: Amounts are kept to 18 places, so sums of some of them differ by less than this from exact ones.
_CLOSE: Final = Fraction(1, 10**12)


@define(eq=False)
class _Holding:
    """A position as exact sums."""

    quantity: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    fees: dict[str, Fraction] = field(factory=dict)

    def trade(self, terms: ContractTerms, quantity: Fraction, price: Fraction) -> tuple[Fraction, Fraction]:
        """Trade a signed quantity: (its value, what closing realised), in the settlement asset."""
        size = quantity * _exact(terms.multiplier)
        value = size / price if terms.kind is ContractKind.INVERSE else size * price
        realized = Fraction(0)
        opened = quantity
        if self.quantity * quantity < 0:
            closed = min(abs(quantity), abs(self.quantity))
            entry = self.cost * closed / abs(self.quantity)
            exit_ = -value * closed / abs(quantity)
            # Coins that a contract is worth fall when its price rises.
            realized = entry - exit_ if terms.kind is ContractKind.INVERSE else exit_ - entry
            self.cost -= entry
            opened = quantity * (abs(quantity) - closed) / abs(quantity)
        if opened:
            self.cost += value * opened / quantity
        self.quantity += quantity
        self.realized += realized
        return value, realized


@define(eq=False)
class BookChecks:
    """``before`` is told of each event before ``ledger`` folds it, ``after_batch`` when a batch is folded."""

    violations: Violations
    ledger: Ledger
    _nets: dict[tuple[AccountId, InstrumentId], _Holding] = field(factory=dict)
    _shares: dict[tuple[AccountId, Any, InstrumentId], _Holding] = field(factory=dict)
    _assets: dict[tuple[AccountId, str], Fraction] = field(factory=dict)
    _moved: dict[tuple[AccountId, Any, InstrumentId], None] = field(factory=dict)

    def before(self, record: Record, order: Order | None, event: Any) -> None:
        """An event is durable, and about to be folded."""
        match event:
            case ev.FillApplied(fill=fill):
                self._fill(order, fill, 1)
            case ev.FillBusted(fill=fill):
                self._fill(order, fill, -1)
            case ev.FillCorrected(original=original, fill=fill):
                self._fill(order, original, -1)
                self._fill(order, fill, 1)
            case acc.AssetMoved(account_id=account_id, asset=asset, amount=amount):
                began_ns = self.ledger.opened.get(account_id, 0)
                if event.venue_time_ns < began_ns and not _opens(record):
                    self.violations.add(12, f"{event.reference} counts on top of what {account_id} began with")
                self._move(account_id, asset, _exact(amount))
            case acc.PositionChanged():
                if event.kind is acc.PositionChange.OPENING and not _opens(record):
                    self.violations.add(
                        12, f"{event.account_id}: {event.quantity} of {event.instrument_id} from nowhere"
                    )
                self._change(event)
            case _:
                pass

    def after_batch(self, _: int) -> None:
        """A batch is folded: what it moved is what it should be."""
        moved = list(self._moved)
        self._moved.clear()
        for account_id, strategy_id, instrument_id in moved:
            book = self.ledger.books.get(account_id)
            net = book.positions.get(instrument_id) if book is not None else None
            self._compare(f"{account_id} {instrument_id}", net, self._nets[account_id, instrument_id])
            key = (account_id, strategy_id, instrument_id)
            self._compare(
                f"{strategy_id} {account_id} {instrument_id}", self.ledger.positions.get(key), self._shares[key]
            )
        for account_id in dict.fromkeys(account_id for account_id, _, _ in moved):
            held = self.ledger.books[account_id].assets
            for (owner, asset), amount in self._assets.items():
                if owner == account_id and not _is_close(held.get(asset, Decimal(0)), amount):
                    self.violations.add(
                        12, f"{account_id} has {held.get(asset)} {asset}, its trades make {float(amount)}"
                    )

    def _compare(self, name: str, found: Position | None, expected: _Holding) -> None:
        add = self.violations.add
        if found is None:
            add(12, f"{name}: there is no position, {float(expected.quantity)} is held")
            return
        for what, mine, theirs in (
            ("quantity", found.quantity, expected.quantity),
            ("cost", found.cost, expected.cost),
            ("realised result", found.realized_pnl, expected.realized),
            *((f"fees in {asset}", found.fees.get(asset, Decimal(0)), fee) for asset, fee in expected.fees.items()),
        ):
            if not _is_close(mine, theirs):
                add(12, f"{name}: the {what} is {mine}, the trades make {float(theirs)}")

    def _fill(self, order: Order | None, fill: Fill, sign: int) -> None:
        assert order is not None
        assert order.account_id is not None
        assert order.terms is not None
        account_id, terms, instrument_id = order.account_id, order.terms, fill.instrument_id
        quantity, price = _exact(fill.quantity) * fill.side.sign * sign, _exact(fill.price)
        fee = _exact(fill.fee) * sign
        net, share = self._holdings(account_id, order.strategy_id, instrument_id)
        value, realized = net.trade(terms, quantity, price)
        share.trade(terms, quantity, price)
        for holding in (net, share):
            holding.fees[fill.fee_asset] = holding.fees.get(fill.fee_asset, Fraction(0)) + fee
        if terms.kind is ContractKind.SPOT:
            self._move(account_id, terms.base_asset, quantity * _exact(terms.multiplier))
            self._move(account_id, terms.quote_asset, -value)
        else:
            self._move(account_id, terms.settlement_asset, realized)
        self._move(account_id, fill.fee_asset, -fee)

    def _change(self, event: acc.PositionChanged) -> None:
        net, share = self._holdings(event.account_id, event.strategy_id, event.instrument_id)
        quantity, price = _exact(event.quantity), _exact(event.price)
        _, realized = net.trade(event.terms, quantity, price)
        share.trade(event.terms, quantity, price)
        self._move(event.account_id, event.terms.settlement_asset, realized)

    def _holdings(
        self, account_id: AccountId, strategy_id: Any, instrument_id: InstrumentId
    ) -> tuple[_Holding, _Holding]:
        self._moved[account_id, strategy_id, instrument_id] = None
        net = self._nets.setdefault((account_id, instrument_id), _Holding())
        return net, self._shares.setdefault((account_id, strategy_id, instrument_id), _Holding())

    def _move(self, account_id: AccountId, asset: str, amount: Fraction) -> None:
        self._assets[account_id, asset] = self._assets.get((account_id, asset), Fraction(0)) + amount


def _opens(record: Record) -> bool:
    return any(isinstance(each, acc.AccountOpened) for each in record.events)


def _is_close(amount: Decimal, exact: Fraction) -> bool:
    return abs(_exact(amount) - exact) < _CLOSE
