"""What a loopback venue itself holds, as domain reports: read from its own book, without the adapter's mapping."""

from collections.abc import Callable, Mapping

from liveexec.domain.fill import Fill, FillKey, Liquidity
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueOrderId
from liveexec.domain.outcome import FillReport, OrderReport
from liveexec_nautilus.loopback.shared.orders import Execution, Order

__all__ = ["true_fill", "true_order"]


def true_order(
    order: Order, symbols: Mapping[str, InstrumentId], account_id: AccountId, order_id: Callable[[Order], str]
) -> OrderReport:
    """An order as the venue has it."""
    return OrderReport(
        account_id=account_id,
        instrument_id=symbols[order.symbol.name],
        client_order_id=ClientOrderId(order.client_order_id) if order.client_order_id else None,
        venue_order_id=VenueOrderId(order_id(order)),
        status=order.status,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        price=order.price,
        filled_quantity=order.filled,
        venue_time_ns=order.updated_ns,
    )


def true_fill(
    execution: Execution,
    symbols: Mapping[str, InstrumentId],
    account_id: AccountId,
    order_id: Callable[[Order], str],
) -> FillReport:
    """A fill as the venue has it."""
    order = execution.order
    return FillReport(
        account_id=account_id,
        client_order_id=ClientOrderId(order.client_order_id) if order.client_order_id else None,
        venue_order_id=VenueOrderId(order_id(order)),
        fill=Fill(
            key=FillKey(f"{order.symbol.name} {execution.trade_number} {order.number}"),
            instrument_id=symbols[order.symbol.name],
            side=order.side,
            quantity=execution.quantity,
            price=execution.price,
            fee=execution.fee,
            fee_asset=execution.fee_asset,
            liquidity=Liquidity.MAKER if execution.is_maker else Liquidity.TAKER,
            venue_time_ns=execution.time_ns,
        ),
    )
