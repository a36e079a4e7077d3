"""The strategy inside the node: it does what it is told, and tells what it hears.

Everything here runs on the node's own loop: commands come from the channel's callback, which is on the same thread (the
library aborts the process when another one submits).
"""

import time
from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any, Final

from liveexec_nautilus import vendor
from liveexec_nautilus.live.protocol import Cancel, Failed, FromChild, Modify, SocketTold, Submit, Watch
from liveexec_nautilus.live.telling import book_told, fill_told, order_told, quote_told, trade_told, void_told

__all__ = ["NodeStrategy", "NotHandedOver", "made_strategy"]

_SIDES: Final = {"BUY": vendor.OrderSide.BUY, "SELL": vendor.OrderSide.SELL}
_TIFS: Final = {
    "GTC": vendor.TimeInForce.GTC,
    "IOC": vendor.TimeInForce.IOC,
    "FOK": vendor.TimeInForce.FOK,
    "GTD": vendor.TimeInForce.GTD,
    "DAY": vendor.TimeInForce.DAY,
}
#: Events that say nothing about the venue: what the node notes before it has heard anything.
_LOCAL: Final = frozenset(
    {"OrderInitialized", "OrderSubmitted", "OrderPendingUpdate", "OrderPendingCancel", "OrderEmulated", "OrderReleased"}
)


class NotHandedOver(Exception):
    """A command that the node was not given, so that nothing was sent; the text says why."""


def _told[**P](callback: Callable[P, None]) -> Callable[P, None]:
    """What a callback raises the node would log, and go on. Here it ends the node, since something was missed."""

    @wraps(callback)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:
            strategy = args[0]
            assert isinstance(strategy, NodeStrategy)
            strategy._tell(Failed(f"{callback.__name__}: {type(error).__name__}: {error}"))  # noqa: SLF001  (its own)
            raise

    return guarded


