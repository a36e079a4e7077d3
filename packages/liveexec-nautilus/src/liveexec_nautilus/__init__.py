"""NautilusTrader for liveexec: live venues behind its node, and replays on its backtest engine.

``live/`` is an adapter like any other, ``backtest/`` a host of replays, ``loopback/`` the venues to try both on; none
of the three knows another. NautilusTrader is its owners' mark; this package is not theirs.
"""
