"""What a caller asks for: an order, a cancel or a replace, checked in full when it is built.

A malformed intent never exists: building it raises one :class:`~liveexec.errors.InvalidInput` that lists every fault.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
from attrs import field, fields, frozen

from liveexec.domain import checks
from liveexec.domain.ids import (
    AccountId,
    OperationId,
    OrderId,
    StrategyId,
    VenueName,
    is_instrument_id,
    is_order_id,
    is_product_id,
)
from liveexec.domain.operation import OPERATIONS, Operation, OperationRule, OrderType, Side, TimeInForce
from liveexec.errors import Fault, InvalidInput

__all__ = ["CancelIntent", "OrderIntent", "ReplaceIntent", "content_hash"]

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def _strategy_id(name: str) -> StrategyId:
    """Callers name their strategy as text."""
    return StrategyId(name)


@frozen(eq=False)
class OrderIntent:
    """An order as its owner means it (FIX NewOrderSingle), before anything was decided about it.

    ``instrument_key`` names an instrument (it goes to that venue) or a product (it is routed). ``quantity`` is in the
    listing's units (contracts for futures, stake for bets); ``price`` is the limit. Without ``operation_id`` one is
    made; with one, the same id and content return the first result. ``expire_at_ns`` is UTC nanoseconds and belongs
    to GTD. ``expected_deltas`` maps an asset to the change that should follow. ``details`` are fields that only the
    order's venue has, by the names of its manifest; a venue that does not take one of them can't take the order.
    Documents (``exec_algorithm_params``, ``details``, ``metadata``) are copied when the intent is built, and hold what
    the journal gives back: JSON's own types, with Decimals as their canonical text.

    Raises:
        InvalidInput: with every fault.
    """

    operation: Operation
    quantity: Decimal
    strategy_id: StrategyId = field(converter=_strategy_id)
    instrument_key: str | None = None
    side: Side | None = None
    order_type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expire_at_ns: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    exec_algorithm: str = "NORMAL"
    exec_algorithm_params: Mapping[str, Any] | None = None
    operation_id: OperationId | None = None
    account_id: AccountId | None = None
    atomic_group_id: str | None = None
    sequence_in_group: int | None = None
    source_token: str | None = None
    target_token: str | None = None
    max_slippage: Decimal | None = None
    max_gas_price_gwei: Decimal | None = None
    contract_address: str | None = None
    asset: str | None = None
    source_venue: VenueName | None = None
    target_venue: VenueName | None = None
    odds: Decimal | None = None
    selection: str | None = None
    expected_deltas: Mapping[str, Decimal] | None = None
    metadata: Mapping[str, Any] | None = None
    details: Mapping[str, Any] | None = None

    def __attrs_post_init__(self) -> None:
        faults = _order_faults(self)
        if faults:
            raise InvalidInput("order intent", faults)
        # What the caller does to its own objects later must not change what was checked and hashed.
        for name in _DOCUMENTS:
            document = getattr(self, name)
            if document is not None:
                object.__setattr__(self, name, checks.plain_document(document))
        if self.expected_deltas is not None:
            object.__setattr__(self, "expected_deltas", dict(self.expected_deltas))

    @property
    def is_routed(self) -> bool:
        """Whether the caller left the venue open: the key names a product."""
        return self.instrument_key is not None and not is_instrument_id(self.instrument_key)

    @property
    def limit_price(self) -> Decimal | None:
        """The worst price that the order takes: its limit, or its odds."""
        return self.odds if self.operation is Operation.BET else self.price

    def content_hash(self) -> str:
        """What the idempotency key is compared with: equal content gives an equal hash (128 bits, hex)."""
        return content_hash(self)


@frozen(eq=False)
class CancelIntent:
    """Cancel one order (FIX OrderCancelRequest); on a parent, the parent and all its children."""

    order_id: OrderId
    operation_id: OperationId | None = None
    reason: str = "requested"

    def __attrs_post_init__(self) -> None:
        faults = [*_reference_faults(self.order_id, self.operation_id)]
        faults += [Fault("reason", "is required")] if self.reason is None else checks.text_faults("reason", self.reason)
        if faults:
            raise InvalidInput("cancel intent", faults)


@frozen(eq=False)
class ReplaceIntent:
    """Change one order (FIX OrderCancelReplaceRequest). ``quantity`` means the total, filled part included."""

    order_id: OrderId
    quantity: Decimal | None = None
    price: Decimal | None = None
    operation_id: OperationId | None = None

    def __attrs_post_init__(self) -> None:
        faults = [*_reference_faults(self.order_id, self.operation_id)]
        if self.quantity is None and self.price is None:
            faults.append(Fault("", "must change quantity or price"))
        faults += checks.amount_faults("quantity", self.quantity)
        faults += checks.amount_faults("price", self.price)
        if faults:
            raise InvalidInput("replace intent", faults)


def content_hash(intent: OrderIntent | CancelIntent | ReplaceIntent) -> str:
    """The hash of everything that an intent says but its operation id; equal amounts hash alike (1.0 and 1.00)."""
    content = {}
    for name in _CONTENT[type(intent)]:
        value = getattr(intent, name)
        if value is not None:
            content[name] = checks.plain_document(value) if isinstance(value, _CANONICAL) else value
    return hashlib.blake2b(_ENCODER.encode([type(intent).__name__, content]), digest_size=16).hexdigest()


_CANONICAL: Final = (Decimal, dict)
_CONTENT: Final = {
    kind: tuple(attribute.name for attribute in fields(kind) if attribute.name != "operation_id")
    for kind in (OrderIntent, CancelIntent, ReplaceIntent)
}
#: Fields that belong to some operations only, in the order in which faults are listed.
_OPERATION_FIELDS: Final = (
    "instrument_key",
    "quantity",
    "price",
    "trigger_price",
    "expire_at_ns",
    "post_only",
    "reduce_only",
    "exec_algorithm_params",
    "source_token",
    "target_token",
    "max_slippage",
    "max_gas_price_gwei",
    "contract_address",
    "asset",
    "source_venue",
    "target_venue",
    "odds",
    "selection",
)
#: Fields that every intent needs, whatever its operation.
_ALWAYS: Final = ("quantity", "strategy_id", "exec_algorithm")
_AMOUNTS: Final = ("quantity", "price", "trigger_price", "max_slippage", "max_gas_price_gwei", "odds")
_NAMES: Final = (
    "strategy_id",
    "exec_algorithm",
    "operation_id",
    "account_id",
    "atomic_group_id",
    "source_token",
    "target_token",
    "contract_address",
    "asset",
    "source_venue",
    "target_venue",
)
_DOCUMENTS: Final = ("exec_algorithm_params", "metadata", "details")


def _order_faults(intent: OrderIntent) -> list[Fault]:
    faults = [Fault(name, "is required") for name in _ALWAYS if getattr(intent, name) is None]
    faults += _type_faults(intent)
    # A rule that relates fields is asked only where those fields are what they should be.
    wrong = {fault.path for fault in faults}
    if "operation" not in wrong:
        faults += _operation_faults(intent, OPERATIONS[intent.operation], wrong)
        if wrong.isdisjoint(("order_type", "time_in_force")):
            faults += _trade_faults(intent) if intent.operation is Operation.TRADE else _plain_faults(intent)
        if "time_in_force" not in wrong:
            faults += _expiry_faults(intent, OPERATIONS[intent.operation])
    faults += _range_faults(intent, wrong)
    return faults


def _type_faults(intent: OrderIntent) -> list[Fault]:
    faults = checks.member_faults("operation", intent.operation, Operation)
    if intent.side is not None:
        faults += checks.member_faults("side", intent.side, Side)
    faults += checks.member_faults("order_type", intent.order_type, OrderType)
    faults += checks.member_faults("time_in_force", intent.time_in_force, TimeInForce)
    faults += checks.flag_faults("post_only", intent.post_only)
    faults += checks.flag_faults("reduce_only", intent.reduce_only)
    for name in _AMOUNTS:
        if (amount := getattr(intent, name)) is not None:
            faults += checks.amount_faults(name, amount)
    for name in _NAMES:
        if (text := getattr(intent, name)) is not None:
            faults += checks.name_faults(name, text)
    faults += _key_faults(intent.instrument_key)
    faults += checks.text_faults("selection", intent.selection)
    for name in _DOCUMENTS:
        faults += checks.document_faults(name, getattr(intent, name))
    faults += checks.deltas_faults("expected_deltas", intent.expected_deltas)
    faults += checks.integer_faults(
        "expire_at_ns", intent.expire_at_ns, 1, 2**63 - 1, "must be UTC nanoseconds since 1970"
    )
    faults += checks.integer_faults(
        "sequence_in_group", intent.sequence_in_group, 0, 2**31 - 1, "must be between 0 and 2147483647"
    )
    return faults


def _key_faults(key: object) -> list[Fault]:
    if key is None or (isinstance(key, str) and (is_instrument_id(key) or is_product_id(key))):
        return []
    return [Fault("instrument_key", f"{checks.shown(key)} is neither a canonical instrument id nor a product id")]


def _operation_faults(intent: OrderIntent, rule: OperationRule, wrong: set[str]) -> list[Fault]:
    faults = []
    if intent.side is None:
        if rule.sides:
            faults.append(Fault("side", f"{intent.operation} needs one of {_listed(rule.sides)}"))
    elif "side" not in wrong and intent.side not in rule.sides:
        allowed = f"takes {_listed(rule.sides)}" if rule.sides else "has no side"
        faults.append(Fault("side", f"{intent.operation} {allowed}, not {intent.side}"))
    for name in _OPERATION_FIELDS:
        value = getattr(intent, name)
        if value is None or value is False:
            if name in rule.required and name not in wrong:
                faults.append(Fault(name, f"is required for {intent.operation}"))
        elif name not in rule.required and name not in rule.optional:
            faults.append(Fault(name, f"does not belong to {intent.operation}"))
    return faults


def _trade_faults(intent: OrderIntent) -> list[Fault]:
    faults = []
    kind, tif = intent.order_type, intent.time_in_force
    if kind.has_limit and intent.price is None:
        faults.append(Fault("price", f"is required for {kind}"))
    if not kind.has_limit and intent.price is not None:
        faults.append(Fault("price", f"does not belong to {kind}"))
    if kind.has_trigger and intent.trigger_price is None:
        faults.append(Fault("trigger_price", f"is required for {kind}"))
    if not kind.has_trigger and intent.trigger_price is not None:
        faults.append(Fault("trigger_price", f"does not belong to {kind}"))
    if intent.post_only is True and not kind.has_limit:
        faults.append(Fault("post_only", f"contradicts {kind}: only an order with a limit can rest"))
    if intent.post_only is True and tif in (TimeInForce.IOC, TimeInForce.FOK):
        faults.append(Fault("post_only", f"contradicts {tif}: such an order never rests"))
    if intent.details and intent.exec_algorithm not in (None, "NORMAL"):
        faults.append(Fault("details", "belong to NORMAL: an algorithm says by itself what it sends"))
    return faults


def _plain_faults(intent: OrderIntent) -> list[Fault]:
    faults = []
    if intent.order_type is not OrderType.MARKET:
        faults.append(Fault("order_type", f"{intent.order_type} does not belong to {intent.operation}"))
    if intent.exec_algorithm not in (None, "NORMAL"):
        name = checks.shown(intent.exec_algorithm)
        faults.append(Fault("exec_algorithm", f"{name} works on trades only"))
    return faults


def _expiry_faults(intent: OrderIntent, rule: OperationRule) -> list[Fault]:
    is_dated = intent.time_in_force is TimeInForce.GTD
    if "expire_at_ns" not in rule.optional:
        return [Fault("time_in_force", f"GTD does not belong to {intent.operation}")] if is_dated else []
    if is_dated == (intent.expire_at_ns is not None):
        return []
    return [Fault("expire_at_ns", "is required for GTD" if is_dated else f"contradicts {intent.time_in_force}")]


def _range_faults(intent: OrderIntent, wrong: set[str]) -> list[Fault]:
    faults = []
    if intent.max_slippage is not None and "max_slippage" not in wrong and intent.max_slippage >= 1:
        faults.append(Fault("max_slippage", "is a fraction and must be below 1"))
    if intent.odds is not None and "odds" not in wrong and intent.odds <= 1:
        faults.append(Fault("odds", "are decimal odds and must be above 1"))
    if (intent.atomic_group_id is None) != (intent.sequence_in_group is None):
        faults.append(Fault("sequence_in_group", "goes together with atomic_group_id"))
    return faults


def _reference_faults(order_id: object, operation_id: object) -> list[Fault]:
    faults = checks.name_faults("operation_id", operation_id)
    if not isinstance(order_id, str) or not is_order_id(order_id):
        faults.append(Fault("order_id", f"{checks.shown(order_id)} is not an order id"))
    return faults


def _listed(sides: frozenset[Side]) -> str:
    return ", ".join(sorted(sides))
