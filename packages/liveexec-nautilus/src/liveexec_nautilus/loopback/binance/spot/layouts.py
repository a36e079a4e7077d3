"""The messages of Binance Spot's SBE schema 3, version 5 (``spot_3_5.xml``) that this venue sends.

Names, order and types are the schema's. Prices and quantities are mantissas beside an exponent, times microseconds.
"""

from typing import Final

from liveexec_nautilus.loopback.binance.spot.sbe import Data, Group, Layout, fields

__all__ = [
    "ACCOUNT",
    "ACCOUNT_POSITION",
    "ACCOUNT_TRADES",
    "AGG_TRADES",
    "AMENDED",
    "BALANCE_UPDATE",
    "CANCELED",
    "CANCELED_ALL",
    "CANCEL_REPLACED",
    "COMMISSION",
    "DEPTH",
    "ERROR",
    "EXCHANGE_INFO",
    "EXECUTION_REPORT",
    "FILTER_LOT_SIZE",
    "FILTER_NOTIONAL",
    "FILTER_PRICE",
    "LOGGED_ON",
    "LOGGED_OUT",
    "NEW_ORDER_ACK",
    "NEW_ORDER_FULL",
    "NEW_ORDER_RESULT",
    "ORDER",
    "ORDERS",
    "ORDER_TESTED",
    "PING",
    "SESSION_STATUS",
    "STREAM_ENDED",
    "SUBSCRIBED",
    "TIME",
    "TRADES",
    "UNSUBSCRIBED",
    "WEBSOCKET_RESPONSE",
]

_SYMBOL = Data("symbol")
_NAMED = (_SYMBOL, Data("clientOrderId"))
_PEGGED = "pegPriceType:u8? pegOffsetType:u8? pegOffsetValue:u8? peggedPrice:i64?"
_LIMITS = "rateLimitType:u8 interval:u8 intervalNum:u8 rateLimit:i64"

FILTER_PRICE: Final = Layout("PriceFilter", 1, fields("priceExponent:i8 minPrice:i64 maxPrice:i64 tickSize:i64"))
FILTER_LOT_SIZE: Final = Layout("LotSizeFilter", 4, fields("qtyExponent:i8 minQty:i64 maxQty:i64 stepSize:i64"))
FILTER_NOTIONAL: Final = Layout(
    "NotionalFilter",
    6,
    fields("priceExponent:i8 minNotional:i64 applyMinToMarket:u8 maxNotional:i64 applyMaxToMarket:u8 avgPriceMins:i32"),
)

WEBSOCKET_RESPONSE: Final = Layout(
    "WebSocketResponse",
    50,
    fields("sbeSchemaIdVersionDeprecated:u8 status:u16"),
    (Group("rateLimits", fields(f"{_LIMITS} current:i64"), count_bytes=2),),
    (Data("id"), Data("result", 4, is_text=False)),
)
LOGGED_ON: Final = Layout(
    "WebSocketSessionLogonResponse",
    51,
    fields("authorizedSince:i64 connectedSince:i64 returnRateLimits:u8 serverTime:i64 userDataStream:u8?"),
    data=(Data("loggedOnApiKey", 2),),
)
_STATUS = fields("authorizedSince:i64? connectedSince:i64 returnRateLimits:u8 serverTime:i64 userDataStream:u8?")
SESSION_STATUS: Final = Layout("WebSocketSessionStatusResponse", 52, _STATUS, data=(Data("loggedOnApiKey", 2),))
LOGGED_OUT: Final = Layout("WebSocketSessionLogoutResponse", 53, _STATUS, data=(Data("loggedOnApiKey", 2),))
ERROR: Final = Layout(
    "ErrorResponse",
    100,
    fields("code:i16 serverTime:i64? retryAfter:i64?"),
    data=(Data("msg", 2), Data("data", 4, is_text=False)),
)
PING: Final = Layout("PingResponse", 101)
TIME: Final = Layout("ServerTimeResponse", 102, fields("serverTime:i64"))
_FILTERS = (Data("filter", 1, is_text=False),)
EXCHANGE_INFO: Final = Layout(
    "ExchangeInfoResponse",
    103,
    groups=(
        Group("rateLimits", fields(_LIMITS)),
        Group("exchangeFilters", data=_FILTERS),
        Group(
            "symbols",
            fields(
                "status:u8 baseAssetPrecision:u8 quoteAssetPrecision:u8 baseCommissionPrecision:u8 "
                "quoteCommissionPrecision:u8 orderTypes:u16 icebergAllowed:u8 ocoAllowed:u8 otoAllowed:u8 "
                "quoteOrderQtyMarketAllowed:u8 allowTrailingStop:u8 cancelReplaceAllowed:u8 amendAllowed:u8 "
                "isSpotTradingAllowed:u8 isMarginTradingAllowed:u8 defaultSelfTradePreventionMode:u8 "
                "allowedSelfTradePreventionModes:u8 pegInstructionsAllowed:u8?"
            ),
            (
                Group("filters", data=_FILTERS),
                Group("permissionSets", groups=(Group("permissions", data=(Data("permission"),)),)),
            ),
            (_SYMBOL, Data("baseAsset"), Data("quoteAsset")),
        ),
        Group("sors", groups=(Group("sorSymbols", data=(_SYMBOL,)),), data=(Data("baseAsset"),)),
    ),
)

