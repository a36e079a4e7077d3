"""What a caller asks for: an order, a cancel or a replace, checked in full when it is built.

A malformed intent never exists: building it raises one :class:`~liveexec.errors.InvalidInput` that lists every fault.
"""

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
from attrs import fields, frozen

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
from liveexec.domain.money import is_storable
from liveexec.domain.operation import OPERATIONS, Operation, OrderType, Side, TimeInForce
from liveexec.errors import Fault, InvalidInput

__all__ = ["CancelIntent", "OrderIntent", "ReplaceIntent", "content_hash"]

#: Bounds of free text, so that no caller can fill the journal: names, and whole documents as JSON.
MAX_NAME: Final = 128
MAX_DOCUMENT_BYTES: Final = 16_384

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}", re.ASCII)
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


@frozen(eq=False)
class OrderIntent:
    """An order as its owner means it (FIX NewOrderSingle), before anything was decided about it.

    ``instrument_key`` names an instrument (it goes to that venue) or a product (it is routed). ``quantity`` is in the
    listing's units (contracts for futures, stake for bets); ``price`` is the limit. Without ``operation_id`` one is
    made; with one, the same id and content return the first result. ``expire_at_ns`` is UTC nanoseconds and belongs
    to GTD. ``expected_deltas`` maps an asset to the change that should follow.

    Raises:
        InvalidInput: with every fault.
    """

    operation: Operation
    quantity: Decimal
    strategy_id: StrategyId
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

    def __attrs_post_init__(self) -> None:
        faults = _order_faults(self)
        if faults:
            raise InvalidInput("order intent", faults)

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
        if not self.reason or len(self.reason) > MAX_NAME:
            faults.append(Fault("reason", f"must have 1 to {MAX_NAME} characters"))
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
        faults += _amount_faults("quantity", self.quantity)
        faults += _amount_faults("price", self.price)
        if faults:
            raise InvalidInput("replace intent", faults)


def content_hash(intent: OrderIntent | CancelIntent | ReplaceIntent) -> str:
    """The hash of everything that an intent says but its operation id; equal amounts hash alike (1.0 and 1.00)."""
    content = {}
    for attribute in fields(type(intent)):
        value = getattr(intent, attribute.name)
        if attribute.name == "operation_id" or value is None:
            continue
        content[attribute.name] = format(value.normalize(), "f") if isinstance(value, Decimal) else value
    return hashlib.blake2b(_ENCODER.encode([type(intent).__name__, content]), digest_size=16).hexdigest()


def _order_faults(intent: OrderIntent) -> list[Fault]:
    rule = OPERATIONS[intent.operation]
    faults: list[Fault] = []
    if intent.side is None:
        if rule.sides:
            faults.append(Fault("side", f"{intent.operation} needs one of {_listed(rule.sides)}"))
    elif intent.side not in rule.sides:
        allowed = f"takes {_listed(rule.sides)}" if rule.sides else "has no side"
        faults.append(Fault("side", f"{intent.operation} {allowed}, not {intent.side}"))
    for name in _OPERATION_FIELDS:
        value = getattr(intent, name)
        if value is None or value is False:
            if name in rule.required:
                faults.append(Fault(name, f"is required for {intent.operation}"))
        elif name not in rule.required and name not in rule.optional:
            faults.append(Fault(name, f"does not belong to {intent.operation}"))
    for name in _AMOUNTS:
        faults += _amount_faults(name, getattr(intent, name))
    faults += _trade_faults(intent)
    faults += _text_faults(intent)
    return faults


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


