"""Binance's protocols as venues on this machine: USD-M futures in ``futures/``."""