_LEVELS = fields("price:i64 qty:i64")
DEPTH: Final = Layout(
    "DepthResponse",
    200,
    fields("lastUpdateId:i64 priceExponent:i8 qtyExponent:i8"),
    (Group("bids", _LEVELS), Group("asks", _LEVELS)),
)
TRADES: Final = Layout(
    "TradesResponse",
    201,
    fields("priceExponent:i8 qtyExponent:i8"),
    (Group("trades", fields("id:i64 price:i64 qty:i64 quoteQty:i64 time:i64 isBuyerMaker:u8 isBestMatch:u8")),),
)
AGG_TRADES: Final = Layout(
    "AggTradesResponse",
    202,
    fields("priceExponent:i8 qtyExponent:i8"),
    (
        Group(
            "aggTrades",
            fields(
                "aggTradeId:i64 price:i64 qty:i64 firstTradeId:i64 lastTradeId:i64 time:i64 isBuyerMaker:u8 "
                "isBestMatch:u8"
            ),
        ),
    ),
)

NEW_ORDER_ACK: Final = Layout(
    "NewOrderAckResponse", 300, fields("orderId:i64 orderListId:i64? transactTime:i64"), data=_NAMED
)
_NEW_ORDER = fields(
    "priceExponent:i8 qtyExponent:i8 orderId:i64 orderListId:i64? transactTime:i64 price:i64 origQty:i64 "
    "executedQty:i64 cummulativeQuoteQty:i64 status:u8 timeInForce:u8 orderType:u8 side:u8 stopPrice:i64? "
    "trailingDelta:i64? trailingTime:i64? workingTime:i64? icebergQty:i64? strategyId:i64? strategyType:i32? "
    "orderCapacity:u8 workingFloor:u8 selfTradePreventionMode:u8 tradeGroupId:i64? preventedQuantity:i64 usedSor:u8 "
    f"origQuoteOrderQty:i64 {_PEGGED} expiryReason:u8?"
)
NEW_ORDER_RESULT: Final = Layout("NewOrderResultResponse", 301, _NEW_ORDER, data=_NAMED)
NEW_ORDER_FULL: Final = Layout(
    "NewOrderFullResponse",
    302,
    _NEW_ORDER,
    (
        Group(
            "fills",
            fields("commissionExponent:i8 matchType:u8 price:i64 qty:i64 commission:i64 tradeId:i64? allocId:i64?"),
            data=(Data("commissionAsset"),),
        ),
        Group(
            "preventedMatches",
            fields(
                "preventedMatchId:i64 makerOrderId:i64? price:i64? takerPreventedQuantity:i64? "
                "makerPreventedQuantity:i64?"
            ),
            data=(Data("makerSymbol"),),
        ),
    ),
    _NAMED,
)
ORDER_TESTED: Final = Layout("OrderTestResponse", 303)
_ORDER = fields(
    "priceExponent:i8 qtyExponent:i8 orderId:i64 orderListId:i64? price:i64 origQty:i64 executedQty:i64 "
    "cummulativeQuoteQty:i64 status:u8 timeInForce:u8 orderType:u8 side:u8 stopPrice:i64? trailingDelta:i64? "
    "trailingTime:i64? icebergQty:i64? time:i64 updateTime:i64 isWorking:u8 workingTime:i64? origQuoteOrderQty:i64 "
    "strategyId:i64? strategyType:i32? orderCapacity:u8 workingFloor:u8 selfTradePreventionMode:u8 "
    f"preventedMatchId:i64? preventedQuantity:i64 usedSor:u8 {_PEGGED} expiryReason:u8?"
)
ORDER: Final = Layout("OrderResponse", 304, _ORDER, data=_NAMED)
CANCELED: Final = Layout(
    "CancelOrderResponse",
    305,
    fields(
        "priceExponent:i8 qtyExponent:i8 orderId:i64 orderListId:i64? transactTime:i64 price:i64 origQty:i64 "
        "executedQty:i64 cummulativeQuoteQty:i64 status:u8 timeInForce:u8 orderType:u8 side:u8 stopPrice:i64? "
        "trailingDelta:i64? trailingTime:i64? icebergQty:i64? strategyId:i64? strategyType:i32? orderCapacity:u8 "
        "workingFloor:u8 selfTradePreventionMode:u8 preventedQuantity:i64 usedSor:u8 "
        f"origQuoteOrderQty:i64 {_PEGGED}"
    ),
    data=(_SYMBOL, Data("origClientOrderId"), Data("clientOrderId")),
)
CANCELED_ALL: Final = Layout(
    "CancelOpenOrdersResponse", 306, groups=(Group("responses", data=(Data("response", 2, is_text=False),)),)
)
CANCEL_REPLACED: Final = Layout(
    "CancelReplaceOrderResponse",
    307,
    fields("cancelResult:u8 newOrderResult:u8"),
    data=(Data("cancelResponse", 2, is_text=False), Data("newOrderResponse", 4, is_text=False)),
)
ORDERS: Final = Layout("OrdersResponse", 308, groups=(Group("orders", _ORDER, data=_NAMED),))
_LISTED = Group("orders", fields("orderId:i64"), data=_NAMED, count_bytes=2)
AMENDED: Final = Layout(
    "OrderAmendKeepPriorityResponse",
    317,
    fields(
        "transactTime:i64 executionId:i64 priceExponent:i8 qtyExponent:i8 orderId:i64 orderListId:i64? price:i64 "
        "qty:i64 executedQty:i64 preventedQty:i64 cumulativeQuoteQty:i64 status:u8 timeInForce:u8 orderType:u8 "
        "side:u8 stopPrice:i64? trailingDelta:i64? trailingTime:i64? icebergQty:i64? workingTime:i64? "
        "strategyId:i64? strategyType:i32? orderCapacity:u8 workingFloor:u8 selfTradePreventionMode:u8 usedSor:u8 "
        f"{_PEGGED}"
    ),
    (
        Group(
            "listStatus",
            fields("orderListId:i64 contingencyType:u8 listOrderStatus:u8"),
            (_LISTED,),
            (Data("listClientOrderId"), _SYMBOL),
            count_bytes=2,
        ),
        Group(
            "relatedOrders",
            fields(
                "orderId:i64 orderListId:i64? price:i64 qty:i64 executedQty:i64 preventedQty:i64 "
                "cumulativeQuoteQty:i64 status:u8 timeInForce:u8 orderType:u8 side:u8 stopPrice:i64? "
                "trailingDelta:i64? trailingTime:i64? icebergQty:i64? workingTime:i64? strategyId:i64? "
                "strategyType:i32? orderCapacity:u8 workingFloor:u8 selfTradePreventionMode:u8 usedSor:u8 "
                f"{_PEGGED}"
            ),
            data=_NAMED,
            count_bytes=2,
        ),
    ),
    (_SYMBOL, Data("origClientOrderId"), Data("clientOrderId")),
)

