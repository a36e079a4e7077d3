"""What can be asked of a venue: operations, their sides, order types, and which fields each of them takes."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from attrs import frozen

__all__ = ["OPERATIONS", "Operation", "OperationRule", "OrderType", "Side", "TimeInForce", "VenueClass"]


class VenueClass(StrEnum):
    """The kinds of venue that one orchestrator serves."""

    CEFI = "CEFI"
    TRADFI = "TRADFI"
    DEFI = "DEFI"
    SPORTS = "SPORTS"


class Operation(StrEnum):
    """What an order does. Trades and bets meet a counterparty; the others move assets in a protocol."""

    TRADE = "trade"
    SWAP = "swap"
    SUPPLY = "supply"
    WITHDRAW = "withdraw"
    BORROW = "borrow"
    REPAY = "repay"
    STAKE = "stake"
    UNSTAKE = "unstake"
    TRANSFER = "transfer"
    BET = "bet"


class Side(StrEnum):
    """FIX tag 54 for trades; the operation's own word elsewhere."""

    BUY = "BUY"
    SELL = "SELL"
    SUPPLY = "SUPPLY"
    WITHDRAW = "WITHDRAW"
    BORROW = "BORROW"
    REPAY = "REPAY"
    STAKE = "STAKE"
    UNSTAKE = "UNSTAKE"
    BACK = "BACK"
    LAY = "LAY"

    #: +1 where a fill raises the position (BUY, BACK, what is taken in), -1 where it lowers it. An attribute of each
    #: member, since every decision asks for it a dozen times.
    sign: int

    @property
    def opposite(self) -> "Side":
        """The side that undoes this one."""
        return _OPPOSITE[self]


_OPPOSITE: Final = {
    Side.BUY: Side.SELL,
    Side.SELL: Side.BUY,
    Side.SUPPLY: Side.WITHDRAW,
    Side.WITHDRAW: Side.SUPPLY,
    Side.BORROW: Side.REPAY,
    Side.REPAY: Side.BORROW,
    Side.STAKE: Side.UNSTAKE,
    Side.UNSTAKE: Side.STAKE,
    Side.BACK: Side.LAY,
    Side.LAY: Side.BACK,
}
_RAISING: Final = frozenset({Side.BUY, Side.SUPPLY, Side.REPAY, Side.STAKE, Side.BACK})
for _side in Side:
    _side.sign = 1 if _side in _RAISING else -1


class OrderType(StrEnum):
    """FIX tag 40."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"

    #: Whether the order names the worst price it takes.
    has_limit: bool
    #: Whether the order waits for a trigger price.
    has_trigger: bool


for _type in OrderType:
    _type.has_limit = _type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    _type.has_trigger = _type in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)


class TimeInForce(StrEnum):
    """FIX tag 59."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"
    DAY = "DAY"


@frozen
class OperationRule:
    """Which sides an operation has, which fields it must have and which it may have beside those."""

    sides: frozenset[Side]
    required: frozenset[str]
    optional: frozenset[str]


_TRADE_OPTIONS: Final = frozenset(
    {"price", "trigger_price", "expire_at_ns", "post_only", "reduce_only", "exec_algorithm_params"}
)
_DEFI_OPTIONS: Final = frozenset({"contract_address", "max_gas_price_gwei"})


def _asset_operation(side: Side) -> OperationRule:
    return OperationRule(frozenset({side}), frozenset({"instrument_key", "quantity"}), _DEFI_OPTIONS)


#: The closed table of operations. ``instrument_key`` names an instrument or a product. Fields that every
#: intent may have (operation id, strategy, account, metadata, details, grouping, expected deltas) are not listed.
OPERATIONS: Final = MappingProxyType(
    {
        Operation.TRADE: OperationRule(
            frozenset({Side.BUY, Side.SELL}), frozenset({"instrument_key", "quantity"}), _TRADE_OPTIONS
        ),
        Operation.SWAP: OperationRule(
            frozenset({Side.BUY, Side.SELL}),
            frozenset({"instrument_key", "quantity", "source_token", "target_token", "max_slippage"}),
            _DEFI_OPTIONS,
        ),
        Operation.SUPPLY: _asset_operation(Side.SUPPLY),
        Operation.WITHDRAW: _asset_operation(Side.WITHDRAW),
        Operation.BORROW: _asset_operation(Side.BORROW),
        Operation.REPAY: _asset_operation(Side.REPAY),
        Operation.STAKE: _asset_operation(Side.STAKE),
        Operation.UNSTAKE: _asset_operation(Side.UNSTAKE),
        Operation.TRANSFER: OperationRule(
            frozenset(),
            frozenset({"quantity", "asset", "source_venue", "target_venue"}),
            frozenset({"contract_address", "max_gas_price_gwei"}),
        ),
        Operation.BET: OperationRule(
            frozenset({Side.BACK, Side.LAY}),
            frozenset({"instrument_key", "quantity", "odds", "selection"}),
            frozenset({"expire_at_ns"}),
        ),
    }
)
