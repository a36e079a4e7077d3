"""What the loopback venue itself holds, as domain reports: read by tables of this file alone, so that an adapter that
maps a side, a unit or a sign wrong is not judged by its own mistake."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from liveexec.domain.fill import Fill, FillKey, Liquidity
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueOrderId
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import FillReport, OrderReport, PositionReport, VenueOrderStatus

__all__ = ["ACCOUNT", "LINEAR", "PERPETUAL", "SPOT", "instrument_of", "true_fill", "true_order", "true_position"]

ACCOUNT: Final = AccountId("DERIBIT-MAIN")
PERPETUAL: Final = InstrumentId("DERIBIT:PERPETUAL:BTC-USD@INV")
LINEAR: Final = InstrumentId("DERIBIT:PERPETUAL:ETH-USDC@LIN")
SPOT: Final = InstrumentId("DERIBIT:SPOT_PAIR:BTC-USDC")

_INSTRUMENTS: Final = {"BTC-PERPETUAL": PERPETUAL, "ETH_USDC-PERPETUAL": LINEAR, "BTC_USDC": SPOT}
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_STATES: Final = {
    "open": VenueOrderStatus.WORKING,
    "untriggered": VenueOrderStatus.WORKING,
    "filled": VenueOrderStatus.FILLED,
    "rejected": VenueOrderStatus.REJECTED,
    "cancelled": VenueOrderStatus.CANCELED,
}
_TYPES: Final = {
    "limit": OrderType.LIMIT,
    "market": OrderType.MARKET,
    "stop_limit": OrderType.STOP_LIMIT,
    "stop_market": OrderType.STOP_MARKET,
    "take_limit": OrderType.STOP_LIMIT,
}
_TIMES: Final = {
    "good_til_cancelled": TimeInForce.GTC,
    "good_til_day": TimeInForce.DAY,
    "fill_or_kill": TimeInForce.FOK,
    "immediate_or_cancel": TimeInForce.IOC,
}
_LIQUIDITY: Final = {"M": Liquidity.MAKER, "T": Liquidity.TAKER}
_NS_PER_MS: Final = 1_000_000


def instrument_of(name: str) -> InstrumentId:
    """The instrument of a name of the venue's. Of those with a date, inverse ones are there: ``BTC-25DEC26`` and
    ``BTC-25DEC26-100000-C``."""
    if name in _INSTRUMENTS:
        return _INSTRUMENTS[name]
    coin, code, *option = name.split("-")
    date = datetime.strptime(code, "%d%b%y").replace(tzinfo=UTC).strftime("%Y%m%d")
    if option:
        strike, right = option
        return InstrumentId(f"DERIBIT:OPTION:{coin}-USD-{strike}-{date}-{right}")
    return InstrumentId(f"DERIBIT:FUTURE:{coin}-USD-{date}@INV")


def true_order(told: Mapping[str, Any]) -> OrderReport:
    """An order as the venue has it. Its amount is dollars for the inverse perpetual, coins for everything else."""
    has_price = told["price"] != "market_price"
    is_ended_by_time = told["order_state"] == "cancelled" and told.get("cancel_reason") == "settlement"
    return OrderReport(
        account_id=ACCOUNT,
        instrument_id=instrument_of(told["instrument_name"]),
        client_order_id=ClientOrderId(told["label"]) if told["label"] else None,
        venue_order_id=VenueOrderId(told["order_id"]),
        status=VenueOrderStatus.EXPIRED if is_ended_by_time else _STATES[told["order_state"]],
        side=_SIDES[told["direction"]],
        order_type=_TYPES[told["order_type"]],
        time_in_force=_TIMES[told["time_in_force"]],
        quantity=Decimal(told["amount"]),
        price=Decimal(told["price"]) if has_price else None,
        filled_quantity=Decimal(told.get("filled_amount", 0)),
        venue_time_ns=told["last_update_timestamp"] * _NS_PER_MS,
    )


def true_fill(told: Mapping[str, Any]) -> FillReport:
    """A trade of the account as the venue has it; what was paid for it is a positive fee."""
    return FillReport(
        account_id=ACCOUNT,
        client_order_id=ClientOrderId(told["label"]) if told.get("label") else None,
        venue_order_id=VenueOrderId(told["order_id"]),
        fill=Fill(
            key=FillKey(f"{told['instrument_name']} {told['trade_id']} {told['order_id']}"),
            instrument_id=instrument_of(told["instrument_name"]),
            side=_SIDES[told["direction"]],
            quantity=Decimal(told["amount"]),
            price=Decimal(told["price"]),
            fee=Decimal(told["fee"]),
            fee_asset=told["fee_currency"],
            liquidity=_LIQUIDITY[told["liquidity"]],
            venue_time_ns=told["timestamp"] * _NS_PER_MS,
        ),
    )


def true_position(name: str, size: Decimal) -> PositionReport | None:
    """What the venue calls a position: none of spot."""
    instrument_id = instrument_of(name)
    return PositionReport(ACCOUNT, instrument_id, size, None, 0) if instrument_id != SPOT else None