_BALANCES = Group("balances", fields("exponent:i8 free:i64 locked:i64"), data=(Data("asset"),))
ACCOUNT: Final = Layout(
    "AccountResponse",
    400,
    fields(
        "commissionExponent:i8 commissionRateMaker:i64 commissionRateTaker:i64 commissionRateBuyer:i64 "
        "commissionRateSeller:i64 canTrade:u8 canWithdraw:u8 canDeposit:u8 brokered:u8 requireSelfTradePrevention:u8 "
        "preventSor:u8 updateTime:i64 accountType:u8 tradeGroupId:i64? uid:i64"
    ),
    (
        _BALANCES,
        Group("permissions", data=(Data("permission"),)),
        Group("reduceOnlyAssets", data=(Data("asset"),)),
    ),
)
ACCOUNT_TRADES: Final = Layout(
    "AccountTradesResponse",
    401,
    groups=(
        Group(
            "trades",
            fields(
                "priceExponent:i8 qtyExponent:i8 commissionExponent:i8 id:i64 orderId:i64 orderListId:i64? price:i64 "
                "qty:i64 quoteQty:i64 commission:i64 time:i64 isBuyer:u8 isMaker:u8 isBestMatch:u8"
            ),
            data=(_SYMBOL, Data("commissionAsset")),
        ),
    ),
)
COMMISSION: Final = Layout(
    "AccountCommissionResponse",
    405,
    fields(
        "commissionExponent:i8 discountExponent:i8 standardCommissionMaker:i64 standardCommissionTaker:i64 "
        "standardCommissionBuyer:i64 standardCommissionSeller:i64 taxCommissionMaker:i64 taxCommissionTaker:i64 "
        "taxCommissionBuyer:i64 taxCommissionSeller:i64 discountEnabledForAccount:u8 discountEnabledForSymbol:u8 "
        "discount:i64 specialCommissionMaker:i64? specialCommissionTaker:i64? specialCommissionBuyer:i64? "
        "specialCommissionSeller:i64?"
    ),
    data=(_SYMBOL, Data("discountAsset")),
)