def _trade_faults(intent: OrderIntent) -> list[Fault]:
    faults = []
    kind, tif = intent.order_type, intent.time_in_force
    if intent.operation is Operation.TRADE:
        if kind.has_limit and intent.price is None:
            faults.append(Fault("price", f"is required for {kind}"))
        if not kind.has_limit and intent.price is not None:
            faults.append(Fault("price", f"does not belong to {kind}"))
        if kind.has_trigger and intent.trigger_price is None:
            faults.append(Fault("trigger_price", f"is required for {kind}"))
        if not kind.has_trigger and intent.trigger_price is not None:
            faults.append(Fault("trigger_price", f"does not belong to {kind}"))
        if intent.post_only and not kind.has_limit:
            faults.append(Fault("post_only", f"contradicts {kind}: only an order with a limit can rest"))
        if intent.post_only and tif in (TimeInForce.IOC, TimeInForce.FOK):
            faults.append(Fault("post_only", f"contradicts {tif}: such an order never rests"))
    elif kind is not OrderType.MARKET:
        faults.append(Fault("order_type", f"does not belong to {intent.operation}"))
    if tif is TimeInForce.GTD and intent.expire_at_ns is None:
        faults.append(Fault("expire_at_ns", "is required for GTD"))
    if tif is not TimeInForce.GTD and intent.expire_at_ns is not None:
        faults.append(Fault("expire_at_ns", f"contradicts {tif}"))
    if intent.expire_at_ns is not None and not 0 < intent.expire_at_ns < 2**63:
        faults.append(Fault("expire_at_ns", "must be UTC nanoseconds since 1970"))
    if intent.max_slippage is not None and intent.max_slippage.is_finite() and intent.max_slippage >= 1:
        faults.append(Fault("max_slippage", "is a fraction and must be below 1"))
    if intent.odds is not None and intent.odds.is_finite() and intent.odds <= 1:
        faults.append(Fault("odds", "are decimal odds and must be above 1"))
    if intent.exec_algorithm != "NORMAL" and intent.operation is not Operation.TRADE:
        faults.append(Fault("exec_algorithm", f"{intent.exec_algorithm} works on trades only"))
    if (intent.atomic_group_id is None) != (intent.sequence_in_group is None):
        faults.append(Fault("sequence_in_group", "goes together with atomic_group_id"))
    if intent.sequence_in_group is not None and not 0 <= intent.sequence_in_group < 2**31:
        faults.append(Fault("sequence_in_group", "must be between 0 and 2147483647"))
    return faults


def _text_faults(intent: OrderIntent) -> list[Fault]:
    faults = [
        Fault(name, f"must have 1 to {MAX_NAME} letters, digits or . _ : @ / + -")
        for name in _NAMES
        if (value := getattr(intent, name)) is not None and _NAME.fullmatch(value) is None
    ]
    key = intent.instrument_key
    if key is not None and not is_instrument_id(key) and not is_product_id(key):
        faults.append(Fault("instrument_key", f"{key[:60]!r} is neither a canonical instrument id nor a product id"))
    if intent.selection is not None and not 0 < len(intent.selection) <= MAX_NAME:
        faults.append(Fault("selection", f"must have 1 to {MAX_NAME} characters"))
    for name in ("metadata", "exec_algorithm_params", "expected_deltas"):
        document = getattr(intent, name)
        if document is not None:
            faults += _document_faults(name, document)
    for asset, amount in (intent.expected_deltas or {}).items():
        if not isinstance(amount, Decimal) or not is_storable(amount):
            faults.append(Fault(f"expected_deltas.{str(asset)[:40]}", "must be a finite amount of 18 + 18 digits"))
    return faults


def _document_faults(name: str, document: Mapping[str, Any]) -> list[Fault]:
    if not isinstance(document, Mapping) or not all(isinstance(key, str) for key in document):
        return [Fault(name, "must be an object with text keys")]
    try:
        encoded = _ENCODER.encode(document)
    except (TypeError, ValueError, RecursionError) as error:
        return [Fault(name, f"does not encode as JSON ({error})")]
    if len(encoded) > MAX_DOCUMENT_BYTES:
        return [Fault(name, f"has {len(encoded)} bytes as JSON, at most {MAX_DOCUMENT_BYTES} are taken")]
    if b"\\u0000" in encoded:
        return [Fault(name, "holds a NUL character, which PostgreSQL can't keep")]
    return []


def _amount_faults(name: str, value: object) -> list[Fault]:
    if value is None:
        return []
    if not isinstance(value, Decimal):
        return [Fault(name, f"must be a Decimal, not {type(value).__name__}")]
    if not value.is_finite():
        return [Fault(name, "must be a finite number")]
    if value <= 0:
        return [Fault(name, "must be above zero")]
    if not is_storable(value):
        return [Fault(name, "needs more than 18 digits before or after the point")]
    return []


def _reference_faults(order_id: OrderId, operation_id: OperationId | None) -> list[Fault]:
    faults = []
    if not is_order_id(order_id):
        faults.append(Fault("order_id", f"{str(order_id)[:60]!r} is not an order id"))
    if operation_id is not None and _NAME.fullmatch(operation_id) is None:
        faults.append(Fault("operation_id", f"must have 1 to {MAX_NAME} letters, digits or . _ : @ / + -"))
    return faults


def _listed(sides: frozenset[Side]) -> str:
    return ", ".join(sorted(sides))
