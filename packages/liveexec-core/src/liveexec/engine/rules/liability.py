"""LIABILITY: how much may be lost on one selection."""

from decimal import Decimal
from typing import ClassVar

from attrs import define

from liveexec.domain.money import ZERO
from liveexec.domain.operation import Operation
from liveexec.domain.order_event import RiskStage
from liveexec.engine.exposure import worst_price
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState
from liveexec.engine.valuation import MissingInput

__all__ = ["LiabilityRule", "make_liability"]


@define(eq=False)
class LiabilityRule:
    """Compares what the account may lose on the bet's selection with ``max_liability``, in the reporting asset: the
    worse of both results of what is matched, with every open bet of that outcome's side and this one added. A backer
    risks the stake, a layer stake x (odds - 1). A bet that does not make the worse result worse passes. A credit
    limit as of MiFID II RTS 6 Art. 15(4) and SEC 15c3-5(c)(1)(i), for venues of odds.
    """

    highest: Decimal

    name: ClassVar[str] = "liability"
    code: ClassVar[str] = "LIABILITY"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES
    operations: ClassVar[frozenset[Operation]] = frozenset({Operation.BET})

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        listing, account_id = check.listing, check.account(state)
        if listing is None or account_id is None:
            # The leg will know; at the leg itself this is a fault.
            return None if check.stage is RiskStage.PARENT else "it is not known where the bet goes"
        book = state.ledger.books.get(account_id)
        position = book.positions.get(listing.instrument_id) if book is not None else None
        working = state.exposure.of_instrument(account_id, listing.instrument_id)
        if working.unpriced or check.limit_price is None:
            raise MissingInput("the odds of a bet are not known")
        lost_if_loses = working.buys - (position.result_if_loses if position is not None else ZERO)
        lost_if_wins = working.sell_cost - working.sells - (position.result_if_wins if position is not None else ZERO)
        before = max(lost_if_loses, lost_if_wins)
        after = max(before, (lost_if_loses if check.sign > 0 else lost_if_wins) + _added(check, check.limit_price))
        if after <= before:
            return None
        liability = after * check.valuer.rate(state, listing.terms.quote_asset)
        if liability <= self.highest:
            return None
        return f"{account_id} could lose {liability:f} on {listing.instrument_id}, the limit is {self.highest:f}"


def _added(check: RiskCheck, odds: Decimal) -> Decimal:
    """What the bet may lose beyond what is counted for it already."""
    replaced = check.replaces
    if replaced is None:
        return _at_stake(check.sign, check.quantity, odds)
    reserved = worst_price(replaced)
    left = check.quantity - replaced.filled_quantity
    return _at_stake(check.sign, left, odds) - _at_stake(check.sign, replaced.worst_leaves, reserved or odds)


def _at_stake(sign: int, stake: Decimal, odds: Decimal) -> Decimal:
    return stake if sign > 0 else stake * (odds - 1)


def make_liability(config: RiskConfig) -> LiabilityRule | None:
    """The rule, if liability is limited."""
    return LiabilityRule(config.max_liability) if config.max_liability is not None else None