SUBSCRIBED: Final = Layout("UserDataStreamSubscribeResponse", 503, fields("subscriptionId:u16?"))
UNSUBSCRIBED: Final = Layout("UserDataStreamUnsubscribeResponse", 504)

BALANCE_UPDATE: Final = Layout(
    "BalanceUpdateEvent",
    601,
    fields("eventTime:i64 clearTime:i64? qtyExponent:i8 freeQtyDelta:i64 subscriptionId:u16?"),
    data=(Data("asset"),),
)
STREAM_ENDED: Final = Layout("EventStreamTerminatedEvent", 602, fields("eventTime:i64 subscriptionId:u16?"))
EXECUTION_REPORT: Final = Layout(
    "ExecutionReportEvent",
    603,
    fields(
        "eventTime:i64 transactTime:i64 priceExponent:i8 qtyExponent:i8 commissionExponent:i8 orderCreationTime:i64? "
        "workingTime:i64? orderId:i64 orderListId:i64? origQty:i64 price:i64 origQuoteOrderQty:i64 icebergQty:i64 "
        "stopPrice:i64 orderType:u8 side:u8 timeInForce:u8 executionType:u8 orderStatus:u8 tradeId:i64? "
        "executionId:i64 executedQty:i64 cummulativeQuoteQty:i64 lastQty:i64 lastPrice:i64 quoteQty:i64 "
        "commission:i64 isWorking:u8 isMaker:u8 isBestMatch:u8 matchType:u8 selfTradePreventionMode:u8 "
        "orderCapacity:u8 workingFloor:u8 usedSor:u8 allocId:i64? trailingDelta:u64? trailingTime:i64? "
        "tradeGroupId:i64? preventedQty:i64 lastPreventedQty:i64? preventedMatchId:i64? preventedExecutionQty:i64? "
        "preventedExecutionPrice:i64? preventedExecutionQuoteQty:i64? strategyType:i32? strategyId:i64? "
        f"counterOrderId:i64? subscriptionId:u16? {_PEGGED} expiryReason:u8?"
    ),
    data=(
        _SYMBOL,
        Data("clientOrderId"),
        Data("origClientOrderId"),
        Data("commissionAsset"),
        Data("rejectReason"),
        Data("counterSymbol"),
    ),
)
ACCOUNT_POSITION: Final = Layout(
    "OutboundAccountPositionEvent", 607, fields("eventTime:i64 updateTime:i64 subscriptionId:u16?"), (_BALANCES,)
)
