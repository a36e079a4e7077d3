"""A venue on this machine that speaks Bybit's API v5: REST, public and private streams, and the trade socket.

Left out, and refused rather than ignored: conditional orders, take profit and stop loss, trailing stops, hedge mode,
isolated margin, changes of leverage, borrowing, klines, funding and the asset endpoints.
"""
