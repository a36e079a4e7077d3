"""From fills and prices to positions over time and the curve of the equity: the fold that every run's files share.

Realised and unrealised results are in the asset that a position settles in; the curve adds them up in one currency, at
rates that are given, and are the same all along.
"""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import Final

from liveexec.domain import money
from liveexec.domain.ids import AccountId, InstrumentId, StrategyId
from liveexec.domain.instrument import ContractTerms
from liveexec.domain.ledger import PositionKey
from liveexec.domain.money import MONEY, ONE, ZERO
from liveexec.domain.position import Position
from liveexec.domain.stored import FillRow
from liveexec.errors import Fault, InvalidInput
from liveexec.storage.results.conversions import position_at
from liveexec.storage.results.rows import EquityPoint, ResultPosition

__all__ = ["PortfolioHistory"]

_NO_RATES: Final[Mapping[str, Decimal]] = MappingProxyType({})


class PortfolioHistory:
    """Folds fills and marks, which come in the order of their times, and keeps the rows that they make.

    ``rates`` say what one unit of another asset is worth in ``currency``. Between fills, ``mark`` is called as often
    as the curve is to have points.
    """

    def __init__(self, currency: str, initial_value: Decimal = ZERO, rates: Mapping[str, Decimal] = _NO_RATES) -> None:
        self._currency = currency
        self._initial = initial_value
        self._rates = {**rates, currency: ONE}
        self._positions: dict[PositionKey, Position] = {}
        self._marks: dict[InstrumentId, Decimal] = {}
        self._realized_before, self._fees_before = ZERO, ZERO
        self.positions: list[ResultPosition] = []
        self.equity_curve: list[EquityPoint] = []

    def fill(self, found: FillRow, terms: ContractTerms) -> None:
        """A fill that counts: its position moves, and the price it was done at is the last one known.

        Raises:
            InvalidInput: there is no rate for what it settles in, or for what its fee was paid in.
        """
        fill = found.fill
        self._check_rates({terms.settlement_asset, fill.fee_asset})
        key = (found.account_id, found.strategy_id, fill.instrument_id)
        with localcontext(MONEY):
            position = self._positions.get(key)
            if position is None:
                position = self._positions[key] = Position(fill.instrument_id, terms)
            position.trade(fill.quantity * fill.side.sign, fill.price, fill.venue_time_ns)
            position.pay_fee(fill.fee_asset, fill.fee)
            self._marks[fill.instrument_id] = fill.price
            self._note_position(key, fill.venue_time_ns)
            self._note_equity(fill.instrument_id, fill.venue_time_ns)

    def mark(self, instrument_id: InstrumentId, price: Decimal, at_ns: int) -> None:
        """The market's price of an instrument: a point of the curve."""
        with localcontext(MONEY):
            self._marks[instrument_id] = price
            self._note_equity(instrument_id, at_ns)

    def begin(self) -> None:
        """Let the rows begin here: what was folded before is where positions come from, and no result of the run."""
        with localcontext(MONEY):
            self._realized_before, self._fees_before = self._realized(), self._fees()
        self.positions, self.equity_curve = [], []

    def finish(self, at_ns: int) -> None:
        """Note how every position stands at the end."""
        for key in sorted(self._positions):
            self._note_position(key, at_ns)

    def _note_position(self, key: PositionKey, at_ns: int) -> None:
        account_id, strategy_id, instrument_id = key
        mark = self._marks.get(instrument_id)
        self.positions.append(
            position_at(at_ns, AccountId(account_id), StrategyId(strategy_id), self._positions[key], mark)
        )

    def _note_equity(self, instrument_id: InstrumentId, at_ns: int) -> None:
        realized = self._realized() - self._realized_before
        fees = self._fees() - self._fees_before
        unrealized = self._unrealized()
        self.equity_curve.append(
            EquityPoint(
                timestamp=at_ns,
                portfolio_value=money.shortest(self._initial + realized + unrealized - fees),
                realized_pnl=money.shortest(realized),
                unrealized_pnl=money.shortest(unrealized),
                position=money.shortest(
                    sum((each.quantity for key, each in self._positions.items() if key[2] == instrument_id), ZERO)
                ),
                price=money.shortest(self._marks[instrument_id]),
                fees=money.shortest(fees),
                currency=self._currency,
                instrument_id=instrument_id,
            )
        )

    def _realized(self) -> Decimal:
        return sum((self._valued(each.terms.settlement_asset, each.realized_pnl) for each in self._all()), ZERO)

    def _fees(self) -> Decimal:
        return sum((self._valued(asset, paid) for each in self._all() for asset, paid in each.fees.items()), ZERO)

    def _unrealized(self) -> Decimal:
        return sum(
            (
                self._valued(each.terms.settlement_asset, each.unrealized_pnl(self._marks[each.instrument_id]))
                for each in self._all()
            ),
            ZERO,
        )

    def _all(self) -> list[Position]:
        return list(self._positions.values())

    def _valued(self, asset: str, amount: Decimal) -> Decimal:
        return money.storable(amount * self._rates[asset])

    def _check_rates(self, assets: set[str]) -> None:
        missing = sorted(asset for asset in assets if asset not in self._rates)
        if missing:
            raise InvalidInput(
                f"results in {self._currency}", [Fault(asset, f"has no rate in {self._currency}") for asset in missing]
            )
