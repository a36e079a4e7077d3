"""What a paper venue is: its accounts, its listings with their fees, how it answers, and what feeds its books."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import field, frozen

from liveexec.domain.ids import AccountId, InstrumentId, VenueName, is_instrument_id, venue_of
from liveexec.domain.instrument import ContractKind, ContractTerms, Listing, TickSchedule
from liveexec.domain.money import MONEY, ONE, ZERO, is_multiple, is_storable
from liveexec.domain.operation import Operation, OrderType, TimeInForce, VenueClass
from liveexec.domain.venue import AdapterManifest, ClientIdRule, DedupeScope, ReplaceMode
from liveexec.errors import ConfigurationError, Fault, InvalidInput
from liveexec.plugins.adapter import API_VERSION
from liveexec.venues.paper.faults import FaultScript

__all__ = ["FeeIn", "Latency", "PaperAccount", "PaperInstrument", "PaperVenueConfig", "SelfTradePolicy", "manifest_of"]

#: What an order may have beside the usual fields: a word of its owner's, which is kept with it (FIX tag 58).
DETAILS: Final = frozenset({"text"})
#: Replaces that this venue can carry out; a remaining quantity is not one of its terms.
_REPLACE_MODES: Final = (ReplaceMode.ATOMIC_TOTAL, ReplaceMode.NONE)


class SelfTradePolicy(StrEnum):
    """What happens when an order would trade with a resting order of its own account."""

    CANCEL_RESTING = "cancel_resting"
    CANCEL_TAKER = "cancel_taker"
    REJECT = "reject"


class FeeIn(StrEnum):
    """What a spot fee is taken from: the quote asset, or whatever the fill brings in (the base asset for a buyer)."""

    QUOTE = "quote"
    RECEIVED = "received"


@frozen
class Latency:
    """How long requests and answers travel, in nanoseconds: fixed, plus up to ``jitter_ns`` drawn from the seed."""

    order_ns: int = 0
    report_ns: int = 0
    jitter_ns: int = 0

    @property
    def is_zero(self) -> bool:
        return not (self.order_ns or self.report_ns or self.jitter_ns)

    def faults(self) -> list[Fault]:
        """Everything that is wrong with it."""
        return [
            Fault(f"latency.{name}", "must not be negative")
            for name, value in (
                ("order_ns", self.order_ns),
                ("report_ns", self.report_ns),
                ("jitter_ns", self.jitter_ns),
            )
            if value < 0
        ]


@frozen
class PaperAccount:
    """An account at a paper venue and what it starts with, by asset."""

    account_id: AccountId
    balances: Mapping[str, Decimal]

    def faults(self, path: str) -> list[Fault]:
        """Everything that is wrong with it."""
        return [
            Fault(f"{path}.balances.{asset}", "must be an amount of at most 18 places that is not negative")
            for asset, amount in self.balances.items()
            if not is_storable(amount) or amount < 0
        ]


@frozen
class PaperInstrument:
    """A listing, and how the market that feeds it is changed on the way into this venue's book.

    ``source`` names the instrument of the market source whose books and trades are replayed here; ``None`` leaves the
    book to the venue's own orders. Prices of the source are moved by ``offset_ticks`` ticks of this listing and
    quantities multiplied by ``depth_factor``, so that one recording makes different books at different venues.
    """

    instrument_id: InstrumentId
    kind: ContractKind
    base_asset: str
    quote_asset: str
    settlement_asset: str
    tick: Decimal
    lot: Decimal
    min_quantity: Decimal
    multiplier: Decimal = ONE
    max_quantity: Decimal | None = None
    min_notional: Decimal | None = None
    maker_fee: Decimal = ZERO
    taker_fee: Decimal = ZERO
    source: InstrumentId | None = None
    offset_ticks: int = 0
    depth_factor: Decimal = ONE

    def listing(self, venue_class: VenueClass) -> Listing:
        """The listing as the venue publishes it.

        Raises:
            InvalidInput: its sizes contradict each other.
        """
        return Listing(
            instrument_id=self.instrument_id,
            venue_class=venue_class,
            venue_symbol=self.instrument_id.partition(":")[2],
            terms=ContractTerms(
                self.kind, self.base_asset, self.quote_asset, self.settlement_asset, multiplier=self.multiplier
            ),
            ticks=TickSchedule.constant(self.tick),
            lot=self.lot,
            min_quantity=self.min_quantity,
            max_quantity=self.max_quantity,
            min_notional=self.min_notional,
            maker_fee=self.maker_fee,
            taker_fee=self.taker_fee,
        )

    def faults(self, path: str, venue: VenueName, venue_class: VenueClass) -> list[Fault]:
        """Everything that is wrong with it."""
        faults = []
        if is_instrument_id(self.instrument_id) and venue_of(self.instrument_id) != venue:
            faults.append(Fault(f"{path}.instrument_id", f"{self.instrument_id} is not at the venue {venue}"))
        if self.kind is ContractKind.ODDS:
            faults.append(Fault(f"{path}.kind", "bets are not traded here"))
        if self.kind is ContractKind.SPOT and self.settlement_asset != self.quote_asset:
            message = f"a spot trade settles in its quote asset {self.quote_asset}"
            faults.append(Fault(f"{path}.settlement_asset", message))
        if not self.depth_factor.is_finite() or self.depth_factor <= 0:
            faults.append(Fault(f"{path}.depth_factor", "must be above zero"))
        try:
            self.listing(venue_class)
        except InvalidInput as error:
            return faults + [Fault(f"{path}.{fault.path}", fault.message) for fault in error.faults]
        if self.max_quantity is not None and not is_multiple(self.max_quantity, self.lot):
            faults.append(Fault(f"{path}.max_quantity", f"must be a multiple of the lot {self.lot}"))
        if self.kind is ContractKind.SPOT:
            faults += self._inexact_fees(path)
        return faults

    def _inexact_fees(self, path: str) -> list[Fault]:
        """Spot accounts can't be overdrawn, not even by the rounding of a fee: fees have to be exact in both assets."""
        lot = MONEY.multiply(self.lot, self.multiplier)
        return [
            Fault(f"{path}.{name}", "the fee of one lot at one tick has more than 18 places, so it is not exact")
            for name, rate in (("maker_fee", self.maker_fee), ("taker_fee", self.taker_fee))
            if not is_storable(MONEY.multiply(lot, MONEY.multiply(self.tick, rate)))
            or not is_storable(MONEY.multiply(lot, rate))
        ]


