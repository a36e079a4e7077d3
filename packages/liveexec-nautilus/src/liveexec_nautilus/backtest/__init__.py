"""The host of replays: liveexec's engine drives NautilusTrader's backtest engine on virtual time."""
