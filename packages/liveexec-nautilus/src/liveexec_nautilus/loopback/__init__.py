"""Venues on 127.0.0.1 that speak Binance's, Bybit's and OKX's protocols, over one order book and one fault script."""
