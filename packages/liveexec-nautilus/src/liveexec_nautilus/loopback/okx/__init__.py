"""A venue on this machine that speaks OKX's API v5: REST, and the public, private and business sockets.

Left out, and refused rather than ignored: algo orders, attached take profit and stop loss, long/short mode, isolated
margin, changes of leverage, borrowing, spreads, candles, and the channels for VIP users (``fills``).
"""
