"""STALE_MARKET: whether the market that the order relies on is known, recent and sane."""

from typing import ClassVar

from attrs import define

from liveexec.domain.operation import Operation
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import LEG_STAGE, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["StaleMarketRule", "make_stale_market"]


@define(eq=False)
class StaleMarketRule:
    """Compares the age of the venue's book (nanoseconds of engine time) with ``max_market_age_ns`` and refuses a book
    that is missing, one-sided, crossed or not positive, where the order needs a market price: orders without a limit,
    and every order when a collar is set. Supports the price collars of MiFID II RTS 6 Art. 15(1)(a), which mean
    nothing on a stale price."""

    max_age_ns: int | None
    has_collar: bool

    name: ClassVar[str] = "stale_market"
    code: ClassVar[str] = "STALE_MARKET"
    stages: ClassVar[frozenset[RiskStage]] = LEG_STAGE

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        listing = check.listing
        if listing is None or not self._needs_market(check):
            return None
        instrument_id = listing.instrument_id
        book = state.market.books.get(instrument_id)
        if book is None:
            return f"no book of {instrument_id} is known"
        if self.max_age_ns is not None and state.now_ns - book.at_ns > self.max_age_ns:
            return f"the book of {instrument_id} is {state.now_ns - book.at_ns} ns old"
        if check.valuer.sane_book(state, instrument_id) is None:
            return f"the book of {instrument_id} is one-sided, crossed or not positive"
        return None

    def _needs_market(self, check: RiskCheck) -> bool:
        if check.limit_price is not None:
            return self.has_collar
        return check.order.intent.operation in (Operation.TRADE, Operation.SWAP)


def make_stale_market(config: RiskConfig) -> StaleMarketRule | None:
    """The rule, if market data may be too old, or a collar relies on it."""
    if config.max_market_age_ns is None and config.price_tolerance is None:
        return None
    return StaleMarketRule(config.max_market_age_ns, config.price_tolerance is not None)
