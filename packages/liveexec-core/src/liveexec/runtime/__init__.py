"""How it runs: the asynchronous shell around the engine."""
