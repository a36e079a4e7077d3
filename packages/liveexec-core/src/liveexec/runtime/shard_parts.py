"""What every life of a shard is made of."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from liveexec.domain.ids import AccountId, InstrumentId, VenueName
from liveexec.engine.algorithm import ExecutionAlgorithm
from liveexec.engine.config import EngineConfig
from liveexec.engine.risk import RuleFactory
from liveexec.engine.router import RoutingPolicy
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.runtime.clock import Clock
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.ports import JournalStore
from liveexec.runtime.sessions import RECONCILE_EVERY_S

__all__ = ["MAX_PRICE_AGE_NS", "ShardParts"]

#: Nothing leaves that was decided on a book older than this.
MAX_PRICE_AGE_NS: Final = 60_000_000_000


@frozen
class ShardParts:
    """Handed in once, by the composition root. Intervals are real seconds, ``instruments`` those whose market data is
    asked for (``None``: all that are listed)."""

    config: EngineConfig
    store: JournalStore
    adapters: Sequence[ExternalAdapter]
    rules: Mapping[str, RuleFactory]
    policies: Mapping[str, RoutingPolicy]
    algorithms: Mapping[str, ExecutionAlgorithm]
    clock: Clock
    metrics: Metrics
    owner: str
    lease_s: float = 10.0
    max_price_age_ns: int = MAX_PRICE_AGE_NS
    instruments: Sequence[InstrumentId] | None = None
    reconcile_every_s: float = RECONCILE_EVERY_S
    #: Accounts are compared and stay RECONCILING: nothing that adds risk is ever sent.
    only_reconciles: bool = False

    @property
    def venue_accounts(self) -> dict[VenueName, tuple[AccountId, ...]]:
        """The accounts at each venue; several adapters may serve one."""
        found: dict[VenueName, tuple[AccountId, ...]] = {}
        for adapter in self.adapters:
            venue = adapter.manifest.venue
            found[venue] = (*found.get(venue, ()), *adapter.accounts)
        return found
