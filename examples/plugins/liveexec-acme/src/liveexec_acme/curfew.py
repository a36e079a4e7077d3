"""CURFEW: no orders outside of hours."""

from datetime import UTC, datetime, time
from typing import ClassVar

from attrs import frozen

from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import PARENT_STAGE, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState
from liveexec.errors import ConfigurationError, Fault


@frozen
class CurfewRule:
    """Refuses what comes before ``opens`` or from ``closes`` on, by the engine's clock, in UTC.

    A rule is a pure function of what it is handed: it asks no clock and no network.
    """

    opens: time
    closes: time

    name: ClassVar[str] = "curfew"
    code: ClassVar[str] = "CURFEW"
    stages: ClassVar[frozenset[RiskStage]] = PARENT_STAGE

    def __call__(self, _check: RiskCheck, state: EngineState) -> str | None:
        """Why the order must not go, or None."""
        now = datetime.fromtimestamp(state.now_ns // 1_000_000_000, UTC).time()
        if self.opens <= now < self.closes:
            return None
        return f"it is {now:%H:%M} UTC, orders are taken from {self.opens:%H:%M} to {self.closes:%H:%M}"


def make_curfew(config: RiskConfig) -> CurfewRule | None:
    """The rule, if hours are configured.

    Raises:
        ConfigurationError: they can't be read.
    """
    hours = config.custom.get("curfew")
    if hours is None:
        return None
    try:
        return CurfewRule(time.fromisoformat(hours["from"]), time.fromisoformat(hours["until"]))
    except (KeyError, TypeError, ValueError):
        fault = Fault("custom.curfew", 'must give both hours, as {"from": "08:00", "until": "22:00"}')
        raise ConfigurationError("risk_engine", [fault]) from None
