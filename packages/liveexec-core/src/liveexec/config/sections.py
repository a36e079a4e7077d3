"""The sections of a configuration, as their authors write them. Amounts are Decimals, durations say their unit.

What of it may change while running is said by ``hot``; what packages beside core read (``trading_node``, ``server``) is
kept as it is written, and checked by whoever reads it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal

from attrs import field, frozen

from liveexec.domain.secret import Secret, is_secret_name

__all__ = [
    "AccountSection",
    "AlgorithmsSection",
    "DatabaseSection",
    "EngineSection",
    "LiveConfig",
    "LoggingSection",
    "ObjectsSection",
    "PluginsSection",
    "RiskSection",
    "RouterSection",
]

_NONE: Final[Mapping[str, Any]] = {}


def _says(text: str, **more: Any) -> dict[str, Any]:
    return {"help": text, **more}


@frozen
class AccountSection:
    """Which account a strategy trades with at a venue, where that is not obvious."""

    strategy_id: str = field(metadata=_says("the strategy"))
    venue: str = field(metadata=_says("the venue"))
    account_id: str = field(metadata=_says("one of the accounts that are configured there"))


@frozen
class RiskSection:
    """Pre-trade limits. What is not given is not limited; live mode insists on some. Values are in the engine's
    reporting asset, quantities in the listing's units; keys are instrument ids, product ids, or ``*`` for any."""

    enabled: bool = field(default=True, metadata=_says("off only in paper mode"))
    allowed_instruments: tuple[str, ...] | None = field(
        default=None, metadata=_says("instrument or product ids; nothing else is traded")
    )
    max_order_quantity: Mapping[str, Decimal] = field(default=_NONE, metadata=_says("largest quantity of an order"))
    max_order_notional: Mapping[str, Decimal] = field(default=_NONE, metadata=_says("largest value of an order"))
    price_tolerance: Decimal | None = field(
        default=None, metadata=_says("how far from the touch a price may be, as a fraction of it")
    )
    max_market_age_ms: int | None = field(default=None, metadata=_says("an older book refuses the order"))
    max_mark_age_ms: int | None = field(default=None, metadata=_says("an older mark values nothing"))
    max_rate_age_ms: int | None = field(default=None, metadata=_says("an older rate converts nothing"))
    max_position_per_instrument: Mapping[str, Decimal] = field(
        default=_NONE, metadata=_says("largest net position, open orders included")
    )
    max_position_per_strategy: Decimal | None = field(default=None, metadata=_says("sum over products, by value"))
    max_position_per_account: Decimal | None = field(default=None, metadata=_says("sum over instruments, by value"))
    max_position_global: Decimal | None = field(default=None, metadata=_says("sum over products, by value"))
    max_total_notional: Decimal | None = field(default=None, metadata=_says("positions and open orders together"))
    max_notional_per_venue: Mapping[str, Decimal] = field(default=_NONE, metadata=_says("the same, by venue"))
    max_notional_per_asset: Mapping[str, Decimal] = field(default=_NONE, metadata=_says("the same, by underlying"))
    max_orders_per_second: int | None = field(default=None, metadata=_says("orders of all callers"))
    max_orders_per_minute: int | None = field(default=None, metadata=_says("orders of all callers"))
    max_orders_per_second_per_strategy: int | None = field(default=None, metadata=_says("orders of one strategy"))
    max_orders_per_minute_per_strategy: int | None = field(default=None, metadata=_says("orders of one strategy"))
    max_messages_per_second: int | None = field(default=None, metadata=_says("requests to venues"))
    max_open_orders: int | None = field(default=None, metadata=_says("live at venues at once"))
    max_open_orders_per_strategy: int | None = field(default=None, metadata=_says("the same, by strategy"))
    max_open_orders_per_instrument: int | None = field(default=None, metadata=_says("the same, by instrument"))
    duplicate_window_ms: int | None = field(default=None, metadata=_says("an equal order within it is refused"))
    repeated_execution_count: int | None = field(
        default=None, metadata=_says("so many equal executions within the window stop a strategy")
    )
    repeated_execution_window_ms: int | None = field(default=None, metadata=_says("goes with the count"))
    max_loss: Decimal | None = field(default=None, metadata=_says("of a strategy, since its first fill"))
    max_loss_global: Decimal | None = field(default=None, metadata=_says("of all strategies together"))
    check_balance: bool = field(default=False, metadata=_says("refuse what the account can't pay for"))
    margin_rate: Decimal = field(default=Decimal(1), metadata=_says("share of a derivative's value tied up"))
    self_match: bool = field(default=False, metadata=_says("refuse what would trade with an own order"))
    max_slippage: Decimal | None = field(default=None, metadata=_says("most that a swap may allow"))
    max_gas_price_gwei: Decimal | None = field(default=None, metadata=_says("most that a transaction may pay"))
    max_liability: Decimal | None = field(default=None, metadata=_says("most that a bet may lose"))
    rule_budget_us: int = field(default=1_000, metadata=_says("a rule that takes longer is reported"))
    custom: Mapping[str, Mapping[str, Any]] = field(
        default=_NONE, metadata=_says("what rules of plugins are configured with, by rule")
    )


@frozen
class RouterSection:
    """How orders that name a product find their venue."""

    smart_execution_enabled: bool = field(
        default=True, metadata=_says("off: a product order goes out only where one venue lists it")
    )
    policy: str = field(default="best_price", metadata=_says("best_price, lowest_fee, split, or a plugin's"))
    latency_us: Mapping[str, int] = field(default=_NONE, metadata=_says("from decision to matching engine, by venue"))
    latency_penalty_per_ms: Decimal = field(
        default=Decimal("0.000001"), metadata=_says("what a millisecond costs, as a fraction of the price")
    )
    max_book_age_ms: int = field(default=5_000, metadata=_says("an older book prices nothing"))
    min_slice: Decimal = field(default=Decimal("0.05"), metadata=_says("smallest leg of a split, as a fraction"))
    max_legs: int = field(default=4, metadata=_says("into how many legs an order may be split"))


