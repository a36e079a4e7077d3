"""The adapter: NautilusTrader's live node in a child process, each of its venues behind the adapter contract."""
