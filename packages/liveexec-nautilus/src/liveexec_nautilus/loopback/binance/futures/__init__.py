"""Binance USD-M futures on this machine: REST, market and user data streams, and the WebSocket trading API."""
