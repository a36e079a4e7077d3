"""What pre-trade risk is configured with: every limit that the rules compare with. Plain values, checked in full."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from attrs import field, frozen

from liveexec.domain.ids import InstrumentId, ProductId, is_instrument_id, is_product_id
from liveexec.domain.money import ONE, is_storable
from liveexec.errors import ConfigurationError, Fault

__all__ = ["ANY", "LimitTable", "RiskConfig"]

#: The key of a limit that holds for every instrument that is not named.
ANY: Final = "*"

_MAX_TOLERANCE: Final = Decimal(10)


def _frozen_mapping(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(given))


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@frozen
class RiskConfig:
    """The limits. Whatever is ``None`` or empty does not limit, except with ``live``.

    Amounts called notional, value, loss or liability are in the reporting asset; quantities are in the listing's
    units; fractions are of one; windows and ages are nanoseconds of engine time.

    ``live``: an instrument for which no order size or no position limit is configured is not traded at all.
    ``allowed_instruments``: instrument or product ids.
    ``max_order_quantity``, ``max_order_notional``: by instrument id, product id or ``"*"``. What enters a venue's
    book is held against its instrument's limit (else its product's, else ``"*"``), what a caller asks for, parents of
    algorithms included, against the product's (else ``"*"``).
    ``price_tolerance``: how far a price may lie from the touch, as a fraction of it.
    ``max_market_age_ns``: an older book prices no order. ``max_mark_age_ns``, ``max_rate_age_ns``: older ones value
    no position.
    ``max_position_per_instrument``: net quantity, by instrument id (over all accounts at its venue), product id (over
    all venues) or ``"*"`` (every instrument that is not named, nor its product).
    ``max_position_per_strategy``, ``max_position_global``: sum over products of the net position's notional, netted
    over venues. ``max_position_per_account``: sum over the account's instruments.
    ``max_total_notional``, ``max_notional_per_venue``, ``max_notional_per_asset`` (the underlying): gross notional of
    net positions and of every open order.
    ``max_orders_per_second``, ``max_orders_per_minute``, ``max_messages_per_second``: over everything; the first two
    also per strategy.
    ``max_open_orders``, ``…_per_strategy``, ``…_per_instrument``: orders that may be live at venues.
    ``duplicate_window_ns``: an order equal to one of this window is refused.
    ``repeated_execution_count`` orders of one strategy, instrument and side executed within
    ``repeated_execution_window_ns`` stop the strategy until an operator clears it.
    ``max_loss`` (per strategy), ``max_loss_global``: realised and unrealised, fees included.
    ``check_balance``: whether an order must be covered by the account; ``margin_rate`` is the part of a derivative's
    notional that must be.
    ``self_match``: whether orders that would trade with one of the same account's own are refused.
    ``max_slippage``, ``max_gas_price_gwei``: the most that an on-chain operation may allow.
    ``max_liability``: the most that may be lost on one selection of one account.
    ``rule_budget_ns``: a rule that takes longer is reported.
    ``custom``: the configuration of plugins' rules, by rule name.

    Raises:
        ConfigurationError: with every fault.
    """

    enabled: bool = True
    live: bool = False
    allowed_instruments: frozenset[str] | None = None
    max_order_quantity: Mapping[str, Decimal] = field(factory=_nothing, converter=_frozen_mapping)
    max_order_notional: Mapping[str, Decimal] = field(factory=_nothing, converter=_frozen_mapping)
    price_tolerance: Decimal | None = None
    max_market_age_ns: int | None = None
    max_mark_age_ns: int | None = None
    max_rate_age_ns: int | None = None
    max_position_per_instrument: Mapping[str, Decimal] = field(factory=_nothing, converter=_frozen_mapping)
    max_position_per_strategy: Decimal | None = None
    max_position_per_account: Decimal | None = None
    max_position_global: Decimal | None = None
    max_total_notional: Decimal | None = None
    max_notional_per_venue: Mapping[str, Decimal] = field(factory=_nothing, converter=_frozen_mapping)
    max_notional_per_asset: Mapping[str, Decimal] = field(factory=_nothing, converter=_frozen_mapping)
    max_orders_per_second: int | None = None
    max_orders_per_minute: int | None = None
    max_orders_per_second_per_strategy: int | None = None
    max_orders_per_minute_per_strategy: int | None = None
    max_messages_per_second: int | None = None
    max_open_orders: int | None = None
    max_open_orders_per_strategy: int | None = None
    max_open_orders_per_instrument: int | None = None
    duplicate_window_ns: int | None = None
    repeated_execution_count: int | None = None
    repeated_execution_window_ns: int | None = None
    max_loss: Decimal | None = None
    max_loss_global: Decimal | None = None
    check_balance: bool = False
    margin_rate: Decimal = ONE
    self_match: bool = False
    max_slippage: Decimal | None = None
    max_gas_price_gwei: Decimal | None = None
    max_liability: Decimal | None = None
    rule_budget_ns: int = 1_000_000
    custom: Mapping[str, Mapping[str, Any]] = field(factory=_nothing, converter=_frozen_mapping)

    def __attrs_post_init__(self) -> None:
        faults = _faults(self)
        if faults:
            raise ConfigurationError("risk_engine", faults)


class LimitTable:
    """Limits by instrument id, product id or ``"*"``, looked up once per instrument and product."""

    def __init__(self, limits: Mapping[str, Decimal]) -> None:
        # A plain dictionary is read faster than the configuration's view of one.
        self._limits = dict(limits)
        self._of_legs: dict[InstrumentId, Decimal | None] = {}

    def of_leg(self, instrument_id: InstrumentId, product_id: ProductId) -> Decimal | None:
        """The limit of what enters one venue's book: the instrument's, else its product's, else that of any."""
        known = self._of_legs
        if instrument_id in known:
            return known[instrument_id]
        limit = self._limits.get(instrument_id)
        known[instrument_id] = limit = limit if limit is not None else self.of_product(product_id)
        return limit

    def of_product(self, product_id: ProductId) -> Decimal | None:
        """The limit of what a caller asks for: the product's, else that of any."""
        limit = self._limits.get(product_id)
        return limit if limit is not None else self._limits.get(ANY)