class NodeStrategy(vendor.Strategy):
    """Made by :func:`made_strategy`: the library constructs its subclasses with the configuration alone."""

    _tell: Callable[[FromChild], None]
    _started: Callable[[], None]
    _depths: dict[vendor.InstrumentId, int]
    _books: dict[vendor.InstrumentId, vendor.OrderBook]

    @_told
    def on_start(self) -> None:
        """The node's clients are connected and reconciled."""
        self.subscribe_socket_state()
        self._started()

    def submit(self, told: Submit) -> None:
        """Hand an order to the node.

        Raises:
            NotHandedOver: it can't be made.
        """
        client_order_id = vendor.ClientOrderId(told.client_order_id)
        if self.cache.order_exists(client_order_id):
            raise NotHandedOver(f"the node was given {told.client_order_id} before")
        self.submit_order(self._order(told, client_order_id), client_id=vendor.ClientId(told.client))

    def cancel(self, told: Cancel) -> None:
        """Hand a cancel to the node.

        Raises:
            NotHandedOver: the node does not know the order, or would not send the request, without a word.
        """
        order = self._changeable(told)
        self.cancel_order(order.client_order_id, client_id=vendor.ClientId(told.client))

    def modify(self, told: Modify) -> None:
        """Hand a change to the node.

        Raises:
            NotHandedOver: the node does not know the order, or would not send the request, without a word.
        """
        order = self._changeable(told)
        instrument = self._instrument(str(order.instrument_id))
        quantity, price = _quantity(told.quantity, instrument), _price(told.price, instrument)
        trigger = _price(told.trigger_price, instrument)
        if quantity == order.quantity and all(
            new is None or new == getattr(order, name, None)
            for name, new in (("price", price), ("trigger_price", trigger))
        ):
            raise NotHandedOver("nothing of the order would change")
        self.modify_order(order.client_order_id, quantity, price, trigger, client_id=vendor.ClientId(told.client))

    def watch(self, told: Watch) -> None:
        """Stream market data of some instruments; with a depth their books, else the best prices."""
        client_id = vendor.ClientId(told.client)
        for name in told.instruments:
            instrument_id = vendor.InstrumentId.from_str(name)
            if instrument_id in self._depths:
                continue
            self._depths[instrument_id] = told.depth
            self.subscribe_trades(instrument_id, client_id)
            if told.depth:
                self._books[instrument_id] = vendor.OrderBook(instrument_id, vendor.BookType.L2_MBP)
                self.subscribe_book_deltas(instrument_id, vendor.BookType.L2_MBP, client_id=client_id)
            else:
                self.subscribe_quotes(instrument_id, client_id)

    @_told
    def on_order_event(self, event: Any) -> None:
        """Something happened to an order, whoever sent it."""
        name = type(event).__name__
        if name == "OrderFilled":
            self._tell(fill_told(event))
        elif name == "OrderFillVoided" and self._is_whole(event):
            self._tell(void_told(event))
        elif name not in _LOCAL and (told := order_told(event, self.cache.order(event.client_order_id))) is not None:
            self._tell(told)

    @_told
    def on_quote(self, quote: Any) -> None:
        """The best prices of an instrument moved."""
        self._tell(quote_told(quote))

    @_told
    def on_book_deltas(self, deltas: Any) -> None:
        """A book changed."""
        book = self._books[deltas.instrument_id]
        book.apply_deltas(deltas)
        self._tell(book_told(book, self._depths[deltas.instrument_id]))

    @_told
    def on_trade(self, trade: Any) -> None:
        """A trade of the market."""
        self._tell(trade_told(trade))

    @_told
    def on_socket_state(self, event: Any) -> None:
        """A connection of one of the node's clients was lost or is back."""
        self._tell(SocketTold(str(event.client_id), str(event.endpoint), event.state == vendor.SocketState.CONNECTED))

    def _is_whole(self, event: Any) -> bool:
        """Whether all of a fill is taken back."""
        order = self.cache.order(event.client_order_id)
        told = order.events() if order is not None else ()
        fills = [each for each in told if type(each).__name__ == "OrderFilled" and each.trade_id == event.trade_id]
        return bool(fills) and fills[0].last_qty == event.voided_qty

    def _changeable(self, told: Cancel | Modify) -> Any:
        """The order that a request is about. On others the node sends nothing, and tells nobody."""
        found = vendor.ClientOrderId(told.client_order_id) if told.client_order_id is not None else None
        order = self.cache.order(found) if found is not None else None
        if order is None and told.venue_order_id is not None:
            found = self.cache.client_order_id(vendor.VenueOrderId(told.venue_order_id))
            order = self.cache.order(found) if found is not None else None
        if order is None:
            raise NotHandedOver("the node does not know the order")
        if order.is_closed or order.is_pending_cancel:
            raise NotHandedOver(f"the node holds the order as {order.status.name}")
        return order

    def _instrument(self, instrument_id: str) -> Any:
        found = self.cache.instrument(vendor.InstrumentId.from_str(instrument_id))
        if found is None:
            raise NotHandedOver(f"the node does not know {instrument_id}")
        return found

    def _order(self, told: Submit, client_order_id: vendor.ClientOrderId) -> Any:
        instrument = self._instrument(told.instrument)
        quantity, price = _quantity(told.quantity, instrument), _price(told.price, instrument)
        trigger = _price(told.trigger_price, instrument)
        init_id, now_ns = vendor.UUID4(), time.time_ns()
        side, tif = _SIDES[told.side], _TIFS[told.tif]
        trader_id = self.trader_id
        assert trader_id is not None
        first = (trader_id, self.strategy_id, instrument.id, client_order_id, side, quantity)
        match told.type:
            case "MARKET":
                return vendor.MarketOrder(*first, init_id, now_ns, tif, told.reduce_only, False)
            case "LIMIT" if price is not None:
                return vendor.LimitOrder(
                    *first, price, tif, told.post_only, told.reduce_only, False, init_id, now_ns, told.expire_ns
                )
            case "STOP_MARKET" if trigger is not None:
                return vendor.StopMarketOrder(
                    *first,
                    trigger,
                    vendor.TriggerType.LAST_PRICE,
                    tif,
                    told.reduce_only,
                    False,
                    init_id,
                    now_ns,
                    told.expire_ns,
                )
            case "STOP_LIMIT" if price is not None and trigger is not None:
                return vendor.StopLimitOrder(
                    *first,
                    price,
                    trigger,
                    vendor.TriggerType.LAST_PRICE,
                    tif,
                    told.post_only,
                    told.reduce_only,
                    False,
                    init_id,
                    now_ns,
                    told.expire_ns,
                )
        raise NotHandedOver(f"a {told.type} order without its prices")


def made_strategy(tell: Callable[[FromChild], None], started: Callable[[], None]) -> NodeStrategy:
    """The strategy. ``tell`` is given every message, ``started`` is called when the node is ready."""
    config = vendor.StrategyConfig(
        # The node files orders that it did not send under this name, those of its earlier lives among them. Having the
        # same name, the strategy hears of them as of its own, and may cancel them.
        strategy_id=vendor.StrategyId("EXTERNAL"),
        log_events=False,
        log_commands=False,
        # Ours to decide, not the strategy's: it neither expires orders nor cancels them when the node stops.
        manage_gtd_expiry=False,
        manage_stop=False,
    )
    strategy = NodeStrategy(config)
    strategy._tell, strategy._started = tell, started  # noqa: SLF001  (its own attributes, set where it is made)
    strategy._depths, strategy._books = {}, {}  # noqa: SLF001
    return strategy


def _quantity(text: str, instrument: Any) -> vendor.Quantity:
    return vendor.Quantity.from_str(_digits(text, instrument.size_precision))


def _price(text: str | None, instrument: Any) -> vendor.Price | None:
    return vendor.Price.from_str(_digits(text, instrument.price_precision)) if text is not None else None


def _digits(text: str, places: int) -> str:
    """The number with as many places as the instrument has, which is how the library tells its kinds of number apart.

    Raises:
        NotHandedOver: it has more places than that.
    """
    exact = Decimal(text)
    found = f"{exact:.{places}f}"
    if Decimal(found) != exact:
        raise NotHandedOver(f"{text} has more than {places} places")
    return found
