"""Binance Spot on this machine: REST and the WebSocket API in JSON and in SBE, market and user data streams."""