_BY_INSTRUMENT: Final = ("max_order_quantity", "max_order_notional", "max_position_per_instrument")
_BY_NAME: Final = ("max_notional_per_venue", "max_notional_per_asset")
_AMOUNTS: Final = (
    "max_position_per_strategy",
    "max_position_per_account",
    "max_position_global",
    "max_total_notional",
    "max_loss",
    "max_loss_global",
    "max_gas_price_gwei",
    "max_liability",
)
_FRACTIONS: Final = (("price_tolerance", _MAX_TOLERANCE), ("margin_rate", ONE), ("max_slippage", ONE))
_WHOLE: Final = (
    "max_market_age_ns",
    "max_mark_age_ns",
    "max_rate_age_ns",
    "max_orders_per_second",
    "max_orders_per_minute",
    "max_orders_per_second_per_strategy",
    "max_orders_per_minute_per_strategy",
    "max_messages_per_second",
    "max_open_orders",
    "max_open_orders_per_strategy",
    "max_open_orders_per_instrument",
    "duplicate_window_ns",
    "repeated_execution_count",
    "repeated_execution_window_ns",
    "rule_budget_ns",
)
#: Windows that hold one entry per order are bounded by their limit, so the limit is bounded too.
_MOST: Final = {name: 1_000_000 for name in _WHOLE if not name.endswith("_ns")}


def _faults(config: RiskConfig) -> list[Fault]:
    faults = []
    if config.live and not config.enabled:
        faults.append(Fault("enabled", "must be true in live mode"))
    for name in sorted(config.allowed_instruments or ()):
        faults += _key_faults(f"allowed_instruments.{name[:120]}", name, wildcard=False)
    for field_name in _BY_INSTRUMENT:
        for key, limit in getattr(config, field_name).items():
            faults += _key_faults(f"{field_name}.{key[:120]}", key, wildcard=True)
            faults += _amount_faults(f"{field_name}.{key[:120]}", limit)
    for field_name in _BY_NAME:
        for key, limit in getattr(config, field_name).items():
            faults += _amount_faults(f"{field_name}.{key[:120]}", limit)
    for field_name in _AMOUNTS:
        faults += _amount_faults(field_name, getattr(config, field_name))
    for field_name, highest in _FRACTIONS:
        faults += _fraction_faults(field_name, getattr(config, field_name), highest)
    for field_name in _WHOLE:
        faults += _whole_faults(field_name, getattr(config, field_name))
    if (config.repeated_execution_count is None) != (config.repeated_execution_window_ns is None):
        faults.append(Fault("repeated_execution_window_ns", "goes together with repeated_execution_count"))
    return faults


def _key_faults(path: str, key: str, *, wildcard: bool) -> list[Fault]:
    if (wildcard and key == ANY) or is_instrument_id(key) or is_product_id(key):
        return []
    return [Fault(path, "is neither an instrument id nor a product id" + (f" nor {ANY}" if wildcard else ""))]


def _amount_faults(path: str, value: object) -> list[Fault]:
    if value is None:
        return []
    if not isinstance(value, Decimal) or not is_storable(value) or value < 0:
        return [Fault(path, "must be a finite Decimal, not below zero, of at most 18 + 18 digits")]
    return []


def _fraction_faults(path: str, value: object, highest: Decimal) -> list[Fault]:
    if value is None:
        return []
    if not isinstance(value, Decimal) or not is_storable(value) or not 0 < value <= highest:
        return [Fault(path, f"must be a Decimal above 0 and at most {highest}, of at most 18 places")]
    return []


def _whole_faults(path: str, value: object) -> list[Fault]:
    if value is None:
        return []
    most = _MOST.get(path, 2**63 - 1)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        return [Fault(path, f"must be a whole number from 1 to {most}")]
    return []