@frozen
class EngineSection:
    """How long the engine waits for what, and what it reckons in."""

    send_deadline_ms: int = field(default=5_000, metadata=_says("from decision to the last moment bytes may leave"))
    answer_ms: int = field(default=10_000, metadata=_says("for the answer to a request after that"))
    retry_ms: int = field(default=2_000, metadata=_says("between questions about an order that nobody knows"))
    clock_skew_ms: int = field(default=500, metadata=_says("how far a venue's clock may be off"))
    late_arrival_ms: int = field(
        default=30_000,
        metadata=_says("how long after its deadline a request may reach a venue that does not refuse late ones"),
    )
    adoption_ms: int = field(default=5_000, metadata=_says("how long a report that nobody claims waits"))
    reporting_asset: str = field(default="USD", metadata=_says("what values and limits are stated in"))
    pegged_assets: tuple[str, ...] = field(default=("USDT", "USDC"), metadata=_says("count one of the reporting asset"))
    on_journal_loss: Mapping[str, Literal["leave", "cancel_risk_adding"]] = field(
        factory=dict, metadata=_says("by account id, or *: what becomes of open orders while nothing can be recorded")
    )
    balance_tolerance: Decimal = field(
        default=Decimal("0.000001"),
        metadata=_says("which part of a balance venues may round away before it is a drift"),
    )
    reconcile_every_s: Decimal = field(
        default=Decimal(30), metadata=_says("how often accounts are compared with their venues while all is well")
    )
    finished_orders_kept: int = field(default=4_096, metadata=_says("in memory, of those that have ended"))


@frozen
class AlgorithmsSection:
    """Which execution algorithms orders may ask for."""

    enabled: tuple[str, ...] | None = field(default=None, metadata=_says("by name; without it all that register"))


@frozen
class DatabaseSection:
    """Where records and their tables are kept."""

    url: Secret | None = field(
        default=None,
        metadata=_says("postgresql://…; without it the embedded server; memory: keeps nothing (paper mode only)"),
    )
    name: str = field(default="liveexec", metadata=_says("the database on the embedded server"))
    migrate: bool = field(default=True, metadata=_says("bring the schema up to date when starting"))
    lease_s: Decimal = field(default=Decimal(10), metadata=_says("how long a shard is owned without a sign of life"))


@frozen
class PluginsSection:
    """Which installed plugins are loaded. In live mode nothing else is even imported."""

    enabled: tuple[str, ...] | None = field(default=None, metadata=_says("distributions, by name"))


def _with_secrets(stores: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """The options with those that hold keys, by their names, as secrets."""
    return {
        root: {
            name: Secret(value) if isinstance(value, str) and value and is_secret_name(name) else value
            for name, value in options.items()
        }
        for root, options in stores.items()
    }


@frozen
class ObjectsSection:
    """How object stores are reached: of recorded ticks, of signals and of results."""

    stores: Mapping[str, Mapping[str, Any]] = field(
        default=_NONE,
        converter=_with_secrets,
        metadata=_says("options by root: s3:// for every store of a kind, s3://BUCKET/FOLDER for those below it"),
    )
    retries: int = field(default=5, metadata=_says("how often a request is made again before a store is given up"))


@frozen
class LoggingSection:
    """What is logged, as JSON lines on standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = field(
        default="INFO", metadata=_says("from which level on", hot=True)
    )


@frozen
class LiveConfig:
    """A whole configuration. Unknown sections and keys are refused."""

    mode: Literal["paper", "live"] = field(metadata=_says("live needs limits, and a list of the plugins to load"))
    shard: str = field(default="main", metadata=_says("whose orders and positions these are; one owner at a time"))
    owner: str | None = field(default=None, metadata=_says("this process in the shard's lease; host and pid"))
    external_adapters: Mapping[str, Mapping[str, Any]] = field(
        default=_NONE, metadata=_says("the venues: a kind that a plugin registers, and its own configuration")
    )
    trading_node: Mapping[str, Any] | None = field(default=None, metadata=_says("read by liveexec-nautilus"))
    accounts: tuple[AccountSection, ...] = field(default=(), metadata=_says("which account a strategy uses where"))
    instruments: tuple[str, ...] | None = field(
        default=None, metadata=_says("whose market data is subscribed to; all that the venues list")
    )
    risk_engine: RiskSection = field(factory=RiskSection, metadata=_says("pre-trade limits", hot=True))
    router: RouterSection = field(factory=RouterSection, metadata=_says("smart order routing", hot=True))
    algorithms: AlgorithmsSection = field(factory=AlgorithmsSection, metadata=_says("execution algorithms"))
    engine: EngineSection = field(factory=EngineSection, metadata=_says("waiting times and currency"))
    database: DatabaseSection = field(factory=DatabaseSection, metadata=_says("records and tables"))
    plugins: PluginsSection = field(factory=PluginsSection, metadata=_says("what is loaded"))
    objects: ObjectsSection = field(factory=ObjectsSection, metadata=_says("how object stores are reached"))
    logging: LoggingSection = field(factory=LoggingSection, metadata=_says("what is logged"))
    server: Mapping[str, Any] | None = field(default=None, metadata=_says("read by liveexec-server"))
