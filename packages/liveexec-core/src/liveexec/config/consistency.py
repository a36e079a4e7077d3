"""What is wrong between sections, and with values that only their meaning can be wrong about."""

from liveexec.config.sections import LiveConfig
from liveexec.errors import Fault

__all__ = ["contradictions"]


def contradictions(config: LiveConfig) -> list[Fault]:
    """Everything that keeps a configuration from being used whatever is installed; empty when nothing does."""
    faults = _mode_faults(config)
    if not config.external_adapters and config.trading_node is None:
        faults.append(Fault("external_adapters", "names no venue, so there is nothing to trade at"))
    if not config.database.lease_s.is_finite() or not 1 <= config.database.lease_s <= 3_600:
        faults.append(Fault("database.lease_s", "must lie between 1 and 3600 seconds"))
    pairs = [(each.strategy_id, each.venue) for each in config.accounts]
    faults += [
        Fault(f"accounts[{index}]", f"{strategy_id} has an account at {venue} already")
        for index, (strategy_id, venue) in enumerate(pairs)
        if (strategy_id, venue) in pairs[:index]
    ]
    for name in ("shard", "owner"):
        value = getattr(config, name)
        if value is not None and not 1 <= len(value) <= 120:
            faults.append(Fault(name, "must have between 1 and 120 characters"))
    if "/" in config.shard or not config.shard.isprintable():
        faults.append(Fault("shard", "must be printable, without a slash"))
    faults += [
        Fault(f"engine.{name}", "must be above zero")
        for name in ("send_deadline_ms", "answer_ms", "retry_ms", "adoption_ms", "finished_orders_kept")
        if getattr(config.engine, name) < 1
    ]
    if not 0 <= config.engine.balance_tolerance < 1:
        faults.append(Fault("engine.balance_tolerance", "must be at least zero and below one"))
    if config.engine.reconcile_every_s <= 0:
        faults.append(Fault("engine.reconcile_every_s", "must be above zero"))
    if config.engine.clock_skew_ms < 0:
        faults.append(Fault("engine.clock_skew_ms", "must not be below zero"))
    if config.engine.late_arrival_ms < 0:
        faults.append(Fault("engine.late_arrival_ms", "must not be below zero"))
    return faults


def _mode_faults(config: LiveConfig) -> list[Fault]:
    if config.mode != "live":
        return []
    faults = []
    if config.plugins.enabled is None:
        faults.append(Fault("plugins.enabled", "must list the plugins to load in live mode; [] loads none but ours"))
    if config.database.url is not None and config.database.url.reveal().startswith("memory:"):
        faults.append(Fault("database.url", "memory: keeps nothing; live mode needs a database"))
    return faults