@frozen
class PaperVenueConfig:
    """One paper venue.

    ``initial_margin`` is the share of a derivative's value that an account must hold to open it. ``ack_by_report``
    makes submits answer ``Sent`` and the acceptance come as a report; ``status_after_fills`` adds an order report
    after every fill; ``tells_balances`` reports the balances that changed behind what is reported of an
    account. ``history`` bounds how many finished orders and fills are kept; without it everything is.
    ``report_capacity`` bounds the reports that wait to be read: beyond it the session is lost and announces a gap.

    Raises:
        ConfigurationError: with every fault.
    """

    venue: VenueName
    accounts: tuple[PaperAccount, ...]
    instruments: tuple[PaperInstrument, ...]
    venue_class: VenueClass = VenueClass.CEFI
    initial_margin: Decimal = Decimal("0.1")
    fee_in: FeeIn = FeeIn.QUOTE
    self_trade: SelfTradePolicy = SelfTradePolicy.CANCEL_RESTING
    replace: ReplaceMode = ReplaceMode.ATOMIC_TOTAL
    latency: Latency = field(factory=Latency)
    visibility_lag_ns: int = 0
    ack_by_report: bool = False
    status_after_fills: bool = False
    tells_balances: bool = False
    history: int | None = None
    report_capacity: int = 65_536
    recent_trades_s: int = 1_800
    seed: int = 0
    faults: FaultScript | None = None

    def __attrs_post_init__(self) -> None:
        found = self.latency.faults()
        for name, value, least in (
            ("visibility_lag_ns", self.visibility_lag_ns, 0),
            ("report_capacity", self.report_capacity, 1),
            ("recent_trades_s", self.recent_trades_s, 1),
            ("history", self.history if self.history is not None else 1, 1),
        ):
            if value < least:
                found.append(Fault(name, f"must be at least {least}"))
        if not self.initial_margin.is_finite() or not 0 <= self.initial_margin <= 1:
            found.append(Fault("initial_margin", "must lie between 0 and 1"))
        if self.replace not in _REPLACE_MODES:
            found.append(Fault("replace", f"must be one of {', '.join(_REPLACE_MODES)}"))
        found += _duplicates("accounts", [account.account_id for account in self.accounts])
        found += _duplicates("instruments", [item.instrument_id for item in self.instruments])
        for index, account in enumerate(self.accounts):
            found += account.faults(f"accounts[{index}]")
        for index, instrument in enumerate(self.instruments):
            found += instrument.faults(f"instruments[{index}]", self.venue, self.venue_class)
        if found:
            raise ConfigurationError(f"paper venue {self.venue}", found)

    @property
    def account_ids(self) -> tuple[AccountId, ...]:
        return tuple(account.account_id for account in self.accounts)


def manifest_of(config: PaperVenueConfig) -> AdapterManifest:
    """What a paper venue of this configuration can do."""
    return AdapterManifest(
        venue=config.venue,
        venue_class=config.venue_class,
        api_version=API_VERSION,
        operations=frozenset({Operation.TRADE}),
        order_types=frozenset({OrderType.MARKET, OrderType.LIMIT}),
        time_in_force=frozenset(TimeInForce),
        post_only=True,
        reduce_only=True,
        details=DETAILS,
        replace=config.replace,
        request_expiry=True,
        visibility_lag_ns=config.visibility_lag_ns,
        client_id=ClientIdRule(),
        # With a bounded history a client id is forgotten together with its order.
        dedupe_scope=DedupeScope.FOREVER if config.history is None else DedupeScope.WINDOW,
        query_by_client_id=True,
    )


def _duplicates(path: str, names: list[AccountId] | list[InstrumentId]) -> list[Fault]:
    if not names:
        return [Fault(path, "must name at least one")]
    return [
        Fault(f"{path}[{index}]", f"{name} is named twice") for index, name in enumerate(names) if name in names[:index]
    ]
