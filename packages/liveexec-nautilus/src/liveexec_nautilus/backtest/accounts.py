"""What the accounts hold: the fold of the fills that the simulated venues told, compared with the library's accounts.

Positions and balances that the engine is shown come from this fold, which is exact. The library keeps averages and
results as doubles, and an inverse contract's average price as the mean of prices, where its value goes with their
reciprocals; so its balances differ from the exact ones by what :func:`_allowed` bounds, and by no more: at the end of
a replay, anything else is an error.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import MONEY, ZERO, divide
from liveexec.domain.outcome import BalanceReport, FillReport, PositionReport
from liveexec.domain.position import AccountBook
from liveexec.errors import InvariantViolation
from liveexec.venues.paper.config import FeeIn
from liveexec.venues.paper.truth import AccountLedger
from liveexec_nautilus.backtest.instruments import SimulatedInstrument, currency
from liveexec_nautilus.backtest.layout import SimulatedVenue
from liveexec_nautilus.vendor_backtest import Cache, PositionSide

__all__ = ["SimulatedAccounts"]

#: Of what was traded: doubles hold 15 digits, and results are made of a few of them.
_OF_TURNOVER: Final = Decimal("1e-12")
#: Amounts are cut to 16 places.
_PER_FILL: Final = Decimal("2e-16")


class SimulatedAccounts:
    """Every account, each with the fold of its fills at every simulated venue of its own."""

    def __init__(self, venues: Iterable[SimulatedVenue]) -> None:
        self._parts: dict[AccountId, list[tuple[SimulatedVenue, AccountLedger]]] = {}
        self._traded: dict[tuple[AccountId, InstrumentId], tuple[SimulatedInstrument, AccountLedger]] = {}
        for venue in venues:
            ledger = AccountLedger(venue.account_id, dict(venue.starting), AccountBook(venue.account_id))
            self._parts.setdefault(venue.account_id, []).append((venue, ledger))
            for instrument in venue.instruments:
                self._traded[venue.account_id, instrument.listing.instrument_id] = instrument, ledger

    def find(
        self, account_id: AccountId, instrument_id: InstrumentId
    ) -> tuple[SimulatedInstrument, AccountLedger] | None:
        """The instrument as the account trades it, and the ledger that its fills go into."""
        return self._traded.get((account_id, instrument_id))

    def apply(self, report: FillReport) -> None:
        """Count a fill."""
        instrument, ledger = self._traded[report.account_id, report.fill.instrument_id]
        with localcontext(MONEY):
            ledger.book.apply_fill(report.fill, instrument.listing.terms, report.fill.venue_time_ns)
        ledger.fills.append(report)

    def fills(self, account_id: AccountId, since_ns: int) -> list[FillReport]:
        """All fills at or after a time, oldest first."""
        found = [report for _, ledger in self._parts[account_id] for report in ledger.fills_since(since_ns)]
        return sorted(found, key=lambda report: report.fill.venue_time_ns)

    def positions(self, account_id: AccountId) -> list[PositionReport]:
        """All net positions that are not flat."""
        return [
            PositionReport(account_id, instrument_id, position.quantity, position.average_price, position.updated_at_ns)
            for _, ledger in self._parts[account_id]
            for instrument_id, position in ledger.book.positions.items()
            if position.quantity
        ]

    def balances(self, account_id: AccountId, cache: Cache, at_ns: int) -> list[BalanceReport]:
        """Every asset that the account has or had; available is what neither its orders nor its positions tie up."""
        totals: dict[str, Decimal] = {}
        locked: dict[str, Decimal] = {}
        with localcontext(MONEY):
            for venue, ledger in self._parts[account_id]:
                account = cache.account_for_venue(venue.venue)
                for asset in ledger.assets():
                    # What it started with is the same at each of its venues.
                    totals.setdefault(asset, ledger.starting.get(asset, ZERO))
                    totals[asset] += ledger.book.assets.get(asset, ZERO)
                    held = account.balance_locked(currency(asset)) if account is not None else None
                    locked[asset] = locked.get(asset, ZERO) + (held.as_decimal() if held is not None else ZERO)
            return [
                BalanceReport(account_id, asset, total, total - locked[asset], at_ns) for asset, total in totals.items()
            ]

    def verify(self, cache: Cache) -> None:
        """Hold the fold against the library's own positions and balances.

        Raises:
            InvariantViolation: they differ by more than rounding explains; every difference is named.
        """
        with localcontext(MONEY):
            parts = [part for parts in self._parts.values() for part in parts]
            differences = [each for venue, ledger in parts for each in _differences(venue, ledger, cache)]
        if differences:
            raise InvariantViolation(f"the simulated accounts do not add up: {'; '.join(differences)}")


def _differences(venue: SimulatedVenue, ledger: AccountLedger, cache: Cache) -> list[str]:
    found = []
    theirs: dict[InstrumentId, Decimal] = {}
    for position in cache.positions_open(venue=venue.venue):
        instrument_id = InstrumentId(str(position.instrument_id.symbol))
        sign = 1 if position.side == PositionSide.LONG else -1
        theirs[instrument_id] = theirs.get(instrument_id, ZERO) + sign * position.quantity.as_decimal()
    for instrument in venue.instruments:
        instrument_id = instrument.listing.instrument_id
        ours, allowed = _net(ledger, instrument, venue.fee_in)
        told = theirs.get(instrument_id, ZERO)
        if abs(ours - told) > allowed:
            found.append(f"{ledger.account_id} holds {told} of {instrument_id}, and its fills make {ours}")
    account = cache.account_for_venue(venue.venue)
    for asset in ledger.assets():
        held = account.balance_total(currency(asset)) if account is not None else None
        told = held.as_decimal() if held is not None else ZERO
        ours = ledger.total(asset)
        if abs(ours - told) > _allowed(
            asset, ledger.fills, {each.listing.instrument_id: each for each in venue.instruments}
        ):
            found.append(f"{ledger.account_id} has {told} {asset}, and its fills make {ours}")
    return found


def _net(ledger: AccountLedger, instrument: SimulatedInstrument, fee_in: FeeIn) -> tuple[Decimal, Decimal]:
    """The net of the fills as the library counts it, and how far it may be off: of a spot pair, it takes fees in the
    base asset off the position, and then rounds that to the lot."""
    net = ledger.net(instrument.listing.instrument_id)
    terms = instrument.listing.terms
    if terms.kind is not ContractKind.SPOT or fee_in is not FeeIn.RECEIVED:
        return net, ZERO
    paid = sum(
        (
            report.fill.fee
            for report in ledger.fills
            if report.fill.instrument_id == instrument.listing.instrument_id
            and report.fill.fee_asset == terms.base_asset
        ),
        ZERO,
    )
    return net - paid, instrument.listing.lot


def _allowed(
    asset: str, fills: Sequence[FillReport], instruments: Mapping[InstrumentId, SimulatedInstrument]
) -> Decimal:
    """How far the library's balance of an asset may be from the exact one.

    The mean of prices and the price of the mean value differ, relative to the value, by at most a quarter of the
    squared relative distance of the highest and the lowest price (Kantorovich's inequality).
    """
    allowed = ZERO
    ranges: dict[InstrumentId, tuple[Decimal, Decimal, Decimal]] = {}
    for report in fills:
        fill = report.fill
        terms = instruments[fill.instrument_id].listing.terms
        if asset not in (terms.base_asset, terms.quote_asset, terms.settlement_asset, fill.fee_asset):
            continue
        value = _moved(asset, fill, instruments[fill.instrument_id])
        allowed += value * _OF_TURNOVER + _PER_FILL
        if terms.kind is ContractKind.INVERSE:
            low, high, turnover = ranges.get(fill.instrument_id, (fill.price, fill.price, ZERO))
            ranges[fill.instrument_id] = (min(low, fill.price), max(high, fill.price), turnover + value)
    for low, high, turnover in ranges.values():
        apart = divide(high - low, low)
        allowed += turnover * apart * apart / 4
    return allowed


def _moved(asset: str, fill: Fill, instrument: SimulatedInstrument) -> Decimal:
    terms = instrument.listing.terms
    if terms.kind is ContractKind.SPOT and asset == terms.base_asset:
        return fill.quantity
    return terms.value(fill.quantity, fill.price)
