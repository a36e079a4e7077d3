"""The venues of a replay as NautilusTrader simulates them.

One of its venues has one account, and that is either a cash or a margin account. So each account of ours becomes up to
two of its venues: one for its spot pairs, one for its derivatives. Both start with everything that the account starts
with, and what it has at last is what it started with and what changed at either.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from attrs import frozen

from liveexec.domain.ids import AccountId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import ZERO, is_multiple
from liveexec.errors import ConfigurationError, Fault
from liveexec.venues.paper.config import FeeIn, PaperAccount, PaperInstrument, PaperVenueConfig
from liveexec_nautilus.backtest.fees import fee_model
from liveexec_nautilus.backtest.instruments import PLACES, SimulatedInstrument, currency, listing_faults, simulate
from liveexec_nautilus.backtest.options import NautilusOptions
from liveexec_nautilus.vendor_backtest import AccountType, BacktestEngine, BookType, Money, OmsType, Venue

__all__ = ["SimulatedVenue", "lay_out"]


@frozen(eq=False)
class SimulatedVenue:
    """One of the library's venues: an account's spot pairs, or its derivatives. ``sources`` are the instruments with
    what feeds their books."""

    venue: Venue
    account_id: AccountId
    is_cash: bool
    fee_in: FeeIn
    instruments: tuple[SimulatedInstrument, ...]
    sources: tuple[PaperInstrument, ...]
    starting: Mapping[str, Decimal]

    def add_to(self, engine: BacktestEngine, options: NautilusOptions) -> None:
        """Have an engine simulate it."""
        engine.add_venue(
            self.venue,
            OmsType.NETTING,
            AccountType.CASH if self.is_cash else AccountType.MARGIN,
            [Money.from_decimal(amount, currency(asset)) for asset, amount in self.starting.items()],
            default_leverage=Decimal(1),
            fee_model=fee_model(self.instruments, self.fee_in),
            book_type=BookType.L2_MBP,
            use_market_order_acks=True,
            liquidity_consumption=options.liquidity_consumption,
            queue_position=options.queue_position,
        )
        for instrument in self.instruments:
            engine.add_instrument(instrument.instrument)


def lay_out(venues: Sequence[PaperVenueConfig]) -> tuple[SimulatedVenue, ...]:
    """The library's venues for these venues.

    Raises:
        ConfigurationError: with everything that it can't simulate.
    """
    faults = [fault for config in venues for fault in _faults(config)]
    if faults:
        raise ConfigurationError("replay on NautilusTrader", faults)
    found: list[SimulatedVenue] = []
    for config in venues:
        for account in config.accounts:
            for is_cash in (True, False):
                sources = tuple(each for each in config.instruments if (each.kind is ContractKind.SPOT) is is_cash)
                if sources:
                    # Its own names: the library's account ids don't survive every character that ours may have.
                    venue = Venue(f"LX{len(found) + 1}")
                    found.append(_venue(venue, config, account, sources, is_cash=is_cash))
    return tuple(found)


def _venue(
    venue: Venue,
    config: PaperVenueConfig,
    account: PaperAccount,
    sources: tuple[PaperInstrument, ...],
    *,
    is_cash: bool,
) -> SimulatedVenue:
    instruments = tuple(
        simulate(source.listing(config.venue_class), venue, config.initial_margin) for source in sources
    )
    starting = dict.fromkeys(_assets_of(instruments), ZERO) | dict(account.balances)
    return SimulatedVenue(venue, account.account_id, is_cash, config.fee_in, instruments, sources, starting)


def _assets_of(instruments: Iterable[SimulatedInstrument]) -> list[str]:
    assets: dict[str, None] = {}
    for each in instruments:
        terms = each.listing.terms
        traded = (terms.base_asset, terms.quote_asset) if terms.kind is ContractKind.SPOT else (terms.settlement_asset,)
        assets.update(dict.fromkeys(traded))
    return list(assets)


def _faults(config: PaperVenueConfig) -> list[Fault]:
    faults = [
        Fault(f"{config.venue}.{item.instrument_id}.{fault.path}", fault.message)
        for item in config.instruments
        for fault in listing_faults(item.listing(config.venue_class))
    ]
    faults += [
        Fault(f"{config.venue}.{account.account_id}.balances.{asset}", f"{amount} has more than {PLACES} places")
        for account in config.accounts
        for asset, amount in account.balances.items()
        if not is_multiple(amount, Decimal(1).scaleb(-PLACES))
    ]
    return faults
