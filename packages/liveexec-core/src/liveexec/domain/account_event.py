"""What can become true about an account, or about the whole shard: the second closed union.

Streams: an account's id, or ``control:<shard>`` for what concerns more than one account.
"""

from decimal import Decimal
from enum import StrEnum

from attrs import define, frozen

from liveexec.domain.ids import AccountId, InstrumentId, OrderId
from liveexec.domain.instrument import ContractTerms
from liveexec.domain.outcome import AssetKind

__all__ = [
    "AccountEvent",
    "AccountOpened",
    "AssetMoved",
    "ConfigApplied",
    "ControlScope",
    "DriftAccepted",
    "DriftSeen",
    "FlattenEnded",
    "FlattenRequested",
    "LatchCleared",
    "LatchSet",
    "PositionChange",
    "PositionChanged",
    "ScopeKind",
    "StateChanged",
    "TradingState",
]


class TradingState(StrEnum):
    """What may be sent: everything, only what reduces a position, or nothing but cancels."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"

    @property
    def severity(self) -> int:
        """Higher is stricter; of several scopes the strictest holds."""
        return (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED).index(self)


class ScopeKind(StrEnum):
    """What a trading state, a kill or a latch is about."""

    GLOBAL = "GLOBAL"
    ACCOUNT = "ACCOUNT"
    STRATEGY = "STRATEGY"
    VENUE = "VENUE"
    INSTRUMENT = "INSTRUMENT"


@frozen
class ControlScope:
    """A scope and the id it names (empty for GLOBAL)."""

    kind: ScopeKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)


@define(eq=False)
class AccountOpened:
    """The account began here with what the venue told when it was asked at ``asked_at_ns``, a moment on the venue's
    clock; what was filled before is part of that. Always the first event of an account's stream."""

    account_id: AccountId
    asked_at_ns: int


@define(eq=False)
class AssetMoved:
    """An asset moved without a fill; ``reference`` makes it count once."""

    account_id: AccountId
    asset: str
    amount: Decimal
    kind: AssetKind
    reference: str
    venue_time_ns: int


class PositionChange(StrEnum):
    """Why a position changed without a fill."""

    OPENING = "OPENING"
    ASSIGNMENT = "ASSIGNMENT"
    LIQUIDATION = "LIQUIDATION"
    CORPORATE_ACTION = "CORPORATE_ACTION"
    SETTLEMENT = "SETTLEMENT"
    #: An operator accepted that the venue holds something else than we do.
    ACCEPTED = "ACCEPTED"


@define(eq=False)
class PositionChanged:
    """A position changed without a fill: ``quantity`` is the signed change, ``price`` what it is valued at.

    When a bet is settled, ``quantity`` undoes the strategy's net stake (zero where as much was laid as backed), and
    ``price`` is the share of the payout that is paid (see :class:`~liveexec.domain.outcome.SettlementReport`).
    """

    account_id: AccountId
    strategy_id: str
    instrument_id: InstrumentId
    quantity: Decimal
    price: Decimal
    terms: ContractTerms
    kind: PositionChange
    reference: str


@define(eq=False)
class StateChanged:
    """The trading state of a scope was set."""

    scope: ControlScope
    state: TradingState
    principal: str
    reason: str


@define(eq=False)
class LatchSet:
    """A control tripped and stays so until an operator clears it."""

    scope: ControlScope
    code: str
    reason: str


@define(eq=False)
class LatchCleared:
    """An operator cleared a latch."""

    scope: ControlScope
    code: str
    principal: str
    reason: str


@define(eq=False)
class DriftSeen:
    """The venue's position or balance differs from ours, and kept differing.

    ``subject`` is ``position:INSTRUMENT`` or ``balance:ASSET``.
    """

    account_id: AccountId
    subject: str
    ours: Decimal
    theirs: Decimal

    @property
    def instrument_id(self) -> InstrumentId | None:
        """The instrument whose position differs; ``None`` for a balance."""
        kind, _, name = self.subject.partition(":")
        return InstrumentId(name) if kind == "position" else None


@define(eq=False)
class DriftAccepted:
    """An operator accepted the venue's value."""

    account_id: AccountId
    subject: str
    theirs: Decimal
    principal: str
    reason: str


@define(eq=False)
class FlattenRequested:
    """What an account holds in a scope is to be brought to zero, once nothing is open in it and the account is trusted.

    The ids of the orders that do it derive from ``seed``.
    """

    scope: ControlScope
    account_id: AccountId
    seed: OrderId
    principal: str


@define(eq=False)
class FlattenEnded:
    """A flattening waits no longer: what closes the account's positions was asked for in this very decision, or an
    operator said something else of the scope."""

    scope: ControlScope
    account_id: AccountId
    reason: str


@define(eq=False)
class ConfigApplied:
    """A configuration took effect: its hash, and who applied it."""

    config_hash: str
    principal: str
    summary: str


AccountEvent = (
    AssetMoved
    | PositionChanged
    | StateChanged
    | LatchSet
    | LatchCleared
    | DriftSeen
    | DriftAccepted
    | ConfigApplied
    | AccountOpened
    | FlattenRequested
    | FlattenEnded
)
