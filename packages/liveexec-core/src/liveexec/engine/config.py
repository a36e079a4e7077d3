"""What the engine is configured with. Plain values; reading them from files is the configuration package's."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from attrs import field, frozen

from liveexec.domain.ids import AccountId, StrategyId, VenueName
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.router_config import RouterConfig

__all__ = ["EngineConfig", "JournalLoss", "Timing"]

_MS = 1_000_000
_S = 1_000 * _MS


@frozen
class Timing:
    """How long the engine waits for what, in nanoseconds of engine time.

    ``send_deadline_ns``: from decision to the last moment its bytes may leave. ``answer_ns``: for the answer to a
    request after that. ``retry_ns``: between repeated questions about an unknown order and repeated cancels.
    ``clock_skew_ns``: how far a venue's clock may be off. ``adoption_ns``: how long a report that no order could be
    found for waits for one. ``drift_ns``: how long a position or balance has to differ from the venue's to be a drift,
    since a venue may show a fill in its positions before it shows the fill. ``late_arrival_ns``: how long after its
    deadline a request may still arrive at a venue that does not refuse what comes too late (``request_expiry``).
    """

    send_deadline_ns: int = 5 * _S
    answer_ns: int = 10 * _S
    retry_ns: int = 2 * _S
    clock_skew_ns: int = 500 * _MS
    adoption_ns: int = 5 * _S
    drift_ns: int = 1 * _S
    late_arrival_ns: int = 30 * _S


class JournalLoss(StrEnum):
    """What becomes of an account's open orders while the journal can't be written."""

    #: They stay: what was decided holds.
    LEAVE = "leave"
    #: Those that may take more risk are cancelled; those that only reduce stay.
    CANCEL_RISK_ADDING = "cancel_risk_adding"


@frozen
class EngineConfig:
    """One shard's configuration. ``accounts`` maps (strategy, venue) to an account where that is not obvious.

    ``reporting_asset`` is the currency that limits are stated in; ``pegged_assets`` count one of it. A venue's balance
    and ours differ when they do by more than ``balance_tolerance`` of the larger. ``on_journal_loss`` says by account,
    or for ``*`` of any other, what is done with open orders while the journal can't be written.
    """

    shard: str = "main"
    risk: RiskConfig = field(factory=RiskConfig)
    router: RouterConfig = field(factory=RouterConfig)
    timing: Timing = field(factory=Timing)
    accounts: Mapping[tuple[StrategyId, VenueName], AccountId] = field(factory=lambda: MappingProxyType({}))
    reporting_asset: str = "USD"
    pegged_assets: frozenset[str] = frozenset({"USDT", "USDC"})
    finished_orders_kept: int = 4_096
    on_journal_loss: Mapping[str, JournalLoss] = field(factory=lambda: MappingProxyType({}))
    balance_tolerance: Decimal = Decimal("0.000001")
