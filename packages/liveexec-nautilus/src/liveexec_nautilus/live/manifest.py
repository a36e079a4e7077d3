"""What each venue can do through NautilusTrader's client, and how it behaves."""

from typing import Final

from liveexec.domain.ids import OrderId, is_order_id, order_id_time_ns
from liveexec.domain.operation import Operation, OrderType, TimeInForce, VenueClass
from liveexec.domain.venue import AdapterManifest, ClientIdRule, DedupeScope, Ordering, RateLimit, ReplaceMode
from liveexec.plugins.adapter import API_VERSION
from liveexec_nautilus.instruments import NodeVenue

__all__ = ["REMEMBERED_NS", "made_at_ns", "manifest_of"]

_DAY_NS: Final = 86_400 * 1_000_000_000
#: Alphanumeric throughout: OKX takes nothing else (at most 32 characters), the others take it too.
_CLIENT_ID: Final = ClientIdRule(prefix="lx", max_length=32, separator="x")
_ORDER_ID_DIGITS: Final = 26
_LIMIT_AND_MARKET: Final = frozenset({OrderType.MARKET, OrderType.LIMIT})
_TIFS: Final = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})
#: How long an order may be missing from what the venue's other servers tell after it was taken.
_VISIBILITY_LAG_NS: Final = 2_000_000_000
#: How far back each venue's list of fills goes.
_FILLS_HISTORY_NS: Final = {
    NodeVenue.BINANCE_SPOT: None,
    NodeVenue.BINANCE_FUTURES: 90 * _DAY_NS,
    NodeVenue.BYBIT: 730 * _DAY_NS,
    NodeVenue.OKX: 3 * _DAY_NS,
}
#: For how long each venue shows an order at least that ended without a fill: Binance three days, Bybit seven, OKX two
#: hours, each with something to spare. Of an older one that it does not show, nothing is known.
REMEMBERED_NS: Final = {
    NodeVenue.BINANCE_SPOT: 2 * _DAY_NS,
    NodeVenue.BINANCE_FUTURES: 2 * _DAY_NS,
    NodeVenue.BYBIT: 6 * _DAY_NS,
    NodeVenue.OKX: _DAY_NS // 24,
}
_DEDUPE: Final = {
    NodeVenue.BINANCE_SPOT: DedupeScope.WHILE_OPEN,
    NodeVenue.BINANCE_FUTURES: DedupeScope.WHILE_OPEN,
    NodeVenue.BYBIT: DedupeScope.WINDOW,
    NodeVenue.OKX: DedupeScope.WHILE_OPEN,
}


def manifest_of(venue: NodeVenue, rate_limit: RateLimit | None = None) -> AdapterManifest:
    """A venue's manifest.

    Binance Spot has no change of a working order that keeps its total and its id (its cancel-replace makes another
    order), so it declares none.
    """
    return AdapterManifest(
        venue=venue.venue,
        venue_class=VenueClass.CEFI,
        api_version=API_VERSION,
        operations=frozenset({Operation.TRADE}),
        order_types=_LIMIT_AND_MARKET,
        time_in_force=_TIFS,
        post_only=True,
        # Of a reduce-only order that Bybit refuses, the node tells no code: nothing would prove that it is over.
        reduce_only=venue not in (NodeVenue.BINANCE_SPOT, NodeVenue.BYBIT),
        replace=ReplaceMode.NONE if venue is NodeVenue.BINANCE_SPOT else ReplaceMode.ATOMIC_TOTAL,
        request_expiry=False,
        visibility_lag_ns=_VISIBILITY_LAG_NS,
        # The venues' times are milliseconds.
        time_resolution_ns=1_000_000,
        spot_positions=False,
        ordering=Ordering.PER_ORDER,
        client_id=_CLIENT_ID,
        dedupe_scope=_DEDUPE[venue],
        query_by_client_id=True,
        fills_history_ns=_FILLS_HISTORY_NS[venue],
        rate_limit=rate_limit,
        sandbox=True,
    )


def made_at_ns(client_order_id: str | None) -> int | None:
    """When the order of a client id was made, UTC nanoseconds cut to the millisecond; ``None`` for an id that is not
    one of liveexec's."""
    if client_order_id is None or not client_order_id.startswith(_CLIENT_ID.prefix):
        return None
    begin = len(_CLIENT_ID.prefix)
    text = f"ORD-{client_order_id[begin : begin + _ORDER_ID_DIGITS]}"
    return order_id_time_ns(OrderId(text)) if is_order_id(text) else None
