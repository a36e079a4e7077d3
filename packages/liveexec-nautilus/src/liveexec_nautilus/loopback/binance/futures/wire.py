"""Orders, fills, positions and balances as Binance USD-M futures writes them ("USDⓈ-M Futures" API documentation)."""

from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.money import MONEY, ZERO, round_places
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.domain.position import Position
from liveexec_nautilus.loopback.binance.futures.config import LEVERAGE
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.orders import Execution, Order
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = [
    "account_position",
    "amount",
    "asset_balance",
    "ms",
    "order_status",
    "order_wire",
    "position_risk",
    "price_places",
    "price_text",
    "quantity_text",
    "time_in_force",
    "trade_wire",
]

#: The self-trade prevention that the matching engine has: the resting order goes.
SELF_TRADE_PREVENTION: Final = "EXPIRE_MAKER"
_NS_PER_MS: Final = 1_000_000


def ms(at_ns: int) -> int:
    """Milliseconds, which everything here is told in."""
    return at_ns // _NS_PER_MS


def amount(value: Decimal, places: int = 8) -> str:
    """An amount of an asset, with as many places as the venue writes."""
    return f"{round_places(value, places):.{places}f}"


def price_text(symbol: SymbolConfig, price: Decimal | None) -> str:
    """A price with the places of its tick; zero for none. An average may need more places than the tick."""
    value = ZERO if price is None else price
    places = price_places(symbol)
    return f"{round_places(value, max(places, 5) if value % symbol.tick else places):f}"


def price_places(symbol: SymbolConfig) -> int:
    """How many places prices are written with (``pricePrecision``): at least two."""
    return max(2, -int(symbol.tick.normalize().as_tuple().exponent))


def quantity_text(symbol: SymbolConfig, quantity: Decimal) -> str:
    """A quantity with the places of the symbol's lot."""
    return f"{quantity:.{-int(symbol.lot.as_tuple().exponent)}f}"


def order_status(order: Order) -> str:
    """The order's status in the venue's words."""
    match order.status:
        case VenueOrderStatus.WORKING:
            return "PARTIALLY_FILLED" if order.filled else "NEW"
        case VenueOrderStatus.CANCELED if order.end_code == "SELF_TRADE":
            return "EXPIRED_IN_MATCH"
        case VenueOrderStatus.CANCELED if order.end_code == "REDUCE_ONLY":
            return "EXPIRED"
    return order.status.value


def time_in_force(order: Order) -> str:
    """``GTX`` is what the venue calls post-only."""
    if order.post_only:
        return "GTX"
    return "GTC" if order.order_type is OrderType.MARKET else order.time_in_force.value


def order_wire(order: Order) -> dict[str, object]:
    """An order as every REST answer has it; the endpoints add ``cumQty`` or ``time``."""
    symbol = order.symbol
    return {
        "orderId": order.number,
        "symbol": symbol.name,
        "status": order_status(order),
        "clientOrderId": order.client_order_id,
        "price": price_text(symbol, order.price),
        "avgPrice": price_text(symbol, order.average_price),
        "origQty": quantity_text(symbol, order.quantity),
        "executedQty": quantity_text(symbol, order.filled),
        "cumQuote": amount(order.filled_value, 5),
        "timeInForce": time_in_force(order),
        "type": order.order_type.value,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side.value,
        "positionSide": "BOTH",
        "stopPrice": "0.00",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.order_type.value,
        "priceMatch": "NONE",
        "selfTradePreventionMode": SELF_TRADE_PREVENTION,
        "goodTillDate": good_till(order),
        "updateTime": ms(order.updated_ns),
    }


def good_till(order: Order) -> int:
    """When a GTD order ends, in ms; zero for any other."""
    is_gtd = order.time_in_force is TimeInForce.GTD and order.expire_at_ns is not None
    return ms(order.expire_at_ns) if is_gtd and order.expire_at_ns is not None else 0


def trade_wire(execution: Execution) -> dict[str, object]:
    """A fill as ``GET /fapi/v1/userTrades`` has it."""
    order = execution.order
    return {
        "symbol": order.symbol.name,
        "id": execution.trade_number,
        "orderId": order.number,
        "side": order.side.value,
        "price": price_text(order.symbol, execution.price),
        "qty": quantity_text(order.symbol, execution.quantity),
        "realizedPnl": amount(execution.realized_pnl),
        "quoteQty": amount(execution.value, 5),
        "commission": amount(execution.fee),
        "commissionAsset": execution.fee_asset,
        "time": ms(execution.time_ns),
        "positionSide": "BOTH",
        "buyer": order.side is Side.BUY,
        "maker": execution.is_maker,
    }


def position_risk(floor: Floor, symbol: SymbolConfig, position: Position) -> dict[str, object]:
    """A position as ``GET /fapi/v2/positionRisk`` has it."""
    mark = floor.market.mark(symbol.name)
    with localcontext(MONEY):
        notional = position.quantity * mark
        unrealized = position.unrealized_pnl(mark)
    entry = f"{round_places(position.average_price or ZERO, 5):f}"
    return {
        "symbol": symbol.name,
        "positionAmt": quantity_text(symbol, position.quantity),
        "entryPrice": entry,
        "markPrice": amount(mark),
        "unRealizedProfit": amount(unrealized),
        "liquidationPrice": "0",
        "leverage": str(LEVERAGE),
        "maxNotionalValue": "250000",
        "marginType": "cross",
        "isolatedMargin": "0.00000000",
        "isAutoAddMargin": "false",
        "positionSide": "BOTH",
        "notional": amount(notional),
        "isolatedWallet": "0",
        "updateTime": ms(position.updated_at_ns),
        "breakEvenPrice": entry,
    }


def account_position(floor: Floor, symbol: SymbolConfig, position: Position) -> dict[str, object]:
    """A position as ``GET /fapi/v2/account`` has it."""
    mark = floor.market.mark(symbol.name)
    with localcontext(MONEY):
        unrealized = position.unrealized_pnl(mark)
        initial = abs(position.cost) / LEVERAGE
    entry = f"{round_places(position.average_price or ZERO, 5):f}"
    return {
        "symbol": symbol.name,
        "initialMargin": amount(initial),
        "maintMargin": "0",
        "unrealizedProfit": amount(unrealized),
        "positionInitialMargin": amount(initial),
        "openOrderInitialMargin": "0",
        "leverage": str(LEVERAGE),
        "isolated": False,
        "entryPrice": entry,
        "maxNotional": "250000",
        "bidNotional": "0",
        "askNotional": "0",
        "positionSide": "BOTH",
        "positionAmt": quantity_text(symbol, position.quantity),
        "updateTime": ms(position.updated_at_ns),
    }


def asset_balance(
    floor: Floor, asset: str, total: Decimal, available: Decimal, unrealized: Decimal
) -> dict[str, object]:
    """An asset as ``GET /fapi/v2/account`` has it."""
    with localcontext(MONEY):
        held = total - available
        margin = total + unrealized
    return {
        "asset": asset,
        "walletBalance": amount(total),
        "unrealizedProfit": amount(unrealized),
        "marginBalance": amount(margin),
        "maintMargin": "0.00000000",
        "initialMargin": amount(held),
        "positionInitialMargin": amount(held),
        "openOrderInitialMargin": "0.00000000",
        "crossWalletBalance": amount(total),
        "crossUnPnl": amount(unrealized),
        "availableBalance": amount(available),
        "maxWithdrawAmount": amount(available),
        "marginAvailable": True,
        "updateTime": ms(floor.clock.now_ns()),
    }
